//! Laws of the product: a slow reference in f64 within the classical rounding bound, for every backend.

use super::*;
use num_traits::Float;
use proptest::prelude::*;

/// One product: its size, which operands are stored transposed, and how much wider than need be everything lies.
#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a_transposed: bool,
    b_transposed: bool,
    /// Added to the strides of A, B and C.
    gap: usize,
    /// From one element to the next in a row of A, and of B, as they are stored.
    spread: [usize; 2],
    /// Elements before the first: unaligned when odd.
    offset: usize,
    alpha: f64,
    beta: f64,
}

/// Numbers in [-1, 1) without structure (SplitMix64), so that a swapped index shows.
fn numbers<T: Float>(len: usize, seed: u64) -> Vec<T> {
    (0..len as u64)
        .map(|i| {
            let mut z = (seed << 32 | i).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            T::from((z >> 40) as f64 / (1u64 << 23) as f64 - 1.0).unwrap()
        })
        .collect()
}

/// The operands of a case and room for its result.
struct Operands<T> {
    a: Vec<T>,
    b: Vec<T>,
    c: Vec<T>,
    case: Case,
}

impl<T: MatmulScalar> Operands<T> {
    fn new(case: Case) -> Self {
        let Case { m, n, k, gap, offset, spread, .. } = case;
        let len = |rows: usize, cols: usize, transposed: bool, spread: usize| {
            let (rows, cols) = if transposed { (cols, rows) } else { (rows, cols) };
            offset + rows * (cols * spread + gap)
        };
        let a = len(m, k, case.a_transposed, spread[0]);
        let b = len(k, n, case.b_transposed, spread[1]);
        Self { a: numbers(a, 1), b: numbers(b, 2), c: numbers(len(m, n, false, 1), 3), case }
    }

    fn view<'a>(
        &self,
        data: &'a [T],
        (rows, cols): (usize, usize),
        transposed: bool,
        spread: usize,
    ) -> MatRef<'a, T> {
        let Case { gap, offset, .. } = self.case;
        let stored =
            |data, rows, cols| MatRef::with_strides(data, rows, cols, cols * spread + gap, spread);
        let data = &data[offset..];
        if transposed { stored(data, cols, rows).t() } else { stored(data, rows, cols) }
    }

    fn a(&self) -> MatRef<'_, T> {
        let Case { m, k, a_transposed, spread, .. } = self.case;
        self.view(&self.a, (m, k), a_transposed, spread[0])
    }

    fn b(&self) -> MatRef<'_, T> {
        let Case { n, k, b_transposed, spread, .. } = self.case;
        self.view(&self.b, (k, n), b_transposed, spread[1])
    }

    /// The whole of C's memory afterwards, gaps included.
    fn product(&self, backend: Backend, epilogue: &impl Epilogue<T>) -> Vec<T> {
        let mut out = self.c.clone();
        let Case { m, n, gap, offset, .. } = self.case;
        let [alpha, beta] = [self.case.alpha, self.case.beta].map(|x| T::from(x).unwrap());
        let c = &mut MatMut::with_stride(&mut out[offset..], m, n, n + gap);
        matmul_on(backend, alpha, self.a(), self.b(), beta, c, epilogue);
        out
    }

    /// Every element as a sum in f64, and the size of what was added: `|α| |A| |B| + |β| |C|`.
    fn reference(&self) -> Vec<(f64, f64)> {
        let Case { m, n, k, gap, offset, alpha, beta, .. } = self.case;
        let mut all = vec![(0.0, 0.0); m * n];
        let (a, b) = (self.a(), self.b());
        for i in 0..m {
            let row = &mut all[i * n..][..n];
            if beta != 0.0 {
                for (sum, c) in row.iter_mut().zip(&self.c[offset + i * (n + gap)..]) {
                    let c = beta * c.to_f64().unwrap();
                    *sum = (c, c.abs());
                }
            }
            for p in 0..k {
                let a = alpha * a.at(i, p).to_f64().unwrap();
                for (j, sum) in row.iter_mut().enumerate() {
                    let term = a * b.at(p, j).to_f64().unwrap();
                    *sum = (sum.0 + term, sum.1 + term.abs());
                }
            }
        }
        all
    }

    /// Compares every backend with the reference; the bound is the classical one, `γ_{k+3}` times the size.
    fn check(&self) {
        let Case { m, n, k, gap, offset, .. } = self.case;
        let gamma = (k + 3) as f64 * T::epsilon().to_f64().unwrap();
        let reference = self.reference();
        for backend in Backend::ALL {
            let out = self.product(backend, &());
            let stride = (n + gap).max(1);
            for (index, (&got, &before)) in out.iter().zip(&self.c).enumerate() {
                let place = index.checked_sub(offset).map(|x| (x / stride, x % stride));
                let Some((i, j)) = place.filter(|&(i, j)| i < m && j < n) else {
                    assert!(got == before, "{backend:?} {:?}: wrote outside C", self.case);
                    continue;
                };
                let ((want, size), got) = (reference[i * n + j], got.to_f64().unwrap());
                assert!(
                    (got - want).abs() <= gamma * size,
                    "{backend:?} {:?}: C[{i}, {j}] = {got}, should be {want}",
                    self.case
                );
            }
        }
    }
}

fn check_all(case: Case) {
    Operands::<f32>::new(case).check();
    Operands::<f64>::new(case).check();
}

const FACTORS: [f64; 4] = [1.0, 0.0, -0.5, 2.0];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn every_small_product_is_within_the_rounding_bound(
        (m, n, k) in (0..=70usize, 0..=70usize, 0..=70usize),
        (a_transposed, b_transposed) in any::<(bool, bool)>(),
        (gap, offset) in (0..4usize, 0..4usize),
        spread in [1..4usize, 1..4usize],
        (alpha, beta) in (0..4usize, 0..4usize),
    ) {
        let (alpha, beta) = (FACTORS[alpha], FACTORS[beta]);
        check_all(Case { m, n, k, a_transposed, b_transposed, gap, spread, offset, alpha, beta });
    }
}

/// Sizes around every edge: registers, units of the grid, blocks of k, single rows and columns.
const EDGES: [(usize, usize, usize); 28] = [
    (0, 0, 0),
    (1, 1, 0),
    (0, 3, 2),
    (3, 0, 2),
    (1, 1, 1),
    (1, 50, 7),
    (50, 1, 7),
    (1, 1, 1000),
    (1, 300, 600),
    (300, 1, 600),
    (2, 3, 5000),
    (7, 16, 16),
    (8, 48, 256),
    (9, 49, 257),
    (16, 47, 255),
    (17, 96, 513),
    (128, 64, 11),
    (512, 64, 1),
    (65, 500, 100),
    (500, 65, 100),
    (130, 300, 260),
    (520, 10, 520),
    // A few columns.
    (15, 2, 31),
    (16, 2, 32),
    (191, 3, 48),
    (193, 4, 65),
    (400, 4, 400),
    (100, 5, 90),
];

#[test]
fn every_edge_is_within_the_rounding_bound() {
    for (m, n, k) in EDGES {
        for bits in 0..4 {
            let (a_transposed, b_transposed) = (bits & 1 == 1, bits & 2 == 2);
            for (alpha, beta, gap, spread) in [
                (1.0, 0.0, 0, [1, 1]),
                (1.0, 1.0, 3, [1, 1]),
                (-0.5, 2.0, 1, [1, 1]),
                (1.0, 0.0, 1, [2, 3]),
            ] {
                let case = plain(m, n, k);
                let offset = gap;
                check_all(Case {
                    a_transposed,
                    b_transposed,
                    gap,
                    spread,
                    offset,
                    alpha,
                    beta,
                    ..case
                });
            }
        }
    }
}

/// Rows of A or of B whole pages apart, with enough of the other that they are copied rather than read in place: in one
/// block of k and in several, in one block of rows and in several.
#[test]
fn rows_whole_pages_apart_are_within_the_rounding_bound() {
    for (m, n, k) in [(2000, 140, 20), (300, 140, 400)] {
        check_all(Case { gap: 1024 - k, offset: 1, beta: 1.0, ..plain(m, n, k) });
    }
    for (a_transposed, gap) in [(false, 1024 - 50), (true, 2048 - 50)] {
        let case = Case { a_transposed, gap, offset: 1, beta: 1.0, ..plain(260, 50, 20) };
        check_all(case);
    }
}

#[test]
fn a_stride_of_zero_repeats_a_row() {
    let row = numbers::<f32>(20, 4);
    let b = numbers::<f32>(20 * 30, 5);
    for backend in Backend::ALL {
        let mut c = vec![0.0; 9 * 30];
        let a = MatRef::with_strides(&row, 9, 20, 0, 1);
        let mut c_view = MatMut::new(&mut c, 9, 30);
        matmul_on(backend, 1.0, a, MatRef::new(&b, 20, 30), 0.0, &mut c_view, &());
        for j in 0..30 {
            let want: f64 = (0..20).map(|p| row[p] as f64 * b[p * 30 + j] as f64).sum();
            for i in 0..9 {
                assert!((c[i * 30 + j] as f64 - want).abs() < 23.0 * 20.0 * f32::EPSILON as f64);
            }
        }
    }
}

fn plain(m: usize, n: usize, k: usize) -> Case {
    let (a_transposed, b_transposed, gap, spread, offset) = (false, false, 0, [1, 1], 0);
    Case { m, n, k, a_transposed, b_transposed, gap, spread, offset, alpha: 1.0, beta: 0.0 }
}

#[test]
fn with_beta_zero_c_is_not_read_and_with_alpha_zero_a_and_b_are_not() {
    for (m, n, k) in EDGES {
        for backend in Backend::ALL {
            let mut product = Operands::<f32>::new(plain(m, n, k));
            product.c.fill(f32::NAN);
            let out = product.product(backend, &());
            assert!(out[..m * n].iter().all(|x| x.is_finite()), "{backend:?} {m} {n} {k}");
            product.case.alpha = 0.0;
            product.a.fill(f32::NAN);
            product.b.fill(f32::INFINITY);
            let out = product.product(backend, &());
            assert!(out[..m * n].iter().all(|&x| x == 0.0), "{backend:?} {m} {n} {k}");
        }
    }
}

#[test]
fn a_nan_in_an_operand_reaches_its_row_and_no_other() {
    for backend in Backend::ALL {
        let mut product = Operands::<f32>::new(plain(20, 50, 30));
        product.a[7 * 30 + 11] = f32::NAN;
        let out = product.product(backend, &());
        for (index, x) in out[..20 * 50].iter().enumerate() {
            assert_eq!(x.is_nan(), index / 50 == 7, "{backend:?} {index}");
        }
    }
}

/// Large enough to fork, awkward to cut; and one that is never cut.
const FORKED: [(usize, usize, usize); 7] = [
    (129, 401, 257),
    (1000, 44, 70),
    (3, 2000, 400),
    (2000, 3, 400),
    (400, 1, 5000),
    (20, 30, 5000),
    (20, 30, 40),
];

#[test]
fn bits_are_the_same_on_any_number_of_threads() {
    let pools =
        [1, 2, 3, 8].map(|n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap());
    fn check<T: MatmulScalar>(pools: &[rayon::ThreadPool]) {
        for ((m, n, k), backend) in FORKED.into_iter().flat_map(|s| Backend::ALL.map(|b| (s, b))) {
            for (a_transposed, b_transposed) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let case = Case { a_transposed, b_transposed, beta: 1.0, ..plain(m, n, k) };
                let product = Operands::<T>::new(case);
                let outside = product.product(backend, &());
                for pool in pools {
                    let inside = pool.install(|| product.product(backend, &()));
                    assert!(
                        inside.iter().zip(&outside).all(|(x, y)| x == y),
                        "{backend:?} {case:?} on {} threads",
                        pool.current_num_threads()
                    );
                }
            }
        }
    }
    check::<f32>(&pools);
    check::<f64>(&pools);
}

/// Depends on row and column, and is not idempotent: an element missed, met twice or misplaced shows.
struct Mark;

impl<T: MatmulScalar> Epilogue<T> for Mark {
    #[inline(always)]
    fn apply(&self, row: usize, first_col: usize, out: &mut [T]) {
        for (j, x) in out.iter_mut().enumerate() {
            *x = *x * T::from(2.0).unwrap() + T::from(row * 10_000 + first_col + j).unwrap();
        }
    }
}

#[test]
fn an_epilogue_equals_the_product_and_then_the_step() {
    fn check<T: MatmulScalar>() {
        for ((m, n, k), backend) in
            EDGES.into_iter().chain(FORKED).flat_map(|s| Backend::ALL.map(|b| (s, b)))
        {
            for alpha in [1.0, 0.0] {
                let case = Case { alpha, beta: 0.5, gap: 2, ..plain(m, n, k) };
                let product = Operands::<T>::new(case);
                let fused = product.product(backend, &Mark);
                let mut apart = product.product(backend, &());
                for i in 0..m {
                    Mark.apply(i, 0, &mut apart[i * (n + 2)..][..n]);
                }
                assert!(fused.iter().zip(&apart).all(|(x, y)| x == y), "{backend:?} {case:?}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
#[should_panic(expected = "2 × 3 times 4 × 5 does not give 2 × 5")]
fn shapes_that_do_not_fit_panic() {
    let (a, b, mut c) = ([0.0; 6], [0.0; 20], [0.0; 10]);
    matmul(1.0, MatRef::new(&a, 2, 3), MatRef::new(&b, 4, 5), 0.0, &mut MatMut::new(&mut c, 2, 5));
}

#[test]
#[should_panic(expected = "does not fit in 11 elements")]
fn a_view_beyond_its_slice_panics() {
    MatRef::with_strides(&[0.0; 11], 3, 4, 4, 1);
}

#[test]
#[should_panic(expected = "does not fit")]
fn a_view_that_overflows_panics() {
    MatRef::with_strides(&[0.0; 11], 3, 2, usize::MAX / 2 + 1, 1);
}

#[test]
#[should_panic(expected = "rows of a matrix to write overlap")]
fn a_target_whose_rows_overlap_panics() {
    MatMut::with_stride(&mut [0.0; 11], 3, 4, 3);
}
