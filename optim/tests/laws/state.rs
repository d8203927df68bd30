//! Memory: in place, the same bits on any number of threads, saved and resumed.

use crate::common::{self, Model, bits, gradients, leaf, model, tensor};
use evidence_autodiff::kernels::threads::{CHUNK, with_threads};
use evidence_autodiff::{Array, Leaf, Real};
use evidence_optim::{Adam, Mismatch, OptimError, Optimizer, RmsProp, Sgd};

const SHORT: [usize; 4] = [3, 0, 1, 20];
/// Long enough to fork, with ragged ends.
const LONG: [usize; 3] = [5 * CHUNK + 7, 10, 2 * CHUNK + 1];

fn adam<T: Real>() -> Adam<T> {
    Adam::new(0.01).unwrap().weight_decay(0.1).unwrap()
}

fn rmsprop<T: Real>() -> RmsProp<T> {
    RmsProp::new(0.01).unwrap()
}

fn sgd<T: Real>() -> Sgd<T> {
    Sgd::new(0.01).unwrap()
}

fn momentum<T: Real>() -> Sgd<T> {
    sgd().momentum(0.9).unwrap()
}

fn nesterov<T: Real>() -> Sgd<T> {
    sgd().nesterov(0.9).unwrap()
}

fn train<T: Real>(optimizer: &mut impl Optimizer<T>, model: &mut Model<T>, steps: u64) {
    let lengths: Vec<usize> = model.iter().map(|leaf| leaf.0.len()).collect();
    for _ in 0..steps {
        let mut g = gradients(&common::model(optimizer.steps() + 1, &lengths));
        optimizer.step(model, &mut g);
    }
}

fn same_on_any_threads<T: Real, O: Optimizer<T>>(make: fn() -> O) {
    let run = |threads| {
        with_threads(threads, || {
            let mut parameters = model::<T>(0, &LONG);
            train(&mut make(), &mut parameters, 3);
            bits(&parameters)
        })
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == alone, "{threads} threads");
    }
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    same_on_any_threads::<f32, _>(adam);
    same_on_any_threads::<f64, _>(adam);
    same_on_any_threads::<f32, _>(rmsprop);
    same_on_any_threads::<f32, _>(sgd);
    same_on_any_threads::<f32, _>(momentum);
    same_on_any_threads::<f32, _>(nesterov);
}

fn resumes<T: Real, O: Optimizer<T>>(make: fn() -> O) {
    for saved_after in [0, 1, 7] {
        let mut straight = model::<T>(0, &SHORT);
        let mut optimizer = make();
        train(&mut optimizer, &mut straight, saved_after);
        let (mut resumed, mut state) = (straight.clone(), optimizer.state());
        state.reverse();
        train(&mut optimizer, &mut straight, 5);

        let mut optimizer = make();
        optimizer.load_state(state, &resumed).unwrap();
        assert_eq!(optimizer.steps(), saved_after);
        train(&mut optimizer, &mut resumed, 5);
        assert_eq!(bits(&straight), bits(&resumed), "saved after {saved_after}");
    }
}

#[test]
fn training_resumes_with_the_same_bits() {
    resumes::<f32, _>(adam);
    resumes::<f64, _>(adam);
    resumes::<f32, _>(rmsprop);
    resumes::<f32, _>(sgd);
    resumes::<f32, _>(momentum);
    resumes::<f32, _>(nesterov);
}

#[test]
fn state_is_named_by_slot_and_path() {
    let mut optimizer = adam::<f32>();
    let names = |optimizer: &Adam<f32>| -> Vec<String> {
        optimizer.state().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&optimizer), ["steps"]);
    train(&mut optimizer, &mut model(0, &[2, 3]), 1);
    let expected =
        ["steps", "first_moment.0", "second_moment.0", "first_moment.1", "second_moment.1"];
    assert_eq!(names(&optimizer), expected);
    let mut optimizer = momentum::<f32>();
    optimizer.step(&mut leaf(vec![1.0]), &mut tensor(&[1.0]));
    assert_eq!(optimizer.state()[1].0, "momentum");
}

/// A name and its elements.
type Entry<'a> = (&'a str, &'a [f32]);

fn array(values: &[f32]) -> Array<f32> {
    ndarray::arr1(values).into_dyn().into_shared()
}

#[test]
fn state_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let parameters = model::<f32>(0, &[2, 3]);
    let mut optimizer = momentum::<f32>();
    let state = |names: &[Entry<'_>]| -> Vec<(String, Array<f32>)> {
        names.iter().map(|&(name, values)| (name.to_string(), array(values))).collect()
    };
    let steps: Entry<'_> = ("steps", &[4.0, 0.0]);
    let first: Entry<'_> = ("momentum.0", &[1.0; 2]);
    let second: Entry<'_> = ("momentum.1", &[2.0; 3]);
    let surplus = |name: &str| Mismatch { surplus: vec![name.to_string()], ..Mismatch::default() };
    let missing = |name: &str| Mismatch { missing: vec![name.to_string()], ..Mismatch::default() };
    let misshapen = Mismatch {
        misshapen: vec![("momentum.1".to_string(), vec![1], vec![3])],
        ..Mismatch::default()
    };
    let table = [
        (state(&[steps, first]), missing("momentum.1")),
        (state(&[first, second]), missing("steps")),
        (state(&[steps, first, second, ("momentum.2", &[])]), surplus("momentum.2")),
        (state(&[steps, first, second, second]), surplus("momentum.1")),
        (state(&[steps, first, ("momentum.1", &[1.0])]), misshapen),
    ];
    for (state, mismatch) in table {
        let error = optimizer.load_state(state, &parameters).unwrap_err();
        assert_eq!(error, OptimError::State(mismatch));
        assert_eq!(optimizer.state().len(), 1, "still as new");
    }
    let error =
        optimizer.load_state(state(&[("momentum.1", &[1.0]), steps, ("x", &[])]), &parameters);
    let message = error.unwrap_err().to_string();
    for part in ["missing: momentum.0;", "surplus: x;", "momentum.1 has shape [1] instead of [3]"] {
        assert!(message.contains(part), "{message}");
    }
    for digits in [&[0.5, 0.0][..], &[-1.0, 0.0], &[f32::NAN, 0.0], &[16_777_216.0, 0.0], &[1.0]] {
        let error = optimizer.load_state(state(&[("steps", digits), first, second]), &parameters);
        assert_eq!(error, Err(OptimError::Steps), "{digits:?}");
    }
    // Step counts beyond what an f32 can hold exactly survive.
    let many: Entry<'_> = ("steps", &[3.0, 2.0]);
    optimizer.load_state(state(&[many, first, second]), &parameters).unwrap();
    assert_eq!(optimizer.steps(), 3 + 2 * (1 << 24));
    assert_eq!(optimizer.state()[0], ("steps".to_string(), array(&[3.0, 2.0])));
}

#[test]
fn arrays_that_nobody_else_holds_stay_where_they_are() {
    let mut parameters = model::<f32>(0, &LONG);
    let mut optimizer = adam();
    let addresses = |parameters: &Model<f32>, optimizer: &Adam<f32>| -> Vec<*const f32> {
        let state = optimizer.state();
        let state = state.iter().skip(1).map(|(_, array)| array.as_ptr());
        parameters.iter().map(|leaf| leaf.0.as_ptr()).chain(state).collect()
    };
    let before: Vec<_> = parameters.iter().map(|leaf| leaf.0.as_ptr()).collect();
    train(&mut optimizer, &mut parameters, 1);
    let first = addresses(&parameters, &optimizer);
    assert_eq!(first[..LONG.len()], before);
    train(&mut optimizer, &mut parameters, 3);
    assert_eq!(addresses(&parameters, &optimizer), first);
}

#[test]
fn a_copy_that_somebody_holds_is_not_altered() {
    let mut parameters = model::<f32>(0, &SHORT);
    let mut optimizer = adam();
    train(&mut optimizer, &mut parameters, 2);
    let (kept, state) = (parameters.clone(), optimizer.state());
    let before = (bits(&kept), state.iter().map(|(_, array)| array.to_owned()).collect::<Vec<_>>());
    train(&mut optimizer, &mut parameters, 1);
    assert_ne!(bits(&parameters), before.0);
    assert_eq!(bits(&kept), before.0);
    assert_eq!(state.into_iter().map(|(_, array)| array.to_owned()).collect::<Vec<_>>(), before.1);
}

#[test]
fn a_transposed_parameter_meets_its_gradient_in_logical_order() {
    let matrix = ndarray::array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let mut parameters = Leaf(matrix.clone().reversed_axes().into_dyn().into_shared());
    assert!(!parameters.0.is_standard_layout());
    let tape = evidence_autodiff::Tape::new();
    let mut g = Leaf(tape.tensor(&[3, 2]));
    g.0.view_mut().assign(&matrix.t());
    Sgd::<f64>::new(1.0).unwrap().step(&mut parameters, &mut g);
    assert!(parameters.0.iter().all(|&x| x == 0.0), "{:?}", parameters.0);
}

#[test]
#[should_panic(expected = "`0` has shape [2], its gradient [3]")]
fn a_gradient_of_another_shape_is_refused() {
    adam::<f32>().step(&mut model(0, &[2]), &mut gradients(&model(0, &[3])));
}

#[test]
#[should_panic(expected = "1 parameters and 2 gradients")]
fn gradients_of_another_tree_are_refused() {
    adam::<f32>().step(&mut model(0, &[2]), &mut gradients(&model(0, &[2, 2])));
}

#[test]
#[should_panic(expected = "`0` has shape [3], but had [2] when the optimiser began")]
fn another_model_is_refused() {
    let mut optimizer = adam::<f32>();
    train(&mut optimizer, &mut model(0, &[2]), 1);
    train(&mut optimizer, &mut model(0, &[3]), 1);
}
