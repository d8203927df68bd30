//! Layer normalisation: each row has its mean taken off and is divided by its deviation, `y = (x − μ) / √(σ² + ε) ∘ γ + β`.
//!
//! It knows of no other row and learns nothing but γ and β, so that training and evaluation are the same call.
//!
//! Source: Ba, Kiros and Hinton 2016, *Layer normalization*, eq. 3 and 4.

use evidence_autodiff::{Array, Keep, Path, Real, Tree, Var};
use ndarray::ArrayD;

/// What is added to a variance before its root, unless another number is set: PyTorch's.
pub(crate) const EPSILON: f64 = 1e-5;

/// Normalises each row over all that is in it: `[n, d]`, or `[n, h, w, c]` with h w c = d.
#[derive(Clone, Debug)]
pub struct LayerNorm<P> {
    /// γ, `[d]`; starts as ones.
    pub scale: P,
    /// β, `[d]`; starts as zeros.
    pub shift: P,
    /// ε, in the squared unit of x.
    pub epsilon: f64,
}

impl<T: Real> LayerNorm<Array<T>> {
    /// Of rows of so many numbers.
    pub fn new(width: usize) -> Self {
        Self { scale: filled(width, 1.0), shift: filled(width, 0.0), epsilon: EPSILON }
    }
}

/// So many times one number.
pub(crate) fn filled<T: Real>(width: usize, x: f64) -> Array<T> {
    ArrayD::from_elem(vec![width], T::from_f64(x)).into_shared()
}

impl<P> Tree<P> for LayerNorm<P> {
    type With<Q> = LayerNorm<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> LayerNorm<Q> {
        LayerNorm {
            scale: f(&path.field("scale"), &self.scale),
            shift: f(&path.field("shift"), &self.shift),
            epsilon: self.epsilon,
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { scale, shift, epsilon: _ } = self;
        out.extend([scale, shift]);
    }
}

impl<'t, T: Real> LayerNorm<Var<'t, T>> {
    /// The normalised rows, in the shape of x.
    ///
    /// # Panics
    /// If the rows of x have another number of numbers.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: Var<'t, T>) -> Var<'t, T> {
        let width = self.scale.size(0);
        assert!(
            x.shape().len() > 1 && x.shape()[1..].iter().product::<usize>() == width,
            "LayerNorm: {x} does not have rows of {width} numbers"
        );
        let rows = x.reshape(&[x.size(0), width]);
        let centred = rows - rows.mean(Keep(1));
        let deviation = (centred.square().mean(Keep(1)) + self.epsilon).sqrt();
        (centred / deviation * self.scale + self.shift).reshape(x.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Noise, Parameters, Tape};
    use ndarray::arr1;

    #[test]
    fn each_row_has_mean_0_and_variance_1() {
        let tape = Tape::<f64>::new();
        let x = tape.normal(&[5, 3, 4, 4], Noise::new(1)) * 7.0 + 300.0;
        let y = LayerNorm::new(48).bind(&tape).forward(x);
        assert_eq!(y.shape(), x.shape());
        let rows = y.reshape(&[5, 48]);
        assert!(rows.mean(1).data().iter().all(|mean| mean.abs() < 1e-12));
        // σ² / (σ² + ε), with σ² within a factor of two of 49.
        let off = EPSILON / 20.0;
        assert!(rows.variance(1).data().iter().all(|v| (v - 1.0).abs() < off));
        // What is learned comes behind: γ times that, and β beside it.
        let (gamma, beta) = (arr1(&[2.0, -3.0, 0.25]), arr1(&[0.5, 1.0, -4.0]));
        let mut norm = LayerNorm::new(3);
        let rows = tape.normal(&[4, 3], Noise::new(2));
        let plain = norm.bind(&tape).forward(rows).value().to_owned();
        norm.scale.assign(&gamma);
        norm.shift.assign(&beta);
        let learned = norm.bind(&tape).forward(rows).value().to_owned();
        let off = learned - (plain * &gamma + &beta);
        assert!(off.iter().all(|e| e.abs() < 1e-14), "{off}");
        // A row that does not vary has nothing but its shift.
        let flat = LayerNorm::new(3).bind(&tape).forward(tape.filled(&[2, 3], 4.0));
        assert!(flat.data().iter().all(|&y| y == 0.0));
    }
}
