//! Known truths: what a model says, beside what can be computed without it.

mod backprop;
mod bad_input;
mod bayesian;
mod common;
mod divergences;
mod flow;
mod flow_kinds;
mod iwae;
mod likelihoods;
mod linear_regression;
mod posteriors;
mod rows;
mod vae;
