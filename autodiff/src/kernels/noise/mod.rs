//! Counter-based noise: draw i of a stream is a function of (seed, stream, i) and of nothing else.
//!
//! So a fill is cut among threads in any way with the same bits, and a backward pass may draw its noise again
//! instead of storing it. Words come from Philox4x32-10 (Salmon et al., SC 2011) with key = seed and counter =
//! (block, stream); normals from Box and Muller's map (1958). Largest |normal|: 6.66 in `f32`, 9.49 in `f64`.
//!
//! Draws lie in groups of 64 (`f32`) or 32 (`f64`), each made from 16 blocks of four 32-bit words at once.
//! The kinds of draws share words: normals and uniforms of the same [`Noise`] depend on each other, and so do
//! `f32` and `f64`. Give each use a [`Noise::stream`] of its own.

mod draw;
mod philox;
mod rng;
#[cfg(test)]
mod tests;

use draw::Draw;
use philox::{GROUP, group_words, philox4x32};
pub use rng::NoiseRng;
use serde::{Deserialize, Serialize};

use super::simd::{Kernel, dispatch};
use super::threads::for_chunks_mut;

/// Key tweaks that keep three uses of a key apart: draws (none), child streams, sequential generators.
const CHILDREN: u64 = 0x6368_696C_6472_656E;
const SEQUENTIAL: u64 = 0x7365_7175_656E_6365;

/// One stream of noise: the key is the seed, the counter is (block index, stream).
///
/// It is a name, not a state: drawing twice from the same `Noise` gives the same numbers.
///
/// ```
/// use evidence_autodiff::kernels::noise::Noise;
/// let (step, layer) = (12, 3);
/// let noise = Noise::new(7).stream(step).stream(layer);
/// let mut z = [0.0; 100];
/// noise.fill_normal_f32(&mut z);
/// let mut again = [0.0; 10];
/// noise.normal_range_f32(90, &mut again);
/// assert_eq!(again, z[90..]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Noise {
    seed: u64,
    stream: u64,
}

impl Noise {
    /// Stream 0 of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, stream: 0 }
    }

    /// The child stream `index` of this stream, as in `noise.stream(step).stream(layer)`.
    ///
    /// Its 128 bits are a Philox block of the counter (index, stream): two children of one stream never
    /// coincide, and streams of different parents do with probability 2⁻¹²⁸ a pair.
    pub fn stream(self, index: u64) -> Self {
        self.derive(CHILDREN, index)
    }

    fn derive(self, tweak: u64, index: u64) -> Self {
        let (stream, key) = (self.stream, self.seed ^ tweak);
        let counter = [index, index >> 32, stream, stream >> 32];
        let word = philox4x32(counter, [key as u32, (key >> 32) as u32]).map(u64::from);
        Self { seed: word[0] | word[1] << 32, stream: word[2] | word[3] << 32 }
    }

    /// Standard normals: element i is draw i of this stream.
    pub fn fill_normal_f32(self, out: &mut [f32]) {
        self.normal_range_f32(0, out);
    }

    /// Standard normals: element i is draw i of this stream.
    pub fn fill_normal_f64(self, out: &mut [f64]) {
        self.normal_range_f64(0, out);
    }

    /// Standard normals `first ..` of the sequence that [`Noise::fill_normal_f32`] gives.
    ///
    /// For a fused loop that draws piece by piece, in cache. Fastest when `first` is a multiple of 64.
    pub fn normal_range_f32(self, first: u64, out: &mut [f32]) {
        fill::<f32, Normal>(self, first, out);
    }

    /// Standard normals `first ..` of the sequence that [`Noise::fill_normal_f64`] gives.
    ///
    /// Fastest when `first` is a multiple of 32.
    pub fn normal_range_f64(self, first: u64, out: &mut [f64]) {
        fill::<f64, Normal>(self, first, out);
    }

    /// Uniform on [0, 1), multiples of 2⁻²⁴: element i is draw i of this stream.
    pub fn fill_uniform_f32(self, out: &mut [f32]) {
        fill::<f32, Uniform>(self, 0, out);
    }

    /// Uniform on [0, 1), multiples of 2⁻⁵³: element i is draw i of this stream.
    pub fn fill_uniform_f64(self, out: &mut [f64]) {
        self.uniform_range_f64(0, out);
    }

    /// Uniforms `first ..` of the sequence that [`Noise::fill_uniform_f64`] gives, for a loop that draws piece by piece.
    ///
    /// Fastest when `first` is a multiple of 32.
    pub fn uniform_range_f64(self, first: u64, out: &mut [f64]) {
        fill::<f64, Uniform>(self, first, out);
    }

    /// A sequential generator for the `rand` ecosystem. Independent of this stream's fills and children.
    pub fn rng(self) -> NoiseRng {
        NoiseRng::new(self.derive(SEQUENTIAL, 0))
    }

    /// A random order of 0, …, n − 1, every order equally likely (Fisher and Yates), from [`Noise::rng`].
    pub fn permutation(self, n: usize) -> Vec<usize> {
        let mut rng = self.rng();
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            order.swap(last, rng.below(last as u64 + 1) as usize);
        }
        order
    }
}

/// Which map from words to draws a fill uses.
trait Map {
    fn draw<T: Draw>(words: &philox::Words, out: &mut [T; GROUP]);
}
struct Uniform;
struct Normal;

impl Map for Uniform {
    #[inline(always)]
    fn draw<T: Draw>(words: &philox::Words, out: &mut [T; GROUP]) {
        T::uniforms(words, out);
    }
}

impl Map for Normal {
    #[inline(always)]
    fn draw<T: Draw>(words: &philox::Words, out: &mut [T; GROUP]) {
        T::normals(words, out);
    }
}

fn fill<T: Draw, M: Map>(noise: Noise, first: u64, out: &mut [T]) {
    for_chunks_mut(out, |offset, out| {
        let first = first + offset as u64;
        dispatch(Fill::<T, M> { noise, first, out, map: std::marker::PhantomData });
    });
}

/// Draws `first ..` into `out`, one group at a time.
struct Fill<'a, T, M> {
    noise: Noise,
    first: u64,
    out: &'a mut [T],
    map: std::marker::PhantomData<M>,
}

impl<T: Draw, M: Map> Kernel for Fill<'_, T, M> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let per_group = T::PER_GROUP as u64;
        let mut group = self.first / per_group;
        let mut skip = (self.first % per_group) as usize;
        let mut rest = self.out;
        while !rest.is_empty() {
            let words = group_words(self.noise.seed, self.noise.stream, group);
            let mut draws = [T::default(); GROUP];
            M::draw(&words, &mut draws);
            let (now, later) = rest.split_at_mut(rest.len().min(T::PER_GROUP - skip));
            if now.len() == T::PER_GROUP {
                now.copy_from_slice(&draws[..T::PER_GROUP]);
            } else {
                now.copy_from_slice(&draws[skip..skip + now.len()]);
            }
            (rest, group, skip) = (later, group + 1, 0);
        }
    }
}
