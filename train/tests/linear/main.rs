//! Linear models that are trained, beside what they must come to: principal components and their probabilistic version.

mod autoencoder;
mod vae;
