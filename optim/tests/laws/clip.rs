//! Clipping: what it leaves alone, what it scales, and the norm.

use crate::common::{gradients, model, tensor};
use evidence_autodiff::kernels::threads::{CHUNK, with_threads};
use evidence_autodiff::{Leaf, Tensor};
use evidence_optim::{clip_by_global_norm, clip_by_value, global_norm};

fn elements(gradients: &[Leaf<Tensor<f32>>]) -> Vec<f32> {
    gradients.iter().flat_map(|leaf| leaf.0.data().to_vec()).collect()
}

#[test]
fn the_norm_is_that_of_all_leaves_together() {
    let mut pythagoras = vec![tensor(&[2.0f32, 3.0]), tensor(&[]), tensor(&[6.0])];
    assert_eq!(global_norm(&mut pythagoras), 7.0);
    assert_eq!(global_norm(&mut Vec::<Leaf<Tensor<f32>>>::new()), 0.0);
    // Sums of integers are exact, at every length around vectors and chunks.
    for len in (0..70).chain([CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]) {
        let x: Vec<f32> = (0..len).map(|i| (i % 13) as f32 - 6.0).collect();
        let squares: f64 = x.iter().map(|&x| (x * x) as f64).sum();
        assert_eq!(global_norm(&mut tensor(&x)), squares.sqrt(), "{len}");
    }
    assert_eq!(global_norm(&mut tensor(&[3e30f32, 4e30])), (3e30f32 as f64).hypot(4e30f32 as f64));
}

#[test]
fn gradients_within_the_norm_keep_their_bits_and_others_get_it() {
    let original = model::<f32>(1, &[10, 3, 200]);
    let norm = global_norm(&mut gradients(&original));
    for max_norm in [norm, 1.01 * norm, f64::INFINITY] {
        let mut clipped = gradients(&original);
        assert_eq!(clip_by_global_norm(&mut clipped, max_norm), norm);
        assert_eq!(elements(&clipped), elements(&gradients(&original)));
    }
    for max_norm in [0.99 * norm, 1.0, 1e-3] {
        let mut clipped = gradients(&original);
        assert_eq!(clip_by_global_norm(&mut clipped, max_norm), norm);
        // The factor and each product are rounded once.
        assert!((global_norm(&mut clipped) / max_norm - 1.0).abs() <= f32::EPSILON as f64);
        for (x, y) in elements(&clipped).iter().zip(elements(&gradients(&original))) {
            assert_eq!(*x, y * (max_norm / norm) as f32, "one factor for all");
        }
    }
}

#[test]
fn gradients_without_a_finite_norm_are_left_alone() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut g = vec![tensor(&[1e3, 2.0]), tensor(&[bad])];
        assert!(!clip_by_global_norm(&mut g, 1.0).is_finite());
        let found: Vec<u32> = elements(&g).iter().map(|x| x.to_bits()).collect();
        assert_eq!(found, [1e3, 2.0, bad].map(f32::to_bits));
    }
}

#[test]
fn values_are_clipped_one_by_one() {
    let inf = f32::INFINITY;
    let mut g = vec![tensor(&[0.5, 1.5, -1.5, 1.0, -1.0]), tensor(&[inf, -inf, f32::NAN, -0.0])];
    clip_by_value(&mut g, 1.0);
    let found = elements(&g);
    assert_eq!(found[..7], [0.5, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    assert!(found[7].is_nan() && found[8].to_bits() == (-0.0f32).to_bits());
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    let run = |threads| {
        with_threads(threads, || {
            let mut g = gradients(&model::<f32>(1, &[5 * CHUNK + 7, 10, 2 * CHUNK + 1]));
            clip_by_value(&mut g, 2.0);
            let norm = clip_by_global_norm(&mut g, 1.0);
            (norm.to_bits(), elements(&g))
        })
    };
    let alone = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == alone, "{threads} threads");
    }
}

#[test]
#[should_panic(expected = "gradients clipped to a norm of 0")]
fn a_norm_of_nothing_is_refused() {
    clip_by_global_norm(&mut tensor(&[1.0f32]), 0.0);
}

#[test]
#[should_panic(expected = "gradients clipped to ±NaN")]
fn a_limit_that_is_no_number_is_refused() {
    clip_by_value(&mut tensor(&[1.0f32]), f64::NAN);
}
