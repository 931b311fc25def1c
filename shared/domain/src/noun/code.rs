//! Referral codes (Art. 4(1)): what a reporter quotes at the other agency, so that the one that
//! introduced it learns that a filing was made.
//!
//! A code is a locator of at least four characters (the referral's ordinal over all years), a
//! secret of eight characters (40 bits) and one check character, in Crockford's base 32. Codes are
//! read out on the telephone and typed by hand: the alphabet has no I, L, O and U, and the check
//! character finds every wrong character and every two neighbours that changed places.

use std::fmt;

use aws_lc_rs::hmac;
use renkei_proto::{FactKind, journal::v1::fact};

use crate::{case::Case, matter::Collection, noun::Noun, refusal::Refusal};

/// `agencies/{opener}/codes/{locator}`.
pub const COLLECTION: Collection = Collection::of_ids("codes", is_locator);

/// Wrong tries of referral codes, and the codes whose filing was counted. They are private.
pub struct CodeNoun;

impl Noun for CodeNoun {
    fn collection(&self) -> Collection {
        COLLECTION
    }

    fn judge(&self, _: &Case, fact: &fact::Fact) -> Result<(), Refusal> {
        match fact {
            fact::Fact::CodeTried(_) | fact::Fact::CodeCounted(_) => Ok(()),
            other => Err(Refusal::of_another_noun(other)),
        }
    }

    fn needs_room(&self, _: &fact::Fact) -> bool {
        // The tries of a day are bounded instead, and a filing is counted once.
        false
    }

    fn protects(&self, kind: FactKind) -> bool {
        kind == FactKind::CodeTried
    }
}

fn is_locator(id: &str) -> bool {
    (4..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The value of a character is its place. The last five serve as check characters only.
const ALPHABET: [char; 37] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N', 'P',
    'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z', '*', '~', '$', '=', 'U',
];

const BASE: u8 = 32;
/// A prime above the base: so no wrong character and no swap of neighbours keeps the remainder.
const CHECK_BASE: u32 = 37;

const LOCATOR_MIN: usize = 4;
const SECRET_LEN: usize = 8;
/// Longest input that is looked at, in characters. A code is 22 at most; the rest is room for
/// hyphens and spaces.
const INPUT_MAX: usize = 64;

/// A referral code. Its display form is for the reporter's notice alone; its debug form keeps
/// the secret back.
#[derive(Clone)]
pub struct Code {
    locator: String,
    secret: [u8; 5],
}

/// The text is not a referral code: its length, a character or the check character is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the referral code is mistyped")]
pub struct Mistyped;

impl Code {
    /// The code of the referral with that ordinal over all years.
    #[must_use]
    pub fn new(ordinal: u64, secret: [u8; 5]) -> Self {
        Self { locator: locator(ordinal), secret }
    }

    /// Finds the referral; no secret. At least four characters, upper case.
    #[must_use]
    pub fn locator(&self) -> &str {
        &self.locator
    }

    /// The 40 bits that prove that the reporter was given the code.
    #[must_use]
    pub const fn secret(&self) -> [u8; 5] {
        self.secret
    }
}

/// Groups as `LLLL-SSSS-SSSSC`; a longer locator lengthens the first group. Shows the secret.
impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = secret_characters(self.secret);
        let (first, second) = characters.split_at(SECRET_LEN / 2);
        let check = check_value(self.locator.chars().chain(characters)).ok_or(fmt::Error)?;
        write!(out, "{}-", self.locator)?;
        write!(out, "{}-", String::from_iter(first))?;
        write!(out, "{}{}", String::from_iter(second), character(check))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Code");
        shown.field("locator", &self.locator).finish_non_exhaustive()
    }
}

/// Reads a code as people type and paste it: lower case, full width, I and L for 1 and O for 0 are
/// understood; hyphens of all kinds, spaces, corner brackets and invisible characters anywhere are
/// ignored.
///
/// # Errors
///
/// [`Mistyped`] when the check character does not fit or the text cannot be a code.
pub fn parse(text: &str) -> Result<Code, Mistyped> {
    if text.chars().nth(INPUT_MAX).is_some() {
        return Err(Mistyped);
    }
    let typed: Vec<char> = text.chars().filter_map(normal).collect();
    let (check, body) = typed.split_last().ok_or(Mistyped)?;
    if check_value(body.iter().copied()).map(character) != Some(*check) {
        return Err(Mistyped);
    }
    let split = body.len().checked_sub(SECRET_LEN).ok_or(Mistyped)?;
    let (locator, secret) = body.split_at(split);
    let locator = String::from_iter(locator);
    ordinal(&locator)?;
    let bits = number(secret.iter().copied()).ok_or(Mistyped)?;
    let [_, _, _, secret @ ..] = bits.to_be_bytes();
    Ok(Code { locator, secret })
}

/// The locator of the referral with that ordinal: base 32, filled up with zeros to four
/// characters.
#[must_use]
pub fn locator(ordinal: u64) -> String {
    let mut rest = ordinal;
    let mut reversed = Vec::with_capacity(13);
    while rest > 0 || reversed.len() < LOCATOR_MIN {
        reversed.push(low_character(rest));
        rest /= u64::from(BASE);
    }
    reversed.iter().rev().collect()
}

/// The ordinal of the referral behind a locator in its one exact form.
///
/// # Errors
///
/// [`Mistyped`] for anything that [`locator`] does not write.
pub fn ordinal(text: &str) -> Result<u64, Mistyped> {
    let ordinal = number(text.chars()).ok_or(Mistyped)?;
    if locator(ordinal) == text { Ok(ordinal) } else { Err(Mistyped) }
}

/// The secret of a referral: the first 40 bits of HMAC-SHA-256 with the agency's code key over
/// the referral's id. It is derived again whenever it is needed and stored nowhere.
#[must_use]
pub fn secret(code_key: &[u8], referral_id: &str) -> [u8; 5] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, code_key);
    let tag = hmac::sign(&key, referral_id.as_bytes());
    let mut secret = [0; 5];
    for (byte, source) in secret.iter_mut().zip(tag.as_ref()) {
        *byte = *source;
    }
    secret
}

/// Forty bits, five per character, the highest first.
fn secret_characters(secret: [u8; 5]) -> [char; SECRET_LEN] {
    let [a, b, c, d, e] = secret;
    let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    [35, 30, 25, 20, 15, 10, 5, 0].map(|shift| low_character(bits >> shift))
}

/// The character of the five lowest bits.
fn low_character(bits: u64) -> char {
    let [low, ..] = bits.to_le_bytes();
    character(low % BASE)
}

/// The character of a value below 37.
fn character(value: u8) -> char {
    ALPHABET[usize::from(value) % ALPHABET.len()]
}

/// The value of a character of the base-32 alphabet proper.
fn value(character: char) -> Option<u8> {
    (0u8..).zip(&ALPHABET[..usize::from(BASE)]).find_map(|(value, one)| (*one == character).then_some(value))
}

/// The number that the characters write; `None` for other characters and above 64 bits.
fn number(mut characters: impl Iterator<Item = char>) -> Option<u64> {
    characters.try_fold(0u64, |number, one| number.checked_mul(u64::from(BASE))?.checked_add(u64::from(value(one)?)))
}

/// The remainder modulo 37 of the number that the characters write, of any length.
fn check_value(mut characters: impl Iterator<Item = char>) -> Option<u8> {
    let remainder = characters
        .try_fold(0u32, |remainder, one| Some((remainder * u32::from(BASE) + u32::from(value(one)?)) % CHECK_BASE))?;
    u8::try_from(remainder).ok()
}

/// The character that was meant, or `None` for one that separates or encloses groups.
fn normal(typed: char) -> Option<char> {
    match narrow(typed).to_ascii_uppercase() {
        hyphen if is_hyphen(hyphen) => None,
        '\u{300C}' | '\u{300D}' | '\u{FF62}' | '\u{FF63}' => None,
        unseen if unseen.is_whitespace() || is_invisible(unseen) => None,
        'I' | 'L' => Some('1'),
        'O' => Some('0'),
        other => Some(other),
    }
}

/// The characters that mean a hyphen: the key beside the zero of a Japanese keyboard writes U+30FC, or U+FF70 in half width; the
/// others come from word processors, spreadsheets and web pages.
fn is_hyphen(typed: char) -> bool {
    matches!(
        typed,
        '-' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{207B}'
                | '\u{208B}'
                | '\u{2212}'
                | '\u{2500}'
                | '\u{2501}'
                | '\u{30FC}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF70}'
    )
}

/// Soft hyphens, marks of direction and width, and the byte order mark: they come along when a code is pasted.
fn is_invisible(typed: char) -> bool {
    matches!(typed, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Full-width forms as a Japanese keyboard writes them, U+FF01 … U+FF5E and the wave dash.
fn narrow(typed: char) -> char {
    let offset = u32::from(typed).wrapping_sub(0xFF01);
    match (typed, u8::try_from(offset)) {
        ('\u{301C}', _) => '~',
        (_, Ok(offset)) if offset <= 0x5D => char::from(b'!' + offset),
        _ => typed,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: [u8; 5] = [0xDE, 0xAD, 0xBE, 0xEF, 0x42];

    fn parts(text: &str) -> Result<(String, [u8; 5]), Mistyped> {
        parse(text).map(|code| (code.locator().to_owned(), code.secret()))
    }

    /// The characters of a code without its hyphens.
    fn characters(code: &Code) -> Vec<char> {
        code.to_string().chars().filter(|one| *one != '-').collect()
    }

    fn is_mistyped(characters: &[char]) -> bool {
        parse(&String::from_iter(characters)).is_err()
    }

    #[test]
    fn a_code_is_grouped_for_reading_out() {
        assert_eq!(Code::new(12, SECRET).to_string(), "000C-VTPV-XVT2N");
        assert_eq!(Code::new(0, [0; 5]).to_string(), "0000-0000-00000");
        assert_eq!(Code::new(0, [0, 0, 0, 0, 36]).to_string(), "0000-0000-0014U");
        assert!(Code::new(1 << 20, SECRET).to_string().starts_with("10000-"));
    }

    #[test]
    fn every_check_character_occurs_and_is_read_back() {
        for (low, check) in (0u8..).zip(ALPHABET) {
            let text = Code::new(0, [0, 0, 0, 0, low]).to_string();
            assert!(text.ends_with(check), "{text}");
            assert_eq!(parts(&text).unwrap().1, [0, 0, 0, 0, low]);
            assert!(parse(&text.to_lowercase()).is_ok());
        }
    }

    #[test]
    fn a_locator_is_the_ordinal_and_never_collides() {
        for (number, text) in [
            (0, "0000"),
            (1, "0001"),
            (31, "000Z"),
            (32, "0010"),
            (1_048_575, "ZZZZ"),
            (1_048_576, "10000"),
            (u64::MAX, "FZZZZZZZZZZZZ"),
        ] {
            assert_eq!(locator(number), text);
            assert_eq!(ordinal(text), Ok(number));
        }
        for text in ["", "1", "00001", "0O01", "000u", "GZZZZZZZZZZZZ", "FZZZZZZZZZZZZZ"] {
            assert_eq!(ordinal(text), Err(Mistyped), "{text}");
        }
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::new(0x8_4001, [0; 5]);
        let printed = code.to_string();
        let expected = (locator(0x8_4001), [0; 5]);
        assert_eq!(expected.0, "GG01");
        let lower = printed.to_lowercase();
        let full_width = printed.chars().map(|one| match one {
            '-' => 'ー',
            _ => char::from_u32(u32::from(one) + 0xFEE0).unwrap(),
        });
        for typed in [
            lower.clone(),
            lower.replace('0', "o").replace('1', "l"),
            printed.replace('1', "I").replace('0', "O"),
            printed.replace('-', ""),
            printed.replace('-', " \u{3000}"),
            format!("  {printed}\n"),
            full_width.collect(),
            format!("\u{FEFF}「{printed}」"),
            printed.chars().flat_map(|one| [one, '\u{200B}']).collect(),
        ] {
            assert_eq!(parts(&typed).as_ref(), Ok(&expected), "{typed}");
        }
        for hyphen in "ｰ﹣─⁻ー−‐－\u{AD}".chars() {
            let typed = printed.replace('-', &hyphen.to_string());
            assert_eq!(parts(&typed).as_ref(), Ok(&expected), "{typed}");
        }
    }

    #[test]
    fn text_that_cannot_be_a_code_is_mistyped() {
        let printed = Code::new(12, SECRET).to_string();
        let short: String = printed.chars().skip(1).collect();
        for text in ["", "-", "0", "00000000", &short, "令和-8888-88888", &"0".repeat(65)] {
            assert_eq!(parts(text), Err(Mistyped), "{text}");
        }
        assert_eq!(parts(&format!("0{printed}")), Err(Mistyped), "a zero too many");
        assert_eq!(parts(&format!("{printed}{}", " ".repeat(64))), Err(Mistyped));
    }

    #[test]
    fn the_secret_depends_on_key_and_referral_alone() {
        let id = "0199b7c4-0000-7000-8000-000000000001";
        assert_eq!(secret(b"key", id), secret(b"key", id));
        assert_ne!(secret(b"key", id), secret(b"another key", id));
        assert_ne!(secret(b"key", id), secret(b"key", "another"));
        // RFC 4231, test case 2: the leading bytes of the tag.
        let known = secret(b"Jefe", "what do ya want for nothing?");
        assert_eq!(known, [0x5B, 0xDC, 0xC1, 0x46, 0xBF]);
    }

    #[test]
    fn the_debug_form_keeps_the_secret_back() {
        let code = Code::new(12, SECRET);
        assert_eq!(format!("{code:?}"), r#"Code { locator: "000C", .. }"#);
    }

    proptest! {
        #[test]
        fn a_code_survives_printing_and_reading(number: u64, secret: [u8; 5]) {
            let text = Code::new(number, secret).to_string();
            prop_assert_eq!(parts(&text), Ok((locator(number), secret)));
        }

        #[test]
        fn any_single_wrong_character_is_found(number in 0..4_000_000u64, secret: [u8; 5]) {
            let right = characters(&Code::new(number, secret));
            for place in 0..right.len() {
                for wrong in ALPHABET.into_iter().filter(|one| *one != right[place]) {
                    let mut typed = right.clone();
                    typed[place] = wrong;
                    prop_assert!(is_mistyped(&typed), "{typed:?}");
                }
            }
        }

        #[test]
        fn any_two_neighbours_that_changed_places_are_found(
            number in 0..4_000_000u64,
            secret: [u8; 5],
        ) {
            let right = characters(&Code::new(number, secret));
            for place in 1..right.len() {
                let mut typed = right.clone();
                typed.swap(place - 1, place);
                prop_assert!(typed == right || is_mistyped(&typed), "{typed:?}");
            }
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "\\PC{0,80}") {
            if let Ok(code) = parse(&text) {
                prop_assert!(parse(&code.to_string()).is_ok());
            }
        }
    }
}
