//! Checks a message against the `buf.validate` rules of the contract. Rule ids are those of protovalidate, so that
//! clients in every language see the same ids.

use std::sync::LazyLock;

use prost_types::Timestamp;
use regex::Regex;
use uuid::Uuid;

use crate::sentence::Sentence;

include!(concat!(env!("OUT_DIR"), "/validate.rs"));

/// The maximum number of reported violations of one message.
const MOST: usize = 50;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds: the range of a `Timestamp`. The calendar of the services ends
/// some hours earlier; what it cannot compute counts as its last instant (`moment::instant` of the domain).
const INSTANTS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A pattern of the contract, compiled when it is first needed.
type Pattern = LazyLock<Option<Regex>>;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field's path, such as `introduced[2].scheme_id`.
    pub field: String,
    /// The id of the rule, such as `string.max_len`.
    pub rule: &'static str,
    /// The requirement, with its limit; never the value.
    pub must: Sentence,
}

/// A message with rules.
pub trait Validate {
    /// Adds the violations of this message.
    #[doc(hidden)]
    fn check(&self, found: &mut Violations);

    /// The violations, at most fifty; empty if the message obeys every rule.
    fn violations(&self) -> Vec<Violation> {
        let mut found = Violations::default();
        self.check(&mut found);
        found.list
    }
}

/// Collects violations with the path of the field.
#[doc(hidden)]
#[derive(Default)]
pub struct Violations {
    prefix: String,
    list: Vec<Violation>,
}

impl Violations {
    fn add(&mut self, field: &str, rule: &'static str, must: impl Into<Sentence>) {
        if self.list.len() < MOST {
            let field = format!("{}{field}", self.prefix);
            self.list.push(Violation { field, rule, must: must.into() });
        }
    }

    fn need(&mut self, holds: bool, field: &str, rule: &'static str, must: impl FnOnce() -> (String, String)) {
        if !holds {
            self.add(field, rule, must());
        }
    }

    fn inside(&mut self, field: &str, value: &impl Validate) {
        let length = self.prefix.len();
        self.prefix.push_str(field);
        self.prefix.push('.');
        value.check(self);
        self.prefix.truncate(length);
    }

    fn inside_item(&mut self, field: &str, i: usize, value: &impl Validate) {
        if self.list.len() < MOST {
            self.inside(&format!("{field}[{i}]"), value);
        }
    }

    fn timestamp(&mut self, field: &str, value: &Timestamp) {
        let holds = INSTANTS.contains(&value.seconds) && (0..1_000_000_000).contains(&value.nanos);
        self.need(holds, field, "timestamp", || {
            (
                "must be an instant of the years 1 to 9999".to_owned(),
                "西暦1年から9999年までの日時を指定してください。".to_owned(),
            )
        });
    }

    fn string_min_len(&mut self, field: &str, value: &str, n: usize) {
        self.need(value.chars().count() >= n, field, "string.min_len", || {
            (format!("at least {n} characters"), format!("{n}文字以上で指定してください。"))
        });
    }

    fn string_max_len(&mut self, field: &str, value: &str, n: usize) {
        self.need(value.len() <= n || value.chars().count() <= n, field, "string.max_len", || {
            (format!("at most {n} characters"), format!("{n}文字以内で指定してください。"))
        });
    }

    fn string_len(&mut self, field: &str, value: &str, n: usize) {
        self.need(value.chars().count() == n, field, "string.len", || {
            (format!("exactly {n} characters"), format!("{n}文字で指定してください。"))
        });
    }

    fn string_pattern(&mut self, field: &str, value: &str, pattern: &Pattern, text: &str) {
        let holds = pattern.as_ref().is_some_and(|regex| regex.is_match(value));
        self.need(holds, field, "string.pattern", || {
            (format!("must match {text}"), format!("定められた形式（{text}）で指定してください。"))
        });
    }

    fn string_uuid(&mut self, field: &str, value: &str) {
        let rule = if value.is_empty() { "string.uuid_empty" } else { "string.uuid" };
        self.need(uuid(value).is_some(), field, rule, || {
            (
                "must be a UUID (RFC 9562) with hyphens".to_owned(),
                "ハイフン付きのUUID（RFC 9562）を指定してください。".to_owned(),
            )
        });
    }

    fn string_const(&mut self, field: &str, value: &str, text: &str) {
        self.need(value == text, field, "string.const", || {
            (format!("must be `{text}`"), format!("「{text}」を指定してください。"))
        });
    }

    fn bytes_min_len(&mut self, field: &str, value: &[u8], n: usize) {
        self.need(value.len() >= n, field, "bytes.min_len", || {
            (format!("at least {n} bytes"), format!("{n}バイト以上で指定してください。"))
        });
    }

    fn bytes_max_len(&mut self, field: &str, value: &[u8], n: usize) {
        self.need(value.len() <= n, field, "bytes.max_len", || {
            (format!("at most {n} bytes"), format!("{n}バイト以内で指定してください。"))
        });
    }

    fn bytes_len(&mut self, field: &str, value: &[u8], n: usize) {
        self.need(value.len() == n, field, "bytes.len", || {
            (format!("exactly {n} bytes"), format!("{n}バイトで指定してください。"))
        });
    }

    fn enum_defined(&mut self, field: &str, holds: bool) {
        self.need(holds, field, "enum.defined_only", || {
            (
                "must be a value that the contract defines".to_owned(),
                "定められた値のいずれかを指定してください。".to_owned(),
            )
        });
    }

    fn enum_set(&mut self, field: &str, value: i32) {
        self.need(value != 0, field, "enum.not_in", || ("must be set".to_owned(), "必ず指定してください。".to_owned()));
    }

    fn min_items(&mut self, field: &str, length: usize, n: usize) {
        self.need(length >= n, field, "repeated.min_items", || {
            (format!("at least {n} items"), format!("{n}件以上指定してください。"))
        });
    }

    fn max_items(&mut self, field: &str, length: usize, n: usize) {
        self.need(length <= n, field, "repeated.max_items", || {
            (format!("at most {n} items"), format!("{n}件以内で指定してください。"))
        });
    }

    fn unique<T: PartialEq>(&mut self, field: &str, items: &[T]) {
        let holds = items.iter().enumerate().all(|(i, item)| !items[..i].contains(item));
        self.need(holds, field, "repeated.unique", || {
            ("no item twice".to_owned(), "同じものを二度指定することはできません。".to_owned())
        });
    }

    fn gte(&mut self, field: &str, rule: &'static str, value: u64, n: u64) {
        self.need(value >= n, field, rule, || (format!("at least {n}"), format!("{n}以上の値を指定してください。")));
    }

    fn lte(&mut self, field: &str, rule: &'static str, value: u64, n: u64) {
        self.need(value <= n, field, rule, || (format!("at most {n}"), format!("{n}以下の値を指定してください。")));
    }

    fn number_const(&mut self, field: &str, rule: &'static str, value: u64, n: u64) {
        self.need(value == n, field, rule, || (format!("must be {n}"), format!("{n}を指定してください。")));
    }
}

/// The UUID that a text spells with hyphens; other spellings are none.
pub fn uuid(text: &str) -> Option<Uuid> {
    // Only the spelling with hyphens has 36 characters.
    Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok())
}
