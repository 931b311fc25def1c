//! Histories of the pair, the table from which their acts are drawn, and the faults that they have found.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod simulation {
    mod found;
    mod histories;
    mod table;
}
