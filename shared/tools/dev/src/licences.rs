//! The licences of everything foreign that is part of the programs, with their texts.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::linked::Linked;

/// A foreign work in the sources of this project.
pub(crate) struct Bundled {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) licence: &'static str,
    text: &'static str,
}

/// The works that README.md names under its licence.
pub(crate) const BUNDLED: [Bundled; 4] = [
    Bundled {
        name: "BIZ UDMincho",
        file: "shared/print/font/BIZUDMincho-Regular.ttf",
        licence: "OFL-1.1",
        text: "shared/print/font/OFL.txt",
    },
    Bundled {
        name: "Protovalidate",
        file: "proto/buf/validate/validate.proto",
        licence: "Apache-2.0",
        text: "proto/buf/validate/LICENSE",
    },
    Bundled { name: "Google APIs, google/rpc", file: "proto/google/rpc", licence: "Apache-2.0", text: APACHE },
    Bundled {
        name: "APT1 in STIX",
        file: "shared/tools/data/stix/apt1.json",
        licence: "BSD-3-Clause",
        text: "shared/tools/data/stix/LICENSE",
    },
];

/// The text of the Apache License 2.0, which names no holder and is therefore the same for all.
const APACHE: &str = "LICENSE";

/// Beginnings of the names of files with the terms of a package.
const TERMS: [&str; 7] = ["license", "licence", "copying", "copyright", "notice", "patents", "unlicense"];

/// Different texts, numbered in the order in which they were met.
#[derive(Default)]
struct Texts {
    numbers: BTreeMap<String, usize>,
    in_order: Vec<String>,
}

impl Texts {
    /// The number of a file's text. Texts that differ in blanks at line ends are one.
    fn number(&mut self, file: &Path) -> Result<usize, String> {
        let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let lines: Vec<String> =
            String::from_utf8_lossy(&bytes).lines().map(|line| line.trim_end().to_owned()).collect();
        let text = lines.join("\n").trim_matches('\n').to_owned();
        let next = self.in_order.len() + 1;
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.in_order.push(text);
        }
        Ok(number)
    }
}

/// The document: a row for each work with the numbers of its texts, then the texts. `standard` is the notice of Rust's
/// standard library.
pub(crate) fn licences(linked: &[Linked], standard: &Path) -> Result<String, String> {
    let mut texts = Texts::default();
    let mut rows = String::new();
    let mut row = |name: String, licence: &str, place: &str, files: &[PathBuf]| -> Result<(), String> {
        let numbers = files.iter().map(|file| texts.number(file)).collect::<Result<Vec<_>, _>>()?;
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        writeln!(rows, "{name}\n    {licence}\n    {place}\n    texts: {}", numbers.join(", "))
            .map_err(|it| it.to_string())
    };
    for bundled in &BUNDLED {
        row(bundled.name.to_owned(), bundled.licence, bundled.file, &[PathBuf::from(bundled.text)])?;
    }
    row(
        "The Rust standard library".to_owned(),
        "MIT OR Apache-2.0",
        "https://github.com/rust-lang/rust",
        &[PathBuf::from(APACHE), standard.to_owned()],
    )?;
    for one in linked.iter().filter(|it| it.is_foreign()) {
        let name = format!("{} {}", one.package.name, one.package.version);
        let place = one.package.repository.as_deref().unwrap_or("https://crates.io");
        row(name, &one.licence()?, place, &terms(one, linked)?)?;
    }
    let mut document = format!(
        "The programs in bin/ contain the following works of others, unchanged. Each row has a name, a licence as an SPDX\n\
         expression, a place, and the numbers of the texts below.\n\n{rows}"
    );
    for (at, text) in texts.in_order.iter().enumerate() {
        let _ = write!(document, "\n\n==== Text {} ====\n\n{text}\n", at + 1);
    }
    Ok(document)
}

/// The files with the terms of a package and of the sources that it contains. A package without terms of its own is under
/// those of another package of its repository, or under the Apache License, if that is one of its licences.
fn terms(one: &Linked, all: &[Linked]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    collect(one.folder(), &mut files)?;
    files.sort();
    if files.iter().any(|file| file.parent() == Some(one.folder())) {
        return Ok(files);
    }
    if one.licence()?.split(" OR ").any(|it| it == "Apache-2.0") {
        files.push(PathBuf::from(APACHE));
        return Ok(files);
    }
    let repository = |it: &Linked| it.package.repository.clone();
    let siblings = all.iter().filter(|it| repository(it).is_some() && repository(it) == repository(one));
    for sibling in siblings.filter(|it| it.package.license == one.package.license) {
        let mut found = Vec::new();
        collect(sibling.folder(), &mut found)?;
        if let Some(file) = found.into_iter().find(|file| file.parent() == Some(sibling.folder())) {
            files.push(file);
            return Ok(files);
        }
    }
    Err(format!("{} comes without the text of its licence, {}", one.package.name, one.licence()?))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let item = item.map_err(failed)?;
        let name = item.file_name().to_string_lossy().to_lowercase();
        if item.file_type().map_err(failed)?.is_dir() {
            collect(&item.path(), files)?;
        } else if TERMS.iter().any(|start| name.starts_with(start)) && !is_source(&name) {
            files.push(item.path());
        }
    }
    Ok(())
}

/// A module may be called `license.rs`, a test's data `copyright.json`.
fn is_source(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| ["rs", "c", "h", "json", "toml", "py", "go", "sh"].iter().any(|end| it == *end))
}
