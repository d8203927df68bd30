//! Matrix products, filled in next.
