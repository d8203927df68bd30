//! What a flow starts from: distributions over rows with a log-density and draws, one file each.

mod any;
mod normal;
mod normal_mixture;
mod standard_normal;
mod student_t;
mod uniform;

pub use any::AnyBase;
pub use normal::Normal;
pub use normal_mixture::{NormalMixture, NormalMixtureError};
pub use standard_normal::StandardNormal;
pub use student_t::{StudentT, StudentTError};
pub use uniform::Uniform;

use evidence_autodiff::{Noise, Real, Tape, Var};

/// A distribution over rows `[n, d]`.
pub trait Base<'t, T: Real> {
    /// The log-density of each row, `[n]`, in nats; −∞ outside of the support.
    ///
    /// # Panics
    /// If the base has parameters for each column, and the rows have another number of columns.
    fn log_prob(&self, z: Var<'t, T>) -> Var<'t, T>;

    /// `n` draws of d columns, `[n, d]`, a function of the noise alone.
    ///
    /// # Panics
    /// As [`log_prob`](Self::log_prob) does.
    fn sample(&self, tape: &'t Tape<T>, shape: (usize, usize), noise: Noise) -> Var<'t, T>;
}

/// Rows of another width than a base's parameters would be broadcast, and get a density all the same.
#[track_caller]
fn check_width(base: &str, width: usize, columns: usize) {
    assert!(
        columns == width,
        "{base}: rows of {columns} columns, of a base over {width}; they must be as wide"
    );
}

/// Uniform draws on (0, 1): multiples of 2⁻⁵³, none of them 0, nor 1 in any precision.
pub(crate) fn uniforms(n: usize, noise: Noise) -> Vec<f64> {
    let mut draws = vec![0.0; n];
    noise.fill_uniform_f64(&mut draws);
    draws
        .iter_mut()
        .for_each(|u| *u = u.clamp(f64::EPSILON / 2.0, 1.0 - f64::from(f32::EPSILON) / 2.0));
    draws
}

/// Numbers as a constant of the tape.
fn constant<'t, T: Real>(tape: &'t Tape<T>, (n, d): (usize, usize), values: &[f64]) -> Var<'t, T> {
    let values = values.iter().map(|&x| T::from_f64(x)).collect();
    tape.constant(ndarray::Array2::from_shape_vec((n, d), values).expect("n × d numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::{Array, Parameters};
    use ndarray::{arr1, arr2};

    fn cases() -> Vec<(&'static str, AnyBase<Array<f64>>)> {
        let leaf = |values: &[f64]| arr1(values).into_dyn().into_shared();
        let normal = Normal { mean: leaf(&[1.0, -2.0]), log_scale: leaf(&[0.5, -0.3]) };
        let mixture = NormalMixture {
            logits: leaf(&[0.3, -0.5, 1.0]),
            mean: arr2(&[[0.0, 1.0], [2.0, -1.0], [-3.0, 0.5]]).into_dyn().into_shared(),
            log_scale: arr2(&[[0.1, 0.2], [-0.5, 0.0], [0.3, -0.9]]).into_dyn().into_shared(),
        };
        vec![
            ("standard normal", StandardNormal.into()),
            ("normal", normal.into()),
            ("uniform", Uniform.into()),
            ("mixture", mixture.into()),
            ("Student-t", StudentT::new(5.0).unwrap().into()),
        ]
    }

    /// Mass one, and cells' masses against shares of draws.
    #[test]
    fn densities_integrate_to_one_and_draws_follow_them() {
        for (name, base) in cases() {
            let tape = Tape::new();
            let bound = base.bind_constant(&tape);
            let draws = 20_000;
            let sample = bound.sample(&tape, (draws, 2), Noise::new(3));
            assert!(bound.log_prob(sample).data().iter().all(|l| l.is_finite()), "{name}");
            let (low, cells, fine) = (-12.0, 12, 20);
            let step = 24.0 / (cells * fine) as f64;
            let mut mass = vec![0.0; cells * cells];
            for i in 0..cells * fine {
                let row = ndarray::Array2::from_shape_fn((cells * fine, 2), |(j, axis)| {
                    low + step * (if axis == 0 { i } else { j } as f64 + 0.5)
                });
                for (j, l) in bound.log_prob(tape.constant(row)).data().iter().enumerate() {
                    mass[i / fine * cells + j / fine] += l.exp() * step * step;
                }
            }
            // The tails of Student's t beyond 12 weigh 7e-5 a column.
            let whole: f64 = mass.iter().sum();
            assert!((whole - 1.0).abs() < 5e-4, "{name}: {whole}");
            let mut shares = vec![0.0; cells * cells];
            for point in sample.data().chunks(2) {
                let cell = |x: f64| ((x - low) / 24.0 * cells as f64).floor();
                let (i, j) = (cell(point[0]), cell(point[1]));
                if (0.0..cells as f64).contains(&i) && (0.0..cells as f64).contains(&j) {
                    shares[i as usize * cells + j as usize] += 1.0 / draws as f64;
                }
            }
            for (mass, share) in mass.iter().zip(&shares) {
                let error = (mass * (1.0 - mass).max(0.0) / draws as f64).sqrt();
                assert!(
                    (mass - share).abs() < 5.0 * error + 2.0 / draws as f64,
                    "{name}: {mass} {share}"
                );
            }
        }
    }

    /// Finer than those cells: u < t has the probability t.
    #[test]
    fn the_uniform_is_as_dense_everywhere() {
        let tape = Tape::<f64>::new();
        let n = 20_000;
        let sample = Base::sample(&Uniform, &tape, (n, 2), Noise::new(3));
        for axis in 0..2 {
            for t in [0.05, 0.25, 0.5, 0.75, 0.95] {
                let column = sample.data().iter().skip(axis).step_by(2);
                let share = column.filter(|u| **u < t).count() as f64 / n as f64;
                let error = (t * (1.0 - t) / n as f64).sqrt();
                assert!((share - t).abs() < 4.0 * error, "{axis}, {t}: {share}");
            }
        }
    }

    #[test]
    fn draws_are_those_of_the_noise() {
        for (name, base) in cases() {
            let draw = |seed| {
                let tape = Tape::new();
                base.bind_constant(&tape).sample(&tape, (7, 2), Noise::new(seed)).value().to_owned()
            };
            assert_eq!(draw(1), draw(1), "{name}");
            assert_ne!(draw(1), draw(2), "{name}");
        }
    }

    #[test]
    fn rows_of_another_width_have_no_density_and_are_not_drawn() {
        for (name, base) in cases() {
            if !matches!(base, AnyBase::Normal(_) | AnyBase::Mixture(_)) {
                continue;
            }
            for width in [1, 3] {
                let refused = |work: &dyn Fn(&Tape<f64>)| {
                    let run = std::panic::AssertUnwindSafe(|| work(&Tape::new()));
                    let payload = std::panic::catch_unwind(run).expect_err(name);
                    let message = payload.downcast::<String>().expect("text");
                    let reason = format!("rows of {width} columns, of a base over 2");
                    assert!(message.contains(&reason), "{name}: {message}");
                };
                refused(&|tape| {
                    let _ = base.bind_constant(tape).log_prob(tape.filled(&[4, width], 0.5));
                });
                refused(&|tape| {
                    let _ = base.bind_constant(tape).sample(tape, (4, width), Noise::new(0));
                });
            }
        }
    }

    #[test]
    fn a_point_outside_the_support_has_no_density_and_nan_stays() {
        let tape = Tape::<f64>::new();
        let points = tape.constant(arr2(&[[0.5, 0.5], [0.5, 1.5], [-0.1, 0.5], [f64::NAN, 0.5]]));
        let log_prob = Base::log_prob(&Uniform, points);
        assert_eq!(log_prob.data()[..3], [0.0, f64::NEG_INFINITY, f64::NEG_INFINITY]);
        assert!(log_prob.data()[3].is_nan());
    }
}
