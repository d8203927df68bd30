//! A model is a tree of its leaves.
//!
//! Structs are generic over their leaf `P`: stored as `Dense<Array<f32>>`, bound to a tape during a step as
//! `Dense<Var<'t, f32>>`, its gradient a `Dense<Tensor<f32>>`. Binding, counting, saving, an optimiser's moments and
//! gradients are all the same [`map`](Tree::map). There are no ids and no string-keyed store, and
//! a forgotten parameter does not compile: `map` ends in a struct literal, and `leaves_mut` opens with
//! `let Self { weight, bias } = self;`. That both give the same leaves in the same order the compiler does not see:
//! [`expect_one_order`] does, and whatever trains or loads a model asks it.

use crate::scalar::Real;
use crate::tape::{Gradients, Tape, Var};
use crate::tensor::{Array, Tensor};
use std::fmt;

/// A tree whose leaves are of type `P`.
pub trait Tree<P> {
    /// The same tree with leaves of another type.
    type With<Q>: Tree<Q>;

    /// A tree of the same shape, each leaf replaced by `f(path, leaf)`, in the order of declaration.
    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q>;

    /// Appends every leaf to `out`, in the order of [`map`](Tree::map).
    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>);
}

/// Refuses a tree whose two walks do not give the same leaves in the same order: parameters would be updated by the gradients of others.
///
/// # Panics
/// If `map` and `leaves_mut` differ.
#[track_caller]
pub fn expect_one_order<P, M: Tree<P>>(model: &mut M) {
    let mut mapped: Vec<*const P> = Vec::new();
    model.map(&Path::root(), &mut |_, leaf| mapped.push(leaf));
    let mut listed = Vec::new();
    model.leaves_mut(&mut listed);
    let listed: Vec<*const P> = listed.into_iter().map(|leaf| &raw const *leaf).collect();
    assert!(
        mapped == listed,
        "Tree of {}: `map` gives {} leaves, `leaves_mut` {}, or the same in another order; both must list every leaf as it is declared",
        std::any::type_name::<M>(),
        mapped.len(),
        listed.len()
    );
}

impl<P, M: Tree<P>> Tree<P> for Vec<M> {
    type With<Q> = Vec<M::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        self.iter().enumerate().map(|(i, child)| child.map(&path.index(i), f)).collect()
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        self.iter_mut().for_each(|child| child.leaves_mut(out));
    }
}

impl<P, M: Tree<P>> Tree<P> for Option<M> {
    type With<Q> = Option<M::With<Q>>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        self.as_ref().map(|child| child.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        if let Some(child) = self {
            child.leaves_mut(out);
        }
    }
}

/// Two trees of different types; the paths of their leaves begin with 0 and 1.
impl<P, A: Tree<P>, B: Tree<P>> Tree<P> for (A, B) {
    type With<Q> = (A::With<Q>, B::With<Q>);

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Self::With<Q> {
        let (a, b) = self;
        (a.map(&path.index(0), f), b.map(&path.index(1), f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let (a, b) = self;
        a.leaves_mut(out);
        b.leaves_mut(out);
    }
}

/// A tree that is a single leaf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf<P>(pub P);

impl<P> Tree<P> for Leaf<P> {
    type With<Q> = Leaf<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Leaf<Q> {
        Leaf(f(path, &self.0))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self(leaf) = self;
        out.push(leaf);
    }
}

/// What every tree of arrays can do.
pub trait Parameters<T: Real>: Tree<Array<T>> {
    /// Puts every leaf on the tape as a variable that gets a gradient, named by its path. Copies nothing.
    fn bind<'t>(&self, tape: &'t Tape<T>) -> Self::With<Var<'t, T>> {
        self.map(&Path::root(), &mut |path, leaf| tape.parameter(leaf, path))
    }

    /// Puts every leaf on the tape as a constant: for evaluation, where no gradient is wanted.
    fn bind_constant<'t>(&self, tape: &'t Tape<T>) -> Self::With<Var<'t, T>> {
        self.map(&Path::root(), &mut |_, leaf| tape.constant(leaf))
    }

    /// The number of scalar parameters.
    fn count(&self) -> usize {
        let mut count = 0;
        self.map(&Path::root(), &mut |_, leaf| count += leaf.len());
        count
    }

    /// Each leaf with its path as text, in order.
    fn named(&self) -> Vec<(String, Array<T>)> {
        let mut leaves = Vec::new();
        self.map(&Path::root(), &mut |path, leaf| leaves.push((path.to_string(), leaf.clone())));
        leaves
    }
}

impl<T: Real, M: Tree<Array<T>>> Parameters<T> for M {}

impl<'t, T: Real> Gradients<'t, T> {
    /// The gradients of a bound tree, as a tree of the same shape; zeros where the loss does not depend on a leaf.
    ///
    /// They are moved out and hold no borrow of the tape, so that the tape can be reset before the optimiser runs:
    /// then no one else holds the parameters, and they are updated in place.
    pub fn of<M: Tree<Var<'t, T>>>(&mut self, bound: &M) -> M::With<Tensor<T>> {
        bound.map(&Path::root(), &mut |_, var| self.take(*var))
    }

    /// The same for code that is generic over its model, where the compiler cannot see that a bound model's gradients
    /// have the shape of the model's.
    pub fn of_model<M: Tree<Array<T>>>(
        &mut self,
        model: &M,
        bound: &M::With<Var<'t, T>>,
    ) -> M::With<Tensor<T>> {
        let mut leaves = Vec::new();
        bound.map(&Path::root(), &mut |_, var| leaves.push(self.take(*var)));
        let mut next = leaves.into_iter();
        model.map(&Path::root(), &mut |_, _| next.next().expect("trees of one shape"))
    }
}

/// Where a leaf is in its tree: a stack of borrowed segments.
///
/// Binding happens every step and builds no strings; a path becomes text only when it is printed: `encoder.0.weight`.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The path of the tree itself; prints as nothing.
    pub fn root() -> Path<'static> {
        Path { parent: None, segment: Segment::Field("") }
    }

    /// The path of a field.
    pub fn field(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), segment: Segment::Field(name) }
    }

    /// The path of an element.
    pub fn index(&'a self, index: usize) -> Path<'a> {
        Path { parent: Some(self), segment: Segment::Index(index) }
    }

    /// Whether the path prints as `text`, found without building a string.
    pub(crate) fn is(&self, text: &str) -> bool {
        struct Compare<'s>(&'s str);
        impl fmt::Write for Compare<'_> {
            fn write_str(&mut self, part: &str) -> fmt::Result {
                self.0 = self.0.strip_prefix(part).ok_or(fmt::Error)?;
                Ok(())
            }
        }
        let mut rest = Compare(text);
        fmt::write(&mut rest, format_args!("{self}")).is_ok() && rest.0.is_empty()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        if parent.parent.is_some() {
            write!(f, "{parent}.")?;
        }
        match self.segment {
            Segment::Field(name) => f.write_str(name),
            Segment::Index(index) => write!(f, "{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two leaves, listed as they are mapped or not.
    struct Pair<P>([P; 2], [usize; 2], usize);

    impl<P> Tree<P> for Pair<P> {
        type With<Q> = Pair<Q>;

        fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Pair<Q> {
            let [a, b] = &self.0;
            Pair([f(&path.index(0), a), f(&path.index(1), b)], self.1, self.2)
        }

        fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
            let mut leaves = self.0.each_mut().map(Some);
            for &i in &self.1[..self.2] {
                out.extend(leaves[i].take());
            }
        }
    }

    #[test]
    fn walks_that_differ_are_refused() {
        expect_one_order(&mut Pair([1.0, 1.0], [0, 1], 2));
        for (order, listed) in [([1, 0], 2), ([0, 1], 1), ([1, 0], 1)] {
            let refused = std::panic::catch_unwind(|| {
                expect_one_order(&mut Pair([1.0, 1.0], order, listed));
            });
            let message = refused.expect_err("refused").downcast::<String>().expect("text");
            assert!(message.contains("Pair") && message.contains("`leaves_mut`"), "{message}");
        }
    }

    #[test]
    fn paths_print_and_compare() {
        let root = Path::root();
        let encoder = root.field("encoder");
        let first = encoder.index(10);
        let weight = first.field("weight");
        assert_eq!(weight.to_string(), "encoder.10.weight");
        assert!(weight.is("encoder.10.weight"));
        for other in ["encoder.10.weights", "encoder.10", "encoder.1.weight", ""] {
            assert!(!weight.is(other), "{other}");
        }
    }
}
