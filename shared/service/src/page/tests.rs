#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use serde_json::{Value, json};

use super::*;

#[test]
fn the_page_is_in_the_language_that_is_asked_for_or_accepted_or_configured() {
    use Language::{En, Ja};
    for (query, accepted, configured, expected) in [
        (None, None, En, En),
        (None, None, Ja, Ja),
        (Some("lang=ja"), Some("en"), En, Ja),
        (Some("a=b&lang=en"), Some("ja"), Ja, En),
        (Some("lang=fr"), Some("ja-JP,ja;q=0.9,en-US;q=0.8"), En, Ja),
        (None, Some("fr, en;q=0.5, ja;q=0.75"), En, Ja),
        (None, Some("ja;q=0, en;q=0.1"), Ja, En),
        (None, Some("fr"), Ja, Ja),
        (None, Some(";;,q=x,ja;q=ten"), En, En),
    ] {
        assert_eq!(language(query, accepted, configured), expected, "{query:?} {accepted:?}");
    }
}

/// A status in which every text is this one.
fn status(text: &str) -> Status {
    let entry = json!({
        "entry": text, "author": text, "fact_type": text, "written_at": text, "stored_at": text, "is_receipted": false,
        "receipt_at": text, "refused": text,
    });
    let matter = json!({ "name": text, "case_number": text, "state": text, "state_ja": text, "entries": [entry] });
    let trust = json!({
        "port": text, "what": text, "version": text, "ends_at": text, "days_left": -1, "seconds_left": -1,
    });
    let duty = json!({
        "kind": text, "open": 1, "overdue": 1, "due_today": 1, "next_due": text, "next_matter": text,
    });
    let waiting = json!({
        "entry": text, "matter": text, "fact_type": text, "written_at": text, "for_seconds": 1, "why": text,
    });
    let version = json!({ "first_day": text, "digest": text });
    let status = json!({
        "agency": text, "as_of": text, "service": text, "database": text, "recording": text, "clock": text,
        "link": {
            "state": text, "cause": text, "since": text, "last_failure": { "at": text, "cause": text },
            "lacking": [{ "agency": text, "first_day": text, "digest": text }], "peer_versions": [version],
        },
        "trust": [trust], "trust_faults": [{ "port": text, "why": text }],
        "held": {
            "own_seq": 2, "own_hash": text, "incarnation": 1, "receipted_seq": 1, "last_receipt_at": text,
            "peer_seq": 1, "peer_hash": text, "backlog": 1, "oldest_waiting": waiting, "expected": 0,
            "expected_for_seconds": 0, "stopped_at": text, "stopped_by_peer_at": text, "recovering": true,
            "bar_list_open": true, "set_aside": 1, "duties": [duty], "unanchored_for_seconds": 0,
            "agreement": { "standing": text, "notice_by": text },
        },
        "watchers": Value::Null, "backlog_hour": [{ "at": text, "backlog": 1 }], "matters": [matter],
    });
    serde_json::from_value(status).unwrap()
}

#[test]
fn every_text_is_escaped_wherever_it_is_shown() {
    for language in [Language::En, Language::Ja] {
        let shown = page(&status("\"><script src='x'>&amp;"), language);
        assert!(shown.contains("&quot;&gt;&lt;script"), "{shown}");
        assert!(!shown.to_lowercase().contains("<script"), "{shown}");
    }
}

#[test]
fn no_matter_of_a_duty_is_shown_but_its_number() {
    let mut status = status("-");
    status.held.as_mut().unwrap().duties[0].next_matter = "agencies/ppc/referrals/of-a-duty".to_owned();
    assert!(!page(&status, Language::En).contains("of-a-duty"));
}

#[test]
fn a_database_that_is_away_is_reported_and_the_rest_is_shown() {
    let mut status = status("-");
    (status.held, status.matters) = (None, None);
    status.database = "no connection".to_owned();
    let shown = page(&status, Language::En);
    assert!(shown.contains("The database is away: no connection"), "{shown}");
    assert!(shown.contains("The database did not answer."), "{shown}");
    assert!(page(&status, Language::Ja).contains("データベースに異常があります：no connection"));
}
