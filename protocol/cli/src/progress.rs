//! Progress on standard error, where somebody looks at it: nothing shows unless that is a terminal, and
//! nothing has a colour.

use gazelle_protocol::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::{borrow::Cow, time::Duration};

/// How steps are shown whose lengths are in bytes, and counted.
const BYTES: &str = "{msg} {wide_bar} {bytes} of {total_bytes}";
const COUNT: &str = "{msg} {wide_bar} {pos} of {len}, {eta} left";

/// A line that shows what is going on; cleared when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins with a step of unknown length.
    pub(crate) fn start(step: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(step);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// A step of unknown length.
    pub(crate) fn step(&self, step: impl Into<Cow<'static, str>>) {
        self.0.unset_length();
        self.0.set_style(ProgressStyle::default_spinner());
        self.0.set_message(step);
    }

    /// A step whose bytes are known before it begins.
    pub(crate) fn bytes(&self, step: impl Into<Cow<'static, str>>, received: u64, expected: u64) {
        self.show(step.into(), BYTES, received, expected);
    }

    /// A step of so many parts, of which some are done.
    pub(crate) fn count(&self, step: impl Into<Cow<'static, str>>, done: usize, of: usize) {
        self.show(step.into(), COUNT, done as u64, of as u64);
    }

    /// A line beside it, on standard error.
    pub(crate) fn tell(&self, line: &str) {
        self.0.suspend(|| eprintln!("gazelle: {}", printable(&line.replace('\n', " "))));
    }

    fn show(&self, step: Cow<'static, str>, template: &str, done: u64, of: u64) {
        if self.0.length() != Some(of) || self.0.message() != step {
            self.0.set_length(of);
            self.0.reset_eta();
            self.0.set_style(ProgressStyle::with_template(template).expect("a valid template"));
            self.0.set_message(step);
        }
        self.0.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
