//! The bounds of a configuration, beyond those of its types.

use std::net::SocketAddr;

use renkei_rpc::connect::{is_address, is_server_name};

use super::{
    Config, Contact,
    error::{ConfigError, value},
};

/// The maximum length of `host:port`: 253 bytes of name, a colon, five digits.
const ADDRESS: usize = 259;
/// The maximum length of a collector's URL, in bytes.
const ENDPOINT: usize = 1000;
/// The maximum length of the name of a counter's unit, in characters: a paper has 2,000 for everything.
const UNIT: usize = 60;
/// The maximum length of a counter's telephone number.
const TELEPHONE: usize = 32;
/// The maximum length of a counter's e-mail address.
const MAIL: usize = 100;

impl Config {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let plain = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !plain(&self.replica) {
            return Err(value("replica", "must be 1-64 of a-z, 0-9 and hyphens"));
        }
        self.database.check(self.sandbox)?;
        if !(1..=168).contains(&self.verify.hours) {
            return Err(value("verify.hours", "must lie between 1 and 168"));
        }
        if !(0.0..=1.0).contains(&self.telemetry.sample_ratio) {
            return Err(value("telemetry.sample_ratio", "must lie between 0 and 1"));
        }
        if !self.telemetry.otlp_endpoint.as_deref().is_none_or(is_endpoint) {
            let must = format!("must be http://host:port of a collector, at most {ENDPOINT} bytes; it speaks no TLS");
            return Err(value("telemetry.otlp_endpoint", must));
        }
        if self.peer.address.len() > ADDRESS || !is_address(&self.peer.address) {
            return Err(value("peer.address", format!("must be host:port, at most {ADDRESS} bytes")));
        }
        if !is_server_name(&self.peer.server_name) {
            return Err(value("peer.server_name", "must be a DNS name or an IP address"));
        }
        if self.content.keys.is_empty() || self.content.keys.len() > 100 {
            return Err(value("content.keys", "must name 1 to 100 keys"));
        }
        if self.peer.keys.is_empty() || self.peer.keys.len() > 100 {
            return Err(value("peer.keys", "must name 1 to 100 keys of the peer's journal"));
        }
        if !self.sandbox && self.clock.is_some() {
            return Err(value("clock", "is for sandboxes only: set `sandbox = true` or leave it out"));
        }
        if !self.sandbox && self.failures.is_some() {
            return Err(value("failures", "is for sandboxes only: set `sandbox = true` or leave it out"));
        }
        for (uri, row) in &self.callers {
            if !row.unit.is_empty() && !plain(&row.unit) {
                return Err(value(format!("callers.{uri}.unit"), "must be 1-64 of a-z, 0-9 and hyphens, or left out"));
            }
        }
        if let Err(error) = renkei_telemetry::check_log_filter(&self.telemetry.log) {
            let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return Err(value("telemetry.log", format!("must be like `info` or `renkei_link=debug,info` ({why})")));
        }
        self.check_contact()?;
        self.check_addresses()?;
        self.check_key_ids()?;
        self.failpoint()?;
        self.kinds()?;
        Ok(())
    }

    /// Checks that the counter fits into one line of a paper.
    fn check_contact(&self) -> Result<(), ConfigError> {
        let Contact { unit_ja, unit_en, telephone, mail } = &self.contact;
        let is_name = |text: &str| text.chars().count() <= UNIT && !text.chars().any(char::is_control);
        for (key, text) in [("contact.unit_ja", unit_ja), ("contact.unit_en", unit_en)] {
            if !is_name(text) {
                return Err(value(key, format!("must be one line of at most {UNIT} characters")));
            }
        }
        if unit_ja.is_empty() && !unit_en.is_empty() {
            return Err(value(
                "contact.unit_ja",
                "must be set beside `contact.unit_en`: the Japanese paper is authoritative",
            ));
        }
        if telephone.len() > TELEPHONE || !telephone.chars().all(|it| it.is_ascii_digit() || "+() -".contains(it)) {
            return Err(value(
                "contact.telephone",
                format!("must be at most {TELEPHONE} of 0-9, +, brackets, blanks and hyphens"),
            ));
        }
        let is_mail = mail.split_once('@').is_some_and(|(name, host)| {
            let of = |text: &str, others: &str| {
                !text.is_empty() && text.chars().all(|it| it.is_ascii_alphanumeric() || others.contains(it))
            };
            of(name, "._+-") && of(host, ".-")
        });
        if !mail.is_empty() && (mail.len() > MAIL || !is_mail) {
            return Err(value("contact.mail", format!("must be an e-mail address of at most {MAIL} characters")));
        }
        Ok(())
    }

    /// Checks that no two ports are the same, and that the peer is not this service itself.
    fn check_addresses(&self) -> Result<(), ConfigError> {
        let operator = self.operator.as_ref().map(|operator| ("operator.listen", operator.listen));
        let ports = [("desk.listen", self.desk.listen), ("link.listen", self.link.listen)];
        let ports: Vec<_> = ports.into_iter().chain(operator).collect();
        for (place, (key, address)) in ports.iter().enumerate() {
            if let Some((other, _)) = ports.iter().take(place).find(|(_, other)| collide(*address, *other)) {
                return Err(value(*key, format!("must be another address or port than that of `{other}`")));
            }
        }
        let (link, peer) = (self.link.listen, self.peer.address.replace("localhost:", "127.0.0.1:"));
        if peer.parse().is_ok_and(|peer| collide(link, peer)) {
            return Err(value("peer.address", "must lead to the other agency: it is the address of `link.listen`"));
        }
        Ok(())
    }

    /// Checks that the id of a key names only one key.
    fn check_key_ids(&self) -> Result<(), ConfigError> {
        let former = self.journal.former_keys.iter().map(|key| ("journal.former_keys", &key.id));
        let peers = self.peer.keys.iter().map(|key| ("peer.keys", &key.id));
        let journals: Vec<_> =
            [("journal.key_id", &self.journal.key_id)].into_iter().chain(former).chain(peers).collect();
        let contents: Vec<_> = self.content.keys.iter().map(|key| ("content.keys", &key.id)).collect();
        for ids in [journals, contents] {
            for (place, (key, id)) in ids.iter().enumerate() {
                if let Some((other, _)) = ids.iter().take(place).find(|(_, other)| other == id) {
                    let also = if other == key { String::new() } else { format!(", also in `{other}`") };
                    return Err(value(
                        *key,
                        format!("must name each key by an id of its own: {id} is there twice{also}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// True if two sockets cannot both listen. Each free port (0) is a different one.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same
}

/// True if telemetry can be sent to this URL: the client uses plain HTTP, to a collector close by.
fn is_endpoint(url: &str) -> bool {
    let parsed = url.parse::<http::Uri>().ok().filter(|_| url.len() <= ENDPOINT);
    parsed.is_some_and(|it| it.scheme_str() == Some("http") && it.host().is_some_and(|host| !host.is_empty()))
}
