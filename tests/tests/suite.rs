//! The tests of the whole system: one program, one file per promise or noun.

#[path = "suite/floors.rs"]
mod floors;
#[path = "suite/readme.rs"]
mod readme;
