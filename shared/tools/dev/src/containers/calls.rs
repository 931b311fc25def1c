//! Calls to the desks from the host of the containers, with certificates that are copied out of them.

use std::{fs, os::unix::fs::symlink};

use crate::run::said;

use super::engine::{Engine, FOLDERS};

/// The caller, method, body and port of the call at the head of `docker-compose.yml`.
const SHOWN: [&str; 4] = ["callers/operator", "renkei.contract.v1.ContractService/WhoAmI", "-d '{}'", ":7443/"];

/// Copies the certificates of an agency's callers, with the command in the head of `docker-compose.yml`, into the folder in which
/// the agency's calls are made.
pub(super) fn copy_callers(engine: &Engine, agency: &str) -> Result<(), String> {
    let folder = engine.files(agency);
    // There is none at first.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let proto = std::path::absolute("proto").map_err(|error| error.to_string())?;
    symlink(proto, folder.join("proto")).map_err(|error| error.to_string())?;
    let from = format!("{}:/etc/renkei/callers", engine.container(agency)?.id());
    engine.docker(&["cp", &from, &folder.to_string_lossy()]).map(|_| ())
}

/// The call that the head of `docker-compose.yml` shows, to paste into a shell.
pub(super) fn shown() -> Result<String, String> {
    let text = fs::read_to_string("docker-compose.yml").map_err(|error| error.to_string())?;
    let lines = text.lines().skip_while(|line| !line.starts_with("#   buf curl"));
    let call: Vec<&str> = lines.map_while(|line| line.strip_prefix("#   ")).collect();
    match SHOWN.iter().find(|part| !call.join("\n").contains(*part)) {
        Some(part) => Err(format!("the call at the head of docker-compose.yml has no {part}")),
        None => Ok(call.join("\n")),
    }
}

/// The same call of another method, at the desk of an agency.
pub(super) fn call(engine: &Engine, agency: &str, method: &str, body: &str, header: &str) -> Result<String, String> {
    let [_, shown_method, shown_body, shown_port] = SHOWN;
    let port = if agency == "ppc" { ":7443/" } else { ":7453/" };
    let text = shown()?.replace(shown_method, method).replace(shown_port, port);
    paste(engine, agency, &text.replace(shown_body, &format!("{header} -d '{body}'")))
}

/// Runs a call in the folder of an agency's callers.
pub(super) fn paste(engine: &Engine, agency: &str, call: &str) -> Result<String, String> {
    let tools = std::path::absolute("target/tools/python/bin").map_err(|error| error.to_string())?;
    let path = format!("{}:{FOLDERS}", tools.display());
    said(engine.inside("sh").args(["-c", call]).env("PATH", path).current_dir(engine.files(agency)))
}
