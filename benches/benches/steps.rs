//! Whole training steps, and how they scale with threads, batch, depth and width.
//!
//! Where something is scaled, criterion reports units of it per second (rows, couplings): a flat figure is linear scaling.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_benches::workloads::{Sizes, Workload};

const THREADS: [usize; 2] = [1, 2];

fn time(c: &mut Criterion, group: &str, workload: Workload, cases: &[(u64, Sizes)]) {
    let mut group = c.benchmark_group(group);
    for &(units, sizes) in cases {
        group.throughput(Throughput::Elements(units));
        for threads in THREADS {
            group.bench_function(
                BenchmarkId::new(units.to_string(), format!("{threads} thread(s)")),
                |bencher| {
                    with_threads(threads, || {
                        let mut run = workload.start(sizes);
                        bencher.iter(|| run.step());
                    });
                },
            );
        }
    }
    group.finish();
}

fn workloads(c: &mut Criterion) {
    for (name, workload) in [
        ("mlp", Workload::Mlp),
        ("bnn_small", Workload::BnnSmall),
        ("bnn_big", Workload::BnnBig),
        ("vae", Workload::Vae),
        ("vae_iwae", Workload::VaeIwae),
        ("conv_vae", Workload::ConvVae),
        ("flow_small", Workload::FlowSmall),
        ("flow_big", Workload::FlowBig),
    ] {
        time(c, &format!("step {name}"), workload, &[(1, Sizes::default())]);
    }
}

fn scaling(c: &mut Criterion) {
    let batches = [32, 128, 512, 2048]
        .map(|batch| (batch as u64, Sizes { batch: Some(batch), ..Sizes::default() }));
    time(c, "step vae, by rows of the batch", Workload::Vae, &batches);
    let couplings =
        [2, 5, 10, 20, 40].map(|n| (n as u64, Sizes { couplings: Some(n), ..Sizes::default() }));
    time(c, "step flow_big, by couplings", Workload::FlowBig, &couplings);
    let depths =
        [1, 2, 4, 8].map(|n| (n as u64, Sizes { hidden_layers: Some(n), ..Sizes::default() }));
    time(c, "step mlp, by hidden layers", Workload::Mlp, &depths);
    let widths =
        [64, 128, 256, 512, 1024].map(|n| (n as u64, Sizes { width: Some(n), ..Sizes::default() }));
    time(c, "step mlp, by width", Workload::Mlp, &widths);
}

criterion_group!(benches, workloads, scaling);
criterion_main!(benches);
