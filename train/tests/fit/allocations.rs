//! From the second epoch on nothing of the size of the data is taken from the heap.
//!
//! Counted in the fit loop itself: two runs that differ in their number of epochs alone differ by what the further
//! epochs took. On one thread, the one whose allocations are counted.

use crate::cases::{Law, Sizes, each};
use allocation_counter::measure;
use evidence_autodiff::kernels::threads::with_threads;
use evidence_models::Model;
use evidence_optim::Adam;
use evidence_train::data::Dataset;
use evidence_train::{FitOptions, fit};

/// A batch is 256 or 512 KiB of `f32`, its activations are as much, the first layer's weights 256 KiB.
const SIZES: Sizes = Sizes { rows: 1024, width: 256, hidden: 256 };
/// In one piece, and in shards where the model allows them.
const BATCHES: [usize; 2] = [256, 512];
/// What a step may take for its bookkeeping, nodes and lists of rows and of class labels among it: a quarter of the smallest of these.
const BYTES: i64 = 64 << 10;

struct Allocations;

impl Law for Allocations {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        for (batch, validation) in
            BATCHES.into_iter().flat_map(|batch| [(batch, None), (batch, Some(data))])
        {
            let bytes = |epochs| {
                let options = FitOptions { epochs, batch, ..FitOptions::default() };
                let mut adam = Adam::new(1e-3).unwrap();
                let model = model.clone();
                let mut run = || {
                    fit::<f32, _>(model.clone(), data, validation, &mut adam, &options, |_| ())
                        .unwrap()
                };
                with_threads(1, || measure(|| drop(run())).bytes_total) as i64
            };
            // Each in a thread of its own: workers keep the tapes of their shards from one run to the next.
            let fresh = |epochs| std::thread::scope(|s| s.spawn(|| bytes(epochs)).join().unwrap());
            let (short, long) = (fresh(1), fresh(11));
            assert!(short > 100_000, "{name}: the count sees the first steps, {short} bytes");
            // Below zero where the shorter run's weights lie across cache lines and the longer one's do not: a product
            // takes 48 KiB of room for a copy of them then, once a thread.
            let steps = 10 * (SIZES.rows / batch) as i64;
            let each = (long - short) / steps;
            println!("{name}, {batch} rows, watched {}: {each} bytes a step", validation.is_some());
            assert!(
                each <= BYTES,
                "{name}, {batch} rows: {each} bytes a step, watched {}",
                validation.is_some()
            );
        }
    }
}

#[test]
fn a_step_takes_no_memory_of_the_size_of_its_data() {
    each(SIZES, &Allocations);
}
