//! The bounds of a port.

use std::time::Duration;

/// The maximum size of a message on the desk in bytes, for `max_decoding_message_size` of every desk service.
pub const DESK_MESSAGE_MAX: usize = 2 << 20;
/// The maximum size of a message on the link, in bytes.
pub const LINK_MESSAGE_MAX: usize = 4 << 20;

/// The bounds of a port. Each applies to this port alone.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time from accept to the end of the handshake; and again from there to the client's first byte.
    pub handshake_timeout: Duration,
    /// The maximum number of connections that have not finished their handshake. One more closes the oldest connection
    /// of the address that has the most of them.
    pub pending: usize,
    /// The maximum number of connections with a finished handshake. One more is closed at once.
    pub connections: usize,
    /// The maximum number of such connections of one caller. All connections whose certificate names no identity count
    /// as one caller.
    pub connections_each: usize,
    /// The maximum number of HTTP/2 streams per connection, and of streams that a client may cancel before they begin.
    pub streams: u32,
    /// The maximum size of all headers of a request that are read, in bytes. Headers above
    /// [`crate::authorize::METADATA_MAX`] are answered with a refusal, up to four times as many with one of HTTP/2;
    /// more end the connection.
    pub header_list: u32,
    /// The time between HTTP/2 pings, and between TCP probes of an idle connection.
    pub keepalive_interval: Duration,
    /// The time limit for the answer to a ping; then the connection is dropped.
    pub keepalive_timeout: Duration,
    /// The age at which the client is asked to connect again.
    pub connection_age: Duration,
    /// The time that calls then have to end, before the connection is cut.
    pub connection_grace: Duration,
    /// The time that calls have to end after the shutdown began, before the connections are cut.
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
