//! Every method of the system, called by everybody: what comes back follows from the rule alone, and no service sees a
//! call that is refused.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{path::Path, time::Duration};

use renkei_proto::{
    RULES,
    options::v1::{Reason, Role, Surface},
    r#type::v1::Agency,
};
use renkei_rpc::{connect::explain, error::reason_of, reason};
use renkei_tools::{
    acts::{both, settle},
    pair::{Pair, Side},
    pki::{self, Authority, Issued, Use},
    raw,
    scenario::start,
    setup::{self, AGENCIES},
};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt as _;

/// Bytes that are not a message: any layer that looks at the body of a call answers `MALFORMED`.
const BODY: &[u8] = &[0xff];

/// Roles of the desk.
const DESK: &[Role] =
    &[Role::Intake, Role::Casework, Role::Sharing, Role::Approver, Role::Reader, Role::Operator, Role::Auditor];

/// Services beside the contract: path, port, roles.
const FOREIGN: &[(&str, Surface, &[Role])] = &[
    ("/grpc.health.v1.Health/Check", Surface::Desk, DESK),
    ("/grpc.health.v1.Health/Watch", Surface::Desk, DESK),
    ("/grpc.health.v1.Health/Check", Surface::Link, &[Role::Peer]),
    ("/grpc.health.v1.Health/Watch", Surface::Link, &[Role::Peer]),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Surface::Desk, DESK),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Surface::Desk, DESK),
];

/// Methods that nobody has.
const UNKNOWN: [&str; 3] = ["/renkei.referral.v1.ReferralService/DropAll", "/renkei.none.v1.NoneService/Get", "/x"];

/// A method as one port must treat it.
struct Method {
    path: &'static str,
    /// There is such a method, on this port or the other.
    known: bool,
    here: bool,
    served_by: &'static [Agency],
    roles: &'static [Role],
    asks_official: bool,
    asks_purpose: bool,
}

fn methods(port: Surface) -> Vec<Method> {
    let contract = RULES.iter().map(|rule| Method {
        path: rule.path,
        known: true,
        here: rule.surface == port,
        served_by: rule.served_by,
        roles: rule.roles,
        asks_official: port == Surface::Desk,
        asks_purpose: rule.purpose,
    });
    let row = |path, roles: Option<&'static [Role]>| Method {
        path,
        known: roles.is_some(),
        here: true,
        served_by: &AGENCIES,
        roles: roles.unwrap_or_default(),
        asks_official: false,
        asks_purpose: false,
    };
    let mut methods: Vec<Method> = contract.collect();
    let mut paths: Vec<&str> = FOREIGN.iter().map(|(path, ..)| *path).collect();
    paths.dedup();
    for path in paths {
        let found = FOREIGN.iter().find(|(known, surface, _)| *known == path && *surface == port);
        methods.push(row(path, found.map(|(.., roles)| *roles)));
    }
    methods.extend(UNKNOWN.map(|path| row(path, None)));
    methods
}

/// The caller as a port sees it, once TLS has let it in.
enum Who {
    /// The certificate names nobody.
    Nobody,
    /// Somebody who has no business on this port.
    Stranger,
    /// A configured caller, or the peer.
    Known(Vec<Role>),
}

struct Caller {
    name: String,
    channel: Channel,
    who: Who,
}

type Metadata = &'static [(&'static str, &'static str)];

/// The metadata of a call about the official, and the reason to refuse it.
const OFFICIALS: [(Metadata, Option<Reason>); 5] = [
    (&[("renkei-official", "tanaka")], None),
    (&[], Some(Reason::OfficialMissing)),
    (&[("renkei-official", "")], Some(Reason::OfficialInvalid)),
    (&[("renkei-official", "tanaka taro")], Some(Reason::OfficialInvalid)),
    (&[("renkei-official", "tanaka"), ("renkei-official", "suzuki")], Some(Reason::OfficialInvalid)),
];

/// The rule in words: is there such a method; who calls; is it of this port and side; may the caller; on whose behalf.
fn expected(own: Agency, method: &Method, who: &Who, official: Option<Reason>) -> Option<Reason> {
    let roles = match who {
        _ if !method.known => return Some(Reason::MethodUnknown),
        Who::Nobody => return Some(Reason::CertificateIdentityMissing),
        Who::Stranger => return Some(Reason::CallerUnknown),
        Who::Known(_) if !method.here => return Some(Reason::MethodUnknown),
        Who::Known(_) if !method.served_by.contains(&own) => return Some(Reason::WrongSide),
        Who::Known(roles) => roles,
    };
    if !method.roles.iter().any(|role| roles.contains(role)) {
        return Some(Reason::RoleMissing);
    }
    let official = official.filter(|_| method.asks_official);
    official.or(method.asks_purpose.then_some(Reason::PurposeMissing))
}

async fn call(caller: &Channel, path: &str, metadata: Metadata) -> Result<(), Status> {
    let call = raw::call(caller, path, BODY, metadata);
    tokio::time::timeout(Duration::from_secs(10), call).await.unwrap().map(|_| ())
}

/// A service that sees the call finds that its body is not a message. Reflection just ends its stream then.
fn assert_reached(method: &Method, answer: Result<(), Status>, what: &str) {
    if method.path.contains("Reflection") {
        answer.unwrap();
    } else {
        assert_said(answer, Reason::Malformed, what);
    }
}

/// Code, reason and the first sentence in both languages are those of the reason, in every answer.
fn assert_said(answer: Result<(), Status>, reason: Reason, what: &str) {
    let status = answer.unwrap_err();
    let given = reason_of(&status);
    assert_eq!(given, Some(reason), "{what}: {status:?}");
    let must = reason::answer(reason);
    assert_eq!(status.code(), must.code, "{what}");
    assert!(status.message().starts_with(must.english), "{what}: {}", status.message());
    let said = status.get_details_localized_message().unwrap();
    assert!(said.locale == "ja" && said.message.starts_with(must.japanese), "{what}: {}", said.message);
}

/// Everybody calls everything on one port. Gives how many calls were made and how many a service has seen.
async fn everybody_calls(side: &Side, port: Surface, callers: &[Caller]) -> (u64, u64) {
    let (mut calls, mut seen) = (0, 0);
    let methods = methods(port);
    for caller in callers {
        for method in &methods {
            for (metadata, official) in OFFICIALS {
                let what = format!("{} {:?} {} {} {metadata:?}", side.agency.id(), port, caller.name, method.path);
                let before = side.handled(port);
                let answer = call(&caller.channel, method.path, metadata).await;
                let reason = expected(side.agency, method, &caller.who, official);
                match reason {
                    Some(reason) => assert_said(answer, reason, &what),
                    None => assert_reached(method, answer, &what),
                }
                assert_eq!(side.handled(port) - before, u64::from(reason.is_none()), "{what}");
                calls += 1;
                seen += u64::from(reason.is_none());
            }
        }
    }
    (calls, seen)
}

fn outfit(dir: &Path, name: &str, issued: &Issued, roots: &str) -> renkei_rpc::tls::Files {
    pki::outfit(&dir.join("strangers").join(name), issued, roots).unwrap()
}

fn desk_callers(pair: &mut Pair, own: Agency) -> Vec<Caller> {
    let dir = pair.setup.dir.clone();
    let desk = pair.side(own).desk.clone();
    let mut callers = Vec::new();
    for (name, role, _) in setup::CALLERS {
        let role = Role::from_str_name(&format!("ROLE_{}", role.to_uppercase())).unwrap();
        callers.push(Caller {
            name: name.to_owned(),
            channel: desk.channel(name).unwrap(),
            who: Who::Known(vec![role]),
        });
    }
    let channel = desk.channel("unconfigured").unwrap();
    callers.push(Caller { name: "unconfigured".to_owned(), channel, who: Who::Stranger });
    let pki = if own == Agency::Ppc { &mut pair.setup.pki.ppc } else { &mut pair.setup.pki.ipa };
    let (peer, authority) = (own.peer().id(), &mut pki.desk_authority);
    // Certificates of the right authority that name somebody else, or nobody.
    for (name, uri, who) in [
        ("own link", format!("spiffe://{}/link", own.id()), Who::Stranger),
        ("peer's link", format!("spiffe://{peer}/link"), Who::Stranger),
        ("peer's intake", format!("spiffe://{peer}/desk/intake"), Who::Stranger),
        ("own service", format!("spiffe://{}/desk/service", own.id()), Who::Stranger),
        ("no name of this system", "https://example.org/intake".to_owned(), Who::Nobody),
    ] {
        let issued = authority.issue(&uri, Use::Client).unwrap();
        let files = outfit(&dir, name, &issued, &authority.certificate());
        callers.push(Caller {
            name: name.to_owned(),
            channel: raw::desk(desk.agency, desk.address(), &files).unwrap(),
            who,
        });
    }
    callers
}

fn link_callers(pair: &mut Pair, own: Agency) -> Vec<Caller> {
    let dir = pair.setup.dir.clone();
    let address = pair.side(own).link_wire.address();
    let channel = |files: &renkei_rpc::tls::Files| raw::link(own, address, files).unwrap();
    let peer = own.peer();
    let it = channel(&pki::link_files(&dir, peer.id()));
    let mut callers = vec![Caller { name: "peer".to_owned(), channel: it, who: Who::Known(vec![Role::Peer]) }];
    let pki = &mut pair.setup.pki;
    let (pki, roots) = match own {
        Agency::Ppc => (&mut pki.ipa, pki.ppc.link_authority.certificate()),
        _ => (&mut pki.ppc, pki.ipa.link_authority.certificate()),
    };
    let authority: &mut Authority = &mut pki.link_authority;
    for (name, uri, who) in [
        ("the service itself", format!("spiffe://{}/link", own.id()), Who::Stranger),
        ("peer's intake", format!("spiffe://{}/desk/intake", peer.id()), Who::Stranger),
        ("own intake", format!("spiffe://{}/desk/intake", own.id()), Who::Stranger),
        ("no name of this system", "spiffe://jpcert/link".to_owned(), Who::Nobody),
    ] {
        let issued = authority.issue(&uri, Use::Both).unwrap();
        let files = outfit(&dir, &format!("link {name}"), &issued, &roots);
        callers.push(Caller { name: name.to_owned(), channel: channel(&files), who });
    }
    callers
}

/// Both sides have stored each other's first entries: from here on nobody but the test calls. Gives the own heads.
async fn settled(pair: &Pair) -> (u64, u64) {
    let (ppc, ipa) = both(pair).unwrap();
    settle(&ppc, &ipa).await.unwrap();
    (ppc.link().await.unwrap().own_seq, ipa.link().await.unwrap().own_seq)
}

#[tokio::test]
async fn the_answer_to_a_caller_follows_from_the_rule_and_no_service_sees_a_refused_call() {
    let mut pair = Pair::in_process(start().unwrap(), 11).await.unwrap();
    let before = settled(&pair).await;
    let (mut calls, mut seen) = (0, 0);
    for own in AGENCIES {
        for port in [Surface::Desk, Surface::Link] {
            let callers =
                if port == Surface::Desk { desk_callers(&mut pair, own) } else { link_callers(&mut pair, own) };
            let counted = everybody_calls(pair.side(own), port, &callers).await;
            (calls, seen) = (calls + counted.0, seen + counted.1);
        }
    }
    assert!(seen > 0 && calls > 2 * seen, "{calls} calls, {seen} seen");
    assert_eq!(settled(&pair).await, before, "somebody wrote");
    pair.stop_both().await.unwrap();
}

/// Those whom TLS does not let in: name, channel, and what the client is told.
fn shut_out(pair: &mut Pair, own: Agency) -> Vec<(String, Surface, Channel, &'static str)> {
    let dir = pair.setup.dir.clone();
    let side = pair.side(own);
    let (desk, link) = (side.desk_wire.address(), side.link_wire.address());
    let desk_channel = |files: &renkei_rpc::tls::Files| raw::desk(side.agency, side.desk.address(), files).unwrap();
    let distrusted = "does not trust the issuer of our certificate";
    let (me, peer) = (own.id(), own.peer().id());
    let own_pki = if own == Agency::Ppc { &pair.setup.pki.ppc } else { &pair.setup.pki.ipa };
    let (desk_roots, link_roots) = (own_pki.desk_authority.certificate(), own_pki.link_authority.certificate());
    let with = |files: renkei_rpc::tls::Files, name: &str, roots: &str| {
        let folder = dir.join("strangers").join(name);
        pki::write(&folder.join("roots.pem"), roots).unwrap();
        renkei_rpc::tls::Files { roots: folder.join("roots.pem"), crls: Vec::new(), ..files }
    };
    let mut out = Vec::new();
    for (name, files) in [
        ("own link", pki::link_files(&dir, me)),
        ("peer's link", pki::link_files(&dir, peer)),
        ("peer's intake", pki::caller_files(&dir, peer, "intake")),
    ] {
        let files = with(files, &format!("{me} desk {name}"), &desk_roots);
        out.push((name.to_owned(), Surface::Desk, desk_channel(&files), distrusted));
    }
    for (name, files) in [
        ("own intake", pki::caller_files(&dir, me, "intake")),
        ("own service", pki::link_files(&dir, me)),
        ("peer's intake", pki::caller_files(&dir, peer, "intake")),
    ] {
        let files = with(files, &format!("{me} link {name}"), &link_roots);
        out.push((name.to_owned(), Surface::Link, raw::link(own, link, &files).unwrap(), distrusted));
    }
    let mut impostor =
        Authority::new(&format!("{me} desk authority (development)"), renkei_tools::pair::machine_time()).unwrap();
    let issued = impostor.issue(&format!("spiffe://{me}/desk/intake"), Use::Client).unwrap();
    let files = outfit(&dir, &format!("{me} impostor"), &issued, &desk_roots);
    let forged = "issued with the key that the peer trusts";
    out.push(("another authority of the same name".to_owned(), Surface::Desk, desk_channel(&files), forged));
    let none = "wants a client certificate and got none";
    for (port, address, roots) in [(Surface::Desk, desk, &desk_roots), (Surface::Link, link, &link_roots)] {
        let channel = raw::bare(address, roots, &rustls::version::TLS13).unwrap();
        out.push(("nobody".to_owned(), port, channel, none));
    }
    out
}

#[tokio::test]
async fn without_a_certificate_for_the_port_no_method_is_reached() {
    let mut pair = Pair::in_process(start().unwrap(), 12).await.unwrap();
    settled(&pair).await;
    for own in AGENCIES {
        let strangers = shut_out(&mut pair, own);
        let side = pair.side(own);
        for (name, port, channel, told) in strangers {
            let before = side.handled(port);
            for method in methods(port) {
                let what = format!("{} {port:?} {name} {}", own.id(), method.path);
                let status = call(&channel, method.path, OFFICIALS[0].0).await.unwrap_err();
                assert_eq!(reason_of(&status), None, "{what}: nobody answers a handshake that is refused");
                assert!(explain(&status).contains(told), "{what}: {}", explain(&status));
            }
            assert_eq!(side.handled(port), before, "{name}");
        }
    }
    pair.stop_both().await.unwrap();
}
