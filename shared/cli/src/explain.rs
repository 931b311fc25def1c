//! The meaning of a reason, and what to do about it. The reference `docs/errors.md` is made of the same texts.

use renkei_proto::options::v1::Reason;
use renkei_rpc::{
    comment::COMMENTED,
    reason::{answer, status_name},
    remedy::{Repeat, meaning, remedy, repeat},
};

use crate::options::Language;

/// All reasons, in the order of the contract.
pub(crate) fn reasons() -> Vec<Reason> {
    let list = COMMENTED.get_enum_by_name("renkei.options.v1.Reason");
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
    let again = match (repeat(reason), language) {
        (Repeat::After(time), Language::En) => format!("after {} s", time.as_secs()),
        (Repeat::After(time), Language::Ja) => format!("{} 秒後に可能", time.as_secs()),
        (Repeat::AsDescribed, _) => language.pick("as described", "対処方法のとおり").to_owned(),
        (Repeat::No, _) => language.pick("no", "不可").to_owned(),
    };
    let remedy = remedy(reason);
    let name = named(reason, language);
    let status = status_name(answer.code);
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
}
