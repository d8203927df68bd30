//! The seed alone decides the result, to the last bit.

use crate::cases::{Law, SMALL, Sizes, bits, each, others, run};
use evidence_autodiff::kernels::threads::{FORK_MIN_ELEMENTS, with_threads};
use evidence_models::Model;
use evidence_train::data::Dataset;
use evidence_train::{FitOptions, Stop};

/// Batches and weights above the sizes from which kernels fork.
const FORKING: Sizes = Sizes { rows: 1280, width: 64, hidden: 512 };
const BATCH: usize = 640;

struct Threads;

impl Law for Threads {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        // Fifty steps, of two shards each where the model allows them.
        let options = FitOptions { epochs: 25, batch: BATCH, seed: 3, ..FitOptions::default() };
        let on = |threads| {
            with_threads(threads, || {
                let fitted = run(&model, data, &options);
                let losses: Vec<u64> = fitted.history.iter().map(|e| e.loss.to_bits()).collect();
                (bits(&fitted.model), losses)
            })
        };
        let alone = on(1);
        assert_eq!(alone.1.len(), options.epochs);
        for threads in [2, 3, 8] {
            assert!(on(threads) == alone, "{name}: other bits on {threads} threads");
        }
    }
}

#[test]
fn the_bits_are_the_same_on_any_number_of_threads() {
    const { assert!(FORKING.width * FORKING.hidden >= FORK_MIN_ELEMENTS) }
    const { assert!(FORKING.width * BATCH >= FORK_MIN_ELEMENTS) }
    each(FORKING, &Threads);
    others(FORKING, &Threads);
}

struct Seeds;

impl Law for Seeds {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let with = |seed| {
            let options = FitOptions { epochs: 2, batch: 20, seed, ..FitOptions::default() };
            let fitted = run(&model, data, &options);
            assert_eq!(fitted.stop, Stop::Finished);
            bits(&fitted.model)
        };
        let first = with(0);
        assert!(with(0) == first, "{name}: one seed, two results");
        for seed in [1, u64::MAX] {
            assert!(with(seed) != first, "{name}: seed {seed} does what 0 does");
        }
    }
}

#[test]
fn the_seed_decides() {
    each(SMALL, &Seeds);
}
