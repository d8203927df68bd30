//! Times whole training steps: `step_time WORKLOAD --threads N [--batch B] [--couplings K] [--seconds S] --json`.
#![forbid(unsafe_code)]

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_benches::workloads::{Sizes, Workload};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Times whole training steps of a workload, on one fixed batch.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to train
    workload: Workload,
    /// Threads (0: one per core)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024))]
    threads: u16,
    /// Rows of the batch, instead of the workload's own
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Couplings of a flow, instead of the workload's own
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    couplings: Option<u32>,
    /// How long to measure
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// At most an hour.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "give a number of seconds from 0 to 3600".to_owned())
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Report {
    workload: String,
    threads: usize,
    batch: usize,
    median_us: f64,
    min_us: f64,
    steps: usize,
    peak_rss_mb: Option<f64>,
    start_to_first_step_ms: f64,
    params: usize,
    loss_first: f32,
    loss_last: f32,
}

/// Steps before measuring, as the peers take.
const WARM_UP: usize = 20;
/// At least so many steps are measured.
const FEWEST: usize = 30;

fn main() {
    let start = Instant::now();
    let arguments = Arguments::parse();
    if arguments.couplings.is_some()
        && !matches!(arguments.workload, Workload::FlowSmall | Workload::FlowBig)
    {
        let what = "--couplings is for flow_small and flow_big";
        Arguments::command().error(ErrorKind::ArgumentConflict, what).exit();
    }
    let report = with_threads(arguments.threads.into(), || measure(&arguments, start));
    if arguments.json {
        println!(
            "{}",
            serde_json::to_string(&report).expect("a report holds only text and numbers")
        );
    } else {
        let Report { workload, threads, batch, median_us, min_us, steps, .. } = &report;
        println!(
            "{workload}, {threads} thread(s), batch {batch}: median {median_us:.1} µs, least {min_us:.1} µs, {steps} steps"
        );
        println!(
            "{} parameters, {:.1} ms from start to first step, peak memory {} MB, loss {} → {}",
            report.params,
            report.start_to_first_step_ms,
            report.peak_rss_mb.map_or("?".to_owned(), |mb| format!("{mb:.1}")),
            report.loss_first,
            report.loss_last
        );
    }
}

fn measure(arguments: &Arguments, start: Instant) -> Report {
    let whole = |n: Option<u32>| n.map(|n| n as usize);
    let sizes = Sizes {
        batch: whole(arguments.batch),
        couplings: whole(arguments.couplings),
        ..Sizes::default()
    };
    let mut run = arguments.workload.start(sizes);
    let loss_first = run.step();
    let first_step = start.elapsed();
    for _ in 0..WARM_UP {
        run.step();
    }
    let mut times = Vec::new();
    let end = Instant::now() + Duration::from_secs_f64(arguments.seconds);
    let mut loss_last = loss_first;
    while times.len() < FEWEST || Instant::now() < end {
        let before = Instant::now();
        loss_last = run.step();
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Report {
        workload: clap::ValueEnum::to_possible_value(&arguments.workload)
            .map_or_else(String::new, |value| value.get_name().to_owned()),
        threads: rayon_threads(),
        batch: run.batch(),
        median_us: times[times.len() / 2],
        min_us: times[0],
        steps: times.len(),
        peak_rss_mb: peak_rss_mb(),
        start_to_first_step_ms: first_step.as_secs_f64() * 1e3,
        params: run.parameters(),
        loss_first,
        loss_last,
    }
}

/// The workers of the pool this runs in; 1 outside any.
fn rayon_threads() -> usize {
    rayon::current_thread_index().map_or(1, |_| rayon::current_num_threads())
}

/// The most memory this process has held, where the system tells (Linux).
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
