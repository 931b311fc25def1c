//! The operator's view: the status of the service, its metrics in a real Prometheus, the alert rules and the dashboard
//! that come with it. At night, with these alone.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::process::Stdio;

use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    acts::{both, publish_all, settle},
    http::get,
    pair::Pair,
    prometheus::Prometheus,
    scenario::start,
    setup::{AGENCIES, Choice},
};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::checkout::checkout;

async fn status(pair: &Pair, agency: Agency) -> Value {
    let (code, text) = pair.command_line(agency, &["status", "--json"]).await.unwrap();
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn metrics(pair: &Pair, agency: Agency) -> String {
    let (code, text) = get(pair.side(agency).operator().unwrap(), "/metrics").await.unwrap();
    assert_eq!(code, 200, "{text}");
    text
}

/// The complaints of promtool about metrics; empty when there are none.
async fn linted(metrics: &str) -> String {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    format!("{}{}", String::from_utf8(text).unwrap(), if output.status.success() { "" } else { "failed" })
}

#[tokio::test]
async fn the_operators_port_reports_the_condition_of_the_service_and_is_read_only() {
    let mut pair = Pair::processes(None, start().unwrap(), [71; 32], Choice::default()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let address = pair.ppc.operator().unwrap();
    for (path, code) in [("/status", 200), ("/metrics", 200), ("/", 200), ("/status?x", 200), ("//", 404)] {
        assert_eq!(get(address, path).await.unwrap().0, code, "{path}");
    }
    let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    tcp.write_all(b"POST /status HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut tcp, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 405"), "{answer}");

    let told = status(&pair, Agency::Ppc).await;
    assert_eq!((&told["agency"], &told["service"], &told["database"]), (&"ppc".into(), &"running".into(), &"".into()));
    assert_eq!(told["link"]["state"], "connected");
    assert_eq!(told["held"]["oldest_waiting"], Value::Null);
    let (code, text) = pair.command_line(Agency::Ppc, &["health"]).await.unwrap();
    assert_eq!((code, text.as_str()), (Some(0), "the service runs and its database answers\n"));

    pair.stop(Agency::Ppc).await.unwrap();
    let told = status(&pair, Agency::Ppc).await;
    assert_eq!(
        (&told["service"], &told["link"]["cause"]),
        (&"not running".into(), &"the service is not running".into())
    );
    assert_eq!(told["held"]["own_seq"], ppc_head(&pair).await, "the state of the database is shown");
    let (code, _) = pair.command_line(Agency::Ppc, &["health"]).await.unwrap();
    assert_eq!(code, Some(1));
    pair.stop_both().await.unwrap();
}

/// The head of PPC's journal as its peer has it.
async fn ppc_head(pair: &Pair) -> u64 {
    pair.side(Agency::Ipa).desk.link_status().await.unwrap().peer_seq
}

#[tokio::test]
async fn silent_connections_to_the_operators_port_do_not_make_the_service_look_ill() {
    let mut pair = Pair::processes(None, start().unwrap(), [74; 32], Choice::default()).await.unwrap();
    let address = pair.ppc.operator().unwrap();
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(tokio::net::TcpStream::connect(address).await.unwrap());
    }
    let (code, text) = pair.command_line(Agency::Ppc, &["health"]).await.unwrap();
    assert_eq!((code, text.as_str()), (Some(0), "the service runs and its database answers\n"));
    drop(silent);
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn a_duty_is_shown_until_it_is_done_and_the_doctor_finds_nothing() {
    let mut pair = Pair::processes(None, start().unwrap(), [72; 32], Choice::default()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let duties = status(&pair, Agency::Ppc).await["held"]["duties"].clone();
    assert_eq!(
        duties,
        serde_json::json!([{
            "kind": "confirm_referral", "open": 1, "overdue": 0, "due_today": 0, "next_due": null, "next_due_by_rule": false, "next_matter": issued.name,
        }])
    );
    assert!(metrics(&pair, Agency::Ppc).await.contains("renkei_duties_open{kind=\"confirm_referral\"} 1\n"));
    assert_eq!(status(&pair, Agency::Ipa).await["held"]["duties"], serde_json::json!([]), "it is PPC's");
    ppc.confirm(ppc.confirming(&issued)).await.unwrap();
    assert_eq!(status(&pair, Agency::Ppc).await["held"]["duties"], serde_json::json!([]));
    assert!(metrics(&pair, Agency::Ppc).await.contains("renkei_duties_open{kind=\"confirm_referral\"} 0\n"));

    for agency in AGENCIES {
        let (code, text) = pair.command_line(agency, &["doctor"]).await.unwrap();
        assert_eq!(code, Some(0), "{text}");
        assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
    }
    pair.stop(Agency::Ipa).await.unwrap();
    let key = pair.setup.file(Agency::Ppc, "token.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (code, text) = pair.command_line(Agency::Ppc, &["doctor"]).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    let found = |mark: &str, what: &str| text.lines().any(|line| line.starts_with(mark) && line.contains(what));
    assert!(found("fail", &format!("others can read {key} (mode 644): chmod 600 it")), "{text}");
    assert!(found("warn", "is not reached"), "a peer that is away is not a failure: {text}");
    assert!(text.ends_with("1 of the checks found something wrong\n"), "{text}");
    pair.stop_both().await.unwrap();
}

/// Every query of the dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|it| queries(it, found)),
        Value::Object(map) => map.iter().for_each(|(key, it)| match it {
            Value::String(text) if key == "expr" => found.push(text.clone()),
            it => queries(it, found),
        }),
        _ => {}
    }
}

/// A guided failure: the link is cut, every sign reports it, the link comes back, and all is well.
#[tokio::test]
async fn a_prometheus_reads_the_metrics_and_alerts_follow_the_link() {
    let mut pair = Pair::processes(None, start().unwrap(), [73; 32], Choice::default()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    // One refusal, so that its counter is there.
    ppc.referral("agencies/ppc/referrals/none").await.unwrap_err();
    for agency in AGENCIES {
        assert_eq!(linted(&metrics(&pair, agency).await).await, "");
    }
    let targets = AGENCIES.map(|agency| (agency.id(), pair.side(agency).operator().unwrap()));
    let prometheus = Prometheus::start(checkout(), &targets).await.unwrap();
    let up = async || Ok(prometheus.series("up{job=\"renkei\"} == 1").await? == 2);
    prometheus.until("both services are scraped", up).await.unwrap();
    // The memorandum's notice is due within weeks of the day on which the scenario begins; nothing else is wrong.
    let well =
        async || Ok(prometheus.alerts().await?.iter().all(|alert| alert.starts_with("RenkeiNoticeDeadlineNear")));
    prometheus.until("nothing else is wrong", well).await.unwrap();

    pair.cut_link();
    let issued = ppc.issued(ppc.issuing()).await.unwrap();
    let waits = async || {
        let told = status(&pair, Agency::Ppc).await;
        Ok(told["link"]["state"] == "waiting" && told["held"]["oldest_waiting"]["matter"] == issued.name)
    };
    prometheus.until("status names what waits", waits).await.unwrap();
    let told = status(&pair, Agency::Ppc).await;
    let waiting = &told["held"]["oldest_waiting"];
    assert_eq!((&told["held"]["backlog"], &waiting["fact_type"]), (&1.into(), &"referral_issued".into()));
    assert!(!told["link"]["cause"].as_str().unwrap().is_empty(), "{told}");
    assert_eq!(waiting["why"], told["link"]["cause"], "why it waits is why the link is down");
    let alerted = async || Ok(prometheus.alerts().await?.contains(&"RenkeiLinkDown ppc".to_owned()));
    prometheus.until("the alert's expression is true", alerted).await.unwrap();

    pair.mend_link();
    settle(&ppc, &ipa).await.unwrap();
    prometheus.until("all is well again", well).await.unwrap();
    let told = status(&pair, Agency::Ppc).await;
    assert_eq!((&told["link"]["state"], &told["held"]["backlog"]), (&"connected".into(), &0.into()));

    let dashboard = std::fs::read_to_string(checkout().join("shared/ops").join("grafana/overview.json")).unwrap();
    let mut all = Vec::new();
    queries(&serde_json::from_str(&dashboard).unwrap(), &mut all);
    assert!(all.len() > 20, "{all:?}");
    for query in all {
        // A rate needs two scrapes.
        prometheus.until(&query, async || Ok(prometheus.series(&query).await? > 0)).await.unwrap();
    }
    pair.stop_both().await.unwrap();
}
