"""Times a training step in PyTorch, eager or compiled: torch_step.py WORKLOAD --variant eager|compiled --threads N"""
import timing

asked = timing.arguments(("eager", "compiled"))

import torch

import torch_models as models
import workloads

# JAX and our own engine flush denormals always. Set before the OpenMP pool starts, so that its threads inherit it.
torch.set_flush_denormal(True)
torch.set_num_threads(asked.threads)
torch.manual_seed(0)


def build(name, shape):
    """The model and its batch."""
    shape = dict(shape)
    batch = shape.pop("batch")
    labels = torch.randint(0, 10, (batch,))
    match name:
        case "mlp":
            return models.DenseClassifier(**shape), (torch.randn(batch, 784), labels)
        case "bnn_small":
            data = torch.randn(batch, 11), torch.randn(batch, 1)
            return models.BayesianNetwork(**shape, regression=True), data
        case "bnn_big":
            return models.BayesianNetwork(**shape, regression=False), (torch.randn(batch, 784), labels)
        case "vae" | "vae_iwae":
            model = models.Vae if name == "vae" else models.Iwae
            return model(**shape), (torch.bernoulli(torch.full((batch, shape["pixels"]), 0.3)),)
        case "conv_vae":
            return models.ConvVae(**shape), (torch.bernoulli(torch.full((batch, shape["side"] ** 2), 0.3)),)
        case _:
            return models.Flow(**shape), (torch.randn(batch, shape["width"]),)


model, data = build(asked.workload, workloads.shape(asked.workload, asked.batch, asked.couplings))
loss_of = model.loss
if asked.variant == "compiled":
    import torch._inductor.config

    # ATen's normals: inductor's own are scalar code, and slower.
    torch._inductor.config.fallback_random = True
    loss_of = torch.compile(model.loss)
adam = torch.optim.Adam(model.parameters(), lr=workloads.LEARNING_RATE, fused=True)


def step():
    adam.zero_grad(set_to_none=True)
    loss = loss_of(*data)
    loss.backward()
    adam.step()
    return loss.item()


timing.report(asked, step, sum(p.numel() for p in model.parameters()), torch.__version__)
