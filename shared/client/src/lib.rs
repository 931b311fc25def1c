//! The client for an agency's internal systems that call their own Renkei service.
//!
//! A [`Connection`] leads to the desk port of one agency's service over mutual TLS. The generated clients of
//! [`renkei_proto`] make calls over it on behalf of an [`Official`]; [`answered`] repeats a call that nobody answered,
//! and [`Watch`] follows the change feed across restarts and broken lines. [`CaseNumber`] reads the numbers by which people
//! name matters, in every spelling that a service accepts.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use renkei_client::{Connection, Files, Official, Service, answered, request_id};
//! use renkei_proto::{
//!     referral::v1::{WithdrawSchemeRequest, scheme_service_client::SchemeServiceClient},
//!     r#type::v1::Agency,
//! };
//!
//! # async fn withdraw() -> Result<(), Box<dyn std::error::Error>> {
//! let files = Files {
//!     certificate: "casework.pem".into(),
//!     key: "casework.key".into(),
//!     roots: "roots.pem".into(),
//!     crls: vec!["crl.pem".into()],
//! };
//! let service = Service {
//!     agency: Agency::Ppc,
//!     address: "renkei.example.go.jp:7443".to_owned(),
//!     server_name: "renkei.example.go.jp".to_owned(),
//! };
//! let connection = Connection::new(&service, &files)?;
//! let schemes = SchemeServiceClient::new(connection.on_behalf_of(Official::new("tanaka")?));
//!
//! let request = WithdrawSchemeRequest {
//!     request_id: request_id(),
//!     name: "agencies/ppc/schemes/leak-report".to_owned(),
//!     etag: String::new(),
//! };
//! // The request id makes the repetition harmless: the service writes once and gives the first answer again.
//! let limit = Duration::from_secs(60);
//! let scheme = answered(limit, async || schemes.clone().withdraw_scheme(request.clone()).await).await?;
//! println!("{} is withdrawn", scheme.name);
//! # Ok(())
//! # }
//! ```

mod calls;
mod connection;
mod error;
mod official;
mod raw;
mod tls;
mod watch;

pub use renkei_domain::case_number::CaseNumber;

pub use calls::{Answer, REPEAT_AFTER, answered, request_id};
pub use connection::{CONNECT_TIMEOUT, Connection, Service};
pub use error::{CallError, ConnectError};
pub use official::{CALL_TIMEOUT, Official, OfficialChannel, OfficialIdError};
pub use raw::{Raw, call_raw};
pub use tls::Files;
pub use watch::{RESUME_WITHIN, Watch};
