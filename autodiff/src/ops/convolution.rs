//! What [`conv2d`](super::conv2d) and its adjoint [`conv_transpose2d`](super::conv_transpose2d) are made of: three products
//! that each is the vector-Jacobian product of another.
//!
//! Between large images X `[n, h, w, c]` and small maps Y `[n, i, j, f]`, channels last, with weights W `[kh, kw, c, f]` read as
//! `[kh kw c, f]`, stride s and padding p:
//!
//! ```text
//! P[(n, i, j), (a, b, c)] = X[n, s i + a − p, s j + b − p, c], or 0 outside of X       patches
//! Y = P W        conv2d forward, conv_transpose2d's cotangent of its input
//! X = P*(Y Wᵀ)   conv_transpose2d forward, conv2d's cotangent of its input; P* adds where P copied
//! W = Pᵀ Y       the cotangent of the weights of both
//! ```
//!
//! Source: Dumoulin and Visin 2016, *A guide to convolution arithmetic for deep learning*, sections 2 and 4.
//!
//! So a convolution is the affine layer of patches, whose rows are places. With channels last a patch is kh runs of kw c neighbours of
//! X, copied and added at the width of memory, and Y is read and written where it lies. With channels first, patches are runs of
//! single pixels s apart, and maps of several images have to be interleaved for one product.
//!
//! P has each pixel kh kw / s² times, so it is never made whole: images go through in blocks whose patches stay in the
//! second-level cache, on a fixed number of lanes that each have scratch of their own. Blocks and lanes follow from the shape, an
//! image is spread by one lane in one order, and the lanes' sums are added in order: so the bits do not depend on threads.

use super::window::Window;
use crate::kernels::elementwise::add_assign;
use crate::kernels::matmul::MatRef;
use crate::kernels::reduce::sum_lanes;
use crate::kernels::simd::{Kernel, dispatch};
use crate::kernels::threads::for_each_mut;
use crate::scalar::Real;
use crate::shape::Lanes;
use crate::tape::Sink;
use crate::tensor::Tensor;
use smallvec::SmallVec;

/// Numbers of a block's patches, if an image has no more: 384 KiB of `f32`, so that they stay in the second-level cache beside the
/// weights and what is multiplied.
const PATCHES: usize = 96 << 10;

/// Rows of a block's patches, if an image has no more: beyond these a product is no faster.
const ROWS: usize = 512;

/// Numbers of a run of neighbours below which lines of single numbers, a patch apart, are faster: the width of a vector.
const RUN: usize = 16;

/// Runs of images, side by side. Each has its patches in cache and, for weights, a sum of its own.
const LANES: usize = 8;

/// The shape of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Convolution {
    /// n.
    pub(super) images: usize,
    /// h and w.
    pub(super) image: [usize; 2],
    /// c.
    pub(super) channels: usize,
    /// i and j.
    pub(super) map: [usize; 2],
    /// f.
    pub(super) filters: usize,
    /// kh and kw.
    pub(super) kernel: [usize; 2],
    pub(super) window: Window,
}

/// Consecutive images.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// The number of the first.
    first: usize,
    /// The same, counted from the first of its lane.
    within: usize,
    pub(super) count: usize,
}

impl Block {
    /// The block's part of all images, of so many numbers each.
    pub(super) fn of<'a, T>(&self, all: &'a [T], each: usize) -> &'a [T] {
        &all[self.first * each..][..self.count * each]
    }

    /// The block's part of its lane's images.
    pub(super) fn of_lane<'a, T>(&self, lane: &'a mut [T], each: usize) -> &'a mut [T] {
        &mut lane[self.within * each..][..self.count * each]
    }

    /// What a sum over the lane's blocks is multiplied by before this one is added.
    pub(super) fn carry<T: Real>(&self) -> T {
        if self.within == 0 { T::zero() } else { T::one() }
    }
}

impl Convolution {
    /// Numbers of an image, h w c.
    pub(super) fn large(&self) -> usize {
        self.image[0] * self.image[1] * self.channels
    }

    /// Numbers of a map, i j f.
    pub(super) fn small(&self) -> usize {
        self.places() * self.filters
    }

    /// i j.
    pub(super) fn places(&self) -> usize {
        self.map[0] * self.map[1]
    }

    /// Numbers of a patch, kh kw c.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.channels
    }

    /// Images of a lane.
    pub(super) fn lane(&self) -> usize {
        self.images.div_ceil(LANES).max(1)
    }

    /// Images of a block.
    fn block(&self) -> usize {
        let places = self.places().max(1);
        let most =
            (PATCHES / (places * self.taps()).max(1)).min(ROWS / places).clamp(1, self.lane());
        // As even as can be: three and three, not five and one.
        self.lane().div_ceil(self.lane().div_ceil(most))
    }

    fn lanes(&self) -> usize {
        self.images.div_ceil(self.lane())
    }

    /// Numbers of a block's patches: what a lane works in.
    pub(super) fn lane_room(&self) -> usize {
        self.block() * self.places() * self.taps()
    }

    /// Numbers that all lanes work in.
    pub(super) fn room(&self) -> usize {
        self.lanes() * self.lane_room()
    }

    /// W as a matrix, `[kh kw c, f]`.
    pub(super) fn weights<'a, T>(&self, w: &'a [T]) -> MatRef<'a, T> {
        MatRef::new(w, self.taps(), self.filters)
    }

    /// A block's maps as a matrix, `[places, f]`.
    pub(super) fn maps<'a, T>(&self, block: Block, maps: &'a [T]) -> MatRef<'a, T> {
        MatRef::new(maps, block.count * self.places(), self.filters)
    }

    /// A sum for each lane, of so many numbers, where input i of the op needs one.
    pub(super) fn sums<T: Real>(&self, dx: &Sink<'_, T>, i: usize, each: usize) -> Tensor<T> {
        dx.tensor(&[if dx.needs(i) { self.lanes() * each } else { 0 }])
    }

    /// Calls `work(block, parts)` for each block of images, lane beside lane. A buffer comes with the numbers that a lane has of it;
    /// `parts` are the lane's, empty where the buffer is.
    pub(super) fn run<T: Real, const N: usize>(
        &self,
        mut buffers: [(&mut [T], usize); N],
        work: impl Fn(Block, &mut [&mut [T]; N]) + Sync,
    ) {
        let mut lanes: SmallVec<[[&mut [T]; N]; LANES]> = SmallVec::new();
        for _ in 0..self.lanes() {
            lanes.push(buffers.each_mut().map(|(rest, each)| {
                let whole = std::mem::take(rest);
                let (mine, others) = whole.split_at_mut((*each).min(whole.len()));
                *rest = others;
                mine
            }));
        }
        for_each_mut(&mut lanes, |lane, parts| {
            let first = lane * self.lane();
            let end = (first + self.lane()).min(self.images);
            for from in (first..end).step_by(self.block()) {
                let count = self.block().min(end - from);
                work(Block { first: from, within: from - first, count }, parts);
            }
        });
    }

    /// P of a block's images.
    pub(super) fn patches<'a, T: Real>(
        &self,
        block: Block,
        images: &[T],
        room: &'a mut [T],
    ) -> MatRef<'a, T> {
        struct Copy<'a, T>(&'a Convolution, usize, &'a [T], &'a mut [T]);
        impl<T: Real> Kernel for Copy<'_, T> {
            const VECTORISE: bool = T::VECTORISE;
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let Self(shape, count, images, patches) = self;
                if shape.is_narrow() {
                    let (from, to) = (shape.window.stride * shape.channels, shape.taps());
                    patches[..count * shape.places() * to].fill(T::zero());
                    return shape.lines(count, |at, pixel, len| {
                        let line = patches[at..].iter_mut().step_by(to).take(len);
                        let images = images[pixel..].iter().step_by(from);
                        line.zip(images).for_each(|(to, &from)| *to = from);
                    });
                }
                shape.runs(count, |at, pixel, len| {
                    let to = &mut patches[at..at + len];
                    match pixel {
                        Some(pixel) => to.copy_from_slice(&images[pixel..pixel + len]),
                        None => to.fill(T::zero()),
                    }
                });
            }
        }
        dispatch(Copy(self, block.count, images, room));
        MatRef::new(room, block.count * self.places(), self.taps())
    }

    /// Adds each number of the patches to the pixel that it came from.
    pub(super) fn spread<T: Real>(&self, block: Block, patches: &[T], images: &mut [T]) {
        struct Add<'a, T>(&'a Convolution, usize, &'a [T], &'a mut [T]);
        impl<T: Real> Kernel for Add<'_, T> {
            const VECTORISE: bool = T::VECTORISE;
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let Self(shape, count, patches, images) = self;
                if shape.is_narrow() {
                    let (to, from) = (shape.window.stride * shape.channels, shape.taps());
                    return shape.lines(count, |at, pixel, len| {
                        let line = patches[at..].iter().step_by(from).take(len);
                        let images = images[pixel..].iter_mut().step_by(to);
                        images.zip(line).for_each(|(to, &from)| *to += from);
                    });
                }
                shape.runs(count, |at, pixel, len| {
                    if let Some(pixel) = pixel {
                        let to = &mut images[pixel..pixel + len];
                        to.iter_mut()
                            .zip(&patches[at..at + len])
                            .for_each(|(to, &from)| *to += from);
                    }
                });
            }
        }
        dispatch(Add(self, block.count, patches, images));
    }

    fn is_narrow(&self) -> bool {
        self.kernel[1] * self.channels < RUN
    }

    /// Calls `visit(at, pixel, len)` for each line of a tap over a row of places that lies inside of an image: its `len` numbers are those
    /// of P from number `at` on, a patch apart, and the images' from `pixel` on, a stride apart.
    #[inline(always)]
    fn lines(&self, images: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { image: [h, w], channels, map: [down, across], kernel: [kh, kw], .. } = *self;
        let Window { stride, padding } = self.window;
        for image in 0..images {
            for i in 0..down {
                let place = (image * down + i) * across;
                for a in 0..kh {
                    let row = (i * stride + a).checked_sub(padding).filter(|&row| row < h);
                    let Some(row) = row else { continue };
                    for b in 0..kw {
                        // The places where column b of the kernel is inside of the image.
                        let end = (w + padding).saturating_sub(b).div_ceil(stride).min(across);
                        let first = padding.saturating_sub(b).div_ceil(stride);
                        if first >= end {
                            continue;
                        }
                        let pixel = (image * h + row) * w + first * stride + b - padding;
                        let at = (place + first) * self.taps() + (a * kw + b) * channels;
                        for c in 0..channels {
                            visit(at + c, pixel * channels + c, end - first);
                        }
                    }
                }
            }
        }
    }

    /// Calls `visit(at, pixel, len)` for each run of neighbours in a patch: its `len` numbers from number `at` of P on are the images'
    /// from `pixel` on, or lie outside.
    #[inline(always)]
    fn runs(&self, images: usize, mut visit: impl FnMut(usize, Option<usize>, usize)) {
        let Self { image: [h, w], channels, map: [down, across], kernel: [kh, kw], .. } = *self;
        let (Window { stride, padding }, mut at) = (self.window, 0);
        for image in 0..images {
            for i in 0..down {
                for j in 0..across {
                    // Columns of the kernel that lie inside of the image.
                    let first = padding.saturating_sub(j * stride).min(kw);
                    let end = (w + padding).saturating_sub(j * stride).min(kw).max(first);
                    for a in 0..kh {
                        let row = (i * stride + a).checked_sub(padding).filter(|&row| row < h);
                        match row.filter(|_| first < end) {
                            None => visit(at, None, kw * channels),
                            Some(row) => {
                                if first > 0 {
                                    visit(at, None, first * channels);
                                }
                                let column = j * stride + first - padding;
                                let pixel = ((image * h + row) * w + column) * channels;
                                let inside = at + first * channels;
                                visit(inside, Some(pixel), (end - first) * channels);
                                if end < kw {
                                    visit(at + end * channels, None, (kw - end) * channels);
                                }
                            }
                        }
                        at += kw * channels;
                    }
                }
            }
        }
    }
}

/// Adds the lanes' sums, of so many numbers each, to the cotangent of input i, in order. What a lane has beyond the input's numbers is
/// scratch.
pub(super) fn add_up<T: Real>(dx: &mut Sink<'_, T>, i: usize, sums: &[T], each: usize) {
    dx.accumulate(i, |out, beta| {
        if beta.is_zero() {
            out.fill(T::zero());
        }
        for sum in sums.chunks_exact(each.max(1)) {
            add_assign(out, &sum[..out.len()]);
        }
    });
}

/// `sums ← sums + Σ over rows of x`, or only the latter in a lane's first block; `sums` are two for each column, the second half scratch.
pub(super) fn add_rows<T: Real>(block: Block, x: &[T], sums: &mut [T]) {
    let columns = sums.len() / 2;
    if columns == 0 {
        return;
    }
    let (sums, here) = sums.split_at_mut(columns);
    sum_lanes(x, Lanes { outer: 1, len: x.len() / columns, inner: columns }, here);
    if block.within == 0 {
        sums.copy_from_slice(here);
    } else {
        sums.iter_mut().zip(here).for_each(|(sum, &mut here)| *sum += here);
    }
}
