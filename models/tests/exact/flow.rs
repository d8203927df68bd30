//! The flow: a density, and two directions that undo each other.

use crate::common::{RealNvp, flow, log_normal, normal};
use evidence_autodiff::{Noise, Parameters, Tape, Var};
use evidence_layers::Bijection;
use ndarray::{Array2, ArrayView2};

fn log_prob(flow: &RealNvp, x: ArrayView2<'_, f64>) -> Vec<f64> {
    let tape = Tape::new();
    flow.bind_constant(&tape).log_prob(tape.batch(x)).data().to_vec()
}

#[test]
fn a_flows_density_integrates_to_one() {
    for seed in 0..3 {
        let flow = flow(2, 4, Noise::new(seed));
        // A box around what the disc of 6 base scales is mapped to: e^−18 of the mass is outside of it.
        let ring = Array2::from_shape_fn((60_000, 2), |(i, j)| {
            let (radius, angle) =
                ((i / 2000) as f64 * 0.2 + 0.2, (i % 2000) as f64 * 0.01 * 0.314_16);
            radius * if j == 0 { angle.cos() } else { angle.sin() }
        });
        let tape = Tape::new();
        let image = flow.bind_constant(&tape).bijection.forward(tape.batch(ring.view())).0;
        let image = image.data();
        let ends = [0, 1].map(|axis| {
            let values = image.iter().skip(axis).step_by(2);
            let low = values.clone().copied().fold(f64::INFINITY, f64::min);
            let high = values.copied().fold(f64::NEG_INFINITY, f64::max);
            (low - 0.5, high + 0.5)
        });
        let cells = 1000;
        let [(x, dx), (y, dy)] = ends.map(|(low, high)| (low, (high - low) / cells as f64));
        let mut mass = 0.0;
        for row in 0..cells {
            let centres = Array2::from_shape_fn((cells, 2), |(i, j)| {
                if j == 0 { x + (i as f64 + 0.5) * dx } else { y + (row as f64 + 0.5) * dy }
            });
            mass += log_prob(&flow, centres.view()).iter().map(|l| l.exp()).sum::<f64>() * dx * dy;
        }
        assert!((mass - 1.0).abs() < 1e-3, "seed {seed}: {mass} over {ends:?}");
    }
}

#[test]
fn both_directions_of_a_flow_undo_each_other() {
    for (width, couplings) in [(2, 1), (2, 6), (3, 4), (5, 8), (16, 2)] {
        let flow = flow(width, couplings, Noise::new(width as u64));
        let tape = Tape::new();
        let bound = flow.bind_constant(&tape);
        let z = tape.constant(normal(50, width, Noise::new(20)));
        let (x, up) = bound.bijection.forward(z);
        let (back, down) = bound.bijection.inverse(tape.constant(x.value()));
        let apart = |a: Var<'_, f64>, b: Var<'_, f64>| {
            // A NaN is farthest from anything.
            let each = a.data().iter().zip(b.data()).map(|(a, b)| (a - b).abs());
            each.max_by(f64::total_cmp).expect("points")
        };
        assert!(apart(z, back) < 1e-10, "{width}, {couplings}: {}", apart(z, back));
        assert!(apart(up.value(), (-down).value()) < 1e-10, "{width}, {couplings}");
        assert!(apart(x, z) > 0.1, "the flow does something");
        // And the other way round, from points that the flow did not make.
        let x = tape.constant(normal(50, width, Noise::new(21)));
        let (z, _) = bound.bijection.inverse(x);
        let again = bound.bijection.forward(tape.constant(z.value())).0;
        assert!(apart(x, again) < 1e-10, "{width}, {couplings}: {}", apart(x, again));
    }
}

#[test]
fn a_sample_is_the_base_draw_pushed_forward() {
    let flow = flow(2, 4, Noise::new(30));
    let tape = Tape::new();
    let (bound, noise) = (flow.bind_constant(&tape), Noise::new(31));
    let sample = bound.sample(&tape, (1000, 2), noise);
    let (z, _) = bound.bijection.inverse(sample);
    let base = tape.normal(&[1000, 2], noise);
    assert!(z.data().iter().zip(base.data()).all(|(a, b)| (a - b).abs() < 1e-9));
    // log p of a sample is that of its base point, less the volume that the way up made.
    let (_, up) = bound.bijection.forward(base);
    let log_prob = bound.log_prob(sample);
    for ((log_prob, up), z) in
        log_prob.data().iter().zip(up.value().data()).zip(base.data().chunks(2))
    {
        let expected = log_normal(z[0], 0.0, 1.0) + log_normal(z[1], 0.0, 1.0) - up;
        assert!((log_prob - expected).abs() < 1e-9, "{log_prob} {expected}");
    }
}
