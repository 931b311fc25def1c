//! The checks on the containers, in their order.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::run::{Signal, said, signal};

use super::{
    calls::{call, copy_callers, paste, shown},
    engine::{Container, Engine, until},
    images,
};

type Check = fn(&Engine) -> Result<(), String>;

/// Each goes on from the state that the one before it leaves.
pub(super) const CHECKS: [(&str, Check); 17] = [
    ("stand-ins of the images are made", images::stand_ins),
    ("the images are built by the Dockerfile as it is", |engine| engine.compose(&["build"]).map(|_| ())),
    ("all is up in the order written, and healthy", comes_up),
    ("nobody is root or gains rights, and root file systems are read-only", contained),
    ("databases have no network, and ports are published to this machine alone", closed),
    ("each container reaches whom it needs and nobody else", reach),
    ("the call at the head of docker-compose.yml is answered", answered),
    ("an act at PPC arrives at IPA, under one trace at both", delivers),
    ("each Prometheus scrapes its own agency", scraped),
    ("a first start and a stop complain of nothing", silent),
    ("a caller with IPA's certificate is refused at PPC", refused),
    ("each container is restarted and is linked again", |engine| revived(engine, restarted)),
    ("each container is killed and is linked again", |engine| revived(engine, killed)),
    ("a second `up` keeps certificates", |engine| keeps(engine, &[&["up", "--detach"]])),
    ("`down` and `up` keep keys, passwords and data", |engine| keeps(engine, &[&["down"], &["up", "--detach"]])),
    ("fresh certificates are in use at once", freshened),
    ("`down --volumes` leaves nothing", forgotten),
];

const AGENCIES: [&str; 2] = ["ppc", "ipa"];

/// Both agencies, each with its peer.
const SIDES: [(&str, &str); 2] = [("ppc", "ipa"), ("ipa", "ppc")];

/// A container of each agency, and the one that begins after it: after its end if it ends.
const ORDER: [(&str, &str); 5] = [
    ("pki", "own-database"),
    ("own-database", "own-set-up"),
    ("own-set-up", "own"),
    ("own-collector", "own"),
    ("own-jaeger", "own-collector"),
];

/// Connections to a port of a container over a network, and whether they are accepted.
const WAYS: [(&str, &str, &str, u16, bool); 12] = [
    ("peer", "own", "link", 7444, true),
    ("peer", "own", "link", 7443, false),
    ("peer", "own", "link", 9464, false),
    ("peer", "own", "own", 7443, false),
    ("peer", "own", "own", 9464, false),
    ("peer", "own-collector", "own", 4317, false),
    ("peer-prometheus", "own", "own", 9464, false),
    ("peer-collector", "own", "own", 7443, false),
    ("peer-collector", "own", "link", 7444, false),
    ("own-prometheus", "own", "own", 9464, true),
    ("own", "own-collector", "own", 4317, true),
    ("own-collector", "own-jaeger", "own", 4317, true),
];

/// Seconds until a connection counts as refused. The ones that are to succeed have time on the slowest machine.
const PATIENCE: [&str; 2] = ["2", "30"];

/// A scheme, and the header of a call with a trace of its own.
const SCHEME: &str = r#"{
    "requestId": "0193a000-0000-7000-8000-000000000001", "schemeId": "containers",
    "terms": {"kinds": ["INCIDENT_KIND_ACCESS"], "reporters": ["REPORTER_KIND_BUSINESS"], "duty": "FILING_DUTY_MAY",
        "validFrom": "2026-04-01"},
    "content": {"title": {"ja": "届出"}, "basis": {"ja": "告示"}, "who": {"ja": "事業者"}, "what": {"ja": "被害"},
        "how": {"ja": "電子メール"}, "deadlines": {"ja": "なし"}}
}"#;
const NAME: &str = r#"{"name": "agencies/ppc/schemes/containers"}"#;
const TRACE: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

fn comes_up(engine: &Engine) -> Result<(), String> {
    engine.compose(&["up", "--detach"])?;
    until(|| {
        let all = engine.containers()?;
        let health = |it: &Container| it.text("/State/Health/Status");
        match all.iter().find(|(_, it)| !["", "healthy"].contains(&health(it).as_str())) {
            Some((service, it)) => Err(format!("{service} is {}", health(it))),
            None => Ok(()),
        }
    })?;
    in_order(engine)?;
    linked(engine)?;
    AGENCIES.into_iter().try_for_each(|agency| {
        let found = engine.exec(agency, &[agency, "doctor"])?;
        must(found.lines().all(|line| line.starts_with("ok")), || found.clone())
    })
}

fn in_order(engine: &Engine) -> Result<(), String> {
    let all = engine.containers()?;
    for (own, (first, then)) in AGENCIES.iter().flat_map(|own| ORDER.map(|pair| (own, pair))) {
        let [first, then] = [first, then].map(|it| it.replace("own", own));
        let (Some(before), Some(after)) = (all.get(&first), all.get(&then)) else {
            return Err(format!("there is no container {first} or {then}"));
        };
        let ready = if before.is_running() { "/State/StartedAt" } else { "/State/FinishedAt" };
        // Zeros at the end of the fraction are not written.
        let [ready, started] = [before.text(ready), after.text("/State/StartedAt")].map(|it| it.replace('Z', ""));
        must(ready < started, || format!("{then} started at {started}, and {first} was ready at {ready}"))?;
    }
    Ok(())
}

fn contained(engine: &Engine) -> Result<(), String> {
    for (service, it) in engine.containers()? {
        let account = it.text("/Config/User");
        let mut limits = vec![
            ("it is root", !["", "0", "root"].contains(&account.split(':').next().unwrap_or_default())),
            ("it keeps capabilities", it.list("/HostConfig/CapDrop") == ["ALL"]),
            ("it may gain rights", it.list("/HostConfig/SecurityOpt") == ["no-new-privileges:true"]),
            ("its root file system can be written", it.value("/HostConfig/ReadonlyRootfs") == &Value::Bool(true)),
        ];
        if it.is_running() {
            // The kernel's own account of the same.
            let status = it.kernel("status")?;
            let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let number = |name: &str| u64::from_str_radix(field(name).trim(), 16).unwrap_or(u64::MAX);
            limits.extend([
                ("its process is root", field("Uid:").split_whitespace().all(|id| id != "0")),
                ("its process has capabilities", number("CapEff:") == 0 && number("CapBnd:") == 0),
                ("its process may gain rights", number("NoNewPrivs:") == 1),
                ("its process sees a root that can be written", it.kernel("mountinfo")?.contains(" / / ro,")),
            ]);
        }
        let wrong: Vec<&str> = limits.iter().filter(|(_, is_kept)| !is_kept).map(|(what, _)| *what).collect();
        must(wrong.is_empty(), || format!("{service}: {}", wrong.join(", ")))?;
    }
    Ok(())
}

fn closed(engine: &Engine) -> Result<(), String> {
    for (service, it) in engine.containers()? {
        let ports = it.value("/HostConfig/PortBindings").as_object().into_iter().flat_map(|ports| ports.values());
        let mut hosts = ports.filter_map(|it| it.pointer("/0/HostIp").and_then(Value::as_str));
        must(hosts.all(|host| host == "127.0.0.1"), || format!("{service} is published beyond this machine"))?;
        if service.ends_with("-database") {
            let table = it.kernel("net/dev")?;
            let interfaces: Vec<&str> = table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
            must(interfaces == ["lo"], || format!("{service} has the interfaces {interfaces:?}"))?;
        }
    }
    Ok(())
}

fn reach(engine: &Engine) -> Result<(), String> {
    let all = engine.containers()?;
    let of = |service: &str| all.get(service).ok_or_else(|| format!("there is no container {service}"));
    let mut tries = Vec::new();
    for ((own, peer), (from, to, network, port, is_open)) in SIDES.iter().flat_map(|side| WAYS.map(|way| (side, way))) {
        let [from, to, network] = [from, to, network].map(|it| it.replace("own", own).replace("peer", peer));
        let address = of(&to)?.text(&format!("/NetworkSettings/Networks/renkei_{network}/IPAddress"));
        must(!address.is_empty(), || format!("{to} is not in the network {network}"))?;
        let mut connect = Command::new("nsenter");
        connect.args(["--net", "--target", &of(&from)?.process()]);
        connect.args(["timeout", PATIENCE[usize::from(is_open)], "bash", "-c"]);
        connect.arg(format!("</dev/tcp/{address}/{port}")).stderr(Stdio::null());
        let trying = connect.spawn().map_err(|error| error.to_string())?;
        tries.push((trying, is_open, format!("the port {port} of {to} for {from} over the network {network}")));
    }
    for (mut trying, is_open, way) in tries {
        let connected = trying.wait().map_err(|error| error.to_string())?.success();
        must(connected == is_open, || format!("{way} is {}", if connected { "open" } else { "closed" }))?;
    }
    Ok(())
}

fn answered(engine: &Engine) -> Result<(), String> {
    for agency in AGENCIES {
        copy_callers(engine, agency)?;
    }
    let answer = paste(engine, "ppc", &shown()?)?;
    must(answer.contains("spiffe://ppc/desk/operator"), || answer.clone())
}

fn delivers(engine: &Engine) -> Result<(), String> {
    let header = format!("-H 'traceparent: 00-{TRACE}-5ca1ab1e5ca1ab1e-01'");
    call(engine, "ppc", "renkei.referral.v1.SchemeService/PublishScheme", SCHEME, &header)?;
    has_scheme(engine)?;
    for agency in AGENCIES {
        until(|| {
            let spans = engine.log(&format!("{agency}-jaeger"))?;
            must(spans.contains(TRACE), || format!("{agency}'s viewer has no trace {TRACE}"))
        })?;
    }
    Ok(())
}

/// Waits until both agencies have the scheme.
fn has_scheme(engine: &Engine) -> Result<(), String> {
    let read = "renkei.referral.v1.SchemeService/GetScheme";
    AGENCIES.into_iter().try_for_each(|agency| until(|| call(engine, agency, read, NAME, "").map(|_| ())))
}

fn scraped(engine: &Engine) -> Result<(), String> {
    for agency in AGENCIES {
        let ask = ["promtool", "query", "instant", "http://localhost:9090", "up"];
        until(|| {
            let up = engine.exec(&format!("{agency}-prometheus"), &ask)?;
            let is_own = up.lines().count() == 1 && up.contains(&format!("instance=\"{agency}:9464\""));
            must(is_own && up.contains("=> 1 "), || format!("{agency}'s targets: {up}"))
        })?;
    }
    Ok(())
}

fn silent(engine: &Engine) -> Result<(), String> {
    engine.compose(&["stop"])?;
    for service in AGENCIES.into_iter().flat_map(|own| [own.to_owned(), format!("{own}-database")]) {
        let log = engine.log(&service)?;
        let complains = |line: &&str| ["\"WARN\"", "\"ERROR\"", " ERROR:  "].iter().any(|level| line.contains(level));
        let complaints: Vec<&str> = log.lines().filter(complains).collect();
        must(complaints.is_empty(), || format!("{service}: {}", complaints.join("\n")))?;
    }
    engine.compose(&["up", "--detach"])?;
    linked(engine)
}

fn refused(engine: &Engine) -> Result<(), String> {
    let foreign = shown()?.replace("--cert ", "--cert ../ipa/").replace("--key ", "--key ../ipa/");
    match paste(engine, "ppc", &foreign) {
        Err(why) if why.contains("unknown certificate authority") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// Does something to each container that goes on, and waits until all is well again.
fn revived(engine: &Engine, harm: fn(&Engine, &str, &Container) -> Result<(), String>) -> Result<(), String> {
    let running = engine.containers()?.into_iter().filter(|(_, it)| it.is_running());
    for (service, before) in running {
        harm(engine, &service, &before)?;
        until(|| {
            let now = engine.container(&service)?;
            must(now.is_running() && now.process() != before.process(), || format!("{service} is not back"))?;
            let test = now.list("/Config/Healthcheck/Test");
            match test.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["CMD", command @ ..] => engine.exec(&service, command).map(|_| ()),
                ["CMD-SHELL", command] => engine.exec(&service, &["sh", "-c", command]).map(|_| ()),
                _ => Ok(()),
            }
        })?;
        linked(engine).map_err(|why| format!("after {service}: {why}"))?;
    }
    Ok(())
}

fn restarted(engine: &Engine, service: &str, _: &Container) -> Result<(), String> {
    engine.compose(&["restart", service]).map(|_| ())
}

/// The kernel kills it. The engine would not start again what it was asked to kill.
fn killed(_: &Engine, _: &str, container: &Container) -> Result<(), String> {
    let id = container.process().parse().map_err(|_| "the container has no process".to_owned())?;
    must(signal(id, Signal::KILL), || format!("the process {id} cannot be killed"))
}

/// Waits until both services run, have their databases and are connected to each other.
fn linked(engine: &Engine) -> Result<(), String> {
    AGENCIES.into_iter().try_for_each(|agency| {
        until(|| {
            engine.exec(agency, &[agency, "health"])?;
            let status = engine.exec(agency, &[agency, "status", "--json"])?;
            let status: Value = serde_json::from_str(&status).map_err(|error| error.to_string())?;
            let state = &status["link"]["state"];
            must(state == "connected", || format!("{agency}'s link is {state}"))
        })
    })
}

/// Runs commands and shows that no file of either agency has changed, that callers are still known and that data is there.
fn keeps(engine: &Engine, commands: &[&[&str]]) -> Result<(), String> {
    let before = engine.files("before");
    save(engine, &before)?;
    for command in commands {
        engine.compose(command)?;
    }
    linked(engine)?;
    let after = engine.files("after");
    save(engine, &after)?;
    said(Command::new("diff").args(["--recursive", "--brief"]).args([&before, &after]))?;
    has_scheme(engine)
}

/// Copies configuration, keys, certificates and passwords of both agencies.
fn save(engine: &Engine, to: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).map_err(|error| error.to_string())?;
    for volume in AGENCIES.iter().flat_map(|own| ["config", "password"].map(|kind| format!("{own}-{kind}"))) {
        said(Command::new("cp").arg("--recursive").args([engine.volume(&volume), to.join(volume)]))?;
    }
    Ok(())
}

/// Runs the commands for fresh certificates in the head of `docker-compose.yml`.
fn freshened(engine: &Engine) -> Result<(), String> {
    engine.compose(&["run", "--rm", "pki", "--folder", "/pki", "--fresh"])?;
    engine.compose(&["kill", "-s", "HUP", "ppc", "ipa"])?;
    for agency in AGENCIES {
        copy_callers(engine, agency)?;
    }
    has_scheme(engine)?;
    linked(engine)
}

fn forgotten(engine: &Engine) -> Result<(), String> {
    engine.compose(&["down", "--volumes"])?;
    let left = engine.docker(&["volume", "ls", "--quiet"])?;
    must(left.is_empty() && engine.containers()?.is_empty(), || format!("it has left containers or the volumes {left}"))
}

fn must(is: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if is { Ok(()) } else { Err(otherwise()) }
}
