//! Rows in a PostgreSQL database: for replicas on several machines.
//!
//! The connection is not encrypted by this program: reach the database by a Unix socket or over a
//! network of its own. What it holds of bundles is sealed; names of clients and their usage are not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use postgres::{Client, Config, NoTls, Transaction};

use super::table::{Amount, Charge, Claimed, Quota, Row, Table, Usage};
use crate::Error;

/// Connections that wait for their next use, at most; more may be in use.
const IDLE: usize = 8;

/// The tables. Halves are random bytes, which no compression makes shorter.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS gazelle_bundle (
        id BYTEA PRIMARY KEY,
        owner TEXT NOT NULL,
        network BYTEA NOT NULL,
        expires BIGINT NOT NULL,
        half BYTEA NOT NULL
    );
    ALTER TABLE gazelle_bundle ALTER COLUMN half SET STORAGE EXTERNAL;
    CREATE INDEX IF NOT EXISTS gazelle_bundle_owner ON gazelle_bundle (owner, expires);
    CREATE INDEX IF NOT EXISTS gazelle_bundle_expires ON gazelle_bundle (expires);
    CREATE TABLE IF NOT EXISTS gazelle_usage (
        owner TEXT NOT NULL,
        day BIGINT NOT NULL,
        inferences BIGINT NOT NULL,
        PRIMARY KEY (owner, day)
    );
    ALTER TABLE gazelle_usage ADD COLUMN IF NOT EXISTS bytes BIGINT NOT NULL DEFAULT 0;
";

/// What one client, or all, have used on a day and ever.
const USED: &str = "
    SELECT owner, coalesce(sum(inferences) FILTER (WHERE day = $1), 0)::bigint,
           sum(inferences)::bigint, coalesce(sum(bytes) FILTER (WHERE day = $1), 0)::bigint
    FROM gazelle_usage WHERE $2::text IS NULL OR owner = $2 GROUP BY owner
";

/// Whoever makes the tables, or charges a client, holds a lock of this class.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7464, hashtext($1))";

/// Tables in a database.
pub struct Postgres {
    config: Config,
    /// Connections that nobody uses.
    idle: Mutex<Vec<Client>>,
}

impl Postgres {
    /// Connects to a database (`postgres://USER@HOST/DATABASE`, or `host=… dbname=…`), and makes the
    /// tables if there are none.
    ///
    /// # Errors
    /// If the address is none, or the database cannot be reached or changed.
    pub fn open(address: &str) -> Result<Self, Error> {
        let config: Config = address.parse().map_err(|error| fault(&error))?;
        let database = Self { config, idle: Mutex::default() };
        database.transaction(|transaction| {
            transaction.execute(LOCK, &[&"tables"])?;
            transaction.batch_execute(SCHEMA)
        })?;
        Ok(database)
    }

    /// A panic under the lock leaves connections that work or fail.
    fn idle(&self) -> MutexGuard<'_, Vec<Client>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what is to be done on a connection, which is kept for the next if nothing failed. A
    /// connection that was closed meanwhile is replaced by a new one before anything is done.
    fn with<T>(
        &self,
        act: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, Error> {
        let idle = self.idle().pop().filter(|client| !client.is_closed());
        let mut client = match idle {
            Some(client) => client,
            None => {
                let mut client = self.config.connect(NoTls).map_err(|error| fault(&error))?;
                // A row that was given out must not come back after a crash.
                let lasting = client.batch_execute("SET synchronous_commit = on");
                lasting.map_err(|error| fault(&error))?;
                client
            }
        };
        let result = act(&mut client).map_err(|error| fault(&error))?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(client);
        }
        Ok(result)
    }

    fn transaction<T>(
        &self,
        act: impl FnOnce(&mut Transaction<'_>) -> Result<T, postgres::Error>,
    ) -> Result<T, Error> {
        self.with(|client| {
            let mut transaction = client.transaction()?;
            let result = act(&mut transaction)?;
            transaction.commit()?;
            Ok(result)
        })
    }
}

impl Table for Postgres {
    fn put(&self, row: &Row<'_>) -> Result<(), Error> {
        let insert = "INSERT INTO gazelle_bundle (id, owner, network, expires, half)
                      VALUES ($1, $2, $3, $4, $5)";
        let (id, network) = (&row.id[..], &row.network[..]);
        self.with(|client| {
            client.execute(insert, &[&id, &row.owner, &network, &row.expires, &row.half])
        })
        .map(|_| ())
    }

    fn keep(&self, ids: &[[u8; 32]], expires: i64) -> Result<(), Error> {
        let update = "UPDATE gazelle_bundle SET expires = $1 WHERE id = ANY($2)";
        let ids: Vec<&[u8]> = ids.iter().map(|id| &id[..]).collect();
        self.with(|client| client.execute(update, &[&expires, &ids])).map(|_| ())
    }

    fn claim(&self, id: &[u8; 32], owner: &str, now: i64) -> Result<Option<Claimed>, Error> {
        let delete = "DELETE FROM gazelle_bundle WHERE id = $1 AND owner = $2 AND expires > $3
                      RETURNING network, half";
        let row = self.with(|client| client.query_opt(delete, &[&&id[..], &owner, &now]))?;
        Ok(row.map(|row| Claimed { network: row.get(0), half: row.get(1) }))
    }

    fn count(&self, owner: Option<&str>, now: i64) -> Result<usize, Error> {
        let count = "SELECT count(*) FROM gazelle_bundle
                     WHERE ($1::text IS NULL OR owner = $1) AND expires > $2";
        let row = self.with(|client| client.query_one(count, &[&owner, &now]))?;
        Ok(row.get::<_, i64>(0).unsigned_abs() as usize)
    }

    fn sweep(&self, now: i64) -> Result<usize, Error> {
        let delete = "DELETE FROM gazelle_bundle WHERE expires <= $1";
        Ok(self.with(|client| client.execute(delete, &[&now]))? as usize)
    }

    fn charge(&self, owner: &str, day: i64, quota: Quota, amount: Amount) -> Result<Charge, Error> {
        let add = "INSERT INTO gazelle_usage (owner, day, inferences, bytes) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (owner, day) DO UPDATE SET
                       inferences = gazelle_usage.inferences + $3, bytes = gazelle_usage.bytes + $4";
        let [inferences, bytes] = amount.as_integers();
        self.transaction(|transaction| {
            transaction.execute(LOCK, &[&owner])?;
            let used = transaction.query_opt(USED, &[&day, &owner])?.map(usage);
            let charge = quota.judge(&used.unwrap_or_default(), amount);
            if charge == Charge::Granted {
                transaction.execute(add, &[&owner, &day, &inferences, &bytes])?;
            }
            Ok(charge)
        })
    }

    fn usage(&self, day: i64) -> Result<Vec<Usage>, Error> {
        let rows = self.with(|client| client.query(USED, &[&day, &None::<&str>]))?;
        Ok(rows.into_iter().map(usage).collect())
    }
}

/// A row of [`USED`].
fn usage(row: postgres::Row) -> Usage {
    let [day, total, bytes] = [1, 2, 3].map(|column| row.get::<_, i64>(column).unsigned_abs());
    Usage { owner: row.get(0), day, total, bytes }
}

/// The database's words; its address may hold a password, so it is not named.
fn fault(error: &postgres::Error) -> Error {
    let words =
        error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().into());
    Error::Database(words)
}
