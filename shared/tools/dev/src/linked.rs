//! The packages whose code is part of the programs of a release, with what cargo knows about each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package, PackageId};

use crate::run::{cargo, said};

/// The packages of the programs in the archive.
pub(crate) const PACKAGES: [&str; 4] = ["renkei-ppc", "renkei-ipa", "renkei-cli", "renkei-tools"];

/// A package that is linked in.
pub(crate) struct Linked {
    /// What its manifest states.
    pub(crate) package: Package,
    /// The SHA-256 of the file that the registry gave; none for a package of this project.
    pub(crate) checksum: Option<String>,
    /// The linked packages that it uses.
    pub(crate) needs: Vec<PackageId>,
}

impl Linked {
    /// The folder of its sources.
    pub(crate) fn folder(&self) -> &Path {
        self.package.manifest_path.parent().map_or(Path::new(""), |folder| folder.as_std_path())
    }

    /// Its licences as an SPDX expression. Old manifests separate alternatives by a slash.
    pub(crate) fn licence(&self) -> Result<String, String> {
        let stated =
            self.package.license.as_deref().ok_or_else(|| format!("{} names no licence", self.package.name))?;
        Ok(if stated.contains(" / ") { stated.replace(" / ", " OR ") } else { stated.replace('/', " OR ") })
    }

    /// False for the packages of this project.
    pub(crate) fn is_foreign(&self) -> bool {
        self.package.source.is_some()
    }
}

/// All of them, by name and version.
pub(crate) fn linked() -> Result<Vec<Linked>, String> {
    let names = tree()?;
    let platform = ["--filter-platform", "host-tuple", "--locked"].map(str::to_owned);
    let metadata = MetadataCommand::new().other_options(platform.to_vec()).exec().map_err(|error| error.to_string())?;
    let mut checksums = checksums()?;
    let mut uses = uses(&metadata)?;
    let is_linked = |it: &Package| names.contains(&(it.name.to_string(), it.version.to_string()));
    let packages: Vec<Package> = metadata.packages.into_iter().filter(is_linked).collect();
    if packages.len() != names.len() {
        return Err("cargo tree and cargo metadata name different packages".to_owned());
    }
    let ids: BTreeSet<PackageId> = packages.iter().map(|it| it.id.clone()).collect();
    let mut linked: Vec<Linked> = packages
        .into_iter()
        .map(|package| Linked {
            checksum: checksums.remove(&(package.name.to_string(), package.version.to_string())),
            needs: uses.remove(&package.id).unwrap_or_default().into_iter().filter(|id| ids.contains(id)).collect(),
            package,
        })
        .collect();
    linked.sort_by(|a, b| (&a.package.name, &a.package.version).cmp(&(&b.package.name, &b.package.version)));
    Ok(linked)
}

/// Names and versions. `cargo tree` follows the features of this build, where `cargo metadata` names also what only tests
/// ask for. Build scripts and macros run at compile time and are not part of a program.
fn tree() -> Result<BTreeSet<(String, String)>, String> {
    let mut command = cargo(&["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    command.args(["--format", "{p}"]).args(PACKAGES.iter().flat_map(|name| ["--package", name]));
    let lines = said(&mut command)?;
    let mut names = BTreeSet::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next().and_then(|it| it.strip_prefix('v'))) else {
            return Err(format!("cargo tree names no version: {line}"));
        };
        names.insert((name.to_owned(), version.to_owned()));
    }
    Ok(names)
}

/// What each package uses at run time.
fn uses(metadata: &cargo_metadata::Metadata) -> Result<BTreeMap<PackageId, Vec<PackageId>>, String> {
    let resolve = metadata.resolve.as_ref().ok_or("cargo metadata resolves no packages")?;
    let uses = resolve.nodes.iter().map(|node| {
        let normal = node.deps.iter().filter(|it| it.dep_kinds.iter().any(|it| it.kind == DependencyKind::Normal));
        (node.id.clone(), normal.map(|it| it.pkg.clone()).collect())
    });
    Ok(uses.collect())
}

/// The checksums in `Cargo.lock`, by name and version.
fn checksums() -> Result<BTreeMap<(String, String), String>, String> {
    let text = std::fs::read_to_string("Cargo.lock").map_err(|error| format!("Cargo.lock: {error}"))?;
    let lock: toml::Table = text.parse().map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).ok_or("Cargo.lock names no packages")?;
    let row = |package: &toml::Value| {
        let field = |name: &str| package.get(name).and_then(toml::Value::as_str).map(str::to_owned);
        Some(((field("name")?, field("version")?), field("checksum")?))
    };
    Ok(packages.iter().filter_map(row).collect())
}
