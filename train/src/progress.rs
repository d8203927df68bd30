//! A progress bar on standard error, silent when that is not a terminal.

use crate::fit::Epoch;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `epochs` epochs; hand [`Progress::report`] to [`fit`](crate::fit).
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar titled with what is being fitted.
    pub fn new(title: &str, epochs: usize) -> Self {
        let style = ProgressStyle::with_template("{prefix:<28} {bar:24} {pos:>4}/{len} {msg}")
            .expect("the template is well-formed");
        Self(ProgressBar::new(epochs as u64).with_style(style).with_prefix(title.to_owned()))
    }

    /// Moves the bar behind an epoch, with its losses.
    pub fn report(&self, epoch: &Epoch) {
        self.0.set_position(epoch.number as u64);
        let validation = epoch.validation.map_or(String::new(), |v| format!(", validation {v:.3}"));
        self.0.set_message(format!("{:.3} nats per datum{validation}", epoch.loss));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
