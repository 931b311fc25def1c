//! Calls between the agencies and from their desks: who calls, what may be called, and the
//! transport beneath.

pub mod connect;
mod explain;
mod guard;
pub mod identity;
mod refusal;
pub mod serve;
pub mod tls;
mod verify;
