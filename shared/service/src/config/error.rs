//! The faults of a configuration, each in a sentence that names the key.

use std::path::Path;

/// A defect of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration {file} cannot be read ({source}): name another file with --config")]
    Unreadable {
        /// The path of the file.
        file: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not valid TOML, or has unknown or missing keys.
    #[error("the configuration is not understood: {0}; compare it with the documented example")]
    NotUnderstood(String),
    /// A value is outside its bounds.
    #[error("the configuration's `{key}` {must}")]
    Value {
        /// The key, such as `desk.listen`.
        key: String,
        /// The requirement, and the remedy.
        must: String,
    },
    /// Any of these errors, in a certain file.
    #[error("{file}: {source}")]
    In {
        /// The path of the file.
        file: String,
        /// The error in that file.
        source: Box<ConfigError>,
    },
}

impl ConfigError {
    /// Adds the file from which the configuration was read.
    pub(crate) fn of(self, file: &Path) -> Self {
        Self::In { file: file.display().to_string(), source: Box::new(self) }
    }
}

impl From<config::ConfigError> for ConfigError {
    /// Reduces the parser's message to one line, because the parser draws the place with lines of its own.
    fn from(error: config::ConfigError) -> Self {
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains('|')).map(str::trim).collect();
        Self::NotUnderstood(lines.join(": ").trim_end_matches(": ").to_owned())
    }
}

/// The fault of the value under a key.
pub(crate) fn value(key: impl Into<String>, must: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.into(), must: must.into() }
}
