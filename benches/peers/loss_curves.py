"""Trains small models in PyTorch, in float64, and stores each step's loss in benches/tests/loss_curves.json.

benches/tests/loss_curves.rs trains the same models with ours and compares. Weights, batch and noise follow on both sides from
the same seeds: here through `noise.py`, which is written from the definition of our generator. Our f32 and f64 draws
differ, so each has its curve; PyTorch computes both in float64.

    benches/peers/.venv/bin/python benches/peers/loss_curves.py
"""
import json
from pathlib import Path

import numpy as np
import torch

import torch_models as models
from noise import Noise, philox

STEPS = 20
LEARNING_RATE = 1e-2
ROWS = 24
STORED = Path(__file__).resolve().parent.parent / "tests" / "loss_curves.json"

torch.set_default_dtype(torch.float64)


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def he(inputs, outputs):
    return np.sqrt(2 / inputs)


def glorot(inputs, outputs):
    return np.sqrt(2 / (inputs + outputs))


def lecun(inputs, outputs):
    return np.sqrt(1 / inputs)


def zeros(inputs, outputs):
    return 0.0


def draw_weights(layers, noise, hidden=he, last=lecun):
    """Layer i from stream i: weights [in, out] (PyTorch's are transposed) N(0, scale²), biases zero."""
    layers = list(layers)
    for i, (weight, bias) in enumerate(layers):
        outputs, inputs = weight.shape
        scale = (hidden if i + 1 < len(layers) else last)(inputs, outputs)
        weight.data = tensor(scale * noise.stream(i).normal(inputs, outputs).T)
        bias.data.zero_()


def linear(net):
    return [(layer.weight, layer.bias) for layer in net if isinstance(layer, torch.nn.Linear)]


def labels(noise, classes):
    return tensor(np.floor(noise.stream(1).uniform(ROWS) * classes).astype(np.int64))


def pixels(noise, columns):
    return tensor((noise.uniform(ROWS, columns) < 0.3).astype(np.float64))


def dense_classifier(data, weights):
    model = models.DenseClassifier((8, 16, 16, 4))
    draw_weights(linear(model.net), weights)
    return model, (tensor(data.normal(ROWS, 8)), labels(data, 4)), None


def bayesian(data, weights, outputs, regression):
    model = models.BayesianNetwork((8, 16, 16, outputs), data_size=100, regression=regression)
    draw_weights(((layer.weight_mean, layer.bias_mean) for layer in model.layers), weights)
    for layer in model.layers:
        for rho in (layer.weight_rho, layer.bias_rho):
            rho.data.fill_(np.log(np.expm1(0.1)))  # softplus(rho) = 0.1

    def draws(noise):
        # Leaf by leaf: weight, bias, weight, … Ours are [in, out].
        leaf = iter(range(2 * len(model.layers)))
        return lambda like: tensor(noise.stream(next(leaf)).normal(*reversed(like.shape)).T)

    x = tensor(data.normal(ROWS, 8))
    y = tensor(data.stream(1).normal(ROWS, 1)) if regression else labels(data, outputs)
    return model, (x, y), draws


def autoencoder(model, columns, data, weights, hidden):
    draw_weights(linear(model.encoder), weights.stream(0), hidden)
    draw_weights(linear(model.decoder), weights.stream(1), hidden)
    return model, (pixels(data, columns),), lambda noise: lambda like: tensor(noise.normal(*like.shape))


def vae(data, weights):
    return autoencoder(models.Vae(pixels=30, hidden=16, latents=3), 30, data, weights, he)


def conv_vae(data, weights):
    model = models.ConvVae(side=8, filters=(4, 6), hidden=5, latents=3)
    kernels = weights.stream(2)

    def draw_kernel(layer, noise, inputs, scale):
        # Ours are [kh, kw, from, to] of a convolution, and those of its transpose the same.
        to, of = layer.weight.shape[:2]
        drawn = noise.normal(3, 3, of, to) * scale(inputs, None)
        layer.weight.data = tensor(drawn.transpose(3, 2, 0, 1))
        layer.bias.data.zero_()

    narrow = [layer for layer in model.encoder if isinstance(layer, torch.nn.Conv2d)]
    widen = [layer for layer in model.decoder if isinstance(layer, torch.nn.ConvTranspose2d)]
    draw_kernel(narrow[0], kernels.stream(0), 9, he)
    draw_kernel(narrow[1], kernels.stream(2), 9 * 4, he)
    # A number of what is doubled gets a quarter of the products, rounded up.
    draw_kernel(widen[0], kernels.stream(3), -(-9 * 6 // 4), he)
    draw_kernel(widen[1], kernels.stream(1), -(-9 * 6 // 4), he)
    draw_kernel(widen[2], kernels.stream(4), 9 * 4, lecun)
    draw_weights(linear(model.encoder), weights.stream(0))
    draw_weights(linear(model.decoder), weights.stream(1))
    # Our channels are last: the dense layers see the same numbers in another order.
    order = torch.arange(2 * 2 * 6).reshape(2, 2, 6).permute(2, 0, 1).flatten()
    (first, _), (last, _) = linear(model.encoder)[0], linear(model.decoder)[0]
    first.data, last.data = first.data[:, order], last.data[order]
    return model, (pixels(data, 64),), lambda noise: lambda like: tensor(noise.normal(*like.shape))


def iwae(data, weights):
    model = models.Iwae(pixels=30, hidden=16, latents=3, draws=5)
    return autoencoder(model, 30, data, weights, glorot)


class Flow(models.Flow):
    @staticmethod
    def transform(half, log_scale, shift):
        """The inverse of base -> data, half = z exp(log_scale) + shift: as ours. Timed is the other direction, one op less."""
        return (half - shift) * torch.exp(-log_scale), -log_scale.sum(-1)


def flow(data, weights):
    model = Flow(width=5, couplings=4, hidden=16)
    for i, conditioner in enumerate(model.conditioners):
        draw_weights(linear(conditioner), weights.stream(i), last=zeros)
    return model, (tensor(data.normal(ROWS, 5)),), None


MODELS = {
    "dense classifier": dense_classifier,
    "Bayesian regression": lambda *noise: bayesian(*noise, outputs=1, regression=True),
    "Bayesian classifier": lambda *noise: bayesian(*noise, outputs=4, regression=False),
    "VAE": vae,
    "convolutional VAE": conv_vae,
    "IWAE": iwae,
    "flow": flow,
}


def curve(build, kind):
    """The loss before each step."""
    start = Noise(0, kind)
    model, batch, draws = build(start.stream(0), start.stream(1))
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for step in range(1, STEPS + 1):
        adam.zero_grad()
        noise = Noise(1, kind).stream(step)
        loss = model.loss(*batch, draws(noise)) if draws else model.loss(*batch)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


def check_generator():
    """Random123's known answer for a counter and a key of digits of pi."""
    counter = [np.uint64(word) for word in (0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344)]
    words = philox(counter, 0x299F_31D0_A409_3822)
    assert [int(word) for word in words] == [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]


if __name__ == "__main__":
    check_generator()
    curves = {name: {kind: curve(build, kind) for kind in ("f64", "f32")} for name, build in MODELS.items()}
    text = json.dumps({"made by": "benches/peers/loss_curves.py", "torch": torch.__version__, "curves": curves}, indent=1)
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(text + "\n")
    for name, kinds in curves.items():
        print(f"{name}: {kinds['f64'][0]:.6f} to {kinds['f64'][-1]:.6f}")
