"""What every peer's program shares: its arguments, the timing loop, and the JSON object it prints.

The object has the keys that our own `step_time --json` prints.
"""
import argparse
import json
import os
import statistics
import time

import workloads

WARM_UP_STEPS = 20
FEWEST_STEPS = 30


def arguments(variants):
    """WORKLOAD --variant V --threads N [--batch B] [--couplings K] [--seconds S]"""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=workloads.SHAPES)
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--couplings", type=int)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


def report(asked, step, parameters, version, steps_per_call=1):
    """Times `step`, which returns the loss when all of its work is done, and prints the result.

    A call may be several steps (a scan): times are divided.
    """
    loss_first = step()
    start_to_first_step = process_age()
    for _ in range(-(-WARM_UP_STEPS // steps_per_call)):
        step()
    times = []
    end = time.perf_counter() + asked.seconds
    while len(times) * steps_per_call < FEWEST_STEPS or time.perf_counter() < end:
        before = time.perf_counter()
        loss_last = step()
        times.append((time.perf_counter() - before) / steps_per_call)
    print(json.dumps(dict(
        workload=asked.workload, threads=asked.threads,
        batch=workloads.shape(asked.workload, asked.batch)["batch"],
        median_us=statistics.median(times) * 1e6, min_us=min(times) * 1e6,
        steps=len(times) * steps_per_call, peak_rss_mb=peak_rss_mb(),
        start_to_first_step_ms=start_to_first_step * 1e3, params=parameters,
        loss_first=loss_first, loss_last=loss_last, version=version)))


def process_age():
    """Seconds since this process was started, to 10 ms (Linux)."""
    with open("/proc/self/stat") as file:
        start = int(file.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - start / os.sysconf("SC_CLK_TCK")


def peak_rss_mb():
    """The most memory this process has held (Linux)."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:"))
