//! y = L x and its inverse x = L⁻¹ y, with a lower triangle L of its own for each row.
//!
//! `yᵢ = dᵢ xᵢ + Σ fᵢⱼ xⱼ` over j < i, with the diagonal d `[n, l]` and the entries f below it `[n, l (l − 1)/2]`, row by row of the triangle:
//! f₁₀, f₂₀, f₂₁, f₃₀, … Further axes of x in front, `[.., n, l]`, are draws that share the triangles.
//!
//! | | cotangent of the argument | of d | of f |
//! | --- | --- | --- | --- |
//! | y = L x | dx = Lᵀ dy | `Σ dyᵢ xᵢ` | `Σ dyᵢ xⱼ` |
//! | x = L⁻¹ y | dy = L⁻ᵀ dx =: g | `−Σ gᵢ xᵢ` | `−Σ gᵢ xⱼ` |
//!
//! The sums are over draws, in their order. A normal with the covariance L Lᵀ is drawn by the one and weighed by the other. Source of the
//! second: Giles, *Collected matrix derivative results*, 2008, section 2.2.3.

use crate::check::{Check, Input};
use crate::kernels::threads::{CHUNK, for_each_mut};
use crate::scalar::Real;
use crate::tape::{Op, Saved, Sink, Var};
use crate::tensor::Tensor;

/// Entries below the diagonal of an l × l matrix.
fn below(l: usize) -> usize {
    l * l.saturating_sub(1) / 2
}

/// How many rows have a chunk's worth of entries.
fn rows_of_a_piece(l: usize) -> usize {
    (CHUNK / (l + below(l)).max(1)).max(1)
}

/// The triangles of n rows.
#[derive(Clone, Copy)]
struct Triangles<'a, T> {
    diagonal: &'a [T],
    below: &'a [T],
    l: usize,
}

impl<'a, T: Real> Triangles<'a, T> {
    /// d and f of row r of a batch, whichever draw it is of.
    fn of(self, r: usize) -> (&'a [T], &'a [T]) {
        let Self { diagonal, below: f, l } = self;
        let row = r % (diagonal.len() / l);
        (&diagonal[row * l..][..l], &f[row * below(l)..][..below(l)])
    }

    /// Applies `work(d, f, row)` to every row of `[.., n, l]`.
    fn each(self, rows: &mut [T], work: impl Fn(&[T], &[T], &mut [T]) + Sync) {
        if rows.is_empty() {
            return;
        }
        let (l, n) = (self.l, rows_of_a_piece(self.l));
        let mut pieces: Vec<_> = rows.chunks_mut(n * l).collect();
        for_each_mut(&mut pieces, |piece, rows| {
            for (r, row) in (piece * n..).zip(rows.chunks_mut(l)) {
                let (d, f) = self.of(r);
                work(d, f, row);
            }
        });
    }
}

/// Entry (i, 0) among those below the diagonal.
fn first(i: usize) -> usize {
    below(i)
}

/// x ← L x, from the last down: what is above a row is still x.
fn multiply<T: Real>(d: &[T], f: &[T], x: &mut [T]) {
    for i in (0..x.len()).rev() {
        let mut y = d[i] * x[i];
        for (&f, &x) in f[first(i)..].iter().zip(&x[..i]) {
            y += f * x;
        }
        x[i] = y;
    }
}

/// x ← L⁻¹ x.
fn solve<T: Real>(d: &[T], f: &[T], x: &mut [T]) {
    for i in 0..x.len() {
        let mut rest = x[i];
        for (&f, &x) in f[first(i)..].iter().zip(&x[..i]) {
            rest -= f * x;
        }
        x[i] = rest / d[i];
    }
}

/// x ← Lᵀ x.
fn multiply_transposed<T: Real>(d: &[T], f: &[T], x: &mut [T]) {
    for i in 0..x.len() {
        let own = x[i];
        for (x, &f) in x[..i].iter_mut().zip(&f[first(i)..]) {
            *x += f * own;
        }
        x[i] = d[i] * own;
    }
}

/// x ← L⁻ᵀ x.
fn solve_transposed<T: Real>(d: &[T], f: &[T], x: &mut [T]) {
    for i in (0..x.len()).rev() {
        let own = x[i] / d[i];
        for (x, &f) in x[..i].iter_mut().zip(&f[first(i)..]) {
            *x -= f * own;
        }
        x[i] = own;
    }
}

struct RowTriangular {
    inverse: bool,
}

impl<T: Real> Op<T> for RowTriangular {
    fn name(&self) -> &'static str {
        if self.inverse { "row_triangular_solve" } else { "row_triangular" }
    }

    fn vjp(&self, saved: Saved<'_, T>, mut dy: Tensor<T>, dx: &mut Sink<'_, T>) {
        let l = saved.input_shape(1)[1];
        let triangles = Triangles { diagonal: saved.input(1), below: saved.input(2), l };
        let mut d = dx.tensor(saved.input_shape(1));
        let mut f = dx.tensor(saved.input_shape(2));
        // The vector that L is multiplied by, and that its product's cotangent is beside.
        let x = if self.inverse {
            triangles.each(dy.data_mut(), solve_transposed);
            saved.output()
        } else {
            saved.input(0)
        };
        let g = dy.data();
        let (n, size) = (rows_of_a_piece(l), saved.input_shape(1)[0] * l);
        let sign = if self.inverse { -T::one() } else { T::one() };
        let mut pieces: Vec<_> =
            d.data_mut().chunks_mut((n * l).max(1)).zip(chunks(f.data_mut(), n * below(l))).collect();
        for_each_mut(&mut pieces, |piece, (d, f)| {
            d.fill(T::zero());
            f.fill(T::zero());
            for draw in (0..g.len()).step_by(size.max(1)) {
                for (row, d) in d.chunks_mut(l).enumerate() {
                    let at = draw + (piece * n + row) * l;
                    let (g, x) = (&g[at..at + l], &x[at..at + l]);
                    let f = &mut f[row * below(l)..][..below(l)];
                    for i in 0..l {
                        let g = sign * g[i];
                        d[i] += g * x[i];
                        for (f, &x) in f[first(i)..].iter_mut().zip(&x[..i]) {
                            *f += g * x;
                        }
                    }
                }
            }
        });
        drop(pieces);
        if !self.inverse {
            triangles.each(dy.data_mut(), multiply_transposed);
        }
        dx.add(0, dy);
        dx.add(1, d);
        dx.add(2, f);
    }
}

/// Pieces of so many elements; of none, empty ones without end.
fn chunks<T>(data: &mut [T], size: usize) -> impl Iterator<Item = &mut [T]> {
    let rest = std::iter::repeat_with(|| &mut [][..]);
    data.chunks_mut(size.max(1)).chain(rest)
}

#[track_caller]
fn apply<'t, T: Real>(
    x: Var<'t, T>,
    diagonal: Var<'t, T>,
    f: Var<'t, T>,
    inverse: bool,
) -> Var<'t, T> {
    let fits = match (x.shape(), diagonal.shape(), f.shape()) {
        (&[.., n, l], &[m, k], &[o, entries]) => n == m && m == o && l == k && entries == below(l),
        _ => false,
    };
    assert!(
        fits,
        "row_triangular: {x}, a diagonal {diagonal} and entries {f} below it do not fit; they must be [.., n, l], [n, l] and [n, l (l - 1) / 2]"
    );
    let l = diagonal.size(1);
    let mut y = x.tape().tensor(x.shape());
    y.data_mut().copy_from_slice(x.data());
    let triangles = Triangles { diagonal: diagonal.data(), below: f.data(), l };
    triangles.each(y.data_mut(), if inverse { solve } else { multiply });
    x.tape().record(RowTriangular { inverse }, &[x, diagonal, f], y)
}

impl<'t, T: Real> Var<'t, T> {
    /// L x for each row of this, `[.., n, l]`: a lower triangle for each of the n rows, its diagonal `[n, l]` and what is below it,
    /// `[n, l (l − 1)/2]`, row by row.
    ///
    /// # Panics
    /// If the shapes do not fit.
    ///
    /// ```
    /// use evidence_autodiff::Tape;
    /// use ndarray::array;
    ///
    /// let tape = Tape::<f64>::new();
    /// let x = tape.variable(array![[1.0, 2.0, 3.0]]);
    /// let (d, f) = (tape.variable(array![[1.0, 10.0, 100.0]]), tape.variable(array![[5.0, 6.0, 7.0]]));
    /// let y = x.row_triangular(d, f);
    /// assert_eq!(y.data(), [1.0, 20.0 + 5.0, 300.0 + 6.0 + 2.0 * 7.0]);
    /// assert_eq!(y.row_triangular_solve(d, f).data(), [1.0, 2.0, 3.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn row_triangular(self, diagonal: Self, below: Self) -> Self {
        apply(self, diagonal, below, false)
    }

    /// L⁻¹ y for each row of this: the inverse of [`row_triangular`](Var::row_triangular).
    ///
    /// A zero on a diagonal gives infinities and NaN.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn row_triangular_solve(self, diagonal: Self, below: Self) -> Self {
        apply(self, diagonal, below, true)
    }
}

pub(super) fn checks() -> Vec<Check> {
    let inputs = |x: &[usize], n: usize, l: usize| {
        [Input::any(x), Input::positive(&[n, l]), Input::any(&[n, l * (l - 1) / 2])]
    };
    let multiply = || crate::function!(|x, d, f| x.row_triangular(d, f));
    let solve = || crate::function!(|x, d, f| x.row_triangular_solve(d, f));
    vec![
        Check::gradient("row_triangular", inputs(&[3, 4], 3, 4), multiply()),
        Check::gradient("row_triangular, draws", inputs(&[2, 3, 4], 3, 4), multiply()),
        Check::gradient("row_triangular, one column", inputs(&[3, 1], 3, 1), multiply()),
        Check::gradient("row_triangular_solve", inputs(&[3, 4], 3, 4), solve()),
        Check::gradient("row_triangular_solve, draws", inputs(&[5, 2, 3, 2], 3, 2), solve()),
        Check::gradient("row_triangular_solve, one column", inputs(&[2, 1], 2, 1), solve()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::check::vjp;
    use crate::kernels::threads::with_threads;
    use crate::ops::composition::{numbers, panics};
    use crate::tape::Tape;
    use ndarray::{Array2, ArrayD, Ix2, s};

    /// The triangle of one row, written out.
    fn triangle(d: &ArrayD<f64>, f: &ArrayD<f64>, row: usize) -> Array2<f64> {
        let (l, mut entry) = (d.shape()[1], 0);
        let mut whole = Array2::zeros((l, l));
        for i in 0..l {
            for j in 0..i {
                whole[[i, j]] = f[[row, entry]];
                entry += 1;
            }
            whole[[i, i]] = d[[row, i]];
        }
        whole
    }

    #[test]
    fn each_row_is_multiplied_by_its_own_triangle_and_solving_undoes_it() {
        let tape = Tape::<f64>::new();
        for (draws, n, l) in [(1, 1, 1), (2, 3, 4), (3, 2, 1), (1, 5, 9), (2, 0, 3), (0, 2, 3), (2, 2, 0)] {
            let d = numbers(&[n, l]).mapv(|d| 1.0 + d.abs());
            let f = 0.5 * numbers(&[n, l * l.max(1).saturating_sub(1) / 2]);
            let x = tape.constant(numbers(&[draws, n, l]));
            let (diagonal, below) = (tape.constant(&d), tape.constant(&f));
            let y = x.row_triangular(diagonal, below);
            for draw in 0..draws {
                for row in 0..n {
                    let of = |v: ndarray::ArrayViewD<'_, f64>| v.slice(s![draw, row, ..]).to_owned();
                    let truth = triangle(&d, &f, row).dot(&of(x.value()));
                    let apart = of(y.value()) - truth;
                    assert!(apart.iter().all(|e| e.abs() <= 1e-12), "{draws} × {n} × {l}: {apart}");
                }
            }
            let back = y.row_triangular_solve(diagonal, below);
            let undone = back.data().iter().zip(x.data()).all(|(a, b)| (a - b).abs() <= 1e-11);
            assert!(undone, "{draws} × {n} × {l}: {:?}", back.data());
        }
    }

    #[test]
    fn many_rows_have_the_same_bits_on_any_number_of_threads() {
        let (n, l) = (3000, 6);
        let inputs = [numbers(&[2, n, l]), numbers(&[n, l]).mapv(|d| 1.0 + d.abs()), numbers(&[n, 15])];
        let dy = numbers(&[2, n, l]);
        let multiply = crate::function!(|x, d, f| x.row_triangular(d, f));
        let solve = crate::function!(|x, d, f| x.row_triangular_solve(d, f));
        let run = |threads| {
            with_threads(threads, || (vjp(&multiply, &inputs, &dy), vjp(&solve, &inputs, &dy)))
        };
        let one = run(1);
        for threads in [2, 3] {
            assert_eq!(run(threads), one, "{threads} threads");
        }
        let ((_, gradients), _) = one;
        // The last row's, by its definition: pieces are put together at the right places.
        let of = |a: &ArrayD<f64>, draw| a.slice(s![draw, n - 1, ..]).to_owned().into_dimensionality::<ndarray::Ix1>().unwrap();
        let last = |k: usize| gradients[k].view().into_dimensionality::<Ix2>().unwrap().row(n - 1).to_owned();
        let truth = (0..2).map(|draw| of(&dy, draw) * of(&inputs[0], draw)).reduce(|a, b| a + b).unwrap();
        assert!((last(1) - truth).iter().all(|e| e.abs() < 1e-12));
        let corner = (0..2).map(|draw| dy[[draw, n - 1, 5]] * inputs[0][[draw, n - 1, 4]]).sum::<f64>();
        assert!((last(2)[14] - corner).abs() < 1e-12);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tape = Tape::<f64>::new();
        let of = |shape: &[usize]| tape.filled(shape, 1.0);
        for (x, d, f) in [
            (&[2, 3][..], &[2, 3][..], &[2, 2][..]),
            (&[2, 3], &[1, 3], &[2, 3]),
            (&[3, 2], &[2, 3], &[2, 3]),
            (&[3], &[1, 3], &[1, 3]),
        ] {
            let expected = format!("row_triangular: {x:?}, a diagonal {d:?} and entries {f:?} below it do not fit");
            panics(&expected, || of(x).row_triangular(of(d), of(f)));
            panics(&expected, || of(x).row_triangular_solve(of(d), of(f)));
        }
    }
}
