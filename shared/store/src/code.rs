//! The error codes of databases, and the sentences that are made from them.

/// The code of a database error: SQLSTATE for PostgreSQL, the result code without its extension for SQLite.
enum Code<'a> {
    Postgres(&'a str),
    Sqlite(u32),
}

impl<'a> Code<'a> {
    fn of(code: &'a str) -> Option<Self> {
        // SQLite's codes have at most four digits.
        if code.len() == 5 {
            Some(Self::Postgres(code))
        } else {
            code.parse().ok().map(|it: u32| Self::Sqlite(it & 0xff))
        }
    }
}

/// True if the only error is that a table does not exist.
pub(crate) fn is_without_table(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(fault) = error else { return false };
    match fault.code().as_deref().and_then(Code::of) {
        Some(Code::Postgres(code)) => code == "42P01",
        Some(Code::Sqlite(code)) => code == 1 && fault.message().starts_with("no such table"),
        None => false,
    }
}

/// A sentence about a database error, with the fault and the remedy. It contains no URL.
pub(crate) fn sentence(error: &sqlx::Error) -> String {
    const TLS: &str = "see `sslrootcert` and the host in `database.url`";
    let (what, hint) = match error {
        sqlx::Error::Database(fault) => (fault.message().to_owned(), hint(fault.code().as_deref().and_then(Code::of))),
        // An error of TLS itself arrives as an error of invalid data.
        sqlx::Error::Io(why) if why.kind() == std::io::ErrorKind::InvalidData => {
            (format!("no TLS connection: {why}"), TLS)
        }
        sqlx::Error::Io(why) if why.kind() == std::io::ErrorKind::TimedOut => {
            (why.to_string(), "see the server, and the network before it")
        }
        sqlx::Error::Io(why) => (why.to_string(), "start the server or set `database.url`"),
        sqlx::Error::Tls(why) => (format!("no TLS connection: {why}"), TLS),
        sqlx::Error::PoolTimedOut => {
            ("no connection within 5 s".to_owned(), "see whether the server is overloaded or away")
        }
        sqlx::Error::Configuration(why) => (why.to_string(), "set `database.url`"),
        other => (other.to_string(), "see the server's log"),
    };
    format!("the database does not answer as it should ({what}): {hint}")
}

fn hint(code: Option<Code<'_>>) -> &'static str {
    const UNKNOWN: &str = "see the server's log";
    match code {
        Some(Code::Sqlite(code)) => match code {
            5 | 6 => "another program has locked it; end that one or try again",
            8 => "give the service the right to write its file and folder",
            10 | 13 => "make room on its disk",
            11 | 26 => "set `database.url` to a database, or restore a backup",
            14 => "set `database.url`, or run `migrate`, which makes the file",
            _ => "look at its file",
        },
        Some(Code::Postgres(code)) => match code {
            "55P03" | "57014" | "40001" | "40P01" => "another program has locked it; end that one or try again",
            "25006" => "set `database.url` to the primary server",
            "42501" => "give the service's account its rights",
            "3D000" => "restore it where there was one, make it for a first start, or set `database.url`",
            "53300" => "let the server or the account have more connections",
            "53100" => "make room on the server's disk",
            _ => match code.get(..2) {
                Some("28") => "set the account in `database.url` and its password",
                Some("57") => "start the server",
                _ => UNKNOWN,
            },
        },
        None => UNKNOWN,
    }
}
