#!/usr/bin/env python3
"""Times ours and the peers in turn, on this machine, and writes benches/RESULTS.md: see README.md.

    python3 benches/peers/run.py
"""
import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import install
import results
from jobs import OUR_PRODUCTS, OURS, PEER_PRODUCTS, VARIANTS, Job, Machine, Products
from workloads import SCALING, SHAPES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description="Times ours and the peers in turn and writes benches/RESULTS.md.")
    parser.add_argument("--workloads", nargs="+", choices=SHAPES, default=list(SHAPES), metavar="NAME",
                        help=f"which of {', '.join(SHAPES)} (all)")
    parser.add_argument("--threads", nargs="+", type=positive(int), default=[2, 1], metavar="N",
                        help="numbers of threads, the first also for scaling and memory (2 1)")
    parser.add_argument("--rounds", type=positive(int), default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=positive(float), default=2.0, help="how long each measurement takes (2)")
    parser.add_argument("--quick", action="store_true",
                        help="one round of 0.3 s, no scaling: shows that all works, not how fast")
    parser.add_argument("--skip-compiled", action="store_true", help="without torch.compile, which starts slowly")
    parser.add_argument("--no-scaling", action="store_true", help="without the tables over batch and couplings")
    parser.add_argument("--no-products", action="store_true", help="without the table of matrix products")
    parser.add_argument("--venv", type=Path, default=HERE / ".venv",
                        help="the virtual environment; made where there is none (benches/peers/.venv)")
    parser.add_argument("--output", type=Path, default=ROOT / "benches" / "RESULTS.md", help="(benches/RESULTS.md)")
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for threads in asked.threads:
        if threads > cores:
            parser.error(f"--threads {threads}: this process may use {cores} core(s)")
    if not asked.output.parent.is_dir():
        parser.error(f"--output {asked.output}: there is no folder {asked.output.parent}")
    asked.threads = list(dict.fromkeys(asked.threads))
    asked.workloads = list(dict.fromkeys(asked.workloads))
    if asked.quick:
        asked.rounds, asked.seconds, asked.no_scaling = 1, 0.3, True
    return asked


def positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def planned(asked):
    """The jobs of one round, in an order in which ours and the peers take turns."""
    variants = [v for v in VARIANTS if not (asked.skip_compiled and v.name == "torch compiled")]
    # Ours twice: before the peers and after, so that a machine that drifts is seen from both sides.
    turns = [OURS, *variants, OURS]
    jobs = [Products(variant, threads)
            for threads in asked.threads for variant in (OUR_PRODUCTS, PEER_PRODUCTS) if not asked.no_products]
    jobs += [Job(variant, workload, threads)
             for threads in asked.threads for workload in asked.workloads for variant in turns]
    if not asked.no_scaling:
        for option, workload, values in SCALING:
            if workload in asked.workloads:
                jobs += [Job(variant, workload, asked.threads[0], (option, value))
                         for value in values for variant in turns if variant.name != "torch compiled"]
    return jobs


def main():
    asked = arguments()
    python = install.virtual_environment(asked.venv, HERE / "requirements.txt")
    ours = install.ours(ROOT, ("step_time", "matmul"))
    jobs = planned(asked)
    found = results.Results()
    with tempfile.TemporaryDirectory() as cache:
        machine = Machine(python, ours, HERE, asked.seconds, Path(cache))
        for number in range(asked.rounds):
            products = ""
            for index, job in enumerate(jobs):
                outcome = machine.run(job, products if job.variant == PEER_PRODUCTS else "")
                if job.variant == OUR_PRODUCTS and isinstance(job, Products):
                    products = "\n".join(map(json.dumps, outcome.lines))
                found.add(job, outcome)
                print(f"round {number + 1}/{asked.rounds}, {index + 1}/{len(jobs)}: {job}: {outcome}", flush=True)
    versions = install.versions(python, ROOT)
    asked.output.write_text(results.document(asked, found, versions), encoding="utf-8")
    print(f"wrote {asked.output}")


if __name__ == "__main__":
    try:
        main()
    except install.InstallError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
