//! The bijections, one file each: formula and log-determinant first.
//!
//! [`Coupling`] and [`Autoregressive`] say which columns decide about which; a [`Transform`] ([`Additive`], [`Affine`], [`Spline`]) says
//! what is done to a column. The others stand alone. [`Chain`] puts them one behind the other, [`Inverse`] turns one round,
//! [`Part`] applies one to some of the columns, [`PerPixel`] one to the channels of each pixel, and [`AnyBijection`] lets different ones
//! stand in one chain.

/// A tree without leaves: configuration only.
macro_rules! leafless {
    ($type:ty) => {
        impl<P> evidence_autodiff::Tree<P> for $type {
            type With<Q> = Self;

            fn map<Q>(
                &self,
                _: &evidence_autodiff::Path<'_>,
                _: &mut dyn FnMut(&evidence_autodiff::Path<'_>, &P) -> Q,
            ) -> Self {
                self.clone()
            }

            fn leaves_mut<'a>(&'a mut self, _: &mut Vec<&'a mut P>) {}
        }
    };
}

use evidence_autodiff::{Real, Var};

mod actnorm;
mod additive;
mod affine;
mod any;
mod autoregressive;
mod chain;
mod checks;
mod columnwise;
mod coupling;
mod examine;
mod inverse;
mod leaky_relu;
mod linear;
mod made;
mod part;
mod per_pixel;
mod permutation;
mod places;
mod planar;
mod radial;
mod reversible;
mod scale_shift;
mod sigmoid;
mod softplus;
mod spline;
mod split;
mod tanh;
mod transform;

pub use actnorm::{ActNorm, ActNormError};
pub use additive::Additive;
pub use affine::Affine;
pub use any::AnyBijection;
pub use autoregressive::{Autoregressive, Direction};
pub use chain::Chain;
pub(crate) use checks::checks;
pub use coupling::{AdditiveCoupling, AffineCoupling, Coupling, CouplingError, SplineCoupling};
pub use examine::{Conditioning, examine, examine_given};
pub use inverse::Inverse;
pub use leaky_relu::LeakyRelu;
pub use linear::LuLinear;
pub use made::{Columns, Made, MadeError};
pub use part::Part;
pub use per_pixel::{PerPixel, PerPixelError};
pub use permutation::{Permutation, PermutationError};
pub use planar::Planar;
pub use radial::Radial;
pub use reversible::Reversible;
pub use scale_shift::ScaleShift;
pub use sigmoid::{Sigmoid, SigmoidError};
pub use softplus::Softplus;
pub use spline::{Spline, SplineError};
pub use split::Split;
pub use tanh::Tanh;
pub use transform::Transform;

/// Rows of another width would be broadcast or cut, and get a density all the same.
#[track_caller]
fn check_width<T: Real>(name: &str, width: usize, rows: Var<'_, T>) {
    assert!(
        rows.shape().last() == Some(&width),
        "{name}: {rows} does not have rows of {width} columns"
    );
}
