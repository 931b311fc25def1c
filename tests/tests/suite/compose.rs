//! The files that docker-compose.yml mounts, with both services on them. They start natively here; what a container gives
//! (names, ports, the socket of its database) comes from the environment. `./dev containers` starts the containers.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{collections::BTreeMap, path::Path, time::Duration};

use renkei_store::Store;
use renkei_tools::{
    cluster::{Database, Engine},
    compose,
    http::get,
    pair::machine_time,
    process::{Process, binary},
    setup::AGENCIES,
    wire::Wire,
};
use tempfile::TempDir;

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn a_later_run_keeps_what_databases_depend_on_and_certificates_as_long_as_they_last() {
    let dir = TempDir::new().unwrap();
    let files = [
        "journal.pem",
        "content.key",
        "digest.key",
        "token.key",
        "code.key",
        "database/password",
        "desk/certificate.pem",
        "callers/operator/certificate.pem",
        "link/crl.pem",
    ];
    let all = || {
        let of = |agency: &str| files.map(|file| read(dir.path(), &format!("{agency}/{file}")));
        [of("ppc"), of("ipa")]
    };
    let day = Duration::from_secs(24 * 60 * 60);
    let run = |now, seed, fresh| compose::write(dir.path(), now, [seed; 32], fresh).unwrap();
    run(machine_time(), 1, false);
    let first = all();
    assert_ne!(first[0], first[1], "the agencies share no secret");
    run(machine_time() + Duration::from_secs(60), 2, false);
    assert_eq!(all(), first, "the copied files of a caller stay good");

    let renewed = |before: &[[String; 9]; 2]| {
        for (before, after) in before.iter().zip(&all()) {
            assert_eq!(before[..6], after[..6]);
            assert!(before[6..].iter().zip(&after[6..]).all(|(before, after)| before != after));
        }
    };
    // The lists of a week last for two more days only.
    run(machine_time() + 5 * day, 3, false);
    renewed(&first);
    let second = all();
    run(machine_time() + 5 * day, 4, true);
    renewed(&second);
    let third = all();
    std::fs::remove_file(dir.path().join("ipa/callers/reader/key.pem")).unwrap();
    run(machine_time() + 5 * day, 5, false);
    renewed(&third);
}

#[tokio::test]
async fn both_services_start_on_the_files_that_are_mounted_and_find_each_other() {
    let dir = TempDir::new().unwrap();
    compose::write(dir.path(), machine_time(), [3; 32], false).unwrap();
    let (mut links, mut databases, mut services) = (BTreeMap::new(), Vec::new(), Vec::new());
    for agency in AGENCIES {
        links.insert(agency.id(), Wire::new().await.unwrap());
    }
    for agency in AGENCIES {
        let id = agency.id();
        let database = Database::new(Engine::Postgres);
        let port = || "127.0.0.1:0".to_owned();
        let variables = [
            ("RENKEI__DATABASE__URL", database.url().to_owned()),
            ("RENKEI__DESK__LISTEN", port()),
            ("RENKEI__LINK__LISTEN", port()),
            ("RENKEI__OPERATOR__LISTEN", port()),
            ("RENKEI__PEER__ADDRESS", links[agency.peer().id()].address().to_string()),
            ("RENKEI__TELEMETRY__OTLP_ENDPOINT", "http://127.0.0.1:1".to_owned()),
        ];
        let config = read(dir.path(), &format!("{id}/{id}.toml"));
        // As the one-time service of each agency does.
        Store::migrate(database.url(), agency, "of a container", &renkei_store::silent).await.unwrap();
        let service =
            Process::start_with(&binary(agency).unwrap(), &dir.path().join(id), id, &config, &variables).await.unwrap();
        links[id].lead_to(service.link);
        databases.push(database);
        services.push(service);
    }
    for service in &services {
        let connected = async {
            loop {
                let (_, status) = get(service.operator, "/status").await.unwrap();
                let status: serde_json::Value = serde_json::from_str(&status).unwrap();
                if status["link"]["state"] == "connected" {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), connected).await.unwrap();
    }
    for service in services {
        service.end().await.unwrap();
    }
}
