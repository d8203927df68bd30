//! Any of the bijections: for chains of different ones, and for kinds that are known when the program runs.
//!
//! It adds nothing of its own: paths of parameters, formulas and log-determinants are those of the bijection inside.

use super::{
    ActNorm, ActNormError, AdditiveCoupling, Affine, AffineCoupling, Autoregressive, Chain,
    Inverse, LeakyRelu, LuLinear, Part, PerPixel, Permutation, Planar, Radial, Reversible,
    ScaleShift, Sigmoid, Softplus, Spline, SplineCoupling, Tanh,
};
use crate::{Bijection, LogDet};
use evidence_autodiff::{Array, Parameters, Path, Real, Tape, Tree, Var};
use ndarray::{Array2, ArrayView2};

macro_rules! any {
    ($($(#[$doc:meta])* $variant:ident($type:ty)),* $(,)?) => {
        /// One of the bijections of this crate; each turns into it by `From`.
        ///
        /// ```
        /// use evidence_autodiff::{Array, Noise};
        /// use evidence_layers::{ActNorm, AnyBijection, Chain, Planar, SplineCoupling, Spline, Split};
        ///
        /// let noise = Noise::new(0);
        /// let spline = SplineCoupling::with(Spline::new(8, 4.0)?, 2, Split::First, &[16], noise)?;
        /// let chain: Chain<AnyBijection<Array<f32>>> =
        ///     Chain(vec![Planar::new(2, noise).into(), spline.into(), ActNorm::new(2).into()]);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, Debug)]
        pub enum AnyBijection<P> {
            $($(#[$doc])* $variant($type),)*
        }

        $(impl<P> From<$type> for AnyBijection<P> {
            fn from(bijection: $type) -> Self {
                Self::$variant(bijection)
            }
        })*

        impl<P> Tree<P> for AnyBijection<P> {
            type With<Q> = AnyBijection<Q>;

            fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> AnyBijection<Q> {
                match self {
                    $(Self::$variant(bijection) => AnyBijection::$variant(bijection.map(path, f)),)*
                }
            }

            fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
                match self {
                    $(Self::$variant(bijection) => bijection.leaves_mut(out),)*
                }
            }
        }

        impl<'t, T: Real> Bijection<'t, T> for AnyBijection<Var<'t, T>> {
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
                match self {
                    $(Self::$variant(bijection) => bijection.forward_given(z, context),)*
                }
            }

            fn inverse_given(
                &self,
                x: Var<'t, T>,
                context: Option<Var<'t, T>>,
            ) -> (Var<'t, T>, LogDet<'t, T>) {
                match self {
                    $(Self::$variant(bijection) => bijection.inverse_given(x, context),)*
                }
            }
        }
    };
}

any! {
    /// A learned scale and shift that starts from data.
    ActNorm(ActNorm<P>),
    /// NICE.
    AdditiveCoupling(AdditiveCoupling<P>),
    /// RealNVP.
    AffineCoupling(AffineCoupling<P>),
    /// MAF or IAF.
    Autoregressive(Autoregressive<P, Affine>),
    /// MAF or IAF with splines.
    AutoregressiveSpline(Autoregressive<P, Spline>),
    /// A leaky rectifier.
    LeakyRelu(LeakyRelu),
    /// The logit: the sigmoid turned round.
    Logit(Inverse<Sigmoid>),
    /// An invertible matrix.
    LuLinear(LuLinear<P>),
    /// A chain over some of the columns.
    Part(Part<Chain<AnyBijection<P>>>),
    /// A chain over the channels of each pixel: of a matrix, a 1×1 convolution.
    PerPixel(PerPixel<Chain<AnyBijection<P>>>),
    /// Columns in another order.
    Permutation(Permutation),
    /// A planar flow.
    Planar(Planar<P>),
    /// A planar flow turned round: its density, not its draws, takes no search.
    InversePlanar(Inverse<Planar<P>>),
    /// A radial flow.
    Radial(Radial<P>),
    /// A chain that keeps no activations.
    Reversible(Reversible<P>),
    /// A learned scale and shift.
    ScaleShift(ScaleShift<P>),
    /// The logistic function.
    Sigmoid(Sigmoid),
    /// The softplus.
    Softplus(Softplus),
    /// A neural spline flow.
    SplineCoupling(SplineCoupling<P>),
    /// The hyperbolic tangent.
    Tanh(Tanh),
}

impl<B> Chain<B> {
    /// The same chain, its bijections as [`AnyBijection`]s.
    pub fn into_any<P>(self) -> Chain<AnyBijection<P>>
    where
        B: Into<AnyBijection<P>>,
    {
        Chain(self.0.into_iter().map(Into::into).collect())
    }
}

impl<T: Real> Chain<AnyBijection<Array<T>>> {
    /// Starts every [`ActNorm`] from data, those within a [`Part`], a [`PerPixel`] or a [`Reversible`] too: from the data's side to the
    /// base, each from what reaches it.
    ///
    /// # Errors
    /// If what reaches one gives no start.
    ///
    /// # Panics
    /// If the rows do not fit the bijections, or one needs a context.
    pub fn start(&mut self, rows: ArrayView2<'_, T>) -> Result<(), ActNormError> {
        let of = |rows: Var<'_, T>| -> Array2<T> {
            rows.value().to_owned().into_dimensionality().expect("[n, d]")
        };
        let mut rows = rows.to_owned();
        for bijection in self.0.iter_mut().rev() {
            let tape = Tape::new();
            let reached = tape.batch(rows.view());
            match bijection {
                AnyBijection::ActNorm(norm) => norm.start(rows.view())?,
                AnyBijection::Reversible(reversible) => reversible.chain.start(rows.view())?,
                AnyBijection::Part(part) => {
                    let mapped = of(part.mapped(reached));
                    part.inside.start(mapped.view())?;
                }
                AnyBijection::PerPixel(per_pixel) => {
                    let pixels = of(per_pixel.pixels(reached));
                    per_pixel.inside.start(pixels.view())?;
                }
                _ => {}
            }
            let (z, _) = bijection.bind_constant(&tape).inverse(reached);
            rows = of(z);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;
    use evidence_autodiff::Noise;
    use ndarray::Axis;

    #[test]
    fn every_actnorm_starts_from_what_reaches_it() {
        let noise = Noise::new(4);
        let mut rows = Array2::<f64>::zeros((300, 3));
        noise.fill_normal_f64(rows.as_slice_mut().unwrap());
        rows.mapv_inplace(|x| x.exp() * 5.0);
        let mut chain: Chain<AnyBijection<Array<f64>>> = Chain(vec![
            ActNorm::new(3).into(),
            AffineCoupling::new(3, Split::First, &[4], noise).unwrap().into(),
            LuLinear::random(3, noise).into(),
            ActNorm::new(3).into(),
            Softplus.into(),
        ]);
        chain.start(rows.view()).unwrap();
        for first in [0, 3] {
            let part = Chain(chain.0[first..].to_vec());
            let tape = Tape::new();
            let (z, _) = part.bind_constant(&tape).inverse(tape.constant(&rows));
            let z = z.value();
            assert!(z.mean_axis(Axis(0)).unwrap().iter().all(|mean| mean.abs() < 1e-10));
            assert!(
                z.std_axis(Axis(0), 0.0).iter().all(|deviation| (deviation - 1.0).abs() < 1e-10)
            );
        }
        // Inside of what holds a chain, too: what comes out of it is as good as what comes out of the last.
        let inside = |chain| AnyBijection::Reversible(Reversible::new(chain, 1e-9));
        let only: Chain<AnyBijection<Array<f64>>> = Chain(vec![ActNorm::new(2).into()]);
        let part = Part::new(Chain(vec![inside(only)]), 3, Split::First).unwrap();
        let mut chain: Chain<AnyBijection<Array<f64>>> = Chain(vec![part.into()]);
        chain.start(rows.view()).unwrap();
        let tape = Tape::new();
        let (z, _) = chain.bind_constant(&tape).inverse(tape.constant(&rows));
        let (means, deviations) =
            (z.value().mean_axis(Axis(0)).unwrap(), z.value().std_axis(Axis(0), 0.0));
        assert_eq!(z.value().index_axis(Axis(1), 0), rows.column(0).into_dyn());
        for column in 1..3 {
            assert!(means[[column]].abs() < 1e-10 && (deviations[[column]] - 1.0).abs() < 1e-10);
        }
    }

    #[test]
    fn an_actnorm_of_channels_starts_from_all_pixels() {
        let mut rows = Array2::<f64>::zeros((50, 6));
        Noise::new(4).fill_normal_f64(rows.as_slice_mut().unwrap());
        // Pixels differ in their means: it is over all of them that a channel has mean 0 and variance 1.
        let rows = rows * 3.0 + &Array2::from_shape_fn((1, 6), |(_, column)| column as f64);
        let channels: Chain<AnyBijection<Array<f64>>> = Chain(vec![ActNorm::new(2).into()]);
        let mut chain: Chain<AnyBijection<Array<f64>>> =
            Chain(vec![PerPixel::new(channels, 6, 2).unwrap().into()]);
        chain.start(rows.view()).unwrap();
        let tape = Tape::new();
        let (z, _) = chain.bind_constant(&tape).inverse(tape.constant(&rows));
        let z = z.reshape(&[150, 2]);
        assert!(z.mean(0).data().iter().all(|mean| mean.abs() < 1e-10));
        assert!(z.variance(0).data().iter().all(|variance| (variance - 1.0).abs() < 1e-10));
    }
}
