//! Stand-ins for the images that the two files name, made of the distribution's packages.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::run::{said, say};

use super::engine::{Engine, last_line};

/// The image of the smallest root file system.
pub(super) const SLIM: &str = "renkei-slim";

/// Root file systems, each with the packages that it has beyond the smallest set.
const ROOTS: [(&str, &str); 2] = [(SLIM, ""), ("renkei-servers", "postgresql,prometheus")];

/// Their files are kept, since it takes minutes to make them.
const KEPT: &str = "target/tools/containers";

/// Files that only people read.
const UNREAD: [&str; 4] = ["man", "doc", "locale", "javascript"];

/// The stand-ins and the repositories of the images in whose place they are.
const STAND_INS: [(&str, &str); 5] = [
    ("rust", "rust"),
    ("postgres", "postgres"),
    ("collector", "otel/opentelemetry-collector"),
    ("jaeger", "jaegertracing/jaeger"),
    ("prometheus", "prom/prometheus"),
];

/// The programs in the images.
const PROGRAMS: [&str; 3] = ["ppc", "ipa", "pki"];

/// The description of the stand-ins.
const CONTEXT: &str = "shared/tools/dev/containers";

/// Makes the root file systems that are not there yet, all at once.
pub(super) fn make_roots() -> Result<(), String> {
    fs::create_dir_all(KEPT).map_err(|error| error.to_string())?;
    let mut making = Vec::new();
    for (_, packages) in ROOTS {
        let file = root(packages)?;
        if !file.is_file() {
            say(&format!("making {}", file.display()));
            making.push((make(&file, packages)?, file));
        }
    }
    for (mut child, file) in making {
        let made = child.wait().map_err(|error| error.to_string())?.success();
        if !made {
            let said = fs::read_to_string(file.with_extension("log")).unwrap_or_default();
            return Err(format!("no root file system can be made here: {}", last_line(&said)));
        }
        // Only a whole one gets the name that is looked for.
        fs::rename(file.with_extension("part"), &file).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The file of a root file system, named after all that it is made of.
fn root(packages: &str) -> Result<PathBuf, String> {
    let name = [suite()?.as_str(), packages].join("-").replace(',', "-");
    Ok(Path::new(KEPT).join(name.trim_end_matches('-')).with_extension("tar"))
}

/// The release of this machine: programs that were built here run on the same one.
fn suite() -> Result<String, String> {
    let text = fs::read_to_string("/etc/os-release").map_err(|error| error.to_string())?;
    let suite = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    suite.map(str::to_owned).ok_or_else(|| "/etc/os-release names no release".to_owned())
}

fn make(file: &Path, packages: &str) -> Result<Child, String> {
    let log = File::create(file.with_extension("log")).map_err(|error| error.to_string())?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=minbase", "--format=tar"]);
    command.args(UNREAD.map(|folder| format!("--dpkgopt=path-exclude=/usr/share/{folder}/*")));
    if !packages.is_empty() {
        command.arg(format!("--include={packages}"));
    }
    command.arg(suite()?).arg(file.with_extension("part"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().map_err(|error| error.to_string())
}

/// Gives the root file systems to the engine, as images.
pub(super) fn load_roots(engine: &Engine) -> Result<(), String> {
    for (name, packages) in ROOTS {
        engine.docker(&["import", &root(packages)?.to_string_lossy(), name])?;
    }
    Ok(())
}

/// The tag that the two files name for an image.
fn pinned(repository: &str) -> Result<String, String> {
    for (file, before) in [("docker-compose.yml", "image: "), ("Dockerfile", "FROM ")] {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let named = text.lines().find_map(|line| line.trim().strip_prefix(before)?.strip_prefix(repository));
        if let Some(tag) = named.and_then(|rest| rest.strip_prefix(':')?.split(' ').next()) {
            return Ok(format!("{repository}:{tag}"));
        }
    }
    Err(format!("neither docker-compose.yml nor the Dockerfile names the image {repository}"))
}

/// Makes the stand-ins under the very names that the two files pin, and prints what they are.
pub(super) fn stand_ins(engine: &Engine) -> Result<(), String> {
    engine.docker(&["tag", SLIM, &pinned("debian")?])?;
    let context = engine.files("images");
    fill(&context)?;
    for (stand_in, repository) in STAND_INS {
        let options = ["--quiet", "--target", stand_in, "--tag", &pinned(repository)?];
        engine.docker(&[&["build"], options.as_slice(), &[&context.to_string_lossy()]].concat())?;
    }
    for (repository, program) in [("postgres", "postgres"), ("prom/prometheus", "prometheus")] {
        let image = pinned(repository)?;
        let version =
            engine.docker(&["run", "--rm", "--network=none", "--entrypoint", program, &image, "--version"])?;
        say(&format!("in place of {image}: {}", version.lines().next().unwrap_or_default()));
    }
    say("in place of Jaeger: a collector that prints spans. Left out: Grafana, which no package has");
    Ok(())
}

/// The folder from which the stand-ins are built.
fn fill(context: &Path) -> Result<(), String> {
    fs::create_dir_all(context).map_err(|error| error.to_string())?;
    for file in ["Dockerfile", "spans.yaml"] {
        fs::copy(Path::new(CONTEXT).join(file), context.join(file)).map_err(|error| error.to_string())?;
    }
    let collector = Path::new("target/tools/collector/otelcol").to_owned();
    let programs = PROGRAMS.map(|program| Path::new("target/debug").join(program));
    for program in programs.iter().chain([&collector]) {
        // Most of a program is for debuggers.
        said(Command::new("strip").arg("-o").arg(context.join(program.file_name().unwrap_or_default())).arg(program))?;
    }
    Ok(())
}
