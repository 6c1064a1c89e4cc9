//! Progress on standard error, where somebody looks at it.

use indicatif::{ProgressBar, ProgressStyle};
use std::{borrow::Cow, time::Duration};

/// A line that shows what is going on; cleared when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Begins with a step of unknown length. Nothing shows unless standard error is a terminal.
    pub(crate) fn start(step: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(step);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// A step of unknown length.
    pub(crate) fn step(&self, step: impl Into<Cow<'static, str>>) {
        self.0.set_style(ProgressStyle::default_spinner());
        self.0.set_message(step);
    }

    /// A step whose bytes are known before it begins.
    pub(crate) fn bytes(&self, step: impl Into<Cow<'static, str>>, received: u64, expected: u64) {
        if self.0.length() != Some(expected) {
            let style = "{msg} {wide_bar} {bytes} of {total_bytes}";
            self.0.set_length(expected);
            self.0.set_style(ProgressStyle::with_template(style).expect("a valid template"));
            self.0.set_message(step);
        }
        self.0.set_position(received);
    }

    /// A measurement of so many runs.
    pub(crate) fn runs(&self, done: usize, runs: usize) {
        self.0.set_message(format!("measuring, run {} of {runs}", done + 1));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
