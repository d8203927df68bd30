//! A bijection of the channels of each pixel, the same for all of them.
//!
//! Of an image of p pixels with c channels each, `x_i = f(z_i)` for the c numbers of pixel i;
//! `log |det ∂x/∂z| = Σ_i log |det ∂f/∂z_i|`, over the pixels of a row. Channels stand side by side, the last axis fastest, as in
//! [`Split::channels`](super::Split::channels) and [`Permutation::squeeze`](super::Permutation::squeeze).
//!
//! With f an [`LuLinear`](super::LuLinear) it is Glow's invertible 1×1 convolution (Kingma and Dhariwal 2018, section 3.2), of a matrix
//! W the log-determinant `p · log |det W|`; with an [`ActNorm`](super::ActNorm), Glow's scale and shift of each channel (section 3.1).

use super::check_width;
use crate::{Bijection, LogDet};
use evidence_autodiff::{Path, Real, Tree, Var};

/// A bijection of each pixel's channels, over `[n, pixels · channels]`.
#[derive(Clone, Debug)]
pub struct PerPixel<B> {
    /// f.
    pub inside: B,
    width: usize,
    channels: usize,
}

/// Columns that are no pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{width} columns are no pixels of {channels} channel(s): the number of channels must be at least one and divide that of columns"
)]
pub struct PerPixelError {
    /// Of the rows.
    pub width: usize,
    /// Of a pixel.
    pub channels: usize,
}

impl<B> PerPixel<B> {
    /// Of `width` columns, `inside` maps the first `channels`, the next so many, and so on.
    ///
    /// A step of Glow over 2×2 pixels of 4 channels, from base to data:
    ///
    /// ```
    /// use evidence_autodiff::{Array, Noise, Parameters, Tape};
    /// use evidence_layers::{ActNorm, AffineCoupling, AnyBijection, Bijection, Chain, LuLinear, PerPixel, Split};
    ///
    /// type P = Array<f64>;
    /// let noise = Noise::new(0);
    /// let channels: Chain<AnyBijection<P>> =
    ///     Chain(vec![LuLinear::random(4, noise).into(), ActNorm::new(4).into()]);
    /// let step: Chain<AnyBijection<P>> = Chain(vec![
    ///     AffineCoupling::new(16, Split::channels([4, 4], false), &[8], noise)?.into(),
    ///     PerPixel::new(channels, 16, 4)?.into(),
    /// ]);
    /// let tape = Tape::new();
    /// let (z, log_det) = step.bind(&tape).inverse(tape.filled(&[5, 16], 0.5));
    /// assert!(z.shape() == [5, 16] && log_det.value().shape() == [5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are no channels, or their number does not divide that of columns.
    pub fn new(inside: B, width: usize, channels: usize) -> Result<Self, PerPixelError> {
        if channels > 0 && width.is_multiple_of(channels) {
            Ok(Self { inside, width, channels })
        } else {
            Err(PerPixelError { width, channels })
        }
    }

    /// Each pixel of rows `[n, pixels · channels]` as a row of its own, `[n · pixels, channels]`.
    #[track_caller]
    pub(super) fn pixels<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        check_width("PerPixel", self.width, x);
        x.reshape(&[x.size(0) * (self.width / self.channels), self.channels])
    }

    #[track_caller]
    fn apply<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
        map: impl FnOnce(&B, Var<'t, T>, Option<Var<'t, T>>) -> (Var<'t, T>, LogDet<'t, T>),
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        let (z, pixels) = (self.pixels(x), self.width / self.channels);
        // A row's context is that of each of its pixels.
        let context = context.map(|context| {
            let (n, c) = (context.size(0), context.size(1));
            let each = context.reshape(&[n, 1, c]).broadcast_to(&[n, pixels, c]);
            each.reshape(&[n * pixels, c])
        });
        let (y, log_det) = map(&self.inside, z, context);
        let log_det = log_det.value().reshape(&[x.size(0), pixels]).sum(-1);
        (y.reshape(x.shape()), LogDet::new(log_det))
    }
}

impl<P, B: Tree<P>> Tree<P> for PerPixel<B> {
    type With<Q> = PerPixel<B::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        let Self { inside, width, channels } = self;
        PerPixel { inside: inside.map(path, f), width: *width, channels: *channels }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { inside, width: _, channels: _ } = self;
        inside.leaves_mut(out);
    }
}

impl<'t, T: Real, B: Bijection<'t, T>> Bijection<'t, T> for PerPixel<B> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.forward_given(z, None)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.inverse_given(x, None)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(z, context, B::forward_given)
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(x, context, B::inverse_given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, AffineCoupling, Columns, LuLinear, Permutation, Split};
    use evidence_autodiff::{Array, Noise, Parameters, Tape};
    use ndarray::{ArrayD, arr2};

    fn normal(shape: &[usize], noise: Noise) -> ArrayD<f64> {
        let mut array = ArrayD::zeros(shape);
        noise.fill_normal_f64(array.as_slice_mut().unwrap());
        array
    }

    /// The same tree, all parameters far from 0.
    fn drawn<B: Tree<Array<f64>, With<Array<f64>> = B>>(tree: &B) -> B {
        let mut leaf = 0;
        tree.map(&Path::root(), &mut |_, old: &Array<f64>| {
            leaf += 1;
            normal(old.shape(), Noise::new(5).stream(leaf)).into_shared()
        })
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-11 * expected.abs().max(1.0),
                "{found} {expected}"
            );
        }
    }

    #[test]
    fn a_convolution_treats_pixels_alike_and_has_the_log_det_of_its_matrix_for_each() {
        let (pixels, channels) = (6, 3);
        let matrix = drawn(&LuLinear::random(channels, Noise::new(0)));
        let log_det_of_matrix = matrix.log_scale.sum();
        let convolution = PerPixel::new(matrix, pixels * channels, channels).unwrap();
        let places = [4, 0, 5, 1, 3, 2].map(|pixel| [0, 1, 2].map(|c| pixel * channels + c));
        let moved = Permutation::new(places.concat()).unwrap();
        let tape = Tape::new();
        let bound = convolution.bind_constant(&tape);
        let z = tape.constant(normal(&[5, pixels * channels], Noise::new(1)));
        let (x, log_det) = bound.forward(z);
        let (expected, found) = (moved.forward(x).0, bound.forward(moved.forward(z).0).0);
        close(found.data(), expected.data());
        close(log_det.value().data(), &[pixels as f64 * log_det_of_matrix; 5]);
        let (_, back) = bound.inverse(x);
        close(back.value().data(), &[-(pixels as f64) * log_det_of_matrix; 5]);
        // A pixel alone, without an image.
        let (first, _) = bound.inside.forward(z.slice(1, ..channels));
        close(x.slice(1, ..channels).data(), first.data());
    }

    #[test]
    fn a_pixel_is_given_the_context_of_its_row() {
        let columns = Columns { width: 2, context: 1 };
        let noise = Noise::new(2);
        let coupling = AffineCoupling::with(Affine::default(), columns, Split::First, &[8], noise);
        let per_pixel = PerPixel::new(drawn(&coupling.unwrap()), 6, 2).unwrap();
        let tape = Tape::new();
        let bound = per_pixel.bind_constant(&tape);
        let x = tape.constant(normal(&[2, 6], Noise::new(3)));
        let context = tape.constant(arr2(&[[-1.5], [0.5]]));
        let (z, log_det) = bound.inverse_given(x, Some(context));
        for row in 0..2 {
            let mut total = 0.0;
            for pixel in 0..3 {
                let alone = x.slice(0, row..=row).slice(1, 2 * pixel..2 * pixel + 2);
                let given = context.slice(0, row..=row);
                let (expected, log_det) = bound.inside.inverse_given(alone, Some(given));
                close(&z.data()[6 * row + 2 * pixel..][..2], expected.data());
                total += log_det.value().item();
            }
            close(&log_det.value().data()[row..=row], &[total]);
        }
    }

    #[test]
    fn columns_that_are_no_pixels_are_refused() {
        for (width, channels) in [(16, 3), (2, 4), (4, 0), (0, 0)] {
            let error = PerPixel::new(Permutation::reversed(2), width, channels).unwrap_err();
            assert_eq!(error, PerPixelError { width, channels });
            let reason = format!("{width} columns are no pixels of {channels} channel(s)");
            assert!(error.to_string().contains(&reason), "{error}");
        }
    }

    /// Twice as many pixels would be an image of another size, not an error of the bijection inside.
    #[test]
    #[should_panic(expected = "PerPixel: [3, 8] does not have rows of 4 columns")]
    fn rows_of_another_width_are_refused() {
        let tape = Tape::<f64>::new();
        let _ = PerPixel::new(Permutation::reversed(2), 4, 2)
            .unwrap()
            .forward(tape.filled(&[3, 8], 0.0));
    }

    /// A model is saved by the paths of its leaves.
    #[test]
    fn its_leaves_are_those_of_the_bijection_inside() {
        let matrix = LuLinear::<Array<f64>>::random(2, Noise::new(0));
        let paths = |named: Vec<(String, Array<f64>)>| -> Vec<String> {
            named.into_iter().map(|(path, _)| path).collect()
        };
        let expected = paths(matrix.named());
        assert_eq!(paths(PerPixel::new(matrix, 6, 2).unwrap().named()), expected);
    }
}
