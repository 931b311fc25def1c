//! The commands, made of the contract, and the few that are the program's own.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, value_parser};
use clap_complete::Shell;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::Value as Json;

use crate::{
    contract::{Method, comment, methods},
    flags::flags,
    options::Options,
    watch,
};

/// The names of a command's own options besides [`Options`].
const OWN: [&str; 3] = ["data", "all", "help"];

/// The whole command line.
pub(crate) fn command() -> Command {
    let about = "Calls the Renkei service of an agency: every method of its desk is a command.";
    // The first, because it brings a description of its own.
    let root = Options::augment_args(Command::new("renkei").version(env!("CARGO_PKG_VERSION")));
    let root = root.about(about).long_about(None).subcommand_required(true).arg_required_else_help(true).after_help(
        "Exit codes: 0 done, 1 refused, 2 not understood or incomplete, 3 try again later. `--profile`, `--agency`, `--caller`, \
         `--official` and others may be in the environment instead, as RENKEI_PROFILE and so on.",
    );
    let own = [call(), explain(), completion()];
    root.subcommands(nouns(&methods())).subcommands(own)
}

fn call() -> Command {
    let method = Arg::new("method")
        .required(true)
        .value_name("SERVICE/METHOD")
        .help("The method, such as `ReferralService/GetReferral`, with its package or without");
    Command::new("call").about("Calls any method of the desk with a request in JSON").args([method, data(), all()])
}

fn explain() -> Command {
    let reason =
        Arg::new("reason").value_name("REASON").help("The reason, such as WRONG_STATE; all where it is left out");
    Command::new("explain").about("Explains the reason of a refused call: its meaning, and what to do").arg(reason)
}

fn completion() -> Command {
    let shell = Arg::new("shell").required(true).value_parser(value_parser!(Shell));
    Command::new("completion").about("Prints the completion script for a shell").arg(shell)
}

fn data() -> Arg {
    Arg::new("data")
        .long("data")
        .value_name("JSON|@FILE|-")
        .help("The request in JSON, from a file, or from the standard input; other options replace its fields")
}

fn all() -> Arg {
    Arg::new("all").long("all").action(ArgAction::SetTrue).help("Fetches all pages of a list")
}

fn nouns(methods: &[Method]) -> Vec<Command> {
    let taken = taken();
    let nouns: BTreeSet<&str> = methods.iter().map(|method| method.noun.as_str()).collect();
    let commands = nouns.into_iter().map(|noun| {
        let of_noun: Vec<&Method> = methods.iter().filter(|method| method.noun == noun).collect();
        let command = Command::new(noun.to_owned()).about(service_comment(&of_noun));
        match of_noun.as_slice() {
            [alone] if alone.verb.is_empty() => watch::with_options(command.long_about(about(alone))),
            _ => command
                .subcommand_required(true)
                .arg_required_else_help(true)
                .subcommands(of_noun.iter().map(|method| verb(method, &taken))),
        }
    });
    commands.collect()
}

/// The first paragraph about the service that serves both agencies, or about the first one.
fn service_comment(methods: &[&Method]) -> String {
    let services = || methods.iter().map(|method| method.descriptor.parent_service());
    let shortest = services().min_by_key(|service| service.name().len());
    let text = shortest.map(|service| comment(&service.parent_file(), service.path())).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn about(method: &Method) -> String {
    let service = method.descriptor.parent_service();
    let text = comment(&service.parent_file(), method.descriptor.path());
    format!("{text}\nMethod: {}/{}", service.full_name(), method.descriptor.name())
}

fn verb(method: &Method, taken: &[String]) -> Command {
    let text = about(method);
    let first = text.lines().next().unwrap_or_default().to_owned();
    let command = Command::new(method.verb.clone()).about(first).long_about(text).arg(data());
    let is_list = method.descriptor.output().get_field_by_name("next_page_token").is_some();
    let command = if is_list { command.arg(all()) } else { command };
    command.args(flags(&method.descriptor.input(), taken).iter().filter_map(|flag| flag.arg()))
}

fn taken() -> Vec<String> {
    let options = Options::augment_args(Command::new(""));
    let names = options.get_arguments().filter_map(|option| option.get_long()).map(str::to_owned);
    names.chain(OWN.map(str::to_owned)).collect()
}

/// The request that the options of a method's command state.
pub(crate) fn request(input: &MessageDescriptor, matches: &ArgMatches) -> Result<DynamicMessage, String> {
    let mut request = stated(input, matches)?;
    for flag in flags(input, &taken()) {
        flag.put(matches, &mut request)?;
    }
    Ok(request)
}

/// The request in `--data`; an empty one without it.
pub(crate) fn stated(input: &MessageDescriptor, matches: &ArgMatches) -> Result<DynamicMessage, String> {
    let Some(data) = matches.get_one::<String>("data") else { return Ok(DynamicMessage::new(input.clone())) };
    let read = match data.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file),
        None if data == "-" => std::io::read_to_string(std::io::stdin()),
        None => Ok(data.clone()),
    };
    let text = read.map_err(|error| format!("--data {data}: {error}"))?;
    let json: Json = serde_json::from_str(&text).map_err(|error| format!("--data is not JSON: {error}"))?;
    DynamicMessage::deserialize(input.clone(), json).map_err(|error| format!("--data: {error}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Json {
        let matches = command().try_get_matches_from([&["renkei"], arguments].concat()).unwrap();
        let (noun, matches) = matches.subcommand().unwrap();
        let (verb, matches) = matches.subcommand().unwrap();
        let method = methods().into_iter().find(|method| method.noun == noun && method.verb == verb).unwrap();
        serde_json::to_value(request(&method.descriptor.input(), matches).unwrap()).unwrap()
    }

    /// clap finds options of the same name, and options that can never be given.
    #[test]
    fn the_command_line_is_free_of_contradictions() {
        command().debug_assert();
        let command = command();
        let own = ["call", "explain", "completion"].map(|name| command.find_subcommand(name).is_some());
        assert_eq!(own, [true; 3]);
        let all = command.get_subcommands().flat_map(|noun| {
            let verbs = noun.get_subcommands().count();
            std::iter::repeat_n(noun.get_name(), verbs.max(1))
        });
        assert_eq!(all.count(), methods().len() + own.len());
    }

    #[test]
    fn options_become_the_fields_of_the_request() {
        let issue = asked(&[
            "referral",
            "issue",
            "--report",
            "R-1",
            "--judgement.finding",
            "suspected",
            "--with-code",
            "--judgement.judged-at",
            "2026-11-24T00:00:00Z",
            "--language",
            "ja",
        ]);
        let expected = serde_json::json!({
            "report": "R-1", "withCode": true, "language": "LANGUAGE_JA",
            "judgement": { "finding": "FINDING_SUSPECTED", "judgedAt": "2026-11-24T00:00:00Z" },
        });
        assert_eq!(issue, expected);
        let list = asked(&["duty", "list", "--kinds", "give-advice", "--kinds", "note-advice", "--page-size", "7"]);
        let kinds = ["DUTY_KIND_GIVE_ADVICE", "DUTY_KIND_NOTE_ADVICE"];
        assert_eq!(list, serde_json::json!({ "kinds": kinds, "pageSize": 7 }));
    }

    #[test]
    fn options_replace_the_fields_of_the_data() {
        let data = r#"{ "report": "R-1", "withCode": true, "judgement": { "finding": "FINDING_APPLIES" } }"#;
        let issue = asked(&["referral", "issue", "--data", data, "--report", "R-2", "--with-code=false"]);
        assert_eq!(issue["report"], "R-2");
        assert_eq!((issue.get("withCode"), &issue["judgement"]["finding"]), (None, &"FINDING_APPLIES".into()));
        let inner = asked(&["referral", "issue", "--judgement", r#"{ "finding": "FINDING_APPLIES" }"#]);
        assert_eq!(inner["judgement"]["finding"], "FINDING_APPLIES");
    }

    #[test]
    fn a_field_with_the_name_of_an_option_is_one_of_the_request() {
        let check = asked(&["disclosure", "check", "--purpose", "training", "--request.purpose", "statistics"]);
        assert_eq!(check, serde_json::json!({ "purpose": "PURPOSE_STATISTICS" }));
    }

    #[test]
    fn what_is_not_of_the_contract_is_not_understood() {
        for wrong in [
            ["referral", "issue", "--no-such-field", "x"],
            ["duty", "list", "--kinds", "unspecified"],
            ["duty", "list", "--page-size", "many"],
            ["referral", "list", "--output", "cloud"],
        ] {
            let refused = command().try_get_matches_from([&["renkei"], &wrong[..]].concat());
            assert_eq!(refused.unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }
}
