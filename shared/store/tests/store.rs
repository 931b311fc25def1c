//! The promises of the store, each tested on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod store {
    mod acts;
    mod ahead;
    mod anchor;
    mod arrival;
    mod commit;
    mod convergence;
    mod crash;
    mod database;
    mod disposal;
    mod lies;
    mod link;
    mod migration;
    mod opening;
    mod plans;
    mod reads;
    mod rebuild;
    mod recovery;
    mod replica;
    mod secrets;
    mod sharing;
    mod side;
    mod views;
    mod writer;
}
