"""What a dense network predicts, from its run's files alone: the standard library of Python (3.11) reads them.

    python3 predict.py RUN TABLE

With NumPy and the safetensors package, `safetensors.numpy.load_file` takes the place of `tensors`. Here a layer is x W + b
with W of shape [in, out]; PyTorch's is [out, in], so `torch.nn.Linear.weight` is `W.T`.
"""

import csv
import json
import math
import struct
import sys
import tomllib


def sigmoid(x):
    return 0.5 + 0.5 * math.tanh(0.5 * x)


ACTIVATIONS = {
    "identity": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "leaky-relu": lambda x: max(x, 0.01 * x),
    "elu": lambda x: x if x > 0.0 else math.expm1(x),
    "gelu": lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2.0)),
    "silu": lambda x: x * sigmoid(x),
    "tanh": math.tanh,
    "sigmoid": sigmoid,
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
}


def refuse(reason):
    sys.exit(f"predict.py: {reason}")


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


def scaled(path, features):
    """Of each row, its features."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            dialect = csv.Sniffer().sniff(file.readline(), ",;\t|")
        except csv.Error:  # A column alone has no delimiter.
            dialect = csv.excel
        file.seek(0)
        table = csv.DictReader(file, dialect=dialect)
        for row in table:
            x = []
            for field in features:
                name, scale = field["name"], field["encoding"]
                if name not in row:
                    refuse(f"{path}: there is no column {name!r}")
                try:
                    x.append((float(row[name]) - scale["mean"]) / scale["scale"])
                except (TypeError, ValueError):
                    refuse(f"{path}: line {table.line_num}, column {name!r}: {row[name]!r} is not a number")
            yield x


def main(run, table):
    with open(f"{run}/config.toml", "rb") as file:
        config = tomllib.load(file)
    if config["kind"] != "dense":
        refuse(f"{run}: is of kind {config['kind']!r}; this script reads dense networks alone, `evidence predict` all")
    activation = ACTIVATIONS.get(config["model"]["activation"])
    if activation is None:
        refuse(f"{run}: no activation {config['model']['activation']!r} in this script")
    with open(f"{run}/data.json") as file:
        schema = json.load(file)
    for field in schema["features"] + schema["targets"]:
        if field["encoding"]["kind"] != "number":
            refuse(f"{run}: column {field['name']!r} is not of numbers; this script reads nothing else")
    if not schema["named"]:
        refuse(f"{run}: columns without names; this script finds them by name")
    model = tensors(f"{run}/model.safetensors")
    layers = sum(name.endswith(".weight") for name in model)
    (target,) = schema["targets"]
    for x in scaled(table, schema["features"]):
        for i in range(layers):
            x = affine(x, model[f"net.{i}.weight"], model[f"net.{i}.bias"])
            if i < layers - 1:
                x = [activation(value) for value in x]
        print(target["encoding"]["mean"] + target["encoding"]["scale"] * x[0])


if len(sys.argv) != 3:
    refuse("give a run's folder and a table: predict.py RUN TABLE")
main(*sys.argv[1:])
