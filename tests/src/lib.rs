//! What the tests of the whole system share: both services wired to each other, their certificates and keys, a clock, and
//! the sandbox's scenario.

pub mod clock;
pub mod desk;
pub mod pair;
pub mod pki;
pub mod sandbox;
pub mod scenario;
pub mod schemes;
pub mod setup;
pub mod wire;
