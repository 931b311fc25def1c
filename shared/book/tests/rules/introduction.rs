//! The paper that is handed to a reporter.

use renkei_domain::{
    noun::{
        code::Code,
        referral::introduction::{Paper, introduction},
    },
    statutory::dates_of,
};
use renkei_proto::{
    referral::v1::{FilingDuty, Scheme},
    r#type::v1::{Agency, ReporterKind, StatutoryDates, StatutoryFacts, Text},
};

use super::{
    catalogue::shown,
    model::at,
    statutory::{city_b, company_a, company_c, facts},
};

fn dates(facts: &StatutoryFacts) -> Option<StatutoryDates> {
    dates_of(facts, at("2028-01-01T00:00:00+09:00")).unwrap()
}

fn paper(issuer: Agency, reporter: ReporterKind, dates: Option<&StatutoryDates>, code: &str) -> Text {
    let id = if issuer == Agency::Ppc { "unauthorised-access" } else { "leak-report-private" };
    introduction(&Paper { issuer, schemes: &[shown(issuer.peer(), id)], reporter, dates, code })
}

/// C社: knew on 2026-11-20.
fn company_c_paper() -> Text {
    paper(Agency::Ipa, ReporterKind::Business, dates(&company_c()).as_ref(), "")
}

#[test]
fn company_c_reads_the_leak_report_and_its_dates() {
    let expected = "\
個人情報保護委員会の報告制度のご案内
独立行政法人情報処理推進機構セキュリティセンター

個人情報保護委員会では、次の報告を受け付けています。\
このご案内に際し、お寄せいただいた届出の内容を転送し、又は届出者を特定することができる情報を提供することはありません。

1　漏えい等報告（民間事業者）
　義務・任意の別：該当する場合は、義務付けられています。
　根拠：個人情報の保護に関する法律第26条第1項
　対象者：個人情報取扱事業者
　内容：個人データの漏えい、滅失、毀損等
　方法：ウェブサイトの報告フォーム
　期限：速報は速やかに、確報は30日（60日）以内
　ウェブサイト：https://www.ppc.go.jp/personalinfo/legal/leakAction/

漏えい等報告の時期の目安
　速報：速やかに（目安の期間：令和8年11月22日（日）から令和8年11月24日（火）まで）
　確報：令和9年1月18日（月）まで（いずれかの部署が事態を知った日を1日目として60日以内。末日が閉庁日に当たるときは、次の開庁日）
　これらの日付は目安です。正式な取扱いについては、個人情報保護委員会又は事業所管大臣にご確認ください。";
    assert_eq!(company_c_paper().ja, expected);
}

#[test]
fn the_english_reference_states_the_same() {
    let en = company_c_paper().en;
    for part in [
        "schemes of the Personal Information Protection Commission",
        "Your notification is not forwarded",
        "1. Leak report (private sector)\n   Filing: required where it applies.\n   Basis: APPI Art. 26(1)",
        "usual window: 2026-11-22 (Sun) to 2026-11-24 (Tue)",
        "Final report: by 2027-01-18 (Mon) (60 days",
        "These dates are a guide; the Personal Information Protection Commission or the competent minister decides.",
        "This is a reference translation; the Japanese text is authoritative.",
    ] {
        assert!(en.contains(part), "{part}\n{en}");
    }
}

#[test]
fn company_a_reads_the_voluntary_notification_its_dates_and_the_code() {
    let code = Code::new(12, [0xDE, 0xAD, 0xBE, 0xEF, 0x42]).to_string();
    let text = paper(Agency::Ppc, ReporterKind::Business, dates(&company_a()).as_ref(), &code);
    for part in [
        "独立行政法人情報処理推進機構セキュリティセンターの届出制度のご案内\n個人情報保護委員会\n\n独立行政法人情報処理推進機構セキュリティセンターでは、次の届出を受け付けています。",
        "お寄せいただいた報告の内容を転送し、又は報告者を特定することができる情報を提供することはありません。",
        "1　コンピュータ不正アクセスに関する届出\n　義務・任意の別：任意です。",
        "　電話：03-0000-0000\n",
        "（目安の期間：令和8年11月15日（日）から令和8年11月17日（火）まで）",
        "　確報：令和9年1月12日（火）まで（",
        "紹介コード：000C-VTPV-XVT2N\n　届出の際にこのコードをお伝えいただくと、届出があったことが個人情報保護委員会に通知されます。コードをお伝えいただくかどうかは任意です。",
    ] {
        assert!(text.ja.contains(part), "{part}\n{}", text.ja);
    }
    assert!(text.en.contains("Referral code: 000C-VTPV-XVT2N"));
    assert!(text.en.contains("is told that a filing was made. Quoting it is voluntary."));
}

#[test]
fn city_b_reads_its_dates_over_the_turn_of_the_year() {
    let text = paper(Agency::Ppc, ReporterKind::PublicBody, dates(&city_b()).as_ref(), "");
    assert!(text.ja.contains("確報：令和9年1月4日（月）まで（"), "{}", text.ja);
    assert!(text.ja.contains("令和8年11月4日（水）から令和8年11月6日（金）まで"), "{}", text.ja);
}

#[test]
fn company_d_of_a_delegated_sector_reads_that_its_report_goes_to_the_competent_minister() {
    let sentence = "報告は事業所管大臣に提出してください。";
    let of = |issuer, reporter| paper(issuer, reporter, None, "");
    let company_d = of(Agency::Ipa, ReporterKind::DelegatedSector);
    assert!(company_d.ja.contains("漏えい等報告の提出先（権限委任）"), "{}", company_d.ja);
    assert!(company_d.ja.contains(sentence) && company_d.en.contains("with the competent minister"));
    assert!(!of(Agency::Ipa, ReporterKind::Business).ja.contains(sentence));
    assert!(!of(Agency::Ppc, ReporterKind::DelegatedSector).ja.contains(sentence), "nothing speaks of a leak report");
    let dated = paper(Agency::Ppc, ReporterKind::DelegatedSector, dates(&company_a()).as_ref(), "");
    assert!(dated.ja.contains(sentence));
}

#[test]
fn the_window_of_the_preliminary_report_is_never_called_a_deadline() {
    let text = company_c_paper();
    let line = |text: &str, start: &str| text.lines().find(|line| line.trim().starts_with(start)).unwrap().to_owned();
    assert!(!line(&text.ja, "速報：").contains("期限"));
    assert!(!line(&text.en, "Preliminary report").to_lowercase().contains("deadline"));
    assert!(!line(&text.en, "Preliminary report").contains("by "));
    assert!(text.ja.contains("漏えい等報告の時期の目安\n"));
}

#[test]
fn without_a_stated_day_there_are_no_dates_and_without_a_code_no_code() {
    let text = paper(Agency::Ipa, ReporterKind::Business, None, "");
    assert!(!text.ja.contains("目安") && !text.ja.contains("紹介コード"));
    assert!(!text.en.contains("guide") && !text.en.contains("Referral code"));
}

#[test]
fn a_date_that_rests_on_holidays_not_fixed_yet_is_marked() {
    let later = facts(renkei_proto::r#type::v1::Sector::Private, "2027-12-15", &[3], None);
    let text = paper(Agency::Ipa, ReporterKind::Business, dates(&later).as_ref(), "");
    assert!(text.ja.contains("まで（祝日未確定のため暫定）（いずれかの部署が"), "{}", text.ja);
    assert!(text.ja.contains("暫定の日付は"));
    assert!(text.en.contains(" (provisional) (60 days"));
    assert!(!company_c_paper().ja.contains("暫定"));
}

#[test]
fn the_id_of_a_scheme_replaces_its_erased_words() {
    let erased = Scheme { content: None, ..shown(Agency::Ppc, "leak-report-private") };
    let text = introduction(&Paper {
        issuer: Agency::Ipa,
        schemes: &[erased],
        reporter: ReporterKind::Business,
        dates: None,
        code: "",
    });
    assert!(text.ja.contains("\n1　leak-report-private\n　義務・任意の別：該当する場合は、"), "{}", text.ja);
    assert!(text.en.contains("\n1. leak-report-private\n"));
}

#[test]
fn a_schemes_text_in_japanese_alone_stays_japanese() {
    let mut scheme = shown(Agency::Ppc, "leak-report-private");
    let content = scheme.content.as_mut().unwrap();
    content.who.as_mut().unwrap().en.clear();
    scheme.terms.as_mut().unwrap().duty = FilingDuty::Unspecified.into();
    let text = introduction(&Paper {
        issuer: Agency::Ipa,
        schemes: &[scheme],
        reporter: ReporterKind::Business,
        dates: None,
        code: "",
    });
    assert!(text.en.contains("   Who: 個人情報取扱事業者\n"), "{}", text.en);
    assert!(!text.ja.contains("義務・任意の別"));
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
    let dates = dates(&company_c());
    for (count, length) in [(1, 500), (1, 2000), (2, 90), (2, 900), (100, 50), (100, 2000)] {
        let schemes: Vec<Scheme> = (1..=count).map(|n| long(n, length)).collect();
        let reporter = ReporterKind::DelegatedSector;
        let text = introduction(&Paper {
            issuer: Agency::Ipa,
            schemes: &schemes,
            reporter,
            dates: dates.as_ref(),
            code: "FZZZZZZZZZZZZ-ZZZZ-ZZZZZ",
        });
        for text in [&text.ja, &text.en] {
            assert!(text.chars().count() <= 2000, "{count} {length}: {}", text.chars().count());
            assert!(text.contains("FZZZZZZZZZZZZ-ZZZZ-ZZZZZ") && text.contains("60"), "{text}");
            let first = length <= 100 || text.contains("long-1") || text.contains(&"長".repeat(length)[..300]);
            assert!(first || text.contains(&"l".repeat(length)), "{text}");
        }
        let named = text.ja.matches("義務・任意の別").count();
        assert!(named == count || text.ja.contains(&format!("ほか{}件の制度があります。", count - named)));
    }
}
