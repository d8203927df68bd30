//! On other architectures there is no kernel of our own.

use super::epilogue::Epilogue;
use super::tile::Tile;

/// Nothing is asked of an element type.
pub trait Vector {}
impl<T> Vector for T {}

/// Never.
pub fn available() -> bool {
    false
}

/// Never called, for it is not [`available`].
///
/// # Safety
/// None is needed.
pub unsafe fn product<T, E: Epilogue<T>>(_tile: &Tile<T>, _epilogue: &E) {
    unreachable!("no kernel of our own on this architecture");
}
