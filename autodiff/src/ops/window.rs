//! How a convolution's kernel moves: n pixels have `⌊(n + 2p − k) / s⌋ + 1` places for a kernel of k, stride s and padding p.
//!
//! Source: Dumoulin and Visin 2016, *A guide to convolution arithmetic for deep learning*, section 2.

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
