//! How long a party waits for its peer.

use std::time::{Duration, Instant};

/// Bytes for which a peer may take as long as it may be silent.
const PACE: u64 = 4 << 20;

/// How long a party waits for its peer in each part of a session.
///
/// In the middle of a phase the peer has an *allowance*: waiting for it uses the allowance up,
/// every byte that passes in either direction gives some back, and it is never more than `phase`.
/// So a peer is silent for at most `phase`, moves at least 4 MiB in each `phase` on average, and
/// gains nothing by a byte now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of the set-up, everything included.
    pub setup: Duration,
    /// For silence in the middle of a phase, and as long for each 4 MiB.
    pub phase: Duration,
    /// Between phases, while the peer has prepared inferences that it has not used. Without any, it
    /// is `phase`.
    pub idle: Duration,
    /// For the session as a whole.
    pub session: Duration,
}

impl Patience {
    /// Waits for ever.
    pub const UNLIMITED: Self = Self {
        setup: Duration::MAX,
        phase: Duration::MAX,
        idle: Duration::MAX,
        session: Duration::MAX,
    };
}

/// 20 s for the set-up, 60 s in a phase, 4 hours between phases, a day in all.
impl Default for Patience {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            setup: Duration::from_secs(20),
            phase: Duration::from_secs(60),
            idle: 4 * hour,
            session: 24 * hour,
        }
    }
}

/// As long for the set-up, within a phase and between phases; no limit for the session.
impl From<Duration> for Patience {
    fn from(timeout: Duration) -> Self {
        Self { setup: timeout, phase: timeout, idle: timeout, session: Duration::MAX }
    }
}

/// What is left of the peer's allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    most: Duration,
    left: Duration,
}

impl Allowance {
    pub(super) fn new(most: Duration) -> Self {
        Self { most, left: most }
    }

    /// Gives all of it back: a phase begins.
    pub(super) fn renew(&mut self) {
        self.left = self.most;
    }

    /// How long the peer may be silent now.
    pub(super) fn left(&self) -> Duration {
        self.left
    }

    /// Takes the time waited and gives for the bytes that passed meanwhile.
    pub(super) fn settle(&mut self, waited: Duration, bytes: u64) {
        if self.most == Duration::MAX {
            return;
        }
        let earned = self.most.mul_f64(bytes as f64 / PACE as f64);
        self.left = self.left.saturating_sub(waited).saturating_add(earned).min(self.most);
    }
}

/// The time from now until `deadline`; none left is zero, no deadline for ever.
pub(super) fn until(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_allowance_is_used_up_by_waiting_and_earned_by_bytes() {
        let mut allowance = Allowance::new(60 * SECOND);
        allowance.settle(50 * SECOND, 0);
        assert_eq!(allowance.left(), 10 * SECOND);
        allowance.settle(SECOND, PACE / 2);
        assert_eq!(allowance.left(), 39 * SECOND);
        // Bytes earn nothing beyond the whole of it.
        allowance.settle(SECOND, 1 << 40);
        assert_eq!(allowance.left(), 60 * SECOND);
        allowance.settle(61 * SECOND, 1);
        assert!(allowance.left() < SECOND);
        allowance.renew();
        assert_eq!(allowance.left(), 60 * SECOND);
    }

    #[test]
    fn no_limit_stays_none() {
        let mut allowance = Allowance::new(Duration::MAX);
        allowance.settle(SECOND, u64::MAX);
        assert_eq!(allowance.left(), Duration::MAX);
        assert_eq!(until(None), Duration::MAX);
    }
}
