//! Contents, terms and scopes that fit any act.

use renkei_domain::moment::stamp;
use renkei_proto::{
    referral::v1::{FilingDuty, SchemeContent, SchemeTerms, ScopeFacts},
    sharing::v1::{
        AttackMethod, ItemContent, ItemKind, ItemTerms, ItemText, ResearchResult, TechnologyTrend, ThreatInformation,
        item_content::Item as Kind,
    },
    r#type::v1::{
        Audience, Certainty, Designated, IncidentKind, Language, Purpose, ReporterKind, Scope, Text, Undesignated,
        scope,
    },
};

/// No scope is designated: the receiving party.
pub fn to_the_party() -> Scope {
    Scope { scope: Some(scope::Scope::Undesignated(Undesignated {})) }
}

/// For these units of the receiver and these purposes.
pub fn to_units(units: &[&str], purposes: &[Purpose]) -> Scope {
    Scope {
        scope: Some(scope::Scope::Designated(Designated {
            audience: Audience::Units.into(),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            purposes: purposes.iter().map(|purpose| (*purpose).into()).collect(),
            expires: None,
        })),
    }
}

/// For a circle of readers that is wider than units, and for these purposes; for none if everybody may read it.
pub fn to_audience(audience: Audience, purposes: &[Purpose]) -> Scope {
    Scope {
        scope: Some(scope::Scope::Designated(Designated {
            audience: audience.into(),
            purposes: purposes.iter().map(|purpose| (*purpose).into()).collect(),
            ..Designated::default()
        })),
    }
}

/// Terms with this scope and nothing else.
pub fn terms_for(scope: Scope) -> ItemTerms {
    ItemTerms { scope: Some(scope), ..ItemTerms::default() }
}

/// Content of a kind with these words in every text.
pub fn item_content(kind: ItemKind, words: &str, now: jiff::Timestamp) -> ItemContent {
    let text = Some(ItemText {
        title: words.to_owned(),
        summary: words.to_owned(),
        body: format!("# {words}"),
        language: Language::Ja.into(),
        certainty: Certainty::Estimated.into(),
        as_of: Some(stamp(now)),
        ..ItemText::default()
    });
    let item = match kind {
        ItemKind::AttackMethod => Kind::AttackMethod(AttackMethod {
            text,
            way_in: words.to_owned(),
            taken: words.to_owned(),
            stopped_by: words.to_owned(),
        }),
        ItemKind::ResearchResult => Kind::ResearchResult(ResearchResult { text }),
        ItemKind::ThreatInformation => Kind::ThreatInformation(ThreatInformation { text }),
        _ => Kind::TechnologyTrend(TechnologyTrend { text }),
    };
    ItemContent { item: Some(item) }
}

/// Unauthorised access at a business, recorded electronically, with personal information.
pub fn scope_facts() -> ScopeFacts {
    ScopeFacts {
        electronic: true,
        personal_information: true,
        kind: IncidentKind::Access.into(),
        reporter: ReporterKind::Business.into(),
        taken_by_ministry: false,
        further_kinds: Vec::new(),
    }
}

/// Terms that fit every report.
pub fn terms() -> SchemeTerms {
    SchemeTerms {
        kinds: vec![IncidentKind::Virus.into(), IncidentKind::Access.into()],
        reporters: vec![ReporterKind::Business.into(), ReporterKind::Person.into()],
        needs_personal_information: false,
        duty: FilingDuty::May.into(),
        valid_from: "2023-04-01".to_owned(),
        valid_until: String::new(),
    }
}

/// The words of a scheme with this title.
pub fn words(title: &str) -> SchemeContent {
    let text = |ja: &str| Some(Text { ja: ja.to_owned(), en: "A reference translation".to_owned() });
    SchemeContent {
        title: text(title),
        basis: text("根拠"),
        who: text("届け出る者"),
        what: text("届け出る事項"),
        how: text("届出の方法"),
        deadlines: text("期限"),
        links: vec!["https://example.jp/todoke".to_owned()],
        telephone: "03-0000-0000".to_owned(),
        mail: "todoke@example.jp".to_owned(),
    }
}
