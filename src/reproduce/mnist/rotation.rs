//! Images turned about their centre.
//!
//! The pixel at `(r, c)` of the image turned by an angle θ, counter-clockwise, is what the image has at
//!
//! ```text
//! r′ = m + cos θ (r − m) + sin θ (c − m)          m = (side − 1) / 2
//! c′ = m − sin θ (r − m) + cos θ (c − m)
//! ```
//!
//! between four pixels, by their bilinear mean; beyond the border there is paper, 0.

use ndarray::{Array2, ArrayView2, Axis};

/// Square images, `[n, side²]`, each turned counter-clockwise by so many degrees.
///
/// # Panics
/// If an image has not `side²` pixels.
#[must_use]
#[track_caller]
pub fn rotated(images: ArrayView2<'_, f64>, side: usize, degrees: f64) -> Array2<f64> {
    assert!(
        images.ncols() == side * side,
        "rotated: images of {} pixels are not {side} by {side}",
        images.ncols()
    );
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = 0.5 * (side as f64 - 1.0);
    let mut turned = Array2::zeros(images.raw_dim());
    for (pixel, mut column) in turned.axis_iter_mut(Axis(1)).enumerate() {
        let (r, c) = ((pixel / side) as f64 - middle, (pixel % side) as f64 - middle);
        let (row, col) = (middle + cos * r + sin * c, middle - sin * r + cos * c);
        let (top, left) = (row.floor(), col.floor());
        let (down, right) = (row - top, col - left);
        let corners = [
            (top, left, (1.0 - down) * (1.0 - right)),
            (top, left + 1.0, (1.0 - down) * right),
            (top + 1.0, left, down * (1.0 - right)),
            (top + 1.0, left + 1.0, down * right),
        ];
        for (row, col, share) in corners {
            let inside = |at: f64| at >= 0.0 && at < side as f64;
            if share > 0.0 && inside(row) && inside(col) {
                column.scaled_add(share, &images.column(row as usize * side + col as usize));
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_train::data::digits;
    use ndarray::Array1;

    #[test]
    fn quarter_turns_move_pixels_and_four_of_them_are_none() {
        for side in [1, 2, 7, 8] {
            let image = Array2::from_shape_fn((3, side * side), |(i, p)| (i * 100 + p) as f64);
            let close = |a: &Array2<f64>, b: &Array2<f64>| {
                (a - b).iter().all(|e| e.abs() <= 1e-10 * (300 + side * side) as f64)
            };
            assert!(close(&rotated(image.view(), side, 0.0), &image));
            let quarter = rotated(image.view(), side, 90.0);
            // Counter-clockwise: the right column, from its top, becomes the top row, from its left.
            let by_hand = Array2::from_shape_fn((3, side * side), |(i, p)| {
                image[[i, p % side * side + side - 1 - p / side]]
            });
            assert!(close(&quarter, &by_hand), "{side}");
            let mut turned = image.clone();
            for _ in 0..4 {
                turned = rotated(turned.view(), side, 90.0);
            }
            assert!(close(&turned, &image));
            let half = rotated(image.view(), side, 180.0);
            assert!(close(&half, &rotated(quarter.view(), side, 90.0)));
        }
    }

    #[test]
    fn an_affine_picture_is_sampled_without_error() {
        // Between four pixels of a plane the bilinear mean is the plane itself, wherever all four are inside.
        let (side, degrees) = (9, 33.0_f64);
        let middle = 4.0;
        let plane = |r: f64, c: f64| 3.0 + 0.7 * r - 1.3 * c;
        let at = |p: usize| ((p / side) as f64 - middle, (p % side) as f64 - middle);
        let image = Array1::from_shape_fn(side * side, |p| plane(at(p).0, at(p).1));
        let turned = rotated(image.view().insert_axis(Axis(0)), side, degrees);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let mut seen = 0;
        for p in 0..side * side {
            let (r, c) = at(p);
            if r * r + c * c <= middle * middle {
                let expected = plane(cos * r + sin * c, cos * c - sin * r);
                assert!((turned[[0, p]] - expected).abs() <= 1e-12, "{p}");
                seen += 1;
            }
        }
        assert!(seen > 40);
    }

    #[test]
    fn ink_inside_the_circle_is_neither_made_nor_lost_by_much() {
        let data = digits();
        // Two rings of paper, so that no ink leaves the image.
        let (inner, side) = (8, 14);
        let mut wide = Array2::zeros((data.rows(), side * side));
        for (p, column) in data.features().axis_iter(Axis(1)).enumerate() {
            wide.column_mut((p / inner + 3) * side + p % inner + 3).assign(&column);
        }
        for degrees in [10.0, 45.0, 133.0] {
            let turned = rotated(wide.view(), side, degrees);
            let share = turned.sum() / wide.sum();
            assert!((share - 1.0).abs() < 0.01, "{degrees}: {share}");
        }
    }
}
