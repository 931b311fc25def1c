//! Compiles the contract: messages and services by prost and tonic; rules, facts, names and validation by the modules
//! below.
//! The files are compiled with protox, so no `protoc` is needed, and encoded with their options, which prost drops.

#[path = "build/facts.rs"]
mod facts;
#[path = "build/names.rs"]
mod names;
#[path = "build/requests.rs"]
mod requests;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/validate.rs"]
mod validate;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use prost::Message as _;
use prost_reflect::DescriptorPool;

fn main() -> Result<(), Box<dyn Error>> {
    // These are read at run time, because a build script that was compiled for another checkout may be used for this
    // one.
    let (root, out) = (folder("CARGO_MANIFEST_DIR")?, folder("OUT_DIR")?);
    let mut files = Vec::new();
    collect(&root.join("renkei"), &mut files)?;
    // No message of the contract contains the details of errors, but tools that call by reflection print them by these.
    collect(&root.join("google"), &mut files)?;
    files.sort();
    for watched in ["renkei", "buf", "google", "build", "build.rs"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let bytes = compiler.encode_file_descriptor_set();
    let pool = DescriptorPool::decode(bytes.as_slice())?;

    let mut set = prost_types::FileDescriptorSet::decode(bytes.as_slice())?;
    set.file.retain(|file| !["buf.validate", "google.rpc"].contains(&file.package()));
    tonic_prost_build::configure().include_file("renkei.rs").generate_default_stubs(false).compile_fds(set)?;

    fs::write(out.join("rules.rs"), rules::generate(&pool)?)?;
    fs::write(out.join("facts.rs"), facts::generate(&pool)?)?;
    fs::write(out.join("names.rs"), names::generate(&pool)?)?;
    fs::write(out.join("requests.rs"), requests::generate(&pool)?)?;
    fs::write(out.join("validate.rs"), validate::generate(&pool)?)?;

    // Tests and the reference read the comments; reflection needs the options only.
    fs::write(out.join("commented.binpb"), &bytes)?;
    compiler.include_source_info(false);
    fs::write(out.join("renkei.binpb"), compiler.encode_file_descriptor_set())?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folders no other way")]
fn folder(variable: &str) -> Result<PathBuf, std::env::VarError> {
    std::env::var(variable).map(PathBuf::from)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// The Rust path of a message or enum of the contract, from the crate's root.
fn rust_path(full_name: &str) -> Result<String, String> {
    let mut path = String::from("crate");
    let parts: Vec<&str> = full_name.split('.').collect();
    let (last, modules) = parts.split_last().ok_or("empty name")?;
    for part in modules {
        path.push_str("::");
        match part.chars().next() {
            // A nested type lives in a module named after the outer message.
            Some(first) if first.is_uppercase() => path.push_str(&snake(part)),
            _ if *part == "type" => path.push_str("r#type"),
            _ => path.push_str(part),
        }
    }
    path.push_str("::");
    path.push_str(last);
    Ok(path)
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect::<String>())
        })
        .collect()
}
