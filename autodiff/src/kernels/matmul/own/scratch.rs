//! Each thread's room for packed operands: allocated once, then kept.

use std::cell::Cell;
use std::marker::PhantomData;

/// A cache line, so that packed registers never straddle two.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "only its size and alignment count")] [u8; 64]);

thread_local! {
    static ROOM: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// This thread's room, taken out of its place until dropped: who comes again meanwhile gets another.
pub struct Scratch<T> {
    room: Vec<Line>,
    element: PhantomData<T>,
}

impl<T: Copy> Scratch<T> {
    /// Room for `len` numbers, aligned to a cache line. What it holds is arbitrary, but initialised.
    #[inline]
    pub fn new(len: usize) -> Self {
        let lines = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        let mut room = if lines > 0 { ROOM.take() } else { Vec::new() };
        if room.len() < lines {
            room.resize(lines, Line([0; 64]));
        }
        Self { room, element: PhantomData }
    }

    /// The first number.
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.room.as_mut_ptr().cast()
    }
}

impl<T> Drop for Scratch<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.room.is_empty() {
            ROOM.set(std::mem::take(&mut self.room));
        }
    }
}
