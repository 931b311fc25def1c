//! The four real schemes: the reports that they fit, and the information for reporters.

use renkei_domain::matter::Matter;
use renkei_proto::{
    referral::v1::{FilingDuty, Scheme, SchemeContent, SchemeTerms},
    r#type::v1::{Agency, IncidentKind, ReporterKind, Text},
};

use super::{acts::publish, model::Pair};

pub const KINDS: [IncidentKind; 4] =
    [IncidentKind::Virus, IncidentKind::Access, IncidentKind::DenialOfService, IncidentKind::None];
pub const REPORTERS: [ReporterKind; 4] =
    [ReporterKind::Business, ReporterKind::DelegatedSector, ReporterKind::PublicBody, ReporterKind::Person];

/// `ppc/leak-report-private` and the like.
pub const IDS: [(Agency, &str); 4] = [
    (Agency::Ppc, "leak-report-private"),
    (Agency::Ppc, "leak-report-public"),
    (Agency::Ipa, "unauthorised-access"),
    (Agency::Ipa, "virus"),
];

pub fn scheme(agency: Agency, id: &str) -> Matter {
    Matter::new(renkei_domain::noun::scheme::COLLECTION, agency, id)
}

/// The part of a scheme that the rules read.
pub fn terms(id: &str) -> SchemeTerms {
    let (kinds, reporters): (&[IncidentKind], &[ReporterKind]) = match id {
        "leak-report-private" => (&KINDS, &REPORTERS[..2]),
        "leak-report-public" => (&KINDS, &[ReporterKind::PublicBody]),
        "unauthorised-access" => (&[IncidentKind::Access, IncidentKind::DenialOfService], &REPORTERS),
        _ => (&[IncidentKind::Virus], &REPORTERS),
    };
    let leak_report = id.starts_with("leak-report");
    SchemeTerms {
        kinds: kinds.iter().map(|kind| i32::from(*kind)).collect(),
        reporters: reporters.iter().map(|reporter| i32::from(*reporter)).collect(),
        needs_personal_information: leak_report,
        duty: if leak_report { FilingDuty::Must } else { FilingDuty::May }.into(),
        valid_from: if leak_report { "2022-04-01" } else { "1996-08-08" }.to_owned(),
        valid_until: String::new(),
    }
}

/// Both catalogues are published, and each agency has the other's.
pub fn published() -> Pair {
    let mut pair = Pair::new();
    for (agency, id) in IDS {
        let party = pair.of_mut(agency);
        party.write(&publish(agency, id)).unwrap();
    }
    pair.exchange(Agency::Ppc);
    pair
}

/// A scheme as the desk shows it, with its own words.
pub fn shown(agency: Agency, id: &str) -> Scheme {
    Scheme {
        name: scheme(agency, id).to_string(),
        agency: agency.into(),
        version: 1,
        terms: Some(terms(id)),
        content: Some(words(id)),
        ..Scheme::default()
    }
}

fn words(id: &str) -> SchemeContent {
    let text = |ja: &str, en: &str| Some(Text { ja: ja.to_owned(), en: en.to_owned() });
    if id == "leak-report-private" {
        return SchemeContent {
            title: text("漏えい等報告（民間事業者）", "Leak report (private sector)"),
            basis: text("個人情報の保護に関する法律第26条第1項", "APPI Art. 26(1)"),
            who: text("個人情報取扱事業者", "Businesses that handle personal information"),
            what: text("個人データの漏えい、滅失、毀損等", "Leakage, loss or damage of personal data"),
            how: text("ウェブサイトの報告フォーム", "Report form on the website"),
            deadlines: text("速報は速やかに、確報は30日（60日）以内", "Final report within 30 (60) days"),
            links: vec!["https://www.ppc.go.jp/personalinfo/legal/leakAction/".to_owned()],
            telephone: String::new(),
            mail: String::new(),
        };
    }
    SchemeContent {
        title: text("コンピュータ不正アクセスに関する届出", "Notification of unauthorised computer access"),
        basis: text("平成8年通商産業省告示第362号", "Notification 362 of 1996"),
        who: text("コンピュータ不正アクセスの被害を受けた方", "Anyone harmed by unauthorised access"),
        what: text("被害の状況、原因及び対処", "What happened, why, and what was done"),
        how: text("ウェブサイトの届出様式", "Notification form on the website"),
        deadlines: text("期限の定めはありません。", "None"),
        links: vec!["https://www.ipa.go.jp/security/todokede/".to_owned()],
        telephone: "03-0000-0000".to_owned(),
        mail: "todoke@ipa.example".to_owned(),
    }
}
