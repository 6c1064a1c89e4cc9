//! Progress on standard error, where somebody looks at it: nothing shows unless that is a terminal, and
//! nothing has a colour.

use crate::output;
use gazelle_protocol::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    borrow::Cow,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// How steps are shown whose lengths are in bytes, and counted.
const BYTES: &str = "{msg} {wide_bar} {bytes} of {total_bytes}";
const COUNT: &str = "{msg} {wide_bar} {pos} of {len}, {eta} left";

/// Lets another thread end a long computation.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the computation soon: its thread unwinds, silently.
    pub fn stop(&self) {
        self.0.store(true, Relaxed);
    }
}

/// A line that shows what is going on; cleared when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Nobody reads it.
    silent: bool,
    stop: Stop,
}

impl Progress {
    /// Begins with a step of unknown length.
    pub(crate) fn start(step: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(step);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, silent: false, stop: Stop::default() }
    }

    /// Shows nothing; what is going on ends when it is told to.
    pub(crate) fn silent(stop: &Stop) -> Self {
        Self { bar: ProgressBar::hidden(), silent: true, stop: stop.clone() }
    }

    /// A step of unknown length.
    pub(crate) fn step(&self, step: impl Into<Cow<'static, str>>) {
        self.bar.unset_length();
        self.bar.set_style(ProgressStyle::default_spinner());
        self.bar.set_message(step);
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
        if !self.silent {
            let line = printable(&line.replace('\n', " "));
            self.bar.suspend(|| output::aside(&line));
        }
    }

    fn show(&self, step: Cow<'static, str>, template: &str, done: u64, of: u64) {
        if self.stop.0.load(Relaxed) {
            resume_unwind(Box::new("told to stop"));
        }
        if self.bar.length() != Some(of) || self.bar.message() != step {
            self.bar.set_length(of);
            self.bar.reset_eta();
            self.bar.set_style(ProgressStyle::with_template(template).expect("a valid template"));
            self.bar.set_message(step);
        }
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
