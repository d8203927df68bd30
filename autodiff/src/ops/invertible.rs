//! A chain of invertible stages that keeps nothing in between: y = fₙ(… f₁(x)), and the sum of the stages' log-determinants.
//!
//! The backward pass has y. Stage by stage it finds the input by inversion, `x = f⁻¹(y)`, evaluates the stage once more to record it, and
//! pulls the cotangents back: memory for one stage, whatever their number, and the time of two more passes (Gomez and others 2017,
//! *The reversible residual network*, section 3).
//!
//! Inverting rounds, and a badly conditioned stage may lose all digits. So a [`Guard`] measures how far the points found are from the
//! true ones, stage by stage and at the chain's beginning, whose input is kept; where that is more than its tolerance, the gradients found
//! are thrown away and computed from recorded stages instead.

use crate::check::{Check, Input};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Tape, Var};
use crate::tensor::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Invertible functions of rows, one behind the other, with parameters of their own.
pub trait Stages<T: Real>: 'static {
    /// How many there are.
    fn count(&self) -> usize;

    /// How many parameters a stage takes; the stages take them in order.
    fn parameters(&self, stage: usize) -> usize;

    /// The stage's value for rows `[n, d]`, of the same shape, and a number for each row, `[n]`, to be summed over the stages.
    fn apply<'a>(
        &self,
        stage: usize,
        x: Var<'a, T>,
        parameters: &[Var<'a, T>],
    ) -> (Var<'a, T>, Var<'a, T>);

    /// The rows that the stage maps to y.
    fn invert<'a>(&self, stage: usize, y: Var<'a, T>, parameters: &[Var<'a, T>]) -> Var<'a, T>;
}

/// How far recomputed points may be from the true ones, and how far they were.
#[derive(Debug)]
pub struct Guard {
    tolerance: f64,
    /// Bits of the worst error: those of positive numbers are ordered as they are.
    worst: AtomicU64,
    fallbacks: AtomicUsize,
}

impl Guard {
    /// Errors are relative to the point, where that is beyond 1.
    pub fn new(tolerance: f64) -> Self {
        Self { tolerance, worst: AtomicU64::new(0), fallbacks: AtomicUsize::new(0) }
    }

    /// The largest error that passes.
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// The worst error measured so far; infinite if it was NaN.
    pub fn worst(&self) -> f64 {
        f64::from_bits(self.worst.load(Ordering::Relaxed))
    }

    /// How many backward passes were done again from recorded stages.
    pub fn fallbacks(&self) -> usize {
        self.fallbacks.load(Ordering::Relaxed)
    }

    /// Whether the error passes.
    fn admits(&self, error: f64) -> bool {
        self.worst.fetch_max(error.to_bits(), Ordering::Relaxed);
        let passes = error <= self.tolerance;
        if !passes {
            self.fallbacks.fetch_add(1, Ordering::Relaxed);
        }
        passes
    }
}

struct Invertible<S> {
    stages: S,
    guard: Arc<Guard>,
}

/// The worst difference, relative where points are beyond 1; infinite for NaN.
fn apart<T: Real>(found: &[T], truth: &[T]) -> f64 {
    found.iter().zip(truth).fold(0.0, |worst: f64, (&found, &truth)| {
        let error = (found - truth).abs().to_f64() / truth.abs().to_f64().max(1.0);
        if error.is_nan() { f64::INFINITY } else { worst.max(error) }
    })
}

/// Columns of `[n, d + 1]`: the rows, and the number behind each.
fn parted<T: Real>(both: &Tensor<T>, like: &Tape<T>) -> (Tensor<T>, Tensor<T>) {
    let (n, d) = (both.shape()[0], both.shape()[1] - 1);
    let (mut rows, mut numbers) = (like.tensor(&[n, d]), like.tensor(&[n]));
    for (i, row) in both.data().chunks_exact(d + 1).enumerate() {
        rows.data_mut()[i * d..(i + 1) * d].copy_from_slice(&row[..d]);
        numbers.data_mut()[i] = row[d];
    }
    (rows, numbers)
}

impl<S> Invertible<S> {
    /// Gradients of the input and of every parameter that needs one, from recorded stages.
    fn recorded<T: Real>(
        &self,
        saved: Saved<'_, T>,
        (dy, dl): (&Tensor<T>, &Tensor<T>),
        dx: &mut Sink<'_, T>,
    ) where
        S: Stages<T>,
    {
        let (inner, inputs) = (saved.inner_tape(), saved.input_vars());
        let leaves = inner.import(&inputs, |i| dx.needs(i));
        let (mut x, mut total, mut first) = (leaves[0], inner.filled(&[dl.shape()[0]], 0.0), 1);
        for stage in 0..self.stages.count() {
            let next = first + self.stages.parameters(stage);
            let (y, l) = self.stages.apply(stage, x, &leaves[first..next]);
            (x, total, first) = (y, total + l, next);
        }
        let weighed = weigh(&inner, (x, dy), (total, dl));
        let mut gradients = weighed.backward();
        for (i, &leaf) in leaves.iter().enumerate() {
            if dx.needs(i) && first_of_its_name(&inputs, i) {
                dx.add(i, gradients.take(leaf));
            }
        }
    }
}

/// An input that is there twice is one leaf, whose whole gradient goes to the first.
fn first_of_its_name<T: Real>(inputs: &[Var<'_, T>], i: usize) -> bool {
    inputs[..i].iter().all(|earlier| earlier.id != inputs[i].id)
}

/// The scalar whose gradient is the pulled back cotangent.
fn weigh<'a, T: Real>(
    tape: &'a Tape<T>,
    (y, dy): (Var<'a, T>, &Tensor<T>),
    (l, dl): (Var<'a, T>, &Tensor<T>),
) -> Var<'a, T> {
    (y * tape.batch(dy.view())).sum(..) + (l * tape.batch(dl.view())).sum(..)
}

impl<T: Real, S: Stages<T>> Op<T> for Invertible<S> {
    fn name(&self) -> &'static str {
        "invertible"
    }

    fn vjp(&self, saved: Saved<'_, T>, dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let inputs = saved.input_vars();
        let outer = inputs[0].tape();
        let (dy, dl) = parted(&dy, outer);
        let mut output = outer.tensor(saved.shape());
        output.data_mut().copy_from_slice(saved.output());
        let (mut y, _) = parted(&output, outer);
        drop(output);
        let mut error = 0.0_f64;
        let mut found: Vec<(usize, Tensor<T>)> = Vec::new();
        let mut cotangent = dx.copy(&dy);
        let mut last = inputs.len();
        for stage in (0..self.stages.count()).rev() {
            let first = last - self.stages.parameters(stage);
            let own = &inputs[first..last];
            let x = {
                let inner = saved.inner_tape();
                let x = {
                    let parameters = inner.import(own, |_| false);
                    self.stages.invert(stage, inner.batch(y.view()), &parameters).id
                };
                outer.adopt(inner, x)
            };
            let (inner, data) = (saved.inner_tape(), saved.inner_tape());
            let x_leaf = inner.import(&[data.batch(x.view())], |_| true)[0];
            let parameters = inner.import(own, |i| dx.needs(first + i));
            let (again, l) = self.stages.apply(stage, x_leaf, &parameters);
            error = error.max(apart(again.data(), y.data()));
            let mut gradients = weigh(&inner, (again, &cotangent), (l, &dl)).backward();
            for i in 0..own.len() {
                if dx.needs(first + i) && first_of_its_name(own, i) {
                    found.push((first + i, gradients.take(parameters[i])));
                }
            }
            cotangent = gradients.take(x_leaf);
            (y, last) = (x, first);
        }
        error = error.max(apart(y.data(), saved.input(0)));
        if self.guard.admits(error) {
            dx.add(0, cotangent);
            found.into_iter().for_each(|(i, gradient)| dx.add(i, gradient));
        } else {
            drop(found);
            self.recorded(saved, (&dy, &dl), dx);
        }
    }
}

impl<T: Real> Tape<T> {
    /// The value of stages at rows x `[n, d]`, and the sum of the numbers they give for each row, `[n]`, keeping nothing in between:
    /// the backward pass recomputes by inversion, under a guard.
    ///
    /// # Panics
    /// If an input is on another tape, the stages take another number of parameters, or one changes the shape.
    #[track_caller]
    pub fn invertible<'t, S: Stages<T>>(
        &'t self,
        x: Var<'t, T>,
        parameters: &[Var<'t, T>],
        stages: S,
        guard: &Arc<Guard>,
    ) -> (Var<'t, T>, Var<'t, T>) {
        let &[n, d] = x.shape() else { panic!("invertible: {x} has not rows and columns") };
        let taken: usize = (0..stages.count()).map(|stage| stages.parameters(stage)).sum();
        assert!(
            taken == parameters.len(),
            "invertible: {} parameters for stages that take {taken}",
            parameters.len()
        );
        let mut rows = self.tensor(&[n, d]);
        rows.data_mut().copy_from_slice(x.data());
        let mut total = self.tensor(&[n]);
        total.fill(T::zero());
        let mut first = 0;
        for stage in 0..stages.count() {
            let next = first + stages.parameters(stage);
            let inner = self.inner();
            let y = {
                let own = inner.import(&parameters[first..next], |_| false);
                let (y, l) = stages.apply(stage, inner.batch(rows.view()), &own);
                assert!(
                    y.shape() == [n, d] && l.shape() == [n],
                    "invertible: stage {stage} made {y} and {l} of {x}"
                );
                total.data_mut().iter_mut().zip(l.data()).for_each(|(sum, &l)| *sum += l);
                y.id
            };
            rows = self.adopt(inner, y);
            first = next;
        }
        let mut both = self.tensor(&[n, d + 1]);
        for (i, row) in both.data_mut().chunks_exact_mut(d + 1).enumerate() {
            row[..d].copy_from_slice(&rows.data()[i * d..(i + 1) * d]);
            row[d] = total.data()[i];
        }
        let inputs: Vec<Var<'t, T>> = [x].into_iter().chain(parameters.iter().copied()).collect();
        let both = self.record(Invertible { stages, guard: guard.clone() }, &inputs, both);
        (both.slice(1, ..d), both.slice(1, d..).reshape(&[n]))
    }
}

/// For the check table and the tests: each stage scales by eᵖ and shifts; its number is Σ p.
struct Scales(usize);

impl<T: Real> Stages<T> for Scales {
    fn count(&self) -> usize {
        self.0
    }
    fn parameters(&self, _: usize) -> usize {
        2
    }
    fn apply<'a>(&self, _: usize, x: Var<'a, T>, p: &[Var<'a, T>]) -> (Var<'a, T>, Var<'a, T>) {
        (x.coupling_affine(p[0], p[1]), p[0].sum(..).broadcast_to(&[x.size(0)]))
    }
    fn invert<'a>(&self, _: usize, y: Var<'a, T>, p: &[Var<'a, T>]) -> Var<'a, T> {
        y.coupling_affine_inverse(p[0], p[1])
    }
}

pub(super) fn checks() -> Vec<Check> {
    let inputs = || {
        let mut inputs = vec![Input::any(&[3, 2])];
        inputs.extend((0..6).map(|_| Input::any(&[2])));
        inputs
    };
    vec![
        Check::gradient("invertible", inputs(), crate::function!(|x, a, b, c, d, e, f| {
            let guard = Arc::new(Guard::new(1e-3));
            let (y, l) = x.tape().invertible(x, &[a, b, c, d, e, f], Scales(3), &guard);
            y.square().sum(-1) + l.square()
        })),
        Check::gradient("invertible, fallen back", inputs(), crate::function!(|x, a, b, c, d, e, f| {
            let guard = Arc::new(Guard::new(-1.0));
            let (y, l) = x.tape().invertible(x, &[a, b, c, d, e, f], Scales(3), &guard);
            y.square().sum(-1) + l.square()
        })),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Guard, Scales};
    use crate::ops::composition::{numbers, panics};
    use crate::scalar::Real;
    use crate::tape::Tape;
    use std::sync::Arc;

    /// Ten stages of which the first half scales by e^−scale and the other by e^scale: with a large one, what the rows were is lost.
    fn ten_stages<T: Real>(tolerance: f64, scale: f64) -> (Vec<T>, Arc<Guard>) {
        let tape = Tape::<T>::new();
        let guard = Arc::new(Guard::new(tolerance));
        let x = tape.variable(numbers(&[4, 2]).mapv(T::from_f64));
        let p: Vec<_> = (0..20)
            .map(|i| {
                let sign = if i < 10 { -scale } else { scale };
                tape.variable(numbers(&[2]).mapv(|x| T::from_f64(if i % 2 == 0 { sign } else { x })))
            })
            .collect();
        let (y, l) = tape.invertible(x, &p, Scales(10), &guard);
        let gradients = (y.square().sum(-1) + l).sum(..).backward();
        let of = |v| gradients.get(v).expect("it counts").iter().copied().collect::<Vec<_>>();
        (std::iter::once(x).chain(p).flat_map(of).collect(), guard)
    }

    #[test]
    fn a_guard_measures_and_falls_back() {
        let (mild, guard) = ten_stages::<f64>(1e-4, 0.1);
        assert!(guard.fallbacks() == 0 && guard.worst() > 0.0 && guard.worst() < 1e-13, "{guard:?}");
        let (exact, guard) = ten_stages::<f64>(-1.0, 0.1);
        assert_eq!(guard.fallbacks(), 1);
        for (a, b) in mild.iter().zip(&exact) {
            assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}");
        }
        let (found, guard) = ten_stages::<f32>(1e-4, 8.0);
        assert!(guard.fallbacks() == 1 && guard.worst() > 1e-4, "{guard:?}");
        assert_eq!(found, ten_stages::<f32>(-1.0, 8.0).0);
    }

    #[test]
    fn memory_does_not_grow_with_the_stages() {
        let bytes = |stages: usize| {
            let tape = Tape::<f64>::new();
            let guard = Arc::new(Guard::new(1e-6));
            let x = tape.variable(numbers(&[4000, 2]));
            let p: Vec<_> = (0..2 * stages).map(|_| tape.variable(numbers(&[2]) * 0.1)).collect();
            let (y, l) = tape.invertible(x, &p, Scales(stages), &guard);
            drop((y.square().sum(-1) + l).sum(..).backward());
            assert_eq!(guard.fallbacks(), 0);
            tape.allocated_bytes()
        };
        assert!(bytes(200) as f64 <= 1.2 * bytes(5) as f64, "{} and {}", bytes(200), bytes(5));
    }

    #[test]
    fn parameters_that_are_too_many_are_refused() {
        let tape = Tape::<f64>::new();
        let (x, p) = (tape.filled(&[2, 2], 0.0), tape.filled(&[2], 0.0));
        let guard = Arc::new(Guard::new(1e-6));
        panics("3 parameters for stages that take 4", || tape.invertible(x, &[p, p, p], Scales(2), &guard));
    }
}
