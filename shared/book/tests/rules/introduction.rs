//! The paper that is handed to a reporter.

use std::sync::LazyLock;

use jiff::civil::{Date, date};
use renkei_domain::{
    calendar::Calendar,
    memorandum::Memorandum,
    noun::{
        code::Code,
        referral::introduction::{Contact, Paper, introduction},
    },
    statutory::dates_of,
};
use renkei_proto::{
    referral::v1::{FilingDuty, Scheme},
    r#type::v1::{Agency, ReporterKind, Sector, StatutoryDates, StatutoryFacts, Text},
};

use super::{
    catalogue::shown,
    model::at,
    statutory::{city_b, company_a, company_c, facts},
};

/// The day of the papers: 24 November 2026.
const TODAY: Date = date(2026, 11, 24);

static NOBODY: Contact =
    Contact { unit: Text { ja: String::new(), en: String::new() }, telephone: String::new(), mail: String::new() };

fn dates(facts: &StatutoryFacts) -> Option<StatutoryDates> {
    dates_of(facts, at("2028-01-01T00:00:00+09:00"), &Calendar::built_in()).unwrap()
}

static MEMORANDUM: LazyLock<Memorandum> = LazyLock::new(Memorandum::built_in);

/// A paper about these schemes, without dates and code.
fn about(issuer: Agency, schemes: &[Scheme], reporter: ReporterKind) -> Paper<'_> {
    let case_number = if issuer == Agency::Ppc { "甲-R08-REF-0001" } else { "乙-R08-REF-0001" };
    let memorandum = &*MEMORANDUM;
    Paper {
        issuer,
        contact: &NOBODY,
        memorandum,
        on: TODAY,
        case_number,
        schemes,
        reporter,
        knew_on: "",
        dates: None,
        code: "",
    }
}

fn paper(issuer: Agency, reporter: ReporterKind, statutory: Option<&StatutoryFacts>, code: &str) -> Text {
    let id = match (issuer, reporter) {
        (Agency::Ppc, _) => "unauthorised-access",
        (_, ReporterKind::PublicBody) => "leak-report-public",
        _ => "leak-report-private",
    };
    let (schemes, dates) = ([shown(issuer.peer(), id)], statutory.and_then(dates));
    let knew_on = statutory.map_or("", |stated| &stated.knew_on);
    introduction(&Paper { knew_on, dates: dates.as_ref(), code, ..about(issuer, &schemes, reporter) })
}

/// C社: knew on 2026-11-20.
fn company_c_paper() -> Text {
    paper(Agency::Ipa, ReporterKind::Business, Some(&company_c()), "")
}

#[test]
fn company_c_reads_the_leak_report_and_its_dates() {
    let expected = "\
令和8年11月24日　整理番号：乙-R08-REF-0001
個人情報保護委員会への漏えい等報告のご案内
独立行政法人情報処理推進機構セキュリティセンター

お届けいただいた事案に個人データの漏えい等（そのおそれを含みます。）がある場合は、\
個人情報の保護に関する法律に基づき、次の報告が義務付けられていることがあります。
このご案内に際し、当機構が個人情報保護委員会に届出内容を転送し、又は届出者を特定することができる情報を提供することはありません。

１　漏えい等報告（民間事業者）（該当する場合は義務）
　根拠：個人情報の保護に関する法律第26条第1項
　対象：個人情報取扱事業者
　内容：個人データの漏えい、滅失、毀損等
　報告方法：ウェブサイトの報告フォーム
　期限：速報は速やかに、確報は30日（60日）以内
　ウェブサイト：https://www.ppc.go.jp/personalinfo/legal/leakAction/

【参考】漏えい等報告の時期
　速報：事態を知った後、速やかに（目安：知った日（令和8年11月20日）を1日目として3日目から5日目、令和8年11月22日（日）から24日（火）まで）
　確報：令和9年1月18日（月）まで（お申し出のあった「知った日」（令和8年11月20日）を1日目として60日以内。）

【ご確認いただきたい事項】
　報告の要否、報告先及び期限については、個人情報保護委員会（権限が委任されている業種の場合は、委任先の府省）にご確認ください。
　個人番号が含まれる場合は、番号法に基づく報告となります。委員会ウェブサイトの報告フォームでご確認ください。
　高度な暗号化等の措置が講じられた情報については、報告を要しない場合があります。";
    assert_eq!(company_c_paper().ja, expected);
}

#[test]
fn the_english_reference_states_the_same() {
    let en = company_c_paper().en;
    for part in [
        "2026-11-24   Reference: 乙-R08-REF-0001\nLeak reports to the Personal Information Protection Commission (PPC)\n",
        "With this introduction IPA does not forward your notification to PPC",
        "1. Leak report (private sector) (required where it applies)\n   Basis: APPI Art. 26(1)",
        "from the day of knowing, 2026-11-20, as day 1: 2026-11-22 (Sun) to 2026-11-24 (Tue)",
        "Final report: by 2027-01-18 (Mon) (60 days",
        "Ask PPC (in a delegated sector, the ministry) whether, where and by when to report.",
        "This is a reference translation; the Japanese text is authoritative.",
    ] {
        assert!(en.contains(part), "{part}\n{en}");
    }
}

#[test]
fn company_a_reads_the_voluntary_notification_its_final_date_and_the_code() {
    let code = Code::new(12, [0xDE, 0xAD, 0xBE, 0xEF, 0x42]).to_string();
    let text = paper(Agency::Ppc, ReporterKind::Business, Some(&company_a()), &code);
    let expected = "\
令和8年11月24日　整理番号：甲-R08-REF-0001
独立行政法人情報処理推進機構（IPA）の届出制度のご案内
個人情報保護委員会事務局

ご報告いただいた事案に関連して、独立行政法人情報処理推進機構（IPA）セキュリティセンターでは、次の届出を受け付けています。\
届出は任意ですが、被害の拡大防止や類似事案の発生防止に役立てられますので、ご検討ください。
このご案内に際し、当委員会が同機構に報告内容を転送し、又は報告者を特定することができる情報を提供することはありません。\
なお、事案への対応のため、当委員会が同機構に技術的な助言を求めることがあります（同機構の役職員は法律上の守秘義務を負っています。）。

１　コンピュータ不正アクセスに関する届出（任意）
　根拠：平成8年通商産業省告示第362号
　対象：コンピュータ不正アクセスの被害を受けた方
　内容：被害の状況、原因及び対処
　届出方法：ウェブサイトの届出様式
　期限：期限の定めはありません。
　ウェブサイト：https://www.ipa.go.jp/security/todokede/
　電話：03-0000-0000
　電子メール：todoke@ipa.example

【参考】漏えい等報告（確報）の期限
　令和9年1月12日（火）まで
　（お申し出のあった「知った日」（令和8年11月13日）を1日目として60日以内。\
60日目が行政機関の休日に当たるため、その翌日以降の最初の開庁日としています。）
　この日付は参考です。正式な取扱いについては、\
報告先（個人情報保護委員会。権限が委任されている業種の場合は、委任先の府省）にご確認ください。

紹介コード：000C-VTPV-XVT2N
　届出の際にこのコードをお伝えいただき、通知に同意された場合は、届出があったこと、届け出た制度及び届出日が当委員会に通知されます。\
コードをお伝えいただくかどうかは任意であり、お伝えいただかなくても不利益はありません。";
    assert_eq!(text.ja, expected);
    assert!(text.en.contains("Referral code: 000C-VTPV-XVT2N"));
    assert!(text.en.contains("PPC is told that you filed, under which scheme and on which day."));
}

#[test]
fn a_paper_of_ppc_shows_the_final_report_alone_because_ppc_has_the_preliminary_one() {
    let text = paper(Agency::Ppc, ReporterKind::Business, Some(&company_a()), "");
    assert!(!text.ja.contains("速報") && !text.ja.contains("目安"), "{}", text.ja);
    assert!(!text.en.contains("Preliminary") && text.en.contains("By 2027-01-12 (Tue)"), "{}", text.en);
}

#[test]
fn a_paper_of_ipa_states_that_the_window_of_the_preliminary_report_has_passed() {
    let passed = "目安の期間は既に経過しています。速やかに報告してください。";
    assert!(!company_c_paper().ja.contains(passed), "the last day of the window has not passed");
    let text = paper(Agency::Ipa, ReporterKind::Business, Some(&company_a()), "");
    assert!(text.ja.contains(passed) && text.en.contains("The window has passed"), "{}", text.ja);
}

#[test]
fn a_public_body_is_sent_to_ppc_alone_and_never_to_a_ministry() {
    for issuer in [Agency::Ppc, Agency::Ipa] {
        let text = paper(issuer, ReporterKind::PublicBody, Some(&city_b()), "");
        assert!(!text.ja.contains("府省") && !text.ja.contains("大臣") && !text.ja.contains("委任"), "{}", text.ja);
        assert!(!text.en.contains("minist"), "{}", text.en);
        assert!(text.ja.contains("令和9年1月4日（月）まで"), "{}", text.ja);
    }
    let of_ppc = paper(Agency::Ppc, ReporterKind::PublicBody, Some(&city_b()), "");
    assert!(
        of_ppc.ja.contains("正式な取扱いについては、報告先（個人情報保護委員会）にご確認ください。"),
        "{}",
        of_ppc.ja
    );
    let of_ipa = paper(Agency::Ipa, ReporterKind::PublicBody, Some(&city_b()), "");
    assert!(of_ipa.ja.contains("お届けいただいた事案に保有個人情報の漏えい等"), "{}", of_ipa.ja);
    assert!(of_ipa.ja.contains("期限については、個人情報保護委員会にご確認ください。"), "{}", of_ipa.ja);
}

#[test]
fn a_paper_promises_of_this_introduction_alone_that_nothing_is_forwarded() {
    let of_ppc = paper(Agency::Ppc, ReporterKind::Business, None, "");
    assert!(of_ppc.ja.contains("このご案内に際し、当委員会が同機構に報告内容を転送し、又は"), "{}", of_ppc.ja);
    assert!(of_ppc.ja.contains("当委員会が同機構に技術的な助言を求めることがあります"), "{}", of_ppc.ja);
    assert!(of_ppc.en.contains("PPC may ask IPA for technical advice"), "{}", of_ppc.en);
    let of_ipa = paper(Agency::Ipa, ReporterKind::Business, None, "");
    assert!(
        of_ipa.ja.contains("このご案内に際し、当機構が個人情報保護委員会に届出内容を転送し、又は"),
        "{}",
        of_ipa.ja
    );
}

#[test]
fn company_d_of_a_delegated_sector_is_sent_to_the_ministry_and_reads_no_other_place_to_file() {
    let text = paper(Agency::Ipa, ReporterKind::DelegatedSector, Some(&company_c()), "");
    let first = text.ja.find("権限の委任を受けた府省（事業所管大臣等）に提出してください。").unwrap();
    assert!(first < text.ja.find("１　漏えい等報告").unwrap(), "{}", text.ja);
    assert!(!text.ja.contains("報告方法") && !text.ja.contains("https://"), "{}", text.ja);
    assert!(!text.en.contains("How:") && !text.en.contains("https://"), "{}", text.en);
    assert!(
        text.ja.contains("期限については、権限の委任を受けた府省（事業所管大臣等）にご確認ください。"),
        "{}",
        text.ja
    );
    assert!(text.ja.contains("　根拠：") && text.ja.contains("確報："), "what and by when remains");
    let of_ppc = paper(Agency::Ppc, ReporterKind::DelegatedSector, Some(&company_a()), "");
    assert!(
        of_ppc.ja.contains("報告先である権限の委任を受けた府省（事業所管大臣等）にご確認ください。"),
        "{}",
        of_ppc.ja
    );
    assert!(of_ppc.ja.contains("届出方法：") && of_ppc.ja.contains("https://"), "IPA's scheme is filed with IPA");
    assert!(!company_c_paper().ja.contains("に提出してください。"));
}

#[test]
fn a_paper_about_a_leak_report_speaks_of_individual_numbers() {
    let sentence = "個人番号が含まれる場合は、番号法に基づく報告となります。";
    assert!(company_c_paper().ja.contains(sentence) && company_c_paper().en.contains("My Number Act"));
    assert!(paper(Agency::Ipa, ReporterKind::Business, None, "").ja.contains(sentence), "also without dates");
    assert!(!paper(Agency::Ppc, ReporterKind::Business, None, "").ja.contains(sentence));
}

#[test]
fn the_day_of_knowing_on_which_the_dates_rest_is_shown() {
    let text = paper(Agency::Ppc, ReporterKind::Business, Some(&company_a()), "");
    assert!(text.ja.contains("「知った日」（令和8年11月13日）を1日目として60日以内。"), "{}", text.ja);
    assert!(text.en.contains("the day of knowing that you stated, 2026-11-13"), "{}", text.en);
}

#[test]
fn a_due_day_is_explained_only_if_it_moved() {
    let moved = "休日に当たるため、その翌日以降の最初の開庁日としています。";
    assert!(paper(Agency::Ppc, ReporterKind::Business, Some(&company_a()), "").ja.contains(moved));
    assert!(!company_c_paper().ja.contains(moved));
}

#[test]
fn the_paper_names_the_unit_and_the_counter_that_the_configuration_has() {
    let schemes = [shown(Agency::Ipa, "unauthorised-access")];
    let contact = Contact {
        unit: Text { ja: "監視係".to_owned(), en: "Supervision unit".to_owned() },
        telephone: "03-6457-9680".to_owned(),
        mail: "kanshi@ppc.example".to_owned(),
    };
    let paper = Paper { contact: &contact, ..about(Agency::Ppc, &schemes, ReporterKind::Business) };
    let text = introduction(&paper);
    let line = "個人情報保護委員会事務局（担当：監視係　電話：03-6457-9680　電子メール：kanshi@ppc.example）";
    assert_eq!(text.ja.lines().nth(2), Some(line));
    let line = "Personal Information Protection Commission (Supervision unit, telephone 03-6457-9680, e-mail kanshi@ppc.example)";
    assert_eq!(text.en.lines().nth(2), Some(line));
    let contact = Contact { telephone: "03-6457-9680".to_owned(), ..NOBODY.clone() };
    let text = introduction(&Paper { contact: &contact, ..paper });
    assert_eq!(text.ja.lines().nth(2), Some("個人情報保護委員会事務局（電話：03-6457-9680）"));
}

#[test]
fn the_window_of_the_preliminary_report_is_never_called_a_deadline() {
    let text = company_c_paper();
    let line = |text: &str, start: &str| text.lines().find(|line| line.trim().starts_with(start)).unwrap().to_owned();
    assert!(!line(&text.ja, "速報：").contains("期限"));
    assert!(!line(&text.en, "Preliminary report").to_lowercase().contains("deadline"));
    assert!(!line(&text.en, "Preliminary report").contains("by "));
    assert!(text.ja.contains("【参考】漏えい等報告の時期\n"));
}

#[test]
fn without_a_stated_day_there_are_no_dates_and_without_a_code_no_code() {
    for issuer in [Agency::Ppc, Agency::Ipa] {
        let text = paper(issuer, ReporterKind::Business, None, "");
        assert!(!text.ja.contains("【参考】") && !text.ja.contains("紹介コード"));
        assert!(!text.en.contains("For reference") && !text.en.contains("Referral code"));
    }
}

#[test]
fn a_date_that_rests_on_holidays_not_fixed_yet_is_marked() {
    let later = facts(Sector::Private, "2027-12-15", &[3], None);
    let text = paper(Agency::Ipa, ReporterKind::Business, Some(&later), "");
    assert!(text.ja.contains("まで（祝日未確定のため暫定）（お申し出のあった"), "{}", text.ja);
    assert!(text.ja.contains("暫定の日付は"));
    assert!(text.en.contains(" (provisional) (60 days"));
    let of_ppc = paper(Agency::Ppc, ReporterKind::Business, Some(&later), "");
    assert!(of_ppc.ja.contains("まで（祝日未確定のため暫定）\n") && of_ppc.ja.contains("暫定の日付は"));
    assert!(!company_c_paper().ja.contains("暫定"));
}

#[test]
fn the_id_of_a_scheme_replaces_its_erased_words() {
    let erased = [Scheme { content: None, ..shown(Agency::Ppc, "leak-report-private") }];
    let text = introduction(&about(Agency::Ipa, &erased, ReporterKind::Business));
    assert!(text.ja.contains("\n１　leak-report-private（該当する場合は義務）\n"), "{}", text.ja);
    assert!(text.en.contains("\n1. leak-report-private (required where it applies)\n"));
}

#[test]
fn a_schemes_text_in_japanese_alone_stays_japanese() {
    let mut scheme = shown(Agency::Ppc, "leak-report-private");
    let content = scheme.content.as_mut().unwrap();
    content.who.as_mut().unwrap().en.clear();
    scheme.terms.as_mut().unwrap().duty = FilingDuty::Unspecified.into();
    let schemes = [scheme];
    let text = introduction(&about(Agency::Ipa, &schemes, ReporterKind::Business));
    assert!(text.en.contains("   Who: 個人情報取扱事業者\n"), "{}", text.en);
    assert!(text.ja.contains("\n１　漏えい等報告（民間事業者）\n"), "{}", text.ja);
}

#[test]
fn the_paper_fits_the_contract_however_long_and_many_the_schemes_and_loses_neither_dates_nor_code() {
    let long = |n: usize, length: usize| {
        let mut scheme = shown(Agency::Ppc, "leak-report-private");
        scheme.name = format!("agencies/ppc/schemes/long-{n}");
        let content = scheme.content.as_mut().unwrap();
        let words = Some(Text { ja: "長".repeat(length), en: "l".repeat(length) });
        (content.title, content.what) = (words.clone(), words);
        scheme
    };
    let contact = Contact {
        unit: Text { ja: "係".repeat(60), en: "u".repeat(60) },
        telephone: "0".repeat(32),
        mail: "m".repeat(100),
    };
    let company_a = company_a();
    let dates = dates(&company_a);
    for (count, length) in [(1, 500), (1, 2000), (2, 90), (2, 900), (100, 50), (100, 2000)] {
        let schemes: Vec<Scheme> = (1..=count).map(|n| long(n, length)).collect();
        let text = introduction(&Paper {
            contact: &contact,
            knew_on: &company_a.knew_on,
            dates: dates.as_ref(),
            code: "FZZZZZZZZZZZZ-ZZZZ-ZZZZZ",
            ..about(Agency::Ipa, &schemes, ReporterKind::DelegatedSector)
        });
        for text in [&text.ja, &text.en] {
            assert!(text.chars().count() <= 2000, "{count} {length}: {}", text.chars().count());
            assert!(text.contains("FZZZZZZZZZZZZ-ZZZZ-ZZZZZ") && text.contains("60"), "{text}");
            let first = length <= 100 || text.contains("long-1") || text.contains(&"長".repeat(length)[..300]);
            assert!(first || text.contains(&"l".repeat(length)), "{text}");
        }
        let named = text.ja.matches("（該当する場合は義務）").count();
        assert!(named == count || text.ja.contains(&format!("ほか{}件の制度があります。", count - named)));
    }
}

#[test]
fn where_room_is_short_what_a_reporter_needs_least_gives_way_first() {
    let mut scheme = shown(Agency::Ppc, "leak-report-private");
    scheme.content.as_mut().unwrap().what = Some(Text { ja: "長".repeat(1500), en: "l".repeat(1500) });
    let schemes = [scheme];
    let text = introduction(&about(Agency::Ipa, &schemes, ReporterKind::Business));
    assert!(!text.ja.contains("内容：") && text.ja.contains("根拠：") && text.ja.contains("報告方法："), "{}", text.ja);
}
