//! The laws of noise: distribution, independence, and the same bits however it is drawn.

use std::collections::HashSet;

use ndarray::{Array1, Array2};
use ndarray_rand::RandomExt;
use ndarray_rand::rand::seq::SliceRandom;
use ndarray_rand::rand_distr::{Exp1, StandardNormal, Uniform as UniformOn};
use rand_core::{RngCore, SeedableRng};

use super::super::simd::{Isa, dispatch_on};
use super::super::threads::{CHUNK, with_threads};
use super::*;

const SEEDS: [u64; 4] = [0, 1, 0x1234_5678_9ABC_DEF0, u64::MAX];

/// One way of drawing: its name, the draws as f64, and the distribution they must have.
type Case = (&'static str, fn(Noise, usize) -> Vec<f64>, Law);

#[derive(Clone, Copy, PartialEq)]
enum Law {
    Normal,
    Uniform,
}

fn collect<T: Draw + Into<f64>>(n: usize, fill: impl FnOnce(&mut [T])) -> Vec<f64> {
    let mut out = vec![T::default(); n];
    fill(&mut out);
    out.into_iter().map(Into::into).collect()
}

const CASES: [Case; 6] = [
    ("normal f32", |noise, n| collect(n, |out| noise.fill_normal_f32(out)), Law::Normal),
    ("normal f64", |noise, n| collect(n, |out| noise.fill_normal_f64(out)), Law::Normal),
    ("uniform f32", |noise, n| collect(n, |out| noise.fill_uniform_f32(out)), Law::Uniform),
    ("uniform f64", |noise, n| collect(n, |out| noise.fill_uniform_f64(out)), Law::Uniform),
    (
        "rand_distr normal",
        |noise, n| Array1::random_using(n, StandardNormal, &mut noise.rng()).to_vec(),
        Law::Normal,
    ),
    (
        "rand_distr uniform",
        |noise, n| {
            let unit = UniformOn::new(0.0, 1.0).expect("a proper interval");
            Array1::random_using(n, unit, &mut noise.rng()).to_vec()
        },
        Law::Uniform,
    ),
];

/// Zero mean and unit variance under the law.
fn standardise(law: Law, draws: Vec<f64>) -> Vec<f64> {
    match law {
        Law::Normal => draws,
        Law::Uniform => draws.into_iter().map(|u| (u - 0.5) * 12f64.sqrt()).collect(),
    }
}

/// Φ(x) = ½ + φ(x)(x + x³/3 + x⁵/(3·5) + …) (Marsaglia, "Evaluating the normal distribution", 2004).
fn normal_cdf(x: f64) -> f64 {
    if x.abs() > 7.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum, mut k) = (x, x, 1.0);
    while term.abs() > 1e-17 * sum.abs() {
        k += 2.0;
        term *= x * x / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

fn mean(x: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = x.len() as f64;
    x.sum::<f64>() / n
}

#[test]
fn moments_are_within_four_standard_errors() {
    let n = 1 << 20;
    for ((name, draw, law), seed) in CASES.iter().flat_map(|c| SEEDS.map(|s| (c, s))) {
        let x = standardise(*law, draw(Noise::new(seed), n));
        // E xᵏ and E x²ᵏ, k = 1 … 4: the standard error of the mean of xᵏ is √((E x²ᵏ − (E xᵏ)²)/n).
        let (moments, doubled) = match law {
            Law::Normal => ([0.0, 1.0, 0.0, 3.0], [1.0, 3.0, 15.0, 105.0]),
            Law::Uniform => ([0.0, 1.0, 0.0, 9.0 / 5.0], [1.0, 9.0 / 5.0, 27.0 / 7.0, 9.0]),
        };
        for k in 0..4 {
            let error = mean(x.iter().map(|x| x.powi(k as i32 + 1))) - moments[k];
            let standard = ((doubled[k] - moments[k] * moments[k]) / n as f64).sqrt();
            assert!(
                error.abs() < 4.0 * standard,
                "{name}, seed {seed}, moment {}: {error:e}, standard error {standard:e}",
                k + 1
            );
        }
    }
}

#[test]
fn kolmogorov_and_smirnov_accept_the_distribution() {
    let n = 1 << 18;
    for ((name, draw, law), seed) in CASES.iter().flat_map(|c| SEEDS.map(|s| (c, s))) {
        let mut x = draw(Noise::new(seed), n);
        x.sort_by(f64::total_cmp);
        let distance = x.iter().enumerate().map(|(i, &x)| {
            let cdf = if *law == Law::Normal { normal_cdf(x) } else { x };
            (cdf - i as f64 / n as f64).max((i + 1) as f64 / n as f64 - cdf)
        });
        let statistic = distance.fold(0.0, f64::max) * (n as f64).sqrt();
        // P(statistic > 1.95) = 0.001.
        assert!(statistic < 1.95, "{name}, seed {seed}: {statistic}");
    }
}

#[test]
fn tails_are_as_heavy_as_a_normal_s() {
    let n = 1 << 22;
    for (name, draw, _) in CASES.iter().filter(|c| c.2 == Law::Normal) {
        let x = draw(Noise::new(5), n);
        for bound in [3.0, 4.0, 4.5] {
            let expected = 2.0 * normal_cdf(-bound) * n as f64;
            let count = x.iter().filter(|x| x.abs() > bound).count() as f64;
            let error = (count - expected) / expected.sqrt();
            assert!(error.abs() < 4.0, "{name}: {count} beyond {bound}, expected {expected}");
        }
    }
}

/// Correlation of x with y, of x² with y² and of x with y²: each in units of its standard error, 1/√n.
fn correlations(x: &[f64], y: &[f64]) -> [f64; 3] {
    let spread = |x: &[f64]| mean(x.iter().map(|x| (x * x - 1.0).powi(2))).sqrt();
    let (sx, sy) = (spread(x), spread(y));
    let root = (x.len() as f64).sqrt();
    let sum = |f: &dyn Fn(f64, f64) -> f64| mean(x.iter().zip(y).map(|(&x, &y)| f(x, y))) * root;
    [
        sum(&|x, y| x * y),
        sum(&|x, y| (x * x - 1.0) * (y * y - 1.0) / (sx * sy)),
        sum(&|x, y| x * (y * y - 1.0) / sy),
    ]
}

#[test]
fn draws_of_one_stream_are_uncorrelated() {
    // Neighbours, the two draws of one block, one group, and their neighbours.
    let lags = [1, 2, 3, 4, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 128, 1024, CHUNK];
    let n = 1 << 19;
    for (name, draw, law) in CASES {
        let x = standardise(law, draw(Noise::new(11), n + CHUNK));
        for lag in lags {
            let found = correlations(&x[..n], &x[lag..][..n]);
            assert!(found.iter().all(|c| c.abs() < 4.5), "{name}, lag {lag}: {found:?}");
        }
    }
}

#[test]
fn streams_and_seeds_are_uncorrelated() {
    let root = Noise::new(3);
    let family = [
        root,
        Noise::new(4),
        Noise::new(3 | 1 << 32),
        root.stream(0),
        root.stream(1),
        root.stream(1 << 32),
        root.stream(0).stream(0),
        root.stream(0).stream(1),
        root.stream(1).stream(0),
    ];
    let n = 1 << 17;
    for (name, draw, law) in CASES {
        let draws = family.map(|noise| standardise(law, draw(noise, n)));
        for (i, j) in (0..family.len()).flat_map(|i| (0..i).map(move |j| (i, j))) {
            let found = correlations(&draws[i], &draws[j]);
            assert!(found.iter().all(|c| c.abs() < 4.5), "{name}, {i} and {j}: {found:?}");
        }
    }
    // A stream's sequential generator is apart from its uniforms, though both are made of Philox words.
    let [fills, words] = [CASES[3], CASES[5]].map(|c| standardise(c.2, c.1(root, n)));
    assert!(correlations(&fills, &words)[0].abs() < 4.5);
}

#[test]
fn descendants_do_not_collide() {
    let mut seen = HashSet::new();
    for seed in 0..20 {
        let root = Noise::new(seed);
        assert!(seen.insert(root));
        for step in 0..40 {
            assert!(seen.insert(root.stream(step)));
            for layer in 0..40 {
                assert!(seen.insert(root.stream(step).stream(layer)), "{seed} {step} {layer}");
            }
        }
    }
    let firsts: HashSet<u64> = seen.iter().map(|noise| noise.rng().next_u64()).collect();
    assert_eq!(firsts.len(), seen.len());
}

/// Draws `first ..` with one instruction set, by every kind of fill, as bits.
fn bits(noise: Noise, isa: Isa, first: u64, n: usize) -> Vec<u64> {
    fn one<T: Draw, M: Map>(noise: Noise, isa: Isa, first: u64, n: usize) -> Vec<T> {
        let mut out = vec![T::default(); n];
        let map = std::marker::PhantomData;
        dispatch_on(isa, Fill::<T, M> { noise, first, out: &mut out, map });
        out
    }
    let mut bits = Vec::new();
    bits.extend(one::<f32, Normal>(noise, isa, first, n).iter().map(|x| u64::from(x.to_bits())));
    bits.extend(one::<f32, Uniform>(noise, isa, first, n).iter().map(|x| u64::from(x.to_bits())));
    bits.extend(one::<f64, Normal>(noise, isa, first, n).iter().map(|x| x.to_bits()));
    bits.extend(one::<f64, Uniform>(noise, isa, first, n).iter().map(|x| x.to_bits()));
    bits
}

#[test]
fn every_instruction_set_draws_the_same_bits() {
    for seed in SEEDS {
        // The last: block indices beyond 32 bits.
        for first in [0, 64, 77, (1 << 40) + 9] {
            let noise = Noise::new(seed).stream(seed);
            let portable = bits(noise, Isa::Portable, first, 10_000);
            for isa in [Isa::Avx2, Isa::Avx512] {
                assert!(bits(noise, isa, first, 10_000) == portable, "{isa:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn any_number_of_threads_draws_the_same_bits() {
    for n in [0, 1, 100, CHUNK + 3, 2 * CHUNK, 9 * CHUNK + 77] {
        for (name, draw, _) in CASES {
            let noise = Noise::new(8);
            let alone = draw(noise, n);
            for threads in [1, 2, 3, 8] {
                let drawn = with_threads(threads, || draw(noise, n));
                assert!(drawn == alone, "{name}, {n} draws, {threads} threads");
            }
        }
    }
}

#[test]
fn a_range_is_a_piece_of_the_sequence() {
    let noise = Noise::new(21).stream(2);
    let (mut single, mut double) = ([0f32; 200], [0f64; 200]);
    noise.fill_normal_f32(&mut single);
    noise.fill_normal_f64(&mut double);
    for (first, length) in (0..=70).flat_map(|first| (0..=70).map(move |length| (first, length))) {
        let mut out = vec![f32::NAN; length];
        noise.normal_range_f32(first as u64, &mut out);
        assert_eq!(out, single[first..][..length], "f32, {length} from {first}");
        let mut out = vec![f64::NAN; length];
        noise.normal_range_f64(first as u64, &mut out);
        assert_eq!(out, double[first..][..length], "f64, {length} from {first}");
    }
}

#[test]
fn draws_are_functions_of_the_words_at_their_place() {
    // Element i of a group comes from word i / 16 of block i % 16.
    let noise = Noise::new(9).stream(4);
    let mut uniform = [0f32; 3 * GROUP];
    noise.fill_uniform_f32(&mut uniform);
    for (i, &u) in uniform.iter().enumerate() {
        let block = (i / GROUP * 16 + i % 16) as u64;
        let key = [noise.seed as u32, (noise.seed >> 32) as u32];
        let words = philox4x32([block, 0, noise.stream, noise.stream >> 32], key);
        assert_eq!(u, (words[i % GROUP / 16] >> 8) as f32 / (1 << 24) as f32);
    }
}

#[test]
fn a_generator_resumes_anywhere() {
    let words: Vec<u32> = {
        let mut rng = Noise::new(2).rng();
        (0..300).map(|_| rng.next_u32()).collect()
    };
    for position in 0..300 {
        let mut rng = Noise::new(2).rng();
        rng.next_u32();
        rng.set_position(position as u64);
        assert_eq!(rng.position(), position as u64);
        let rest: Vec<u32> = words[position..].iter().map(|_| rng.next_u32()).collect();
        assert_eq!(rest, words[position..]);
    }
}

#[test]
fn a_generator_s_words_bytes_and_long_words_agree() {
    let mut words = Noise::new(2).rng();
    let mut bytes = Noise::new(2).rng();
    let mut long = Noise::new(2).rng();
    for _ in 0..500 {
        let (low, high) = (words.next_u32(), words.next_u32());
        assert_eq!(long.next_u64(), u64::from(high) << 32 | u64::from(low));
        let mut five = [0; 5];
        bytes.fill_bytes(&mut five);
        assert_eq!(five[..4], low.to_le_bytes());
        assert_eq!(five[4], high.to_le_bytes()[0]);
    }
}

#[test]
fn a_generator_s_seed_is_that_of_its_noise() {
    let mut seed = [0; 16];
    seed[0] = 7;
    assert_eq!(NoiseRng::from_seed(seed).next_u64(), Noise::new(7).rng().next_u64());
    seed[8] = 1;
    let other = Noise { seed: 7, stream: 1 };
    assert_eq!(NoiseRng::from_seed(seed).next_u64(), other.rng().next_u64());
    let [mut a, mut b] = [1, 2].map(NoiseRng::seed_from_u64);
    assert_ne!(a.next_u64(), b.next_u64());
}

#[test]
fn the_rand_ecosystem_draws_from_a_generator() {
    let mut rng = Noise::new(1).rng();
    let x: Array2<f64> = Array2::random_using((300, 300), Exp1, &mut rng);
    assert!((x.mean().unwrap() - 1.0).abs() < 4.0 / 300.0);
    let mut order: Vec<usize> = (0..100).collect();
    order.shuffle(&mut rng);
    assert!(order != (0..100).collect::<Vec<_>>());
}

#[test]
fn a_permutation_holds_every_index_once() {
    for n in (0..70).chain([1000, 60_000]) {
        let order = Noise::new(6).permutation(n);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..n), "{n}");
        assert!(n < 20 || !order.into_iter().eq(0..n), "{n}: shuffled");
    }
}

#[test]
fn every_permutation_is_equally_likely() {
    let mut counts = std::collections::HashMap::new();
    let draws = 240_000;
    for i in 0..draws {
        *counts.entry(Noise::new(14).stream(i).permutation(4)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    let expected = draws as f64 / 24.0;
    let chi_squared: f64 =
        counts.values().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
    // 23 degrees of freedom: 49.7 is exceeded once in a thousand, 7.5 undercut as seldom.
    assert!((7.5..49.7).contains(&chi_squared), "{chi_squared}");
}

#[test]
fn bounded_integers_have_no_bias() {
    // Without rejection, multiples of three would come up half of the time.
    let (bound, n) = (3 << 62, 100_000);
    let mut rng = Noise::new(17).rng();
    let multiples = (0..n).filter(|_| rng.below(bound).is_multiple_of(3)).count() as f64;
    let error = (multiples - n as f64 / 3.0) / (n as f64 * 2.0 / 9.0).sqrt();
    assert!(error.abs() < 4.0, "{error}");
    assert!((1..100).all(|bound| rng.below(bound) < bound));
}

#[test]
fn noise_can_be_stored() {
    let noise = Noise::new(u64::MAX).stream(3);
    let text = serde_json::to_string(&noise).unwrap();
    assert_eq!(serde_json::from_str::<Noise>(&text).unwrap(), noise);
}
