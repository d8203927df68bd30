"""benches/RESULTS.md from what was measured."""
import datetime
import shlex
import statistics
import sys
from collections import defaultdict

import install
import products
from jobs import OURS, VARIANTS, Job
from workloads import SCALING, shape

DASH = "–"


class Results:
    """The outcomes of each job, in the order of rounds."""

    def __init__(self):
        self.outcomes = defaultdict(list)

    def add(self, job, outcome):
        self.outcomes[job].append(outcome)

    def reports(self, job):
        return [outcome.report for outcome in self.outcomes[job] if outcome.report]

    def median(self, job, key="median_us"):
        """The median over rounds, or None."""
        values = [report[key] for report in self.reports(job) if report.get(key) is not None]
        return statistics.median(values) if values else None

    def error(self, job):
        """Why a job that ran has no result."""
        errors = [outcome.error for outcome in self.outcomes[job] if outcome.error]
        return errors[0] if errors and not self.reports(job) else None


class Footnotes:
    """Numbered reasons, each said once."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return f"<sup>{self.texts.index(text) + 1}</sup>"

    def lines(self):
        return [f"<sup>{i + 1}</sup> {text}\n" for i, text in enumerate(self.texts)]


def document(asked, found, versions):
    notes = Footnotes()
    parts = [head(asked, found, versions)]
    for threads in asked.threads:
        parts.append(step_table(asked, found, threads, notes))
    if not asked.no_products:
        parts += [product_table(found, threads) for threads in asked.threads]
    parts.append(memory_table(asked, found, notes))
    if not asked.no_scaling:
        parts += [scaling_table(asked, found, *scaled, notes) for scaled in SCALING if scaled[1] in asked.workloads]
    return "\n".join(parts + notes.lines()).rstrip() + "\n"


def head(asked, found, versions):
    command = shlex.join(["python3", "benches/peers/run.py", *measuring(sys.argv[1:])])
    shares = [outcome.disturbed for outcomes in found.outcomes.values() for outcome in outcomes if outcome.report]
    disturbed = (f"{statistics.median(shares):.0%} of the machine in the median, {max(shares):.0%} at most"
                 if shares else "an unknown share of the machine: nothing was measured")
    quick = "\n**A quick run: it shows that everything works, and its times mean little.**\n" if asked.quick else ""
    return f"""# Beside PyTorch and JAX

Written by `{command}`; not by hand. What is compared and how: [peers/README.md](peers/README.md).
{quick}
- Machine: {install.processor()}
- Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC
- Versions: {", ".join(f"{name} {version}" for name, version in versions.items())}
- {asked.rounds} round(s) in which ours and the peers take turns; each measurement is a process of its own that takes
  20 steps to warm up and then measures for {asked.seconds:g} s and 30 steps at least
- While measuring, other processes used {disturbed}
"""


def measuring(flags):
    """The flags without those that only name places on this machine."""
    kept, places = [], ("--venv", "--output")
    for before, flag in zip([None, *flags], flags):
        if before not in places and flag.split("=")[0] not in places:
            kept.append(flag)
    return kept


def step_table(asked, found, threads, notes):
    variants = tried(asked)
    rows = []
    for workload in asked.workloads:
        ours = found.median(Job(OURS, workload, threads))
        peers = {v.name: found.median(Job(v, workload, threads)) for v in variants}
        best, ratio = compare(ours, peers)
        least = products.least_us(found, threads, workload)
        ceiling = min((time for time in peers.values() if time), default=0) / least if least else 0
        rows.append([workload, cell(found, Job(OURS, workload, threads), notes),
                     *(cell(found, Job(v, workload, threads), notes) for v in variants), best, ratio,
                     f"{least:,.0f}" if least else DASH, f"{ceiling:.2f}×" if ceiling else DASH])
    return f"""## A training step, {plural(threads)}

Median µs over rounds of a round's median. *Products* is the time of the step's matrix products alone, at the highest rate that any
product reached in this run; *ceiling* is what the ratio would be if nothing but them took time.

""" + table(["workload", "ours", *(v.name for v in variants), "best peer", "best peer / ours", "products", "ceiling"], rows)


def product_table(found, threads):
    return f"""## Matrix products, {plural(threads)}

Median GFLOP/s, f32, over rounds of a round's median; ᵀ marks a transposed view. The peer is the library under `torch.mm`.

""" + table(["product", "ours", "torch.mm", "ours / torch.mm"], products.rows(found, threads))


def plural(threads):
    return f"{threads} thread{'s' if threads > 1 else ''}"


def compare(ours, peers):
    """The fastest peer's name, and how many times our time it takes."""
    finished = {name: time for name, time in peers.items() if time is not None}
    if not finished:
        return DASH, DASH
    best = min(finished, key=finished.get)
    return best, f"**{finished[best] / ours:.2f}×**" if ours else DASH


def memory_table(asked, found, notes):
    variants = tried(asked)
    threads = asked.threads[0]

    def of(variant, workload):
        job = Job(variant, workload, threads)
        reports = found.reports(job)
        if not reports:
            return cell(found, job, notes)
        starts = [report["start_to_first_step_ms"] for report in reports]
        later = f", then {seconds(min(starts[1:]))}" if len(starts) > 1 else ""
        memory = found.median(job, "peak_rss_mb")
        return f"{DASH if memory is None else f'{memory:,.0f}'} MB; {seconds(starts[0])}{later}"

    rows = [[workload, *(of(v, workload) for v in (OURS, *variants))] for workload in asked.workloads]
    return f"""## Memory and start, {plural(threads)}

Peak resident memory; seconds from the process's start (ours: from `main`, some milliseconds later) to the end of the first step (of the first scan, for JAX scan), in the
first round, then the least of later ones: torch.compile finds its cache then.

""" + table(["workload", "ours", *(v.name for v in variants)], rows)


def scaling_table(asked, found, option, workload, values, notes):
    variants = [OURS, *(v for v in tried(asked) if v.name != "torch compiled")]
    threads = asked.threads[0]
    rows = []
    for value in values:
        times = {v.name: found.median(Job(v, workload, threads, (option, value))) for v in variants}
        cells = [cell(found, Job(v, workload, threads, (option, value)), notes) for v in variants]
        per_unit = [f"{time / value:,.2f}" if time else DASH for time in times.values()]
        ours = times.pop(OURS.name)
        rows.append([f"{value:,}", *cells, *per_unit, compare(ours, times)[1]])
    usual = shape(workload)[option]
    unit = {"batch": "row", "couplings": "coupling"}[option]
    return f"""## {workload} over {option}, {plural(threads)}

Median µs a step, then µs for each {unit}: a column that stays level is a time that grows in proportion. The workload's own
{option} is {usual}.

""" + table([option, *(v.name for v in variants), *(f"{v.name} / {unit}" for v in variants), "best peer / ours"], rows)


def tried(asked):
    return [v for v in VARIANTS if not (asked.skip_compiled and v.name == "torch compiled")]


def cell(found, job, notes):
    """A time, or a dash with the reason."""
    time = found.median(job)
    if time is not None:
        return f"{time:,.0f}"
    error = found.error(job)
    return DASH + (notes.mark(f"{job.variant.name}: {error}".replace("|", "\\|").replace("<", "&lt;")) if error else "")


def seconds(milliseconds):
    return f"{milliseconds / 1e3:.2g} s"


def table(header, rows):
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
