//! Philox4x32-10: four random 32-bit words as a pure function of a 128-bit counter and a 64-bit key.
//!
//! One round maps (c₀, c₁, c₂, c₃) under the round key (k₀, k₁) to
//! (hi(M₁c₂) ⊕ c₁ ⊕ k₀, lo(M₁c₂), hi(M₀c₀) ⊕ c₃ ⊕ k₁, lo(M₀c₀)), and adds (W₀, W₁) to the key. Ten rounds.
//! For a fixed key it is a bijection of the counter.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3.

/// Blocks computed side by side: one AVX-512 register of 32-bit words.
pub(super) const LANES: usize = 16;

/// Words of one group: four from each of the [`LANES`] blocks.
pub(super) const GROUP: usize = 4 * LANES;

/// A group: `[j][l]` is word j of block l.
pub(super) type Words = [[u32; LANES]; 4];

const MULTIPLIER: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;
const LOW: u64 = 0xFFFF_FFFF;

/// The four words of the block `counter` under `key`.
///
/// The words live in the low halves of 64-bit integers and the high halves hold rubbish: that is the form
/// in which a widening multiplication vectorises without shuffles, on every instruction set.
#[inline(always)]
pub(super) fn philox4x32(counter: [u64; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for round in 0..ROUNDS {
        let k0 = key[0].wrapping_add(WEYL[0].wrapping_mul(round)) as u64;
        let k1 = key[1].wrapping_add(WEYL[1].wrapping_mul(round)) as u64;
        let p0 = (c0 & LOW) * MULTIPLIER[0];
        let p1 = (c2 & LOW) * MULTIPLIER[1];
        (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ k0, p1, (p0 >> 32) ^ c3 ^ k1, p0);
    }
    [c0 as u32, c1 as u32, c2 as u32, c3 as u32]
}

/// The words of the [`LANES`] blocks from `LANES·group` on: the counter is (block, stream), the key `seed`.
#[inline(always)]
pub(super) fn group_words(seed: u64, stream: u64, group: u64) -> Words {
    let key = [seed as u32, (seed >> 32) as u32];
    let first = group.wrapping_mul(LANES as u64);
    let [mut w0, mut w1, mut w2, mut w3] = [[0; LANES]; 4];
    for lane in 0..LANES {
        let block = first + lane as u64;
        [w0[lane], w1[lane], w2[lane], w3[lane]] =
            philox4x32([block, block >> 32, stream, stream >> 32], key);
    }
    [w0, w1, w2, w3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_known_answers() {
        // Random123's kat_vectors: counter, key, result; the last row is made of digits of π.
        let ones = LOW;
        let table: [([u64; 4], [u32; 2], [u32; 4]); 3] = [
            ([0; 4], [0; 2], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]),
            ([ones; 4], [u32::MAX; 2], [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]),
            (
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
                [0xA409_3822, 0x299F_31D0],
                [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1],
            ),
        ];
        for (counter, key, answer) in table {
            assert_eq!(philox4x32(counter, key), answer, "counter {counter:x?}");
        }
    }

    #[test]
    fn a_group_is_its_blocks() {
        for (seed, stream, group) in [(0, 0, 0), (7, 3, 1), (u64::MAX, 1 << 40, (1 << 28) + 5)] {
            let words = group_words(seed, stream, group);
            for lane in 0..4 * LANES {
                let (lane, j) = (lane % LANES, lane / LANES);
                let block = group * LANES as u64 + lane as u64;
                let counter = [block & LOW, block >> 32, stream & LOW, stream >> 32];
                let word = philox4x32(counter, [seed as u32, (seed >> 32) as u32]);
                assert_eq!(words[j][lane], word[j]);
            }
        }
    }
}
