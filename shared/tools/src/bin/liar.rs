//! `liar --to ppc|ipa`: lies to an agency's real program as its peer, and prints a line for each lie: what became of
//! it, and in what it lies. Fails when a lie is answered otherwise than it must be, or has left a trace that counts.

use std::process::ExitCode;

use clap::Parser;
use renkei_proto::r#type::v1::Agency;
use renkei_tools::{
    liar::{Fate, Liar},
    lies,
};

/// Plays the peer of an agency and lies.
#[derive(Parser)]
struct Arguments {
    /// The agency that is lied to.
    #[arg(long, value_parser = ["ppc", "ipa"])]
    to: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse().to).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format!("the liar failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(to: &str) -> Result<bool, String> {
    let mut liar = Liar::against(Agency::from_id(to).unwrap_or_default()).await?;
    let before = liar.shown().await?;
    let (agency, mut right) = (liar.agency, true);
    for lie in lies::all().into_iter().filter(|lie| lie.by.contains(&agency)) {
        let fate = liar.tell(&lie).await?;
        right &= fate == lie.fate;
        let wrong = if fate == lie.fate { String::new() } else { format!("\t(not {})", words(lie.fate)) };
        say(format!("{}\t{}{wrong}", words(fate), lie.what));
    }
    if liar.shown().await? != before {
        say("what the other side shows has changed".to_owned());
        right = false;
    }
    liar.end().await?;
    Ok(right)
}

fn words(fate: Fate) -> String {
    match fate {
        Fate::Taken => "taken".to_owned(),
        Fate::Refused(reason) => format!("refused {}", reason.id()),
        Fate::Stopped(reason) => format!("stopped {}", reason.id()),
    }
}

#[expect(clippy::print_stdout, reason = "the lines are its answer")]
fn say(line: String) {
    println!("{line}");
}
