//! The control of everything that writes: bare rows into one table of a database of the same kind, with the same
//! promise that they are durable before the answer, committed in groups. The one place of the tests that speaks SQL:
//! it measures what the database can do without the store.

use std::{sync::Arc, time::Duration};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, any::install_default_drivers};
use tokio::sync::{mpsc, oneshot};

use super::load::{Load, load};
use crate::cluster::{Database, Engine, durable};

/// The most rows of one commit.
const GROUP: usize = 256;
/// The numbers of rows that a statement inserts. They are few, so that each statement is prepared once.
const SIZES: [usize; 4] = [128, 32, 8, 1];

/// A row that waits for its commit.
struct Row {
    bytes: Arc<[u8]>,
    done: oneshot::Sender<()>,
}

/// A table and the task that writes it.
pub(super) struct Control {
    rows: mpsc::Sender<Row>,
    bytes: Arc<[u8]>,
    writer: tokio::task::JoinHandle<Result<(), String>>,
    _database: Database,
}

impl Control {
    /// An empty table for rows with these bytes.
    ///
    /// # Errors
    /// Fails with the error of the database.
    pub(super) async fn open(engine: Engine, bytes: Vec<u8>) -> Result<Self, String> {
        durable();
        let database = Database::new(engine);
        let connection = connect(engine, database.url()).await.map_err(|error| error.to_string())?;
        let (rows, waiting) = mpsc::channel(GROUP);
        let writer = tokio::spawn(async move { write(connection, waiting).await.map_err(|error| error.to_string()) });
        Ok(Self { rows, bytes: bytes.into(), writer, _database: database })
    }

    /// Inserts for this time, so many rows at once.
    ///
    /// # Errors
    /// Fails if the database does not accept them.
    pub(super) async fn load(&self, in_flight: usize, time: Duration) -> Result<Load, String> {
        let (rows, bytes) = (self.rows.clone(), Arc::clone(&self.bytes));
        load(in_flight, time, move |_| {
            let (rows, bytes) = (rows.clone(), Arc::clone(&bytes));
            async move {
                let (done, committed) = oneshot::channel();
                let gone = |_| "the control's writer has ended".to_owned();
                rows.send(Row { bytes, done }).await.map_err(|_| "the control's writer has ended".to_owned())?;
                committed.await.map_err(gone)
            }
        })
        .await
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

async fn connect(engine: Engine, url: &str) -> Result<AnyConnection, sqlx::Error> {
    install_default_drivers();
    let (url, bytes, settings) = match engine {
        Engine::Sqlite => {
            (format!("{url}?mode=rwc"), "BLOB", ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"].as_slice())
        }
        Engine::Postgres => (url.to_owned(), "BYTEA", ["SET synchronous_commit = on"].as_slice()),
    };
    let mut connection = AnyConnection::connect(&url).await?;
    for setting in settings {
        connection.execute(*setting).await?;
    }
    let table = format!("CREATE TABLE bare (id BIGINT PRIMARY KEY, bytes {bytes} NOT NULL)");
    connection.execute(AssertSqlSafe(table)).await?;
    Ok(connection)
}

async fn write(mut connection: AnyConnection, mut rows: mpsc::Receiver<Row>) -> Result<(), sqlx::Error> {
    let statements = SIZES.map(|size| (size, Arc::<str>::from(statement(size))));
    let (mut waiting, mut id) = (Vec::new(), 0_i64);
    while rows.recv_many(&mut waiting, GROUP).await > 0 {
        let mut transaction = connection.begin().await?;
        let mut rest = waiting.as_slice();
        for (size, statement) in &statements {
            while let Some((now, later)) = rest.split_at_checked(*size) {
                let mut insert = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
                for row in now {
                    id += 1;
                    insert = insert.bind(id).bind(row.bytes.to_vec());
                }
                insert.execute(&mut *transaction).await?;
                rest = later;
            }
        }
        transaction.commit().await?;
        for row in waiting.drain(..) {
            // Whoever waited may have gone.
            let _ = row.done.send(());
        }
    }
    Ok(())
}

fn statement(rows: usize) -> String {
    let values: Vec<String> = (0..rows).map(|row| format!("(${}, ${})", 2 * row + 1, 2 * row + 2)).collect();
    format!("INSERT INTO bare (id, bytes) VALUES {}", values.join(", "))
}
