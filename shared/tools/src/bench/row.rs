//! The rows of the results, one per case and repetition, and the table of their medians.

use serde::Serialize;

use super::{load::Load, peers::Peers};
use crate::cluster::Engine;

/// One repetition of one case. What does not apply is none.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    case: &'static str,
    database: Option<&'static str>,
    in_flight: Option<usize>,
    /// Per second, or in the unit that the case names.
    rate: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    control: Option<f64>,
    ratio: Option<f64>,
    /// The idle share of the machine meanwhile.
    idle: Option<f64>,
}

impl Row {
    /// A single figure.
    pub(super) fn figure(case: &'static str, engine: Option<Engine>, rate: f64) -> Self {
        Self { case, database: engine.map(name), rate: Some(rate), ..Self::default() }
    }

    /// A row for the outcome of calls.
    pub(super) fn of(case: &'static str, engine: Option<Engine>, in_flight: usize, load: &Load) -> Self {
        let quantile = |share: f64| Some(load.took.value_at_quantile(share) as f64 / 1000.0);
        Self {
            in_flight: Some(in_flight),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            idle: Some(load.idle),
            ..Self::figure(case, engine, load.rate())
        }
    }

    /// Beside its control.
    pub(super) fn against(self, control: f64) -> Self {
        Self { control: Some(control), ratio: self.rate.map(|rate| rate / control), ..self }
    }

    /// With so many calls under way.
    pub(super) fn at(self, in_flight: usize) -> Self {
        Self { in_flight: Some(in_flight), ..self }
    }

    /// With the idle share of the machine.
    pub(super) fn idle(self, idle: f64) -> Self {
        Self { idle: Some(idle), ..self }
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.case, self.database, self.in_flight) == (other.case, other.database, other.in_flight)
    }
}

fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

/// All that was measured.
pub struct Rows<'a> {
    rows: Vec<Row>,
    /// Is shown each row as one line of JSON when it comes.
    see: &'a mut dyn FnMut(String),
}

impl<'a> Rows<'a> {
    /// None yet.
    pub fn new(see: &'a mut dyn FnMut(String)) -> Self {
        Self { rows: Vec::new(), see }
    }

    pub(super) fn add(&mut self, row: Row) {
        // A row has nothing that JSON cannot express.
        (self.see)(serde_json::to_string(&row).unwrap_or_default());
        self.rows.push(row);
    }

    /// Medians with their ranges, in Markdown.
    ///
    /// # Errors
    /// Fails if the peers' figures cannot be read.
    pub fn table(&self) -> Result<String, String> {
        let peers = Peers::read()?;
        let mut lines = vec![
            format!(
                "| case | database | in flight | rate | p50 ms | p99 ms | control | ratio | idle | others ({}) |",
                peers.measured
            ),
            "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        for (place, first) in self.rows.iter().enumerate() {
            if self.rows[..place].iter().any(|row| row.is_of(first)) {
                continue;
            }
            let same: Vec<&Row> = self.rows.iter().filter(|row| row.is_of(first)).collect();
            let spread = |figure: fn(&Row) -> Option<f64>| Spread::of(same.iter().filter_map(|row| figure(row)));
            let cell = |spread: Option<Spread>| spread.map_or("–".to_owned(), |spread| spread.to_string());
            let (rate, p50) = (spread(|row| row.rate), spread(|row| row.p50_ms));
            let in_flight = first.in_flight.unwrap_or_default();
            let others = peers.of(first.case, in_flight, rate.map(|it| it.median), p50.map(|it| it.median));
            lines.push(format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {others} |",
                first.case,
                first.database.unwrap_or("–"),
                first.in_flight.map_or("–".to_owned(), |it| it.to_string()),
                cell(rate),
                cell(p50),
                cell(spread(|row| row.p99_ms)),
                cell(spread(|row| row.control)),
                cell(spread(|row| row.ratio)),
                cell(spread(|row| row.idle)),
            ));
        }
        Ok(lines.join("\n"))
    }
}

/// A median with its range.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) };
        Some(Self { median, least, most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}–{})", short(self.median), short(self.least), short(self.most))
    }
}

/// To about three digits.
fn short(figure: f64) -> String {
    match figure {
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ if figure >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
