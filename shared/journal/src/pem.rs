//! A private key in PEM (RFC 7468): one block `PRIVATE KEY`, with any text around it.

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The bytes in the first block; `None` if there is no block or its text is not base64.
pub(crate) fn private_key(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, block) = text.split_once(BEGIN)?;
    let (base64, _) = block.split_once(END)?;
    decode(base64)
}

/// Base64 (RFC 4648, section 4) with line breaks. Left-over bits must be zero, padding must be whole.
fn decode(base64: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = base64.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let padding = letters.iter().rev().take_while(|letter| **letter == b'=').count();
    if !letters.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(letters.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for letter in letters.iter().take(letters.len() - padding) {
        held = (held << 6) | value(*letter)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0).then_some(out)
}

fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_strictly() {
        assert_eq!(decode("Zm9v\nYmE=\n"), Some(b"fooba".to_vec()));
        assert_eq!(decode("Zg=="), Some(b"f".to_vec()));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["Zg=", "Zg", "Zh==", "Zm9=v", "Z===", "Zm9!"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn text_around_the_block_is_skipped() {
        let pem = format!("subject: test\n{BEGIN}\nZm9v\n{END}\nmore");
        assert_eq!(private_key(pem.as_bytes()), Some(b"foo".to_vec()));
        assert_eq!(private_key(b"-----BEGIN EC PRIVATE KEY-----"), None);
    }
}
