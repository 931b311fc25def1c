//! The errors that prevent a service from starting.

/// An error of the start. Each message is one sentence: the fault, the place, and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] crate::config::error::ConfigError),
    /// A key file cannot be used.
    #[error("the key in {file} cannot be used: {why}")]
    Key {
        /// The path of the file.
        file: String,
        /// The fault and the remedy.
        why: String,
    },
    /// A public key in the configuration cannot be used.
    #[error("the public key {id} in the configuration cannot be used: {why}")]
    PublicKey {
        /// The id of the key.
        id: String,
        /// The fault and the remedy.
        why: String,
    },
    /// The database cannot be opened or used.
    #[error(transparent)]
    Store(#[from] renkei_store::Error),
    /// A first start was requested where there is already a database.
    #[error("there is a database already: `--first-start` is for the first start alone, leave it out")]
    NotFirst,
    /// Certificates, keys or revocation lists cannot be used.
    #[error(transparent)]
    Tls(#[from] renkei_rpc::tls::TlsError),
    /// A port cannot be opened.
    #[error("the {port} port cannot listen on {address} ({source}): free it or set `{port}.listen`")]
    Listen {
        /// `desk`, `link` or `operator`.
        port: &'static str,
        /// The configured address.
        address: std::net::SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A served method has no rule.
    #[error(transparent)]
    Rule(#[from] renkei_rpc::authorize::RuleError),
    /// The reflection service cannot be built.
    #[error("reflection cannot be served: {0}")]
    Reflection(String),
    /// The file of a sandbox's clock cannot be read.
    #[error("the sandbox's clock {file} cannot be read ({why}): write an RFC 3339 instant into its first line")]
    Clock {
        /// The path of the file.
        file: String,
        /// The fault of the file, with the remedy.
        why: String,
    },
    /// The clock is doubted. A restored copy opens a new incarnation at once, and a doubted clock cannot date it.
    #[error("the database is a restored copy, and the clock is doubted: {0}; then start again")]
    ClockOfCopy(String),
    /// Traces, metrics or logs cannot be started.
    #[error("telemetry cannot start: {0}")]
    Telemetry(#[from] renkei_telemetry::Error),
    /// The operating system provides no randomness.
    #[error("the machine gives no randomness")]
    Randomness,
}
