//! The bounds of a port.

use std::time::Duration;

/// The bounds of a port. Each applies to this port alone.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From accept to the end of the handshake; and again from there to the client's first byte.
    pub handshake_timeout: Duration,
    /// Connections that have not finished their handshake. For one too many the oldest of the address that has the most
    /// of them is closed.
    pub pending: usize,
    /// Connections with a finished handshake. One too many is closed at once.
    pub connections: usize,
    /// Those of them that one caller may have. All whose certificate names nobody count as one.
    pub connections_each: usize,
    /// HTTP/2 streams per connection, and so many that a client may cancel before they were begun.
    pub streams: u32,
    /// Bytes of all headers of a request that are read. Those above [`crate::authorize::METADATA_MAX`] get a refusal as
    /// their answer, and up to four times as many one of HTTP/2; more end the connection.
    pub header_list: u32,
    /// Time between HTTP/2 pings, and between TCP probes of an idle connection.
    pub keepalive_interval: Duration,
    /// Time for the answer to a ping; then the connection is dropped.
    pub keepalive_timeout: Duration,
    /// Age at which the client is asked to connect anew.
    pub connection_age: Duration,
    /// Time for calls to end after that; then the connection is cut.
    pub connection_grace: Duration,
    /// Time for calls to end after the shutdown began; then the connections are cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            pending: 1024,
            connections: 1024,
            connections_each: 64,
            streams: 128,
            header_list: 64 << 10,
            keepalive_interval: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            connection_age: Duration::from_secs(3600),
            connection_grace: Duration::from_secs(60),
            drain: Duration::from_secs(20),
        }
    }
}
