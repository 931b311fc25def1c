//! The offline proof of a journal of items, as the service proves it: signatures, chain, facts, contents. The journal
//! is made piece by piece beside it, so that neither has to fit into memory; only the proof is timed.

use std::time::Duration;

use renkei_domain::{memorandum, moment::Moment, scope::marking};
use renkei_journal::{Draft, Previous, PublicKeys, SigningKey, chain, generate_pkcs8, verify_all};
use renkei_proto::{
    journal::v1::{Entry, Fact, SaltedContent, fact},
    sharing::v1::{AttackMethodPublished, ItemTerms, Necessity, Publication},
    r#type::v1::Agency,
};
use tokio::time::Instant;

use super::{
    machine::Machine,
    plan::Plan,
    row::{Row, Rows},
};
use crate::{
    acts::{terms_for, to_the_party},
    pair::machine_time,
    setup::key_id,
};

/// The number of entries that are made, and then proven, at once.
const PIECE: u64 = 16_384;
/// The size of an item's content in bytes.
const CONTENT: usize = 1024;

/// All of it as often as asked for.
pub(super) async fn run(plan: &Plan, rows: &mut Rows<'_>) -> Result<(), String> {
    for _ in 0..plan.repetitions {
        let entries = plan.entries;
        let proven = tokio::task::spawn_blocking(move || prove(entries)).await.map_err(|error| error.to_string())?;
        let (took, idle) = proven?;
        rows.add(Row::figure("verify: entries per second", entries as f64 / took.as_secs_f64()).idle(idle));
        rows.add(Row::figure("verify: seconds", took.as_secs_f64()));
    }
    Ok(())
}

/// The duration of the proof, and the idle share of the machine meanwhile.
fn prove(entries: u64) -> Result<(Duration, f64), String> {
    let mut author = Author::new()?;
    let (mut left, mut took, mut idle) = (entries, Duration::ZERO, 0.0);
    while left > 0 {
        let piece = left.min(PIECE);
        let start = author.last.clone();
        let written = (0..piece).map(|_| author.write()).collect::<Result<Vec<Entry>, String>>()?;
        let (before, begun) = (Machine::now()?, Instant::now());
        let mut lies = 0_u64;
        let proven = verify_all(written, &author.keys, start, |_| lies += 1).map_err(|broken| broken.to_string())?;
        took += begun.elapsed();
        idle += Machine::now()?.idle_since(&before) * piece as f64;
        if lies > 0 || proven.last != author.last {
            return Err("a sound journal does not verify".to_owned());
        }
        left -= piece;
    }
    Ok((took, idle / entries as f64))
}

/// The author of the journal.
struct Author {
    key: SigningKey,
    keys: PublicKeys,
    last: Previous,
    moment: Moment,
    fact: Fact,
}

impl Author {
    fn new() -> Result<Self, String> {
        let now = jiff::Timestamp::try_from(machine_time()).map_err(|error| error.to_string())?;
        let moment = Moment::new(now, [7; 32]);
        let key = SigningKey::from_pkcs8(key_id(Agency::Ppc), &generate_pkcs8(&moment.bytes("key", 0)))
            .map_err(|error| error.to_string())?;
        let mut keys = PublicKeys::new();
        keys.add(key.key_id(), key.public_key(), 1).map_err(|error| error.to_string())?;
        let terms = Some(ItemTerms { marking: Some(marking(None)), ..terms_for(to_the_party()) });
        let publication =
            Some(Publication { revision: 1, terms, fiscal_year: 2026, year_ordinal: 1, ..Publication::default() });
        let published = AttackMethodPublished { publication, necessity: Necessity::PreventSimilar.into() };
        let fact = Fact { request_digest: vec![1; 32], fact: Some(fact::Fact::AttackMethodPublished(published)) };
        Ok(Self { key, keys, last: Previous::start(Agency::Ppc, memorandum::agreement_digest()), moment, fact })
    }

    fn write(&mut self) -> Result<Entry, String> {
        let seq = self.last.next_seq();
        let draft = Draft {
            entry_id: self.moment.id("entry", seq),
            matter: format!("agencies/ppc/items/{}", self.moment.id("item", seq)),
            matter_prev: [0; 32],
            fact: self.fact.clone(),
            content: Some(SaltedContent { salt: self.moment.bytes("salt", seq).to_vec(), content: vec![0; CONTENT] })
                .into(),
            written_us: self.moment.now.as_microsecond(),
            seen_peer_seq: 0,
            answers: 0,
            methods_version: 0,
            blobs: Vec::new(),
            unit: "policy".to_owned(),
            traceparent: String::new(),
        };
        let chained = chain(draft, &self.last).map_err(|error| error.to_string())?;
        self.last = chained.previous(&self.last);
        Ok(chained.sign(&self.key))
    }
}
