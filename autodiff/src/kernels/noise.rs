//! Counter-based noise, filled in next.
