//! The promises of the journal, tested at its surface.

mod chain;
mod entry;
mod keys;
mod matter;
mod receipt;
mod support;
mod tampering;
mod vectors;
