//! The matrix products that benches and the product timer share: squares, then what the training steps multiply.

use evidence_autodiff::kernels::matmul::MatRef;
use evidence_autodiff::{Noise, Real};
use std::fmt;

/// A product `A·B` with `A: m × k` and `B: k × n`, each of them a transposed view where marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Product {
    /// Rows of `A`.
    pub m: usize,
    /// Columns of `A`, rows of `B`.
    pub k: usize,
    /// Columns of `B`.
    pub n: usize,
    /// `A` is stored as `k × m`, row by row.
    pub a_transposed: bool,
    /// `B` is stored as `n × k`, row by row.
    pub b_transposed: bool,
}

const fn product(m: usize, k: usize, n: usize, a_transposed: bool, b_transposed: bool) -> Product {
    Product { m, k, n, a_transposed, b_transposed }
}

/// What is timed.
pub const PRODUCTS: [Product; 23] = [
    product(64, 64, 64, false, false),
    product(256, 256, 256, false, false),
    product(512, 512, 512, false, false),
    product(1024, 1024, 1024, false, false),
    product(2048, 2048, 2048, false, false),
    // mlp: forward, the weights' gradient, the input's gradient.
    product(256, 784, 512, false, false),
    product(784, 256, 512, true, false),
    product(256, 512, 512, false, true),
    // bnn_big.
    product(256, 784, 400, false, false),
    product(784, 256, 400, true, false),
    product(256, 400, 400, false, true),
    // vae.
    product(128, 784, 400, false, false),
    product(784, 128, 400, true, false),
    product(128, 784, 400, false, true),
    product(128, 400, 784, false, false),
    // vae_iwae.
    product(1000, 200, 784, false, false),
    product(200, 1000, 784, true, false),
    product(1000, 784, 200, false, true),
    // flow_big, then flow_small.
    product(512, 22, 256, false, false),
    product(512, 256, 256, false, false),
    product(256, 512, 256, true, false),
    product(512, 256, 256, false, true),
    product(512, 64, 64, false, false),
];

impl Product {
    /// Floating-point operations: 2·m·k·n.
    pub const fn operations(self) -> u64 {
        2 * (self.m * self.k * self.n) as u64
    }

    /// `A` and `B` of standard normals, as they are stored.
    pub fn operands<T: Real>(self) -> (Vec<T>, Vec<T>) {
        (normals(self.m * self.k, 0), normals(self.k * self.n, 1))
    }

    /// The views that are multiplied.
    pub fn views<'a, T>(self, a: &'a [T], b: &'a [T]) -> (MatRef<'a, T>, MatRef<'a, T>) {
        fn view<T>(x: &[T], rows: usize, columns: usize, transposed: bool) -> MatRef<'_, T> {
            if transposed {
                MatRef::new(x, columns, rows).t()
            } else {
                MatRef::new(x, rows, columns)
            }
        }
        (view(a, self.m, self.k, self.a_transposed), view(b, self.k, self.n, self.b_transposed))
    }
}

/// `256×784·784×512`, with `ᵀ` after a transposed view.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |transposed| if transposed { "ᵀ" } else { "" };
        let Product { m, k, n, a_transposed, b_transposed } = *self;
        write!(f, "{m}×{k}{}·{k}×{n}{}", mark(a_transposed), mark(b_transposed))
    }
}

/// Standard normals, the same for the same `stream`.
pub fn normals<T: Real>(len: usize, stream: u64) -> Vec<T> {
    let mut numbers = vec![T::zero(); len];
    T::fill_normal(Noise::new(0).stream(stream), 0, &mut numbers);
    numbers
}
