//! The configuration: the documented example starts, and every wrong value is named in a sentence.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::HashMap, path::Path, time::SystemTime};

use renkei_proto::r#type::v1::Agency;
use renkei_service::config::{Config, EXAMPLE};
use renkei_telemetry::Telemetry;
use renkei_tools::{clock::Clock, scenario, setup::Setup};
use tempfile::TempDir;

/// The error of the example with a change.
fn error_of(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example has no {from}");
    Config::parse(&EXAMPLE.replacen(from, to, 1), Path::new("/")).unwrap_err().to_string()
}

fn free_ports() -> HashMap<String, String> {
    let ports = ["RENKEI__DESK__LISTEN", "RENKEI__LINK__LISTEN", "RENKEI__OPERATOR__LISTEN"];
    ports.map(|name| (name.to_owned(), "127.0.0.1:0".to_owned())).into()
}

#[expect(clippy::disallowed_methods, reason = "certificates are judged by the machine's clock")]
fn machine_time() -> SystemTime {
    SystemTime::now()
}

/// The example in a folder with everything that it names.
fn arranged() -> (TempDir, std::path::PathBuf) {
    let dir = TempDir::new().unwrap();
    Setup::new(dir.path(), machine_time(), [3; 32]).unwrap();
    let file = dir.path().join("ppc/ppc.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    (dir, file)
}

#[tokio::test]
async fn the_documented_example_starts_with_ports_from_the_environment() {
    let (_dir, file) = arranged();
    let mut config = Config::load(&file, free_ports()).unwrap();
    assert_eq!(config.desk.listen.port(), 0, "the environment overrides the file");
    config.database.first_start = true;
    let (telemetry, _) = Telemetry::in_memory("renkei-ppc");
    let source = Clock::at(scenario::start().unwrap()).source([4; 32]);
    let running = renkei_service::start(Agency::Ppc, config, source, &telemetry).await.unwrap();
    assert_ne!(running.desk.port(), 0);
    let heads = running.store.audit_heads().await.unwrap();
    let recorded = heads.iter().find(|head| head.chain == "a/r").map(|head| head.seq);
    assert_eq!(recorded, Some(1), "the first start is on record");
    running.stop().await;
}

#[tokio::test]
async fn a_database_of_the_other_agency_is_refused_with_what_to_do() {
    let (_dir, file) = arranged();
    let config = Config::load(&file, free_ports()).unwrap();
    let (telemetry, _) = Telemetry::in_memory("renkei-ppc");
    let source = Clock::at(scenario::start().unwrap()).source([5; 32]);
    let mut first = config.clone();
    first.database.first_start = true;
    renkei_service::start(Agency::Ppc, first, source.clone(), &telemetry).await.unwrap().stop().await;
    let mut other = config;
    other.callers.clear();
    let error = renkei_service::start(Agency::Ipa, other, source, &telemetry).await.err().unwrap().to_string();
    assert!(error.contains("belongs to ppc") && error.contains("database.url"), "{error}");
}

#[test]
fn every_wrong_value_is_named_in_a_sentence() {
    for (from, to, says) in [
        ("replica = \"a\"", "replica = \"A b\"", "`replica`"),
        ("url = \"sqlite:ppc.db\"", "url = \"mysql://x\"", "`database.url`"),
        ("sample_ratio = 0.1", "sample_ratio = 1.5", "`telemetry.sample_ratio`"),
        ("listen = \"127.0.0.1:7443\"", "listen = \"nowhere\"", "desk.listen"),
        ("dial = \"both\"", "dial = \"never\"", "peer.dial"),
        ("server_name = \"ipa.example\"", "server_name = \"ipa example\"", "`peer.server_name`"),
        ("replica = \"a\"", "replica = \"a\"\nreplicas = 2", "replicas"),
        ("[secrets]", "[secrets]\nother = \"x\"", "other"),
        ("[telemetry]", "[clock]\nfile = \"x\"\n[telemetry]", "`clock` is for sandboxes only"),
        ("[telemetry]", "[failures]\nabort_at = \"begin:1\"\n[telemetry]", "`failures` is for sandboxes only"),
        ("unit_ja = \"報告受付係\"", "unit_ja = \"一行目\\n二行目\"", "`contact.unit_ja`"),
        ("unit_ja = \"報告受付係\"", "", "`contact.unit_ja` must be set beside `contact.unit_en`"),
        ("unit_en = \"Report desk\"", &format!("unit_en = \"{}\"", "d".repeat(61)), "`contact.unit_en`"),
        ("telephone = \"03-0000-0000\"", "telephone = \"call us\"", "`contact.telephone`"),
        ("telephone = \"03-0000-0000\"", &format!("telephone = \"{}\"", "0".repeat(33)), "`contact.telephone`"),
        ("telephone = \"03-0000-0000\"", "mail = \"nobody\"", "`contact.mail`"),
        ("telephone = \"03-0000-0000\"", "mail = \"a@b@c\"", "`contact.mail`"),
        ("telephone = \"03-0000-0000\"", "fax = \"03-0000-0000\"", "fax"),
        ("unit = \"intake\"", "unit = \"In Take\"", "unit"),
        ("sandbox = false", "sandbox = true\nfailures = { abort_at = \"begin\" }", "`failures.abort_at`"),
        (
            "sandbox = false",
            "sandbox = true\nfailures = { kinds_unspoken = [\"nothing\"] }",
            "`failures.kinds_unspoken`",
        ),
    ] {
        let error = error_of(from, to);
        assert!(error.contains(says), "{to}: {error}");
        assert_eq!(error.lines().count(), 1, "one sentence: {error}");
    }
}

#[test]
fn a_fault_that_only_the_start_would_find_is_found_in_the_configuration() {
    for (from, to, says) in [
        ("log = \"info\"", "log = \"info,=[\"", "`telemetry.log`"),
        (
            "\"127.0.0.1:7444\"",
            "\"127.0.0.1:7443\"",
            "`link.listen` must be another address or port than that of `desk.listen`",
        ),
        ("\"127.0.0.1:7444\"", "\"0.0.0.0:7443\"", "`link.listen` must be another address"),
        ("\"127.0.0.1:9464\"", "\"127.0.0.1:7444\"", "`operator.listen` must be another address"),
        ("\"ipa.example:7444\"", "\"127.0.0.1:7444\"", "`peer.address` must lead to the other agency"),
        ("\"ipa.example:7444\"", "\"localhost:7444\"", "`peer.address` must lead to the other agency"),
        ("id = \"ipa-1\"", "id = \"ppc-1\"", "`peer.keys` must name each key by an id of its own: ppc-1"),
        (
            "file = \"content.key\"",
            "file = \"content.key\"\n[[content.keys]]\nid = \"content-1\"\nfile = \"other.key\"",
            "`content.keys` must name each key by an id of its own: content-1",
        ),
    ] {
        let error = error_of(from, to);
        assert!(error.contains(says), "{to}: {error}");
        assert_eq!(error.lines().count(), 1, "one sentence: {error}");
    }
}

#[test]
fn a_variable_of_the_environment_is_text_if_the_configuration_has_text() {
    let (_dir, file) = arranged();
    let with = |name: &str, value: &str| Config::load(&file, [(name.to_owned(), value.to_owned())].into());
    for name in ["12345678e901", "1", "true", "007"] {
        assert_eq!(with("RENKEI__REPLICA", name).unwrap().replica, name);
    }
    assert_eq!(with("RENKEI__TELEMETRY__SAMPLE_RATIO", "0.5").unwrap().telemetry.sample_ratio, 0.5);
    assert_eq!(with("RENKEI__DATABASE__MIGRATE", "false").unwrap().database.migrate, Some(false));
    assert!(with("RENKEI__SANDBOX", "true").unwrap().sandbox);
    assert!(with("RENKEI__SANDBOX", "perhaps").is_err());
    assert!(with("RENKEI__TELEMETRY__SAMPLE_RATIO", "half").is_err());
}

#[test]
fn an_address_that_nobody_can_dial_is_refused_before_the_start() {
    let of = |address: &str| EXAMPLE.replacen("\"ipa.example:7444\"", &format!("{address:?}"), 1);
    let long = |length: usize| format!("{}:7444", "a".repeat(length));
    for right in ["ipa.example:7444", "10.0.0.1:1", "[2001:db8::1]:65535", &long(253), &long(254)] {
        Config::parse(&of(right), Path::new("/")).unwrap();
    }
    let wrong = ["", ":7444", "ipa.example", "ipa.example:", "ipa.example:0", "ipa.example:65536", "2001:db8::1:7444"];
    let more = ["http://ipa.example:7444", "a@ipa.example:7444", "ipa.example:7444/x", "ipa example:7444", &long(255)];
    for wrong in wrong.into_iter().chain(more) {
        let error = Config::parse(&of(wrong), Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("`peer.address` must be host:port, at most 259 bytes"), "{wrong}: {error}");
    }
}

#[test]
fn a_collector_that_nothing_can_be_sent_to_is_refused_before_the_start() {
    let of = |url: &str| {
        EXAMPLE.replacen("# otlp_endpoint = \"http://localhost:4317\"", &format!("otlp_endpoint = {url:?}"), 1)
    };
    let long = |length: usize| format!("http://{}", "a".repeat(length - 7));
    for right in ["http://localhost:4317", "http://[::1]:4317/v1", &long(250)] {
        Config::parse(&of(right), Path::new("/")).unwrap();
    }
    for wrong in
        ["", "localhost:4317", "https://localhost:4317", "ftp://localhost", "http://", "http://a b", &long(1001)]
    {
        let error = Config::parse(&of(wrong), Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("`telemetry.otlp_endpoint` must be http://host:port"), "{wrong}: {error}");
    }
}

#[test]
fn only_an_embedded_database_is_upgraded_by_the_service_by_default() {
    let migrates = |url: &str, line: &str| {
        let text = EXAMPLE.replacen("sqlite:ppc.db", url, 1).replacen("\nmigrate = true\n", line, 1);
        Config::parse(&text, Path::new("/")).unwrap().database.migrates()
    };
    assert!(migrates("sqlite:ppc.db", "\n"));
    assert!(!migrates("postgres://ppc@localhost/ppc?sslmode=verify-full", "\n"));
    assert!(!migrates("sqlite:ppc.db", "\nmigrate = false\n"));
    assert!(migrates("postgres://ppc@localhost/ppc?sslmode=verify-full", "\nmigrate = true\n"));
}

#[test]
fn a_fault_is_reported_with_the_file_that_contains_it() {
    let (_dir, file) = arranged();
    for (from, to) in
        [("replica = \"a\"", "replica = \"A b\""), ("[journal]", "[jurnal]"), ("sandbox = false", "sandbox =")]
    {
        std::fs::write(&file, EXAMPLE.replacen(from, to, 1)).unwrap();
        let error = Config::load(&file, HashMap::new()).unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.lines().count() == 1, "{to}: {error}");
    }
}

#[test]
fn callers_are_of_the_own_desk_and_have_known_roles() {
    let ipa = Config::parse(EXAMPLE, Path::new("/")).unwrap().callers(Agency::Ipa).unwrap_err().to_string();
    assert!(ipa.contains("must begin with spiffe://ipa/desk/"), "{ipa}");
    let text = EXAMPLE.replacen("roles = [\"intake\"]", "roles = [\"peer\"]", 1);
    let peer = Config::parse(&text, Path::new("/")).unwrap().callers(Agency::Ppc).unwrap_err().to_string();
    assert!(peer.contains("names no role of the desk: peer"), "{peer}");
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nonexistent/ppc.toml"), HashMap::new()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/ppc.toml") && error.contains("--config"), "{error}");
}

#[tokio::test]
async fn a_list_of_holidays_that_cannot_be_used_prevents_the_start_before_the_database_is_touched() {
    let (dir, file) = arranged();
    let named = EXAMPLE.replacen("# holidays = ", "holidays = ", 1);
    assert_ne!(named, EXAMPLE);
    std::fs::write(&file, named).unwrap();
    let start = async || {
        let mut config = Config::load(&file, free_ports()).unwrap();
        config.database.first_start = true;
        let (telemetry, _) = Telemetry::in_memory("renkei-ppc");
        let source = Clock::at(scenario::start().unwrap()).source([6; 32]);
        let started = renkei_service::start(Agency::Ppc, config, source, &telemetry).await;
        started.err().map(|error| error.to_string())
    };
    let list = dir.path().join("ppc/holidays.tsv");
    let path = list.display().to_string();
    for (text, says) in [
        (None, ["`holidays`", "No such file"]),
        (Some("2028-01-01\t元日\n2028/1/3\t休日\n"), ["line 2: 2028/1/3 is not a day", "2行目：「2028/1/3」"]),
        (Some("2028-01-01\t元日\n"), ["line 1: 2028-01-10 (成人の日) is missing", "1行目：2028-01-10（成人の日）"]),
    ] {
        text.iter().for_each(|text| std::fs::write(&list, text).unwrap());
        let error = start().await.unwrap();
        assert!(says.iter().all(|says| error.contains(says)) && error.contains(&path), "{error}");
        assert!(!dir.path().join("ppc/ppc.db").exists(), "a start that fails creates no database");
    }
}

#[test]
fn a_version_of_the_memorandum_that_cannot_be_used_is_named_in_both_languages() {
    let dir = TempDir::new().unwrap();
    let text = EXAMPLE.replacen("# agreements = ", "agreements = ", 1);
    assert_ne!(text, EXAMPLE);
    let first = include_str!("../../../shared/domain/src/agreement.toml");
    let file = dir.path().join("agreement-2027-04-01.toml");
    let config = Config::parse(&text, dir.path()).unwrap();
    let missing = config.memorandum().unwrap_err().to_string();
    assert!(missing.contains("`agreements`") && missing.contains(&file.display().to_string()), "{missing}");
    for (text, says) in [
        ("applies_from = \"2027-04-01\"\nname_ja = 1\n".to_owned(), ["line 2: ", "2行目："]),
        (format!("# Amended.\n{first}"), ["a day after 2023-04-01", "`applies_from`には、"]),
        (
            format!("applies_from = \"2027-04-01\"\n{}", first.replace("3 months", "6 months")),
            ["`notice` ", "`notice`が"],
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = config.memorandum().unwrap_err().to_string();
        assert!(says.iter().all(|says| error.contains(says)), "{error}");
    }
    std::fs::write(&file, format!("applies_from = \"2027-04-01\"\n{first}")).unwrap();
    assert_eq!(config.memorandum().unwrap().versions().len(), 2);
    let many = format!("agreements = [{}]\n{EXAMPLE}", "\"a\", ".repeat(51));
    let error = Config::parse(&many, dir.path()).unwrap().memorandum().unwrap_err().to_string();
    assert!(error.contains("at most 50 texts"), "{error}");
}
