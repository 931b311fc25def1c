//! Frames that someone sends who has an agency's certificate and not its key: claims without proof. They change nothing.

use prost::Message as _;
use renkei_domain::page::Journal;
use renkei_journal::{SigningKey, generate_pkcs8, sign_receipt, sign_stop};
use renkei_proto::{
    journal::v1::{Header, Receipt, SignedHeader},
    link::v1::{Frame, Hello, Stop, frame::Kind},
    options::v1::Reason,
    r#type::v1::Agency,
};

use crate::{draw::Draw, side::Side};

/// The name of a frame, for stories.
pub fn name(frame: &Frame) -> &'static str {
    match &frame.kind {
        Some(Kind::Hello(_)) => "hello",
        Some(Kind::Entries(_)) => "batch",
        Some(Kind::Receipt(_)) => "receipt",
        Some(Kind::Ask(_)) => "request",
        Some(Kind::Stop(_)) => "stop",
        Some(Kind::Goodbye(_)) => "goodbye",
        None => "frame",
    }
}

/// A frame with its numbers, for stories.
pub fn shown(frame: &Frame) -> String {
    let seq = |header: &[u8]| Header::decode(header).map_or(0, |header| header.seq);
    let last = |signed: &Option<SignedHeader>| signed.as_ref().map_or(0, |signed| seq(&signed.header));
    match &frame.kind {
        Some(Kind::Hello(hello)) => format!("hello: own {}, held {}", last(&hello.own), last(&hello.held)),
        Some(Kind::Entries(batch)) => {
            let numbers: Vec<String> = batch.entries.iter().map(|it| seq(&it.header).to_string()).collect();
            format!("entries of {}: {}", batch.journal().id(), numbers.join(" "))
        }
        Some(Kind::Receipt(signed)) => {
            let receipt = Receipt::decode(signed.receipt.as_slice()).unwrap_or_default();
            format!("receipt up to {} after {}", receipt.up_to_seq, receipt.own_seq)
        }
        Some(Kind::Ask(ask)) => format!("request of {} from {}", ask.journal().id(), ask.from_seq),
        Some(Kind::Stop(signed)) => {
            let stop = Stop::decode(signed.stop.as_slice()).unwrap_or_default();
            format!("stop at {}: {}", stop.seq, stop.reason().id())
        }
        Some(Kind::Goodbye(bye)) => format!("goodbye: {}", bye.reason().id()),
        None => name(frame).to_owned(),
    }
}

/// A false frame in the name of an agency: a changed hello if it would say hello now, or else a receipt or a stop.
pub fn told(true_frame: Option<Frame>, from: Agency, sides: &[Side; 2], draw: &mut Draw) -> Option<Frame> {
    let kind = match true_frame.and_then(|frame| frame.kind) {
        Some(Kind::Hello(hello)) => Kind::Hello(changed(hello, from, sides, draw)),
        _ => {
            let author = sides.iter().find(|side| side.own == from.peer())?;
            let (seq, hash) = {
                let disk = author.disk();
                (disk.heads().own.seq, disk.heads().own.hash)
            };
            // A former key is in someone else's hands after its revocation; before, it is the agency's own.
            let liar = sides.iter().find(|side| side.own == from)?;
            let revoked = liar.revoked_key().filter(|key| author.knows_revocation(key.key_id()));
            let key = revoked.or_else(|| stranger(from))?;
            if draw.one_in(2) {
                let stop = Stop { seq: seq.max(1), reason: Reason::Fork.into(), journal: from.peer().into() };
                Kind::Stop(sign_stop(&key, &stop))
            } else {
                let receipt = Receipt {
                    journal: from.peer().into(),
                    up_to_seq: seq.max(1),
                    head_hash: hash.to_vec(),
                    own_seq: author.disk().heads().peer.seq.max(1) + draw.below(3),
                    at: Some(renkei_domain::moment::stamp(author.wall())),
                };
                Kind::Receipt(sign_receipt(&key, &receipt))
            }
        }
    };
    Some(Frame { kind: Some(kind) })
}

/// A key that bears the id of an agency's first key and is another one.
fn stranger(agency: Agency) -> Option<SigningKey> {
    SigningKey::from_pkcs8(format!("{}-2026", agency.id()), &generate_pkcs8(&[99; 32])).ok()
}

/// A hello that claims another position in the journals than the truth.
fn changed(hello: Hello, from: Agency, sides: &[Side; 2], draw: &mut Draw) -> Hello {
    let farther = |signed: Option<SignedHeader>, draw: &mut Draw| {
        let signed = signed?;
        let header = Header::decode(signed.header.as_slice()).ok()?;
        let header = Header { seq: header.seq + 1 + draw.below(5), ..header };
        Some(SignedHeader { header: header.encode_to_vec(), ..signed })
    };
    match draw.below(4) {
        0 => Hello { held: farther(hello.held, draw), ..hello },
        1 => Hello { own: farther(hello.own, draw), ..hello },
        2 => Hello { held: None, ..hello },
        _ => {
            // A private entry bears the signature of its author, too.
            let author = sides.iter().find(|side| side.own == from.peer());
            let private = author.and_then(|side| {
                let disk = side.disk();
                let last = disk.entry(Journal::Private, disk.heads().private.seq)?;
                let (header, key_id) = (last.entry.header.clone(), last.entry.key_id.clone());
                Some(SignedHeader { header, key_id, signature: last.entry.signature.clone() })
            });
            Hello { held: private, ..hello }
        }
    }
}
