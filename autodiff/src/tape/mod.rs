//! The tape: an append-only arena of nodes, a `Copy` handle to each, and the backward pass.
//!
//! Every op appends one node with its value, so that node numbers are a topological order and the backward pass
//! is a walk from the last to the first. A node's address never changes, so `value()` can hand out views that live
//! as long as the tape's borrow, with no guards; [`Tape::reset`] takes `&mut self`, so it compiles only
//! when no handle is alive, and a stale handle is a compile error.

mod anomaly;
mod backward;
mod graph;
mod inner;
mod op;
mod var;

pub use anomaly::{Anomaly, Pass};
pub use backward::{Gradients, Sink};
pub use graph::{Graph, GraphNode};
pub use op::{Op, Saved};
pub use var::Var;

use crate::kernels::noise::Noise;
use crate::pool::{Buffer, Pool};
use crate::scalar::Real;
use crate::shape::{self, Shape};
use crate::tensor::{Array, IntoArray, Tensor};
use crate::tree::Path;
use elsa::FrozenVec;
use ndarray::{ArcArray1, ArrayView, Dimension};
use op::Leaf;
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The number of a node on its tape.
pub(crate) type NodeId = u32;

/// The nodes that a node was computed from.
type Inputs = SmallVec<[NodeId; 4]>;

/// Where a node's elements are.
enum Storage<T> {
    /// Computed here.
    Owned(Buffer<T>),
    /// A leaf: someone else's array, counted. As one axis, whose elements are found without a look at any other; the node has the shape.
    Shared(ArcArray1<T>),
    /// The same elements as another node's, under another shape.
    Alias(NodeId),
}

struct Node<T: Real> {
    op: Box<dyn Op<T>>,
    inputs: Inputs,
    shape: Shape,
    storage: Storage<T>,
    needs_gradient: bool,
    name: RefCell<Option<Rc<str>>>,
}

/// Records what is computed with [`Var`]s, so that [`Var::backward`] can differentiate it.
///
/// One tape serves a whole training run: [`reset`](Tape::reset) it after every step and the next step finds all
/// its memory in the pool. A tape belongs to one thread; the kernels under its ops use many.
pub struct Tape<T: Real> {
    nodes: FrozenVec<Box<Node<T>>>,
    /// Emptied nodes, to be filled again.
    #[expect(
        clippy::vec_box,
        reason = "the boxes are what is kept: they go back into the arena as they are"
    )]
    spare: RefCell<Vec<Box<Node<T>>>>,
    pool: Rc<Pool<T>>,
    /// The backward pass's table of cotangents, kept between passes.
    table: RefCell<Vec<Option<Tensor<T>>>>,
    /// Names of parameters by order of binding: the same from step to step, so that binding builds no strings.
    names: RefCell<Vec<Rc<str>>>,
    bound: Cell<usize>,
    watching: Cell<bool>,
    anomaly: RefCell<Option<Anomaly>>,
}

impl<T: Real> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> std::fmt::Debug for Tape<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tape with {} nodes", self.len())
    }
}

impl<T: Real> Tape<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Self::with_pool(Rc::default())
    }

    /// An empty tape that shares another's memory.
    pub(crate) fn with_pool(pool: Rc<Pool<T>>) -> Self {
        Self {
            nodes: FrozenVec::new(),
            spare: RefCell::default(),
            pool,
            table: RefCell::default(),
            names: RefCell::default(),
            bound: Cell::new(0),
            watching: Cell::new(false),
            anomaly: RefCell::default(),
        }
    }

    /// The number of nodes recorded so far.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything recorded and keeps the memory for the next step. Compiles only when no [`Var`] is alive.
    ///
    /// ```compile_fail
    /// # use evidence_autodiff::Tape;
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.scalar(1.0);
    /// tape.reset();
    /// println!("{:?}", x.value());
    /// ```
    pub fn reset(&mut self) {
        let spare = self.spare.get_mut();
        for mut node in self.nodes.as_mut().drain(..) {
            node.op = Box::new(Leaf);
            node.storage = Storage::Alias(NodeId::MAX);
            spare.push(node);
        }
        self.bound.set(0);
        self.anomaly.replace(None);
    }

    /// An input that gets a gradient.
    pub fn variable(&self, array: impl IntoArray<T>) -> Var<'_, T> {
        self.leaf(array.into_array(), true, None)
    }

    /// An input that gets no gradient: data, targets, fixed numbers.
    pub fn constant(&self, array: impl IntoArray<T>) -> Var<'_, T> {
        self.leaf(array.into_array(), false, None)
    }

    /// A constant copied into the tape's own memory: for minibatches, which then cost no allocation.
    pub fn batch<D: Dimension>(&self, view: ArrayView<'_, T, D>) -> Var<'_, T> {
        let mut tensor = self.tensor(view.shape());
        tensor.view_mut().assign(&view.into_dyn());
        self.push(Box::new(Leaf), Inputs::new(), tensor, false)
    }

    /// A constant without axes.
    pub fn scalar(&self, x: f64) -> Var<'_, T> {
        self.filled(&[], x)
    }

    /// A constant with every element the same.
    pub fn filled(&self, shape: &[usize], x: f64) -> Var<'_, T> {
        let mut tensor = self.tensor(shape);
        tensor.fill(T::from_f64(x));
        self.push(Box::new(Leaf), Inputs::new(), tensor, false)
    }

    /// A constant of standard normal draws: element i is draw i of the stream, on any number of threads.
    pub fn normal(&self, shape: &[usize], noise: Noise) -> Var<'_, T> {
        let mut tensor = self.tensor(shape);
        T::fill_normal(noise, 0, tensor.data_mut());
        self.push(Box::new(Leaf), Inputs::new(), tensor, false)
    }

    /// An input that gets a gradient, named by its place in its model. See
    /// [`Parameters::bind`](crate::Parameters::bind).
    pub fn parameter(&self, array: &Array<T>, path: &Path<'_>) -> Var<'_, T> {
        let order = self.bound.get();
        self.bound.set(order + 1);
        let mut names = self.names.borrow_mut();
        if names.get(order).is_none_or(|name| !path.is(name)) {
            names.truncate(order);
            names.push(path.to_string().into());
        }
        self.leaf(array.clone(), true, Some(names[order].clone()))
    }

    /// A tape whose memory holds NaN until it is written: fresh memory is zeros, and an op that adds to what it should have set would
    /// pass a check on them.
    pub(crate) fn poisoned() -> Self {
        let tape = Self::new();
        tape.pool.fill(T::from_f64(f64::NAN));
        tape
    }

    /// Memory for a result of the given shape, with unspecified contents. For writing ops.
    #[inline]
    pub fn tensor(&self, shape: &[usize]) -> Tensor<T> {
        Tensor::new(&self.pool, shape)
    }

    /// Bytes this tape has taken from the heap for its values, cotangents and gradients so far.
    ///
    /// It stands still once a training loop has met its shapes.
    pub fn allocated_bytes(&self) -> usize {
        self.pool.allocated_bytes()
    }

    /// Records the result of an op: `value` was computed from `inputs`, and `op` knows how to go back.
    ///
    /// # Panics
    /// If an input belongs to another tape.
    #[track_caller]
    #[inline]
    pub fn record<'t>(
        &'t self,
        op: impl Op<T>,
        inputs: &[Var<'t, T>],
        value: Tensor<T>,
    ) -> Var<'t, T> {
        let mut ids = Inputs::new();
        let mut needs_gradient = false;
        for input in inputs {
            ids.push(self.own(*input, op.name()));
            needs_gradient |= self.node(input.id).needs_gradient;
        }
        self.push(Box::new(op), ids, value, needs_gradient)
    }

    /// Records the result of an op through which no gradient flows, whatever its inputs.
    ///
    /// # Panics
    /// If an input belongs to another tape.
    #[track_caller]
    pub(crate) fn record_constant<'t>(
        &'t self,
        op: impl Op<T>,
        inputs: &[Var<'t, T>],
        value: Tensor<T>,
    ) -> Var<'t, T> {
        let ids: Inputs = inputs.iter().map(|input| self.own(*input, op.name())).collect();
        self.push(Box::new(op), ids, value, false)
    }

    /// Records a node that has the elements of `input` under another shape of the same volume.
    pub(crate) fn record_alias<'t>(
        &'t self,
        op: impl Op<T>,
        input: Var<'t, T>,
        shape: &[usize],
    ) -> Var<'t, T> {
        let source = self.node(input.id);
        let root = if let Storage::Alias(root) = source.storage { root } else { input.id };
        let needs_gradient = source.needs_gradient;
        let inputs = Inputs::from_slice(&[input.id]);
        let shape = shape::copy(shape);
        self.push_node(Box::new(op), inputs, shape, Storage::Alias(root), needs_gradient, None)
    }

    /// The number of a variable's node.
    ///
    /// # Panics
    /// If the variable belongs to another tape.
    #[track_caller]
    #[inline]
    pub(crate) fn own(&self, var: Var<'_, T>, op: &str) -> NodeId {
        assert!(
            std::ptr::eq(self, var.tape),
            "{op}: its arguments are on different tapes; build one expression on one tape"
        );
        var.id
    }

    fn leaf(&self, array: Array<T>, needs_gradient: bool, name: Option<Rc<str>>) -> Var<'_, T> {
        let array = if array.is_standard_layout() {
            array
        } else {
            array.as_standard_layout().into_owned().into_shared()
        };
        let (shape, len) = (shape::copy(array.shape()), array.len());
        let elements = array.into_shape_with_order(len).expect("in order, so of any shape");
        self.push_node(
            Box::new(Leaf),
            Inputs::new(),
            shape,
            Storage::Shared(elements),
            needs_gradient,
            name,
        )
    }

    #[inline]
    fn push(
        &self,
        op: Box<dyn Op<T>>,
        inputs: Inputs,
        value: Tensor<T>,
        needs_gradient: bool,
    ) -> Var<'_, T> {
        let (shape, buffer) = value.into_parts();
        self.push_node(op, inputs, shape, Storage::Owned(buffer), needs_gradient, None)
    }

    fn push_node(
        &self,
        op: Box<dyn Op<T>>,
        inputs: Inputs,
        shape: Shape,
        storage: Storage<T>,
        needs_gradient: bool,
        name: Option<Rc<str>>,
    ) -> Var<'_, T> {
        let name = RefCell::new(name);
        let node = match self.spare.borrow_mut().pop() {
            // Field by field, into its place: a whole node would be built elsewhere and copied by a call.
            Some(mut spare) => {
                spare.op = op;
                spare.inputs = inputs;
                spare.shape = shape;
                spare.storage = storage;
                spare.needs_gradient = needs_gradient;
                spare.name = name;
                spare
            }
            None => Box::new(Node { op, inputs, shape, storage, needs_gradient, name }),
        };
        let id = self.nodes.len() as NodeId;
        self.nodes.push(node);
        if self.watching.get() {
            self.watch_forward(id);
        }
        Var { tape: self, id }
    }

    #[inline(always)]
    fn node(&self, id: NodeId) -> &Node<T> {
        &self.nodes[id as usize]
    }

    /// A node's elements.
    #[inline]
    fn data(&self, id: NodeId) -> &[T] {
        match &self.node(id).storage {
            Storage::Owned(buffer) => buffer,
            Storage::Shared(array) => array.as_slice().expect("leaves are made contiguous"),
            Storage::Alias(root) => self.root_data(*root),
        }
    }

    /// The elements of a node that is no alias.
    #[inline(never)]
    fn root_data(&self, id: NodeId) -> &[T] {
        self.data(id)
    }
}
