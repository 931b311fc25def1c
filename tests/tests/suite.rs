//! The tests of the whole system: one program, one file per promise or noun.

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
