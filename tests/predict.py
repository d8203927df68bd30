"""What a dense network predicts, from its run's files alone: Python's standard library reads them.

    python3 predict.py RUN TABLE

With NumPy and the safetensors package, `safetensors.numpy.load_file` takes the place of `tensors`. Here a layer is x W + b
with W of shape [in, out]; PyTorch's is [out, in], so `torch.nn.Linear.weight` is `W.T`.
"""

import csv
import json
import math
import struct
import sys


def tensors(path):
    """Name to (shape, numbers)."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        numbers = file.read()
    found = {}
    for name, info in header.items():
        if name != "__metadata__":
            start, end = info["data_offsets"]
            count = math.prod(info["shape"])
            found[name] = (info["shape"], struct.unpack(f"<{count}f", numbers[start:end]))
    return found


def affine(x, weight, bias):
    (rows, columns), numbers = weight
    assert len(x) == rows
    return [bias[1][j] + sum(x[i] * numbers[i * columns + j] for i in range(rows)) for j in range(columns)]


def main(run, table):
    model = tensors(f"{run}/model.safetensors")
    with open(f"{run}/data.json") as file:
        schema = json.load(file)
    layers = sum(name.endswith(".weight") for name in model)
    (target,) = schema["targets"]
    with open(table, newline="") as file:
        for row in csv.DictReader(file):
            x = []
            for field in schema["features"]:
                scale = field["encoding"]
                x.append((float(row[field["name"]]) - scale["mean"]) / scale["scale"])
            for i in range(layers):
                x = affine(x, model[f"net.{i}.weight"], model[f"net.{i}.bias"])
                if i < layers - 1:
                    x = [max(0.0, value) for value in x]
            print(target["encoding"]["mean"] + target["encoding"]["scale"] * x[0])


main(*sys.argv[1:])
