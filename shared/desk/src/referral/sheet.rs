//! The paper for the reporter as a sheet to print.

use renkei_domain::noun::referral::introduction::{Paper, Parts, parts};
use renkei_print::{Language as Printed, Sheet};
use renkei_proto::r#type::v1::Language;

use crate::error::Error;

/// The sheet of a paper in this language.
pub(super) fn sheet(paper: &Paper<'_>, language: Language) -> Sheet {
    let Parts { day, number, title, sender, body } = parts(paper, language);
    let language = if language == Language::En { Printed::English } else { Printed::Japanese };
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let date = (u16::try_from(paper.on.year()).unwrap_or_default(), part(paper.on.month()), part(paper.on.day()));
    Sheet { language, number, day, date, sender, title, body }
}

/// The file, and the characters that it cannot show. Printing computes for milliseconds, so it gets a thread of its own.
pub(super) async fn print(sheet: Sheet) -> Result<(Vec<u8>, String), Error> {
    let printing = tokio::task::spawn_blocking(move || renkei_print::print(&sheet));
    let printed = printing.await.map_err(|error| Error::fault(error.to_string()))?;
    let printed = printed.map_err(|error| Error::fault(error.to_string()))?;
    Ok((printed.pdf, printed.missing))
}
