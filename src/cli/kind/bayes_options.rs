//! The options of `bayes`: shape, prior, posterior, likelihood and estimator, each by name.

use super::super::error::CliError;
use super::options::{ActivationOption, Hidden, check_sizes, parameters, positive, sizes};
use super::{Columns, Conditional};
use clap::{Args, ValueEnum};
use evidence::layers::{Estimator, PosteriorKind, Prior};
use evidence::models::BayesianNetwork;
use evidence::{Array, Likelihood, Mlp, Noise};
use serde::{Deserialize, Serialize};

/// Its shape, and what is believed of its weights at first.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(in super::super) struct BayesOptions {
    /// Units of each hidden layer, by commas, or none [default: 50]
    #[arg(long, value_name = "UNITS", allow_hyphen_values = true)]
    hidden: Hidden,
    /// Behind each hidden layer [default: relu]
    #[arg(long, value_name = "NAME")]
    activation: ActivationOption,
    /// The prior of every weight [default: normal]
    #[arg(long, value_name = "NAME")]
    prior: PriorOption,
    /// The prior's scale: a standard deviation, a Laplace's b, or a horseshoe's τ [default: 0.5]
    #[arg(long, value_name = "SCALE")]
    prior_scale: f64,
    /// The narrow normal's standard deviation, of two [default: 0.02]
    #[arg(long, value_name = "SCALE")]
    narrow_scale: f64,
    /// The wide normal's share, of two [default: 0.5]
    #[arg(long, value_name = "SHARE")]
    wide_share: f64,
    /// The posterior of each layer, by commas; one stands for all [default: mean-field]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    posterior: Vec<PosteriorOption>,
    /// The standard deviation that the weights' posterior begins with [default: 0.05]
    #[arg(long, value_name = "SCALE")]
    posterior_scale: f64,
    /// Directions of a low-rank posterior [default: 5]
    #[arg(long, value_name = "N")]
    rank: usize,
    /// How the gradient is estimated [default: shared]
    #[arg(long, value_name = "NAME")]
    estimator: EstimatorOption,
    /// Draws of the weights in each step [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) step_draws: usize,
    /// What is believed of a number around its prediction [default: gaussian]
    #[arg(long, value_name = "NAME")]
    likelihood: NoiseOption,
    /// The noise's scale where it is known, in standard deviations of the target [default: 1]
    #[arg(long, value_name = "SCALE")]
    noise_scale: f64,
    /// Student's degrees of freedom [default: 4]
    #[arg(long, value_name = "NU")]
    freedom: f64,
}

/// A prior, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PriorOption {
    /// A normal of fixed scale
    #[default]
    Normal,
    /// A normal whose scale is learned, for each layer
    Learned,
    /// Laplace's
    Laplace,
    /// A mixture of a wide normal and a narrow one
    TwoNormals,
    /// Horseshoe-like: a peak at 0 and heavy tails
    Horseshoe,
}

/// A posterior, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PosteriorOption {
    /// Numbers: maximum a posteriori
    Point,
    /// Independent normals
    MeanField,
    /// Normals with a few directions in common
    LowRank,
    /// A normal with any covariance
    Full,
}

/// An estimator, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EstimatorOption {
    /// One draw of the weights for the whole batch
    #[default]
    Shared,
    /// Draws of the outputs, for each row (local reparametrisation)
    Local,
    /// One draw under signs of its own for each row
    Flipout,
}

/// A likelihood of numbers, as a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NoiseOption {
    /// A normal whose scale is learned
    #[default]
    Gaussian,
    /// A normal whose scale is known
    Known,
    /// A normal with a scale for each row, predicted
    Predicted,
    /// Student's t: heavier tails
    StudentT,
    /// Counts, with a rate for each row
    Poisson,
}

impl Default for BayesOptions {
    fn default() -> Self {
        Self {
            hidden: Hidden(vec![50]),
            activation: ActivationOption::default(),
            prior: PriorOption::default(),
            prior_scale: 0.5,
            narrow_scale: 0.02,
            wide_share: 0.5,
            posterior: vec![PosteriorOption::MeanField],
            posterior_scale: 0.05,
            rank: 5,
            estimator: EstimatorOption::default(),
            step_draws: 1,
            likelihood: NoiseOption::default(),
            noise_scale: 1.0,
            freedom: 4.0,
        }
    }
}

impl BayesOptions {
    /// Whether the target is a count, which has no other unit.
    pub(super) fn counts(&self) -> bool {
        self.likelihood == NoiseOption::Poisson
    }

    /// Of an unsound likelihood as of a sound one: [`build`](Self::build) refuses it.
    pub(super) fn likelihood(&self, columns: Columns) -> Likelihood<Array<f32>> {
        let sound = |x: f64| if x > 0.0 && x.is_finite() { x } else { 1.0 };
        match (columns.classes, self.likelihood) {
            (Some(_), _) => Likelihood::Categorical,
            (None, NoiseOption::Gaussian) => Likelihood::gaussian(0.0),
            (None, NoiseOption::Known) => Likelihood::known_gaussian(sound(self.noise_scale)),
            (None, NoiseOption::Predicted) => Likelihood::PredictedGaussian,
            (None, NoiseOption::StudentT) => Likelihood::student_t(sound(self.freedom), 0.0),
            (None, NoiseOption::Poisson) => Likelihood::Poisson,
        }
    }

    /// Flags that are for some of the others.
    pub(super) fn conditional(&self) -> Vec<Conditional> {
        let mixed = self.prior == PriorOption::TwoNormals;
        let low_rank = self.posterior.contains(&PosteriorOption::LowRank);
        let spread = self.posterior.iter().any(|kind| *kind != PosteriorOption::Point);
        let (known, student) = (NoiseOption::Known, NoiseOption::StudentT);
        [
            ("narrow-scale", mixed, "--prior two-normals"),
            ("wide-share", mixed, "--prior two-normals"),
            ("rank", low_rank, "--posterior low-rank"),
            (
                "posterior-scale",
                spread,
                "a posterior with a scale, which --posterior point has not",
            ),
            ("estimator", spread, "draws of weights, of which --posterior point has none"),
            ("step-draws", spread, "draws of weights, of which --posterior point has none"),
            ("noise-scale", self.likelihood == known, "--likelihood known"),
            ("freedom", self.likelihood == student, "--likelihood student-t"),
        ]
        .map(|(flag, holds, of)| Conditional { flag, holds, of })
        .into()
    }

    fn sizes(&self, columns: Columns) -> Vec<usize> {
        let outputs = self.likelihood(columns).outputs(1, columns.classes);
        sizes(columns.inputs, &self.hidden, outputs)
    }

    /// The posterior of each layer.
    fn kinds(&self, layers: usize) -> Vec<PosteriorKind> {
        let kind = |option: &PosteriorOption| match option {
            PosteriorOption::Point => PosteriorKind::PointMass,
            PosteriorOption::MeanField => PosteriorKind::MeanField,
            PosteriorOption::LowRank => PosteriorKind::LowRank(self.rank),
            PosteriorOption::Full => PosteriorKind::FullCovariance,
        };
        let kinds: Vec<_> = self.posterior.iter().map(kind).collect();
        if let [one] = kinds[..] { vec![one; layers] } else { kinds }
    }

    pub(super) fn parameters(&self, columns: Columns) -> u128 {
        let sizes = self.sizes(columns);
        let layers = sizes.windows(2).zip(self.kinds(sizes.len() - 1));
        layers.map(|(pair, kind)| kind.count(parameters(pair))).fold(0, u128::saturating_add)
    }

    fn prior(&self) -> Result<Prior<Array<f32>>, CliError> {
        let prior = match self.prior {
            PriorOption::Normal => Prior::normal(self.prior_scale),
            PriorOption::Learned => Prior::learned(self.prior_scale),
            PriorOption::Laplace => Prior::laplace(self.prior_scale),
            PriorOption::Horseshoe => Prior::horseshoe(self.prior_scale),
            PriorOption::TwoNormals => {
                Prior::two_normals(self.wide_share, self.prior_scale, self.narrow_scale)
            }
        };
        let flags = "--prior-scale, --narrow-scale, --wide-share";
        prior.map_err(|error| CliError::Usage(format!("{error} ({flags})")))
    }

    pub(super) fn build(
        &self,
        columns: Columns,
        noise: Noise,
    ) -> Result<BayesianNetwork<Array<f32>>, CliError> {
        let sizes = self.sizes(columns);
        check_sizes(&sizes)?;
        positive("--prior-scale", self.prior_scale)?;
        positive("--posterior-scale", self.posterior_scale)?;
        positive("--noise-scale", self.noise_scale)?;
        positive("--freedom", self.freedom)?;
        let refused = |text: String| Err(CliError::Usage(text));
        if self.step_draws == 0 || self.rank == 0 {
            return refused("--step-draws and --rank are at least 1".to_owned());
        }
        let kinds = self.kinds(sizes.len() - 1);
        if kinds.len() != sizes.len() - 1 {
            let (named, layers) = (kinds.len(), sizes.len() - 1);
            return refused(format!(
                "--posterior names {named} for {layers} layers: one for all, or one for each"
            ));
        }
        if self.prior == PriorOption::Learned && self.posterior.contains(&PosteriorOption::Point) {
            return refused(
                "--prior learned is not for --posterior point: weights and scale that shrink together have a density without \
                 bound; choose another prior, or mean-field"
                    .into(),
            );
        }
        if columns.classes.is_some() && self.likelihood != NoiseOption::Gaussian {
            return refused(
                "--likelihood is for numbers; a class has its own: leave it out".into(),
            );
        }
        let estimator = match self.estimator {
            EstimatorOption::Shared => Estimator::Shared,
            EstimatorOption::Local => Estimator::Local,
            EstimatorOption::Flipout => Estimator::Flipout,
        };
        let net = Mlp::new(&sizes, self.activation.into(), noise);
        let (likelihood, prior) = (self.likelihood(columns), self.prior()?);
        let scale = self.posterior_scale;
        let directions = noise.stream(u64::MAX);
        BayesianNetwork::with_posteriors(net, likelihood, &prior, &kinds, scale, directions)
            .with_draws(self.step_draws)
            .with_estimator(estimator)
            .map_err(|error| CliError::Usage(format!("--estimator: {error}")))
    }
}
