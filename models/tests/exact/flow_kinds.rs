//! Flows of every kind and base: densities with mass one, draws that know theirs, and the reverse KL against closed form.

use crate::common::{P, log_normal, normal, scrambled, within_four_errors};
use evidence_autodiff::check::{Function, check_gradient};
use evidence_autodiff::{Noise, Parameters, Path, Real, Tape, Tree, Var};
use evidence_layers::{
    Additive, AdditiveCoupling, Affine, AffineCoupling, AnyBijection, Autoregressive, Bijection,
    Chain, Columns, Direction, Inverse, LuLinear, Part, Permutation, Planar, Radial, Reversible,
    ScaleShift, Sigmoid, Spline, SplineCoupling, Split,
};
use evidence_models::{
    AnyBase, ConditionalFlow, Flow, Importance, Normal, NormalMixture, Potential, StandardNormal,
    StudentT, Uniform,
};
use ndarray::{Array2, ArrayView2, arr1, arr2, s};

type AnyFlow = Flow<Chain<AnyBijection<P>>, AnyBase<P>>;

/// One of each, with random parameters that move points by a few units at most.
fn kinds() -> Vec<(&'static str, AnyFlow)> {
    let noise = Noise::new(60);
    let spline = Spline::new(6, 3.0).unwrap();
    let splines = |n: u64| {
        let half = |i: u64| if i.is_multiple_of(2) { Split::First } else { Split::Second };
        let coupling =
            |i| SplineCoupling::with(spline, 2, half(i), &[8], noise.stream(i)).unwrap().into();
        Chain((0..n).map(coupling).collect::<Vec<AnyBijection<P>>>())
    };
    let maf = Flow::maf(2, 3, &[8], noise).unwrap().bijection;
    let residual = Chain(vec![
        Planar::new(2, noise).into(),
        Radial::new(2, noise).into(),
        LuLinear::random(2, noise).into(),
        Inverse(Planar::new(2, noise)).into(),
    ]);
    let mixture = NormalMixture::new(3, 2, noise).unwrap();
    let cube = Chain(vec![Inverse(Sigmoid::default()).into(), ScaleShift::identity(2).into()]);
    let flows: Vec<(&str, AnyFlow)> = vec![
        ("splines", Flow { bijection: splines(4), base: StandardNormal.into() }),
        ("MAF", Flow { bijection: maf, base: Normal::standard(2).into() }),
        ("planar, radial, linear", Flow { bijection: residual, base: StandardNormal.into() }),
        ("splines from a mixture", Flow { bijection: splines(2), base: mixture.into() }),
        (
            "splines from Student-t",
            Flow { bijection: splines(2), base: StudentT::new(6.0).unwrap().into() },
        ),
        ("a logistic distribution", Flow { bijection: cube, base: Uniform.into() }),
    ];
    let scale = |(i, (name, flow)): (usize, (_, AnyFlow))| {
        (name, scrambled(&flow, 0.2, noise.stream(i as u64)))
    };
    flows.into_iter().enumerate().map(scale).collect()
}

/// `∫ q` over a square, by the midpoint rule; `log_prob` of the points of a line at a time.
fn mass(log_prob: impl Fn(&Tape<f64>, Array2<f64>) -> Vec<f64>) -> f64 {
    // Of a t with six degrees of freedom 4e-5 is beyond 12.
    let (side, cells) = (12.0, 1500);
    let step = 2.0 * side / cells as f64;
    let at = |i: usize| (i as f64 + 0.5) * step - side;
    let mut tape = Tape::new();
    let mut mass = 0.0;
    for i in 0..cells {
        let line = Array2::from_shape_fn((cells, 2), |(j, axis)| at(if axis == 0 { i } else { j }));
        mass += log_prob(&tape, line).iter().map(|l| l.exp()).sum::<f64>() * step * step;
        tape.reset();
    }
    mass
}

#[test]
fn densities_of_every_kind_integrate_to_one() {
    for (name, flow) in kinds() {
        let mass = mass(|tape, line| {
            flow.bind_constant(tape).log_prob(tape.constant(line)).data().to_vec()
        });
        assert!((mass - 1.0).abs() < 1e-3, "{name}: {mass}");
    }
}

/// What one coupling leaves alone the next one moves.
#[test]
fn halves_change_roles_from_a_coupling_to_the_next() {
    let (noise, x) = (Noise::new(70), normal(6, 5, Noise::new(71)));
    let moved = |y: &Array2<f64>| (0..5).map(|k| y.column(k) != x.column(k)).collect::<Vec<_>>();
    for couplings in 1..4 {
        let (tape, spline) = (Tape::new(), Spline::new(6, 3.0).unwrap());
        let affine = scrambled(&Flow::real_nvp(5, couplings, &[8], noise).unwrap(), 0.5, noise);
        let splines = Flow::neural_spline(5, couplings, spline, &[8], noise).unwrap();
        let splines = scrambled(&splines, 0.5, noise);
        let at = tape.constant(&x);
        let images = [
            affine.bind_constant(&tape).bijection.forward(at).0,
            splines.bind_constant(&tape).bijection.forward(at).0,
        ];
        for y in images {
            let moved = moved(&y.value().to_owned().into_dimensionality().unwrap());
            let all = moved.iter().all(|moved| *moved);
            assert_eq!(all, couplings > 1, "{couplings}: {moved:?}");
            assert!(moved.iter().any(|moved| *moved), "{couplings}");
        }
    }
}

#[test]
fn a_draw_has_the_density_that_comes_with_it() {
    for (name, flow) in kinds() {
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let (x, with) = bound.sample_with_log_prob(&tape, (200, 2), Noise::new(61));
        assert_eq!(x.data(), bound.sample(&tape, (200, 2), Noise::new(61)).data(), "{name}");
        let of = bound.log_prob(tape.constant(x.value()));
        for (with, of) in with.data().iter().zip(of.data()) {
            assert!((with - of).abs() < 1e-8 * with.abs().max(1.0), "{name}: {with} {of}");
        }
    }
}

#[test]
fn a_row_with_a_nan_has_no_density_and_no_other_row_notices() {
    for (name, flow) in kinds() {
        let log_prob = |odd: f64| {
            let tape = Tape::new();
            let mut rows = normal(5, 2, Noise::new(62));
            rows[[3, 0]] = odd;
            flow.bind_constant(&tape).log_prob(tape.constant(rows)).data().to_vec()
        };
        let (clean, odd) = (log_prob(0.0), log_prob(f64::NAN));
        assert!(odd[3].is_nan(), "{name}: {}", odd[3]);
        for row in [0, 1, 2, 4] {
            assert_eq!(clean[row], odd[row], "{name}");
        }
    }
}

/// KL(N(t, e²ˢ) ‖ N(0, 1)) = Σ ½ (e²ˢ + t² − 1) − s, less ln Z of a density that is 5 N(0, I).
#[test]
fn the_reverse_kl_is_that_of_two_normals_and_ends_at_minus_log_z() {
    let leaf = |values: &[f64]| arr1(values).into_dyn().into_shared();
    for (log_scale, shift) in [([0.3, -0.8], [1.0, -0.5]), ([0.0, 0.0], [0.0, 0.0])] {
        let layer = ScaleShift::<P> { log_scale: leaf(&log_scale), shift: leaf(&shift) };
        let flow = Flow::new(Chain(vec![AnyBijection::from(layer)]));
        let kl: f64 = log_scale
            .iter()
            .zip(shift)
            .map(|(&s, t)| 0.5 * ((2.0 * s).exp() + t * t - 1.0) - s)
            .sum();
        let truth = kl - 5.0_f64.ln();
        let draws: Vec<f64> = (0..400)
            .map(|seed| {
                let tape = Tape::new();
                let bound = flow.bind_constant(&tape);
                let target = |x: Var<'_, f64>| {
                    let values = x.data().chunks(2).map(|x| {
                        log_normal(x[0], 0.0, 1.0) + log_normal(x[1], 0.0, 1.0) + 5.0_f64.ln()
                    });
                    values.collect::<Vec<f64>>()
                };
                let kl = bound.reverse_kl(
                    &tape,
                    (50, 2),
                    |x| tape.constant(ndarray::Array1::from(target(x))),
                    Noise::new(seed),
                );
                kl.item()
            })
            .collect();
        if kl == 0.0 {
            assert!(draws.iter().all(|draw| (draw - truth).abs() < 1e-12));
        } else {
            within_four_errors("reverse KL", &draws, truth);
        }
    }
}

/// Importance sampling from a wide normal finds the normalisers that quadrature does.
#[test]
fn potentials_have_the_normalisers_of_quadrature() {
    let leaf = |values: [f64; 2]| arr1(&values).into_dyn().into_shared();
    let base = Normal { mean: leaf([0.0, -0.5]), log_scale: leaf([2.5_f64.ln(), 1.5_f64.ln()]) };
    let flow: AnyFlow = Flow { bijection: Chain(Vec::new()), base: base.into() };
    for potential in Potential::ALL {
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let (x, log_q) = bound.sample_with_log_prob(&tape, (40_000, 2), Noise::new(63));
        let log_weights = potential.log_density(x) - log_q;
        let estimate = Importance::new(log_weights.data().iter().copied());
        let error = (estimate.log_normaliser - potential.log_normaliser()).abs();
        assert!(error < 4.0 * estimate.standard_error, "{}: {estimate:?}", potential.name());
        assert!(estimate.effective_samples > 1000.0, "{}: {estimate:?}", potential.name());
    }
}

#[test]
fn a_conditional_flow_is_another_density_for_another_context() {
    let columns = Columns { width: 2, context: 1 };
    let spline = Spline::new(6, 3.0).unwrap();
    let coupling =
        |half| SplineCoupling::with(spline, columns, half, &[8], Noise::new(64)).unwrap().into();
    let chain: Chain<AnyBijection<P>> =
        Chain(vec![coupling(Split::First), coupling(Split::Second)]);
    let ConditionalFlow(flow) = scrambled(&ConditionalFlow(Flow::new(chain)), 0.2, Noise::new(65));
    let mut densities = Vec::new();
    for context in [-1.0, 2.0] {
        let log_prob = |tape: &Tape<f64>, points: Array2<f64>| {
            let given = tape.filled(&[points.nrows(), 1], context);
            flow.bind_constant(tape)
                .log_prob_given(tape.constant(points), Some(given))
                .data()
                .to_vec()
        };
        let mass = mass(log_prob);
        assert!((mass - 1.0).abs() < 1e-3, "{context}: {mass}");
        densities.push(log_prob(&Tape::new(), arr2(&[[0.3, -0.2]]))[0]);
        // And a draw for each row of a context comes back to its base point.
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let given = tape.filled(&[50, 1], context);
        let x = bound.sample_given(given, 2, Noise::new(66));
        let (z, _) = Bijection::inverse_given(&bound.bijection, x, Some(given));
        let base = tape.normal(&[50, 2], Noise::new(66));
        assert!(z.data().iter().zip(base.data()).all(|(a, b)| (a - b).abs() < 1e-9));
    }
    assert!((densities[0] - densities[1]).abs() > 1e-3, "{densities:?}");
}

type Conditional = Flow<Chain<AnyBijection<P>>>;

/// Of three columns and a context of two: one of each kind that takes a context, and chains, with random parameters.
fn conditional_kinds() -> Vec<(&'static str, Conditional)> {
    let (noise, spline) = (Noise::new(67), Spline::new(6, 3.0).unwrap());
    let columns = Columns { width: 3, context: 2 };
    let affine = |columns: Columns, split| {
        AffineCoupling::with(Affine::default(), columns, split, &[16], noise).unwrap()
    };
    let additive = AdditiveCoupling::with(Additive, columns, Split::First, &[16], noise).unwrap();
    let splines = |split| SplineCoupling::with(spline, columns, split, &[16], noise).unwrap();
    let layer = |direction| {
        Autoregressive::new(direction, Affine::default(), columns, &[16], noise).unwrap()
    };
    let spline_layer =
        |direction| Autoregressive::new(direction, spline, columns, &[16], noise).unwrap();
    let one = |bijection: AnyBijection<P>| Chain(vec![bijection]);
    let inside = one(affine(Columns { width: 2, ..columns }, Split::First).into());
    let chain = || -> Chain<AnyBijection<P>> {
        Chain(vec![
            affine(columns, Split::First).into(),
            Permutation::reversed(3).into(),
            splines(Split::Even).into(),
            ScaleShift::identity(3).into(),
            layer(Direction::Masked).into(),
        ])
    };
    let chains = vec![
        ("affine coupling", one(affine(columns, Split::First).into())),
        ("additive coupling", one(additive.into())),
        ("spline coupling", one(splines(Split::Odd).into())),
        ("MAF", one(layer(Direction::Masked).into())),
        ("IAF", one(layer(Direction::Inverse).into())),
        ("MAF of splines", one(spline_layer(Direction::Masked).into())),
        ("IAF of splines", one(spline_layer(Direction::Inverse).into())),
        ("part", one(Part::new(inside, 3, Split::First).unwrap().into())),
        ("chain", chain()),
        ("reversible chain", one(Reversible::new(chain(), 1e-9).into())),
    ];
    let scale = |(name, chain)| (name, scrambled(&Flow::new(chain), 0.2, noise.stream(1)));
    chains.into_iter().map(scale).collect()
}

/// Five points, and a context for each.
fn points_and_contexts() -> (Array2<f64>, Array2<f64>) {
    (normal(5, 3, Noise::new(68)), normal(5, 2, Noise::new(69)))
}

#[test]
fn a_row_of_a_batch_is_given_its_own_context() {
    let (x, contexts) = points_and_contexts();
    let near = |name: &str, found: &[f64], alone: &[f64]| {
        assert_eq!(found.len(), alone.len(), "{name}");
        for (found, alone) in found.iter().zip(alone) {
            assert!(
                (found - alone).abs() <= 1e-12 * alone.abs().max(1.0),
                "{name}: {found} {alone}"
            );
        }
    };
    for (name, flow) in conditional_kinds() {
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let log_prob = |x: ArrayView2<'_, f64>, contexts: ArrayView2<'_, f64>| {
            let given = tape.constant(contexts);
            bound.log_prob_given(tape.constant(x), Some(given)).data().to_vec()
        };
        let together = log_prob(x.view(), contexts.view());
        let given = tape.constant(&contexts);
        let draws = bound.sample_given(given, 3, Noise::new(72));
        let base = tape.normal(&[5, 3], Noise::new(72));
        for row in 0..5 {
            let only = s![row..=row, ..];
            let alone = log_prob(x.slice(only), contexts.slice(only));
            near(name, &together[row..=row], &alone);
            let (z, given) = (base.slice(0, row..=row), given.slice(0, row..=row));
            let draw = bound.bijection.forward_given(z, Some(given)).0;
            near(name, &draws.data()[3 * row..3 * row + 3], draw.data());
            // That of its neighbour would be told.
            let other = contexts.slice(s![(row + 1) % 5..=(row + 1) % 5, ..]);
            let other = log_prob(x.slice(only), other)[0];
            assert!((other - together[row]).abs() > 1e-6, "{name}, row {row}: {other}");
        }
    }
}

/// Of points and their contexts: the log-density, or the square of draws and their log-determinant.
struct Given {
    flow: Conditional,
    draws: bool,
}

impl Function for Given {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let (x, context) = (inputs[0], Some(inputs[1]));
        let bind = &mut |_: &Path<'_>, leaf: &P| x.tape().constant(leaf.mapv(T::from_f64));
        let flow = self.flow.map(&Path::root(), bind);
        if self.draws {
            let (x, log_det) = flow.bijection.forward_given(x, context);
            x.square().sum(-1) + log_det.value()
        } else {
            flow.log_prob_given(x, context)
        }
    }
}

#[test]
fn the_gradient_by_the_context_is_that_of_dual_numbers() {
    let (x, contexts) = points_and_contexts();
    let inputs = [x.into_dyn(), contexts.into_dyn()];
    for (name, flow) in conditional_kinds() {
        for draws in [false, true] {
            let given = Given { flow: flow.clone(), draws };
            let report = check_gradient(&given, &inputs);
            let report = report.unwrap_or_else(|error| panic!("{name}, draws {draws}: {error}"));
            assert_eq!(report.derivatives, 5 * (3 + 2), "{name}");
        }
    }
}
