//! What bijections do with rows and contexts that they were not made for: a clear message, or a defined result.

use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::{
    Affine, AffineCoupling, AnyBijection, Autoregressive, Bijection, Chain, Columns, CouplingError,
    Direction, Inverse, LeakyRelu, LuLinear, MadeError, Part, Permutation, Planar, Radial,
    ScaleShift, Sigmoid, Softplus, Spline, SplineCoupling, Split, Tanh,
};
use ndarray::Array2;
use std::panic::{AssertUnwindSafe, catch_unwind};

type P = Array<f64>;

const WIDTH: usize = 3;

fn every_kind() -> Vec<(&'static str, AnyBijection<P>)> {
    let noise = Noise::new(1);
    let spline = Spline::new(6, 3.0).unwrap();
    let maf =
        |direction| Autoregressive::new(direction, Affine::default(), WIDTH, &[8], noise).unwrap();
    let splines = |direction| Autoregressive::new(direction, spline, WIDTH, &[8], noise).unwrap();
    vec![
        ("affine coupling", AffineCoupling::new(WIDTH, Split::First, &[8], noise).unwrap().into()),
        (
            "spline coupling",
            SplineCoupling::with(spline, WIDTH, Split::Even, &[8], noise).unwrap().into(),
        ),
        ("MAF", maf(Direction::Masked).into()),
        ("IAF", maf(Direction::Inverse).into()),
        ("MAF of splines", splines(Direction::Masked).into()),
        ("IAF of splines", splines(Direction::Inverse).into()),
        (
            "part",
            Part::new(Chain(vec![LuLinear::random(2, noise).into()]), WIDTH, Split::First)
                .unwrap()
                .into(),
        ),
        ("scale and shift", ScaleShift::identity(WIDTH).into()),
        ("permutation", Permutation::reversed(WIDTH).into()),
        ("matrix", LuLinear::random(WIDTH, noise).into()),
        ("leaky rectifier", LeakyRelu::new(0.3).unwrap().into()),
        ("tanh", Tanh.into()),
        ("sigmoid", Sigmoid::default().into()),
        ("logit", Inverse(Sigmoid::default()).into()),
        ("softplus", Softplus.into()),
        ("planar", Planar::new(WIDTH, noise).into()),
        ("planar, inverse", Inverse(Planar::new(WIDTH, noise)).into()),
        ("radial", Radial::new(WIDTH, noise).into()),
    ]
}

#[test]
fn a_row_with_a_nan_is_known_by_it_and_no_other_row_notices() {
    for (name, bijection) in every_kind() {
        let tape = Tape::new();
        let bound = bijection.bind_constant(&tape);
        let rows = |nan: bool| {
            let mut rows =
                Array2::from_shape_fn((4, WIDTH), |(i, j)| 0.2 + 0.1 * (i + 2 * j) as f64);
            if nan {
                rows[[2, 1]] = f64::NAN;
            }
            tape.constant(rows)
        };
        for forward in [false, true] {
            let run = |nan| {
                let (y, l) =
                    if forward { bound.forward(rows(nan)) } else { bound.inverse(rows(nan)) };
                (y.data().to_vec(), l.value().data().to_vec())
            };
            let ((clean, clean_log), (y, log_det)) = (run(false), run(true));
            let nan = y[2 * WIDTH..3 * WIDTH].iter().any(|y| y.is_nan()) || log_det[2].is_nan();
            assert!(nan, "{name}, forward {forward}");
            for row in [0, 1, 3] {
                let cells = row * WIDTH..(row + 1) * WIDTH;
                assert_eq!(y[cells.clone()], clean[cells], "{name}, forward {forward}, row {row}");
                assert_eq!(log_det[row], clean_log[row], "{name}, forward {forward}, row {row}");
            }
        }
    }
}

#[test]
fn one_column_is_refused_when_a_coupling_is_built_and_told_what_to_use() {
    for width in [0, 1] {
        let refused =
            AffineCoupling::<P>::new(width, Split::First, &[8], Noise::new(0)).unwrap_err();
        assert_eq!(refused, CouplingError::TooNarrow(width));
        assert!(
            refused.to_string().contains("for 1-D data use an elementwise bijection"),
            "{refused}"
        );
        assert!(refused.to_string().contains("`Autoregressive` with splines"), "{refused}");
    }
    let all = Split::Mask([true; WIDTH].into());
    let refused = AffineCoupling::<P>::new(WIDTH, all, &[8], Noise::new(0)).unwrap_err();
    assert_eq!(refused, CouplingError::Mask { conditioning: 3, width: 3 });
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let coupling = AffineCoupling::<P>::new(2, Split::First, &[8], Noise::new(0)).unwrap();
        assert!(matches!(coupling.with_bound(bound), Err(CouplingError::Bound(_))), "{bound}");
        let affine = Affine { bound };
        let coupling =
            AffineCoupling::<P>::with(affine, 2, Split::First, &[8], Noise::new(0)).map(drop);
        assert!(matches!(coupling, Err(CouplingError::Bound(_))), "{bound}");
        let layer = Autoregressive::<P, _>::new(Direction::Masked, affine, 2, &[8], Noise::new(0));
        assert!(matches!(layer.map(drop), Err(MadeError::Bound(_))), "{bound}");
    }
}

#[track_caller]
fn refused(reason: &str, work: impl FnOnce()) {
    let payload = catch_unwind(AssertUnwindSafe(work)).expect_err("it should have been refused");
    let message = payload.downcast::<String>().expect("text");
    assert!(message.contains(reason), "{message}");
}

#[test]
fn rows_and_contexts_of_the_wrong_width_are_named() {
    let columns = Columns { width: WIDTH, context: 2 };
    let coupling =
        AffineCoupling::<P>::with(Affine::default(), columns, Split::First, &[4], Noise::new(0));
    let maf = Autoregressive::<P, _>::new(
        Direction::Masked,
        Affine::default(),
        columns,
        &[4],
        Noise::new(0),
    );
    let chain: Chain<AnyBijection<P>> = Chain(vec![coupling.unwrap().into()]);
    let maf: Chain<AnyBijection<P>> = Chain(vec![maf.unwrap().into()]);
    for (who, chain) in [("coupling", chain), ("autoregressive", maf)] {
        let tape = Tape::new();
        let bound = chain.bind_constant(&tape);
        let of = |shape: &[usize]| tape.filled(shape, 0.5);
        let x = of(&[5, WIDTH]);
        refused(
            &format!("{who}: it was built for a context of 2 columns, and there is none"),
            || {
                bound.inverse(x);
            },
        );
        refused(&format!("{who}: a context [5, 3] for [5, 3]"), || {
            bound.inverse_given(x, Some(of(&[5, 3])));
        });
        refused("it must have as many rows, of 2 columns", || {
            bound.forward_given(x, Some(of(&[4, 2])));
        });
        refused(&format!("{who}: [5, 4] does not have rows of 3 columns"), || {
            bound.forward_given(of(&[5, 4]), Some(of(&[5, 2])));
        });
        assert_eq!(bound.inverse_given(x, Some(of(&[5, 2]))).0.shape(), [5, WIDTH]);
    }
}

/// Broadcast or cut, they would get a density all the same.
#[test]
fn rows_of_another_width_have_no_density() {
    let elementwise = ["leaky rectifier", "tanh", "sigmoid", "logit", "softplus"];
    for (name, bijection) in every_kind() {
        if elementwise.contains(&name) {
            continue;
        }
        let tape = Tape::new();
        let bound = bijection.bind_constant(&tape);
        for width in [1, WIDTH - 1, WIDTH + 1] {
            let rows = tape.filled(&[2, width], 0.5);
            for forward in [false, true] {
                let found = catch_unwind(AssertUnwindSafe(|| {
                    if forward { bound.forward(rows) } else { bound.inverse(rows) }
                }));
                assert!(found.is_err(), "{name}, {width} columns, forward {forward}");
            }
        }
    }
}

/// What needs no context takes no notice of one.
#[test]
fn a_context_means_nothing_to_what_was_built_without() {
    for (name, bijection) in every_kind() {
        let tape = Tape::new();
        let bound = bijection.bind_constant(&tape);
        let x = tape.filled(&[2, WIDTH], 0.5);
        let (plain, given) =
            (bound.inverse(x), bound.inverse_given(x, Some(tape.filled(&[2, 7], 3.0))));
        assert_eq!(plain.0.data(), given.0.data(), "{name}");
        assert_eq!(plain.1.value().data(), given.1.value().data(), "{name}");
    }
}

/// Infinitely far out, and beyond what single precision tells apart from it.
#[test]
fn far_points_of_unbounded_bijections_stay_finite() {
    for (name, bijection) in every_kind() {
        if ["tanh", "sigmoid", "logit", "softplus"].contains(&name) {
            continue;
        }
        let tape = Tape::new();
        let bound = bijection.bind_constant(&tape);
        let far = tape.constant(Array2::from_shape_fn((2, WIDTH), |(i, j)| {
            1e12 * if (i + j) % 2 == 0 { 1.0 } else { -1.0 }
        }));
        for (y, log_det) in [bound.forward(far), bound.inverse(far)] {
            assert!(y.data().iter().all(|y| y.is_finite()), "{name}");
            assert!(log_det.value().data().iter().all(|l| l.is_finite()), "{name}");
        }
    }
}
