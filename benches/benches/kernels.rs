//! The kernels under the ops: matrix products, elementwise maths, noise.
//!
//! Criterion reports elements per second. For matrix products an element is a floating-point operation (2·m·n·k of them), so that
//! Gelem/s reads as GFLOP/s. Data are random; threads are those of one pool, entered once.

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use criterion::{BenchmarkId, measurement::WallTime};
use evidence_autodiff::kernels::elementwise::{Unary, map};
use evidence_autodiff::kernels::matmul::{Backend, MatMut, set_backend};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Noise, Real};
use evidence_benches::products::{PRODUCTS, Product, normals};

const THREADS: [usize; 2] = [1, 2];

fn products<T: Real>(c: &mut Criterion, scalar: &str) {
    for (backend, name) in
        [(Backend::Own, "own"), (Backend::Gemm, "gemm"), (Backend::Portable, "matrixmultiply")]
    {
        let mut group = c.benchmark_group(format!("matmul {scalar} {name}"));
        for product in PRODUCTS {
            let (a, b) = product.operands::<T>();
            let (a, b) = product.views(&a, &b);
            let shape = product.to_string();
            group.throughput(Throughput::Elements(product.operations()));
            for threads in THREADS {
                group.bench_function(
                    BenchmarkId::new(&shape, format!("{threads} thread(s)")),
                    |bencher| {
                        with_threads(threads, || {
                            set_backend(Some(backend));
                            let Product { m, n, .. } = product;
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
