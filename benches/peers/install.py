"""What must be there before anything is timed: the peers' virtual environment, and our own program."""
import json
import os
import platform
import subprocess
import sys
from pathlib import Path


class InstallError(Exception):
    """What is missing, and what to do."""


def virtual_environment(folder, requirements):
    """The python of the environment in `folder`, which is made when there is none."""
    python = folder.resolve() / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", flush=True)
        call([sys.executable, "-m", "venv", folder],
             "could not make a virtual environment; install Python's venv module (Debian and Ubuntu: "
             "`apt install python3-venv`), or name one that has the peers with --venv")
    wanted = [line for line in requirements.read_text().splitlines() if line]
    if missing(python, wanted):
        print("installing " + ", ".join(wanted), flush=True)
        call([python, "-m", "pip", "install", "--quiet", "-r", requirements],
             "pip could not install the peers; is there a network, and room for 2 GB? "
             "Or name an environment that has them with --venv")
    return python


def missing(python, wanted):
    """Those of `wanted` (name==version) that the environment does not have in that version."""
    names = {line: line.split("==")[0].split("[")[0] for line in wanted}
    program = ("import importlib.metadata as m, json, sys\n"
               "def version(name):\n"
               "    try: return m.version(name).split('+')[0]\n"
               "    except m.PackageNotFoundError: return None\n"
               "print(json.dumps([version(name) for name in sys.argv[1:]]))")
    found = json.loads(call([python, "-c", program, *names.values()], f"{python} does not run"))
    return [line for line, version in zip(wanted, found) if line.split("==")[1] != version]


def ours(root, names):
    """Our programs of those names, built: name to path."""
    print("building " + " and ".join(names), flush=True)
    bins = [flag for name in names for flag in ("--bin", name)]
    try:
        built = subprocess.run(
            ["cargo", "build", "--release", "-p", "evidence-benches", *bins,
             "--message-format", "json-render-diagnostics"], cwd=root, stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise InstallError("there is no cargo; install Rust (https://rustup.rs)") from None
    if built.returncode:
        raise InstallError(f"cargo could not build {' and '.join(names)}; its message is above")
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    return {m["target"]["name"]: Path(m["executable"]) for m in messages if m.get("executable")}


def versions(python, root):
    """Name to version, of the peers and of what builds and runs them."""
    program = ("import importlib.metadata as m, json, platform\n"
               "print(json.dumps({'Python': platform.python_version(),"
               " 'PyTorch': m.version('torch'), 'JAX': m.version('jax'), 'optax': m.version('optax'),"
               " 'numpy': m.version('numpy')}))")
    found = {"ours": first_line(["git", "-C", root, "describe", "--always", "--dirty"])}
    found["rustc"] = first_line(["rustc", "--version"], root).removeprefix("rustc ")
    return found | json.loads(call([python, "-c", program], f"{python} does not run"))


def processor():
    """What the processor calls itself, and what of it counts here."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(map(str.strip, line.split(":", 1)) for line in text.splitlines() if ":" in line)
    extensions = [name for name in ("avx2", "fma", "avx512f", "amx_tile") if name in fields.get("flags", "").split()]
    return f"{fields.get('model name', platform.machine())}, {os.cpu_count()} cores, {' '.join(extensions)}"


def first_line(command, folder=None):
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout.split("\n")[0] or "unknown"
    except OSError:
        return "unknown"


def call(command, problem):
    """The output of a command that must work."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallError(f"{problem}\n({error})") from None
