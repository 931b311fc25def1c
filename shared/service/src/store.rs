//! The database as the operator's commands open it.

use std::path::Path;

use renkei_domain::moment::Source;
use renkei_proto::r#type::v1::Agency;
use renkei_store::{Error, Store};

use crate::{config::Config, error::StartError, source, start::open, terminal::said};

/// The state of the database in a sentence. A database that `serve` will upgrade is not a fault.
pub(crate) async fn database(own: Agency, config: &Config) -> Result<String, String> {
    let language = config.language;
    if let Some(file) = config.database.file()
        && !file.parent().is_some_and(Path::is_dir)
    {
        let file = file.display();
        return Err(language.say(
            format!("there is no folder for the database {file}: make it or set `database.url`"),
            format!("データベース {file} のフォルダがありません。作成するか、`database.url` を設定してください。"),
        ));
    }
    match open(own, config).await {
        Ok(store) => {
            let writable = store.try_writing().await;
            store.close().await;
            writable.map_err(|error| {
                language.say(
                    format!("the database cannot be written ({error}): look at the account's rights"),
                    format!("データベースに書き込めません（{error}）。アカウントの権限を確認してください。"),
                )
            })?;
            Ok(language
                .say("the database is this agency's and up to date", "この機関のデータベースであり、最新の構成です。"))
        }
        Err(StartError::Store(Error::OlderSchema { found, known })) if config.database.migrates() => Ok(language.say(
            format!("the database has schema {found}: `serve` upgrades it to {known}"),
            format!("データベースの構成は第 {found} 版です。`serve` が第 {known} 版に更新します。"),
        )),
        Err(StartError::Store(Error::HalfMigrated)) if config.database.migrates() => Ok(language.say(
            "an upgrade of the database was interrupted: `serve` finishes it",
            "データベースの更新が中断されています。`serve` が完了させます。",
        )),
        Err(error) => Err(said(error)),
    }
}

/// The result of a task on the database, which is closed afterwards whatever the result is: a command leaves no log
/// of SQLite behind.
pub(crate) async fn with_store<T>(
    own: Agency,
    config: &Config,
    task: impl AsyncFnOnce(&Store) -> Result<T, String>,
) -> Result<T, String> {
    let store = open(own, config).await.map_err(said)?;
    let done = task(&store).await;
    store.close().await;
    done
}

/// The same for a task that writes: the clock is compared with the database first, because entries have a date.
pub(crate) async fn with_clock<T>(
    own: Agency,
    config: &Config,
    source: &Source,
    task: impl AsyncFnOnce(&Store) -> Result<T, String>,
) -> Result<T, String> {
    let in_time = async |store: &Store| {
        source::compare(source, store).await.map_err(said)?;
        task(store).await
    };
    with_store(own, config, in_time).await
}
