//! The kernels under the ops: matrix products, elementwise maths, noise.
//!
//! Criterion reports elements per second. For matrix products an element is a floating-point operation (2·m·n·k of them), so that
//! Gelem/s reads as GFLOP/s. Data are random; threads are those of one pool, entered once.

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use criterion::{BenchmarkId, measurement::WallTime};
use evidence_autodiff::kernels::elementwise::{Unary, map};
use evidence_autodiff::kernels::matmul::{Backend, MatMut, MatRef, set_backend};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Noise, Real};

const THREADS: [usize; 2] = [1, 2];

fn normals<T: Real>(len: usize, stream: u64) -> Vec<T> {
    let mut numbers = vec![T::zero(); len];
    T::fill_normal(Noise::new(0).stream(stream), 0, &mut numbers);
    numbers
}

/// m, k, n, and whether A and B are transposed views: squares, then what the training steps multiply.
const SHAPES: [(usize, usize, usize, bool, bool); 20] = [
    (64, 64, 64, false, false),
    (256, 256, 256, false, false),
    (512, 512, 512, false, false),
    (1024, 1024, 1024, false, false),
    (2048, 2048, 2048, false, false),
    (256, 784, 512, false, false),
    (784, 256, 512, true, false),
    (256, 512, 512, false, true),
    (128, 784, 400, false, false),
    (784, 128, 400, true, false),
    (128, 784, 400, false, true),
    (128, 400, 784, false, false),
    (1000, 200, 784, false, false),
    (200, 1000, 784, true, false),
    (1000, 784, 200, false, true),
    (512, 22, 256, false, false),
    (512, 256, 256, false, false),
    (256, 512, 256, true, false),
    (512, 256, 256, false, true),
    (512, 64, 64, false, false),
];

fn products<T: Real>(c: &mut Criterion, scalar: &str) {
    for (backend, name) in
        [(Backend::Own, "own"), (Backend::Gemm, "gemm"), (Backend::Portable, "matrixmultiply")]
    {
        let mut group = c.benchmark_group(format!("matmul {scalar} {name}"));
        for (m, k, n, a_transposed, b_transposed) in SHAPES {
            let (a, b) = (normals::<T>(m * k, 0), normals::<T>(k * n, 1));
            let view = |x, rows, columns, transposed| {
                if transposed {
                    MatRef::new(x, columns, rows).t()
                } else {
                    MatRef::new(x, rows, columns)
                }
            };
            let (a, b) = (view(&a, m, k, a_transposed), view(&b, k, n, b_transposed));
            let mark = |transposed| if transposed { "ᵀ" } else { "" };
            let shape = format!("{m}×{k}{}·{k}×{n}{}", mark(a_transposed), mark(b_transposed));
            group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
            for threads in THREADS {
                group.bench_function(
                    BenchmarkId::new(&shape, format!("{threads} thread(s)")),
                    |bencher| {
                        with_threads(threads, || {
                            set_backend(Some(backend));
                            let mut c = vec![T::zero(); m * n];
                            bencher.iter(|| {
                                T::matmul(T::one(), a, b, T::zero(), &mut MatMut::new(&mut c, m, n))
                            });
                            set_backend(None);
                        });
                    },
                );
            }
        }
        group.finish();
    }
}

/// A function of [`Real`] as a kernel.
macro_rules! function {
    ($name:ident, $x:ident => $f:expr) => {
        #[derive(Clone, Copy)]
        struct $name;
        impl<T: Real> Unary<T> for $name {
            const NAME: &'static str = stringify!($name);
            #[inline(always)]
            fn f(self, $x: T) -> T {
                $f
            }
            #[inline(always)]
            fn df(self, _: T, y: T) -> T {
                y
            }
        }
    };
}
function!(Exp, x => x.exp());
function!(Ln, x => x.abs().ln());
function!(Ln1p, x => x.abs().ln_1p());
function!(Expm1, x => x.expm1());
function!(Tanh, x => x.tanh());
function!(Sigmoid, x => x.sigmoid());
function!(Softplus, x => x.softplus());
function!(Sin, x => x.sin());
function!(Cos, x => x.cos());
function!(Erf, x => x.erf());

/// In L1, and beyond L2.
const LENGTHS: [usize; 2] = [4096, 1 << 20];

fn maths<T: Real>(c: &mut Criterion, scalar: &str) {
    fn time<T: Real, F: Unary<T>>(group: &mut BenchmarkGroup<'_, WallTime>, f: F, len: usize) {
        let (x, mut y) = (normals::<T>(len, 0), vec![T::zero(); len]);
        group.throughput(Throughput::Elements(len as u64));
        group.bench_function(BenchmarkId::new(F::NAME, len), |bencher| {
            bencher.iter(|| map(f, &x, &mut y))
        });
    }
    let mut group = c.benchmark_group(format!("maths {scalar}, 1 thread"));
    for len in LENGTHS {
        time::<T, _>(&mut group, Exp, len);
        time::<T, _>(&mut group, Ln, len);
        time::<T, _>(&mut group, Ln1p, len);
        time::<T, _>(&mut group, Expm1, len);
        time::<T, _>(&mut group, Tanh, len);
        time::<T, _>(&mut group, Sigmoid, len);
        time::<T, _>(&mut group, Softplus, len);
        time::<T, _>(&mut group, Sin, len);
        time::<T, _>(&mut group, Cos, len);
        time::<T, _>(&mut group, Erf, len);
    }
    group.finish();
}

fn noise<T: Real>(c: &mut Criterion, scalar: &str) {
    let mut group = c.benchmark_group(format!("normals {scalar}"));
    for len in LENGTHS {
        group.throughput(Throughput::Elements(len as u64));
        for threads in THREADS {
            group.bench_function(
                BenchmarkId::new(len.to_string(), format!("{threads} thread(s)")),
                |bencher| {
                    with_threads(threads, || {
                        let mut out = vec![T::zero(); len];
                        bencher.iter(|| T::fill_normal(Noise::new(1), 0, &mut out));
                    });
                },
            );
        }
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    products::<f32>(c, "f32");
    products::<f64>(c, "f64");
    maths::<f32>(c, "f32");
    maths::<f64>(c, "f64");
    noise::<f32>(c, "f32");
    noise::<f64>(c, "f64");
}

criterion_group!(benches, all);
criterion_main!(benches);
