//! y = x; dx = dy · s, with factors s that are told after y was used: what reparametrising a gradient twice takes.
//!
//! The factors of an importance weighted bound are weights that follow from y itself; only the backward pass needs them, and by then they
//! are known.

use evidence_autodiff::{Op, Real, Saved, Sink, Tensor, Var};
use std::cell::OnceCell;
use std::rc::Rc;

/// Where the factors are told.
pub(crate) struct Factors<T>(Rc<OnceCell<Tensor<T>>>);

struct Weighed<T>(Rc<OnceCell<Tensor<T>>>);

impl<T: Real> Op<T> for Weighed<T> {
    fn name(&self) -> &'static str {
        "weighed"
    }

    fn vjp(&self, _: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let factors = self.0.get().expect("factors are told before the backward pass").data();
        let width = dy.data().len() / factors.len().max(1);
        for (row, &factor) in dy.data_mut().chunks_mut(width.max(1)).zip(factors) {
            row.iter_mut().for_each(|d| *d *= factor);
        }
        dx.add(0, dy);
    }
}

/// The same values `[.., d]`, and the place to tell a factor `[..]` of each row's cotangent.
pub(crate) fn weighed<T: Real>(x: Var<'_, T>) -> (Var<'_, T>, Factors<T>) {
    let cell = Rc::new(OnceCell::new());
    let mut y = x.tape().tensor(x.shape());
    y.data_mut().copy_from_slice(x.data());
    (x.tape().record(Weighed(cell.clone()), &[x], y), Factors(cell))
}

impl<T: Real> Factors<T> {
    /// Tells the factors, one for each row.
    pub(crate) fn tell(self, factors: Var<'_, T>) {
        let mut told = factors.tape().tensor(factors.shape());
        told.data_mut().copy_from_slice(factors.data());
        // Nobody else could have told them: this is the only teller.
        let _ = self.0.set(told);
    }
}
