//! A bijection of some columns; the others stay as they are, and join the base without being touched again.
//!
//! `x_b = f(z_b)`, `x_a = z_a`, `log |det ∂x/∂z| = log |det ∂f/∂z_b|`. Where data are large images it is what keeps flows affordable: the
//! multi-scale architecture of RealNVP (Dinh and others 2017, section 3.6) is a chain of parts, each inside the one before it. From
//! data to base, a level maps all columns that it has, [squeezes](super::Permutation::squeeze) the image and lets half of the channels
//! go; from the next one on, only the other half is mapped.

use super::places::Places;
use super::{CouplingError, Split};
use crate::{Bijection, LogDet};
use evidence_autodiff::{Path, Real, Tree, Var};

/// A bijection of the columns that a split leaves.
#[derive(Clone, Debug)]
pub struct Part<B> {
    /// f.
    pub inside: B,
    width: usize,
    places: Places,
}

impl<B> Part<B> {
    /// Of `width` columns, those that the split has condition stay; `inside` maps the others, in order.
    ///
    /// Two levels of an image of 4×4 pixels, from base to data:
    ///
    /// ```
    /// use evidence_autodiff::{Array, Noise, Parameters, Tape};
    /// use evidence_layers::{AffineCoupling, AnyBijection, Bijection, Chain, Part, Permutation, Split};
    ///
    /// type P = Array<f64>;
    /// let coupling = |width, split| AffineCoupling::<P>::new(width, split, &[8], Noise::new(0));
    /// // Of the squeezed image, 2×2 pixels of 4 channels, two channels stay and two are mapped further.
    /// let small: Chain<AnyBijection<P>> = Chain(vec![
    ///     coupling(8, Split::First)?.into(),
    ///     coupling(8, Split::Second)?.into(),
    /// ]);
    /// let levels: Chain<AnyBijection<P>> = Chain(vec![
    ///     Part::new(small, 16, Split::channels([4, 4], false))?.into(),
    ///     coupling(16, Split::channels([4, 4], false))?.into(),
    ///     Permutation::squeeze([4, 4, 1])?.into(),
    ///     coupling(16, Split::checkerboard([4, 4, 1], false))?.into(),
    /// ]);
    /// let tape = Tape::new();
    /// let (z, log_det) = levels.bind(&tape).inverse(tape.filled(&[5, 16], 0.5));
    /// assert!(z.shape() == [5, 16] && log_det.value().shape() == [5]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are fewer than two columns, or the split leaves none to map or none to stay.
    pub fn new(inside: B, width: usize, split: Split) -> Result<Self, CouplingError> {
        let (places, _) = Places::new(&split, width)?;
        Ok(Self { inside, width, places })
    }

    #[track_caller]
    fn apply<'t, T: Real>(
        &self,
        x: Var<'t, T>,
        map: impl FnOnce(&B, Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>),
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        super::check_width("Part", self.width, x);
        let (stay, x) = self.places.part(x);
        let (y, log_det) = map(&self.inside, x);
        (self.places.join(stay, y), log_det)
    }

    /// The columns that are mapped, of rows `[n, d]`.
    pub(super) fn mapped<'t, T: Real>(&self, x: Var<'t, T>) -> Var<'t, T> {
        self.places.part(x).1
    }
}

impl<P, B: Tree<P>> Tree<P> for Part<B> {
    type With<Q> = Part<B::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        let Self { inside, width, places } = self;
        Part { inside: inside.map(path, f), width: *width, places: places.clone() }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { inside, width: _, places: _ } = self;
        inside.leaves_mut(out);
    }
}

impl<'t, T: Real, B: Bijection<'t, T>> Bijection<'t, T> for Part<B> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(z, B::forward)
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(x, B::inverse)
    }

    fn forward_given(
        &self,
        z: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(z, |inside, z| inside.forward_given(z, context))
    }

    fn inverse_given(
        &self,
        x: Var<'t, T>,
        context: Option<Var<'t, T>>,
    ) -> (Var<'t, T>, LogDet<'t, T>) {
        self.apply(x, |inside, x| inside.inverse_given(x, context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Inverse, Permutation, Sigmoid};
    use evidence_autodiff::Tape;
    use ndarray::{Array2, arr2};

    #[test]
    fn what_stays_comes_out_to_the_bit_at_its_place() {
        let tape = Tape::<f64>::new();
        let x = arr2(&[[0.1, 0.2, 0.3, 0.4], [0.9, 0.8, 0.7, 0.6]]);
        for (split, stay) in [
            (Split::First, [0, 1]),
            (Split::Second, [2, 3]),
            (Split::Odd, [1, 3]),
            (Split::Mask([false, true, true, false].into()), [1, 2]),
        ] {
            let part = Part::new(Inverse(Sigmoid::default()), 4, split).unwrap();
            let (y, log_det) = part.forward(tape.constant(&x));
            for (row, x) in x.outer_iter().enumerate() {
                let mut expected = 0.0;
                for column in 0..4 {
                    let (x, y) = (x[column], y.data()[row * 4 + column]);
                    if stay.contains(&column) {
                        assert_eq!(x, y);
                    } else {
                        assert!((y - (x / (1.0 - x)).ln()).abs() < 1e-12, "column {column}");
                        expected -= (x * (1.0 - x)).ln();
                    }
                }
                assert!((log_det.value().data()[row] - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn parts_of_nothing_and_of_all_are_refused() {
        for (width, split, reason) in [
            (1, Split::First, "1 column(s)"),
            (4, Split::Mask([true; 4].into()), "4 of 4 columns condition"),
            (4, Split::Mask([false; 4].into()), "0 of 4 columns condition"),
            (4, Split::Mask([true; 3].into()), "a mask of 3 columns for rows of 4"),
        ] {
            let error = Part::new(Permutation::reversed(2), width, split).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    /// Where the numbers of an 8×8 image end, and that what was let go is not touched again.
    #[test]
    fn levels_let_go_of_half_of_their_channels_each() {
        let image = Array2::from_shape_fn((1, 64), |(_, at)| at as f64);
        let squeeze = Permutation::squeeze([8, 8, 1]).unwrap();
        let inner = Permutation::squeeze([4, 4, 2]).unwrap();
        let part = Part::new(inner, 64, Split::channels([16, 4], false)).unwrap();
        let tape = Tape::<f64>::new();
        let (squeezed, _) = squeeze.inverse(tape.constant(&image));
        let (z, log_det) = part.inverse(squeezed);
        assert_eq!(log_det.value().data(), [0.0]);
        let z = z.data();
        // Channels of the squeezed image are the four pixels of a block: the first two, its upper row, were let go.
        for block in 0..16 {
            let corner = (block / 4 * 16 + block % 4 * 2) as f64;
            assert_eq!(z[block * 4..block * 4 + 2], [corner, corner + 1.0]);
        }
        // The lower rows went on, and were squeezed again: 2×2 pixels of eight channels.
        let rest: Vec<f64> =
            (0..16).flat_map(|block| z[block * 4 + 2..block * 4 + 4].to_vec()).collect();
        assert_eq!(rest[..8], [8.0, 9.0, 10.0, 11.0, 24.0, 25.0, 26.0, 27.0]);
        let mut all = z.to_vec();
        all.sort_by(f64::total_cmp);
        assert!(all.iter().enumerate().all(|(i, &x)| x == i as f64));
    }
}
