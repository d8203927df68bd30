//! What must hold of every optimiser, of its memory, and of clipping.

mod clip;
mod common;
mod state;
mod steps;
