//! `renkei`: every call of an agency's desk from a shell, for officials, operators and scripts.
//!
//! The commands are made of the descriptors of the contract at each start, so that none is missing and none is out of date.

mod call;
mod command;
mod connect;
mod contract;
mod explain;
mod failure;
mod flags;
mod options;
mod table;
mod terminal;
mod watch;

use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches as _};
use clap_complete::Shell;
use prost_reflect::{DynamicMessage, MethodDescriptor};

use crate::{
    call::{Caller, list, next_page},
    failure::Failure,
    options::{Options, Output},
    terminal::{complain, harmless, harmless_json, is_terminal, say},
};

fn main() -> ExitCode {
    let matches = command::command().get_matches();
    let options = match Options::from_arg_matches(&matches) {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(run(&matches, &options));
            // The thread that writes may wait for its reader for ever.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::Output(error.to_string())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&options),
    }
}

async fn run(matches: &ArgMatches, options: &Options) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("explain", of_explain)) => explain(of_explain, options),
        Some(("completion", of_completion)) => complete(of_completion),
        Some(("call", of_call)) => {
            let path = of_call.get_one::<String>("method").map_or("", String::as_str);
            let method = contract::method(path).ok_or_else(|| Failure::Usage(format!("there is no method {path}")))?;
            let request = command::stated(&method.input(), of_call).map_err(Failure::Usage)?;
            call(&method, request, of_call, options).await
        }
        Some((noun, of_noun)) => of_contract(noun, of_noun, options).await,
        None => Ok(()),
    }
}

async fn of_contract(noun: &str, of_noun: &ArgMatches, options: &Options) -> Result<(), Failure> {
    let Some((verb, of_verb)) = of_noun.subcommand() else {
        let line = connect::open(options).map_err(Failure::Usage)?;
        let output = options.output.unwrap_or(Output::Json);
        let without = [options.deadline.is_some(), options.retry_for.is_some(), output == Output::Table];
        if let Some((option, _)) =
            ["--deadline", "--retry-for", "--output table"].iter().zip(without).find(|(_, is)| *is)
        {
            return Err(Failure::Usage(format!("{option} is not for `renkei watch`, which goes on until it is ended")));
        }
        return watch::run(of_noun, &Caller::new(line, options), output).await;
    };
    let known = contract::methods().into_iter().find(|method| method.noun == noun && method.verb == verb);
    let method = known.ok_or_else(|| Failure::Usage(format!("there is no command {noun} {verb}")))?.descriptor;
    let request = command::request(&method.input(), of_verb).map_err(Failure::Usage)?;
    call(&method, request, of_verb, options).await
}

async fn call(
    method: &MethodDescriptor,
    request: DynamicMessage,
    matches: &ArgMatches,
    options: &Options,
) -> Result<(), Failure> {
    if method.is_client_streaming() || method.is_server_streaming() {
        return Err(Failure::Usage(format!("{} streams: use `renkei watch`", method.name())));
    }
    if options.output == Some(Output::Cloudevents) {
        return Err(Failure::Usage("--output cloudevents is for `renkei watch`".to_owned()));
    }
    let line = connect::open(options).map_err(Failure::Usage)?;
    let all = matches.try_get_one("all").ok().flatten().copied().unwrap_or(false);
    let answer = Caller::new(line, options).call(method, request, all).await?;
    show(&answer, options)
}

fn show(answer: &DynamicMessage, options: &Options) -> Result<(), Failure> {
    let by_itself = if is_terminal() && list(answer).is_some() { Output::Table } else { Output::Json };
    if options.output.unwrap_or(by_itself) == Output::Table {
        say(&harmless(&table::table(answer, options.lang)))?;
        if let Some(token) = next_page(answer) {
            let english = format!("more with --all, or with --page-token {token}");
            let japanese = format!("続きがあります（全件：--all、次のページ：--page-token {token}）");
            complain(&format!("{}\n", options.lang.pick(&english, &japanese)));
        }
        return Ok(());
    }
    let json = serde_json::to_string_pretty(answer).map_err(|error| Failure::Output(error.to_string()))?;
    Ok(say(&harmless_json(&format!("{json}\n")))?)
}

fn explain(matches: &ArgMatches, options: &Options) -> Result<(), Failure> {
    let text = match matches.get_one::<String>("reason") {
        Some(name) => explain::explanation(explain::reason(name).map_err(Failure::Usage)?, options.lang),
        None => explain::overview(options.lang),
    };
    Ok(say(&text)?)
}

fn complete(matches: &ArgMatches) -> Result<(), Failure> {
    let Some(shell) = matches.get_one::<Shell>("shell").copied() else { return Ok(()) };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command::command(), "renkei", &mut script);
    Ok(say(&String::from_utf8_lossy(&script))?)
}
