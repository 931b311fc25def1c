//! The ways in which a command fails, as people read them and as scripts decide by them.

use std::{io, process::ExitCode};

use renkei_client::CallError;
use renkei_proto::options::v1::Reason;
use renkei_rpc::reason::status_name;
use tonic::Code;

use crate::{
    explain::{explanation, named},
    options::{Language, Options},
    terminal::complain,
};

/// The exit codes besides 0. clap ends with [`USAGE`] too where it does not understand the command line.
const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const TRY_AGAIN: u8 = 3;

/// The reason for which a command has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The options, a file or the data do not fit. Nothing was called.
    Usage(String),
    /// The call was refused or not answered.
    Call {
        /// The error of the client.
        error: Box<CallError>,
        /// The id of a request that changes something, with which it may be repeated.
        request_id: Option<String>,
    },
    /// A file or the standard output could not be written, or an answer could not be read.
    Output(String),
    /// The reader of the standard output has gone. That is how pipes end.
    Closed,
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call { error: Box::new(error), request_id: None }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Output(error.to_string()) }
    }
}

impl Failure {
    /// Tells of the failure on standard error, and gives the exit code.
    pub(crate) fn report(&self, options: &Options) -> ExitCode {
        let head = options.lang.pick("error: ", "エラー：");
        match self {
            Self::Usage(why) | Self::Output(why) => complain(&format!("{head}{why}\n")),
            Self::Call { error, request_id } => {
                complain(&format!("{head}{}", told(error, request_id.as_deref(), options)));
            }
            Self::Closed => {}
        }
        match self {
            Self::Usage(_) => USAGE.into(),
            Self::Call { error, .. } if may_pass(error) => TRY_AGAIN.into(),
            Self::Call { .. } | Self::Output(_) => REFUSED.into(),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

/// True if the same call may succeed later although nobody changes anything.
fn may_pass(error: &CallError) -> bool {
    let passes = error.retry_after.is_some() || [Code::DeadlineExceeded, Code::Unavailable].contains(&error.code);
    (passes || error.is_unanswered) && !error.is_lasting
}

/// True if nobody knows whether the call was carried out.
fn is_undecided(error: &CallError) -> bool {
    (error.is_unanswered && !error.is_lasting)
        || error.code == Code::DeadlineExceeded
        || error.reason == Reason::Internal
}

fn told(error: &CallError, request_id: Option<&str>, options: &Options) -> String {
    let language = options.lang;
    let mut text = status_name(error.code);
    if error.reason != Reason::Unspecified {
        text.push_str(&format!(" {}", named(error.reason, language)));
    }
    text.push('\n');
    text.push_str(&sentences("  ", &error.message, &error.japanese, language));
    for (place, (field, about)) in error.fields.iter().zip(&error.field_sentences).enumerate() {
        text.push_str(&format!("  {}{field}\n", language.pick("field: ", "項目：")));
        // The sentences of the whole call contain those of its first field.
        if place > 0 || !error.japanese.contains(&about.japanese) {
            text.push_str(&sentences("    ", &about.english, &about.japanese, language));
        }
    }
    if let Some((limit, most)) = &error.limit {
        let (english, japanese) = (format!("limit: {limit}: {most}"), format!("上限：{limit}（{most}）"));
        text.push_str(&format!("  {}\n", language.pick(&english, &japanese)));
    }
    if let Some(after) = error.retry_after {
        let seconds = after.as_secs();
        let (english, japanese) =
            (format!("try again after {seconds} s"), format!("{seconds} 秒後に再度実行してください。"));
        text.push_str(&format!("  {}\n", language.pick(&english, &japanese)));
    }
    if let Some(id) = request_id.filter(|_| is_undecided(error)) {
        let sentence = language.pick(
            "nobody knows whether it was carried out; repeat it harmlessly with",
            "実行されたかどうかを確認できません。次の指定により、重複することなく再度実行できます。",
        );
        text.push_str(&format!("  {sentence} --request-id {id}\n"));
    }
    if error.reason == Reason::Unspecified {
        return text;
    }
    if options.explain {
        return text + "\n" + &explanation(error.reason, language);
    }
    let hint = language.pick("what to do:", "対処方法：");
    text + &format!("  {hint} renkei explain {}\n", error.reason.id())
}

/// Both sentences, that of the language first; an empty one is left out.
fn sentences(indent: &str, english: &str, japanese: &str, language: Language) -> String {
    let (first, second) = (language.pick(english, japanese), language.pick(japanese, english));
    [first, second].into_iter().filter(|it| !it.is_empty()).map(|it| format!("{indent}{it}\n")).collect()
}
