//! A bijection at given points, measured: does it come back, is its log-determinant that of its Jacobian, and how many digits does an
//! inversion cost there?
//!
//! The Jacobian J of data → base is the tape's own, by d backward passes for a group of rows at once. From its singular values
//! σ₁ ≥ … ≥ σ_d, by one-sided Jacobi rotations in double precision: `log |det J| = Σ ln σ` and the condition number σ₁/σ_d, by which a
//! relative error may grow through the linear map J⁻¹, and so, to first order, that of a small step on the way back. Where it is above
//! 1/√ε, half of the digits may be lost: such points are outside of the well-conditioned region.

use crate::Bijection;
use evidence_autodiff::{Real, Tape, Var};
use ndarray::{Array2, ArrayView2, Axis, Slice};

/// Numbers of Jacobians that are held at once, 32 MiB; a single row's may be more.
const HELD: usize = 1 << 22;

/// What was measured at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditioning {
    /// The largest error of a column after data → base → data, relative where the column is beyond 1.
    pub round_trip: f64,
    /// log |det| of data → base that the bijection gives, in nats.
    pub log_det: f64,
    /// log |det| of the Jacobian that the tape computes.
    pub jacobian_log_det: f64,
    /// The sum of the log-determinants of both directions, which should be 0.
    pub log_det_sum: f64,
    /// Largest over smallest singular value of the Jacobian.
    pub condition: f64,
    /// Whether the condition number is at most 1/√ε of the scalar that it was run in.
    pub well_conditioned: bool,
}

impl Conditioning {
    /// The error of the bijection's log-determinant, relative where the Jacobian's is beyond 1.
    pub fn log_det_error(&self) -> f64 {
        (self.log_det - self.jacobian_log_det).abs() / self.jacobian_log_det.abs().max(1.0)
    }
}

/// Measures a bound bijection at rows `[n, d]` of data, one result for each row.
///
/// A group of rows shares d backward passes, and the singular values of each row take a time that grows as d³: of hundreds of columns,
/// ask about few rows. A group's Jacobians are at most 2²² numbers, or one row's d².
///
/// The measure is in the columns that the bijection is given: where data are scaled before they reach it, in the scaled ones. A
/// [`Reversible`](crate::Reversible) recomputes what its backward pass needs, and its Jacobian has that rounding, up to its guard's
/// tolerance; give its `chain` to measure the map alone.
///
/// ```
/// use evidence_autodiff::{Array, Noise, Parameters, Tape};
/// use evidence_layers::{AffineCoupling, Split, examine};
///
/// let coupling = AffineCoupling::<Array<f64>>::new(2, Split::First, &[8], Noise::new(0))?;
/// let tape = Tape::new();
/// let points = ndarray::array![[0.3, -1.0], [5.0, 2.0]];
/// for point in examine(&coupling.bind_constant(&tape), &tape, points.view()) {
///     assert!(point.round_trip < 1e-12 && point.log_det_error() < 1e-12 && point.well_conditioned);
/// }
/// # Ok::<(), evidence_layers::CouplingError>(())
/// ```
pub fn examine<'t, T: Real>(
    bijection: &impl Bijection<'t, T>,
    tape: &'t Tape<T>,
    points: ArrayView2<'_, T>,
) -> Vec<Conditioning> {
    examine_given(bijection, tape, points, None)
}

/// [`examine`], each row given its own context, `[n, c]`: what a conditional bijection is measured with.
///
/// # Panics
/// If there are not as many rows of context as points, or the bijection does not take such points or contexts.
#[track_caller]
pub fn examine_given<'t, T: Real>(
    bijection: &impl Bijection<'t, T>,
    tape: &'t Tape<T>,
    points: ArrayView2<'_, T>,
    context: Option<ArrayView2<'_, T>>,
) -> Vec<Conditioning> {
    let d = points.ncols();
    in_groups(bijection, tape, points, context, (HELD / (d * d).max(1)).max(1))
}

/// Of so many rows at once.
#[track_caller]
fn in_groups<'t, T: Real>(
    bijection: &impl Bijection<'t, T>,
    tape: &'t Tape<T>,
    points: ArrayView2<'_, T>,
    context: Option<ArrayView2<'_, T>>,
    size: usize,
) -> Vec<Conditioning> {
    let n = points.nrows();
    if let Some(context) = context {
        let given = context.nrows();
        assert!(given == n, "examine: a context of {given} rows for {n} points; give each its own");
    }
    let group = |first: usize| {
        let rows = Slice::from(first..n.min(first + size));
        let context = context.map(|context| tape.constant(context.slice_axis(Axis(0), rows)));
        of_group(bijection, tape.variable(points.slice_axis(Axis(0), rows)), context)
    };
    (0..n).step_by(size).flat_map(group).collect()
}

fn of_group<'t, T: Real>(
    bijection: &impl Bijection<'t, T>,
    x: Var<'t, T>,
    context: Option<Var<'t, T>>,
) -> Vec<Conditioning> {
    let (n, d) = (x.size(0), x.size(1));
    let (z, log_det) = bijection.inverse_given(x, context);
    let (again, back) = bijection.forward_given(x.tape().constant(z.value()), context);
    let jacobians = jacobians(x, z);
    let limit = 1.0 / epsilon::<T>().sqrt();
    let measure = |row: usize| {
        let columns = |of: Var<'t, T>| of.data()[row * d..(row + 1) * d].iter().map(|x| x.to_f64());
        let errors =
            columns(x).zip(columns(again)).map(|(x, again)| (again - x).abs() / x.abs().max(1.0));
        let singular = singular_values(jacobians[row].view());
        let (largest, smallest) = (singular.first().copied(), singular.last().copied());
        // A NaN's sign is cleared, so that it sorts as the worst.
        let condition = (largest.unwrap_or(1.0) / smallest.unwrap_or(1.0)).abs();
        let number = |of: Var<'t, T>| of.data()[row].to_f64();
        Conditioning {
            round_trip: errors.fold(0.0_f64, |worst, error| {
                if worst.is_nan() || error.is_nan() { f64::NAN } else { worst.max(error) }
            }),
            log_det: number(log_det.value()),
            jacobian_log_det: singular.iter().map(|s| s.ln()).sum(),
            log_det_sum: number(log_det.value()) + number(back.value()),
            condition,
            well_conditioned: condition <= limit,
        }
    };
    (0..n).map(measure).collect()
}

/// The distance from 1 to the next number of a scalar.
fn epsilon<T: Real>() -> f64 {
    let single = T::from_f64(1.0 + f64::EPSILON) == T::one();
    if single { f32::EPSILON.into() } else { f64::EPSILON }
}

/// ∂z/∂x of each row. Rows do not depend on each other, so that one backward pass gives a row of every Jacobian.
fn jacobians<'t, T: Real>(x: Var<'t, T>, z: Var<'t, T>) -> Vec<Array2<f64>> {
    let (n, d) = (x.size(0), x.size(1));
    let mut jacobians = vec![Array2::zeros((d, d)); n];
    for column in 0..d {
        let cotangent =
            Array2::from_shape_fn((n, d), |(_, j)| if j == column { T::one() } else { T::zero() });
        let rows = z.vjp(cotangent).take(x);
        for (jacobian, row) in jacobians.iter_mut().zip(rows.data().chunks_exact(d)) {
            jacobian.row_mut(column).iter_mut().zip(row).for_each(|(to, from)| *to = from.to_f64());
        }
    }
    jacobians
}

/// Singular values, largest first: rotations of pairs of columns until all are orthogonal (Hestenes 1958); their lengths are
/// the singular values. Each has a relative error of ε times the condition number that is left once all columns are scaled to length 1
/// (Demmel and Veselić 1992): columns of different scales cost no digits, rows of different scales may.
fn singular_values(a: ArrayView2<'_, f64>) -> Vec<f64> {
    let mut columns: Vec<Vec<f64>> = a.axis_iter(Axis(1)).map(|column| column.to_vec()).collect();
    for _ in 0..60 {
        let mut largest = 0.0_f64;
        for j in 1..columns.len() {
            let (before, rest) = columns.split_at_mut(j);
            let right = &mut rest[0];
            for left in before {
                let [alpha, beta, gamma] = products(left, right);
                if gamma == 0.0 || !gamma.is_finite() {
                    continue;
                }
                largest = largest.max(gamma.abs() / (alpha * beta).sqrt());
                let zeta = (beta - alpha) / (2.0 * gamma);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = 1.0 / t.hypot(1.0);
                let sine = cosine * t;
                for (l, r) in left.iter_mut().zip(right.iter_mut()) {
                    (*l, *r) = (cosine * *l - sine * *r, sine * *l + cosine * *r);
                }
            }
        }
        if largest <= 1e-15 {
            break;
        }
    }
    let mut lengths: Vec<f64> =
        columns.iter().map(|column| products(column, column)[0].sqrt().abs()).collect();
    lengths.sort_by(|a, b| b.total_cmp(a));
    lengths
}

/// a·a, b·b, a·b. In several sums side by side: in one, each addition would wait for the last.
fn products(a: &[f64], b: &[f64]) -> [f64; 3] {
    const LANES: usize = 4;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [[0.0; LANES]; 3];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[0][lane] += a[lane] * a[lane];
            sums[1][lane] += b[lane] * b[lane];
            sums[2][lane] += a[lane] * b[lane];
        }
    }
    for (lane, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[0][lane] += a * a;
        sums[1][lane] += b * b;
        sums[2][lane] += a * b;
    }
    sums.map(|[a, b, c, d]| (a + b) + (c + d))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogDet, ScaleShift};
    use evidence_autodiff::{Array, Noise, Parameters};
    use ndarray::{arr1, arr2};

    #[test]
    fn singular_values_of_known_matrices() {
        let (c, s) = (0.6, 0.8);
        let rotation = arr2(&[[c, -s], [s, c]]);
        for (matrix, expected) in [
            (arr2(&[[3.0]]), vec![3.0]),
            (arr2(&[[0.0, -2.0], [5.0, 0.0]]), vec![5.0, 2.0]),
            (rotation.dot(&arr2(&[[1e8, 0.0], [0.0, 1e-8]])).dot(&rotation.t()), vec![1e8]),
            (arr2(&[[1e-8, 0.0], [0.0, 1e8]]).dot(&rotation), vec![1e8, 1e-8]),
            (arr2(&[[2.0, 2.0], [1.0, 1.0]]), vec![10.0_f64.sqrt(), 0.0]),
        ] {
            let found = singular_values(matrix.view());
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() <= 1e-12 * expected.max(1e-3),
                    "{found} {expected}"
                );
            }
        }
        // The product of all is the determinant, here of a triangle.
        let mut a = Array2::zeros((7, 7));
        Noise::new(1).fill_normal_f64(a.as_slice_mut().unwrap());
        a = a * 0.3 + Array2::<f64>::eye(7) * 2.0;
        a.indexed_iter_mut().filter(|((i, j), _)| i < j).for_each(|(_, a)| *a = 0.0);
        let product: f64 = singular_values(a.view()).iter().product();
        let det: f64 = a.diag().iter().map(|d: &f64| d.abs()).product();
        assert!((product / det - 1.0).abs() < 1e-12, "{product} {det}");
    }

    /// A bijection that reports the wrong log-determinant is found out.
    struct Liar;
    impl<'t, T: Real> Bijection<'t, T> for Liar {
        fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
            (z * 0.5, LogDet::zero(z))
        }
        fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
            (x * 2.0, LogDet::zero(x))
        }
    }

    /// x = z eᶜ in every column, for a context c.
    struct Given;
    impl<'t, T: Real> Bijection<'t, T> for Given {
        fn forward(&self, _: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
            unreachable!("it is given a context")
        }
        fn inverse(&self, _: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
            unreachable!("it is given a context")
        }
        fn forward_given(
            &self,
            z: Var<'t, T>,
            context: Option<Var<'t, T>>,
        ) -> (Var<'t, T>, LogDet<'t, T>) {
            let c = context.expect("a context");
            (z * c.exp(), LogDet::new((c * z.size(1) as f64).sum(-1)))
        }
        fn inverse_given(
            &self,
            x: Var<'t, T>,
            context: Option<Var<'t, T>>,
        ) -> (Var<'t, T>, LogDet<'t, T>) {
            let c = context.expect("a context");
            (x * (-c).exp(), -LogDet::new((c * x.size(1) as f64).sum(-1)))
        }
    }

    /// However the rows are grouped.
    #[test]
    fn each_row_is_measured_given_its_own_context() {
        let tape = Tape::<f64>::new();
        let points = Array2::from_shape_fn((5, 3), |(i, j)| i as f64 - 0.7 * j as f64);
        let context = Array2::from_shape_fn((5, 1), |(i, _)| i as f64 - 1.5);
        let sized = |size| in_groups(&Given, &tape, points.view(), Some(context.view()), size);
        let whole = examine_given(&Given, &tape, points.view(), Some(context.view()));
        for found in [1, 2, 5, 6].map(sized).into_iter().chain([whole]) {
            assert_eq!(found.len(), 5);
            for (point, c) in found.iter().zip(&context) {
                assert!((point.log_det + 3.0 * c).abs() < 1e-14 && point.log_det_error() < 1e-14);
                assert!(point.round_trip < 1e-14 && (point.condition - 1.0).abs() < 1e-14);
            }
        }
    }

    #[test]
    #[should_panic(expected = "a context of 4 rows for 5 points")]
    fn a_context_of_other_rows_is_refused() {
        let (points, context) = (Array2::zeros((5, 3)), Array2::zeros((4, 1)));
        examine_given(&Given, &Tape::<f64>::new(), points.view(), Some(context.view()));
    }

    #[test]
    fn a_nan_in_any_column_is_not_lost() {
        let tape = Tape::<f64>::new();
        for column in 0..3 {
            let mut point = arr2(&[[1.0, 2.0, 3.0]]);
            point[[0, column]] = f64::NAN;
            let found = examine(&Liar, &tape, point.view());
            assert!(found[0].round_trip.is_nan(), "column {column}");
        }
    }

    #[test]
    fn measures_what_is_known() {
        let tape = Tape::<f64>::new();
        let points = arr2(&[[1.0, 2.0, 3.0], [-10.0, 0.0, 1e-3]]);
        for point in examine(&Liar, &tape, points.view()) {
            assert!((point.log_det_error() - 8.0_f64.ln() / 8.0_f64.ln().max(1.0)).abs() < 1e-14);
            assert!(point.round_trip == 0.0 && (point.condition - 1.0).abs() < 1e-14);
        }
        let leaf = |values: &[f64]| arr1(values).into_dyn().into_shared();
        let squeeze = ScaleShift::<Array<f64>> {
            log_scale: leaf(&[1e4_f64.ln(), 0.0, -(1e4_f64.ln())]),
            shift: leaf(&[0.0; 3]),
        };
        let bound = squeeze.bind_constant(&tape);
        for point in examine(&bound, &tape, points.view()) {
            assert!((point.condition / 1e8 - 1.0).abs() < 1e-9 && point.log_det.abs() < 1e-12);
            assert!(!point.well_conditioned, "1e8 is more than 1/√ε");
            assert!(point.log_det_error() < 1e-12 && point.log_det_sum == 0.0);
        }
    }
}
