//! A normaliser by importance sampling: `Z = ∫ p̃ = E_q[p̃(x)/q(x)]`, from draws of a q that covers p̃.
//!
//! With log-weights `wₖ = log p̃(xₖ) − log q(xₖ)`: `ln Z ≈ logsumexp(w) − ln K`. How far to trust it, the effective sample size says:
//! `(Σ eʷ)² / Σ e²ʷ`, from 1, where one draw has all the weight, to K, where q is p.

use ndarray::Array1;

/// An estimate of ln Z, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Importance {
    /// ln Z, in nats.
    pub log_normaliser: f64,
    /// Its standard error, by the delta method.
    pub standard_error: f64,
    /// How many draws of p itself the K weighted ones are worth.
    pub effective_samples: f64,
    /// K.
    pub draws: usize,
}

impl Importance {
    /// From the log-weights of draws, in nats; −∞ is a draw without weight; where no draw has any, ln Z is −∞, with an
    /// error of ∞. All is NaN without any draws, or with a NaN among them; one draw alone tells nothing of its error, which is NaN.
    pub fn new(log_weights: impl IntoIterator<Item = f64>) -> Self {
        let log_weights: Array1<f64> = log_weights.into_iter().collect();
        let draws = log_weights.len();
        let top = log_weights.fold(f64::NEG_INFINITY, |top: f64, &w| top.max(w));
        let shift = if top == f64::NEG_INFINITY { 0.0 } else { top };
        let weights = log_weights.mapv(|w| (w - shift).exp());
        let (sum, squares) = (weights.sum(), weights.mapv(|w| w * w).sum());
        let k = draws as f64;
        let effective_samples = if sum == 0.0 && draws > 0 { 0.0 } else { sum * sum / squares };
        // The variance of a mean of weights over its square: (K Σw²/(Σw)² − 1)/K. Below 0 by rounding alone; a NaN stays.
        let variance = 1.0 / effective_samples - 1.0 / k;
        Self {
            log_normaliser: shift + (sum / k).ln(),
            standard_error: match draws {
                1 if effective_samples > 0.0 => f64::NAN,
                _ if variance < 0.0 => 0.0,
                _ => variance.sqrt(),
            },
            effective_samples,
            draws,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Noise;

    #[test]
    fn equal_weights_are_worth_all_draws_and_one_weight_is_worth_one() {
        let equal = Importance::new([700.0; 10]);
        assert!(
            (equal.log_normaliser - 700.0).abs() < 1e-12
                && (equal.effective_samples - 10.0).abs() < 1e-12
        );
        assert_eq!(equal.standard_error, 0.0);
        let one = Importance::new([-900.0, f64::NEG_INFINITY, -2000.0, f64::NEG_INFINITY]);
        assert!((one.log_normaliser - (-900.0 - 4.0_f64.ln())).abs() < 1e-12);
        assert!((one.effective_samples - 1.0).abs() < 1e-12);
        for nothing in [Importance::new([]), Importance::new([0.0, f64::NAN])] {
            assert!(
                nothing.log_normaliser.is_nan() && nothing.standard_error.is_nan(),
                "{nothing:?}"
            );
        }
        let none = Importance::new([f64::NEG_INFINITY; 3]);
        assert_eq!((none.log_normaliser, none.effective_samples), (f64::NEG_INFINITY, 0.0));
        assert_eq!(none.standard_error, f64::INFINITY);
    }

    /// p̃ = 3 N(0, 1), q = N(0.3, 1.2²).
    #[test]
    fn finds_a_known_normaliser_within_its_own_error() {
        let mut errors = Vec::new();
        for seed in 0..40 {
            let mut draws = vec![0.0; 1000];
            Noise::new(seed).fill_normal_f64(&mut draws);
            let log_weight = |&e: &f64| {
                let x: f64 = 0.3 + 1.2 * e;
                3.0_f64.ln() - 0.5 * x * x + 0.5 * e * e + 1.2_f64.ln()
            };
            let estimate = Importance::new(draws.iter().map(log_weight));
            errors.push((estimate.log_normaliser - 3.0_f64.ln()) / estimate.standard_error);
        }
        let mean_square = errors.iter().map(|e| e * e).sum::<f64>() / 40.0;
        assert!((0.3..2.2).contains(&mean_square), "{mean_square}");
    }
}
