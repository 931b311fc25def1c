//! The tools behind `./dev` and the tests of the whole system: both services wired to each other, certificates, a
//! clock, and the sandbox's scenario.

pub mod acts;
pub mod bench;
pub mod browser;
pub mod clock;
pub mod cluster;
pub mod compose;
pub mod control;
pub mod database;
pub mod desk;
pub mod fault;
pub mod fleet;
pub mod frames;
pub mod http;
pub mod liar;
pub mod lies;
pub mod operator;
pub mod pair;
pub mod peer;
pub mod pki;
pub mod process;
pub mod profile;
pub mod prometheus;
pub mod raw;
pub mod receiver;
pub mod sandbox;
pub mod scenario;
pub mod schemes;
pub mod seed;
pub mod setup;
pub mod signs;
pub mod silence;
pub mod soak;
pub mod wire;
