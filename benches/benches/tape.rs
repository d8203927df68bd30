//! The tape's own cost: a chain of elementwise ops on eight floats, forward and backward.
//!
//! Eight floats take a nanosecond or so to compute; what is left is recording, walking and recycling.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use evidence_autodiff::{Noise, Tape};
use ndarray::ArrayD;

const OPS: u64 = 1_000;

fn chain(c: &mut Criterion) {
    let mut x = ArrayD::<f32>::zeros(vec![8]);
    Noise::new(0).fill_normal_f32(x.as_slice_mut().expect("fresh arrays are contiguous"));
    let x = x.into_shared();
    let mut group = c.benchmark_group("tape");
    // Reported as elements per second: one element is one op, forward and backward.
    group.throughput(Throughput::Elements(OPS));
    group.bench_function("chain of 1,000 tanh on 8 floats, forward and backward", |b| {
        let mut tape = Tape::new();
        b.iter(|| {
            let gradient = {
                let x = tape.variable(&x);
                let last = (0..OPS).fold(x, |y, _| y.tanh());
                last.sum(..).backward().take(x)
            };
            tape.reset();
            gradient
        });
    });
    group.bench_function("chain of 1,000 add and mul on 8 floats, forward and backward", |b| {
        let mut tape = Tape::new();
        b.iter(|| {
            let gradient = {
                let x = tape.variable(&x);
                let last = (0..OPS / 2).fold(x, |y, _| y * x + x);
                last.sum(..).backward().take(x)
            };
            tape.reset();
            gradient
        });
    });
    group.finish();
}

criterion_group!(benches, chain);
criterion_main!(benches);
