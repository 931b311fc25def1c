//! The paper that is handed to a reporter (紹介文書): the fitting schemes of the other agency, the reporter's dates, and
//! the code. It contains nothing that identifies the reporter, and does not mention the memorandum, because a scheme
//! may be introduced to a reporter without being required by it.
//!
//! It promises no more than the agency can keep: this introduction forwards nothing, but PPC may ask IPA for advice on the
//! same case (Art. 4(2)). Where a report is to be filed follows from the reporter: a report under Art. 68(1) goes to PPC
//! alone, because only the authority of Art. 26(1) is delegated to ministries.

mod paper;
mod schemes;
mod times;

use renkei_proto::{
    referral::v1::FilingDuty,
    r#type::v1::{Agency, Language, ReporterKind, Text},
};

pub use self::paper::{Contact, Paper};
use self::{
    paper::{duty, is_filed_with_ministry, length, paragraph, say, words},
    schemes::schemes,
    times::{on, times},
};
use crate::memorandum::Party;

/// The most characters of the paper in each language (`Text` in the contract).
const MOST: usize = 2000;

/// The text to hand over, at most 2,000 characters in each language. Japanese is authoritative; English is a reference
/// translation, in which texts that a scheme has in Japanese only stay Japanese. If the schemes' own texts leave no
/// room, they are shortened to what a reporter needs to file, and the rest is counted; dates and code are never left out.
pub fn introduction(paper: &Paper<'_>) -> Text {
    Text { ja: text(paper, Language::Ja), en: text(paper, Language::En) }
}

/// The same text in one language, in the parts that have places of their own on a printed sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The day of the paper.
    pub day: String,
    /// The case number with its label.
    pub number: String,
    /// What the paper is about.
    pub title: String,
    /// The name of the agency, then what is known of its counter.
    pub sender: Vec<String>,
    /// Everything below: lines that begin with a space belong to the line above them, and empty lines separate.
    pub body: String,
}

/// The parts of the text in this language.
pub fn parts(paper: &Paper<'_>, language: Language) -> Parts {
    let title = match (paper.issuer, language) {
        (Agency::Ppc, Language::Ja) => "独立行政法人情報処理推進機構（IPA）の届出制度のご案内",
        (Agency::Ppc, _) => "Notification schemes of the Information-technology Promotion Agency (IPA)",
        (_, Language::Ja) => "個人情報保護委員会への漏えい等報告のご案内",
        _ => "Leak reports to the Personal Information Protection Commission (PPC)",
    };
    let mut parts = Parts {
        day: on(paper.on, language),
        number: format!("{}{}", say(language, "整理番号：", "Reference: "), paper.case_number),
        title: title.to_owned(),
        sender: sender(paper, language),
        body: format!("{}\n{}\n", occasion(paper, language), kept(paper.issuer, language)),
    };
    parts.body.push_str(&delegated(paper, language));
    let mut tail = times(paper, language);
    tail.push_str(&code(paper, language));
    tail.push_str(say(language, "", "\nThis is a reference translation; the Japanese text is authoritative.\n"));
    let room = MOST.saturating_sub(length(&joined(&parts, language)) + length(&tail));
    parts.body.push_str(&schemes(paper, language, room));
    parts.body.push_str(&tail);
    parts.body.truncate(parts.body.trim_end().len());
    parts
}

fn text(paper: &Paper<'_>, language: Language) -> String {
    joined(&parts(paper, language), language)
}

fn joined(parts: &Parts, language: Language) -> String {
    let Parts { day, number, title, sender, body } = parts;
    let gap = say(language, "　", "   ");
    let sender = match sender.split_first() {
        Some((name, [])) => name.clone(),
        Some((name, contact)) if language == Language::Ja => format!("{name}（{}）", contact.join("　")),
        Some((name, contact)) => format!("{name} ({})", contact.join(", ")),
        None => String::new(),
    };
    format!("{day}{gap}{number}\n{title}\n{sender}\n\n{body}")
}

/// The agency with its counter, such as `個人情報保護委員会事務局`, `担当：監視係` and `電話：03-0000-0000`.
fn sender(paper: &Paper<'_>, language: Language) -> Vec<String> {
    let name = match (paper.issuer, language) {
        (Agency::Ppc, Language::Ja) => "個人情報保護委員会事務局",
        _ => name(paper, language),
    };
    let contact = paper.contact;
    let parts = [
        (say(language, "担当：", ""), words(&contact.unit, language)),
        (say(language, "電話：", "telephone "), &contact.telephone),
        (say(language, "電子メール：", "e-mail "), &contact.mail),
    ];
    let named = parts.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| format!("{label}{value}"));
    std::iter::once(name.to_owned()).chain(named).collect()
}

/// The issuer's name as it is written in the memorandum of the day.
fn name<'a>(paper: &Paper<'a>, language: Language) -> &'a str {
    let party = Party::of(paper.issuer);
    let applies = paper.memorandum.on(paper.on);
    let found = applies.and_then(|it| it.agreement.parties.iter().find(|names| names.party == party));
    found.map_or(paper.issuer.id(), |names| say(language, &names.name_ja, &names.name_en))
}

/// Why the reporter reads of the schemes.
fn occasion(paper: &Paper<'_>, language: Language) -> String {
    if paper.issuer == Agency::Ppc {
        let voluntary = paper.schemes.iter().all(|it| duty(it) == FilingDuty::May);
        let ja = "ご報告いただいた事案に関連して、独立行政法人情報処理推進機構（IPA）セキュリティセンターでは、次の届出を受け付けています。";
        let en =
            "The IT Security Center of IPA accepts the following notifications, which concern a case such as yours.";
        let may_ja = "届出は任意ですが、被害の拡大防止や類似事案の発生防止に役立てられますので、ご検討ください。";
        let may_en = " They are voluntary, and help to limit harm and to prevent similar cases: please consider them.";
        let more = if voluntary { say(language, may_ja, may_en) } else { "" };
        return format!("{}{more}", say(language, ja, en));
    }
    let public = paper.reporter == ReporterKind::PublicBody;
    let (held, data) = if public {
        ("保有個人情報", "retained personal information")
    } else {
        ("個人データ", "personal data")
    };
    let law = "個人情報の保護に関する法律に基づき、次の報告が義務付けられていることがあります。";
    let ja = format!("お届けいただいた事案に{held}の漏えい等（そのおそれを含みます。）がある場合は、{law}");
    let en = format!(
        "If {data} may have leaked or been lost or damaged in your case, APPI may require the following report."
    );
    say(language, &ja, &en).to_owned()
}

/// The promise about the reporter's report. IPA is bound by law to keep the secrets about which PPC asks it.
fn kept(issuer: Agency, language: Language) -> &'static str {
    match (issuer, language) {
        (Agency::Ppc, Language::Ja) => {
            "このご案内に際し、当委員会が同機構に報告内容を転送し、又は報告者を特定することができる情報を提供することはありません。なお、事案への対応のため、当委員会が同機構に技術的な助言を求めることがあります（同機構の役職員は法律上の守秘義務を負っています。）。"
        }
        (Agency::Ppc, _) => {
            "With this introduction PPC does not forward your report to IPA, nor give it anything that identifies you. To handle the case, PPC may ask IPA for technical advice (its officials are bound to secrecy by law)."
        }
        (_, Language::Ja) => {
            "このご案内に際し、当機構が個人情報保護委員会に届出内容を転送し、又は届出者を特定することができる情報を提供することはありません。"
        }
        _ => {
            "With this introduction IPA does not forward your notification to PPC, nor give it anything that identifies you."
        }
    }
}

/// In a delegated sector a leak report goes to the ministry, so the paper sends the reporter there before it says anything
/// about the report.
fn delegated(paper: &Paper<'_>, language: Language) -> String {
    if !is_filed_with_ministry(paper) || paper.issuer == Agency::Ppc {
        return String::new();
    }
    let ja = "次の報告は、個人情報保護委員会ではなく、権限の委任を受けた府省（事業所管大臣等）に提出してください。委任先は委員会ウェブサイトの一覧でご確認ください。";
    let en = "File the following report not with PPC but with the ministry to which its authority is delegated. PPC's website lists these ministries.";
    format!("\n{}\n", say(language, ja, en))
}

fn code(paper: &Paper<'_>, language: Language) -> String {
    if paper.code.is_empty() {
        return String::new();
    }
    let of_ppc = paper.issuer == Agency::Ppc;
    let (title, line) = if language == Language::Ja {
        let (filed, scheme, told) = if of_ppc {
            ("届出", "届け出た制度", "当委員会")
        } else {
            ("報告", "報告した制度", "当機構")
        };
        let agreed = format!("{filed}の際にこのコードをお伝えいただき、通知に同意された場合は、");
        let crosses = format!("{filed}があったこと、{scheme}及び{filed}日が{told}に通知されます。");
        let free = "コードをお伝えいただくかどうかは任意であり、お伝えいただかなくても不利益はありません。";
        ("紹介コード：", format!("{agreed}{crosses}{free}"))
    } else {
        let told = if of_ppc { "PPC" } else { "IPA" };
        let agreed = "If you quote this code when you file, and agree,";
        let crosses = format!("{told} is told that you filed, under which scheme and on which day.");
        ("Referral code: ", format!("{agreed} {crosses} Quoting it is voluntary; not quoting it has no disadvantage."))
    };
    paragraph(&format!("{title}{}", paper.code), [line], language)
}
