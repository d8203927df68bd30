//! Laws of the fit loop, for every model.

mod allocations;
mod bad_input;
mod bits;
mod cases;
mod clipping;
mod divergence;
mod drawn;
mod resume;
mod stopping;
mod streamed;
mod warm_up;
