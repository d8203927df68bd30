//! Known truths: what a model says, beside what can be computed without it.

mod backprop;
mod bad_input;
mod bayesian;
mod bottleneck;
mod common;
mod convolutional;
mod covariance;
mod divergences;
mod flow;
mod flow_kinds;
mod iwae;
mod likelihoods;
mod linear_regression;
mod objectives;
mod posteriors;
mod priors;
mod rows;
mod semi_supervised;
mod tied;
mod vae;
mod warm_up;
