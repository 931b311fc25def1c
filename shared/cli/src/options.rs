//! The options that all commands have in common.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use renkei_domain::calendar::TOKYO;
use renkei_proto::r#type::v1::{Agency, Purpose};

/// The options of connections, calls and output. They may be given before or after the command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection and output")]
pub(crate) struct Options {
    /// The file with the addresses and certificates of the services, such as `profile.json` of a sandbox.
    #[arg(long, global = true, env = "RENKEI_PROFILE", value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// The agency whose service is called: `ppc` or `ipa`.
    #[arg(long, global = true, env = "RENKEI_AGENCY", value_parser = agency)]
    pub(crate) agency: Option<Agency>,
    /// The calling system whose certificate in the profile is used, such as `intake`.
    #[arg(long, global = true, env = "RENKEI_CALLER")]
    pub(crate) caller: Option<String>,
    /// The address of the desk, `host:port`, instead of the profile's.
    #[arg(long, global = true, env = "RENKEI_ADDRESS")]
    pub(crate) address: Option<String>,
    /// The name for which the service's certificate is valid; the host of `--address` by default.
    #[arg(long, global = true, env = "RENKEI_SERVER_NAME")]
    pub(crate) server_name: Option<String>,
    /// The certificate of the calling system (PEM), instead of the profile's.
    #[arg(long, global = true, env = "RENKEI_CERTIFICATE", value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The private key of the certificate (PEM).
    #[arg(long, global = true, env = "RENKEI_KEY", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The authorities that are accepted from the service (PEM).
    #[arg(long, global = true, env = "RENKEI_ROOTS", value_name = "FILE")]
    pub(crate) roots: Option<PathBuf>,
    /// A revocation list of these authorities (PEM); may be repeated.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) crl: Vec<PathBuf>,
    /// The official on whose behalf the call is made.
    #[arg(long, global = true, env = "RENKEI_OFFICIAL", value_name = "ID")]
    pub(crate) official: Option<String>,
    /// The purpose for which texts are read, such as `incident-response`.
    #[arg(long, global = true, env = "RENKEI_PURPOSE", value_parser = purpose)]
    pub(crate) purpose: Option<Purpose>,
    /// The time that a call may take; 10 s by default.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) deadline: Option<Duration>,
    /// The time within which a call is repeated that may succeed later, with growing pauses or when the service asks for it. By
    /// default it is not repeated.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) retry_for: Option<Duration>,
    /// The form of the output; a table for lists at a terminal by default, and JSON otherwise.
    #[arg(long, global = true, value_enum)]
    pub(crate) output: Option<Output>,
    /// The language of tables, errors and explanations. Japanese shows times in Japan. JSON is English with times in UTC in
    /// any case.
    #[arg(long, global = true, env = "RENKEI_LANG", value_enum, default_value_t)]
    pub(crate) lang: Language,
    /// Explains the reason of a refused call.
    #[arg(long, global = true)]
    pub(crate) explain: bool,
}

/// A form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Proto3 JSON: one value, or one line for each event.
    Json,
    /// Columns for people.
    Table,
    /// One CloudEvent in JSON for each event of `watch`.
    Cloudevents,
}

/// A language for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English, with times in UTC.
    #[default]
    En,
    /// Japanese, with times in Japan.
    Ja,
}

impl Language {
    /// The text in this language.
    pub(crate) fn pick<'a>(self, english: &'a str, japanese: &'a str) -> &'a str {
        match self {
            Self::En => english,
            Self::Ja => japanese,
        }
    }

    /// A time that is written in UTC, to the second, as this language shows it; other text is shown as it is.
    pub(crate) fn time(self, at: &str) -> String {
        match (at.parse::<Timestamp>(), self) {
            (Ok(at), Self::Ja) => format!("{:.0}", at.display_with_offset(TOKYO)),
            (Ok(at), Self::En) => format!("{at:.0}"),
            (Err(_), _) => at.to_owned(),
        }
    }
}

fn agency(id: &str) -> Result<Agency, String> {
    Agency::from_id(id).ok_or_else(|| "an agency is ppc or ipa".to_owned())
}

fn purpose(id: &str) -> Result<Purpose, String> {
    let all = (1..).map_while(|number| Purpose::try_from(number).ok());
    let known: Vec<String> = all.map(|purpose| purpose.id().replace('_', "-")).collect();
    Purpose::from_id(&id.replace('-', "_")).ok_or_else(|| format!("a purpose is one of {}", known.join(", ")))
}

fn seconds(given: &str) -> Result<Duration, String> {
    let seconds: f64 = given.parse().map_err(|_| "a number of seconds is expected".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
