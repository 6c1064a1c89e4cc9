//! Other tries, where they may help.

use crate::{
    connection::Line,
    failure::{Failure, Result},
    progress::Progress,
};
use std::{
    hash::{BuildHasher, RandomState},
    thread,
    time::{Duration, Instant},
};

/// The first pause and the longest one, before they are cut.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(8)];

/// How often a pause looks whether its line was cut.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RetryArgs {
    /// If the server is full, cannot be reached or goes away, try again for so long; 0 for never
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=86_400))]
    retry: u64,
}

/// The tries of a client. Pauses between them double, and are cut at random, so that many clients of a
/// server that was away do not come back together.
pub(crate) struct Tries {
    most: Duration,
    /// Once it is cut, no other try is wanted.
    line: Line,
    trouble: Option<Trouble>,
}

/// Tries that have failed one after the other.
struct Trouble {
    since: Instant,
    pause: Duration,
}

impl Trouble {
    /// The pause before the next try, `elapsed` after the first failure; none once `most` is over.
    fn next_pause(&mut self, elapsed: Duration, most: Duration) -> Option<Duration> {
        let left = most.saturating_sub(elapsed);
        let pause = self.pause.mul_f64(0.5 + 0.5 * fraction()).min(left);
        self.pause = (2 * self.pause).min(PAUSES[1]);
        (!left.is_zero()).then_some(pause)
    }
}

impl Tries {
    pub(crate) fn new(args: RetryArgs, line: Line) -> Self {
        Self { most: Duration::from_secs(args.retry), line, trouble: None }
    }

    /// Something went well: the time for the next trouble is not over yet.
    pub(crate) fn succeeded(&mut self) {
        self.trouble = None;
    }

    /// Waits until it is time for another try; gives the failure back if none may help, or the time for
    /// them is over.
    pub(crate) fn wait_after(&mut self, failure: Failure, progress: &Progress) -> Result<()> {
        if !failure.may_pass() || self.line.is_cut() {
            return Err(failure);
        }
        let begin = || Trouble { since: Instant::now(), pause: PAUSES[0] };
        let trouble = self.trouble.get_or_insert_with(begin);
        let Some(wait) = trouble.next_pause(trouble.since.elapsed(), self.most) else {
            return Err(failure);
        };
        progress.tell(&format!("trying again in {:.1} s: {failure}", wait.as_secs_f64()));
        let until = Instant::now() + wait;
        while !self.line.is_cut() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK));
        }
        Err(failure)
    }

    /// Tries until it goes well or no other try is due.
    pub(crate) fn until_well<T>(
        &mut self,
        progress: &Progress,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(failure) => self.wait_after(failure, progress)?,
            }
        }
    }
}

/// From 0 to 1, at random: as hash maps draw their keys.
fn fraction() -> f64 {
    RandomState::new().hash_one(0) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use gazelle_protocol::{Error, transport::TransportFault};

    fn tries(milliseconds: u64) -> Tries {
        Tries { most: Duration::from_millis(milliseconds), line: Line::default(), trouble: None }
    }

    fn closed() -> Failure {
        Error::from(TransportFault::Closed).into()
    }

    #[test]
    fn what_may_pass_is_tried_again_until_time_is_over() {
        let (progress, start) = (Progress::start("a test"), Instant::now());
        let mut tried = 0;
        let end = tries(700).until_well(&progress, || -> Result<()> {
            tried += 1;
            Err(closed())
        });
        assert!(end.is_err() && start.elapsed() >= Duration::from_millis(700));
        // Pauses of a quarter of a second at least, and then of half a second, or what is left.
        assert!((2..=4).contains(&tried), "{tried}");
    }

    /// As of a clock that shows nothing but the pauses.
    #[test]
    fn pauses_double_and_end_with_the_time() {
        let mut trouble = Trouble { since: Instant::now(), pause: PAUSES[0] };
        let (mut elapsed, most) = (Duration::ZERO, Duration::from_secs(60));
        let mut longest = PAUSES[0];
        while let Some(pause) = trouble.next_pause(elapsed, most) {
            elapsed += pause;
            assert!(pause <= longest && (pause >= longest / 2 || elapsed == most), "{pause:?}");
            longest = (2 * longest).min(PAUSES[1]);
        }
        assert_eq!((elapsed, longest), (most, PAUSES[1]));
    }

    #[test]
    fn what_does_not_pass_and_what_may_not_take_time_is_tried_once() {
        let progress = Progress::start("a test");
        let mut once = tries(10_000);
        assert!(once.wait_after(Failure::new("wrong"), &progress).is_err());
        let refused = Error::Refused("your quota is used up; come back tomorrow".into());
        assert!(once.wait_after(refused.into(), &progress).is_err());
        assert!(once.trouble.is_none());
        assert!(tries(0).wait_after(closed(), &progress).is_err());
    }

    #[test]
    fn a_line_that_is_cut_ends_all_tries() {
        let (progress, mut tries) = (Progress::start("a test"), tries(3_600_000));
        tries.wait_after(closed(), &progress).unwrap();
        tries.line.cut();
        assert!(tries.wait_after(closed(), &progress).is_err());
        // One that is cut in a pause ends the pause.
        tries.line.mend();
        tries.trouble.as_mut().unwrap().pause = Duration::from_secs(120);
        let (line, start) = (tries.line.clone(), Instant::now());
        let cutter = thread::spawn(move || line.cut());
        assert!(tries.wait_after(closed(), &progress).is_err());
        assert!(start.elapsed() < Duration::from_secs(30));
        cutter.join().unwrap();
    }

    #[test]
    fn what_goes_well_ends_the_trouble() {
        let progress = Progress::start("a test");
        let mut tries = tries(400);
        for _ in 0..3 {
            // Each of them alone takes more than half of the time.
            tries.wait_after(closed(), &progress).unwrap();
            tries.succeeded();
        }
    }
}
