//! The four real schemes, from `shared/tools/data/schemes.toml`.

use renkei_proto::{
    referral::v1::{FilingDuty, SchemeContent, SchemeTerms},
    r#type::v1::{Agency, IncidentKind, ReporterKind, Text},
};
use serde::Deserialize;

const FILE: &str = include_str!("../data/schemes.toml");

/// A scheme as its agency publishes it.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The agency that publishes the scheme.
    pub agency: Agency,
    /// The id of the scheme.
    pub id: String,
    /// The terms, which the rules read.
    pub terms: SchemeTerms,
    /// The texts for reporters.
    pub content: SchemeContent,
}

impl Publication {
    /// `agencies/{agency}/schemes/{id}`.
    pub fn name(&self) -> String {
        format!("agencies/{}/schemes/{}", self.agency.id(), self.id)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scheme: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    agency: String,
    id: String,
    kinds: Vec<String>,
    reporters: Vec<String>,
    needs_personal_information: bool,
    duty: String,
    valid_from: String,
    title: Words,
    basis: Words,
    who: Words,
    what: Words,
    how: Words,
    deadlines: Words,
    links: Vec<String>,
    telephone: String,
    mail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    ja: String,
    en: String,
}

/// All four.
///
/// # Errors
/// Fails if the file is not as it must be.
pub fn all() -> Result<Vec<Publication>, String> {
    let file: File = toml::from_str(FILE).map_err(|error| error.to_string())?;
    file.scheme.into_iter().map(publication).collect()
}

fn publication(row: Row) -> Result<Publication, String> {
    let kind = |name: &String| {
        IncidentKind::from_str_name(&format!("INCIDENT_KIND_{name}")).map(i32::from).ok_or(format!("no kind {name}"))
    };
    let reporter = |name: &String| {
        ReporterKind::from_str_name(&format!("REPORTER_KIND_{name}"))
            .map(i32::from)
            .ok_or(format!("no reporter {name}"))
    };
    let duty = FilingDuty::from_str_name(&format!("FILING_DUTY_{}", row.duty)).ok_or("no such duty")?;
    let words = |it: Words| Some(Text { ja: it.ja, en: it.en });
    Ok(Publication {
        agency: Agency::from_id(&row.agency).ok_or("no such agency")?,
        id: row.id,
        terms: SchemeTerms {
            kinds: row.kinds.iter().map(kind).collect::<Result<_, _>>()?,
            reporters: row.reporters.iter().map(reporter).collect::<Result<_, _>>()?,
            needs_personal_information: row.needs_personal_information,
            duty: duty.into(),
            valid_from: row.valid_from,
            valid_until: String::new(),
        },
        content: SchemeContent {
            title: words(row.title),
            basis: words(row.basis),
            who: words(row.who),
            what: words(row.what),
            how: words(row.how),
            deadlines: words(row.deadlines),
            links: row.links,
            telephone: row.telephone,
            mail: row.mail,
        },
    })
}
