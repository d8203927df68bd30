//! Deep ensembles: networks trained from different first weights, predictions their equal mixture (Lakshminarayanan and others 2017, eq. 3).

use crate::{DenseNetwork, Mixture};
use evidence_autodiff::{Array, Real};
use ndarray::ArrayView2;

/// The equal mixture of what each member predicts, each with the noise that it learned.
///
/// # Panics
/// If there are no members, or their likelihoods are of classes or differ.
#[must_use]
#[track_caller]
pub fn ensemble<T: Real>(members: &[DenseNetwork<Array<T>>], inputs: ArrayView2<'_, T>) -> Mixture {
    let parts: Vec<Mixture> = members.iter().map(|member| member.predictive(inputs)).collect();
    Mixture::together(&parts)
}
