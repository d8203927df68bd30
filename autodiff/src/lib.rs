//! A reverse-mode tape over ndarray.
#![deny(unsafe_code)]

pub mod kernels;
