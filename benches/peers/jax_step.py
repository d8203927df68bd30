"""Times a training step in JAX: jitted, or many steps in one scan: jax_step.py WORKLOAD --variant jit|scan --threads N"""
import math
import os

import timing

asked = timing.arguments(("jit", "scan"))
if asked.threads == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np
import optax

import workloads

HALF_LN_TAU = 0.5 * math.log(2 * math.pi)
# Steps in one scan: long enough that its start does not count.
SCAN = 50 if asked.workload in ("bnn_small", "vae", "flow_small") else 10
random = np.random.RandomState(0)


def f32(array):
    return jnp.asarray(np.asarray(array, np.float32))


def layers(sizes):
    return [
        dict(weight=f32(random.randn(inputs, outputs) * inputs**-0.5), bias=f32(np.zeros(outputs)))
        for inputs, outputs in zip(sizes[:-1], sizes[1:])
    ]


def forward(layers, x, activation=jax.nn.relu):
    for layer in layers[:-1]:
        x = activation(x @ layer["weight"] + layer["bias"])
    return x @ layers[-1]["weight"] + layers[-1]["bias"]


def cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def dense_classifier(shape):
    return layers(shape["sizes"]), lambda p, _, x, y: cross_entropy(forward(p, x), y)


def draw_weights(posterior, key):
    """One draw of every weight, and the KL to the standard normal."""
    means, tree = jax.tree.flatten(posterior["mean"])
    rhos, keys, kl, draws = jax.tree.leaves(posterior["rho"]), jax.random.split(key, len(means)), 0.0, []
    for mean, rho, key in zip(means, rhos, keys):
        scale = jax.nn.softplus(rho)
        draws.append(mean + scale * jax.random.normal(key, scale.shape))
        kl = kl + (0.5 * (scale * scale + mean * mean - 1.0) - jnp.log(scale)).sum()
    return jax.tree.unflatten(tree, draws), kl


def bayesian_network(shape, regression):
    mean = layers(shape["sizes"])
    params = dict(mean=mean, rho=jax.tree.map(lambda leaf: jnp.full_like(leaf, -5.0), mean))
    if regression:
        params["log_scale"] = f32(0.0)

    def loss(p, key, x, y):
        weights, kl = draw_weights(p, key)
        output = forward(weights, x)
        if regression:
            distance = (y - output) * jnp.exp(-p["log_scale"])
            error = (0.5 * distance**2).mean() + p["log_scale"] + HALF_LN_TAU
        else:
            error = cross_entropy(output, y)
        return error + kl / shape["data_size"]

    return params, loss


def vae(shape):
    pixels, hidden, latents = shape["pixels"], shape["hidden"], shape["latents"]
    params = dict(encoder=layers((pixels, hidden, 2 * latents)), decoder=layers((latents, hidden, pixels)))

    def loss(p, key, x):
        mean, log_scale = jnp.split(forward(p["encoder"], x), 2, -1)
        z = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        error = optax.sigmoid_binary_cross_entropy(forward(p["decoder"], z), x).sum()
        kl = (0.5 * (jnp.exp(2 * log_scale) + mean * mean - 1) - log_scale).sum()
        return (error + kl) / x.shape[0]

    return params, loss


def kernel(inputs, outputs):
    return dict(weight=f32(random.randn(3, 3, inputs, outputs) * (9 * inputs) ** -0.5), bias=f32(np.zeros(outputs)))


def conv_vae(shape):
    side, (first, second), hidden, latents = (shape[name] for name in ("side", "filters", "hidden", "latents"))
    features, layout = second * (side // 4) ** 2, ("NHWC", "HWIO", "NHWC")
    params = dict(narrow=[kernel(1, first), kernel(first, second)], encoder=layers((features, hidden, 2 * latents)),
                  decoder=layers((latents, features)),
                  widen=[kernel(second, second), kernel(second, first), kernel(first, 1)])

    def loss(p, key, x):
        maps = x.reshape(-1, side, side, 1)
        for layer in p["narrow"]:
            maps = jax.lax.conv_general_dilated(maps, layer["weight"], (2, 2), "SAME", dimension_numbers=layout)
            maps = jax.nn.relu(maps + layer["bias"])
        mean, log_scale = jnp.split(forward(p["encoder"], maps.reshape(-1, features)), 2, -1)
        z = mean + jnp.exp(log_scale) * jax.random.normal(key, mean.shape)
        maps = jax.nn.relu(forward(p["decoder"], z)).reshape(-1, side // 4, side // 4, second)
        for i, layer in enumerate(p["widen"]):
            stride = 2 if i < 2 else 1
            maps = jax.lax.conv_transpose(maps, layer["weight"], (stride, stride), "SAME", dimension_numbers=layout)
            maps = maps + layer["bias"]
            maps = jax.nn.relu(maps) if i < 2 else maps
        error = optax.sigmoid_binary_cross_entropy(maps.reshape(x.shape), x).sum()
        kl = (0.5 * (jnp.exp(2 * log_scale) + mean * mean - 1) - log_scale).sum()
        return (error + kl) / x.shape[0]

    return params, loss


def iwae(shape):
    pixels, hidden, latents, draws = (shape[name] for name in ("pixels", "hidden", "latents", "draws"))
    params = dict(encoder=layers((pixels, hidden, hidden, 2 * latents)),
                  decoder=layers((latents, hidden, hidden, pixels)))

    def loss(p, key, x):
        mean, log_scale = jnp.split(forward(p["encoder"], x, jnp.tanh), 2, -1)
        noise = jax.random.normal(key, (draws, *mean.shape))
        z = mean + jnp.exp(log_scale) * noise
        # The K n rows flattened: one matrix product instead of a batched one.
        logits = forward(p["decoder"], z.reshape(-1, latents), jnp.tanh).reshape(draws, *x.shape)
        log_likelihood = (x * logits - jax.nn.softplus(logits)).sum(-1)
        log_weight = log_likelihood - 0.5 * (z * z).sum(-1) + (0.5 * noise * noise + log_scale).sum(-1)
        return -(jax.nn.logsumexp(log_weight, axis=0) - math.log(draws)).mean()

    return params, loss


def flow(shape):
    width, hidden = shape["width"], shape["hidden"]
    first, second = workloads.halves(width)
    roles = [(first, second), (second, first)]
    params = [layers((roles[i % 2][0], hidden, hidden, 2 * roles[i % 2][1])) for i in range(shape["couplings"])]

    def loss(p, _, x):
        halves = [x[:, :first], x[:, first:]]
        log_det = 0.0
        for i in reversed(range(len(p))):
            condition, transformed = i % 2, 1 - i % 2
            raw, shift = jnp.split(forward(p[i], halves[condition]), 2, -1)
            log_scale = jnp.tanh(raw)
            halves[transformed] = halves[transformed] * jnp.exp(log_scale) + shift
            log_det = log_det + log_scale.sum(-1)
        log_base = -0.5 * sum((half * half).sum(-1) for half in halves) - HALF_LN_TAU * width
        return -(log_base + log_det).mean()

    return params, loss


def build(name, shape):
    """Parameters, loss and batch."""
    batch = shape["batch"]
    labels = jnp.asarray(random.randint(0, 10, batch))
    match name:
        case "mlp":
            return *dense_classifier(shape), (f32(random.randn(batch, 784)), labels)
        case "bnn_small":
            return *bayesian_network(shape, True), (f32(random.randn(batch, 11)), f32(random.randn(batch, 1)))
        case "bnn_big":
            return *bayesian_network(shape, False), (f32(random.randn(batch, 784)), labels)
        case "vae" | "vae_iwae":
            model = vae if name == "vae" else iwae
            return *model(shape), (f32(random.rand(batch, shape["pixels"]) < 0.3),)
        case "conv_vae":
            return *conv_vae(shape), (f32(random.rand(batch, shape["side"] ** 2) < 0.3),)
        case _:
            return *flow(shape), (f32(random.randn(batch, shape["width"])),)


params, loss_of, data = build(asked.workload, workloads.shape(asked.workload, asked.batch, asked.couplings))
count = sum(leaf.size for leaf in jax.tree.leaves(params))
adam = optax.adam(workloads.LEARNING_RATE)


def one_step(state, data):
    params, moments, key = state
    key, noise = jax.random.split(key)
    loss, gradients = jax.value_and_grad(loss_of)(params, noise, *data)
    updates, moments = adam.update(gradients, moments)
    return (optax.apply_updates(params, updates), moments, key), loss


def many_steps(state, data):
    state, losses = jax.lax.scan(lambda state, _: one_step(state, data), state, None, length=SCAN)
    return state, losses[-1]


compiled = jax.jit(one_step if asked.variant == "jit" else many_steps, donate_argnums=0)
state = params, adam.init(params), jax.random.key(0)


def step():
    global state
    state, loss = compiled(state, data)
    jax.block_until_ready((state, loss))
    return float(loss)


timing.report(asked, step, count, jax.__version__, SCAN if asked.variant == "scan" else 1)
