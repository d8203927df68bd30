//! Laws of the tape: what is shared, what is reused, what a mistake says.

use evidence_autodiff::check::{hessian, hessian_vector_product, jacobian, jvp, vjp};
use evidence_autodiff::{Noise, Parameters, Pass, Path, Real, Tape, Tree, function};
use ndarray::{ArrayD, arr1, arr2};

/// What a panic says.
fn message(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(work).expect_err("it should panic");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()))
        .unwrap()
}

#[test]
fn a_variable_used_twice_gets_both_contributions() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(arr1(&[2.0, -3.0]));
    let gradients = (x * x + x).sum(..).backward();
    assert_eq!(gradients.get(x).unwrap().as_slice().unwrap(), [5.0, -5.0]);
}

#[test]
fn constants_and_unused_variables_get_no_gradient() {
    let tape = Tape::<f64>::new();
    let (x, c, unused) = (
        tape.variable(arr1(&[1.0])),
        tape.constant(arr1(&[4.0])),
        tape.variable(arr1(&[9.0, 9.0])),
    );
    let mut gradients = (x * c).sum(..).backward();
    assert!(gradients.get(c).is_none());
    assert!(gradients.get(unused).is_none());
    assert_eq!(gradients.take(unused).data(), [0.0, 0.0]);
    assert_eq!(gradients.take(x).data(), [4.0]);
}

#[test]
fn a_variable_made_behind_the_loss_has_no_gradient() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(arr1(&[1.0]));
    let mut gradients = x.sum(..).backward();
    let late = tape.variable(arr1(&[1.0]));
    assert_eq!(gradients.take(late).data(), [0.0]);
}

#[test]
fn two_backward_passes_over_one_tape_do_not_mix() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(arr1(&[3.0]));
    let y = (x * x).sum(..);
    let first = y.backward().take(x).to_array();
    let second = y.backward().take(x).to_array();
    assert_eq!(first, second);
}

#[test]
fn leaves_are_shared_and_not_copied() {
    let array = ArrayD::<f64>::zeros(vec![100]).into_shared();
    let tape = Tape::new();
    let x = tape.variable(&array);
    assert_eq!(x.data().as_ptr(), array.as_ptr());
}

#[test]
fn transposed_and_strided_leaves_are_read_in_order() {
    let a = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let tape = Tape::<f64>::new();
    assert_eq!(tape.constant(a.t()).data(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(tape.batch(a.t()).data(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(tape.constant(a.t()).shape(), [3, 2]);
}

#[test]
fn from_the_second_step_on_the_pool_meets_every_request() {
    let mut tape = Tape::<f32>::new();
    let x = ArrayD::<f32>::from_elem(vec![64, 100], 0.1).into_shared();
    let w = ArrayD::<f32>::from_elem(vec![100, 50], 0.1).into_shared();
    let mut allocated = Vec::new();
    for _ in 0..4 {
        {
            let w = tape.variable(&w);
            let y = tape.batch(x.view()).matmul(w).tanh();
            drop((y * y + y).sum(..).backward().take(w));
        }
        tape.reset();
        allocated.push(tape.allocated_bytes());
    }
    assert!(allocated[0] > 0);
    assert!(allocated.iter().all(|&bytes| bytes == allocated[0]), "{allocated:?}");
}

#[test]
fn gradients_outlive_a_reset() {
    let mut tape = Tape::<f64>::new();
    let gradient = {
        let x = tape.variable(arr1(&[2.0]));
        (x * x).sum(..).backward().take(x)
    };
    tape.reset();
    let y = tape.variable(arr1(&[7.0])).exp();
    assert!(y.data()[0] > 1.0);
    assert_eq!(gradient.data(), [4.0]);
}

#[test]
fn mistakes_name_the_op_both_shapes_and_the_variables() {
    let shapes = message(|| {
        let tape = Tape::<f64>::new();
        let x = tape.constant(arr2(&[[1.0, 2.0]])).named("x");
        let w = tape.variable(arr2(&[[1.0], [2.0], [3.0]])).named("net.0.weight");
        let _ = x.matmul(w);
    });
    for part in ["matmul", "[1, 2] \"x\"", "[3, 1] \"net.0.weight\""] {
        assert!(shapes.contains(part), "{shapes}");
    }
    let broadcast = message(|| {
        let tape = Tape::<f64>::new();
        let _ =
            tape.constant(arr1(&[1.0, 2.0])) + tape.constant(arr1(&[1.0, 2.0, 3.0])).named("bias");
    });
    for part in ["add", "[2]", "[3] \"bias\""] {
        assert!(broadcast.contains(part), "{broadcast}");
    }
    let tapes = message(|| {
        let (one, other) = (Tape::<f64>::new(), Tape::<f64>::new());
        let _ = one.scalar(1.0) * other.scalar(1.0);
    });
    assert!(tapes.contains("mul") && tapes.contains("different tapes"), "{tapes}");
    let vector = message(|| {
        let tape = Tape::<f64>::new();
        let _ = tape.variable(arr1(&[1.0, 2.0])).named("z").backward();
    });
    assert!(vector.contains("[2] \"z\" is not a single number"), "{vector}");
    let cotangent = message(|| {
        let tape = Tape::<f64>::new();
        let _ = tape.variable(arr1(&[1.0, 2.0])).vjp(arr1(&[1.0]));
    });
    assert!(cotangent.contains("[1]") && cotangent.contains("[2]"), "{cotangent}");
    let elsewhere = message(|| {
        let (one, other) = (Tape::<f64>::new(), Tape::<f64>::new());
        let [a, b] = [&one, &other].map(|tape| tape.variable(arr1(&[1.0, 2.0])));
        let _ = (a * a).sum(..).backward().get(b).is_some();
    });
    assert!(elsewhere.contains("gradient") && elsewhere.contains("different tapes"), "{elsewhere}");
    for take in [false, true] {
        let computed = message(move || {
            let tape = Tape::<f64>::new();
            let x = tape.variable(arr1(&[1.0, 2.0]));
            let hidden = x.tanh().named("hidden");
            let mut gradients = hidden.sum(..).backward();
            // Variables have theirs, constants none.
            let constant = tape.constant(arr1(&[3.0])).exp();
            assert!(gradients.get(x).is_some() && gradients.get(constant).is_none());
            let _ = if take {
                gradients.take(hidden).data()[0]
            } else {
                gradients.get(hidden).unwrap()[0]
            };
        });
        assert!(computed.contains("\"hidden\" was computed"), "{computed}");
    }
    let axis = message(|| {
        let tape = Tape::<f64>::new();
        let _ = tape.variable(arr1(&[1.0, 2.0])).sum(1);
    });
    assert!(axis.contains("sum") && axis.contains("axis 1") && axis.contains("[2]"), "{axis}");
}

#[test]
fn a_panic_points_at_the_callers_line() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let seen = place.clone();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let location = info.location().expect("a location");
        *seen.lock().unwrap() = location.file().to_owned();
    }));
    let _ = std::panic::catch_unwind(|| {
        let tape = Tape::<f64>::new();
        let _ = tape.constant(arr1(&[1.0, 2.0])) * tape.constant(arr1(&[1.0, 2.0, 3.0]));
    });
    std::panic::set_hook(before);
    assert!(place.lock().unwrap().ends_with("tests/tape.rs"), "{}", place.lock().unwrap());
}

/// Lanes of some length, and none of them.
#[test]
fn reductions_over_no_lanes_give_nothing() {
    let tape = Tape::<f64>::new();
    for (shape, axis, left) in
        [([3, 0, 2], 0, [0, 2]), ([2, 3, 0], 1, [2, 0]), ([0, 3, 2], 1, [0, 2])]
    {
        let x = tape.variable(ArrayD::zeros(shape.to_vec()));
        for y in [x.sum(axis), x.mean(axis), x.logsumexp(axis), x.max(axis), x.variance(axis)] {
            assert_eq!(y.shape(), left, "{shape:?}");
            assert!(y.sum(..).backward().take(x).data().is_empty());
        }
        for y in [x.softmax(axis), x.log_softmax(axis), x.cumsum(axis)] {
            assert_eq!(y.shape(), shape);
            assert!(y.sum(..).backward().take(x).data().is_empty());
        }
    }
}

#[test]
fn empty_arrays_flow_through() {
    let tape = Tape::<f64>::new();
    let x = tape.variable(ArrayD::zeros(vec![0, 3]));
    let w = tape.variable(ArrayD::ones(vec![3, 2]));
    let y = (x.matmul(w) + tape.constant(arr1(&[1.0, 2.0]))).exp();
    assert_eq!(y.shape(), [0, 2]);
    let mut gradients = y.sum(..).backward();
    assert_eq!(gradients.take(w).data(), [0.0; 6]);
    assert_eq!(gradients.take(x).shape(), [0, 3]);
}

#[derive(Clone, Debug)]
struct Pair<P> {
    left: P,
    right: Vec<evidence_autodiff::Leaf<P>>,
}

impl<P> Tree<P> for Pair<P> {
    type With<Q> = Pair<Q>;
    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Pair<Q> {
        Pair {
            left: f(&path.field("left"), &self.left),
            right: self.right.map(&path.field("right"), f),
        }
    }
    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { left, right } = self;
        out.push(left);
        right.leaves_mut(out);
    }
}

#[test]
fn trees_bind_by_path_and_get_gradients_of_their_shape() {
    let leaf = |x: f64| arr1(&[x]).into_dyn().into_shared();
    let pair = Pair {
        left: leaf(2.0),
        right: vec![evidence_autodiff::Leaf(leaf(3.0)), evidence_autodiff::Leaf(leaf(4.0))],
    };
    let names: Vec<String> = pair.named().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["left", "right.0", "right.1"]);
    assert_eq!(pair.count(), 3);
    let mut tape = Tape::new();
    for _ in 0..2 {
        {
            let bound = pair.bind(&tape);
            assert_eq!(bound.right[1].0.name().as_deref(), Some("right.1"));
            let gradient = (bound.left * bound.right[0].0).sum(..).backward().of(&bound);
            assert_eq!(gradient.left.data(), [3.0]);
            assert_eq!(gradient.right[0].0.data(), [2.0]);
            assert_eq!(gradient.right[1].0.data(), [0.0]);
        }
        tape.reset();
    }
    assert!(!pair.bind_constant(&tape).left.needs_gradient());
}

#[test]
fn anomaly_mode_names_the_op_that_came_first() {
    let tape = Tape::<f64>::new();
    tape.watch_anomalies(true);
    let x = tape.variable(arr1(&[1.0, -1.0])).named("variance");
    let _ = (x.ln() * tape.scalar(0.0)).exp().sum(..);
    let found = tape.anomaly().unwrap();
    assert_eq!((found.op, found.pass, found.element), ("ln", Pass::Forward, 1));
    assert_eq!(found.variable.as_deref(), Some("variance"));
    let text = found.to_string();
    for part in ["forward", "ln", "variance", "NaN"] {
        assert!(text.contains(part), "{text}");
    }

    // √x at 0: the value is finite, its derivative is not.
    let tape = Tape::<f64>::new();
    tape.watch_anomalies(true);
    let x = tape.variable(arr1(&[4.0, 0.0])).named("distance");
    let y = x.sqrt().sum(..);
    assert_eq!(tape.anomaly(), None);
    drop(y.backward());
    let found = tape.anomaly().unwrap();
    assert_eq!((found.op, found.pass, found.element), ("sqrt", Pass::Backward, 1));
    assert_eq!(found.variable.as_deref(), Some("distance"));

    // A leaf that is not finite is its own first cause.
    let tape = Tape::<f64>::new();
    tape.watch_anomalies(true);
    let _ = tape.variable(arr1(&[f64::INFINITY])).exp();
    assert_eq!(tape.anomaly().unwrap().op, "leaf");
}

#[test]
fn the_graph_has_ops_shapes_bytes_and_names() {
    let tape = Tape::<f32>::new();
    let x = tape.constant(ArrayD::<f32>::zeros(vec![5, 3]));
    let w = tape.variable(ArrayD::<f32>::zeros(vec![3, 2])).named("w");
    let _ = x.matmul(w).reshape(&[10]).sum(..);
    let graph = tape.graph();
    let ops: Vec<&str> = graph.nodes.iter().map(|node| node.op.as_str()).collect();
    assert_eq!(ops, ["leaf", "leaf", "matmul", "reshape", "sum"]);
    assert_eq!(graph.nodes[2].inputs, [0, 1]);
    assert_eq!((graph.nodes[2].shape.as_slice(), graph.nodes[2].bytes), ([5, 2].as_slice(), 40));
    assert_eq!(graph.nodes[3].bytes, 0, "a reshape shares its argument's memory");
    assert!(!graph.nodes[0].needs_gradient && graph.nodes[1].needs_gradient);
    let read: evidence_autodiff::Graph = serde_json::from_str(&graph.to_json()).unwrap();
    assert_eq!(read, graph);
    let dot = graph.to_dot();
    for part in ["digraph", "n0 -> n2;", "n1 -> n2;", "w\\n[3, 2], 24 B"] {
        assert!(dot.contains(part), "{dot}");
    }
}

#[test]
fn jacobians_of_both_modes_agree() {
    let f = function!(|x, w| x.matmul(w).exp());
    let x = arr2(&[[0.1, -0.2, 0.3], [0.5, 0.4, -0.6]]).into_dyn();
    let w = arr2(&[[0.7, -0.1], [0.2, 0.3], [-0.4, 0.9]]).into_dyn();
    let inputs = [x, w];
    for of in 0..2 {
        let rows = jacobian(&f, &inputs, of);
        assert_eq!(rows.dim(), (4, inputs[of].len()));
        for (column, direction) in rows.columns().into_iter().zip(units(&inputs, of)) {
            let (_, forward) = jvp(&f, &inputs, &direction);
            approx::assert_abs_diff_eq!(
                column.to_vec()[..],
                forward.iter().copied().collect::<Vec<_>>()[..],
                epsilon = 1e-14
            );
        }
        let (_, row_sums) = vjp(&f, &inputs, &ArrayD::ones(vec![2, 2]));
        let sums = rows.sum_axis(ndarray::Axis(0));
        assert!(sums.iter().zip(&row_sums[of]).all(|(a, b)| (a - b).abs() < 1e-14));
    }
}

fn units(inputs: &[ArrayD<f64>], of: usize) -> Vec<Vec<ArrayD<f64>>> {
    let unit = |element: usize| {
        let mut all: Vec<ArrayD<f64>> =
            inputs.iter().map(|input| ArrayD::zeros(input.raw_dim())).collect();
        all[of].as_slice_mut().unwrap()[element] = 1.0;
        all
    };
    (0..inputs[of].len()).map(unit).collect()
}

#[test]
fn hessians_of_known_functions() {
    // ½ xᵀ A x has Hessian (A + Aᵀ)/2.
    let quadratic = function!(|x, a| (x.matmul(a) * x).sum(..) * 0.5);
    let x = arr2(&[[0.3, -1.2]]).into_dyn();
    let a = arr2(&[[2.0, 1.0], [5.0, -4.0]]).into_dyn();
    let h = hessian(&quadratic, &[x.clone(), a.clone()], 0);
    assert!((&h - &arr2(&[[2.0, 3.0], [3.0, -4.0]])).iter().all(|e| e.abs() < 1e-14), "{h}");
    // d²/dx² of Σ eˣ is diag eˣ, and the product with v is eˣ v.
    let exponential = function!(|x| x.exp().sum(..));
    let v = arr2(&[[1.5, 2.0]]).into_dyn();
    let product =
        hessian_vector_product(&exponential, std::slice::from_ref(&x), std::slice::from_ref(&v));
    assert!(
        product[0].iter().zip(x.iter().zip(&v)).all(|(h, (x, v))| (h - x.exp() * v).abs() < 1e-14)
    );
}

#[test]
fn noise_on_a_tape_is_the_stream_itself() {
    let tape = Tape::<f32>::new();
    let noise = Noise::new(4).stream(2);
    let mut expected = vec![0.0; 12];
    f32::fill_normal(noise, 0, &mut expected);
    assert_eq!(tape.normal(&[3, 4], noise).data(), expected);
}
