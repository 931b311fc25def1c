//! The program `renkei` at the desks of a real pair, as a shell runs it.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use renkei_proto::r#type::v1::{Agency, Finding};
use renkei_tools::{
    acts::{Acts, both, publish_all, settle},
    desk::PATIENCE,
    pair::Pair,
    process::{Signal, program, signal},
    profile::Profile,
    scenario::start,
};
use serde_json::Value as Json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{checkout::checkout, command_line::Output};

/// PPC's side of a pair whose profile the program reads.
struct Shell {
    profile: PathBuf,
    folder: PathBuf,
}

impl Shell {
    fn of(pair: &Pair) -> Self {
        let folder = pair.setup.dir.clone();
        Profile::of(pair, Path::new("sandbox")).unwrap().write(&folder).unwrap();
        Self { profile: folder.join("profile.json"), folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.program(&program("renkei").unwrap(), arguments)
    }

    /// A program in an environment that names PPC's intake and an official.
    fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env("RENKEI_PROFILE", &self.profile).env("RENKEI_AGENCY", "ppc").env("RENKEI_CALLER", "intake");
        command.env("RENKEI_OFFICIAL", "tanaka").args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let output = timeout(PATIENCE, self.command(arguments).output()).await.unwrap().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Output { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The standard output of a command that succeeds and tells nothing else.
    async fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments).await;
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}: {said:?}");
        said.out
    }

    async fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.done(arguments).await).unwrap()
    }
}

/// A call that fails with this exit code and these words.
#[track_caller]
fn assert_fails(said: &Output, code: i32, words: &[&str]) {
    assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{said:?}");
    for words in words {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}

async fn pair() -> (Pair, Acts, Acts) {
    let pair = Pair::in_process(start().unwrap(), 1).await.unwrap();
    let (ppc, ipa) = both(&pair).unwrap();
    publish_all(&ppc, &ipa).await.unwrap();
    (pair, ppc, ipa)
}

const ISSUE: &[&str] = &[
    "referral",
    "issue",
    "--reported-under",
    "agencies/ppc/schemes/leak-report-private",
    "--judgement.finding",
    "applies",
    "--judgement.ground",
    "traces",
    "--judgement.certainty",
    "confirmed",
    "--judgement.judged-at",
    "2026-11-24T00:00:00Z",
    "--scope-facts",
    r#"{"electronic": true, "personalInformation": true}"#,
    "--scope-facts.kind",
    "access",
    "--scope-facts.reporter",
    "business",
    "--language",
    "ja",
];

#[tokio::test]
async fn a_referral_is_issued_and_found_by_its_case_number_and_in_lists() {
    let (pair, ppc, _) = pair().await;
    let shell = Shell::of(&pair);
    let issued = shell.json(&[ISSUE, &["--report", "R-1"]].concat()).await;
    let name = issued["referral"]["name"].as_str().unwrap().to_owned();
    assert_eq!(ppc.referral(&name).await.unwrap().case_number, "甲-R08-REF-0001");
    shell.done(&[ISSUE, &["--report", "R-2"]].concat()).await;

    // A method that changes something does not know case numbers; the program looks the name up.
    let given = ["--given-at", "2026-11-24T00:00:00Z", "--channel", "telephone"];
    let confirmed =
        shell.json(&[&["referral", "confirm-given", "--name", "甲 令和8年 REF 1"], &given[..]].concat()).await;
    assert_eq!((&confirmed["name"], &confirmed["state"]), (&name.as_str().into(), &"STATE_GIVEN".into()));
    let called = shell.json(&["call", "ReferralService/GetReferral", "--data", r#"{"name": "甲-R08-REF-0001"}"#]).await;
    assert_eq!(called, confirmed);

    let list = ["referral", "list", "--parent", "agencies/-"];
    let whole = shell.json(&list).await;
    let paged = shell.json(&[&list[..], &["--page-size", "1", "--all"]].concat()).await;
    assert_eq!(whole["referrals"].as_array().unwrap().len(), 2);
    assert_eq!((&paged["referrals"], paged.get("nextPageToken")), (&whole["referrals"], None));
    let open = shell.json(&[&list[..], &["--state", "issued"]].concat()).await;
    assert_eq!(open["referrals"].as_array().unwrap().len(), 1);

    let table = |lang| [&list[..], &["--output", "table", "--lang", lang]].concat();
    let english = shell.done(&table("en")).await;
    let rows: Vec<Vec<&str>> = english.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["case-number", "state", "waiting-for", "issued-at", "given-at", "issuer"]);
    assert_eq!(rows[1][..4], ["甲-R08-REF-0002", "issued", "ppc", "2026-11-24T00:00:00Z"]);
    assert_eq!(rows[2], ["甲-R08-REF-0001", "given", "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z", "ppc"]);
    let japanese = shell.done(&table("ja")).await;
    for part in ["案件番号", "紹介未了", "紹介済", "甲", "2026-11-24T09:00:00+09:00"] {
        assert!(japanese.contains(part), "{part}: {japanese}");
    }
    assert_eq!(
        shell.done(&["scheme", "list", "--parent", "agencies/ipa", "--output", "table"]).await.lines().count(),
        3
    );
    // A name that can only be one is no option that anybody must know.
    assert_eq!(shell.json(&["link", "get-status"]).await["name"], "linkStatus");
}

#[tokio::test]
async fn a_failure_is_told_in_both_languages_and_by_its_exit_code() {
    let (pair, _, _) = pair().await;
    let shell = Shell::of(&pair);
    let wrong = shell.run(&["referral", "get", "--name", "referrals/1"]).await;
    let words =
        ["INVALID_ARGUMENT FIELD_INVALID (項目の誤り)", "field: name", "must match", "入力内容に誤りがあります。"];
    assert_fails(&wrong, 1, &words);
    assert_fails(&wrong, 1, &["renkei explain FIELD_INVALID"]);
    // The sentences of the call are those of its first field; each further one has its own.
    let several = shell.run(&["referral", "issue", "--report", "2026-000001"]).await;
    assert_fails(&several, 1, &["field: judgement\n  field: scope_facts\n    ", "field: language\n    "]);
    let explained = shell.run(&["referral", "get", "--name", "甲-R08-REF-9999", "--explain", "--lang", "ja"]).await;
    assert_fails(&explained, 1, &["エラー：NOT_FOUND", "該当するものが見つかりません。", "対処方法：存在しない場合と"]);
    let other_side = shell.run(&["advice", "give", "--caller", "casework"]).await;
    assert_fails(&other_side, 1, &["UNIMPLEMENTED WRONG_SIDE", "この操作は、相手方の機関のシステムで行うものです。"]);

    for (arguments, words) in [
        (["referral", "get", "--no-such-field", "x"].as_slice(), "unexpected argument"),
        (&["referral", "get", "--official", ""], "--official: an official's id is"),
        (&["referral", "get", "--caller", "nobody"], "cannot be used"),
        (&["call", "ReferralService/NoSuchMethod"], "there is no method"),
        (&["call", "ReferralService/GetReferral", "--data", "{"], "--data is not JSON"),
        (&["explain", "NO_SUCH_REASON"], "there is no reason NO_SUCH_REASON"),
    ] {
        assert_fails(&shell.run(arguments).await, 2, &[words]);
    }
}

/// The certificates are those of the other agency, once the caller's and once the service's.
#[tokio::test]
async fn a_wrong_certificate_is_named_and_is_no_reason_to_try_again() {
    let (pair, _, _) = pair().await;
    let shell = Shell::of(&pair);
    let file = |name: &str| shell.folder.join("ipa/callers/intake").join(name).display().to_string();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let foreign = shell.run(&["contract", "who-am-i", "--certificate", &certificate, "--key", &key]).await;
    assert_fails(&foreign, 1, &["TLS failed; check the certificates", "UnknownCA"]);
    let peer = pair.ipa.desk_wire.address().to_string();
    let elsewhere = shell.run(&["contract", "who-am-i", "--address", &peer, "--server-name", "localhost"]).await;
    assert_fails(&elsewhere, 1, &["TLS failed; check the certificates"]);
}

#[tokio::test]
async fn a_call_that_nobody_answers_may_be_tried_again_with_its_id() {
    let (mut pair, _, _) = pair().await;
    let shell = Shell::of(&pair);
    let issue = [ISSUE, &["--report", "R-1"]].concat();
    pair.stop(Agency::Ppc).await.unwrap();
    let unanswered = shell.run(&issue).await;
    assert_fails(&unanswered, 3, &["nobody knows whether it was carried out", "--request-id "]);
    let id = unanswered.err.split("--request-id ").nth(1).unwrap().trim().to_owned();

    // The program waits for the service as long as it was told to.
    let later = shell.command(&[&issue[..], &["--request-id", &id, "--retry-for", "60"]].concat()).output();
    let (started, later) = tokio::join!(pair.start(Agency::Ppc), timeout(PATIENCE, later));
    started.unwrap();
    let first = String::from_utf8(later.unwrap().unwrap().stdout).unwrap();
    let again = shell.done(&[&issue[..], &["--request-id", &id]].concat()).await;
    assert_eq!(first, again);
    let reused = shell.run(&[ISSUE, &["--report", "R-2", "--request-id", &id]].concat()).await;
    assert_fails(&reused, 1, &["REQUEST_ID_REUSED", "field: request_id"]);
    let list = shell.json(&["referral", "list", "--parent", "agencies/ppc"]).await;
    assert_eq!(list["referrals"].as_array().unwrap().len(), 1);
}

/// A watch that runs, and its lines.
struct Feed {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Feed {
    fn open(shell: &Shell, arguments: &[&str]) -> Self {
        let mut child = shell.command(&[&["watch"], arguments].concat()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The entry of the next event of a matter.
    async fn entry(&mut self, matter: &str) -> (Json, String) {
        loop {
            let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().unwrap();
            let told: Json = serde_json::from_str(&line).unwrap();
            let event = told.get("event").or(told.get("data")).unwrap().clone();
            if event["matter"] == matter {
                let entry = event["entryApplied"]["entry"].as_str().unwrap().to_owned();
                return (told, entry);
            }
        }
    }

    /// Ends it as Ctrl-C does.
    async fn interrupt(mut self) {
        signal(&self.child, Signal::INT).unwrap();
        let ended = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(0));
    }
}

#[tokio::test]
async fn a_watch_goes_on_after_a_cut_and_after_a_restart_of_the_program() {
    let (pair, ppc, ipa) = pair().await;
    let shell = Shell::of(&pair);
    let referral = ppc.issued(ppc.issuing()).await.unwrap();
    settle(&ppc, &ipa).await.unwrap();
    let file = shell.folder.join("cursor").display().to_string();
    let arguments = ["--from", "-", "--matter", &referral.case_number, "--cursor-file", &file];
    let revise = async |finding| {
        let now = ppc.referral(&referral.name).await.unwrap();
        ppc.revise(ppc.revising(&now, finding)).await.unwrap().entries.pop().unwrap()
    };

    let mut feed = Feed::open(&shell, &arguments);
    assert_eq!(feed.entry(&referral.name).await.1, referral.entries[0]);
    pair.ppc.desk_wire.cut();
    pair.ppc.desk_wire.mend();
    let revised = revise(Finding::Suspected).await;
    assert_eq!(feed.entry(&referral.name).await.1, revised);
    feed.interrupt().await;

    // The changes of the time without the program are not lost, and none is told twice.
    let missed = revise(Finding::Applies).await;
    let events = [&arguments[..], &["--output", "cloudevents"]].concat();
    let mut feed = Feed::open(&shell, &events);
    let (event, entry) = feed.entry(&referral.name).await;
    assert_eq!(entry, missed);
    let expected = [
        ("specversion", "1.0"),
        ("source", "spiffe://ppc/desk/service"),
        ("type", "dev.renkei.watch.v1.EntryApplied"),
        ("subject", referral.name.as_str()),
        ("time", "2026-11-24T00:00:00Z"),
        ("datacontenttype", "application/json"),
    ];
    for (name, value) in expected {
        assert_eq!(event[name], value, "{name}");
    }
    feed.interrupt().await;

    // Whoever begins again at an earlier cursor knows an event by its id.
    let mut again = Feed::open(&shell, &["--from", "-", "--output", "cloudevents"]);
    let repeated = loop {
        let (told, entry) = again.entry(&referral.name).await;
        if entry == missed {
            break told;
        }
    };
    assert_eq!(repeated["id"], event["id"]);
    again.interrupt().await;
}

/// The blocks of the guide that call the program, as a shell runs them; a watch would not end.
#[tokio::test]
async fn the_commands_of_the_guide_work() {
    let (pair, ppc, _) = pair().await;
    let shell = Shell::of(&pair);
    for _ in 0..2 {
        ppc.issued(ppc.issuing()).await.unwrap();
    }
    let guide = checkout().join("docs/command-line.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let folder = program("renkei").unwrap().parent().unwrap().display().to_string();
    let mut run = 0;
    for block in blocks.filter(|block| block.starts_with("renkei ") && !block.starts_with("renkei watch")) {
        let script = format!("set -e; PATH='{folder}':$PATH; {block}");
        let output = shell.program(Path::new("sh"), &["-c", &script]).current_dir(&shell.folder).output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        assert!(output.status.success(), "{block}: {}", String::from_utf8_lossy(&output.stderr));
        run += 1;
    }
    assert!(run >= 3, "{run} blocks were found");
}

/// The reference and the program give the same advice, for every reason.
#[tokio::test]
async fn every_reason_of_the_reference_is_explained() {
    let reference = checkout().join("docs/errors.md");
    let reference = std::fs::read_to_string(reference).unwrap();
    let explain = async |arguments: &[&str]| {
        let output = Command::new(program("renkei").unwrap()).arg("explain").args(arguments).output().await.unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let overview = explain(&[]).await;
    let mut reasons = 0;
    for part in reference.split("\n### ").skip(1) {
        let (reason, rows) = part.split_once('\n').unwrap();
        let explained = explain(&[reason]).await;
        for head in ["Meaning: ", "English: ", "Japanese: ", "What to do: "] {
            let row = rows.lines().find_map(|line| line.strip_prefix("- ")?.strip_prefix(head)).unwrap();
            assert!(explained.contains(&format!("{head}{row}\n")), "{reason}: {row}: {explained}");
        }
        let advice = rows.lines().find_map(|line| line.strip_prefix("- 対処方法: ")).unwrap();
        assert!(explain(&["--lang", "ja", reason]).await.contains(&format!("対処方法：{advice}\n")), "{reason}");
        assert!(overview.contains(reason));
        reasons += 1;
    }
    assert_eq!(overview.lines().count(), reasons);
}

#[tokio::test]
async fn shells_get_their_completion() {
    for shell in ["bash", "zsh", "fish"] {
        let output = Command::new(program("renkei").unwrap()).args(["completion", shell]).output().await.unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["referral", "confirm-given", "scope-facts.kind", "in-person"] {
            assert!(output.status.success() && script.contains(word), "{shell}: {word}");
        }
    }
}
