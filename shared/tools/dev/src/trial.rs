//! The release archive as somebody uses it who has neither Rust nor this project: its checksums are right, and a pair of
//! services starts from it under a root folder that contains nothing but the C library.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    dist::{Archive, OUT, pack, read},
    run::{lines, said, say, succeeds},
    tally::Tally,
};

/// Gives a process a root folder of its own, in which `/dev` is that of this machine. The mounts end with the process.
const ENTER: &str = r#"mount --rbind /dev "$0/dev" && exec "$@""#;

/// Ways to get the right to do so: as any account where the kernel allows it, and as root.
const RIGHTS: [&[&str]; 2] = [&["--map-root-user"], &[]];

/// Packs the programs of a folder twice, and tries the archive.
pub(crate) fn trial(programs: &Path) -> Result<Tally, String> {
    let mut tally = Tally::default();
    if let Err(why) = said(Command::new("git").args(["rev-parse", "--verify", "HEAD"])) {
        tally.skip("the release archive", &format!("it contains what is committed, and {why}"));
        return Ok(tally);
    }
    let folder = std::path::absolute(Path::new(OUT).join("trial")).map_err(|error| error.to_string())?;
    // There is none in a fresh checkout.
    let _ = std::fs::remove_dir_all(&folder);
    let archive = pack(programs, &folder)?;
    let again = pack(programs, &folder.join("again"))?;
    tally.one("the archive, packed twice, is the same", read(&archive.file)? == read(&again.file)?);
    let root = folder.join("root");
    unpack(&archive, &root)?;
    let mut sums = Command::new("sha256sum");
    sums.args(["--check", "--quiet", "--strict", "SHA256SUMS"]).current_dir(root.join(&archive.name));
    tally.one("the archive's checksums", succeeds(&mut sums)?);
    let name = "the archive starts a pair without Rust";
    match furnish(&root, &archive)? {
        Some(rights) => {
            let program = format!("/{}/bin/sandbox", archive.name);
            let mut sandbox = enter(&root, rights);
            sandbox.arg("chroot").arg(&root).args([&program, "--once"]);
            tally.one(name, sandbox_ends_well(&mut sandbox)?);
        }
        None => tally.skip(name, "this account may not change its root folder, as root or in a user namespace"),
    }
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(tally)
}

fn unpack(archive: &Archive, root: &Path) -> Result<(), String> {
    let file = std::fs::File::open(&archive.file).map_err(|error| format!("{}: {error}", archive.file.display()))?;
    let tape = flate2::read::GzDecoder::new(file);
    tar::Archive::new(tape).unpack(root).map_err(|error| format!("{}: {error}", root.display()))
}

/// Puts what every machine has beside the unpacked archive. Gives the way to enter the folder, if there is one.
fn furnish(root: &Path, archive: &Archive) -> Result<Option<&'static [&'static str]>, String> {
    for name in ["dev", "proc", "tmp"] {
        let folder = root.join(name);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    for library in libraries(&root.join(&archive.name).join("bin"))? {
        let place = root.join(library.strip_prefix("/").unwrap_or(&library));
        let folder = place.parent().unwrap_or(root);
        let copied = std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(&library, &place));
        copied.map_err(|error| format!("{}: {error}", library.display()))?;
    }
    for rights in RIGHTS {
        if succeeds(enter(root, rights).arg("true").stderr(Stdio::null()))? {
            return Ok(Some(rights));
        }
    }
    Ok(None)
}

/// The files of the C library that the programs of a folder need, as `ldd` names them.
fn libraries(programs: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let mut files = BTreeSet::new();
    for item in std::fs::read_dir(programs).map_err(|error| format!("{}: {error}", programs.display()))? {
        let program = item.map_err(|error| error.to_string())?.path();
        // A line is `libm.so.6 => /lib/libm.so.6 (0x…)`, or the path of the loader alone.
        let named = said(Command::new("ldd").arg(program))?;
        files.extend(named.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
    }
    Ok(files)
}

/// A command whose arguments are run with the folder's `dev` and `proc` in place, and without the variables of this run.
fn enter(root: &Path, rights: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").args(rights);
    command.args(["--mount", "--pid", "--fork", "--kill-child"]);
    command.arg(format!("--mount-proc={}", root.join("proc").display()));
    command.args(["sh", "-c", ENTER]).arg(root).stdin(Stdio::null());
    command
}

/// Runs a sandbox once, and tells whether it ended as it does when nothing was lost.
pub(crate) fn sandbox_ends_well(sandbox: &mut Command) -> Result<bool, String> {
    let (mut last, mut seen) = (String::new(), 0);
    let passed = lines(sandbox, |line| {
        say(line);
        // Both agencies' accounts of the service and of the advice request.
        let shown = [
            "ppc status",
            "ipa status",
            "ppc trace agencies/ppc/adviceRequests/",
            "ipa trace agencies/ppc/adviceRequests/",
        ];
        seen += usize::from(shown.iter().any(|shown| line.starts_with(shown)));
        line.clone_into(&mut last);
    })?;
    Ok(passed
        && seen == 4
        && last.starts_with("entries: ppc ")
        && last.ends_with(", receipts complete, journals verified on both sides"))
}
