//! The file of an embedded database: whether it is there, whether it is still the one that was opened, and who serves from
//! it. SQLite itself goes on writing into a file that was deleted, and what it wrote there is gone with the process.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// The end of the name of the file whose lock the serving process has.
const SERVING: &str = "-serving";

/// The path in the URL of an embedded database; none for a server.
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
    /// The file that is at a path now. A file without a byte is none: SQLite would make a database of it.
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

    /// The file at the path is the one that was opened. It stays so while it is open, as its inode is not given again.
    pub(crate) fn check(&self) -> Result<(), Error> {
        // What cannot be looked at now is as good as gone.
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(()),
            _ => Err(Error::Replaced(format!("file {}", self.path.display()))),
        }
    }

    /// One process serves from a file at a time. The lock ends with the process, however that ends. It is not on the file
    /// itself: to close that one a second time would take SQLite's own locks away.
    pub(crate) fn serve(&self) -> Result<fs::File, Error> {
        // Whatever other names lead to it.
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

    /// How long SQLite's log of changes is, in bytes.
    pub(crate) fn log_bytes(&self) -> u64 {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        fs::metadata(name).map_or(0, |log| log.len())
    }
}
