//! Ops of the tape at the sizes of training steps: forward, and forward with backward, on one thread and on two.
//!
//! Elements per second are those of the first input.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Activation, Array, Noise, Tape, Var, Window};
use ndarray::ArrayD;

type Op = for<'t> fn(&[Var<'t, f32>]) -> Var<'t, f32>;

/// From 14 × 14 pixels to 7 × 7, and back: the middle of the notebook's network.
const HALVE: Window = Window { stride: 2, padding: 1 };

/// Name, shapes of the inputs, the op.
const OPS: [(&str, &[&[usize]], Op); 18] = [
    ("add", &[&[256, 512], &[256, 512]], |x| x[0] + x[1]),
    ("add a row", &[&[256, 512], &[512]], |x| x[0] + x[1]),
    ("mul", &[&[256, 512], &[256, 512]], |x| x[0] * x[1]),
    ("exp", &[&[256, 512]], |x| x[0].exp()),
    ("tanh", &[&[256, 512]], |x| x[0].tanh()),
    ("softplus", &[&[256, 512]], |x| x[0].softplus()),
    ("gelu", &[&[256, 512]], |x| x[0].gelu()),
    ("sum of rows", &[&[256, 512]], |x| x[0].sum(-1)),
    ("logsumexp of rows", &[&[256, 512]], |x| x[0].logsumexp(-1)),
    ("log_softmax of rows", &[&[256, 512]], |x| x[0].log_softmax(-1)),
    ("transpose", &[&[256, 512]], |x| x[0].t()),
    ("slice of columns", &[&[256, 512]], |x| x[0].slice(1, 0..256)),
    ("matmul", &[&[256, 512], &[512, 512]], |x| x[0].matmul(x[1])),
    ("affine", &[&[256, 512], &[512, 512], &[512]], |x| x[0].affine(x[1], x[2])),
    ("affine with ReLU", &[&[256, 512], &[512, 512], &[512]], |x| {
        x[0].affine_with(x[1], x[2], Activation::Relu)
    }),
    ("conv2d", &[&[64, 14, 14, 32], &[3, 3, 32, 64]], |x| x[0].conv2d(x[1], HALVE)),
    ("conv_transpose2d", &[&[64, 7, 7, 64], &[3, 3, 32, 64]], |x| {
        x[0].conv_transpose2d(x[1], HALVE, 1)
    }),
    ("coupling", &[&[512, 22], &[512, 22], &[512, 22]], |x| {
        x[0].coupling_affine(x[1].bounded(1.0), x[2])
    }),
];

fn normals(shape: &[usize], stream: u64) -> Array<f32> {
    let mut x = ArrayD::<f32>::zeros(shape);
    let noise = Noise::new(0).stream(stream);
    noise.fill_normal_f32(x.as_slice_mut().expect("fresh arrays are contiguous"));
    x.into_shared()
}

fn ops(c: &mut Criterion) {
    for (name, shapes, op) in OPS {
        let inputs: Vec<_> = (0..).zip(shapes).map(|(i, shape)| normals(shape, i)).collect();
        let mut group = c.benchmark_group(format!("op {name}"));
        group.throughput(Throughput::Elements(inputs[0].len() as u64));
        for backward in [false, true] {
            let pass = if backward { "forward and backward" } else { "forward" };
            for threads in [1, 2] {
                let id = BenchmarkId::new(pass, format!("{threads} thread(s)"));
                group.bench_function(id, |bencher| {
                    with_threads(threads, || {
                        let mut tape = Tape::new();
                        bencher.iter(|| {
                            {
                                let x: Vec<_> = inputs.iter().map(|x| tape.variable(x)).collect();
                                let y = op(&x);
                                if backward {
                                    drop(y.vjp(y.value()));
                                }
                            }
                            tape.reset();
                        });
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, ops);
criterion_main!(benches);
