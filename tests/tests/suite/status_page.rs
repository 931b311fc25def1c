//! The status page for operators, as a browser gets it: the state of the service, the way of each entry, and nothing that an
//! operator may not see.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;

use renkei_proto::{link::v1::link_status::State, sharing::v1::ItemKind, r#type::v1::Agency};
use renkei_tools::{
    acts::{both, item_content, publish_all, settle, to_the_party},
    browser,
    database::{self, Engine},
    http::get,
    pair::Pair,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn shown(pair: &Pair, agency: Agency, path: &str) -> String {
    let (code, text) = get(pair.side(agency).operator().unwrap(), path).await.unwrap();
    assert_eq!(code, 200, "{text}");
    text
}

/// The values of an attribute in a document.
fn values<'a>(document: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    document.split(begin.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The row of a document with this heading.
fn row<'a>(document: &'a str, heading: &str) -> &'a str {
    let begin = format!("<th scope=\"row\">{heading}</th>");
    document.split_once(begin.as_str()).and_then(|(_, rest)| rest.split("</tr>").next()).unwrap_or_default()
}

#[tokio::test]
async fn the_page_shows_the_link_the_way_of_an_entry_and_the_duties_in_both_languages() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();

    let entry = issued.entries[0].rsplit('/').next().unwrap();
    let now = pair.clock.now();
    for (agency, is_own) in [(Agency::Ppc, true), (Agency::Ipa, false)] {
        let page = shown(&pair, agency, "/?lang=en").await;
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{page}");
        assert!(page.contains(&format!("Connected since</dt><dd><time datetime=\"{now}\">")), "{page}");
        assert!(page.contains("Nothing needs attention."), "{page}");
        assert!(page.contains(&issued.case_number) && page.contains(&issued.name), "{page}");
        let way = row(&page, &format!("PPC {entry}"));
        assert!(way.contains("<td>referral_issued</td>"), "{way}");
        assert_eq!((way.matches("● yes").count(), way.matches("waits").count()), (2, 0), "{way}");
        assert_eq!(way.matches("<time ").count(), 2, "written and received: {way}");
        assert_eq!(row(&page, "confirm_referral").is_empty(), !is_own, "the duty is PPC's");
    }
    let page = shown(&pair, Agency::Ppc, "/?lang=ja").await;
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"ja\">"), "{page}");
    for name in ["接続中", "紹介の登録", "紹介未了", "紹介の実施の確認", "証明書及び失効リスト"]
    {
        assert!(page.contains(name), "{name}: {page}");
    }
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_page_follows_a_link_that_is_cut_and_mended() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    pair.cut_link();
    let down = ppc.until_link("the link is down", |link| link.state() == State::Waiting).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let entry = issued.entries[0].rsplit('/').next().unwrap();

    let page = shown(&pair, Agency::Ppc, "/").await;
    assert!(page.contains("The link to the other agency is down: "), "{page}");
    assert!(page.contains("Not connected since"), "{page}");
    assert!(page.contains("Now 1, at most 1 in the last hour."), "{page}");
    let way = row(&page, &format!("PPC {entry}"));
    assert_eq!((way.matches("○ waits").count(), way.matches("● yes").count()), (2, 0), "{way}");

    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    let page = shown(&pair, Agency::Ppc, "/").await;
    assert!(page.contains("Nothing needs attention."), "{page}");
    assert!(page.contains("Now 0, at most "), "{page}");
    assert!(!down.cause.is_empty() && page.contains("Last failure</dt><dd><time "), "{page}");
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_page_has_the_data_of_the_status_and_no_text_and_no_official() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let mut publishing = ipa.publishing_item(to_the_party());
    publishing.content = Some(item_content(ItemKind::ThreatInformation, "ひみつの手口", pair.clock.now()));
    let item = ipa.publish_item(publishing).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    for agency in AGENCIES {
        let status = shown(&pair, agency, "/status").await;
        let told: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(told["matters"][0]["name"], item.name, "the newest is the first");
        assert_eq!(told["matters"][0]["entries"][0]["is_receipted"], true);
        let brief: Value = serde_json::from_str(&shown(&pair, agency, "/status?brief").await).unwrap();
        assert_eq!((&brief["matters"], &brief["agency"]), (&Value::Null, &told["agency"]));
        assert_eq!(told["backlog_hour"].as_array().and_then(|all| all.last()).unwrap()["backlog"], 0);
        let page = shown(&pair, agency, "/?lang=ja").await;
        for matter in told["matters"].as_array().unwrap() {
            assert!(page.contains(matter["name"].as_str().unwrap()), "{matter}");
        }
        for hidden in ["ひみつの手口", "tanaka"] {
            assert!(!page.contains(hidden) && !status.contains(hidden), "{hidden}");
        }
    }
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn everything_on_the_page_comes_from_the_service() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let operator = pair.ppc.operator().unwrap();
    let answer = renkei_service::http::get(operator, "/").await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; "), "{policy}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = shown(&pair, Agency::Ppc, "/").await;
    assert!(page.contains("<meta http-equiv=\"refresh\" content=\"15\">"), "{page}");
    let links = [values(&page, "href"), values(&page, "src"), values(&page, "action")].concat();
    assert!(!links.is_empty());
    for link in links {
        assert!(link.starts_with('/') && !link.starts_with("//"), "{link}");
        assert_eq!(get(operator, link).await.unwrap().0, 200, "{link}");
    }
    let style = shown(&pair, Agency::Ppc, "/status.css").await;
    for foreign in ["<script", " style=", "javascript:", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(foreign) && !style.contains(foreign), "{foreign}");
    }
    pair.stop_both().await.unwrap();
}

/// The status line of the answer to a request for a path under a name.
async fn answered(operator: SocketAddr, path: &str, host: &str) -> String {
    let mut tcp = TcpStream::connect(operator).await.unwrap();
    tcp.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// A name of the public internet may belong to a page that wants to read this one.
#[tokio::test]
async fn the_page_and_the_status_do_not_answer_to_a_name_of_the_public_internet() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let operator = pair.ppc.operator().unwrap();
    for path in ["/", "/?lang=ja", "/status", "/status?brief"] {
        for foreign in ["renkei.example", "renkei.example:9464", "127.0.0.1.renkei.example:9464"] {
            let answer = answered(operator, path, foreign).await;
            assert_eq!(answer, "HTTP/1.1 421 Misdirected Request", "{path} at {foreign}");
        }
        for own in ["127.0.0.1", "127.0.0.1:9464", "[::1]:9464", "[::1]", "localhost:9464", "ppc:9464"] {
            assert_eq!(answered(operator, path, own).await, "HTTP/1.1 200 OK", "{path} at {own}");
        }
    }
    assert_eq!(answered(operator, "/metrics", "renkei.example:9464").await, "HTTP/1.1 200 OK");
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn the_page_is_there_while_the_database_is_away_and_reports_it() {
    let choice = Choice::default();
    let mut pair = Pair::one_sided_process(Agency::Ppc, start().unwrap(), [75; 32], choice).await.unwrap();
    let sql = |text: &str| database::behind_its_back(&pair.setup, Agency::Ppc, text).unwrap();
    let file = database::file(&pair.setup, Agency::Ppc);
    let away = format!("{file}.away");
    let is_embedded = database::engine_of(&pair.setup) == Engine::Sqlite;
    match is_embedded {
        true => std::fs::rename(&file, &away).unwrap(),
        false => sql("ALTER TABLE store ADD COLUMN was TEXT; UPDATE store SET was = store_id, store_id = 'another'"),
    }
    let page = shown(&pair, Agency::Ppc, "/").await;
    assert!(page.contains("The database is away: ") && page.contains("was deleted or replaced"), "{page}");
    match is_embedded {
        true => std::fs::rename(&away, &file).unwrap(),
        false => sql("UPDATE store SET store_id = was"),
    }
    assert!(!shown(&pair, Agency::Ppc, "/").await.contains("The database is away"));
    pair.stop(Agency::Ppc).await.unwrap();
}

#[tokio::test]
async fn a_browser_shows_the_page_and_complains_of_nothing() {
    let mut pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let operator = pair.ppc.operator().unwrap();
    for (language, words) in
        [("en", ["Nothing needs attention.", "scheme_published"]), ("ja", ["接続中", "制度の公表"])]
    {
        let loaded = browser::load(&format!("http://{operator}/?lang={language}")).await.unwrap();
        assert_eq!(loaded.complaints, [""; 0]);
        for word in words {
            assert!(loaded.document.contains(word), "{word}: {}", loaded.document);
        }
    }
    pair.stop_both().await.unwrap();
}
