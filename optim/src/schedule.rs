//! Schedules: plain functions from the number of steps taken to a factor of the learning rate.
//!
//! `optimizer.set_factor(cosine(optimizer.steps(), 100, 2000))` before each step; schedules multiply. The first
//! step has number 0. A warm-up over w steps has factors 1/w, 2/w, …, 1: no step is wasted on a factor of 0.
//!
//! ```
//! use evidence_optim::schedule::{cosine, exponential, warm_up};
//! assert_eq!(warm_up(0, 4), 0.25);
//! assert_eq!([cosine(4, 4, 104), cosine(104, 4, 104)], [1.0, 0.0]);
//! let both = warm_up(2, 4) * exponential(2, 1, 0.5);
//! assert_eq!(both, 0.75 * 0.25);
//! ```

use std::f64::consts::PI;

/// 1.
pub fn constant(_step: u64) -> f64 {
    1.0
}

/// min(1, (step + 1) / steps): linear warm-up (Goyal et al. 2017, "Accurate, large minibatch SGD", §2.2).
pub fn warm_up(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { (step + 1) as f64 / steps as f64 }
}

/// A linear warm-up over the first `warm` steps, then half a cosine from 1 down to 0 at step `total` and after.
///
/// ½ (1 + cos π (step − warm) / (total − warm)): Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without
/// restarts.
pub fn cosine(step: u64, warm: u64, total: u64) -> f64 {
    if step >= total {
        0.0
    } else if step < warm {
        warm_up(step, warm)
    } else {
        0.5 * (1.0 + (PI * (step - warm) as f64 / (total - warm) as f64).cos())
    }
}

/// ratio^⌊step / every⌋: multiplied by `ratio` at once, every so many steps.
///
/// # Panics
/// When `every` is 0.
#[track_caller]
pub fn stairs(step: u64, every: u64, ratio: f64) -> f64 {
    assert!(every > 0, "a schedule that changes every 0 steps");
    ratio.powf((step / every) as f64)
}

/// ratio^(step / every): multiplied by `ratio` over every so many steps, smoothly.
///
/// # Panics
/// When `every` is 0.
#[track_caller]
pub fn exponential(step: u64, every: u64, ratio: f64) -> f64 {
    assert!(every > 0, "a schedule that changes every 0 steps");
    ratio.powf(step as f64 / every as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_at_the_boundaries() {
        let table = [
            ("constant", constant(0), 1.0),
            ("constant, late", constant(u64::MAX), 1.0),
            ("warm-up, first", warm_up(0, 4), 0.25),
            ("warm-up, last", warm_up(3, 4), 1.0),
            ("warm-up, over", warm_up(4, 4), 1.0),
            ("warm-up of no steps", warm_up(0, 0), 1.0),
            ("cosine, warming", cosine(0, 10, 110), 0.1),
            ("cosine, warm", cosine(9, 10, 110), 1.0),
            ("cosine, at its top", cosine(10, 10, 110), 1.0),
            ("cosine, last", cosine(109, 10, 110), 0.5 * (1.0 + (0.99 * PI).cos())),
            ("cosine, at its end", cosine(110, 10, 110), 0.0),
            ("cosine, after", cosine(u64::MAX, 10, 110), 0.0),
            ("cosine without warm-up", cosine(0, 0, 100), 1.0),
            ("cosine of no steps", cosine(0, 0, 0), 0.0),
            ("cosine that ends while warming", cosine(4, 10, 5), 0.5),
            ("cosine that ended while warming", cosine(5, 10, 5), 0.0),
            ("stairs, before", stairs(9, 10, 0.5), 1.0),
            ("stairs, at", stairs(10, 10, 0.5), 0.5),
            ("stairs, twice", stairs(29, 10, 0.5), 0.25),
            ("exponential, first", exponential(0, 10, 0.25), 1.0),
            ("exponential, half way", exponential(5, 10, 0.25), 0.5),
            ("exponential, at", exponential(10, 10, 0.25), 0.25),
        ];
        for (name, found, expected) in table {
            assert!((found - expected).abs() <= 1e-15, "{name}: {found}, not {expected}");
        }
        assert!((cosine(60, 10, 110) - 0.5).abs() <= 1e-15, "half way");
    }

    #[test]
    fn after_the_warm_up_the_cosine_falls_at_every_step() {
        let factors: Vec<f64> = (10..=110).map(|step| cosine(step, 10, 110)).collect();
        assert!(factors.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
