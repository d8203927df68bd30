//! The tape's own cost: chains of elementwise ops on eight floats, forward and backward.
//!
//! Eight floats take a nanosecond or so to compute; what is left is recording, walking and recycling. Reported as elements per
//! second: one element is one op, forward and backward.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use evidence_autodiff::{Array, Noise, Tape, Var};
use ndarray::ArrayD;

const OPS: u64 = 1_000;

fn eight(stream: u64) -> Array<f32> {
    let mut x = ArrayD::<f32>::zeros(vec![8]);
    let noise = Noise::new(0).stream(stream);
    noise.fill_normal_f32(x.as_slice_mut().expect("fresh arrays are contiguous"));
    x.into_shared()
}

/// A chain from x, and two arrays it may use at every link.
type Chain = for<'t> fn(x: Var<'t, f32>, w: Var<'t, f32>, b: Var<'t, f32>) -> Var<'t, f32>;

/// y w + b, again and again.
fn affine<'t>(x: Var<'t, f32>, w: Var<'t, f32>, b: Var<'t, f32>) -> Var<'t, f32> {
    (0..OPS / 2).fold(x, |y, _| y * w + b)
}

fn chain(c: &mut Criterion) {
    let cases: [(&str, bool, Chain); 3] = [
        ("tanh", false, |x, _, _| (0..OPS).fold(x, |y, _| y.tanh())),
        ("mul and add of constants", false, affine),
        ("mul and add of variables", true, affine),
    ];
    let [x, w, b] = [0, 1, 2].map(eight);
    let mut group = c.benchmark_group("tape, 1,000 ops on 8 floats");
    group.throughput(Throughput::Elements(OPS));
    for (name, variables, chain) in cases {
        group.bench_function(name, |bencher| {
            let mut tape = Tape::new();
            bencher.iter(|| {
                let gradient = {
                    let x = tape.variable(&x);
                    let leaf = |array| {
                        if variables { tape.variable(array) } else { tape.constant(array) }
                    };
                    chain(x, leaf(&w), leaf(&b)).sum(..).backward().take(x)
                };
                tape.reset();
                gradient
            });
        });
    }
    group.finish();
}

criterion_group!(benches, chain);
criterion_main!(benches);
