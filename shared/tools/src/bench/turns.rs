//! The versions of the programs take turns, so that the machine's moods are the same for both.

use std::path::PathBuf;

use super::{
    plan::Plan,
    row::{Row, Rows},
};
use crate::cluster::Engine;

/// The services of one version in a case, with their callers. They stay from repetition to repetition.
pub(super) trait Subject: Sized {
    /// Starts the programs of a folder, or those of this build, and lets caches and connections get warm.
    ///
    /// # Errors
    /// Fails if something does not start; the text states the reason.
    async fn start(plan: &Plan, engine: Engine, programs: Option<PathBuf>) -> Result<Self, String>;

    /// One repetition.
    ///
    /// # Errors
    /// Fails if a call fails; the text states the reason.
    async fn measure(&mut self, plan: &Plan) -> Result<Vec<Row>, String>;
}

/// Measures a case on every database, in each repetition once with every version.
pub(super) async fn turns<S: Subject>(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for engine in plan.engines.iter().copied() {
        let mut subjects = Vec::new();
        for (programs, folder) in plan.programs() {
            subjects.push((programs, S::start(plan, engine, folder).await?));
        }
        for _ in 0..plan.repetitions {
            for (programs, subject) in &mut subjects {
                for row in subject.measure(plan).await? {
                    rows.add(row.on(engine, *programs));
                }
            }
            // Otherwise the same version would always find a machine that the other one has warmed.
            subjects.reverse();
        }
    }
    Ok(())
}
