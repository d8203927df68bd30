//! Predictive distributions: mixtures over posterior draws.

mod classes;
mod component;
mod outputs;
mod quantile;

pub use classes::ClassMixture;
pub use component::Family;
pub(crate) use outputs::MixtureOutputs;

use ndarray::{Array1, Array2, ArrayView1, Axis, Zip};

/// For each row, an equal mixture of one component for each draw s of the weights: normals, Student's t's, or Poissons.
///
/// A location, scale or rate that is NaN (a network's answer to a row so far out that its outputs overflow) makes NaN of its own row alone.
///
/// Its variance has two parts, by the law of total variance: the spread of the components' means (epistemic: what more
/// data would remove) and their mean variance (aleatoric: what it would not).
#[derive(Clone, Debug)]
pub struct Mixture {
    family: Family,
    /// `[draws, rows]`.
    locations: Array2<f64>,
    scales: Scales,
    /// The part of the components' variances that the weights make, on the mean of the draws: none of it where the draws are of single
    /// weights, each row's where a component stands for all of them.
    within: Option<Array1<f64>>,
}

#[derive(Clone, Debug)]
enum Scales {
    /// The same for every draw and row.
    One(f64),
    /// `[draws, rows]`.
    Each(Array2<f64>),
}

impl Scales {
    fn at(&self, draw: usize, row: usize) -> f64 {
        match self {
            Self::One(scale) => *scale,
            Self::Each(scales) => scales[[draw, row]],
        }
    }
}

impl Mixture {
    /// Normals of one scale, from the means of each draw, `[draws, rows]`.
    ///
    /// # Panics
    /// If there are no draws or the scale is not positive.
    #[track_caller]
    pub fn gaussian(means: Array2<f64>, scale: f64) -> Self {
        Self::new(Family::Normal, means, Scales::One(scale))
    }

    /// Normals with scales of their own, `[draws, rows]` as the means.
    ///
    /// # Panics
    /// If there are no draws, the shapes differ, or a scale is not positive.
    #[track_caller]
    pub fn gaussians(means: Array2<f64>, scales: Array2<f64>) -> Self {
        Self::new(Family::Normal, means, Scales::Each(scales))
    }

    /// One normal for each row, around means with a variance that the weights make, and a noise of one scale: what an approximation that is
    /// normal itself predicts.
    ///
    /// # Panics
    /// If the lengths differ, a variance is negative, or the scale is not positive.
    #[track_caller]
    pub fn normal(means: Array1<f64>, variance: Array1<f64>, scale: f64) -> Self {
        assert!(
            means.len() == variance.len() && variance.iter().all(|v| *v >= 0.0 || v.is_nan()),
            "Mixture: variances {variance} of {} means; each has one, of 0 or more",
            means.len()
        );
        assert!(scale > 0.0, "Mixture: a noise of scale {scale}; it must be positive");
        let scales = variance.mapv(|v| (v + scale * scale).sqrt());
        let mixture = Self::gaussians(means.insert_axis(Axis(0)), scales.insert_axis(Axis(0)));
        Self { within: Some(variance), ..mixture }
    }

    /// Student's t's with ν degrees of freedom, all of one scale. The mean is that of the locations, also for ν ≤ 1.
    ///
    /// # Panics
    /// If there are no draws, or the scale or ν is not positive.
    #[track_caller]
    pub fn student_t(locations: Array2<f64>, scale: f64, freedom: f64) -> Self {
        assert!(freedom > 0.0, "Mixture: {freedom} degrees of freedom; they must be positive");
        Self::new(Family::StudentT { freedom }, locations, Scales::One(scale))
    }

    /// Poissons, from the rates of each draw, `[draws, rows]`.
    ///
    /// # Panics
    /// If there are no draws or a rate is not positive.
    #[track_caller]
    pub fn poisson(rates: Array2<f64>) -> Self {
        let bad = rates.iter().find(|rate| **rate <= 0.0);
        assert!(bad.is_none(), "Mixture: a rate of {bad:?}; it must be positive");
        Self::new(Family::Poisson, rates, Scales::One(1.0))
    }

    #[track_caller]
    fn new(family: Family, locations: Array2<f64>, scales: Scales) -> Self {
        assert!(
            locations.nrows() > 0,
            "Mixture: no draws; a predictive distribution comes from at least one"
        );
        match &scales {
            Scales::One(scale) => {
                assert!(*scale > 0.0, "Mixture: a noise scale of {scale}; it must be positive");
            }
            Scales::Each(scales) => {
                assert!(
                    scales.dim() == locations.dim(),
                    "Mixture: scales of shape {:?} for means of shape {:?}",
                    scales.dim(),
                    locations.dim()
                );
                let bad = scales.iter().find(|scale| **scale <= 0.0);
                assert!(bad.is_none(), "Mixture: a noise scale of {bad:?}; it must be positive");
            }
        }
        Self { family, locations, scales, within: None }
    }

    /// What it is a mixture of.
    pub fn family(&self) -> Family {
        self.family
    }

    /// How many draws it is made of.
    pub fn draws(&self) -> usize {
        self.locations.nrows()
    }

    /// How many rows it is about.
    pub fn rows(&self) -> usize {
        self.locations.ncols()
    }

    /// The same in other units, `y ↦ offset + factor · y`: how standardised predictions become those of the data.
    ///
    /// # Panics
    /// If the factor is not positive, or counts are to have another unit.
    #[must_use]
    #[track_caller]
    pub fn rescaled(&self, offset: f64, factor: f64) -> Self {
        assert!(factor > 0.0, "Mixture: rescaled by {factor}; a unit is positive");
        assert!(
            self.family != Family::Poisson || (offset == 0.0 && factor == 1.0),
            "Mixture: counts have no other unit; train on them as they are"
        );
        let scales = match &self.scales {
            Scales::One(scale) => Scales::One(scale * factor),
            Scales::Each(scales) => Scales::Each(scales * factor),
        };
        let within = self.within.as_ref().map(|within| within * (factor * factor));
        let locations = self.locations.mapv(|m| offset + factor * m);
        Self { within, ..Self::new(self.family, locations, scales) }
    }

    /// One mixture of the draws of several, as of an ensemble's members.
    ///
    /// # Panics
    /// If there are none, or they differ in rows or family.
    #[must_use]
    #[track_caller]
    pub fn together(parts: &[Self]) -> Self {
        let first = parts.first().expect("Mixture: there is nothing to put together");
        let same = |part: &Self| part.family == first.family && part.rows() == first.rows();
        assert!(parts.iter().all(same), "Mixture: parts of other rows or families");
        let stack = |arrays: Vec<Array2<f64>>| {
            let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
            ndarray::concatenate(Axis(0), &views).expect("parts of one width")
        };
        let each = |part: &Self| {
            Array2::from_shape_fn(part.locations.dim(), |(s, row)| part.scales.at(s, row))
        };
        let locations = stack(parts.iter().map(|part| part.locations.clone()).collect());
        let scales = Scales::Each(stack(parts.iter().map(each).collect()));
        let draws = locations.nrows() as f64;
        let within = parts.iter().any(|part| part.within.is_some()).then(|| {
            parts.iter().fold(Array1::zeros(first.rows()), |sum, part| match &part.within {
                Some(within) => sum + within * (part.draws() as f64 / draws),
                None => sum,
            })
        });
        Self { within, ..Self::new(first.family, locations, scales) }
    }

    /// The predictive mean of each row.
    pub fn mean(&self) -> Array1<f64> {
        self.locations.mean_axis(Axis(0)).expect("there are draws")
    }

    /// The variance of each row that the uncertainty of the weights makes.
    pub fn epistemic_variance(&self) -> Array1<f64> {
        let between = self.locations.var_axis(Axis(0), 0.0);
        match &self.within {
            Some(within) => between + within,
            None => between,
        }
    }

    /// The variance of each row that the noise makes. Infinite for Student's t with ν ≤ 2.
    pub fn aleatoric_variance(&self) -> Array1<f64> {
        let mut sum = Array1::zeros(self.rows());
        for (s, draw) in self.locations.outer_iter().enumerate() {
            let mut row = 0;
            Zip::from(&mut sum).and(draw).for_each(|sum, &location| {
                *sum += self.family.variance(location, self.scales.at(s, row));
                row += 1;
            });
        }
        let mean = sum / self.draws() as f64;
        match &self.within {
            Some(within) => mean - within,
            None => mean,
        }
    }

    /// The log-density (of counts, the log-probability) of a target for each row, in nats: `log 1/S Σₛ p(y | draw s)`.
    ///
    /// # Panics
    /// If there is not one target for each row.
    #[track_caller]
    pub fn log_density(&self, targets: ArrayView1<'_, f64>) -> Array1<f64> {
        assert!(
            targets.len() == self.rows(),
            "Mixture: {} targets for {} rows",
            targets.len(),
            self.rows()
        );
        let family = self.family;
        let shared = match self.scales {
            Scales::One(scale) => family.constant(scale),
            Scales::Each(_) => 0.0,
        };
        let constant = shared - (self.draws() as f64).ln();
        let rows = self.locations.columns().into_iter().zip(targets).enumerate();
        let log_density = rows.map(|(row, (locations, &y))| {
            let terms = locations.iter().enumerate().map(|(s, &location)| match &self.scales {
                Scales::One(scale) => family.exponent(y, location, *scale),
                Scales::Each(scales) => {
                    let scale = scales[[s, row]];
                    family.exponent(y, location, scale) + family.constant(scale)
                }
            });
            let exponents: Array1<f64> = terms.collect();
            let largest = exponents.fold(f64::NEG_INFINITY, |a, &b| f64::max(a, b));
            if exponents.iter().any(|exponent| exponent.is_nan()) {
                return f64::NAN;
            }
            if largest == f64::NEG_INFINITY {
                return largest;
            }
            constant + largest + exponents.mapv(|e| (e - largest).exp()).sum().ln()
        });
        log_density.collect()
    }

    /// The p-quantile of each row: where the mass p is below. Of counts, the first with at least p at and below it.
    ///
    /// # Panics
    /// If p is not inside (0, 1).
    #[track_caller]
    pub fn quantile(&self, p: f64) -> Array1<f64> {
        assert!(0.0 < p && p < 1.0, "Mixture: a quantile at {p}; it must be between 0 and 1");
        match (self.family, &self.scales) {
            (Family::Normal, Scales::One(scale)) => {
                quantile::of_normals(self.locations.view(), *scale, p)
            }
            _ => (0..self.rows()).map(|row| quantile::of_row(self, row, p)).collect(),
        }
    }

    /// The mass at and below each row's number: between 0 and 1, and spread evenly over rows whose distributions these are (the probability
    /// integral transform).
    ///
    /// # Panics
    /// If there is not one number for each row.
    #[track_caller]
    pub fn cdf(&self, y: ArrayView1<'_, f64>) -> Array1<f64> {
        assert!(y.len() == self.rows(), "Mixture: {} numbers for {} rows", y.len(), self.rows());
        Array1::from_shape_fn(self.rows(), |row| {
            let below =
                |s| self.family.below(y[row], self.locations[[s, row]], self.scales.at(s, row));
            (0..self.draws()).map(below).sum::<f64>() / self.draws() as f64
        })
    }

    /// The share of targets inside the central interval of probability `level`, its ends included. A NaN is not inside.
    ///
    /// # Panics
    /// If there is not one target for each row, or the level is not inside (0, 1).
    #[track_caller]
    pub fn coverage(&self, targets: ArrayView1<'_, f64>, level: f64) -> f64 {
        assert!(
            targets.len() == self.rows(),
            "Mixture: {} targets for {} rows",
            targets.len(),
            self.rows()
        );
        assert!(level > 0.0 && level < 1.0, "Mixture: coverage at {level}; it is between 0 and 1");
        let (low, high) = (self.quantile(0.5 - level / 2.0), self.quantile(0.5 + level / 2.0));
        let inside = targets
            .iter()
            .zip(low.iter().zip(&high))
            .filter(|(y, (low, high))| *low <= *y && *y <= *high);
        inside.count() as f64 / targets.len() as f64
    }
}

#[cfg(test)]
mod tests;
