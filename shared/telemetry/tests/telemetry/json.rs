//! A strict reader of JSON, so that log lines are judged by something other than their writer.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// A JSON value; numbers as they were written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads one value with nothing after it; `None` where it is not JSON, has an array (no line
    /// has one), or names a member twice.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.chars().peekable();
        let value = value(&mut rest)?;
        rest.next().is_none().then_some(value)
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let Some(Self::Text(text)) = self.member(name) else { return None };
        Some(text)
    }
}

type Rest<'a> = Peekable<Chars<'a>>;

fn value(rest: &mut Rest<'_>) -> Option<Json> {
    match rest.peek()? {
        '{' => object(rest),
        '"' => Some(Json::Text(string(rest)?)),
        't' => word(rest, "true").map(|()| Json::Bool(true)),
        'f' => word(rest, "false").map(|()| Json::Bool(false)),
        'n' => word(rest, "null").map(|()| Json::Null),
        _ => number(rest),
    }
}

fn object(rest: &mut Rest<'_>) -> Option<Json> {
    let mut members = BTreeMap::new();
    word(rest, "{")?;
    if rest.next_if_eq(&'}').is_some() {
        return Some(Json::Object(members));
    }
    loop {
        let name = string(rest)?;
        word(rest, ":")?;
        if members.insert(name, value(rest)?).is_some() {
            return None;
        }
        match rest.next()? {
            ',' => {}
            '}' => return Some(Json::Object(members)),
            _ => return None,
        }
    }
}

fn string(rest: &mut Rest<'_>) -> Option<String> {
    let mut text = String::new();
    word(rest, "\"")?;
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(escaped(rest)?),
            control if control < ' ' => return None,
            plain => text.push(plain),
        }
    }
}

fn escaped(rest: &mut Rest<'_>) -> Option<char> {
    match rest.next()? {
        'n' => Some('\n'),
        same @ ('"' | '\\' | '/') => Some(same),
        'u' => {
            let digits: String = rest.by_ref().take(4).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        _ => None,
    }
}

fn number(rest: &mut Rest<'_>) -> Option<Json> {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(|next| next.is_ascii_digit() || "+-.eE".contains(*next)) {
        digits.push(digit);
    }
    digits.parse::<f64>().ok().map(|_| Json::Number(digits))
}

fn word(rest: &mut Rest<'_>, word: &str) -> Option<()> {
    word.chars().all(|expected| rest.next_if_eq(&expected).is_some()).then_some(())
}

#[test]
fn the_reader_refuses_what_is_not_json() {
    for bad in ["", "{", "{}x", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "\"\n\"", "\"\\x\"", "nul", "1.2.3"] {
        assert_eq!(Json::parse(bad), None, "{bad:?}");
    }
}
