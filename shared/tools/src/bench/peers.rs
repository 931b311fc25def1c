//! The figures of other systems, from `shared/tools/data/peers.toml`.

use serde::Deserialize;

const FILE: &str = include_str!("../../data/peers.toml");

/// The figures with their date.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peers {
    /// The month in which they were measured.
    pub measured: String,
    peer: Vec<Peer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    case: String,
    name: String,
    in_flight: Option<usize>,
    rate: Option<f64>,
    p50_ms: Option<f64>,
}

impl Peers {
    /// Reads the file.
    ///
    /// # Errors
    /// Fails if it is not as it must be.
    pub(super) fn read() -> Result<Self, String> {
        toml::from_str(FILE).map_err(|error| error.to_string())
    }

    /// The figures of other systems for a case, in words, with the ratio of ours: above 1 is better than theirs.
    pub(super) fn of(&self, case: &str, in_flight: usize, rate: Option<f64>, p50_ms: Option<f64>) -> String {
        let rows = self.peer.iter().filter(|peer| peer.case == case && peer.in_flight.is_none_or(|it| it == in_flight));
        let words = rows.map(|peer| {
            let figure = match (peer.rate, peer.p50_ms) {
                (Some(theirs), _) => format!("{theirs:.0}/s (x{:.2})", rate.unwrap_or_default() / theirs),
                (_, Some(theirs)) => format!("{theirs} ms (x{:.2})", theirs / p50_ms.unwrap_or(f64::INFINITY)),
                _ => String::new(),
            };
            format!("{} {figure}", peer.name)
        });
        words.collect::<Vec<_>>().join("; ")
    }
}
