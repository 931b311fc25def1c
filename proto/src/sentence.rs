//! A sentence in both languages.

/// What is wrong with a call, in both languages. It never contains a value that the caller sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// The English text, for developers.
    pub english: String,
    /// The Japanese text, for officials: whole sentences. Empty for what only developers can put right, such as a fault
    /// of an entry.
    pub japanese: String,
}

/// A text for developers alone.
impl From<&str> for Sentence {
    fn from(english: &str) -> Self {
        Self::from(english.to_owned())
    }
}

/// A text for developers alone.
impl From<String> for Sentence {
    fn from(english: String) -> Self {
        Self { english, japanese: String::new() }
    }
}

impl<E: Into<String>, J: Into<String>> From<(E, J)> for Sentence {
    fn from((english, japanese): (E, J)) -> Self {
        Self { english: english.into(), japanese: japanese.into() }
    }
}

impl std::fmt::Display for Sentence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.english)
    }
}
