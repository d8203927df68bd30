//! Minibatches that are drawn: pixels binarised afresh, rows turned and shifted, latents of rows drawn again whenever they are met.

use super::error::DataError;
use super::source::Minibatch;
use evidence_autodiff::Noise;
use ndarray::Array2;

/// A minibatch: inputs `[n, d]`, and targets `[n, k]` where there are any.
pub type Drawn = (Array2<f64>, Option<Array2<f64>>);

/// What makes the minibatch of a step, counted from 0 through all epochs. Whatever is random in it is a function of the noise, which is
/// another in every step.
pub type Draw<'a> = dyn FnMut(usize, Noise) -> Drawn + 'a;

/// Draws, of which so many are an epoch.
///
/// The function is borrowed and not owned: see [`Source`](super::Source).
pub(crate) struct Draws<'a> {
    draw: &'a mut Draw<'a>,
    rows: usize,
    steps: usize,
    noise: Noise,
    /// The last one and its step.
    last: Option<(usize, Drawn)>,
    /// 0, 1, 2, …: a drawn minibatch is taken whole.
    whole: Vec<usize>,
}

impl<'a> Draws<'a> {
    /// An epoch of ⌈rows / size⌉.
    pub fn new(
        draw: &'a mut Draw<'a>,
        rows: usize,
        size: usize,
        noise: Noise,
    ) -> Result<Self, DataError> {
        if rows == 0 {
            return Err(DataError::NoRows { purpose: "draw minibatches of" });
        }
        if size == 0 {
            return Err(DataError::ZeroBatch);
        }
        Ok(Self { draw, rows, steps: rows.div_ceil(size), noise, last: None, whole: Vec::new() })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn steps(&self) -> usize {
        self.steps
    }

    /// A batch, from 0, of an epoch, from 1.
    pub fn batch(&mut self, epoch: usize, batch: usize) -> Minibatch<'_> {
        let step = (epoch - 1) * self.steps + batch;
        if self.last.as_ref().is_none_or(|(of, _)| *of != step) {
            self.last = Some((step, (self.draw)(step, self.noise.stream(step as u64))));
        }
        let (_, (features, targets)) = self.last.as_ref().expect("just drawn");
        self.whole.clear();
        self.whole.extend(0..features.nrows());
        let targets = targets.as_ref().map(|targets| targets.view());
        Minibatch { features: features.view(), targets, rows: &self.whole }
    }
}
