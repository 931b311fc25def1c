//! Trust material: what is wrong with a file is said at once, and what was in use stays in use.

use std::sync::Arc;

use renkei_rpc::serve::Limits;
use renkei_rpc::tls::{Files, Material, Reloading, TlsError};

use crate::fixture::{Running, Spec, World, ask};

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
        (certificate(file("empty.pem", "")), "empty.pem holds no certificate"),
        (certificate(file("cut.pem", &cut)), "cut.pem is not well-formed PEM"),
        (certificate(file("garbled.pem", garbled)), "garbled.pem holds a certificate that cannot be read"),
        (certificate(file("huge.pem", &"x".repeat((1 << 20) + 1))), "huge.pem is larger than the 1048576 bytes"),
        (key(file("empty.key", "")), "empty.key holds no private key"),
        (key(file("other.key", &leaf.key)), "other.key does not belong to the certificate in"),
        (roots(file("empty.roots", &leaf.key)), "empty.roots holds no certificate"),
        (roots(file("garbled.roots", garbled)), "garbled.roots holds a root certificate that cannot be read"),
        (crl(file("empty.crl", "")), "empty.crl holds no revocation list"),
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
    let error = port.tls.reload(&broken).unwrap_err();
    assert!(matches!(error, TlsError::KeyMismatch { .. }), "{error}");
    assert_eq!(ask(&dial.channel().unwrap()).await, Ok(()));

    // Both sides move to the other authority; what is connected stays so.
    let renewed = Files {
        roots: world.write("new.roots", &world.foreign.pem()),
        crls: vec![world.write("new.crl", &world.foreign.crl(&[], 2091))],
        ..world.files("renewed", &world.foreign.issue(&Spec::server()))
    };
    port.tls.reload(&renewed).unwrap();
    assert_eq!(ask(&before).await, Ok(()));
    let told = ask(&dial.channel().unwrap()).await.unwrap_err();
    assert!(told.contains("not issued by an authority that we trust"), "{told}");
    let moved = world.files("moved", &world.foreign.issue(&Spec::client()));
    let moved = Files { roots: renewed.roots.clone(), ..moved };
    dial.tls.reload(&moved).unwrap();
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
        port.tls.reload(&Files { crls: files.crls.clone(), ..renewed }).unwrap();
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
    assert_eq!(tls.expiry().certificate, YEAR_2090);
    assert_eq!(tls.expiry().crl, Some(YEAR_2090));

    files.crls.clear();
    tls.reload(&files).unwrap();
    assert_eq!(tls.expiry().crl, None);
    assert!(tls.revoked().borrow().is_empty());

    let revoked = [world.client(), world.client()];
    let revoked: Vec<_> = revoked.iter().collect();
    files.crls = vec![
        world.write("a.crl", &world.trusted.crl(&revoked, 2091)),
        world.write("b.crl", &world.foreign.crl(&revoked[..1], 2090)),
    ];
    tls.reload(&files).unwrap();
    assert_eq!(tls.expiry().crl, Some(YEAR_2090), "the list that ends first counts");
    assert_eq!(tls.revoked().borrow().len(), 3, "a serial number counts per issuer");
}
