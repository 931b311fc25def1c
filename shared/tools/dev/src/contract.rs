//! The contract in `proto`: its style, what breaks it, and what is made from it.

use std::{path::Path, process::Command};

use crate::{
    needs::setup,
    run::{cargo, succeeds},
    tally::Tally,
};

/// The contract that generated code in use was made from, in the folder `proto`.
const BASELINE: &str = "baseline.binpb";

/// Formatting, lints and the contract.
pub(crate) fn check() -> Result<Tally, String> {
    let tools = setup()?;
    let mut tally = Tally::default();
    tally.one("formatting", succeeds(&mut cargo(&["fmt", "--all", "--check"]))?);
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    tally.one("lints", succeeds(&mut cargo(&lints))?);
    for (name, arguments) in [("buf lint", &["lint"][..]), ("buf breaking", &["breaking", "--against", BASELINE])] {
        tally.one(name, succeeds(buf(&tools).args(arguments))?);
    }
    Ok(tally)
}

pub(crate) fn reference() -> Result<bool, String> {
    let tests = ["the_reference_is_what_the_contract_states", "the_diagrams_of_states_are_what_the_rules_do"];
    let run = ["test", "--quiet", "--workspace", "--test", "suite", "--test", "rules", "--"];
    succeeds(cargo(&run).args(tests).env("RENKEI_WRITE_REFERENCE", "1"))
}

/// Comments are left out: they break nothing, and would be most of the file.
pub(crate) fn baseline() -> Result<bool, String> {
    succeeds(buf(&setup()?).args(["build", "--exclude-source-info", "--output", BASELINE]))
}

/// The program buf in the folder of the contract.
fn buf(tools: &Path) -> Command {
    let mut command = Command::new(tools.join("bin/buf"));
    command.current_dir("proto");
    command
}
