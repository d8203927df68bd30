//! Times matrix products: `matmul --threads N [--backend own|gemm|portable] [--f64] [--seconds S] --json`.
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use evidence_autodiff::Real;
use evidence_autodiff::kernels::matmul::{Backend, MatMut, set_backend};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_benches::products::{PRODUCTS, Product};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Times the products that the training steps multiply, and squares.
#[derive(Debug, Parser)]
struct Arguments {
    /// Threads (0: one per core)
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Whose kernel; without it the one that the engine takes for each size
    #[arg(long, value_enum)]
    backend: Option<Kernel>,
    /// In f64 instead of f32
    #[arg(long)]
    f64: bool,
    /// How long to measure each product
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// Prints a JSON object for each product, a line each
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kernel {
    /// The engine's own
    Own,
    /// The crate gemm's
    Gemm,
    /// The crate matrixmultiply's
    Portable,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    product: Product,
    median_gflops: f64,
    best_gflops: f64,
}

/// At least so many times, after as many that are not timed.
const FEWEST: usize = 5;

fn main() {
    let asked = Arguments::parse();
    set_backend(asked.backend.map(|kernel| match kernel {
        Kernel::Own => Backend::Own,
        Kernel::Gemm => Backend::Gemm,
        Kernel::Portable => Backend::Portable,
    }));
    with_threads(asked.threads, || {
        for product in PRODUCTS {
            let report = if asked.f64 {
                measure::<f64>(product, asked.seconds)
            } else {
                measure::<f32>(product, asked.seconds)
            };
            if asked.json {
                let line =
                    serde_json::to_string(&report).expect("a report holds only text and numbers");
                println!("{line}");
            } else {
                println!(
                    "{:>24}  median {:6.1} GFLOP/s, best {:6.1}",
                    product.to_string(),
                    report.median_gflops,
                    report.best_gflops
                );
            }
        }
    });
}

fn measure<T: Real>(product: Product, seconds: f64) -> Report {
    let (a, b) = product.operands::<T>();
    let mut c = vec![T::zero(); product.m * product.n];
    let mut once = || {
        let (a, b) = product.views(&a, &b);
        T::matmul(T::one(), a, b, T::zero(), &mut MatMut::new(&mut c, product.m, product.n));
    };
    for _ in 0..FEWEST {
        once();
    }
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs_f64(seconds.max(0.0));
    while times.len() < FEWEST || Instant::now() < end {
        let before = Instant::now();
        once();
        times.push(before.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let rate = |time: f64| product.operations() as f64 / time / 1e9;
    Report { product, median_gflops: rate(times[times.len() / 2]), best_gflops: rate(times[0]) }
}
