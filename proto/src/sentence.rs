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

impl Sentence {
    /// A text for developers alone: no official can put right what it states, or no caller is told. Any other sentence is
    /// made of both languages, so that none is forgotten.
    pub fn for_developers(english: impl Into<String>) -> Self {
        Self { english: english.into(), japanese: String::new() }
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
