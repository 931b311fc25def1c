//! The meaning of a reason, and what to do about it. The reference `docs/errors.md` is made of the same texts.

use renkei_proto::options::v1::Reason;
use renkei_rpc::{reason::answer, remedy::remedy};
use tonic::Code;

use crate::{
    contract::{POOL, comment},
    options::Language,
};

/// All reasons, in the order of the contract.
pub(crate) fn reasons() -> Vec<Reason> {
    let list = POOL.get_enum_by_name("renkei.options.v1.Reason");
    let numbers = list.iter().flat_map(|list| list.values()).map(|value| value.number());
    numbers.filter_map(|number| Reason::try_from(number).ok()).filter(|it| *it != Reason::Unspecified).collect()
}

/// The reason with this name; small letters and hyphens do not matter.
pub(crate) fn reason(name: &str) -> Result<Reason, String> {
    let id = name.to_uppercase().replace('-', "_");
    let known = reasons().into_iter().find(|reason| reason.id() == id);
    known.ok_or_else(|| format!("there is no reason {id}; `renkei explain` lists all"))
}

/// The explanation of a reason in several lines.
pub(crate) fn explanation(reason: Reason, language: Language) -> String {
    let answer = answer(reason);
    let again = match (answer.retry_after.map(|after| after.as_secs()), language) {
        (Some(seconds), Language::En) => format!("after {seconds} s"),
        (Some(seconds), Language::Ja) => format!("{seconds} 秒後に可能"),
        (None, _)
            if matches!(reason, Reason::Deadline | Reason::EtagStale | Reason::Internal | Reason::ConsentNotFresh) =>
        {
            language.pick("as described", "対処方法のとおり").to_owned()
        }
        (None, _) => language.pick("no", "不可").to_owned(),
    };
    let remedy = remedy(reason);
    let name = named(reason, language);
    let status = status(answer.code);
    // The contract's own words are English; in Japanese, the sentence has their place.
    let meaning = meaning(reason);
    let rows: &[(&str, &str)] = match language {
        Language::En => &[
            ("Reason: ", &name),
            ("Status: ", &status),
            ("Meaning: ", &meaning),
            ("English: ", answer.english),
            ("Japanese: ", answer.japanese),
            ("Repeat: ", &again),
            ("What to do: ", remedy.english),
        ],
        Language::Ja => &[
            ("理由：", &name),
            ("ステータスコード：", &status),
            ("意味：", answer.japanese),
            ("英語の文：", answer.english),
            ("再実行：", &again),
            ("対処方法：", remedy.japanese),
        ],
    };
    rows.iter().map(|(head, text)| format!("{head}{text}\n")).collect()
}

/// The id of a reason with its Japanese name, which comes first in Japanese.
pub(crate) fn named(reason: Reason, language: Language) -> String {
    match language {
        Language::En => format!("{} ({})", reason.id(), reason.ja()),
        Language::Ja => format!("{}（{}）", reason.ja(), reason.id()),
    }
}

/// One line for each reason.
pub(crate) fn overview(language: Language) -> String {
    let line = |reason: Reason| {
        let answer = answer(reason);
        format!("{:<30} {}\n", reason.id(), language.pick(answer.english, answer.japanese))
    };
    reasons().into_iter().map(line).collect()
}

/// The meaning as the contract states it, after the name of the status.
fn meaning(reason: Reason) -> String {
    let list = POOL.get_enum_by_name("renkei.options.v1.Reason");
    let value = list.and_then(|list| list.get_value(reason as i32));
    let comment = value.map(|value| comment(&value.parent_enum().parent_file(), value.path())).unwrap_or_default();
    let meaning = comment.split_once(": ").map_or(comment.as_str(), |(_, meaning)| meaning);
    let mut letters = meaning.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The name of a status as the contract writes it, such as `NOT_FOUND`.
pub(crate) fn status(code: Code) -> String {
    let mut name = String::new();
    for (place, letter) in format!("{code:?}").chars().enumerate() {
        if place > 0 && letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_explained_in_both_languages() {
        let reasons = reasons();
        assert!(reasons.len() > 50);
        for known in reasons {
            assert_eq!(reason(&known.id().to_lowercase().replace('_', "-")), Ok(known));
            for language in [Language::En, Language::Ja] {
                let text = explanation(known, language);
                let empty = text.lines().filter(|line| line.ends_with([':', '：', ' '])).collect::<Vec<_>>();
                assert!(empty.is_empty() && text.contains(known.ja()), "{text}");
            }
        }
        assert!(reason("NO_SUCH_REASON").is_err());
    }

    #[test]
    fn a_status_is_written_as_in_the_contract() {
        assert_eq!((status(Code::NotFound), status(Code::Ok)), ("NOT_FOUND".to_owned(), "OK".to_owned()));
    }
}
