//! Elementwise maths, filled in next.
