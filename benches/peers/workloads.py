"""The workloads' shapes, the same as in benches/src/workloads.rs.

A step is forward, loss, backward and Adam, random draws included, f32, on one fixed batch.
"""

LEARNING_RATE = 1e-3

SHAPES = {
    "mlp": dict(sizes=(784, 512, 512, 10), batch=256),
    "bnn_small": dict(sizes=(11, 64, 64, 1), batch=128, data_size=1599),
    "bnn_big": dict(sizes=(784, 400, 400, 10), batch=256, data_size=60_000),
    "vae": dict(pixels=784, hidden=400, latents=20, batch=128),
    "vae_iwae": dict(pixels=784, hidden=200, latents=50, draws=50, batch=20),
    "conv_vae": dict(side=28, filters=(32, 64), hidden=16, latents=2, batch=128),
    "flow_small": dict(width=2, couplings=8, hidden=64, batch=512),
    "flow_big": dict(width=43, couplings=10, hidden=256, batch=512),
}

# What is scaled: option of every program, workload, values.
SCALING = (
    ("batch", "vae", (32, 128, 512, 2048)),
    ("couplings", "flow_big", (2, 5, 10, 20, 40)),
)


def shape(workload, batch=None, couplings=None):
    """A workload's shape, with another batch or number of couplings where given."""
    changed = dict(batch=batch, couplings=couplings)
    return SHAPES[workload] | {name: value for name, value in changed.items() if value}


def halves(width):
    """Columns of the two halves of a coupling: 43 is 21 and 22."""
    return width // 2, width - width // 2


def operations(workload):
    """Floating-point operations of the matrix products of a step, forward and backward.

    A layer multiplies three times: forward, for its weights' gradient, for its input's. The first layer of data needs no third.
    """
    sizes = SHAPES[workload]

    def layers(*widths):
        return sum(2 * a * b for a, b in zip(widths, widths[1:]))

    match workload:
        case "mlp" | "bnn_small" | "bnn_big":
            widths, rows = sizes["sizes"], sizes["batch"]
            return rows * (3 * layers(*widths) - layers(*widths[:2]))
        case "vae":
            pixels, hidden, latents, rows = (sizes[key] for key in ("pixels", "hidden", "latents", "batch"))
            encoder, decoder = layers(pixels, hidden, 2 * latents), layers(latents, hidden, pixels)
            return rows * (3 * (encoder + decoder) - layers(pixels, hidden))
        case "conv_vae":
            side, filters, hidden, latents, rows = (
                sizes[key] for key in ("side", "filters", "hidden", "latents", "batch"))
            data, encoder, decoder, inputs = None, 0, 0, 1
            for outputs in filters:
                side //= 2
                # Each place of the smaller map meets a kernel of nine pixels.
                encoder += 2 * 9 * side**2 * inputs * outputs
                data = data or encoder
                inputs = outputs
            encoder += layers(side**2 * inputs, hidden, 2 * latents)
            decoder += layers(latents, side**2 * inputs)
            for outputs in (*reversed(filters), 1):
                decoder += 2 * 9 * side**2 * inputs * outputs
                side, inputs = min(2 * side, sizes["side"]), outputs
            return rows * (3 * (encoder + decoder) - data)
        case "vae_iwae":
            pixels, hidden, latents, rows = (sizes[key] for key in ("pixels", "hidden", "latents", "batch"))
            encoder, decoder = layers(pixels, hidden, hidden, 2 * latents), layers(latents, hidden, hidden, pixels)
            return rows * (3 * (encoder + sizes["draws"] * decoder) - layers(pixels, hidden))
        case _:
            few, many = halves(sizes["width"])
            hidden, couplings = sizes["hidden"], sizes["couplings"]
            # Couplings transform the halves in turn.
            return sizes["batch"] * (3 * sum(
                layers(*((few, hidden, hidden, 2 * many) if i % 2 == 0 else (many, hidden, hidden, 2 * few)))
                for i in range(couplings)) - layers(few, hidden))
