//! The tests of the whole system: one program, one file per promise or noun.

#[path = "suite/certificates.rs"]
mod certificates;
#[path = "suite/code.rs"]
mod code;
#[path = "suite/command_line.rs"]
mod command_line;
#[path = "suite/config.rs"]
mod config;
#[path = "suite/counts.rs"]
mod counts;
#[path = "suite/delivery.rs"]
mod delivery;
#[path = "suite/evidence.rs"]
mod evidence;
#[path = "suite/floors.rs"]
mod floors;
#[path = "suite/idempotency.rs"]
mod idempotency;
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/processes.rs"]
mod processes;
#[path = "suite/readme.rs"]
mod readme;
#[path = "suite/recovery.rs"]
mod recovery;
#[path = "suite/referral.rs"]
mod referral;
#[path = "suite/refusal.rs"]
mod refusal;
#[path = "suite/scheme.rs"]
mod scheme;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/session.rs"]
mod session;
#[path = "suite/stop.rs"]
mod stop;
#[path = "suite/stranger.rs"]
mod stranger;
#[path = "suite/term.rs"]
mod term;
#[path = "suite/trace.rs"]
mod trace;
#[path = "suite/watch.rs"]
mod watch;
