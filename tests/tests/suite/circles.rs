//! The files inside a crate import each other in one direction only, so that a reader can begin with any of them.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::checkout::checkout;

/// A circle that is left as it is.
struct Exception {
    /// The folder of the crate.
    krate: &'static str,
    /// Its files, from the folder's `src`.
    files: &'static [&'static str],
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[];

/// The folders of crates that are still to be put in order.
const UNTIDY: [&str; 0] = [];

/// The folders in which every folder with a `src` is a crate.
const PARENTS: [&str; 4] = ["shared", "services", "shared/tools", ""];

type Module = Vec<String>;

#[test]
fn no_files_of_a_crate_form_a_circle() {
    let root = checkout();
    let (mut circles, mut crates) = (Vec::new(), 0);
    for parent in PARENTS {
        let folders = fs::read_dir(root.join(parent)).unwrap().map(|item| item.unwrap().path());
        for folder in folders.filter(|folder| folder.join("src").is_dir()) {
            crates += 1;
            let name = folder.strip_prefix(root).unwrap().display().to_string();
            let found = Crate::read(&folder.join("src")).circles();
            if UNTIDY.contains(&name.as_str()) {
                assert!(!found.is_empty(), "{name} is in order: take it off the list");
                continue;
            }
            circles.extend(found.into_iter().map(|files| (name.clone(), files)));
        }
    }
    assert!(crates > 8, "only {crates} crates were found");
    for Exception { krate, files, reason } in EXCEPTIONS {
        let before = circles.len();
        circles.retain(|(name, found)| name != krate || found != files);
        assert!(!reason.is_empty() && circles.len() < before, "{krate}: {files:?} form no circle any more");
    }
    assert!(circles.is_empty(), "these files import each other: {circles:#?}");
}

#[test]
fn a_circle_is_found_whatever_the_way_of_its_imports() {
    let circles = |files: &[(&str, &str)]| {
        let modules = files.iter().map(|(file, text)| (module_of(file), (*file, *text)));
        Crate::of(modules.collect()).circles()
    };
    let both = [vec!["a.rs", "b.rs"]];
    assert_eq!(
        circles(&[("a.rs", "use crate::b::B;"), ("b.rs", "use crate::{c::C, a::{self, A}};"), ("c.rs", "")]),
        both
    );
    assert_eq!(circles(&[("a.rs", "fn f() { crate::b::g() }"), ("b.rs", "use super::a::f as other;")]), both);
    assert_eq!(circles(&[("a.rs", "mod i { use crate::b::*; }"), ("b.rs", "pub use super::a::i;")]), both);
    let parent = [("a.rs", "mod c;\nfn f() { c::g() }"), ("a/c.rs", "use super::f;"), ("lib.rs", "mod a;")];
    assert_eq!(circles(&parent), [vec!["a.rs", "a/c.rs"]]);
    let three =
        [("a.rs", "use crate::b;"), ("b.rs", "use crate::c;"), ("c.rs", "use crate::a;"), ("d.rs", "use crate::a;")];
    assert_eq!(circles(&three), [vec!["a.rs", "b.rs", "c.rs"]]);
    // These are no imports of the other file.
    for text in [
        "// use crate::a;",
        "const T: &str = \"crate::a\"; const C: char = '\"'; const R: &str = r#\"crate::a\"#;",
        "#[cfg(test)] mod tests { use crate::a; }",
        "use other::{a::A, crate_::a};",
        "mod a;",
        "fn f(it: &'static str) { it.a::<u8>(); other::a::f() }",
    ] {
        assert_eq!(circles(&[("a.rs", "use crate::b;"), ("b.rs", text)]), Vec::<Vec<&str>>::new(), "{text}");
    }
}

/// The files of a crate with the files that each imports.
struct Crate {
    files: BTreeMap<Module, String>,
    imports: BTreeMap<Module, BTreeSet<Module>>,
}

impl Crate {
    fn read(src: &Path) -> Self {
        let (mut folders, mut texts) = (vec![src.to_owned()], Vec::new());
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    texts.push((path.strip_prefix(src).unwrap().display().to_string(), text));
                }
            }
        }
        let of = |file: &str| module_of(file);
        // Tests see everything, and nothing imports them.
        let code = texts.iter().map(|(file, text)| (of(file), (file.as_str(), text.as_str())));
        Self::of(code.filter(|(module, _)| !module.iter().any(|part| part == "tests" || part == "bin")).collect())
    }

    fn of(texts: BTreeMap<Module, (&str, &str)>) -> Self {
        let modules: BTreeSet<Module> = texts.keys().cloned().collect();
        let imports = texts.iter().map(|(module, (_, text))| (module.clone(), imports(module, text, &modules)));
        let imports = imports.collect();
        Self { files: texts.into_iter().map(|(module, (file, _))| (module, file.to_owned())).collect(), imports }
    }

    /// The files of each circle.
    fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|module| (module, self.reached_from(module))).collect();
        let mut circles = BTreeSet::new();
        for (module, others) in &reached {
            if others.contains(module) {
                let circle = others.iter().filter(|other| reached[*other].contains(module));
                let mut files: Vec<String> = circle.map(|other| self.files[*other].clone()).collect();
                files.sort();
                circles.insert(files);
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from<'a>(&'a self, module: &'a Module) -> BTreeSet<&'a Module> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![module]);
        while let Some(next) = open.pop() {
            open.extend(self.imports[next].iter().filter(|other| reached.insert(*other)));
        }
        reached
    }
}

fn module_of(file: &str) -> Module {
    let mut module: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] || module == ["main"] {
        module.pop();
    }
    module
}

/// The files that a file names, in an import or in a path.
fn imports(module: &Module, text: &str, modules: &BTreeSet<Module>) -> BTreeSet<Module> {
    let tokens = tokens(text);
    let mut scan =
        Scan { tokens: &tokens, at: 0, module, modules, inline: Vec::new(), depth: 0, found: BTreeSet::new() };
    scan.run();
    scan.found
}

/// A way through the tokens of a file.
struct Scan<'a> {
    tokens: &'a [String],
    at: usize,
    module: &'a Module,
    modules: &'a BTreeSet<Module>,
    /// The names of the inline modules around the place, each with the depth of its braces.
    inline: Vec<(String, usize)>,
    depth: usize,
    found: BTreeSet<Module>,
}

impl Scan<'_> {
    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn run(&mut self) {
        let mut of_tests = false;
        while self.at < self.tokens.len() {
            match self.token(0) {
                "#" if ["[", "cfg", "(", "test", ")"].iter().enumerate().all(|(n, it)| self.token(n + 1) == *it) => {
                    of_tests = true;
                }
                "mod" if self.token(2) == "{" => {
                    if of_tests {
                        self.skip_block();
                        of_tests = false;
                        continue;
                    }
                    self.depth += 1;
                    self.inline.push((self.token(1).to_owned(), self.depth));
                    self.at += 3;
                    continue;
                }
                "mod" | "fn" | "struct" | "impl" | "const" | "static" => of_tests = false,
                "use" => {
                    self.at += 1;
                    self.tree(None);
                    continue;
                }
                "{" => self.depth += 1,
                "}" => {
                    self.inline.retain(|(_, depth)| *depth < self.depth);
                    self.depth = self.depth.saturating_sub(1);
                }
                word if is_word(word) && self.token(1) == "::" && !self.follows_a_path() => {
                    self.tree(None);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn follows_a_path(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|before| before == "::" || before == ".")
    }

    /// Passes over `mod name { … }`.
    fn skip_block(&mut self) {
        let mut depth = 0;
        loop {
            match self.token(0) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "" => return,
                _ => {}
            }
            self.at += 1;
            if depth == 0 && self.token(0) != "{" && self.tokens[self.at - 1] == "}" {
                return;
            }
        }
    }

    /// Reads a path, or a tree of paths, that continues `prefix`. Without one it begins here.
    fn tree(&mut self, prefix: Option<Start>) {
        let mut path = prefix;
        loop {
            match self.token(0) {
                "{" => {
                    self.at += 1;
                    while !matches!(self.token(0), "}" | "") {
                        if self.token(0) == "," {
                            self.at += 1;
                        } else {
                            self.tree(path.clone());
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => self.at += 1,
                word if is_word(word) => {
                    path = Some(self.step(path, word));
                    self.at += 1;
                }
                "" => return,
                // The end of a path such as `a::<T>`.
                _ => {
                    self.add(path);
                    self.at += usize::from(!matches!(self.token(0), "}" | ","));
                    return;
                }
            }
            if self.token(0) != "::" {
                break;
            }
            self.at += 1;
        }
        if self.token(0) == "as" {
            self.at += 2;
        }
        self.add(path);
    }

    /// The path with one more word.
    fn step(&self, path: Option<Start>, word: &str) -> Start {
        let here = || self.module.iter().cloned().chain(self.inline.iter().map(|(name, _)| name.clone())).collect();
        let mut path = match (path, word) {
            (None, "crate") => return Start::Own(Module::new()),
            (None, "self") => return Start::Own(here()),
            (None, "super") => Start::Own(here()),
            (None, word) => {
                // A module that the file declares can be named without `self`.
                let mut own: Module = here();
                own.push(word.to_owned());
                return if self.modules.contains(&own) { Start::Own(own) } else { Start::Foreign };
            }
            (Some(path), _) => path,
        };
        if let Start::Own(own) = &mut path {
            match word {
                "super" => drop(own.pop()),
                "self" => {}
                word => own.push(word.to_owned()),
            }
        }
        path
    }

    /// Notes the file to which a path leads: the longest part of it that is a module.
    fn add(&mut self, path: Option<Start>) {
        let Some(Start::Own(mut path)) = path else { return };
        while !self.modules.contains(&path) {
            if path.pop().is_none() {
                return;
            }
        }
        if path != *self.module {
            self.found.insert(path);
        }
    }
}

/// The place in which a path is.
#[derive(Clone)]
enum Start {
    /// In this crate.
    Own(Module),
    /// In another crate, or in a type.
    Foreign,
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The words and signs of a file, without its comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    let is = |at: usize, wanted: &str| wanted.chars().enumerate().all(|(n, it)| text.get(at + n) == Some(&it));
    let after = |from: usize, wanted: &str| {
        (from..text.len()).find(|at| is(*at, wanted)).map_or(text.len(), |at| at + wanted.len())
    };
    while at < text.len() {
        let sign = text[at];
        if is(at, "//") {
            at = after(at, "\n");
        } else if is(at, "/*") {
            at = after(at, "*/");
        } else if sign == 'r' && (is(at, "r\"") || is(at, "r#\"") || is(at, "r##\"")) {
            let signs = text[at + 1..].iter().take_while(|it| **it == '#').count();
            at = after(at + signs + 2, &format!("\"{}", "#".repeat(signs)));
        } else if sign == '"' {
            at += 1;
            while at < text.len() && text[at] != '"' {
                at += if text[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if sign == '\'' && (text.get(at + 1) == Some(&'\\') || text.get(at + 2) == Some(&'\'')) {
            let is_escaped = text.get(at + 1) == Some(&'\\');
            at = if is_escaped { after(at + 3, "'") } else { at + 3 };
        } else if sign.is_alphanumeric() || sign == '_' {
            let word: String = text[at..].iter().take_while(|it| it.is_alphanumeric() || **it == '_').collect();
            at += word.chars().count();
            // `r#type` is the word `type`.
            if word == "r" && is(at, "#") {
                at += 1;
            } else {
                tokens.push(word);
            }
        } else if is(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !sign.is_whitespace() {
                tokens.push(sign.to_string());
            }
            at += 1;
        }
    }
    tokens
}
