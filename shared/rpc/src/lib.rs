//! Calls between the agencies and from their desks: who calls, what may be called, and the
//! transport beneath.

pub mod authorize;
pub mod certificate;
pub mod client;
pub mod connect;
mod contract;
mod crl;
mod crypto;
pub mod deadline;
pub mod error;
mod explain;
mod fields;
mod guard;
pub mod health;
mod http2;
pub mod identity;
mod limits;
mod outcome;
mod own;
mod pem;
pub mod places;
pub mod reason;
mod refusal;
mod roots;
pub mod serve;
pub mod tls;
pub mod token;
pub mod validate;
mod verify;
mod waiting;
