//! The signs by which a service tells how its database does, read as an operator, a balancer and Prometheus read them.

use std::{fmt, time::Duration};

use futures::future::try_join_all;
use renkei_proto::r#type::v1::Agency;
use tokio::time::Instant;

use crate::{http::get, pair::Pair, raw};

/// The longest time until a sign turns.
const PATIENCE: Duration = Duration::from_secs(60);
/// The interval at which a sign is read.
const PACE: Duration = Duration::from_millis(100);

/// One sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `database` in the account of the operator's port.
    Status,
    /// The exit code of `health`.
    Health,
    /// `grpc.health.v1.Health` at the desk.
    Readiness,
    /// `renkei_database_up`, on which the alert on the database rests.
    DatabaseUp,
    /// `renkei_audit_writable`, on which the alert on the audit rests.
    AuditWritable,
    /// The lines of `doctor` about the database.
    Doctor,
}

impl Sign {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Status, Self::Health, Self::Readiness, Self::DatabaseUp, Self::AuditWritable, Self::Doctor];

    /// Tells whether it shows the database of a service that runs as a process as healthy.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub async fn is_well(self, pair: &Pair, agency: Agency) -> Result<bool, String> {
        let operator = pair.side(agency).operator().ok_or("the service does not run")?;
        let shows = async |line: &str| Ok::<_, String>(get(operator, "/metrics").await?.1.lines().any(|it| it == line));
        match self {
            Self::Status => Ok(trouble(pair, agency).await?.is_empty()),
            Self::Health => Ok(pair.command_line(agency, &["health"]).await?.0 == Some(0)),
            Self::Readiness => {
                let channel = pair.side(agency).desk.channel("reader")?;
                let answer = raw::call(&channel, "/grpc.health.v1.Health/Check", &[], &[]).await;
                Ok(answer.map_err(|status| status.to_string())? == [[8, 1]])
            }
            Self::DatabaseUp => shows("renkei_database_up 1").await,
            Self::AuditWritable => shows("renkei_audit_writable 1").await,
            Self::Doctor => {
                let (_, said) = pair.command_line(agency, &["doctor"]).await?;
                Ok(!said.lines().any(|line| line.starts_with("fail database")))
            }
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(match self {
            Self::Status => "status",
            Self::Health => "health",
            Self::Readiness => "readiness",
            Self::DatabaseUp => "renkei_database_up",
            Self::AuditWritable => "renkei_audit_writable",
            Self::Doctor => "doctor",
        })
    }
}

/// The fault of the database that `status` reports; empty when there is none.
///
/// # Errors
/// Fails if nothing answers.
pub async fn trouble(pair: &Pair, agency: Agency) -> Result<String, String> {
    let operator = pair.side(agency).operator().ok_or("the service does not run")?;
    let (_, status) = get(operator, "/status").await?;
    let status: serde_json::Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
    status["database"].as_str().map(str::to_owned).ok_or_else(|| "the status names no database".to_owned())
}

/// Waits until every sign reports that the database is well, or that it is not, and gives how long each took.
///
/// # Errors
/// The first sign that does not turn.
pub async fn until_all(pair: &Pair, agency: Agency, well: bool) -> Result<Vec<(Sign, Duration)>, String> {
    let begun = Instant::now();
    try_join_all(Sign::ALL.map(|sign| async move {
        while sign.is_well(pair, agency).await? != well {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{sign} does not report it: database {:?}", trouble(pair, agency).await?));
            }
            tokio::time::sleep(PACE).await;
        }
        Ok((sign, begun.elapsed()))
    }))
    .await
}
