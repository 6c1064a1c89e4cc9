//! Gate numbers: every hash of a session has a tweak of its own.

/// Hands out gate numbers, each once; one per session and party, in step with the other party's.
#[derive(Debug, Default)]
pub struct GateCounter {
    next: u64,
}

impl GateCounter {
    /// The counter of a new session.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number that comes next.
    pub fn peek(&self) -> u64 {
        self.next
    }

    /// The next `count` gate numbers.
    ///
    /// # Panics
    /// After 2^64 gates.
    pub fn take(&mut self, count: u64) -> GateRange {
        let start = self.next;
        self.next = start.checked_add(count).expect("a session has fewer than 2^64 gates");
        GateRange { start, count }
    }
}

/// Gate numbers that belong to one garbling; consumed by it.
#[derive(Debug)]
pub struct GateRange {
    pub(crate) start: u64,
    pub(crate) count: u64,
}

impl GateRange {
    /// The first of these `count` numbers, for `count` hashes outside of garbling.
    ///
    /// # Panics
    /// If there are more or fewer.
    pub fn first(self, count: usize) -> u64 {
        assert_eq!(self.count, count as u64, "one gate number for each hash");
        self.start
    }
}
