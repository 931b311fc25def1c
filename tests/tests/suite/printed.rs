//! The texts that people read, compared whole with `snapshots/`: the sandbox, `status`, `trace`, `doctor` and the
//! papers for reporters. `INSTA_UPDATE=always` writes them anew.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use insta::assert_snapshot;
use regex::{Captures, Regex};
use renkei_domain::noun::code::Code;
use renkei_proto::{
    referral::v1::{IssueReferralRequest, ScopeFacts},
    r#type::v1::{Agency, IncidentKind, Language, Persons, PersonsKind, ReporterKind, Sector, StatutoryFacts, Text},
};
use renkei_tools::{
    acts::{Acts, both, publish_all, scope_facts},
    pair::Pair,
    sandbox::{invitation, last_line, on_the_clock, overview, walk},
    scenario::start,
    schemes,
    setup::AGENCIES,
};

use crate::checkout::checkout;

/// A text in which a name in brackets replaces every value that differs from run to run, or between the databases.
/// Equal ids and traces have equal numbers.
fn readable(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "[folder]");
    let text = text.replace(&checkout().display().to_string(), "[checkout]");
    let fixed = [
        // Only the embedded database has such a log.
        (r"(?m)^(log of changes|変更ログ) .*\n", ""),
        (r"127\.0\.0\.1:[0-9]+", "[address]"),
        (r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?Z", "[time]"),
        // A quoted time is one to be typed, and always the same.
        (r#"([^"])[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\+09:00"#, "$1[time in Japan]"),
        (r"-?[0-9]+\.[0-9]{3} s apart", "[seconds] s apart"),
        (r"(差は?) -?[0-9]+\.[0-9]{3} 秒", "$1 [seconds] 秒"),
        // A referral code, which follows from the case and a random id. Its check character may be a sign.
        (r"(?-u:\b)[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}([0-9A-Z](?-u:\b)|[*~$=])", "[code]"),
    ];
    let text = fixed
        .iter()
        .fold(text, |text, (pattern, name)| Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned());
    let text = numbered(&text, r"(?-u:\b)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?-u:\b)", "id");
    numbered(&text, r"(?-u:\b)[0-9a-f]{32}(?-u:\b)", "trace")
}

/// The text with a number in brackets for each different match.
fn numbered(text: &str, pattern: &str, name: &str) -> String {
    let mut numbers = BTreeMap::new();
    let replaced = Regex::new(pattern).unwrap().replace_all(text, |found: &Captures<'_>| {
        let next = numbers.len() + 1;
        format!("[{name} {}]", numbers.entry(found[0].to_owned()).or_insert(next))
    });
    replaced.into_owned()
}

#[test]
fn a_code_is_replaced_whatever_its_check_character_is_and_nothing_else_is() {
    let nowhere = Path::new("/nowhere");
    let codes: Vec<String> = (0..=255).map(|n| Code::new(1, [n, 7, 7, 7, 7]).to_string()).collect();
    let last: BTreeSet<char> = codes.iter().filter_map(|code| code.chars().last()).collect();
    assert_eq!(last.len(), 37, "every check character occurs");
    for code in codes {
        assert_eq!(readable(&format!("紹介コード：{code}\n"), nowhere), "紹介コード：[code]\n", "{code}");
    }
    let id = "01a20bb5-e600-7000-8000-000001234567";
    assert_eq!(readable(id, nowhere), "[id 1]");
}

#[tokio::test]
async fn the_sandbox_and_the_operators_commands_print_as_they_did() {
    let mut said = Vec::new();
    let mut pair = walk(None, [81; 32], None, &mut |line| said.push(line)).await.unwrap();
    let folder = pair.setup.dir.clone();
    let shown = |text: &str| readable(text, &folder);
    said.push(last_line(&pair).await.unwrap());
    assert_snapshot!("sandbox", shown(&said.join("\n")));
    assert_snapshot!(
        "sandbox_invitation",
        shown(&format!("{}{}", invitation(&pair, checkout(), None), on_the_clock(&pair)))
    );
    assert_snapshot!("status_and_trace", shown(&overview(&pair, &[]).await.unwrap()));
    assert_snapshot!("status_and_trace_ja", shown(&overview(&pair, &["--lang", "ja"]).await.unwrap()));
    for agency in AGENCIES {
        let (code, text) = pair.command_line(agency, &["doctor"]).await.unwrap();
        assert_snapshot!(format!("doctor_{}", agency.id()), shown(&format!("{text}exit code {}", code.unwrap())));
        let (code, text) = pair.command_line(agency, &["--lang", "ja", "doctor"]).await.unwrap();
        assert_snapshot!(format!("doctor_{}_ja", agency.id()), shown(&format!("{text}exit code {}", code.unwrap())));
    }

    pair.stop_both().await.unwrap();
    for command in ["status", "doctor"] {
        let (code, text) = pair.command_line(Agency::Ppc, &[command]).await.unwrap();
        assert_snapshot!(
            format!("{command}_of_a_service_that_is_down"),
            shown(&format!("{text}exit code {}", code.unwrap()))
        );
        let (code, text) = pair.command_line(Agency::Ppc, &[command, "--lang", "ja"]).await.unwrap();
        assert_snapshot!(
            format!("{command}_of_a_service_that_is_down_ja"),
            shown(&format!("{text}exit code {}", code.unwrap()))
        );
    }
}

/// A reporter, and what they report to which agency.
struct Reporter {
    name: &'static str,
    agency: Agency,
    under: &'static str,
    kinds: &'static [IncidentKind],
    kind: ReporterKind,
    /// The day of knowing and the items of the dates; no dates without it.
    dates: Option<(&'static str, &'static [u32])>,
    with_code: bool,
}

impl Reporter {
    fn request(&self, acts: &Acts) -> IssueReferralRequest {
        let kinds: Vec<i32> = self.kinds.iter().map(|kind| i32::from(*kind)).collect();
        let (kind, further_kinds) = kinds.split_first().map(|(kind, further)| (*kind, further.to_vec())).unwrap();
        let facts = ScopeFacts { kind, further_kinds, reporter: self.kind.into(), ..scope_facts() };
        let public = self.kind == ReporterKind::PublicBody;
        let statutory = self.dates.map(|(knew_on, items)| StatutoryFacts {
            sector: if public { Sector::Public } else { Sector::Private }.into(),
            knew_on: knew_on.to_owned(),
            items: items.to_vec(),
            persons: Some(Persons { number: 3200, kind: PersonsKind::AtMost.into() }),
        });
        IssueReferralRequest {
            reported_under: acts.scheme_name(self.under),
            scope_facts: Some(facts),
            statutory,
            with_code: self.with_code,
            ..acts.issuing()
        }
    }
}

const REPORTERS: [Reporter; 8] = {
    use Agency::{Ipa, Ppc};
    use IncidentKind::{Access, DenialOfService, Virus};
    use ReporterKind::{Business, DelegatedSector, PublicBody};
    let a = Reporter {
        name: "a_shop_at_ppc",
        agency: Ppc,
        under: "leak-report-private",
        kinds: &[Access],
        kind: Business,
        dates: Some(("2026-11-13", &[2, 3, 4])),
        with_code: true,
    };
    let b = Reporter { name: "a_city_at_ppc", under: "leak-report-public", kind: PublicBody, ..a };
    let b = Reporter { kinds: &[Virus, Access], dates: Some(("2026-11-02", &[1, 3, 4])), ..b };
    // A hospital of a national university is bound by the rules of the private sector.
    let hospital = Reporter { name: "a_university_hospital_at_ppc", kinds: &[DenialOfService], ..a };
    let hospital = Reporter { dates: None, with_code: false, ..hospital };
    let bank = Reporter { name: "a_bank_at_ppc", kind: DelegatedSector, ..a };
    let c = Reporter { name: "a_factory_at_ipa", agency: Ipa, under: "virus", kinds: &[Virus], ..a };
    let c = Reporter { dates: Some(("2026-11-20", &[2, 3])), ..c };
    let d = Reporter { name: "an_insurer_at_ipa", kind: DelegatedSector, ..c };
    let town = Reporter { name: "a_town_at_ipa", kind: PublicBody, ..c };
    // The window of its preliminary report has passed.
    let late = Reporter { name: "a_late_school_at_ipa", dates: Some(("2026-11-01", &[1])), with_code: false, ..c };
    [a, b, hospital, bank, c, d, town, late]
};

#[tokio::test]
async fn the_papers_of_eight_reporters_read_as_they_did_in_both_languages() {
    let pair = Pair::in_process(start().unwrap(), 82).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    for reporter in &REPORTERS {
        let acts = if reporter.agency == Agency::Ppc { &ppc } else { &ipa };
        let issued = acts.issue(reporter.request(acts)).await.unwrap();
        let name = issued.referral.unwrap().name;
        for language in [Language::Ja, Language::En] {
            let printed = acts.printed(&name, language).await.unwrap();
            assert_eq!(printed.pdf_missing, "", "{}: the font has every character", reporter.name);
            let pages = pages(&printed.pdf);
            assert!((1..=2).contains(&pages), "{} in {language:?}: {pages} pages", reporter.name);
        }
        let paper = issued.notice.unwrap();
        let text = readable(&format!("{}\n\n---\n\n{}", paper.ja, paper.en), &pair.setup.dir);
        assert_snapshot!(format!("paper_of_{}", reporter.name), text);
    }
}

/// The number of objects of a file that are pages. These are not compressed.
fn pages(pdf: &[u8]) -> usize {
    let parts = pdf.windows(11).filter(|part| part.starts_with(b"/Type/Page") && part[10] != b's');
    parts.count()
}

/// The texts of the four schemes, with what the law and the agencies' own counters say of them today.
#[test]
fn the_schemes_state_what_the_law_and_the_counters_of_the_agencies_state() {
    let schemes = schemes::all().unwrap();
    let of = |id: &str| schemes.iter().find(|scheme| scheme.id == id).unwrap().clone();
    let ja = |text: &Option<Text>| text.as_ref().unwrap().ja.clone();
    for (id, in_words) in [
        ("leak-report-private", "いわゆる規律移行法人を含む。"),
        ("leak-report-private", "委任先の府省（事業所管大臣等）に報告"),
        ("leak-report-private", "取得し、又は取得しようとしている個人情報であって"),
        (
            "leak-report-private",
            "漏えい、滅失若しくは毀損が発生し、又は発生したおそれがある事態であって、施行規則第7条各号のいずれかに該当するもの",
        ),
        ("leak-report-private", "関係省庁の共通様式も使用できます。"),
        ("leak-report-private", "速報は、事態を知った後、速やかに（おおむね3～5日以内）。"),
        ("leak-report-private", "（不正の目的をもって行われたおそれがある場合は60日以内）"),
        ("leak-report-private", "事態を知った日から30日以内"),
        (
            "leak-report-private",
            "サイバー対処能力強化法（令和7年法律第42号）に基づく特定侵害事象の報告も別途必要です。",
        ),
        ("leak-report-public", "行政機関の長等（国の行政機関、独立行政法人等、地方公共団体の機関及び"),
        (
            "leak-report-public",
            "速報は、事態を知った後、速やかに（おおむね3～5日以内）。確報は、事態を知った日から30日以内",
        ),
        ("leak-report-public", "地方独立行政法人。規律移行法人等を除く。"),
        ("leak-report-public", "関係省庁の共通様式も使用できます。"),
        ("virus", "（平成7年通商産業省告示第429号）（最終改定 平成12年12月28日）"),
        ("virus", "コンピュータウイルス（ランサムウェアを含む。）を発見した方又はその被害を受けた方"),
        ("virus", "電子メールで送付（記入できる範囲で可。自由様式又は他機関に提出した様式の写しでも可）"),
        ("unauthorised-access", "（平成8年通商産業省告示第362号）（最終改定 平成12年12月28日）"),
        ("unauthorised-access", "電子メールで送付（記入できる範囲で可。自由様式又は他機関に提出した様式の写しでも可）"),
        ("unauthorised-access", "期限の定めはありません（任意の届出です。）。"),
    ] {
        let content = of(id).content;
        let texts = [&content.basis, &content.who, &content.what, &content.how, &content.deadlines].map(ja);
        assert!(texts.iter().any(|text| text.contains(in_words)), "{id}: {in_words}");
    }
    assert_eq!(of("leak-report-public").terms.valid_from, "2022-04-01", "national bodies report since then");
    assert!(of("unauthorised-access").terms.kinds.contains(&IncidentKind::DenialOfService.into()));
    for id in ["virus", "unauthorised-access"] {
        assert!(of(id).content.links.iter().any(|link| link.ends_with("/security/support/soudan.html")), "{id}");
    }
}

/// Nothing that identifies a reporter crosses: the model shows it, because agencies copy it.
#[test]
fn no_request_for_advice_of_the_scenario_names_a_reporter() {
    let source = checkout().join("shared/tools/src/scenario/advice.rs");
    let text = fs::read_to_string(source).unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    assert!(code.iter().any(|line| line.contains("通販サイトの決済画面改ざん及びウェブシェル設置の疑い")));
    for reporter in ["A社", "B市", "C社", "D社", "E社", "F社"] {
        assert!(!code.iter().any(|line| line.contains(reporter)), "{reporter}");
    }
}
