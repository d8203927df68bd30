"""Times matrix products in PyTorch (MKL): torch_matmul.py --threads N --seconds S, products as JSON lines on standard input.

A product has the keys that our own `matmul --json` prints: m, k, n, a_transposed, b_transposed.
"""
import argparse
import json
import statistics
import sys
import time

import torch

FEWEST = 5

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--seconds", type=float, default=0.2)
asked = parser.parse_args()
torch.set_num_threads(asked.threads)
torch.manual_seed(0)


def operand(rows, columns, transposed):
    return torch.randn(columns, rows).t() if transposed else torch.randn(rows, columns)


def measure(m, k, n, a_transposed, b_transposed):
    a, b, c = operand(m, k, a_transposed), operand(k, n, b_transposed), torch.empty(m, n)
    for _ in range(FEWEST):
        torch.mm(a, b, out=c)
    times = []
    end = time.perf_counter() + asked.seconds
    while len(times) < FEWEST or time.perf_counter() < end:
        before = time.perf_counter()
        torch.mm(a, b, out=c)
        times.append(time.perf_counter() - before)
    rate = 2e-9 * m * k * n
    return dict(median_gflops=rate / statistics.median(times), best_gflops=rate / min(times))


KEYS = ("m", "k", "n", "a_transposed", "b_transposed")
for line in sys.stdin:
    product = {key: value for key, value in json.loads(line).items() if key in KEYS}
    print(json.dumps(product | measure(**product)), flush=True)
