//! What a bijection's points and log-determinants must agree in, and an independent log-determinant.

use evidence_autodiff::check::{Measured, Outcome};
use ndarray::Array2;

/// The worst errors found, relative where numbers are above 1.
#[derive(Default)]
pub(super) struct Laws([f64; 3]);

impl Laws {
    pub(super) fn meet<'a>(
        &mut self,
        points: impl Iterator<Item = (&'a f64, &'a f64)>,
        there: f64,
        back: f64,
        exact: f64,
    ) {
        let error = |a: f64, b: f64| (a - b).abs() / b.abs().max(1.0);
        let trip = points.map(|(&point, &again)| error(again, point)).fold(0.0, worse);
        let errors = [trip, error(-back, there), error(there, exact)];
        for (worst, error) in self.0.iter_mut().zip(errors) {
            *worst = worse(*worst, error);
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        let against =
            ["the round trip", "minus the inverse's log-det", "log |det| of the Jacobian"];
        let measured = against.into_iter().zip(self.0);
        Outcome::of(
            measured.map(|(against, error)| Measured { against, error, bound: 1e-9 }).collect(),
        )
    }
}

/// The larger error; a NaN is the worst there is.
fn worse(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { if b.is_nan() { f64::INFINITY } else { b } } else { a }
}

/// log |det A| by elimination with partial pivoting; independent of every formula it is compared with.
pub(super) fn log_abs_det(mut a: Array2<f64>) -> f64 {
    let n = a.nrows();
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = (k..n)
            .max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs()))
            .expect("rows are left");
        for j in 0..n {
            a.swap([k, j], [pivot, j]);
        }
        sum += a[[k, k]].abs().ln();
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            for j in k..n {
                a[[i, j]] -= factor * a[[k, j]];
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::log_abs_det;

    #[test]
    fn elimination_finds_known_determinants() {
        let a = ndarray::array![[0.0, 2.0, 0.0], [3.0, 1.0, 4.0], [0.0, 5.0, -6.0]];
        approx::assert_abs_diff_eq!(log_abs_det(a), 36f64.ln(), epsilon = 1e-14);
    }
}
