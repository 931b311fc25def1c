//! Why a service does not start.

/// One sentence each: what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A key.
    #[error("the key in {file} cannot be used: {why}")]
    Key {
        /// Where.
        file: String,
        /// Why, and what to do.
        why: String,
    },
    /// A public key in the configuration.
    #[error("the public key {id} in the configuration cannot be used: {why}")]
    PublicKey {
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] renkei_store::Error),
    /// A first start where there was one before.
    #[error("there is a database already: `--first-start` is for the first start alone, leave it out")]
    NotFirst,
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] renkei_rpc::tls::TlsError),
    /// A port.
    #[error("the {port} port cannot listen on {address} ({source}): free it or set `{port}.listen`")]
    Listen {
        /// `desk`, `link` or `operator`.
        port: &'static str,
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A method without a rule.
    #[error(transparent)]
    Rule(#[from] renkei_rpc::authorize::RuleError),
    /// Reflection.
    #[error("reflection cannot be served: {0}")]
    Reflection(String),
    /// The clock's file.
    #[error("the sandbox's clock {file} cannot be read ({why}): write an RFC 3339 instant into its first line")]
    Clock {
        /// Where.
        file: String,
        /// Why.
        why: String,
    },
    /// A restored copy opens a new incarnation at once, which a doubted clock cannot date.
    #[error("the database is a restored copy, and the clock is doubted: {0}; then start again")]
    ClockOfCopy(String),
    /// Traces, metrics and logs.
    #[error("telemetry cannot start: {0}")]
    Telemetry(#[from] renkei_telemetry::Error),
    /// Randomness.
    #[error("the machine gives no randomness")]
    Randomness,
}
