//! The lecture, on real data: every model trained, measured, drawn, and put into one table.

mod digits;
mod moons;
mod summary;
mod wine;

pub use summary::{Entry, Summary};

use crate::files;
use crate::plot::{self, Curve, Figure, Labels, PlotError, Scale};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_layers::CouplingError;
use evidence_optim::OptimError;
use evidence_train::data::DataError;
use evidence_train::{Divergence, Epoch, Fit, Progress};
use ndarray::Array1;
use std::path::PathBuf;
use std::time::Instant;

/// What the lecture needs to know.
#[derive(Clone, Debug)]
pub struct LectureOptions {
    /// Where plots and `summary.json` go; made if it is not there.
    pub folder: PathBuf,
    /// Threads; 0 for one per core. The results do not depend on it.
    pub threads: usize,
    /// Decides splits, initial weights and every draw.
    pub seed: u64,
    /// Divides the lengths of all runs, for a quick look or a test; 1 is the lecture itself.
    pub hurry: usize,
}

impl LectureOptions {
    /// A run's epochs in the hurry asked for.
    fn epochs(&self, epochs: usize) -> usize {
        epochs.div_ceil(self.hurry.max(1))
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum LectureError {
    /// The output folder or a file in it cannot be written.
    #[error("{path}: cannot be written ({source}); choose another folder with --out")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A hyperparameter of an optimiser.
    #[error(transparent)]
    Optim(#[from] OptimError),
    /// A flow that cannot be built.
    #[error(transparent)]
    Coupling(#[from] CouplingError),
    /// A run that diverged.
    #[error("{model}: {divergence}")]
    Diverged {
        /// Which model.
        model: &'static str,
        /// Where.
        divergence: Divergence,
    },
}

/// Runs the lecture and writes its plots and `summary.json`.
///
/// # Errors
/// If the folder cannot be written or a run diverges.
pub fn run(options: &LectureOptions) -> Result<Summary, LectureError> {
    // Before minutes of work, not after them.
    files::try_folder(&options.folder)
        .map_err(|source| LectureError::Write { path: options.folder.clone(), source })?;
    let start = Instant::now();
    let entries = with_threads(options.threads, || -> Result<Vec<Entry>, LectureError> {
        let mut entries = wine::run(options)?;
        entries.extend(digits::run(options)?);
        entries.push(moons::run(options)?);
        Ok(entries)
    })?;
    let summary =
        Summary { seed: options.seed, seconds: start.elapsed().as_secs_f64(), models: entries };
    summary.write(&options.folder.join("summary.json"))?;
    Ok(summary)
}

/// A fitted model, or the diagnosis of a run that diverged.
fn finished<M>(model: &'static str, fit: Fit<M>) -> Result<Fit<M>, LectureError> {
    fit.into_result().map_err(|divergence| LectureError::Diverged { model, divergence })
}

fn progress(title: &str, epochs: usize) -> Progress {
    Progress::new(title, epochs)
}

/// A named value of each epoch.
type Series<'a> = (&'a str, &'a dyn Fn(&Epoch) -> Option<f64>);

/// Values over epochs, drawn.
fn curves(
    history: &[Epoch],
    title: &str,
    unit: &str,
    series: &[Series<'_>],
) -> Result<Figure, PlotError> {
    let points = series.iter().map(|(name, value)| {
        let points = history.iter().filter_map(|epoch| Some((epoch.number as f64, value(epoch)?)));
        let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
        (*name, Array1::from(x), Array1::from(y))
    });
    let points: Vec<_> = points.collect();
    let series: Vec<Curve<'_>> =
        points.iter().map(|(name, x, y)| Curve { name, x: x.view(), y: y.view() }).collect();
    plot::curves(&Labels { title, x: "epoch", y: unit }, &series, Scale::Linear)
}
