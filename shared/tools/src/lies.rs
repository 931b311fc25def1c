//! The table of lies about advice, items, notices and officials. Each states who can tell it and what becomes of it: the same
//! whichever agency is lied to.

use prost::Message as _;
use renkei_domain::noun::{self, official, registry};
use renkei_proto::{
    FactKind,
    journal::v1::{Entry, Fact, fact},
    options::v1::{Author, Reason},
    sharing::v1::AttackMethodPublished,
    r#type::v1::{Agency, Marking},
};

use crate::liar::Liar;

mod advice;
pub(crate) mod agreement;
mod item;
mod lie;
mod sample;

use item::terms;
pub use lie::Lie;
use lie::{BOTH, IPA, PPC, lie, stop};
use sample::{sample, say};

/// All of them; those that stop the journal are the last.
pub fn all() -> Vec<Lie> {
    let mut all: Vec<Lie> = kinds().flat_map(of_each_kind).collect();
    all.extend(matters());
    all.extend(item::publications());
    all.extend(item::scopes());
    all.extend(item::items());
    all.extend(item::beyond());
    all.extend(advice::requests());
    all.extend(advice::advice());
    all.extend(agreement::notices());
    all.extend(stops());
    all
}

/// The kinds of fact that are lied about.
pub fn kinds() -> impl Iterator<Item = FactKind> {
    let nouns = [
        "advice_",
        "attack_",
        "consent_",
        "copy_",
        "disclosure_",
        "item_",
        "misdirection_",
        "official_",
        "recall_",
        "research_",
        "technology_",
        "threat_",
    ];
    FactKind::ALL.iter().copied().filter(move |kind| nouns.iter().any(|noun| kind.name().starts_with(noun)))
}

/// The agencies that may write a kind of fact.
fn authors(kind: FactKind) -> &'static [Agency] {
    match kind.rule().author {
        Author::Ppc => PPC,
        Author::Ipa => IPA,
        Author::Private | Author::Unspecified => &[],
        Author::Either | Author::Opener | Author::Other => BOTH,
    }
}

/// The agencies that may not, in a matter in which the other one may.
fn strangers(kind: FactKind) -> &'static [Agency] {
    match kind.rule().author {
        Author::Ppc => IPA,
        Author::Ipa => PPC,
        Author::Either => &[],
        _ => BOTH,
    }
}

/// The name of a new matter in which the liar may write this kind of fact.
fn nothing(liar: &mut Liar, kind: FactKind) -> String {
    let collection = registry::of_kind(kind).collection();
    let opener = match kind.rule().author {
        _ if collection == noun::advice::COLLECTION => Agency::Ppc,
        Author::Other => liar.agency.peer(),
        _ => liar.agency,
    };
    liar.fresh(collection, opener)
}

/// The matter in which a kind of fact could be written now.
fn place(liar: &mut Liar, kind: FactKind) -> String {
    let collection = registry::of_kind(kind).collection();
    match kind.rule().author {
        _ if kind.rule().opens => nothing(liar, kind),
        _ if collection == noun::advice::COLLECTION => liar.scene.accepted.name.clone(),
        _ if collection == official::COLLECTION => official::matter(liar.agency, "tanaka").to_string(),
        Author::Other => liar.scene.other.name.clone(),
        _ => liar.scene.own.name.clone(),
    }
}

/// Lies that every kind of fact can be told with.
fn of_each_kind(kind: FactKind) -> Vec<Lie> {
    let name = kind.name();
    let mut lies =
        vec![lie(format!("{name}: by an agency that may not"), strangers(kind), Reason::WrongDirection, move |it| {
            let matter = match kind.rule().author {
                Author::Opener => it.scene.other.name.clone(),
                Author::Other => it.scene.own.name.clone(),
                _ => place(it, kind),
            };
            let (fact, content) = sample(it, kind)?;
            it.say(&matter, fact, content, 0)
        })];
    if kind.rule().author == Author::Private {
        // The official of the other side is not barred by it.
        lies.push(lie(format!("{name}: of the other agency"), BOTH, Reason::WrongDirection, move |it| {
            let (fact, content) = sample(it, kind)?;
            let matter = format!("agencies/{}/officials/tanaka", it.agency.peer().id());
            it.say(&matter, fact, content, 0)
        }));
        return lies;
    }
    lies.push(lie(format!("{name}: in the matter of another noun"), authors(kind), Reason::HeaderDiffers, move |it| {
        let opener = if kind.rule().author == Author::Other { it.agency.peer() } else { it.agency };
        let (fact, content) = sample(it, kind)?;
        it.say(&format!("agencies/{}/schemes/virus", opener.id()), fact, content, 0)
    }));
    let opens = kind.rule().opens;
    if !opens {
        // An item that does not exist cannot be recalled either.
        let reason = if kind == FactKind::RecallAnswered { Reason::WrongState } else { Reason::NotFound };
        lies.push(lie(format!("{name}: where there is nothing"), authors(kind), reason, move |it| {
            let matter = nothing(it, kind);
            let (fact, content) = sample(it, kind)?;
            it.say(&matter, fact, content, 0)
        }));
    }
    lies.push(lie(
        format!("{name}: without its content, or with one"),
        authors(kind),
        Reason::ContentDiffers,
        move |it| {
            let matter = place(it, kind);
            let (fact, content) = sample(it, kind)?;
            let other = if content.is_some() { None } else { Some(vec![0x0a, 0x01, 0x61]) };
            it.say(&matter, fact, other, 0)
        },
    ));
    lies.push(lie(format!("{name}: with additional content"), authors(kind), Reason::ContentDiffers, move |it| {
        let matter = place(it, kind);
        let (fact, content) = sample(it, kind)?;
        // Field 999 with the value 1.
        let more = [content.unwrap_or_default(), vec![0xb8, 0x3e, 0x01]].concat();
        it.say(&matter, fact, Some(more), 0)
    }));
    lies.push(lie(
        format!("{name}: with another content than it commits to"),
        authors(kind),
        Reason::ContentDiffers,
        move |it| {
            let matter = place(it, kind);
            let (fact, content) = sample(it, kind)?;
            let entry = it.say(&matter, fact, content, 0)?;
            Ok(it.lie(&entry, |header| {
                header.content_size = header.content_size.max(1);
                header.content_commitment = vec![7; 32];
            }))
        },
    ));
    lies
}

/// Foreign matters and names.
fn matters() -> Vec<Lie> {
    vec![
        lie("an item under the other agency's name", BOTH, Reason::WrongDirection, |it| {
            let matter = it.fresh(noun::item::COLLECTION, it.agency.peer());
            it.say(&matter, it.published(it.publication()), it.words(), 0)
        }),
        lie("an item in a request for advice", BOTH, Reason::HeaderDiffers, |it| {
            let matter = it.scene.accepted.name.clone();
            it.say(&matter, it.published(it.publication()), it.words(), 0)
        }),
        lie("advice in an item", BOTH, Reason::HeaderDiffers, |it| {
            let kind = if it.agency == Agency::Ppc { FactKind::AdviceWithdrawn } else { FactKind::AdviceAccepted };
            let matter = it.scene.own.clone();
            say(it, &matter, kind, 0)
        }),
        lie("an item whose id is not valid", BOTH, Reason::HeaderDiffers, |it| {
            let matter = format!("agencies/{}/items/one", it.agency.id());
            it.say(&matter, it.published(it.publication()), it.words(), 0)
        }),
        lie("a request for advice under agencies/ipa", PPC, Reason::HeaderDiffers, |it| {
            let matter = it.fresh(noun::advice::COLLECTION, Agency::Ipa);
            it.say(&matter, fact::Fact::AdviceRequested(it.requested()), it.asked(), 0)
        }),
        lie("a request for advice of IPA's under agencies/ipa", IPA, Reason::WrongDirection, |it| {
            let matter = it.fresh(noun::advice::COLLECTION, Agency::Ipa);
            it.say(&matter, fact::Fact::AdviceRequested(it.requested()), it.asked(), 0)
        }),
    ]
}

/// A fact that this version does not understand stops the journal until a version does.
fn stops() -> Vec<Lie> {
    fn spoiled(it: &mut Liar, fact: fact::Fact) -> Result<Entry, String> {
        let matter = it.fresh_item();
        let entry = it.say(&matter, it.published(it.publication()), it.words(), 0)?;
        Ok(it.with_fact(&entry, Fact { request_digest: Vec::new(), fact: Some(fact) }.encode_to_vec()))
    }
    vec![
        stop("a kind of fact that nobody knows", BOTH, |it| {
            let matter = it.fresh_item();
            let entry = it.say(&matter, it.published(it.publication()), it.words(), 0)?;
            // Field 999 with an empty message, in place of the fact's own field.
            let entry = it.with_fact(&entry, vec![0xba, 0x3e, 0x00]);
            Ok(it.peer.lie(&entry, |header| "consent_granted".clone_into(&mut header.fact_type)))
        }),
        stop("機密性3", BOTH, |it| {
            let mut publication = it.publication();
            terms(&mut publication).marking = Some(Marking { confidentiality: 3, restrictions: Vec::new() });
            let fact = it.published(publication);
            spoiled(it, fact)
        }),
        stop("an attack method that nothing makes necessary", PPC, |it| {
            let published = AttackMethodPublished { publication: Some(it.publication()), necessity: 0 };
            spoiled(it, fact::Fact::AttackMethodPublished(published))
        }),
    ]
}
