//! Reports (報告等) as far as a referral needs them (Art. 4(1)): whether one has a referral already. A report stays in the
//! agency's intake system; its matter here is private, and named by a keyed digest of its reference.

use aws_lc_rs::hmac;
use renkei_proto::{journal::v1::fact::Fact, options::v1::Reason, r#type::v1::Agency};

use crate::{
    case::Case,
    matter::{Collection, Matter},
    noun::Noun,
    page::{MarkView as _, Seen},
    refusal::{Refusal, must},
};

/// `agencies/{own}/reports/{digest}`.
pub const COLLECTION: Collection = Collection::of_ids("reports", is_digest);

/// The bytes of the digest in a name: so many that no two reports have the same one.
const DIGEST: usize = 16;
/// The most referrals of one report.
const MOST: usize = 100;

/// Reports and their referrals. They are private.
pub struct ReportNoun;

impl Noun for ReportNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn judge(&self, case: &Case, fact: &Fact) -> Result<(), Refusal> {
        match fact {
            Fact::ReportLinked(_) => {
                let detail =
                    ("a report has at most 100 referrals", "一件の報告・届出に登録できる紹介は100件までです。");
                must(case.page().local().len() < MOST, Reason::WrongState, detail)
            }
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &Fact) -> bool {
        // The number of referrals is bounded instead.
        false
    }
}

fn is_digest(id: &str) -> bool {
    id.len() == 2 * DIGEST && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The matter of a report by its reference in the intake system. Without the key nobody finds the reference by trying.
pub fn matter(own: Agency, key: &[u8], reference: &str) -> Matter {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let tag = hmac::sign(&key, format!("renkei report v1\0{reference}").as_bytes());
    let id: String = tag.as_ref().iter().take(DIGEST).map(|byte| format!("{byte:02x}")).collect();
    Matter::new(COLLECTION, own, &id)
}

/// The name of the first referral of a report.
pub fn first_referral(seen: Seen<'_>) -> Option<&str> {
    seen.local().iter().find_map(|mark| match mark.stated() {
        Some(Fact::ReportLinked(linked)) => Some(linked.referral.as_str()),
        _ => None,
    })
}
