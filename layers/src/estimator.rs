//! Gradient estimators of an expectation over weights: which noise a layer's output is made of.
//!
//! All three are unbiased; they differ in how much the rows of a batch share, and so in variance and cost.

/// How a layer with distributions for weights is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Estimator {
    /// One draw of the weights, `W = μ + σ ε`, for the whole batch (Blundell and others 2015). The rows' noise is the same, so that a larger
    /// batch does not average it out.
    #[default]
    Shared,
    /// The outputs are drawn instead of the weights, `z = x μ + √(x² σ²) ε`, independently for each row (local reparametrisation: Kingma,
    /// Salimans and Welling 2015, eq. 6). One draw for each output, two products instead of one.
    Local,
    /// One draw of the weights with signs of its own for each row, `z = x μ + ((x ∘ s) (σ ε)) ∘ r` with r, s ∈ {−1, 1} (Wen and
    /// others 2018, eq. 3–4). Rows are nearly uncorrelated; two products instead of one.
    Flipout,
}

impl Estimator {
    /// Every one of them, for tables and flags.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Local, Self::Flipout];

    /// Its name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Local => "local",
            Self::Flipout => "flipout",
        }
    }
}
