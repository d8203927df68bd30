//! Data in: tables, splits, standardisation, minibatches.
//!
//! Rows are samples, columns are variables, everything is stored as `f64`; a model's own scalar appears only
//! when a minibatch is gathered ([`RowBuffer`]).
//!
//! ```
//! use evidence_train::data::{Batches, RowBuffer, Split, Standardize, red_wine};
//! use ndarray_rand::rand::{SeedableRng, rngs::StdRng};
//!
//! let wine = red_wine();
//! let split = Split::by_fraction(wine.rows(), 0.8, 0.1, 0.1, &mut StdRng::seed_from_u64(1))?;
//!
//! // Means and scales come from the training rows alone.
//! let scaling = Standardize::fit(wine.features().view(), split.train())?;
//! let x = scaling.transform(wine.select(split.train())?.features().view());
//!
//! let mut batches = Batches::new(x.nrows(), 128)?;
//! let mut buffer = RowBuffer::<f32>::new();
//! let mut seen = 0;
//! for rows in batches.epoch(&mut StdRng::seed_from_u64(2)) {
//!     let batch = buffer.gather(x.view(), rows);
//!     seen += batch.shape()[0];
//! }
//! assert_eq!(seen, split.train().len());
//! # Ok::<(), evidence_train::data::DataError>(())
//! ```
//!
//! Where the truth is known ([`Density2d`]: [`TwoMoons`], [`EightGaussians`]), its log density and its
//! entropy, the negative log-likelihood that no model beats on average, are computed beside the samples.

mod batches;
mod dataset;
mod density;
mod drawn;
mod embedded;
mod error;
mod fingerprint;
mod frame;
mod images;
mod mixed;
mod moments;
mod parts;
mod quadrature;
mod read;
mod row_buffer;
mod scan;
mod schema;
mod source;
mod split;
mod standardize;
mod stream;
mod synthetic;
mod write;

pub use batches::Batches;
pub use dataset::{Dataset, Standardized};
pub use density::Density2d;
pub(crate) use drawn::Draws;
pub use drawn::{Draw, Drawn};
pub use embedded::{DIGITS_MAX, digits, red_wine};
pub use error::{DataError, Part, Table};
pub use frame::{Categories, Column, Frame};
pub use images::{ImagePart, Images, ImagesError, binarised};
pub use mixed::MixedBatches;
pub use read::{Chunks, Delimiter, Fault, Missing, Place, ReadError, ReadOptions, Wanted, read};
pub use row_buffer::RowBuffer;
pub use schema::{
    Applied, Encoding, Field, Prepared, Scaling, Schema, SchemaError, SchemaOptions, SplitOptions,
    TargetUse,
};
pub(crate) use source::{Minibatch, Shuffled, Source};
pub use split::Split;
pub use standardize::Standardize;
pub use stream::{Stream, StreamError, Streamed};
pub use synthetic::{
    EightGaussians, TwoMoons, checkerboard, eight_gaussians, pinwheel, two_moons, two_spirals,
};
pub use write::write_npz;
