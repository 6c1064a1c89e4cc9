//! Rows in a file of SQLite's: for one server, or several on one machine.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::table::{Amount, Charge, Claimed, Quota, Row, Table, Usage};
use crate::Error;

/// How long another process may keep the file for itself.
const BUSY: Duration = Duration::from_secs(10);

/// The table, and what makes a claim last: every transaction is synced (`FULL`), and what is deleted
/// is overwritten.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    CREATE TABLE IF NOT EXISTS bundle (
        id BLOB PRIMARY KEY,
        owner TEXT NOT NULL,
        network BLOB NOT NULL,
        expires INTEGER NOT NULL,
        half BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS bundle_owner ON bundle (owner, expires);
    CREATE INDEX IF NOT EXISTS bundle_expires ON bundle (expires);
    CREATE TABLE IF NOT EXISTS usage (
        owner TEXT NOT NULL,
        day INTEGER NOT NULL,
        inferences INTEGER NOT NULL,
        bytes INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (owner, day)
    ) WITHOUT ROWID;
";

/// What files of earlier releases lack.
const BYTES: &str = "ALTER TABLE usage ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0";
const HAS_BYTES: &str = "SELECT count(*) FROM pragma_table_info('usage') WHERE name = 'bytes'";

/// What one client, or all, have used on a day and ever.
const USED: &str = "
    SELECT owner, ifnull(sum(inferences) FILTER (WHERE day = ?1), 0), sum(inferences),
           ifnull(sum(bytes) FILTER (WHERE day = ?1), 0)
    FROM usage WHERE ?2 IS NULL OR owner = ?2 GROUP BY owner
";

/// A table in a file.
pub struct Sqlite {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens the file, or makes it, for its owner alone.
    ///
    /// # Errors
    /// If it cannot be used, or is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        file.map_err(Error::file(path))?;
        Self::set_up(path, Connection::open(path))
    }

    /// A table that ends with the process.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn in_memory() -> Result<Self, Error> {
        Self::set_up(Path::new("memory"), Connection::open_in_memory())
    }

    fn set_up(path: &Path, connection: rusqlite::Result<Connection>) -> Result<Self, Error> {
        let set_up = |connection: Connection| {
            connection.busy_timeout(BUSY)?;
            connection.execute_batch(SCHEMA)?;
            if connection.query_row(HAS_BYTES, [], |row| row.get::<_, i64>(0))? == 0 {
                connection.execute_batch(BYTES)?;
            }
            Ok(connection)
        };
        let connection =
            connection.and_then(set_up).map_err(|error| Error::content(path, error))?;
        Ok(Self { path: path.into(), connection: Mutex::new(connection) })
    }

    /// A panic under the lock leaves a transaction that was not committed.
    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self) -> impl Fn(rusqlite::Error) -> Error {
        |error| Error::content(&self.path, error)
    }
}

impl Table for Sqlite {
    fn put(&self, row: &Row<'_>) -> Result<(), Error> {
        let insert =
            "INSERT INTO bundle (id, owner, network, expires, half) VALUES (?, ?, ?, ?, ?)";
        let values = params![row.id, row.owner, row.network, row.expires, row.half];
        self.connection().execute(insert, values).map(|_| ()).map_err(self.fault())
    }

    fn keep(&self, ids: &[[u8; 32]], expires: i64) -> Result<(), Error> {
        let mut connection = self.connection();
        let mut keep = || {
            let transaction = connection.transaction()?;
            for id in ids {
                let update = "UPDATE bundle SET expires = ? WHERE id = ?";
                transaction.execute(update, params![expires, id])?;
            }
            transaction.commit()
        };
        keep().map_err(self.fault())
    }

    fn claim(&self, id: &[u8; 32], owner: &str, now: i64) -> Result<Option<Claimed>, Error> {
        let delete = "DELETE FROM bundle WHERE id = ? AND owner = ? AND expires > ? \
                      RETURNING network, half";
        let mut connection = self.connection();
        let mut claim = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let claimed = transaction
                .query_row(delete, params![id, owner, now], |row| {
                    Ok(Claimed { network: row.get(0)?, half: row.get(1)? })
                })
                .optional()?;
            transaction.commit()?;
            Ok(claimed)
        };
        claim().map_err(self.fault())
    }

    fn count(&self, owner: Option<&str>, now: i64) -> Result<usize, Error> {
        let count = "SELECT count(*) FROM bundle WHERE (?1 IS NULL OR owner = ?1) AND expires > ?2";
        self.connection()
            .query_row(count, params![owner, now], |row| row.get::<_, i64>(0))
            .map(|count| count.unsigned_abs() as usize)
            .map_err(self.fault())
    }

    fn sweep(&self, now: i64) -> Result<usize, Error> {
        let delete = "DELETE FROM bundle WHERE expires <= ?";
        self.connection().execute(delete, params![now]).map_err(self.fault())
    }

    fn charge(&self, owner: &str, day: i64, quota: Quota, amount: Amount) -> Result<Charge, Error> {
        let add = "INSERT INTO usage (owner, day, inferences, bytes) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET inferences = inferences + ?3, bytes = bytes + ?4";
        let [inferences, bytes] = amount.as_integers();
        let mut connection = self.connection();
        let mut charge = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let used = transaction.query_row(USED, params![day, owner], usage).optional()?;
            let charge = quota.judge(&used.unwrap_or_default(), amount);
            if charge == Charge::Granted {
                transaction.execute(add, params![owner, day, inferences, bytes])?;
                transaction.commit()?;
            }
            Ok(charge)
        };
        charge().map_err(self.fault())
    }

    fn usage(&self, day: i64) -> Result<Vec<Usage>, Error> {
        let connection = self.connection();
        let all = || -> rusqlite::Result<Vec<Usage>> {
            connection.prepare(USED)?.query_map(params![day, None::<&str>], usage)?.collect()
        };
        all().map_err(self.fault())
    }
}

/// A row of [`USED`].
fn usage(row: &rusqlite::Row<'_>) -> rusqlite::Result<Usage> {
    let [day, total, bytes] = [row.get(1)?, row.get(2)?, row.get(3)?].map(i64::unsigned_abs);
    Ok(Usage { owner: row.get(0)?, day, total, bytes })
}
