//! What each latent carries: its divergence from the prior, and whether it moves with the data.
//!
//! A latent is active if the variance over rows of its posterior mean, `Cov_x(E_q[zⱼ | x])`, is above 0.01 (Burda and others 2016,
//! appendix C). One that is not says the same of every row: its posterior has collapsed into the prior.

use super::Vae;
use evidence_autodiff::{Array, Parameters, Real, Tape, Var};
use ndarray::{Array1, ArrayView2, Axis};
use std::fmt;

/// The variance of a posterior mean from which on a latent counts as active.
pub const ACTIVE: f64 = 0.01;

/// Rows encoded at a time.
const ROWS: usize = 1024;

/// What each latent carries, over the rows seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Latents {
    rows: usize,
    divergence: Array1<f64>,
    /// Of the posterior means: their mean, and the sum of squares about it.
    mean: Array1<f64>,
    squares: Array1<f64>,
}

impl Latents {
    fn none(latents: usize) -> Self {
        let zeros = || Array1::zeros(latents);
        Self { rows: 0, divergence: zeros(), mean: zeros(), squares: zeros() }
    }

    /// Takes in what was found on other rows (Chan and others 1983).
    ///
    /// # Panics
    /// If they are of another number of latents.
    pub fn add(&mut self, other: &Self) {
        if other.rows == 0 {
            return;
        }
        let (n, m) = (self.rows as f64, other.rows as f64);
        let apart = &other.mean - &self.mean;
        self.squares = &self.squares + &other.squares + &apart * &apart * (n * m / (n + m));
        self.mean.scaled_add(m / (n + m), &apart);
        self.divergence += &other.divergence;
        self.rows += other.rows;
    }

    /// The mean over rows of KL(q(zⱼ | x) ‖ N(0, 1)) of each latent, in nats.
    pub fn divergence(&self) -> Array1<f64> {
        &self.divergence / self.rows as f64
    }

    /// The variance over rows of each latent's posterior mean.
    pub fn activity(&self) -> Array1<f64> {
        &self.squares / self.rows as f64
    }

    /// Which of them are active.
    pub fn active(&self) -> Vec<bool> {
        self.activity().iter().map(|&variance| variance > ACTIVE).collect()
    }

    /// What to try if latents have collapsed; nothing where all are in use.
    pub fn warning(&self) -> Option<String> {
        let (all, used) = (self.mean.len(), self.active().iter().filter(|on| **on).count());
        let what = match used {
            _ if used == all => return None,
            0 => "every latent says the same of every row: the posterior has collapsed into the prior, and the decoder models \
                  the data alone. Try"
                .to_owned(),
            _ => format!("{} of {all} latents say the same of every row. If that is more than the data ask for, try", all - used),
        };
        Some(format!(
            "{what} a KL that warms up, a few tenths of a nat free in each latent, a smaller β, or a decoder with fewer units"
        ))
    }
}

impl fmt::Display for Latents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.divergence().into_iter().zip(self.activity()).enumerate();
        for (j, (divergence, variance)) in each {
            let word = if variance > ACTIVE { "active" } else { "not active" };
            writeln!(
                f,
                "latent {j:<4} KL {divergence:>8.4} nats, variance of its mean {variance:>8.4}: {word}"
            )?;
        }
        let active = self.active().iter().filter(|on| **on).count();
        write!(f, "{active} of {} latents are active over {} rows", self.mean.len(), self.rows)
    }
}

impl<T: Real> Vae<Array<T>> {
    /// What each latent carries over the rows of x, `[n, d]`: of a posterior that covaries, each latent's marginal; of one that is bent,
    /// before it is; of another prior, beside N(0, 1) all the same.
    ///
    /// # Panics
    /// If the rows have another width than the encoder takes.
    #[track_caller]
    pub fn latents(&self, x: ArrayView2<'_, T>) -> Latents {
        let mut all = Latents::none(self.decoder.inputs());
        let mut tape = Tape::new();
        for rows in x.axis_chunks_iter(Axis(0), ROWS) {
            {
                let q = self.bind_constant(&tape).encode(tape.batch(rows)).marginals();
                let column_sums = |var: Var<'_, T>| -> Array1<f64> {
                    let width = var.size(-1);
                    var.data().chunks(width).fold(Array1::zeros(width), |mut sum, row| {
                        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.to_f64());
                        sum
                    })
                };
                let n = rows.nrows() as f64;
                let mean = column_sums(q.mean) / n;
                let width = mean.len();
                let mut squares = Array1::<f64>::zeros(width);
                for row in q.mean.data().chunks(width) {
                    for ((sum, x), mean) in squares.iter_mut().zip(row).zip(&mean) {
                        *sum += (x.to_f64() - mean).powi(2);
                    }
                }
                let divergence = column_sums(q.kl_to_standard_each());
                all.add(&Latents { rows: rows.nrows(), divergence, mean, squares });
            }
            tape.reset();
        }
        all
    }
}
