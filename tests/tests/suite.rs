//! The tests of the whole system: one program, one file per promise or noun.

#[path = "suite/config.rs"]
mod config;
#[path = "suite/floors.rs"]
mod floors;
#[path = "suite/readme.rs"]
mod readme;
#[path = "suite/scheme.rs"]
mod scheme;
#[path = "suite/referral.rs"]
mod referral;
#[path = "suite/code.rs"]
mod code;
#[path = "suite/counts.rs"]
mod counts;
#[path = "suite/evidence.rs"]
mod evidence;
#[path = "suite/stranger.rs"]
mod stranger;
#[path = "suite/certificates.rs"]
mod certificates;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/trace.rs"]
mod trace;
#[path = "suite/processes.rs"]
mod processes;
#[path = "suite/command_line.rs"]
mod command_line;
