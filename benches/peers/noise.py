"""Our noise once more, written from its definition and not from its code: to train PyTorch on the very same draws.

Words are Philox4x32-10 (Salmon and others, SC 2011, section 3.3) with key = seed and counter = (block, stream); a group is 16
blocks, and word j of all its blocks comes before word j + 1. Normals are Box and Muller's, computed here in float64 with
numpy's own functions. See autodiff/src/kernels/noise.
"""
import numpy as np

LANES = 16
LOW = np.uint64(0xFFFF_FFFF)
HALF_WORD = np.uint64(32)
CHILDREN = int.from_bytes(b"children", "big")


def philox(counter, seed):
    """Four 32-bit words for each counter: `[4, n]` to `[4, n]`, in uint64."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) & LOW for word in counter)
    for turn in range(10):
        k0 = np.uint64(((seed & 0xFFFF_FFFF) + turn * 0x9E37_79B9) & 0xFFFF_FFFF)
        k1 = np.uint64(((seed >> 32) + turn * 0xBB67_AE85) & 0xFFFF_FFFF)
        p0, p1 = c0 * np.uint64(0xD251_1F53), c2 * np.uint64(0xCD9E_8D57)
        c0, c1, c2, c3 = (p1 >> HALF_WORD) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF_WORD) ^ c3 ^ k1, p0 & LOW
    return np.stack([c0, c1, c2, c3])


class Noise:
    """A stream of draws. `kind` is the number type whose draws are asked for: "f32" and "f64" differ in every draw."""

    def __init__(self, seed, kind, stream=0):
        self.seed, self.kind, self.stream_id = seed, kind, stream

    def stream(self, index):
        words = philox(_split(index) + _split(self.stream_id), self.seed ^ CHILDREN)
        low0, high0, low1, high1 = (int(word) for word in words)
        return Noise(low0 | high0 << 32, self.kind, low1 | high1 << 32)

    def _words(self, groups):
        """`[groups, 4, LANES]`."""
        block = np.arange(groups * LANES, dtype=np.uint64)
        low, high = _split(self.stream_id)
        ones = np.ones_like(block)
        words = philox((block & LOW, block >> HALF_WORD, ones * low, ones * high), self.seed)
        return words.reshape(4, groups, LANES).transpose(1, 0, 2)

    def normal(self, *shape):
        """Standard normals, in float64 whatever their kind."""
        count = int(np.prod(shape))
        if self.kind == "f32":
            # 31 bits each for the radius and the half turn; k is rounded to f32, and so is (k + ½)/2³¹.
            words = self._words(-(-count // (4 * LANES)))
            radius, angle = words[:, 0::2], words[:, 1::2]  # [groups, 2, LANES]
            signed = angle.astype(np.uint32).view(np.int32) >> 1
            u = (np.float64((radius >> np.uint64(1)).astype(np.float32)) * 2.0**-31 + 2.0**-32).astype(np.float32)
            x = (np.float64(signed.astype(np.float32)) * 2.0**-31 + 2.0**-32).astype(np.float32)
            flip = angle & np.uint64(1)
        else:
            # 64 bits for the radius, 63 for the half turn.
            words = self._words(-(-count // (2 * LANES)))[:, None]
            radius = words[:, :, 0].astype(np.float64) * 2.0**-32, words[:, :, 1].astype(np.float64) * 2.0**-64
            u = radius[0] + (radius[1] + 2.0**-65)
            low = (words[:, :, 3] >> np.uint64(1)).astype(np.float64) * 2.0**-63 + 2.0**-64
            x = (words[:, :, 2].astype(np.float64) * 2.0**-32 - 0.5) + low
            flip = words[:, :, 3] & np.uint64(1)
        u, x = u.astype(np.float64), x.astype(np.float64)
        radius = np.sqrt(-2.0 * np.log(u))
        cosine = np.where(flip == 1, -1.0, 1.0) * radius * np.cos(np.pi * x)
        pairs = np.stack([cosine, radius * np.sin(np.pi * x)], axis=2)  # [groups, pairs, 2, LANES]
        return pairs.ravel()[:count].reshape(shape)

    def uniform(self, *shape):
        """Uniform on [0, 1), exactly ours: multiples of 2⁻²⁴ (f32) or 2⁻⁵³ (f64)."""
        count = int(np.prod(shape))
        if self.kind == "f32":
            draws = (self._words(-(-count // (4 * LANES))) >> np.uint64(8)).astype(np.float64) * 2.0**-24
        else:
            words = self._words(-(-count // (2 * LANES)))
            high, low = words[:, 0::2], words[:, 1::2] >> np.uint64(11)
            draws = high.astype(np.float64) * 2.0**-32 + low.astype(np.float64) * 2.0**-53
        return draws.ravel()[:count].reshape(shape)


def _split(number):
    return np.uint64(number & 0xFFFF_FFFF), np.uint64(number >> 32)
