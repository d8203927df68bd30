//! What an optimiser remembers from step to step: how many there were, and N − 1 arrays for each parameter.
//!
//! Arrays are kept in the order of the tree's leaves and named `slot.path`, as in `first_moment.encoder.0.weight`.
//! They are made at the first step. From then on parameters and state change in place: no array is allocated or
//! copied as long as nobody else holds it, and one that somebody holds is left to them unchanged.

use crate::error::{Mismatch, OptimError};
use crate::rule::{Rule, update};
use evidence_autodiff::{Array, Path, Real, Tensor, Tree};
use ndarray::arr1;
use std::array::from_fn;
use std::collections::BTreeMap;

/// The name under which the step count is saved.
const STEPS: &str = "steps";
/// The step count is saved as two digits in this base, each exact in an `f32`.
const BASE: u64 = 1 << 24;

/// The state of an optimiser. An optimiser of your own holds one: see [`Optimizer`](crate::Optimizer).
#[derive(Clone, Debug)]
pub struct Memory<T> {
    /// Names of the numbers kept for each coordinate.
    slots: &'static [&'static str],
    steps: u64,
    factor: f64,
    /// Paths of the parameters; none before the first step.
    paths: Vec<String>,
    /// All slots of the first parameter, then all of the second.
    arrays: Vec<Array<T>>,
}

impl<T: Real> Memory<T> {
    /// Nothing yet, with names for the state that is to come.
    pub fn new(slots: &'static [&'static str]) -> Self {
        Self { slots, steps: 0, factor: 1.0, paths: Vec::new(), arrays: Vec::new() }
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What the learning rate is multiplied by.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// See [`Optimizer::set_factor`](crate::Optimizer::set_factor).
    #[track_caller]
    pub(crate) fn set_factor(&mut self, factor: f64) {
        assert!(
            factor >= 0.0 && factor.is_finite(),
            "a learning rate factor of {factor}: a schedule returns finite numbers from 0 up"
        );
        self.factor = factor;
    }

    /// One step: applies `rule` to every coordinate of every parameter, in one pass over the memory.
    ///
    /// # Panics
    /// When the trees differ in leaves or shapes, from each other or from those of the first step, and
    /// when `rule` does not keep as many numbers as there are names. Nothing is changed then.
    #[track_caller]
    pub fn update<M: Tree<Array<T>>, R: Rule<T, N>, const N: usize>(
        &mut self,
        rule: R,
        parameters: &mut M,
        gradients: &mut M::With<Tensor<T>>,
    ) {
        let slots = self.slots.len();
        assert!(N == slots + 1, "a rule of {N} numbers for a parameter and {slots} slots");
        if self.paths.is_empty() {
            self.begin(parameters);
        }
        let (mut leaves, mut slopes) = (Vec::new(), Vec::new());
        parameters.leaves_mut(&mut leaves);
        gradients.leaves_mut(&mut slopes);
        self.check(&leaves, &slopes);
        self.steps += 1;
        let mut state = self.arrays.iter_mut();
        let leaves = leaves.into_iter().zip(slopes).map(|(leaf, slope)| {
            let mut leaf = Some(leaf);
            let values = from_fn(|_| {
                elements(leaf.take().or_else(|| state.next()).expect("N - 1 slots for each leaf"))
            });
            (slope.data(), values)
        });
        update(rule, leaves);
    }

    /// Zeros for every slot of every parameter.
    fn begin<M: Tree<Array<T>>>(&mut self, parameters: &M) {
        parameters.map(&Path::root(), &mut |path, leaf| {
            self.paths.push(path.to_string());
            self.arrays.extend(self.slots.iter().map(|_| Array::zeros(leaf.shape())));
        });
    }

    #[track_caller]
    fn check(&self, leaves: &[&mut Array<T>], slopes: &[&mut Tensor<T>]) {
        let counts = [leaves.len(), slopes.len(), self.paths.len()];
        assert!(
            counts.iter().all(|&count| count == counts[0]),
            "{} parameters and {} gradients, for an optimiser that began with {} parameters",
            counts[0],
            counts[1],
            counts[2]
        );
        for (i, path) in self.paths.iter().enumerate() {
            let (leaf, slope) = (leaves[i].shape(), slopes[i].shape());
            assert!(leaf == slope, "`{path}` has shape {leaf:?}, its gradient {slope:?}");
            // Without slots there is nothing that a new shape could fail to fit.
            let began = self.arrays.get(i * self.slots.len()).map_or(leaf, |state| state.shape());
            assert!(
                self.slots.is_empty() || leaf == began,
                "`{path}` has shape {leaf:?}, but had {began:?} when the optimiser began with it"
            );
        }
    }

    /// The name of an array of [`arrays`](Self::arrays).
    fn name(&self, index: usize) -> String {
        let (path, slot) =
            (&self.paths[index / self.slots.len()], self.slots[index % self.slots.len()]);
        // The path of a tree that is a single leaf prints as nothing.
        if path.is_empty() { slot.to_string() } else { format!("{slot}.{path}") }
    }

    /// See [`Optimizer::state`](crate::Optimizer::state).
    pub(crate) fn state(&self) -> Vec<(String, Array<T>)> {
        let digits = [self.steps % BASE, self.steps / BASE].map(|d| T::from_f64(d as f64));
        let steps = (STEPS.to_string(), arr1(&digits).into_dyn().into_shared());
        let arrays = self.arrays.iter().enumerate().map(|(i, array)| (self.name(i), array.clone()));
        std::iter::once(steps).chain(arrays).collect()
    }

    /// See [`Optimizer::load_state`](crate::Optimizer::load_state).
    pub(crate) fn load<M: Tree<Array<T>>>(
        &mut self,
        state: Vec<(String, Array<T>)>,
        parameters: &M,
    ) -> Result<(), OptimError> {
        let mut mismatch = Mismatch::default();
        let mut saved = BTreeMap::new();
        for (name, array) in state {
            if saved.insert(name.clone(), array).is_some() {
                mismatch.surplus.push(name);
            }
        }
        let mut loaded = Self { factor: self.factor, ..Self::new(self.slots) };
        match saved.remove(STEPS) {
            Some(digits) => loaded.steps = count(&digits)?,
            None => mismatch.missing.push(STEPS.to_string()),
        }
        // Before the first step there is no state but the count.
        if loaded.steps > 0 || !saved.is_empty() {
            loaded.begin(parameters);
        }
        for index in 0..loaded.arrays.len() {
            let name = loaded.name(index);
            let expected = &mut loaded.arrays[index];
            match saved.remove(&name) {
                None => mismatch.missing.push(name),
                Some(found) if found.shape() != expected.shape() => {
                    let shapes = (found.shape().to_vec(), expected.shape().to_vec());
                    mismatch.misshapen.push((name, shapes.0, shapes.1));
                }
                Some(found) => *expected = found,
            }
        }
        mismatch.surplus.extend(saved.into_keys());
        if !mismatch.is_empty() {
            return Err(OptimError::State(mismatch));
        }
        *self = loaded;
        Ok(())
    }
}

/// The step count from its digits.
fn count<T: Real>(digits: &Array<T>) -> Result<u64, OptimError> {
    let digits: Vec<f64> = digits.iter().map(|digit| digit.to_f64()).collect();
    let whole = |d: f64| d.fract() == 0.0 && (0.0..BASE as f64).contains(&d);
    match digits[..] {
        [low, high] if whole(low) && whole(high) => Ok(low as u64 + high as u64 * BASE),
        _ => Err(OptimError::Steps),
    }
}

/// The elements of an array, to be changed in place: copied first if somebody else holds them.
fn elements<T: Real>(array: &mut Array<T>) -> &mut [T] {
    if !array.is_standard_layout() {
        // A transposed or strided view, from a user or a file: stored anew, once.
        *array = array.as_standard_layout().into_owned().into_shared();
    }
    array.as_slice_mut().expect("in standard layout")
}
