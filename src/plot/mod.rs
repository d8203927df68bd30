//! Pictures as SVG or PNG: plain functions from arrays (`f64`, finite) to a [`Figure`], which is saved or read
//! as text.
//!
//! | picture | function |
//! | --- | --- |
//! | predictive intervals against what was observed | [`prediction_intervals`] |
//! | coverage of the intervals by nominal level | [`calibration_curve`] |
//! | how often predictions of a confidence were right | [`reliability_curve`] |
//! | losses over epochs | [`curves`] |
//! | images, their reconstructions, samples | [`images`] |
//! | a latent plane, coloured by class | [`scatter`] |
//! | a density on the plane | [`heat_map`] |
//! | density, samples, samples pushed back to the base; layer by layer, as frames | [`panels`] |
//!
//! The same input gives the same bytes. Bad data is an error ([`PlotError`]), never a picture with a hole in
//! it and never a panic. Pictures are 800 px wide or less, with text of 12 px and more, so that a page can
//! show them unscaled.
//!
//! ```
//! use evidence::plot::{Curve, Labels, Scale, curves};
//! use ndarray::array;
//!
//! # fn main() -> Result<(), evidence::plot::PlotError> {
//! let labels = Labels { title: "Training", x: "epoch", y: "loss (nats per datum)" };
//! let epochs = array![1.0, 2.0, 3.0];
//! let losses = array![2.3, 1.1, 0.9];
//! let series = [Curve { name: "training", x: epochs.view(), y: losses.view() }];
//! let figure = curves(&labels, &series, Scale::Linear)?;
//! assert!(figure.svg().starts_with("<svg"));
//! # Ok(()) }
//! ```

mod axes;
mod calibration;
mod canvas;
mod curves;
mod error;
mod format;
mod heat_map;
mod images;
mod intervals;
mod legend;
mod panels;
mod png;
mod reliability;
mod scatter;
mod square;
mod style;
#[cfg(test)]
mod testing;

pub use axes::{Labels, Scale, Scales};
pub use calibration::calibration_curve;
pub use canvas::Figure;
pub use curves::{Curve, curves};
pub use error::PlotError;
pub use format::Format;
pub use heat_map::{Grid, HeatMap, heat_map};
pub use images::{ImageRow, images};
pub use intervals::{Intervals, prediction_intervals};
pub use panels::{Content, Panel, panels};
pub use reliability::reliability_curve;
pub use scatter::scatter;
