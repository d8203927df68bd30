"""The matrix products: how fast ours and the peer's are, and the time that a workload's products take at the best rate."""
import statistics

from jobs import OUR_PRODUCTS, PEER_PRODUCTS, Products
from workloads import operations

SHAPE = ("m", "k", "n", "a_transposed", "b_transposed")


def rates(found, job, key="median_gflops"):
    """Shape to GFLOP/s: medians over rounds."""
    rounds = {}
    for outcome in found.outcomes.get(job, ()):
        for line in outcome.lines:
            rounds.setdefault(tuple(line[name] for name in SHAPE), []).append(line[key])
    return {shape: statistics.median(values) for shape, values in rounds.items()}


def peak(found, threads):
    """The most GFLOP/s that any product reached, or None."""
    best = [rate for variant in (OUR_PRODUCTS, PEER_PRODUCTS)
            for rate in rates(found, Products(variant, threads)).values()]
    return max(best, default=None)


def least_us(found, threads, workload):
    """The time of a step's products alone, at the best rate that any product reached; None where none was timed."""
    best = peak(found, threads)
    return operations(workload) / best / 1e3 if best else None


def rows(found, threads):
    """A product, our GFLOP/s, the peer's, ours / the peer's."""
    ours = rates(found, Products(OUR_PRODUCTS, threads))
    peer = rates(found, Products(PEER_PRODUCTS, threads))
    return [[name(*shape), f"{rate:,.0f}",
             *([f"{peer[shape]:,.0f}", f"**{rate / peer[shape]:.2f}**"] if shape in peer else ["–", "–"])]
            for shape, rate in ours.items()]


def name(m, k, n, a_transposed, b_transposed):
    return f"{m}×{k}{'ᵀ' * a_transposed} · {k}×{n}{'ᵀ' * b_transposed}"
