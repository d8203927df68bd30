"""The models in PyTorch, as a user would write them. `loss` draws its own noise, or takes it from `draw(like)`."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from workloads import halves

HALF_LN_TAU = 0.5 * math.log(2 * math.pi)


def mlp(sizes, activation=nn.ReLU):
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


class DenseClassifier(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.net = mlp(sizes)

    def loss(self, x, y):
        return F.cross_entropy(self.net(x), y)


class BayesianLinear(nn.Module):
    """Weights and biases N(mean, softplus(rho)²), one draw for the whole batch."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight_mean = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.weight_rho = nn.Parameter(torch.full((outputs, inputs), -5.0))
        self.bias_mean = nn.Parameter(torch.zeros(outputs))
        self.bias_rho = nn.Parameter(torch.full((outputs,), -5.0))

    def forward(self, x, draw):
        weight_scale, bias_scale = F.softplus(self.weight_rho), F.softplus(self.bias_rho)
        weight = torch.addcmul(self.weight_mean, weight_scale, draw(weight_scale))
        bias = torch.addcmul(self.bias_mean, bias_scale, draw(bias_scale))
        kl = kl_to_standard(self.weight_mean, weight_scale) + kl_to_standard(self.bias_mean, bias_scale)
        return F.linear(x, weight, bias), kl


def kl_to_standard(mean, scale):
    return (0.5 * (scale * scale + mean * mean - 1.0) - scale.log()).sum()


class BayesianNetwork(nn.Module):
    def __init__(self, sizes, data_size, regression):
        super().__init__()
        self.layers = nn.ModuleList(BayesianLinear(*pair) for pair in zip(sizes[:-1], sizes[1:]))
        self.data_size = data_size
        self.log_scale = nn.Parameter(torch.zeros(())) if regression else None

    def loss(self, x, y, draw=torch.randn_like):
        kl = 0.0
        for i, layer in enumerate(self.layers):
            x, layer_kl = layer(F.relu(x) if i else x, draw)
            kl = kl + layer_kl
        if self.log_scale is None:
            error = F.cross_entropy(x, y)
        else:
            distance = (y - x) * torch.exp(-self.log_scale)
            error = (0.5 * distance**2).mean() + self.log_scale + HALF_LN_TAU
        return error + kl / self.data_size


class Vae(nn.Module):
    def __init__(self, pixels, hidden, latents):
        super().__init__()
        self.encoder = mlp((pixels, hidden, 2 * latents))
        self.decoder = mlp((latents, hidden, pixels))

    def loss(self, x, draw=torch.randn_like):
        mean, log_scale = self.encoder(x).chunk(2, -1)
        z = mean + torch.exp(log_scale) * draw(mean)
        error = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum")
        kl = (0.5 * (torch.exp(2 * log_scale) + mean * mean - 1) - log_scale).sum()
        return (error + kl) / x.shape[0]


class ConvVae(Vae):
    """Keras' example: convolutions that halve the image, and their transposes."""

    def __init__(self, side, filters, hidden, latents):
        nn.Module.__init__(self)
        first, second = filters
        map = side // 4
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, side, side)),
            nn.Conv2d(1, first, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * map**2, hidden), nn.ReLU(),
            nn.Linear(hidden, 2 * latents))
        self.decoder = nn.Sequential(
            nn.Linear(latents, second * map**2), nn.ReLU(),
            nn.Unflatten(1, (second, map, map)),
            nn.ConvTranspose2d(second, second, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(second, first, 3, stride=2, padding=1, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(first, 1, 3, padding=1),
            nn.Flatten())


class Iwae(nn.Module):
    """The importance weighted bound of K draws."""

    def __init__(self, pixels, hidden, latents, draws):
        super().__init__()
        self.encoder = mlp((pixels, hidden, hidden, 2 * latents), nn.Tanh)
        self.decoder = mlp((latents, hidden, hidden, pixels), nn.Tanh)
        self.draws = draws

    def loss(self, x, draw=torch.randn_like):
        mean, log_scale = self.encoder(x).chunk(2, -1)  # [n, z]
        noise = draw(mean.expand(self.draws, *mean.shape))  # [K, n, z]
        z = mean + torch.exp(log_scale) * noise
        logits = self.decoder(z)
        log_likelihood = (x * logits - F.softplus(logits)).sum(-1)
        log_prior = -0.5 * (z * z).sum(-1)
        log_posterior = -(0.5 * noise * noise + log_scale).sum(-1)  # ln 2π is in both
        log_weight = log_likelihood + log_prior - log_posterior
        return -(torch.logsumexp(log_weight, 0) - math.log(self.draws)).mean()


class Flow(nn.Module):
    """Affine couplings from data to base, the halves changing roles; log-scales bounded by tanh."""

    def __init__(self, width, couplings, hidden):
        super().__init__()
        self.first, second = halves(width)
        self.width = width
        roles = [(self.first, second), (second, self.first)]
        self.conditioners = nn.ModuleList(
            mlp((condition, hidden, hidden, 2 * transformed))
            for condition, transformed in (roles[i % 2] for i in range(couplings)))

    def loss(self, x):
        halves = [x[:, : self.first], x[:, self.first :]]
        log_det = 0.0
        for i in reversed(range(len(self.conditioners))):
            condition, transformed = i % 2, 1 - i % 2
            raw, shift = self.conditioners[i](halves[condition]).chunk(2, -1)
            halves[transformed], change = self.transform(halves[transformed], torch.tanh(raw), shift)
            log_det = log_det + change
        log_base = -0.5 * sum((half * half).sum(-1) for half in halves) - HALF_LN_TAU * self.width
        return -(log_base + log_det).mean()

    @staticmethod
    def transform(half, log_scale, shift):
        """The half towards the base, and its log-determinant."""
        return half * torch.exp(log_scale) + shift, log_scale.sum(-1)
