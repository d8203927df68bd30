//! What [`conv2d`](super::conv2d) and its adjoint [`conv_transpose2d`](super::conv_transpose2d) are made of: three products
//! that each is the vector-Jacobian product of another.
//!
//! Between large images X `[n, c, h, w]` and small maps Y `[n, f, i, j]`, with weights W `[f, c, kh, kw]` read as `[f, c kh kw]`,
//! stride s and padding p:
//!
//! ```text
//! C[(c, a, b), (n, i, j)] = X[n, c, s i + a − p, s j + b − p], or 0 outside of X       columns
//! Y = W C        convolve: conv2d forward, conv_transpose2d's cotangent of its input
//! X = C*(Wᵀ Y)   spread:   conv_transpose2d forward, conv2d's cotangent of its input; C* adds where C copied
//! W = Y Cᵀ       weigh:    the cotangent of the weights of both
//! ```
//!
//! Source: Dumoulin and Visin 2016, *A guide to convolution arithmetic for deep learning*, sections 2 and 4.
//!
//! C has each pixel kh kw / s² times, so it is never made whole: images go through in blocks whose columns stay in the
//! second-level cache, on a fixed number of lanes that each have scratch of their own. Blocks and lanes follow from the shape, an
//! image is spread by one lane in one order, and the lanes' weights are added in order: so the bits do not depend on threads.

use crate::kernels::elementwise::add_assign;
use crate::kernels::matmul::{MatMut, MatRef};
use crate::kernels::threads::for_each_mut;
use crate::scalar::Real;
use smallvec::SmallVec;

/// Columns that one product has at least, if there are images enough: a map of a few pixels alone would leave a product so
/// narrow that reading W is most of its time.
const COLUMNS: usize = 256;

/// Runs of images, side by side. Each has its columns in cache and, for weights, a sum of its own.
const LANES: usize = 8;

/// How a kernel moves over an image: the same down and across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels from one place to the next, s; at least 1.
    pub stride: usize,
    /// Rows and columns of zeros around the image, p.
    pub padding: usize,
}

impl Default for Window {
    /// Every place inside the image: stride 1, no padding.
    fn default() -> Self {
        Self { stride: 1, padding: 0 }
    }
}

impl Window {
    /// The number of places of a kernel in so many pixels, ⌊(pixels + 2p − kernel) / s⌋ + 1; `None` if there is no place, the
    /// kernel is empty or the stride 0.
    pub fn places(self, pixels: usize, kernel: usize) -> Option<usize> {
        let room = (pixels + 2 * self.padding).checked_sub(kernel)?;
        (kernel > 0).then_some(room.checked_div(self.stride)? + 1)
    }

    /// The pixels that so many places of a kernel come from, `(places − 1) s + kernel + extra − 2p`: what
    /// [`places`](Window::places) undoes for an `extra` below s. `None` if there are none.
    pub fn pixels(self, places: usize, kernel: usize, extra: usize) -> Option<usize> {
        let steps = places.checked_sub(1)?;
        let pixels = (steps * self.stride + kernel + extra).checked_sub(2 * self.padding)?;
        (kernel > 0 && extra < self.stride && pixels > 0).then_some(pixels)
    }
}

/// The shape of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    /// n.
    pub(super) images: usize,
    /// c.
    pub(super) channels: usize,
    /// h and w.
    pub(super) image: [usize; 2],
    /// f.
    pub(super) filters: usize,
    /// i and j.
    pub(super) map: [usize; 2],
    /// kh and kw.
    pub(super) kernel: [usize; 2],
    pub(super) window: Window,
}

/// Consecutive images.
#[derive(Clone, Copy)]
struct Block {
    /// The number of the first.
    first: usize,
    /// The same, counted from the first of its lane.
    within: usize,
    count: usize,
}

impl Convolution {
    /// c h w.
    fn large(&self) -> usize {
        self.channels * self.image[0] * self.image[1]
    }

    /// i j.
    fn places(&self) -> usize {
        self.map[0] * self.map[1]
    }

    /// c kh kw.
    fn taps(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Images of a block.
    fn block(&self) -> usize {
        COLUMNS.div_ceil(self.places()).min(self.images).max(1)
    }

    /// Images of a lane: whole blocks.
    fn lane(&self) -> usize {
        let blocks = self.images.div_ceil(self.block());
        blocks.div_ceil(LANES).max(1) * self.block()
    }

    fn lanes(&self) -> usize {
        self.images.div_ceil(self.lane())
    }

    /// Numbers a lane works in: the columns of a block, and its maps with all images side by side.
    fn lane_room(&self) -> usize {
        (self.taps() + self.filters) * self.block() * self.places()
    }

    /// Numbers that the products work in.
    pub(super) fn room(&self) -> usize {
        self.lanes() * self.lane_room()
    }

    /// Numbers that the weights' product needs for its sums.
    pub(super) fn sums(&self) -> usize {
        self.lanes() * self.filters * self.taps()
    }

    /// `small ← W C(large) + β small`, with β 0 or 1.
    pub(super) fn convolve<T: Real>(
        &self,
        large: &[T],
        w: &[T],
        beta: T,
        small: &mut [T],
        room: &mut [T],
    ) {
        let (filters, taps, places) = (self.filters, self.taps(), self.places());
        let w = MatRef::new(w, filters, taps);
        let map = filters * places;
        self.run(room, small, self.lane() * map, |block, room, small| {
            let width = block.count * places;
            let (columns, maps) = self.parts(block, room);
            self.columns(block, large, columns);
            let columns = MatRef::new(columns, taps, width);
            let small = &mut small[block.within * map..][..block.count * map];
            if block.count == 1 {
                return T::matmul(
                    T::one(),
                    w,
                    columns,
                    beta,
                    &mut MatMut::new(small, filters, width),
                );
            }
            T::matmul(T::one(), w, columns, T::zero(), &mut MatMut::new(maps, filters, width));
            for (filter, row) in maps.chunks_exact(width).enumerate() {
                for (image, from) in row.chunks_exact(places).enumerate() {
                    let to = &mut small[(image * filters + filter) * places..][..places];
                    if beta.is_zero() {
                        to.copy_from_slice(from);
                    } else {
                        to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
                    }
                }
            }
        });
    }

    /// `large ← C*(Wᵀ small) + β large`, with β 0 or 1.
    pub(super) fn spread<T: Real>(
        &self,
        small: &[T],
        w: &[T],
        beta: T,
        large: &mut [T],
        room: &mut [T],
    ) {
        let (filters, taps) = (self.filters, self.taps());
        let w = MatRef::new(w, filters, taps);
        self.run(room, large, self.lane() * self.large(), |block, room, large| {
            let width = block.count * self.places();
            let (columns, maps) = self.parts(block, room);
            let maps = self.side_by_side(block, small, maps);
            T::matmul(T::one(), w.t(), maps, T::zero(), &mut MatMut::new(columns, taps, width));
            let large = &mut large[block.within * self.large()..][..block.count * self.large()];
            if beta.is_zero() {
                large.fill(T::zero());
            }
            let stride = self.window.stride;
            self.lines(block.count, |column, pixel, len| {
                let from = &columns[column..column + len];
                let to = large[pixel..].iter_mut().step_by(stride);
                to.zip(from).for_each(|(to, &from)| *to += from);
            });
        });
    }

    /// `W ← small C(large)ᵀ + β W`, with β 0 or 1.
    pub(super) fn weigh<T: Real>(
        &self,
        large: &[T],
        small: &[T],
        beta: T,
        w: &mut [T],
        room: &mut [T],
        sums: &mut [T],
    ) {
        let (filters, taps) = (self.filters, self.taps());
        self.run(room, sums, filters * taps, |block, room, sum| {
            let (columns, maps) = self.parts(block, room);
            self.columns(block, large, columns);
            let maps = self.side_by_side(block, small, maps);
            let columns = MatRef::new(columns, taps, block.count * self.places());
            let beta = if block.within == 0 { T::zero() } else { T::one() };
            T::matmul(T::one(), maps, columns.t(), beta, &mut MatMut::new(sum, filters, taps));
        });
        if beta.is_zero() {
            w.fill(T::zero());
        }
        sums.chunks_exact((filters * taps).max(1)).for_each(|sum| add_assign(w, sum));
    }

    /// Calls `work(block, room, out)` for each block of images, lane beside lane; `room` and `out`, of `lane_out` numbers or less,
    /// are the lane's.
    fn run<T: Real>(
        &self,
        room: &mut [T],
        out: &mut [T],
        lane_out: usize,
        work: impl Fn(Block, &mut [T], &mut [T]) + Sync,
    ) {
        let rooms = room.chunks_mut(self.lane_room().max(1));
        let mut lanes: SmallVec<[_; LANES]> = rooms.zip(out.chunks_mut(lane_out.max(1))).collect();
        for_each_mut(&mut lanes, |lane, (room, out)| {
            let first = lane * self.lane();
            let end = (first + self.lane()).min(self.images);
            for from in (first..end).step_by(self.block()) {
                let count = self.block().min(end - from);
                work(Block { first: from, within: from - first, count }, room, out);
            }
        });
    }

    /// A lane's room: the columns of a block, and its maps.
    fn parts<'a, T>(&self, block: Block, room: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        let width = block.count * self.places();
        let (columns, rest) = room.split_at_mut(self.taps() * width);
        (columns, &mut rest[..self.filters * width])
    }

    /// The maps of a block as `[f, images i j]`: as they are if there is one, copied if there are more.
    fn side_by_side<'a, T: Real>(
        &self,
        block: Block,
        small: &'a [T],
        maps: &'a mut [T],
    ) -> MatRef<'a, T> {
        let (filters, places) = (self.filters, self.places());
        let (width, len) = (block.count * places, filters * places);
        let small = &small[block.first * len..][..block.count * len];
        if block.count == 1 {
            return MatRef::new(small, filters, width);
        }
        for (filter, row) in maps.chunks_exact_mut(width).enumerate() {
            for (image, to) in row.chunks_exact_mut(places).enumerate() {
                to.copy_from_slice(&small[(image * filters + filter) * places..][..places]);
            }
        }
        MatRef::new(maps, filters, width)
    }

    /// C of a block.
    fn columns<T: Real>(&self, block: Block, large: &[T], columns: &mut [T]) {
        let large = &large[block.first * self.large()..][..block.count * self.large()];
        if self.window.padding > 0 {
            columns.fill(T::zero());
        }
        let stride = self.window.stride;
        self.lines(block.count, |column, pixel, len| {
            let to = &mut columns[column..column + len];
            if stride == 1 {
                return to.copy_from_slice(&large[pixel..pixel + len]);
            }
            let from = large[pixel..].iter().step_by(stride);
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        });
    }

    /// Calls `visit(column, pixel, len)` for each line of C that lies inside of an image: its elements from number `column` on are
    /// the image's from `pixel` on, every s-th of them.
    #[inline(always)]
    fn lines(&self, images: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let ([h, w], [rows, across]) = (self.image, self.map);
        let Window { stride, padding } = self.window;
        // The places where row (or column) a of the kernel is inside of the image.
        let inside = |a: usize, pixels: usize, places: usize| {
            let end = (pixels + padding).saturating_sub(a).div_ceil(stride).min(places);
            padding.saturating_sub(a).div_ceil(stride).min(end)..end
        };
        let mut line = 0;
        for channel in 0..self.channels {
            for a in 0..self.kernel[0] {
                for b in 0..self.kernel[1] {
                    let (down, right) = (inside(a, h, rows), inside(b, w, across));
                    for image in 0..images {
                        if !right.is_empty() {
                            let plane = (image * self.channels + channel) * h;
                            let left = right.start * stride + b - padding;
                            for i in down.clone() {
                                let pixel = (plane + i * stride + a - padding) * w + left;
                                visit((line + i) * across + right.start, pixel, right.len());
                            }
                        }
                        line += rows;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn pixels_and_places_undo_each_other() {
        for stride in 1..4 {
            for padding in 0..4 {
                let window = Window { stride, padding };
                for kernel in 1..5 {
                    for pixels in 1..12 {
                        let Some(places) = window.places(pixels, kernel) else { continue };
                        let extra = (pixels + 2 * padding - kernel) % stride;
                        assert_eq!(window.pixels(places, kernel, extra), Some(pixels));
                    }
                }
                assert_eq!(window.places(5, 0), None);
                assert_eq!(window.pixels(0, 3, 0), None);
                assert_eq!(window.pixels(3, 9, stride), None);
            }
        }
        assert_eq!(Window { stride: 0, padding: 0 }.places(5, 3), None);
        assert_eq!(Window::default().places(2, 3), None);
    }
}
