//! A release archive for this platform: programs, contract, guides, clients, licences and the list of what the programs
//! contain. Two builds of one commit give the same bytes, in whatever folders they run.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, GzBuilder, write::GzEncoder};

use crate::{
    licences::licences,
    linked::{PACKAGES, linked},
    run::{cargo, said, say, succeeds},
    sbom::{Program, sbom, sha256},
};

/// The programs of the archive, each with its package.
const PROGRAMS: [(&str, &str); 5] = [
    ("ppc", "renkei-ppc"),
    ("ipa", "renkei-ipa"),
    ("renkei", "renkei-cli"),
    ("pki", "renkei-tools"),
    ("sandbox", "renkei-tools"),
];

/// Files and folders of the project, as patterns of git. The archive contains them at the same path, so that the guides are
/// true in it too.
const SAME: [&str; 12] = [
    "LICENSE",
    "docs",
    "proto/baseline.binpb",
    "proto/buf",
    "proto/buf.*.yaml",
    "proto/buf.yaml",
    "proto/google",
    "proto/renkei",
    "proto/service_config.json",
    "shared/ops",
    "tests/README.md",
    "tests/clients",
];

/// Files that have another path there.
const MOVED: [(&str, &str); 2] =
    [("shared/service/src/example.toml", "example.toml"), ("shared/tools/dev/archive.md", "README.md")];

/// The place of all archives.
pub(crate) const OUT: &str = "target/dist";

/// The flags of a release differ from those of every other build, which would compile everything anew each time in one folder.
const BUILD: &str = "target/dist/build";

/// A file of the archive.
struct File {
    is_program: bool,
    bytes: Vec<u8>,
}

/// The archive that was made.
pub(crate) struct Archive {
    /// The name of its one folder.
    pub(crate) name: String,
    /// The path of the file.
    pub(crate) file: PathBuf,
}

/// Packs the programs of a release.
pub(crate) fn release(programs: &Path) -> Result<(), String> {
    if !said(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]))?.is_empty() {
        say("There are changes that are not committed: they are in the archive, and no other clone can make the same.");
    }
    let archive = pack(programs, Path::new(OUT))?;
    say(&archive.file.display().to_string());
    Ok(())
}

/// Builds the programs and gives their folder; nothing if they cannot be built.
///
/// This is the release profile without debugging information: `strip` would remove it, but the build id is a digest of it too.
/// The compilers write other names for the folders of this machine. Services and tools are built together, so a service has
/// a few features of libraries that only tools ask for.
pub(crate) fn programs() -> Result<Option<PathBuf>, String> {
    let root = std::env::current_dir().map_err(|error| error.to_string())?;
    let folders = [(root, "/renkei"), (cargo_home()?, "/cargo")];
    if let Some((folder, _)) = folders.iter().find(|(folder, _)| folder.display().to_string().contains(' ')) {
        return Err(format!(
            "a compiler of C cannot be told of a folder with blanks in its path: {}",
            folder.display()
        ));
    }
    let flags = |flag: &str| folders.clone().map(|(folder, name)| format!("{flag}={}={name}", folder.display()));
    let for_c = flags("-ffile-prefix-map").join(" ");
    let mut build = cargo(&["build", "--locked", "--release", "--target-dir", BUILD]);
    build.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    build.args(PROGRAMS.iter().flat_map(|(name, _)| ["--bin", name]));
    build.env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix").join("\u{1f}"));
    build.env("CFLAGS", &for_c).env("CXXFLAGS", &for_c).env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    // The C code of mimalloc contains the time at which it is compiled. The compiler writes this moment instead.
    build.env("SOURCE_DATE_EPOCH", "0");
    // A developer may have set this, and incremental code is divided in another way.
    build.env("CARGO_INCREMENTAL", "0");
    Ok(succeeds(&mut build)?.then(|| Path::new(BUILD).join("release")))
}

/// The folder with the sources of all crates.
#[expect(clippy::disallowed_methods, reason = "cargo has no command that names its folder")]
fn cargo_home() -> Result<PathBuf, String> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let usual = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    let home = named.or_else(usual).ok_or("neither CARGO_HOME nor HOME is set")?;
    std::path::absolute(home).map_err(|error| error.to_string())
}

/// Makes an archive of the programs in a folder, and a file with its checksum beside it.
pub(crate) fn pack(programs: &Path, out: &Path) -> Result<Archive, String> {
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let version = env!("CARGO_PKG_VERSION");
    let platform = said(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let name = format!("renkei-{version}-{}", platform.trim());
    let files = files(version, programs, out)?;
    let archive = Archive { file: out.join(format!("{name}.tar.gz")), name };
    let bytes = compress(&archive.name, &files)?;
    write(&archive.file, &bytes)?;
    let line = format!("{}  {}.tar.gz\n", sha256(&bytes), archive.name);
    write(&out.join(format!("{}.tar.gz.sha256", archive.name)), line.as_bytes())?;
    Ok(archive)
}

/// Every file by its path in the folder of the archive.
fn files(version: &str, programs: &Path, out: &Path) -> Result<BTreeMap<String, File>, String> {
    let mut files = BTreeMap::new();
    let mut add = |path: String, bytes| files.insert(path, File { is_program: false, bytes });
    for path in committed(&SAME)? {
        let bytes = read(Path::new(&path))?;
        add(path, bytes);
    }
    for (from, to) in MOVED {
        add(to.to_owned(), read(Path::new(from))?);
    }
    let stripped = PROGRAMS.map(|(name, package)| stripped(name, package, programs, out));
    let stripped = stripped.into_iter().collect::<Result<Vec<_>, _>>()?;
    let linked = linked()?;
    add("THIRD-PARTY.txt".to_owned(), licences(&linked, &standard_library()?)?.into_bytes());
    add("sbom.cdx.json".to_owned(), sbom(version, &stripped, &linked)?);
    for program in stripped {
        files.insert(format!("bin/{}", program.name), File { is_program: true, bytes: program.bytes });
    }
    let sums: String = files.iter().map(|(path, file)| format!("{}  {path}\n", sha256(&file.bytes))).collect();
    files.insert("SHA256SUMS".to_owned(), File { is_program: false, bytes: sums.into_bytes() });
    Ok(files)
}

/// The files under some paths that belong to the project: what tools generate beside them does not.
fn committed(paths: &[&str]) -> Result<Vec<String>, String> {
    let listed = said(Command::new("git").args(["ls-files", "-z", "--"]).args(paths))?;
    Ok(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// A program without the symbols that only a debugger reads.
fn stripped(name: &'static str, package: &'static str, programs: &Path, out: &Path) -> Result<Program, String> {
    let file = out.join(format!("{name}.stripped"));
    said(Command::new("strip").arg("-o").arg(&file).arg(programs.join(name)))?;
    let bytes = read(&file)?;
    std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Program { name, package, bytes })
}

/// The notice that comes with the compiler.
fn standard_library() -> Result<PathBuf, String> {
    let root = said(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(Path::new(root.trim()).join("share/doc/rust/COPYRIGHT-library.html"))
}

/// The files as a compressed tape in the order of their paths. All have the time of the commit and no owner.
fn compress(name: &str, files: &BTreeMap<String, File>) -> Result<Vec<u8>, String> {
    let committed = said(Command::new("git").args(["log", "-1", "--format=%ct"]))?;
    let time = committed.trim().parse().map_err(|_| "git names no time of the commit".to_owned())?;
    let gzip: GzEncoder<Vec<u8>> = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut tape = tar::Builder::new(gzip);
    let failed = |error: std::io::Error| format!("{name}: {error}");
    for (path, file) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.bytes.len().try_into().map_err(|_| format!("{path} is too large"))?);
        header.set_mode(if file.is_program { 0o755 } else { 0o644 });
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tape.append_data(&mut header, format!("{name}/{path}"), file.bytes.as_slice()).map_err(failed)?;
    }
    tape.into_inner().and_then(GzEncoder::finish).map_err(failed)
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
}
