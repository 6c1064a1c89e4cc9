//! Where a server's halves are kept, and what its clients have used.

use crate::Error;

/// Where rows are kept. Whoever implements it takes on the duty of
/// [`BundleStore::take`](gazelle_protocol::bundle::BundleStore::take): what
/// [`Table::claim`] has given out is gone for good, for all processes, before it returns.
pub trait Table: Send + Sync {
    /// Keeps a row.
    ///
    /// # Errors
    /// If the table fails.
    fn put(&self, row: &Row<'_>) -> Result<(), Error>;

    /// Sets when rows expire, as far as they are still there.
    ///
    /// # Errors
    /// If the table fails.
    fn keep(&self, ids: &[[u8; 32]], expires: i64) -> Result<(), Error>;

    /// Takes the half of a row that has not expired at `now`, once; with the network that it is for.
    ///
    /// # Errors
    /// If the table fails; the half counts as spent.
    fn claim(&self, id: &[u8; 32], owner: &str, now: i64) -> Result<Option<Claimed>, Error>;

    /// How many rows an owner has, or all have, that have not expired at `now`.
    ///
    /// # Errors
    /// If the table fails.
    fn count(&self, owner: Option<&str>, now: i64) -> Result<usize, Error>;

    /// Takes away what has expired at `now`; how many rows that were.
    ///
    /// # Errors
    /// If the table fails.
    fn sweep(&self, now: i64) -> Result<usize, Error>;

    /// Adds `amount` to what a client has used on a day (counted since 1970), if its quota admits
    /// it.
    ///
    /// # Errors
    /// If the table fails; then nothing is used.
    fn charge(&self, owner: &str, day: i64, quota: Quota, amount: Amount) -> Result<Charge, Error>;

    /// What clients with a quota have used.
    ///
    /// # Errors
    /// If the table fails.
    fn usage(&self, day: i64) -> Result<Vec<Usage>, Error>;
}

/// What a client has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The client.
    pub owner: String,
    /// Inferences on the day that was asked for.
    pub day: u64,
    /// Inferences ever.
    pub total: u64,
    /// Bytes on that day.
    pub bytes: u64,
}

/// A row of the table.
pub struct Row<'a> {
    /// The bundle's.
    pub id: [u8; 32],
    /// The client that it was prepared with.
    pub owner: &'a str,
    /// The network, with its weights, that it was prepared for.
    pub network: [u8; 32],
    /// Seconds since 1970.
    pub expires: i64,
    /// The sealed half.
    pub half: &'a [u8],
}

/// What was taken out of the table.
pub struct Claimed {
    /// [`Row::network`].
    pub network: Vec<u8>,
    /// [`Row::half`].
    pub half: Vec<u8>,
}

/// What a client may use; none is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quota {
    /// Inferences on one day.
    pub day: Option<u32>,
    /// Inferences ever.
    pub total: Option<u32>,
    /// Bytes on one day, both ways together.
    pub bytes: Option<u64>,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amount {
    /// Inferences whose online phase begins.
    pub inferences: u32,
    /// Bytes that will pass.
    pub bytes: u64,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It was within the quota.
    Granted,
    /// Fewer of today's inferences are left.
    DayOver {
        /// How many are.
        left: u64,
    },
    /// Fewer inferences are left in all.
    AllUsed {
        /// How many are.
        left: u64,
    },
    /// Today's bytes do not suffice.
    BytesOver,
}

impl Quota {
    /// Whether there is no limit.
    pub(super) fn is_none(&self) -> bool {
        self.day.is_none() && self.total.is_none() && self.bytes.is_none()
    }

    /// What becomes of an amount: it must fit into the inferences and bytes that are left, of which an
    /// inference is left also where none begins yet.
    pub(super) fn judge(&self, used: &Usage, amount: Amount) -> Charge {
        let wanted = u64::from(amount.inferences.max(1));
        let too_few = |most: Option<u32>, used: u64| {
            let left = most.map(|most| u64::from(most).saturating_sub(used));
            left.filter(|&left| left < wanted)
        };
        if let Some(left) = too_few(self.total, used.total) {
            Charge::AllUsed { left }
        } else if let Some(left) = too_few(self.day, used.day) {
            Charge::DayOver { left }
        } else if self.bytes.is_some_and(|most| used.bytes.saturating_add(amount.bytes) > most) {
            Charge::BytesOver
        } else {
            Charge::Granted
        }
    }
}

impl Amount {
    /// As databases count.
    pub(super) fn as_integers(self) -> [i64; 2] {
        [self.inferences.into(), self.bytes.try_into().unwrap_or(i64::MAX)]
    }
}
