//! The floors of the workspace and the versions beneath it, read from `cargo metadata`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId, semver::Version};

use crate::checkout::checkout;

/// No crate depends on one at its own height or above, in its tests neither.
const FLOORS: &[(&str, u32)] = &[
    ("renkei-proto", 0),
    ("renkei-domain", 1),
    ("renkei-journal", 1),
    ("renkei-telemetry", 1),
    ("renkei-print", 1),
    ("renkei-book", 2),
    ("renkei-store", 3),
    ("renkei-rpc", 3),
    ("renkei-desk", 4),
    ("renkei-link", 4),
    ("renkei-client", 4),
    ("renkei-service", 5),
    ("renkei-cli", 5),
    ("renkei-simulation", 5),
    ("renkei-ppc", 6),
    ("renkei-ipa", 6),
    ("renkei-tools", 7),
    ("renkei-dev", 7),
    ("renkei-tests", 8),
];

/// Two versions of these in one program would not understand each other's types.
const SINGLE: &[&str] = &["tonic", "prost", "rustls", "tokio", "hyper"];

/// Older versions have published weaknesses, or lack something that the design needs.
const LEAST: &[(&str, Version)] = &[
    ("h2", Version::new(0, 4, 16)),
    ("rustls-webpki", Version::new(0, 103, 13)),
    ("rustls", Version::new(0, 23, 0)),
    ("tonic", Version::new(0, 14, 0)),
    ("sqlx", Version::new(0, 9, 0)),
];

/// One TLS library with one provider: rustls with aws-lc-rs.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "ring"];

/// Dependencies that are named only in the code that the build generates from the contract.
const GENERATED: &[(&str, &str)] = &[("renkei-proto", "tonic"), ("renkei-proto", "tonic-prost")];

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let platform = ["--filter-platform", "host-tuple", "--locked"].map(str::to_owned);
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .other_options(platform.to_vec())
        .exec()
        .expect("cargo metadata")
});

#[test]
fn every_crate_has_its_floor() {
    let known: BTreeSet<&str> = FLOORS.iter().map(|(name, _)| *name).collect();
    let members: BTreeSet<String> =
        METADATA.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    assert_eq!(members, known.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn no_crate_depends_on_its_own_height_or_above() {
    for package in METADATA.workspace_packages() {
        let height = floor(&package.name).unwrap_or_else(|| panic!("{} has no floor", package.name));
        for dependency in &package.dependencies {
            let below = floor(&dependency.name).is_none_or(|other| other < height);
            assert!(below, "{} may not depend on {} ({})", package.name, dependency.name, dependency.kind);
        }
    }
}

/// A program that only calls its library has no tests, and is not linked a second time for them: all these programs together
/// were 1.1 GB. A test in one of them would never run.
#[test]
fn programs_whose_tests_do_not_run_have_none() {
    let packages = METADATA.workspace_packages();
    let programs =
        packages.iter().flat_map(|package| &package.targets).filter(|target| target.is_bin() && !target.test);
    let files: Vec<_> = programs.map(|program| &program.src_path).collect();
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let may_have = text.lines().any(|line| line.starts_with("mod ") || line.contains("#[test]"));
        assert!(!may_have, "{file} may have tests: leave out `test = false` in its manifest");
    }
}

/// A minimal machine has no program `kill`, and a caller would wait for the end of a process for ever.
#[test]
fn no_source_calls_a_program_to_send_a_signal() {
    let call = format!("Command::new({:?})", "kill");
    for package in METADATA.workspace_packages() {
        let root = package.manifest_path.parent().unwrap().as_std_path();
        for place in ["src", "tests"] {
            assert!(!is_named(&root.join(place), &call), "{}/{place}: use the function `signal`", package.name);
        }
    }
}

/// A program would contain the folder, if only in the digest of its symbols, and two checkouts would not make the same archive.
/// Functions are told where the checkout is.
#[test]
fn no_program_contains_the_folder_of_its_checkout() {
    let names = [format!("env!({:?})", "CARGO_MANIFEST_DIR"), concat!("file", "!()").to_owned()];
    for package in METADATA.workspace_packages() {
        let sources = package.manifest_path.parent().unwrap().as_std_path().join("src");
        for name in &names {
            assert!(!is_named(&sources, name), "{} names {name}", sources.display());
        }
    }
}

/// A dependency that no source names is compiled for nothing. Sources name one as `name::`.
#[test]
fn every_declared_dependency_is_named_in_the_sources() {
    let mut unused = BTreeSet::new();
    for package in METADATA.workspace_packages() {
        let root = package.manifest_path.parent().unwrap().as_std_path();
        for dependency in &package.dependencies {
            let places = match dependency.kind {
                DependencyKind::Build => ["build.rs", "build"],
                DependencyKind::Development => ["src", "tests"],
                _ => ["src", "src"],
            };
            let name = format!("{}::", dependency.name.replace('-', "_"));
            if !places.iter().any(|place| is_named(&root.join(place), &name)) {
                unused.insert((package.name.as_str(), dependency.name.as_str()));
            }
        }
    }
    assert_eq!(unused, GENERATED.iter().copied().collect(), "the manifest declares what no source names");
}

/// Tells whether a source file at this place, or below this folder, contains code that begins with this name.
fn is_named(place: &Path, name: &str) -> bool {
    if place.is_dir() {
        return place.read_dir().unwrap().any(|item| is_named(&item.unwrap().path(), name));
    }
    let text = std::fs::read(place).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let continues = |before: char| before.is_ascii_alphanumeric() || before == '_';
    text.match_indices(name).any(|(at, _)| !text[..at].ends_with(continues))
}

#[test]
fn only_the_store_speaks_sql() {
    let mut speakers = BTreeSet::new();
    for package in METADATA.workspace_packages() {
        let sql = |name: &str| name == "sqlx" || name.starts_with("sqlx-") || name.contains("sqlite");
        if package.dependencies.iter().any(|dependency| sql(&dependency.name)) {
            speakers.insert(package.name.as_str());
        }
    }
    assert_eq!(speakers, BTreeSet::from(["renkei-store", "renkei-tools"]));
}

/// The bench measures as a control the speed of the database alone, for which the store has no function.
#[test]
fn only_the_control_of_the_bench_speaks_sql_among_tools_and_tests() {
    let root = checkout();
    let (mut folders, mut speakers) = (vec![root.join("shared/tools"), root.join("tests")], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for item in folder.read_dir().unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().windows(6).any(|part| part == concat!("sqlx", "::").as_bytes()) {
                speakers.insert(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    assert_eq!(speakers, BTreeSet::from(["shared/tools/src/bench/control.rs".to_owned()]));
}

#[test]
fn dependencies_that_must_be_single_are_single() {
    let versions = versions();
    for name in SINGLE {
        let found = versions.get(name).unwrap_or_else(|| panic!("{name} is not in the tree"));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
}

#[test]
fn no_version_is_below_its_floor() {
    let versions = versions();
    for (name, least) in LEAST {
        let found = versions.get(name).unwrap_or_else(|| panic!("{name} is not in the tree"));
        for version in found {
            assert!(*version >= least, "{name} {version} is below {least}");
            assert!(version.pre.is_empty(), "{name} {version} is a pre-release");
        }
    }
    let rustls = versions["rustls"].first().unwrap();
    assert_eq!((rustls.major, rustls.minor), (0, 23), "rustls {rustls}: another line needs a look at every TLS test");
}

#[test]
fn there_is_one_tls_library_with_one_provider() {
    let versions = versions();
    for name in BANNED {
        assert!(!versions.contains_key(name), "{name} is in the tree: cargo tree --workspace -i {name}");
    }
    assert!(versions.contains_key("aws-lc-rs"));
}

#[test]
fn every_dependency_comes_from_the_registry_or_this_workspace() {
    for package in &METADATA.packages {
        let own = METADATA.workspace_members.contains(&package.id);
        let registry = package.source.as_ref().is_some_and(cargo_metadata::Source::is_crates_io);
        assert!(own || registry, "{} comes from elsewhere", package.name);
    }
}

fn floor(name: &str) -> Option<u32> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, height)| *height)
}

/// Name and versions of every package that is built for this platform.
fn versions() -> BTreeMap<&'static str, BTreeSet<&'static Version>> {
    let nodes = &METADATA.resolve.as_ref().expect("a resolved graph").nodes;
    let nodes: BTreeMap<&PackageId, &Node> = nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
    let mut open: Vec<&PackageId> = METADATA.workspace_members.iter().collect();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let node = nodes[id];
            open.extend(node.deps.iter().map(|edge| &edge.pkg).filter(|to| is_built(node, &METADATA[*to])));
        }
    }
    let mut found: BTreeMap<&str, BTreeSet<&Version>> = BTreeMap::new();
    for id in seen {
        found.entry(METADATA[id].name.as_str()).or_default().insert(&METADATA[id].version);
    }
    found
}

/// The graph also names optional dependencies that only a weak feature (`ring?/alloc`) mentions; these are not built.
fn is_built(node: &Node, to: &Package) -> bool {
    let from = &METADATA[&node.id];
    from.dependencies.iter().filter(|dependency| dependency.name == to.name.as_str()).any(|dependency| {
        let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
        let (switch, strong) = (format!("dep:{key}"), format!("{key}/"));
        let mut enabled = node.features.iter().filter_map(|feature| from.features.get(feature.as_str())).flatten();
        !dependency.optional || enabled.any(|asked| *asked == switch || asked.starts_with(&strong))
    })
}
