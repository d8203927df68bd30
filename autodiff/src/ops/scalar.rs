//! Arithmetic with constants on either side: y = α x + β, dx = dy · α; y = x / γ, dx = dy / γ; y = γ / x,
//! dx = −dy · y / x.

use crate::check::{Check, Input};
use crate::kernels::elementwise::Unary;
use crate::scalar::Real;
use crate::tape::Var;
use std::ops::{Add, Div, Mul, Sub};

/// α x + β.
#[derive(Clone, Copy)]
struct Affine {
    factor: f64,
    shift: f64,
}

impl<T: Real> Unary<T> for Affine {
    const NAME: &'static str = "affine";
    #[inline(always)]
    fn f(self, x: T) -> T {
        T::from_f64(self.factor) * x + T::from_f64(self.shift)
    }
    #[inline(always)]
    fn df(self, _: T, _: T) -> T {
        T::from_f64(self.factor)
    }
}

/// x / γ: rounded once, as x · (1 / γ) is not.
#[derive(Clone, Copy)]
struct Over(f64);

impl<T: Real> Unary<T> for Over {
    const NAME: &'static str = "div_by_constant";
    #[inline(always)]
    fn f(self, x: T) -> T {
        x / T::from_f64(self.0)
    }
    #[inline(always)]
    fn df(self, _: T, _: T) -> T {
        T::from_f64(1.0 / self.0)
    }
}

/// γ / x.
#[derive(Clone, Copy)]
struct Under(f64);

impl<T: Real> Unary<T> for Under {
    const NAME: &'static str = "constant_div";
    #[inline(always)]
    fn f(self, x: T) -> T {
        T::from_f64(self.0) / x
    }
    #[inline(always)]
    fn df(self, x: T, y: T) -> T {
        -y / x
    }
}

/// A product is shifted by −0, which unlike 0 leaves a product of −0 as it is.
fn product(factor: f64) -> Affine {
    Affine { factor, shift: -0.0 }
}

fn sum(factor: f64, shift: f64) -> Affine {
    Affine { factor, shift }
}

/// `x op c` and `c op x`, each by its function.
macro_rules! with_constants {
    ($($trait:ident $method:ident: $x_op_c:expr, $c_op_x:expr;)*) => {$(
        impl<T: Real> $trait<f64> for Var<'_, T> {
            type Output = Self;

            /// With a constant on the right, elementwise.
            fn $method(self, c: f64) -> Self {
                self.apply($x_op_c(c))
            }
        }

        impl<'t, T: Real> $trait<Var<'t, T>> for f64 {
            type Output = Var<'t, T>;

            /// With a constant on the left, elementwise.
            fn $method(self, x: Var<'t, T>) -> Var<'t, T> {
                x.apply($c_op_x(self))
            }
        }
    )*};
}

with_constants! {
    Add add: |c| sum(1.0, c), |c| sum(1.0, c);
    Sub sub: |c: f64| sum(1.0, -c), |c| sum(-1.0, c);
    Mul mul: product, product;
    Div div: Over, Under;
}

pub(super) fn checks() -> Vec<Check> {
    let x = || [Input::any(&[3, 4])];
    let divisor = || [Input::away_from_zero(&[3, 4])];
    vec![
        Check::gradient("x + 1.5", x(), crate::function!(|x| x + 1.5)),
        Check::gradient("1.5 + x", x(), crate::function!(|x| 1.5 + x)),
        Check::gradient("x - 1.5", x(), crate::function!(|x| x - 1.5)),
        Check::gradient("1.5 - x", x(), crate::function!(|x| 1.5 - x)),
        Check::gradient("x * 1.5", x(), crate::function!(|x| x * 1.5)),
        Check::gradient("1.5 * x", x(), crate::function!(|x| 1.5 * x)),
        Check::gradient("x / 1.5", x(), crate::function!(|x| x / 1.5)),
        Check::gradient("1.5 / x", divisor(), crate::function!(|x| 1.5 / x)),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tape;

    /// Each operator against the same one of plain numbers, bit for bit.
    #[test]
    fn constants_on_either_side_act_as_they_do_on_numbers() {
        let tape = Tape::<f32>::new();
        for x in [-3.7_f32, -0.0, 0.0, 1e-20, 49.0, f32::INFINITY] {
            let v = tape.constant(ndarray::arr1(&[x]));
            for c in [-2.5_f32, 3.0, 49.0] {
                let k = f64::from(c);
                let table = [
                    (v + k, x + c),
                    (k + v, c + x),
                    (v - k, x - c),
                    (k - v, c - x),
                    (v * k, x * c),
                    (k * v, c * x),
                    (v / k, x / c),
                    (k / v, c / x),
                ];
                for (row, (y, expected)) in table.iter().enumerate() {
                    assert_eq!(y.item().to_bits(), expected.to_bits(), "row {row}, x = {x}, c = {c}");
                }
            }
        }
    }
}
