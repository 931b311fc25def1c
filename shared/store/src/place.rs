//! The file of an embedded database: whether it exists, whether it is still the one that was opened, and which process
//! serves from it. SQLite itself continues to write into a deleted file, and those writes are lost with the process.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// The end of the name of the file whose lock the serving process has.
const SERVING: &str = "-serving";

/// The path in the URL of an embedded database; `None` for a server.
pub fn file_of(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next().map(Path::new)
}

/// The file of an embedded database, as it was found when it was opened.
#[derive(Clone, Debug)]
pub(crate) struct File {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl File {
    /// The file that is at a path now. An empty file counts as none, because SQLite would make a database of it.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let missing = || Error::Missing(format!("at {}", path.display()));
        let found = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            found => found.map_err(sqlx::Error::Io)?,
        };
        if found.is_file() && found.len() == 0 {
            return Err(missing());
        }
        Ok(Self { path: path.to_owned(), device: found.dev(), inode: found.ino() })
    }

    /// Checks that the file at the path is the one that was opened. While that is open, no other file gets its inode
    /// number.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // A file that cannot be examined now counts as gone.
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(()),
            _ => Err(Error::Replaced(format!("file {}", self.path.display()))),
        }
    }

    /// Locks the file for this process: one process serves from a file at a time. The lock ends with the process,
    /// however that ends. It is on another file, because closing the database's file a second time would release
    /// SQLite's own locks.
    pub(crate) fn serve(&self) -> Result<fs::File, Error> {
        // The lock's name comes from the canonical path, whatever other names lead to the file.
        let mut name = fs::canonicalize(&self.path).map_err(sqlx::Error::Io)?.into_os_string();
        name.push(SERVING);
        let lock = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&name);
        let lock = lock.map_err(sqlx::Error::Io)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Served(self.path.display().to_string())),
            Err(fs::TryLockError::Error(error)) => Err(sqlx::Error::Io(error).into()),
        }
    }

    /// The size of SQLite's write-ahead log, in bytes.
    pub(crate) fn log_bytes(&self) -> u64 {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        fs::metadata(name).map_or(0, |log| log.len())
    }
}
