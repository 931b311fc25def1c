//! Migrations in order. A service starts only on the schema it knows.

mod former;

pub use former::{Progress, silent};

use std::fs;

use renkei_proto::r#type::v1::Agency;
use sqlx::AssertSqlSafe;

use crate::{
    connect::Connected,
    connection::{Connection, Pool, Transaction},
    dialect::{ALONE, Dialect, PLACE},
    error::Error,
    query::query,
    rebuild::SEALED,
    value::count,
};

const MIGRATIONS: [&str; 14] = [
    include_str!("migrations/0001_foundation.sql"),
    include_str!("migrations/0002_sharing.sql"),
    include_str!("migrations/0003_replicas.sql"),
    include_str!("migrations/0004_views.sql"),
    include_str!("migrations/0005_answers.sql"),
    include_str!("migrations/0006_place.sql"),
    include_str!("migrations/0007_clock.sql"),
    include_str!("migrations/0008_numbers.sql"),
    include_str!("migrations/0009_proof.sql"),
    include_str!("migrations/0010_layout.sql"),
    include_str!("migrations/0011_replies.sql"),
    include_str!("migrations/0012_case_numbers.sql"),
    include_str!("migrations/0013_standing.sql"),
    include_str!("migrations/0014_erasure.sql"),
];

/// The end of the last migration, after its rows are copied.
const LAYOUT_END: &str = include_str!("migrations/0010_layout_end.sql");

/// The schema that this version knows.
pub const KNOWN: i64 = 14;

pub(crate) const FOUND: &str = "SELECT schema FROM store WHERE one = 1";
pub(crate) const IDENTITY: &str =
    "SELECT store_id, own, marked, place, sealed, migrating, told_from FROM store WHERE one = 1";
pub(crate) const FIRST: &str = "INSERT INTO store (one, store_id, own, schema, marked) VALUES (1, $1, $2, 1, 0)";
pub(crate) const REACHED: &str = "UPDATE store SET schema = $1 WHERE one = 1";
pub(crate) const PLACED: &str = "UPDATE store SET place = $1 WHERE one = 1";

/// The values of the table `store`.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) store_id: String,
    /// True if the database is a restored copy.
    pub(crate) marked: bool,
    /// True if every page has its seal.
    pub(crate) sealed: bool,
    /// The turn behind which the feed begins.
    pub(crate) told_from: u64,
}

/// The schema in the database; 0 when it is empty.
async fn found(pool: &Pool, dialect: Dialect) -> Result<i64, Error> {
    // A database that was never set up has no such table. No other fault may look like it.
    if !has_table(pool, dialect, "store").await? {
        return if has_table(pool, dialect, "head").await? {
            Err(damaged("its table store is missing"))
        } else {
            Ok(0)
        };
    }
    let row = query(FOUND).fetch_optional(pool).await?.ok_or_else(|| damaged("its table store has no row"))?;
    Ok(row.try_get(0)?)
}

async fn has_table(pool: &Pool, dialect: Dialect, name: &str) -> Result<bool, Error> {
    Ok(query(dialect.has_table()).bind(name).fetch_optional(pool).await?.is_some())
}

fn missing(dialect: Dialect) -> Error {
    Error::Missing(if dialect.is_shared() { "on the server" } else { "in the file" }.to_owned())
}

fn damaged(what: &str) -> Error {
    Error::Damaged(format!("{what}: restore a backup"))
}

/// The schema in the database, and the step at which the move of its rows is: 0 when it is over or has not begun.
async fn reached(pool: &Pool, dialect: Dialect, store_id: Option<&str>) -> Result<(i64, i64), Error> {
    let found = found(pool, dialect).await?;
    if found == 0 && store_id.is_none() {
        return Err(missing(dialect));
    }
    if found > KNOWN {
        return Err(Error::NewerSchema { found, known: KNOWN });
    }
    // Former schemas do not know the step.
    let step = if found == KNOWN { query(IDENTITY).fetch_one(pool).await?.try_get(5)? } else { 0 };
    Ok((found, step))
}

/// Proof that no other program upgrades the database or serves from its file. It ends with the process, however that
/// ends.
struct Alone {
    _file: Option<fs::File>,
    _server: Option<Transaction>,
}

/// Waits on a server for a program that upgrades the database already. A file is refused: it may have a service.
async fn alone(database: &Connected) -> Result<Alone, Error> {
    if let Some(file) = &database.file {
        return Ok(Alone { _file: Some(file.serve()?), _server: None });
    }
    let mut transaction = database.write.begin_unhurried().await?;
    transaction.command(ALONE).await?;
    Ok(Alone { _file: None, _server: Some(transaction) })
}

/// Brings the database to the schema this version knows. An empty database becomes this agency's under the given id;
/// without an id it is an error. Returns the number of migrations that ran.
///
/// Each step is a transaction, and the database records which ones are done, so an upgrade that was killed is finished
/// by the next one.
pub(crate) async fn migrate(
    database: &Connected,
    dialect: Dialect,
    own: Agency,
    store_id: Option<&str>,
    progress: Progress<'_>,
) -> Result<i64, Error> {
    let pool = &database.write;
    if reached(pool, dialect, store_id).await? == (KNOWN, 0) {
        return Ok(0);
    }
    let _alone = alone(database).await?;
    // Another program may have gone on meanwhile.
    let (found, _) = reached(pool, dialect, store_id).await?;
    for (number, text) in (1_i64..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        let mut transaction = pool.begin_unhurried().await?;
        for statement in statements(&dialect.ddl(text)) {
            transaction.command(AssertSqlSafe(statement)).await?;
        }
        if number == 1 {
            query(FIRST).bind(store_id.unwrap_or_default()).bind(own.id()).execute(&mut *transaction).await?;
            for journal in ["ppc", "ipa", "private"] {
                query(former::FIRST_HEAD).bind(journal).bind(vec![0_u8; 32]).execute(&mut *transaction).await?;
            }
        }
        query(REACHED).bind(number).execute(&mut *transaction).await?;
        if number == KNOWN {
            place(&mut transaction, dialect).await?;
        }
        if number == KNOWN && found == 0 {
            // The database has no page yet, so this changes nothing for those who open it.
            query(SEALED).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    let (_, step) = reached(pool, dialect, store_id).await?;
    let is_begun = step > 0;
    if is_begun {
        if step == 1 {
            former::copy(pool, progress).await?;
        }
        former::remove(pool).await?;
        let mut transaction = pool.begin_unhurried().await?;
        for statement in statements(&dialect.ddl(LAYOUT_END)) {
            transaction.command(AssertSqlSafe(statement)).await?;
        }
        transaction.commit().await?;
    }
    Ok((KNOWN - found).max(i64::from(is_begun)))
}

/// Checks that the database is this agency's and of the schema that this version knows.
pub(crate) async fn check(pool: &Pool, dialect: Dialect, own: Agency) -> Result<Identity, Error> {
    let found = found(pool, dialect).await?;
    if found > KNOWN {
        return Err(Error::NewerSchema { found, known: KNOWN });
    }
    if found == 0 {
        return Err(missing(dialect));
    }
    if found < KNOWN {
        return Err(Error::OlderSchema { found, known: KNOWN });
    }
    let row = query(IDENTITY).fetch_one(pool).await?;
    let owner: String = row.try_get(1)?;
    if owner != own.id() {
        return Err(Error::WrongOwner { found: owner, own: own.id().to_owned() });
    }
    if row.try_get::<i64>(5)? != 0 {
        return Err(Error::HalfMigrated);
    }
    let marked = row.try_get::<i64>(2)? != 0;
    let known: String = row.try_get(3)?;
    let moved =
        dialect == Dialect::Postgres && !known.is_empty() && found_at(&mut pool.acquire().await?).await? != known;
    let sealed = row.try_get::<i64>(4)? != 0;
    let told_from = count(row.try_get(6)?);
    Ok(Identity { store_id: row.try_get(0)?, marked: marked || moved, sealed, told_from })
}

/// Records the present place of the database, if the server reports one.
pub(crate) async fn place(connection: &mut Connection, dialect: Dialect) -> Result<(), Error> {
    if dialect == Dialect::Postgres {
        let place = found_at(&mut *connection).await?;
        query(PLACED).bind(place).execute(connection).await?;
    }
    Ok(())
}

async fn found_at(connection: &mut Connection) -> Result<String, Error> {
    Ok(query(PLACE).fetch_one(connection).await?.try_get(0)?)
}

/// The statements that make the tables of a former schema, for tests of the way from there.
#[doc(hidden)]
pub fn former_schema(dialect: Dialect, schema: usize) -> Vec<String> {
    MIGRATIONS.iter().take(schema).flat_map(|text| statements(&dialect.ddl(text))).collect()
}

/// The statements of a migration without its comments.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(';').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
}
