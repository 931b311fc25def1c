//! The proof of the export of one matter: `matter_prev` chains the author's entries in it.

use renkei_proto::journal::v1::{Entry, Header};

use crate::{
    chain::{Previous, in_order, same_journal},
    fault::{Break, Fault, Lie},
    keys::PublicKeys,
    verify::{check_body, verify_signature},
};

/// Proves that these are the entries of one author in `matter`, from the first on and without a gap between them. The
/// entries of each author are proven separately.
///
/// `start` is [`Previous::start`], or the matter's last proven entry. `keys` must contain the numbers at which each key
/// was added and revoked, because the journal's key facts belong to another matter. If entries are cut off at the end,
/// the rest is still a valid chain. `lie` receives the defects of bodies, as in [`verify_all`](crate::verify_all).
///
/// Returns the matter's last entry.
///
/// # Errors
/// The first [`Break`], at the number that the entry's header names; if none can be read, at one more than the last
/// proven number.
pub fn verify_matter(
    matter: &str,
    entries: impl IntoIterator<Item = Entry>,
    keys: &PublicKeys,
    start: Previous,
    mut lie: impl FnMut(Lie),
) -> Result<Previous, Break> {
    let mut last = start;
    for entry in entries {
        let opened = verify_signature(&entry, keys).map_err(|broken| named(broken, &last))?;
        continues(opened.header(), &last, matter)?;
        match check_body(&entry, &opened) {
            Ok(_) => {}
            Err(Fault::Refuse(untrue)) => lie(untrue),
            Err(Fault::Stop(broken)) => return Err(broken),
        }
        last = opened.previous(&last);
    }
    Ok(last)
}

fn named(broken: Break, last: &Previous) -> Break {
    if broken.seq() == 0 { broken.at(last.next_seq()) } else { broken }
}

/// Checks that the entry is the author's next one in this matter.
fn continues(header: &Header, last: &Previous, matter: &str) -> Result<(), Break> {
    let seq = header.seq;
    same_journal(header, last, seq)?;
    if header.matter != matter {
        return Err(Break::ChainBroken { seq, field: "matter" });
    }
    if header.matter_prev != last.head.hash {
        return Err(Break::ChainBroken { seq, field: "matter_prev" });
    }
    if seq <= last.head.seq {
        return Err(Break::OrderBroken { seq, field: "seq" });
    }
    // The entries that raised the incarnation belong to another matter.
    if header.incarnation < last.incarnation {
        return Err(Break::AuthorDiffers { seq, field: "incarnation" });
    }
    in_order(header, last, seq)
}
