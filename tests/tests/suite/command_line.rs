//! The command lines of both binaries, on a pair that runs and on one that is down.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use renkei_proto::{
    evidence::v1::ListEntriesRequest, options::v1::Reason, referral::v1::ListReferralsRequest, r#type::v1::Agency,
};
use renkei_tools::{
    acts::{Acts, both, settle},
    database::{self, Engine},
    desk::PATIENCE,
    pair::Pair,
    pki,
    pki::Use,
    process::{Signal, binary, signal as send},
    sandbox::walk,
    setup::Choice,
};
use tokio::process::Command;

/// The exit code and the output of a command line.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) async fn run_with(agency: Agency, file: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary(agency).unwrap());
    command.arg("--config").arg(file).args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    // A `serve` that should have been refused would run for ever.
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    assert!(output.is_ok(), "{arguments:?} has not ended");
    let output = output.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The file of a side's configuration; the pair writes it at each start.
fn file(pair: &Pair, agency: Agency) -> PathBuf {
    pair.setup.dir.join(format!("{}.toml", agency.id()))
}

async fn run(pair: &Pair, agency: Agency, arguments: &[&str]) -> Output {
    run_with(agency, &file(pair, agency), arguments, &[]).await
}

/// The standard output of a command that succeeds and reports nothing else.
async fn done(pair: &Pair, agency: Agency, arguments: &[&str]) -> String {
    let said = run(pair, agency, arguments).await;
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}: {said:?}");
    said.out
}

/// One sentence on standard error and nothing else, with exit code 1.
#[track_caller]
pub(crate) fn assert_sentence(said: &Output, words: &[&str]) {
    assert_eq!((said.code, said.err.lines().count()), (Some(1), 1), "{said:?}");
    for words in words {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

async fn referral(acts: &Acts) -> String {
    let request = ListReferralsRequest { parent: "agencies/ppc".to_owned(), ..ListReferralsRequest::default() };
    acts.list_referrals(request).await.unwrap().referrals.pop().unwrap().name
}

#[tokio::test]
async fn the_language_is_that_of_the_option_or_else_of_the_configuration_and_json_is_english() {
    let mut pair = walk(None, [62; 32], None, &mut |_| ()).await.unwrap();
    let ppc = async |arguments: &'static [&str], variables: &'static [(&str, &str)]| {
        run_with(Agency::Ppc, &file(&pair, Agency::Ppc), arguments, variables).await
    };
    const JAPANESE: &[(&str, &str)] = &[("RENKEI__LANGUAGE", "ja")];
    let japanese = ppc(&["status"], JAPANESE).await.out;
    for part in ["機関間接続", "接続中", "紹介の実施の確認：未了", "覚書", "有効（第 4 期", "+09:00"]
    {
        assert!(japanese.contains(part), "{part}: {japanese}");
    }
    assert!(!japanese.contains("Z\n") && !japanese.contains("confirm_referral"), "{japanese}");
    for (arguments, variables) in [(["status"].as_slice(), [].as_slice()), (&["status", "--lang", "en"], JAPANESE)] {
        let english = ppc(arguments, variables).await.out;
        assert!(english.contains("confirm_referral: ") && !english.contains("機関間接続"), "{english}");
    }
    let json = ppc(&["status", "--json", "--lang", "ja"], &[]).await.out;
    let status: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&status["service"], &status["link"]["state"]), (&"running".into(), &"connected".into()));
    assert!(status["as_of"].as_str().unwrap().ends_with('Z'));
    assert_eq!(status["held"]["agreement"]["current"]["state"], "IN_FORCE");

    for (arguments, words) in [
        (["trace", "甲-R08-ADV-9999"].as_slice(), "案件番号 甲-R08-ADV-9999 の案件はありません。"),
        (&["trace", "甲"], "案件の名前を指定することもできます。"),
        (&["trace", "agencies/ppc/referrals/1"], "agencies/ppc/referrals/1 の記録はありません。"),
        (&["resume", "--from", "1", "--reason", ""], "`--reason` は 1 字以上 1,000 字以内で指定してください。"),
        (&["confirm-clock", "--time", "now", "--reason", "x"], "`--time` は 2026-11-29T10:15 のように"),
    ] {
        assert_sentence(&ppc(arguments, JAPANESE).await, &["エラー：", words]);
    }
    assert_sentence(&ppc(&["status"], &[("RENKEI__LANGUAGE", "fr")]).await, &["the configuration is not understood"]);
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn every_command_works_beside_a_service_that_runs() {
    let mut pair = walk(None, [61; 32], None, &mut |_| ()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let link = ppc.link().await.unwrap();
    let checked = done(&pair, Agency::Ppc, &["check"]).await;
    assert!(checked.contains("configuration, keys and certificates are right"), "{checked}");
    assert!(checked.contains("the database is this agency's and up to date"), "{checked}");
    assert!(checked.contains("the peer answers as spiffe://ipa/link"), "{checked}");
    assert_eq!(done(&pair, Agency::Ppc, &["migrate"]).await, "migrations run: 0\n");

    let status: serde_json::Value =
        serde_json::from_str(&done(&pair, Agency::Ppc, &["status", "--json"]).await).unwrap();
    let expected = serde_json::json!({
        "own_seq": link.own_seq, "receipted_seq": link.own_seq, "backlog": 0, "peer_seq": link.peer_seq,
        "incarnation": 1, "recovering": false, "set_aside": 0, "stopped_at": null, "stopped_by_peer_at": null,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&status["held"][key], value, "{key}");
    }
    assert_eq!((&status["agency"], &status["service"]), (&"ppc".into(), &"running".into()));
    assert_eq!(status["held"]["agreement"]["standing"], "in force, term 4 until 2027-03-31");
    let table = done(&pair, Agency::Ppc, &["status"]).await;
    assert!(table.contains(&format!("{} (incarnation 1)", link.own_seq)), "{table}");

    let name = referral(&ppc).await;
    for acts in [&ppc, &ipa] {
        let traced = done(&pair, acts.agency, &["trace", &name]).await;
        let request = ListEntriesRequest { matter: name.clone(), ..ListEntriesRequest::default() };
        let entries = acts.list_entries(request).await.unwrap().entries;
        let (first, lines) = traced.split_once('\n').unwrap();
        assert!(
            first.starts_with(&format!("{name}: ")) && first.ends_with(&format!("entries: {}", entries.len())),
            "{first}"
        );
        assert_eq!(lines.lines().count(), entries.len(), "{traced}");
        for (line, entry) in lines.lines().zip(entries) {
            let level = if entry.author() == acts.agency { "received by the peer" } else { "recorded here" };
            assert!(line.starts_with(&entry.name) && line.contains(&entry.fact_type), "{line}");
            assert!(line.contains(level) && line.ends_with(&format!("trace {}", entry.trace_id)), "{line}");
        }
    }
    let number = ppc.referral(&name).await.unwrap().case_number;
    let traced = done(&pair, Agency::Ppc, &["trace", &name]).await;
    let (year, ordinal) = ("令和8年", number.rsplit('-').next().unwrap());
    let spellings: [&[&str]; 3] = [&[&number], &["甲", year, "REF", ordinal], &["甲－Ｒ０８－ＲＥＦ－", ordinal]];
    for spelling in spellings {
        assert_eq!(done(&pair, Agency::Ppc, &[&["trace"], spelling].concat()).await, traced, "{spelling:?}");
    }
    for (wrong, sentence) in [
        ("agencies/ppc/schemes/none", "there is no entry of agencies/ppc/schemes/none"),
        ("甲 令和8年 ADV 99", "there is no matter with the case number 甲-R08-ADV-0099"),
        ("第1号", "must be a case number such as 甲-R08-ADV-0012, or the name of a matter"),
    ] {
        assert_sentence(&run(&pair, Agency::Ppc, &["trace", wrong]).await, &[sentence]);
    }

    let verified = done(&pair, Agency::Ppc, &["verify"]).await;
    let last = verified.lines().last().unwrap();
    assert!(
        last.starts_with(&format!("journals verified: ppc {} ipa {} private ", link.own_seq, link.peer_seq)),
        "{last}"
    );
    let rebuilt = done(&pair, Agency::Ppc, &["rebuild"]).await;
    assert!(rebuilt.starts_with("entries ") && rebuilt.ends_with(", differing 0\n"), "{rebuilt}");
    assert_eq!(done(&pair, Agency::Ppc, &["recover"]).await, "set aside: 0\n");
    let resumed = run(&pair, Agency::Ppc, &["resume", "--from", "1", "--reason", "a try"]).await;
    assert_sentence(&resumed, &["the peer's journal is not stopped"]);
    assert_eq!(run(&pair, Agency::Ppc, &["resume", "--from", "1"]).await.code, Some(2), "a reason is asked for");
    let longest = "理".repeat(1000);
    let resumed = run(&pair, Agency::Ppc, &["resume", "--from", "1", "--reason", &longest]).await;
    assert_sentence(&resumed, &["the peer's journal is not stopped"]);
    for reason in [String::new(), format!("{longest}由")] {
        let resumed = run(&pair, Agency::Ppc, &["resume", "--from", "1", "--reason", &reason]).await;
        assert_sentence(&resumed, &["`--reason` must have 1 to 1000 characters"]);
    }
    pair.stop_both().await.unwrap();
}

#[tokio::test]
async fn commands_work_on_a_service_that_is_down_and_a_copy_opens_a_new_incarnation() {
    let mut pair = walk(None, [62; 32], None, &mut |_| ()).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    let before = ppc.link().await.unwrap();
    let copy = pair.setup.dir.join("copy.db").display().to_string();
    if database::engine_of(&pair.setup) == Engine::Sqlite {
        assert_eq!(done(&pair, Agency::Ppc, &["backup", &copy]).await, format!("copied and marked: {copy}\n"));
    } else {
        database::copy(&pair.setup, Agency::Ppc, &copy).unwrap();
    }
    // A copy replaces nothing, and a server's own tools copy what is on a server.
    assert_sentence(&run(&pair, Agency::Ppc, &["backup", &copy]).await, &[]);
    pair.stop(Agency::Ppc).await.unwrap();

    let checked = done(&pair, Agency::Ipa, &["check"]).await;
    assert!(checked.contains("the peer is not reached: "), "a peer that is away is not a fault: {checked}");
    let status: serde_json::Value =
        serde_json::from_str(&done(&pair, Agency::Ppc, &["status", "--json"]).await).unwrap();
    assert_eq!(status["held"]["own_seq"], before.own_seq);
    assert!(done(&pair, Agency::Ppc, &["verify"]).await.contains("journals verified: "));
    assert!(done(&pair, Agency::Ppc, &["rebuild", "--write"]).await.ends_with(", differing 0\n"));

    database::replace(&pair.setup, Agency::Ppc, &copy).unwrap();
    pair.start(Agency::Ppc).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let status: serde_json::Value =
        serde_json::from_str(&done(&pair, Agency::Ppc, &["status", "--json"]).await).unwrap();
    assert_eq!(status["held"]["incarnation"], 2);
    let after = ipa.until_link("the new incarnation", |link| link.peer_seq > before.own_seq).await.unwrap();
    assert_eq!((after.stopped_at_seq, after.backlog), (0, 0));
    let table = done(&pair, Agency::Ppc, &["status"]).await;
    assert!(table.contains("until `recover --barred` has confirmed"), "{table}");
    assert!(done(&pair, Agency::Ppc, &["recover"]).await.contains("officials act again once `recover --barred`"));
    let refused = ppc.publish(ppc.publishing("before-the-list")).await;
    assert_eq!(refused.unwrap_err().reason, Reason::Recovering);
    assert_sentence(&run(&pair, Agency::Ppc, &["recover", "--barred", "none", "--reason", ""]).await, &["1 to 1000"]);
    let confirm = ["recover", "--barred", "none", "--reason", "the list of the personnel office"];
    assert!(done(&pair, Agency::Ppc, &confirm).await.contains("confirmed: 0 officials are barred"));
    assert_sentence(&run(&pair, Agency::Ppc, &confirm).await, &["no loss waits"]);
    assert_sentence(&run(&pair, Agency::Ppc, &["recover", "--end", "nothing"]).await, &["no recovery is under way"]);
    let published = ppc.publish(ppc.publishing("after-the-restore")).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    assert_eq!(ipa.scheme(&published.name).await.unwrap().version, 1);
    for agency in [Agency::Ppc, Agency::Ipa] {
        assert!(done(&pair, agency, &["verify"]).await.contains("journals verified: "));
    }
    pair.stop_both().await.unwrap();
}

/// One byte of a database: in a file the last one of a sequence, on a server the one that a statement changes.
struct Byte {
    sequence: Vec<u8>,
    statement: String,
}

impl Byte {
    /// The last one of an entry's id as it is encoded in its header, and in no other place: field 7, 36 bytes.
    fn in_header(entry_id: &str) -> Self {
        let at = format!("position(convert_to('{entry_id}', 'UTF8') IN header) + 34");
        let changed = format!("set_byte(header, {at}, get_byte(header, {at}) # 1)");
        Self {
            sequence: [&[0x3a, 36], entry_id.as_bytes()].concat(),
            statement: format!("UPDATE entry SET header = {changed} WHERE entry_id = '{entry_id}'"),
        }
    }

    /// The last one of a calling system in the audit, where it follows the official.
    fn in_audit(caller: &str) -> Self {
        let uri = format!("spiffe://ppc/desk/{caller}");
        Self {
            sequence: format!("tanaka{uri}").into_bytes(),
            statement: format!("UPDATE call SET caller = left(caller, -1) || '-' WHERE caller = '{uri}'"),
        }
    }

    /// Changes it, wherever it is.
    fn change(&self, pair: &Pair) {
        if database::engine_of(&pair.setup) == Engine::Postgres {
            return database::behind_its_back(&pair.setup, Agency::Ppc, &self.statement).unwrap();
        }
        let (file, sequence) = (database::file(&pair.setup, Agency::Ppc), &self.sequence);
        let mut bytes = std::fs::read(&file).unwrap();
        let places: Vec<usize> =
            bytes.windows(sequence.len()).enumerate().filter(|(_, it)| it == sequence).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "{sequence:?} is nowhere");
        for at in places {
            bytes[at + sequence.len() - 1] ^= 1;
        }
        std::fs::write(file, bytes).unwrap();
    }
}

#[tokio::test]
async fn a_changed_byte_is_found_and_the_first_bad_entry_is_named() {
    let mut pair = walk(None, [63; 32], None, &mut |_| ()).await.unwrap();
    let (ppc, _) = both(&pair).unwrap();
    let ids = [ppc.entry(Agency::Ppc, 3).await, ppc.entry(Agency::Ppc, 6).await, ppc.entry(Agency::Ipa, 2).await];
    let [third, sixth, peers] = ids.map(|entry| Byte::in_header(&entry.unwrap().entry_id));
    pair.stop_both().await.unwrap();
    let whole = pair.setup.file(Agency::Ppc, "whole.db");
    database::copy(&pair.setup, Agency::Ppc, &whole).unwrap();
    for (changed, named) in [
        (vec![&sixth], "journal ppc: entry 6: "),
        (vec![&sixth, &third], "journal ppc: entry 3: "),
        (vec![&peers], "journal ipa: entry 2: "),
        // Intake only writes, sharing reads first.
        (vec![&Byte::in_audit("intake")], "audit a/w: record 3 was changed"),
        (vec![&Byte::in_audit("sharing")], "audit a/r: record "),
    ] {
        changed.into_iter().for_each(|byte| byte.change(&pair));
        assert_sentence(&run(&pair, Agency::Ppc, &["verify"]).await, &[named]);
        database::put_back(&pair.setup, Agency::Ppc, &whole).unwrap();
    }
    assert!(done(&pair, Agency::Ppc, &["verify"]).await.contains("journals verified: "));
    assert!(done(&pair, Agency::Ipa, &["verify"]).await.contains("journals verified: "));
}

#[tokio::test]
async fn a_fault_in_a_configuration_is_reported_in_one_sentence() {
    let mut pair =
        Pair::processes(None, renkei_tools::scenario::start().unwrap(), [64; 32], Default::default()).await.unwrap();
    pair.stop_both().await.unwrap();
    let good = pair.ppc.config().to_owned();
    let dir = pair.setup.dir.clone();
    let database = database::url(&pair.setup, Agency::Ppc);
    let foreign = good.replace(&database, &database::url(&pair.setup, Agency::Ipa));
    let other = |text: &str, by: &str| {
        assert!(good.contains(text), "{text}");
        good.replacen(text, by, 1)
    };
    let key = dir.join("ppc/journal.pem").display().to_string();
    let cases: Vec<(String, &[&str])> = vec![
        (other("sandbox = true\n", "sandbox = true\nsandbx = true\n"), &["sandbx"]),
        (other("sandbox = true\n", "sandbox = perhaps\n"), &["not understood"]),
        (other("[journal]", "[jurnal]"), &["jurnal"]),
        (other("replica = \"a\"", "replica = \"A B\""), &["`replica`"]),
        (other("sandbox = true", "sandbox = false"), &["`clock`", "sandbox = true"]),
        (other("roles = [\"intake\"]", "roles = [\"intake\", \"emperor\"]"), &["emperor", "wrong.toml"]),
        (other("spiffe://ppc/desk/intake", "spiffe://ipa/desk/intake"), &["spiffe://ppc/desk/"]),
        (other(&database, "mysql://localhost/renkei"), &["`database.url`"]),
        (other(&key, "/nowhere/journal.pem"), &["/nowhere/journal.pem", "cannot be read"]),
        (other("desk/certificate.pem", "link/certificate.pem"), &["does not belong to the certificate"]),
        (other("listen = \"127.0.0.1:0\"", "listen = \"localhost\""), &["listen"]),
        (foreign, &["ipa"]),
    ];
    for (text, words) in cases {
        let file = dir.join("wrong.toml");
        std::fs::write(&file, text).unwrap();
        for task in ["check", "serve"] {
            assert_sentence(&run_with(Agency::Ppc, &file, &[task], &[]).await, words);
        }
        // The doctor goes on where it can, and names it among its lines.
        let said = run_with(Agency::Ppc, &file, &["doctor"], &[]).await;
        assert_eq!(said.code, Some(1), "{said:?}");
        let all = said.out.clone() + &said.err;
        assert!(words.iter().all(|words| all.contains(words)), "{words:?}: {said:?}");
    }
    let (lists, ended) = (pki::link_files(&dir, "ppc").crls, pair.setup.pki.ipa.link_authority.expired_crl().unwrap());
    pki::write(&lists[0], &ended).unwrap();
    let said = run(&pair, Agency::Ppc, &["check"]).await;
    assert_sentence(&said, &["the revocation list of link has ended, connections are refused"]);
    let missing = run_with(Agency::Ppc, &dir.join("none.toml"), &["serve"], &[]).await;
    assert_sentence(&missing, &["none.toml", "cannot be read"]);
    let environment = [("RENKEI__PEER__DIAL", "sometimes")];
    let said = run_with(Agency::Ppc, &file(&pair, Agency::Ppc), &["check"], &environment).await;
    assert_sentence(&said, &["not understood"]);
    let other_side = run_with(Agency::Ipa, &file(&pair, Agency::Ppc), &["serve"], &[]).await;
    assert_sentence(&other_side, &["ipa"]);
    assert_eq!(run(&pair, Agency::Ppc, &["dance"]).await.code, Some(2));
}

#[tokio::test]
async fn a_variable_that_is_not_utf_8_is_named_when_it_is_ours_and_not_looked_at_otherwise() {
    use std::os::unix::ffi::OsStrExt as _;

    let pair = Pair::down(Choice::default()).await.unwrap();
    pair.write_configs().unwrap();
    let shift_jis = std::ffi::OsStr::from_bytes(b"\x93\xfa\x96{");
    let run = async |name: &std::ffi::OsStr, task: &str| {
        let mut command = Command::new(binary(Agency::Ppc).unwrap());
        command.arg("--config").arg(file(&pair, Agency::Ppc)).arg(task).env(name, shift_jis).stdin(Stdio::null());
        let output = command.output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    for foreign in ["X".as_ref(), shift_jis, "RENKEI".as_ref()] {
        let said = run(foreign, "check").await;
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{said:?}");
    }
    for task in ["check", "serve", "health", "status"] {
        assert_sentence(&run("RENKEI__REPLICA".as_ref(), task).await, &["RENKEI__REPLICA is not UTF-8"]);
    }
}

#[tokio::test]
async fn a_check_finds_keys_and_certificates_that_do_not_serve() {
    let mut pair = Pair::down(Choice::default()).await.unwrap();
    pair.write_configs().unwrap();
    let key = |name: &str| pair.setup.dir.join("ppc").join(name);
    let whole = std::fs::read(key("token.key")).unwrap();
    std::fs::copy(key("digest.key"), key("token.key")).unwrap();
    let said = run(&pair, Agency::Ppc, &["check"]).await;
    assert_sentence(
        &said,
        &["token.key cannot be used: it is the one in", "digest.key: every secret is a key of its own"],
    );
    std::fs::write(key("token.key"), whole).unwrap();
    assert_eq!(run(&pair, Agency::Ppc, &["check"]).await.code, Some(0));

    let dir = pair.setup.dir.clone();
    let ppc = &mut pair.setup.pki.ppc;
    let desk = ppc.desk_authority.issue("spiffe://ppc/desk/service", Use::Client).unwrap();
    let link = ppc.link_authority.issue("spiffe://ppc/link", Use::Server).unwrap();
    for (files, issued, says) in [
        (pki::desk_files(&dir, "ppc"), desk, "the certificate of desk is not meant for servers"),
        (pki::link_files(&dir, "ppc"), link, "the certificate of link is not meant for servers and clients"),
    ] {
        let [certificate, secret] = [&files.certificate, &files.key].map(|file| std::fs::read(file).unwrap());
        pki::write_pair(&files, &issued).unwrap();
        assert_sentence(&run(&pair, Agency::Ppc, &["check"]).await, &[says]);
        let said = run(&pair, Agency::Ppc, &["doctor"]).await;
        assert!(said.out.lines().any(|line| line.starts_with("fail ") && line.contains(says)), "{said:?}");
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, secret).unwrap();
    }
}

/// Sends a signal to a service that does not serve yet, since its configuration comes through a pipe that stays open.
async fn signalled_early(pair: &Pair, signal: &str) -> (tokio::process::Child, tokio::process::ChildStdin) {
    let mut child = Command::new(binary(Agency::Ppc).unwrap())
        .args(["--config", "/dev/stdin", "serve"])
        .current_dir(&pair.setup.dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let id = child.id().unwrap();
    // The handler of a signal is in the process's table as soon as it is installed.
    let number = if signal == "HUP" { 1 } else { 15 };
    let caught = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap().to_owned();
        u64::from_str_radix(&line, 16).unwrap() >> (number - 1) & 1 == 1
    };
    let waiting = async {
        while !caught() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.unwrap();
    send(&child, if signal == "HUP" { Signal::HUP } else { Signal::TERM }).unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

#[tokio::test]
async fn a_signal_is_heard_before_the_configuration_is_read() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let pair = Pair::down(Choice::default()).await.unwrap();
    let config = pair.ppc.config();
    let (mut child, mut stdin) = signalled_early(&pair, "TERM").await;
    stdin.write_all(config.as_bytes()).await.unwrap();
    drop(stdin);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(40), child.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");

    let (mut child, mut stdin) = signalled_early(&pair, "HUP").await;
    stdin.write_all(config.as_bytes()).await.unwrap();
    drop(stdin);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let serves = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("\"serving\"") {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(40), serves).await.unwrap());
    child.kill().await.unwrap();
}

#[tokio::test]
async fn each_program_states_its_own_name_and_version() {
    for agency in [Agency::Ppc, Agency::Ipa] {
        let output = Command::new(binary(agency).unwrap()).arg("--version").output().await.unwrap();
        let expected = format!("{} {}\n", agency.id(), env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
