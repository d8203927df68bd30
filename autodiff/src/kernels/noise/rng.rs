//! A sequential generator over Philox blocks, so that `rand`, `rand_distr` and `ndarray-rand` work on noise.

use rand_core::{RngCore, SeedableRng};

use super::Noise;
use super::philox::{GROUP, LANES, Words, group_words};
use crate::kernels::simd::{Kernel, dispatch};

/// Draws words one after the other. Its position can be read and set, so that a run can be resumed.
///
/// ```
/// use evidence_autodiff::kernels::noise::Noise;
/// use rand_core::RngCore;
/// let mut rng = Noise::new(7).rng();
/// rng.next_u64();
/// let position = rng.position();
/// let word = rng.next_u32();
/// let mut resumed = Noise::new(7).rng();
/// resumed.set_position(position);
/// assert_eq!(resumed.next_u32(), word);
/// ```
#[derive(Clone, Debug)]
pub struct NoiseRng {
    noise: Noise,
    /// Index of the next word.
    position: u64,
    /// The words of the group that `position` lies in, unless `position` is where a group begins.
    words: Words,
}

impl NoiseRng {
    pub(super) fn new(noise: Noise) -> Self {
        Self { noise, position: 0, words: [[0; LANES]; 4] }
    }

    /// The number of 32-bit words drawn so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves to the word `position`, as if that many words had been drawn.
    pub fn set_position(&mut self, position: u64) {
        self.position = position;
        if !position.is_multiple_of(GROUP as u64) {
            self.refill();
        }
    }

    fn refill(&mut self) {
        self.words = dispatch(Group { noise: self.noise, group: self.position / GROUP as u64 });
    }

    /// Uniform on {0, …, bound − 1} for a positive `bound`, without bias.
    ///
    /// The high half of word·bound; words whose low half falls among the first 2⁶⁴ mod bound are rejected
    /// (Lemire, "Fast random integer generation in an interval", 2019).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as u64;
            }
        }
    }
}

struct Group {
    noise: Noise,
    group: u64,
}

impl Kernel for Group {
    type Output = Words;

    #[inline(always)]
    fn run(self) -> Words {
        group_words(self.noise.seed, self.noise.stream, self.group)
    }
}

impl RngCore for NoiseRng {
    #[inline]
    fn next_u32(&mut self) -> u32 {
        let slot = (self.position % GROUP as u64) as usize;
        if slot == 0 {
            self.refill();
        }
        self.position = self.position.wrapping_add(1);
        self.words.as_flattened()[slot]
    }

    #[inline]
    fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        u64::from(self.next_u32()) << 32 | low
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for piece in out.chunks_mut(4) {
            piece.copy_from_slice(&self.next_u32().to_le_bytes()[..piece.len()]);
        }
    }
}

/// The seed is a [`Noise`]'s seed and stream, little endian. `seed_from_u64` expands a number into one.
impl SeedableRng for NoiseRng {
    type Seed = [u8; 16];

    fn from_seed(seed: [u8; 16]) -> Self {
        let bits = u128::from_le_bytes(seed);
        Noise { seed: bits as u64, stream: (bits >> 64) as u64 }.rng()
    }
}
