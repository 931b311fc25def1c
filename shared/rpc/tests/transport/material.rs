//! Trust material: a defect of a file is reported at once, and the material in use stays in use.

use std::sync::Arc;

use renkei_rpc::serve::Limits;
use renkei_rpc::tls::{Files, Material, Reloading, TlsError};

use rustls::ServerConfig;

use crate::fixture::{Leaf, NOW, Running, Spec, World, ask};

/// The first moment of the year 2090, in unix seconds.
const YEAR_2090: i64 = 3_786_912_000;

#[test]
fn a_wrong_file_is_named_with_what_is_wrong_in_it() {
    let world = World::new();
    let good = world.server_files();
    let leaf = world.client();
    let file = |name: &str, text: &str| world.write(name, text);
    let certificate = |path| Files { certificate: path, ..good.clone() };
    let key = |path| Files { key: path, ..good.clone() };
    let roots = |path| Files { roots: path, ..good.clone() };
    let crl = |path| Files { crls: vec![path], ..good.clone() };
    let cut = leaf.certificate.replace("-----END CERTIFICATE-----", "");
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        (certificate(world.write("gone", "").with_file_name("missing.pem")), "missing.pem cannot be read"),
        (certificate(file("empty.pem", "")), "empty.pem contains no certificate"),
        (certificate(file("cut.pem", &cut)), "cut.pem is not well-formed PEM"),
        (certificate(file("garbled.pem", garbled)), "garbled.pem contains a certificate that cannot be read"),
        (certificate(file("huge.pem", &"x".repeat((1 << 20) + 1))), "huge.pem is larger than the 1048576 bytes"),
        (key(file("empty.key", "")), "empty.key contains no private key"),
        (key(file("other.key", &leaf.key)), "other.key does not belong to the certificate in"),
        (roots(file("empty.roots", &leaf.key)), "empty.roots contains no certificate"),
        (roots(file("garbled.roots", garbled)), "garbled.roots contains a root certificate that cannot be read"),
        (crl(file("empty.crl", "")), "empty.crl contains no revocation list"),
        (crl(file("forged.crl", &forged(&world))), "forged.crl is not signed by the authority"),
    ];
    for (files, words) in cases {
        let told = Material::load(&files).unwrap_err().to_string();
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(Material::load(&good).is_ok());
}

/// A revocation list in the trusted authority's name, signed by another key.
fn forged(world: &World) -> String {
    let impostor = crate::fixture::Authority::new("trusted authority");
    assert_ne!(impostor.pem(), world.trusted.pem());
    impostor.crl(&[], 2090)
}

#[tokio::test]
async fn a_reload_takes_effect_at_the_next_handshake_and_a_broken_one_never() {
    let world = World::new();
    let files = world.server_files();
    let port = Running::start(&files, Limits::default()).await;
    let dial = world.dial(port.address, &world.client());
    let before = dial.channel().unwrap();
    assert_eq!(ask(&before).await, Ok(()));

    let other_key = world.write("other.key", &world.client().key);
    let broken = Files { key: other_key, ..files.clone() };
    let error = port.tls.reload(&broken, NOW).whole().unwrap_err();
    assert!(matches!(error, TlsError::KeyMismatch { .. }), "{error}");
    assert_eq!(ask(&dial.channel().unwrap()).await, Ok(()));

    // Both sides move to the other authority; open connections stay open.
    let renewed = Files {
        roots: world.write("new.roots", &world.foreign.pem()),
        crls: vec![world.write("new.crl", &world.foreign.crl(&[], 2091))],
        ..world.files("renewed", &world.foreign.issue(&Spec::server()))
    };
    port.tls.reload(&renewed, NOW).whole().unwrap();
    assert_eq!(ask(&before).await, Ok(()));
    let told = ask(&dial.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("not issued by an authority that we trust"), "{told}");
    let moved = world.files("moved", &world.foreign.issue(&Spec::client()));
    let moved = Files { roots: renewed.roots.clone(), ..moved };
    dial.tls.reload(&moved, NOW).whole().unwrap();
    assert_eq!(ask(&dial.channel().unwrap()).await, Ok(()));
    assert_eq!(ask(&before).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_certificates_are_exchanged() {
    let world = Arc::new(World::new());
    let files = world.server_files();
    let port = Running::start(&files, Limits::default()).await;
    let dial = world.dial(port.address, &world.client());
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let dial = dial.clone();
        callers.spawn(async move {
            for _ in 0..20 {
                ask(&dial.channel().unwrap()).await?;
            }
            Ok::<_, String>(())
        });
    }
    for _ in 0..20 {
        let renewed = world.files("renewed", &world.trusted.issue(&Spec::server()));
        port.tls.reload(&Files { crls: files.crls.clone(), ..renewed }, NOW).whole().unwrap();
        tokio::task::yield_now().await;
    }
    while let Some(caller) = callers.join_next().await {
        assert_eq!(caller.unwrap(), Ok(()));
    }
    assert_eq!((port.calls(), port.counters.refused()), (80, 0));
}

#[test]
fn the_end_of_certificate_and_revocation_list_is_known() {
    let world = World::new();
    let mut files = world.server_files();
    let tls = Reloading::server(&files).unwrap();
    assert_eq!(tls.in_use().certificate.ends, YEAR_2090);
    assert_eq!(tls.in_use().crl.map(|it| it.ends), Some(YEAR_2090));

    files.crls.clear();
    let tls = Reloading::server(&files).unwrap();
    assert_eq!(tls.in_use().crl, None);
    assert!(tls.revoked().borrow().is_empty());

    let revoked = [world.client(), world.client()];
    let revoked: Vec<_> = revoked.iter().collect();
    files.crls = vec![
        world.write("a.crl", &world.trusted.crl(&revoked, 2091)),
        world.write("b.crl", &world.foreign.crl(&revoked[..1], 2090)),
    ];
    tls.reload(&files, NOW).whole().unwrap();
    assert_eq!(tls.in_use().crl.map(|it| it.ends), Some(YEAR_2090), "the list that ends first counts");
    assert_eq!(tls.revoked().borrow().len(), 3, "a serial number counts per issuer");
}

/// A port that knows a revoked client, its files, and a look at them.
struct Watched {
    world: World,
    files: Files,
    tls: Reloading<ServerConfig>,
}

impl Watched {
    /// The list in use has number 10.
    fn new() -> (Self, Leaf) {
        let world = World::new();
        let (mut files, revoked) = (world.server_files(), world.client());
        files.crls = vec![world.write("server.crl", &world.trusted.numbered_crl(10, 2025, &[&revoked], 2090))];
        let tls = Reloading::server(&files).unwrap();
        (Self { world, files, tls }, revoked)
    }

    /// Puts a list in place, reloads, and returns the refused parts.
    fn look(&self, crl: &str) -> Vec<String> {
        self.world.write("server.crl", crl);
        let reload = self.tls.reload(&self.files, NOW);
        let refused: Vec<String> = reload.refused.iter().map(ToString::to_string).collect();
        assert_eq!((reload.is_new, self.tls.faults()), (refused.is_empty(), refused.clone()));
        refused
    }
}

#[test]
fn a_list_replaces_the_one_in_use_only_if_it_is_not_worse() {
    let (port, revoked) = Watched::new();
    let (trusted, foreign) = (&port.world.trusted, &port.world.foreign);
    let revoked_now = || port.tls.revoked().borrow().len();
    let older = "older than the one in use (number 10 of 2025-01-01T00:00:00Z), which stays";
    let lost = "no file of `crls` contains a revocation list of CN=trusted authority any more";
    for (name, crl, words) in [
        ("lower number, later day", trusted.numbered_crl(9, 2026, &[], 2090), older),
        ("a number with fewer digits", trusted.numbered_crl(2, 2025, &[], 2090), older),
        ("same number, earlier day", trusted.numbered_crl(10, 2024, &[], 2090), older),
        ("ended", trusted.numbered_crl(11, 2025, &[], 2026), "has ended; the one in use has not"),
        ("nothing", String::new(), "contains no revocation list"),
        ("forged", forged(&port.world), "is not signed by the authority"),
    ] {
        let refused = port.look(&crl);
        assert!(refused.len() == 1 && refused[0].contains(words), "{name}: {refused:?}");
        assert_eq!(revoked_now(), 1, "{name}");
    }
    // A list of another authority is added to the one in use and does not replace it.
    port.world.write("server.crl", &foreign.crl(&[], 2090));
    let reload = port.tls.reload(&port.files, NOW);
    assert!(reload.refused.len() == 1 && reload.refused[0].to_string().contains(lost), "{:?}", reload.refused);
    assert_eq!(revoked_now(), 1);
    // The newest of several lists counts, at any place in the file.
    let both = [trusted.numbered_crl(12, 2026, &[&revoked], 2090), trusted.numbered_crl(11, 2026, &[], 2090)];
    assert_eq!(port.look(&both.concat()), Vec::<String>::new());
    assert_eq!(revoked_now(), 1);
    assert_eq!(port.look(&trusted.numbered_crl(12, 2026, &[], 2090)), Vec::<String>::new(), "the same number again");
    assert_eq!(revoked_now(), 0);
}

#[test]
fn the_parts_of_trust_material_are_judged_one_by_one_and_none_gets_worse() {
    let (mut port, revoked) = Watched::new();
    let (world, good) = (&port.world, port.files.clone());
    let other = world.client();
    let newer = world.write("newer.crl", &world.trusted.numbered_crl(11, 2026, &[&revoked, &other], 2090));
    let server = |name: &str, spec: Spec| world.files(name, &world.trusted.issue(&spec));
    let foreign = world.write("foreign.roots", &world.foreign.pem());
    let worse = [
        (server("ended", Spec { years: (2020, 2021), ..Spec::server() }), "has ended or is not valid yet"),
        (server("early", Spec { years: (2089, 2090), ..Spec::server() }), "has ended or is not valid yet"),
        (server("other", Spec { uris: vec!["spiffe://ppc/link"], ..Spec::server() }), "does not name whom"),
        (server("nameless", Spec { uris: Vec::new(), ..Spec::server() }), "does not name whom"),
        (server("client", Spec { purposes: Spec::client().purposes, ..Spec::server() }), "is not meant for what"),
        (Files { key: world.write("a.key", &other.key), ..good.clone() }, "does not belong to the certificate"),
        (Files { roots: foreign, ..good.clone() }, "no authority in"),
    ];
    for (files, words) in worse {
        let tls = Reloading::server(&good).unwrap();
        let reload = tls.reload(&Files { crls: vec![newer.clone()], ..files }, NOW);
        let refused: Vec<String> = reload.refused.iter().map(ToString::to_string).collect();
        assert!(refused.len() == 1 && refused[0].contains(words), "{words}: {refused:?}");
        assert_eq!(tls.revoked().borrow().len(), 2, "{words}: the newer list is in use all the same");
        assert_eq!(tls.in_use().certificate.ends, YEAR_2090, "{words}");
    }
    // An authority without a list is reported, and blocks nothing.
    let both = [port.world.trusted.pem(), port.world.foreign.pem()].concat();
    port.files.roots = port.world.write("both.roots", &both);
    port.tls.reload(&port.files, NOW).whole().unwrap();
    let faults = port.tls.faults();
    assert!(faults.len() == 1 && faults[0].contains("revocation list of CN=foreign authority"), "{faults:?}");
    assert_eq!(Reloading::server(&port.files).unwrap().faults(), faults);
}

#[test]
fn a_change_is_seen_although_the_time_of_change_stays() {
    let world = World::new();
    let files = world.server_files();
    let before = files.digest();
    let time = std::fs::metadata(&files.crls[0]).unwrap().modified().unwrap();
    assert_eq!(files.digest(), before);
    let list = world.write("server.crl", &world.trusted.numbered_crl(2, 2021, &[], 2090));
    std::fs::File::options().write(true).open(&list).unwrap().set_modified(time).unwrap();
    assert_ne!(files.digest(), before);
    std::fs::remove_file(&list).unwrap();
    assert_ne!(files.digest(), before);
}
