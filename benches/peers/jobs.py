"""One measurement: a process of its own, with so many threads on so many cores."""
import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# Longer than any start and measurement on a slow machine; a process that hangs must not stop the rest.
LIMIT_SECONDS = 600

# glibc keeps what is freed, instead of returning it and faulting it in again at every step.
MALLOC_KEEPS = {
    "MALLOC_TRIM_THRESHOLD_": "4000000000",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True)
class Variant:
    """A way of running a workload: ours when it has no program."""
    name: str
    program: str = ""
    option: str = ""


OURS = Variant("ours")
VARIANTS = (
    Variant("torch eager", "torch_step.py", "eager"),
    Variant("torch compiled", "torch_step.py", "compiled"),
    Variant("JAX jit", "jax_step.py", "jit"),
    Variant("JAX scan", "jax_step.py", "scan"),
)


@dataclass(frozen=True)
class Job:
    """What is measured; `scaled` is an option and its value, ("batch", 512)."""
    variant: Variant
    workload: str
    threads: int
    scaled: tuple = ()

    def __str__(self):
        scaled = f", {self.scaled[0]} {self.scaled[1]}" if self.scaled else ""
        return f"{self.workload}{scaled}, {self.threads} thread(s), {self.variant.name}"


@dataclass(frozen=True)
class Outcome:
    """What the program reported, or why it did not; `disturbed` is the share of the machine that others used."""
    report: dict | None
    error: str
    disturbed: float

    def __str__(self):
        if self.report is None:
            return f"failed: {self.error}"
        return f"{self.report['median_us']:,.0f} µs (others used {self.disturbed:.0%} of the machine)"


@dataclass(frozen=True)
class Machine:
    """Runs jobs."""
    python: Path
    step_time: Path
    folder: Path
    seconds: float
    cache: Path

    def run(self, job):
        command = self.command(job)
        if shutil.which("taskset") and job.threads < len(os.sched_getaffinity(0)):
            cores = sorted(os.sched_getaffinity(0))[: job.threads]
            command = ["taskset", "-c", ",".join(map(str, cores)), *command]
        before = Usage.now()
        try:
            done = subprocess.run(command, cwd=self.folder, env=self.environment(job), timeout=LIMIT_SECONDS,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            output, errors, code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            output, errors, code = "", f"not done after {LIMIT_SECONDS} s", 1
        disturbed = before.others_until(Usage.now())
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if code == 0 and lines:
            return Outcome(json.loads(lines[-1]), "", disturbed)
        return Outcome(None, reason(errors, code), disturbed)

    def command(self, job):
        options = ["--threads", str(job.threads), "--seconds", str(self.seconds)]
        if job.scaled:
            options += [f"--{job.scaled[0]}", str(job.scaled[1])]
        if job.variant == OURS:
            return [str(self.step_time), job.workload, *options, "--json"]
        return [str(self.python), job.variant.program, job.workload, "--variant", job.variant.option, *options]

    def environment(self, job):
        threads = str(job.threads)
        if job.variant == OURS:
            return dict(os.environ)
        # torch.compile starts from an empty cache in the first round only.
        return dict(os.environ, **MALLOC_KEEPS, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
                    JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="", PYTHONDONTWRITEBYTECODE="1",
                    TORCHINDUCTOR_CACHE_DIR=str(self.cache / threads))


def reason(errors, code):
    """The line of a program's errors that says what was wrong."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line.split(":")[0]]
    return (telling or lines or [f"exit status {code}"])[-1][:200]


@dataclass(frozen=True)
class Usage:
    """Seconds: of the clock, of all processors' work, of our own children's."""
    clock: float
    everyone: float
    ours: float

    @staticmethod
    def now():
        mine = os.times()
        return Usage(time.monotonic(), busy_seconds(), mine.user + mine.system + mine.children_user + mine.children_system)

    def others_until(self, end):
        available = (end.clock - self.clock) * os.cpu_count()
        return min(1.0, max(0.0, (end.everyone - self.everyone - (end.ours - self.ours)) / available))


def busy_seconds():
    """What all processors have worked since the machine started (Linux)."""
    try:
        with open("/proc/stat") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
    except OSError:
        return 0.0
    idle, waiting = ticks[3], ticks[4]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")
