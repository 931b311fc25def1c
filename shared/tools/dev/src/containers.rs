//! `docker-compose.yml` and the `Dockerfile`, run for real: on a container engine of its own, with stand-ins for the images that
//! come from a registry, and with the programs that this checkout has built.

use crate::{
    needs::{collector, setup},
    run::say,
    tally::Tally,
};

mod calls;
mod checks;
mod engine;
mod images;

use engine::Engine;

/// Plays the table of checks on a private engine, and leaves nothing behind. A machine that cannot run an engine skips them.
pub(crate) fn containers() -> Result<Tally, String> {
    let mut tally = Tally::default();
    match ready() {
        Ok(engine) => play(&engine, &mut tally),
        Err(why) => tally.skip("containers", &why),
    }
    Ok(tally)
}

/// An engine that runs containers, and all that the stand-ins are made of. The error states why this machine has none.
fn ready() -> Result<Engine, String> {
    engine::programs()?;
    setup()?;
    collector()?;
    images::make_roots()?;
    let engine = Engine::start()?;
    images::load_roots(&engine)?;
    let runs = engine.docker(&["run", "--rm", images::SLIM, "true"]);
    runs.map_err(|why| format!("no container runs here: {}", engine::last_line(&why)))?;
    Ok(engine)
}

/// Each check goes on from the state that the one before it leaves, so the first failure is the last check.
fn play(engine: &Engine, tally: &mut Tally) {
    for (name, check) in checks::CHECKS {
        let done = check(engine);
        tally.one(&format!("containers: {name}"), done.is_ok());
        if let Err(why) = done {
            say(&format!("{why}\n{}", engine.logs()));
            return;
        }
    }
}
