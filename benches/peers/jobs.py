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
class Products:
    """The matrix products alone: ours, or those of PyTorch's library (MKL on x86)."""
    variant: Variant
    threads: int

    def __str__(self):
        return f"products, {self.threads} thread(s), {self.variant.name}"


OUR_PRODUCTS = Variant("ours")
PEER_PRODUCTS = Variant("torch.mm", "torch_matmul.py")


@dataclass(frozen=True)
class Outcome:
    """What the program reported, an object a line, or why it did not; `disturbed` is the share of the machine that others used."""
    lines: tuple
    error: str
    disturbed: float

    @property
    def report(self):
        return self.lines[-1] if self.lines else None

    def __str__(self):
        if self.report is None:
            return f"failed: {self.error}"
        said = f"{self.report['median_us']:,.0f} µs" if "median_us" in self.report else f"{len(self.lines)} products"
        return f"{said} (others used {self.disturbed:.0%} of the machine)"


@dataclass(frozen=True)
class Machine:
    """Runs jobs."""
    python: Path
    ours: dict
    folder: Path
    seconds: float
    cache: Path

    def run(self, job, given=""):
        """What the job's program reports, with `given` on its standard input."""
        command = self.command(job)
        if shutil.which("taskset") and job.threads < len(os.sched_getaffinity(0)):
            cores = sorted(os.sched_getaffinity(0))[: job.threads]
            command = ["taskset", "-c", ",".join(map(str, cores)), *command]
        before = Usage.now()
        try:
            done = subprocess.run(command, cwd=self.folder, env=self.environment(job), timeout=LIMIT_SECONDS,
                                  input=given, capture_output=True, text=True)
            output, errors, code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            output, errors, code = "", f"not done after {LIMIT_SECONDS} s", 1
        disturbed = before.others_until(Usage.now())
        lines = tuple(json.loads(line) for line in output.splitlines() if line.startswith("{"))
        if code == 0 and lines:
            return Outcome(lines, "", disturbed)
        return Outcome((), reason(errors, code), disturbed)

    def command(self, job):
        if isinstance(job, Products):
            # There are two dozen of them.
            options = ["--threads", str(job.threads), "--seconds", str(self.seconds / 20)]
            if job.variant == OUR_PRODUCTS:
                return [str(self.ours["matmul"]), *options, "--json"]
            return [str(self.python), job.variant.program, *options]
        options = ["--threads", str(job.threads), "--seconds", str(self.seconds)]
        if job.scaled:
            options += [f"--{job.scaled[0]}", str(job.scaled[1])]
        if job.variant == OURS:
            return [str(self.ours["step_time"]), job.workload, *options, "--json"]
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
