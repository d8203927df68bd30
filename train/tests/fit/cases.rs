//! Every model, each with a problem that it can learn.

use evidence_autodiff::{Array, Noise, Parameters};
use evidence_layers::{
    ActNorm, Activation, Affine, AffineCoupling, AnyBijection, Chain, Columns, Estimator, LuLinear,
    Mlp, Planar, PosteriorKind as Kind, Prior, Radial, Spline, SplineCoupling, Split,
};
use evidence_models::yardsticks::DropoutNetwork;
use evidence_models::{
    Autoencoder, BayesianNetwork, ConditionalFlow, ConditionalVae, DenseNetwork, Flow, Iwae,
    Likelihood, Model, SemiSupervised, UNLABELLED, Vae,
};
use evidence_optim::{Adam, Optimizer};
use evidence_train::data::Dataset;
use evidence_train::{Fit, FitOptions, fit};
use ndarray::{Array2, Axis, s};

/// Rows and sizes of a problem.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub rows: usize,
    pub width: usize,
    pub hidden: usize,
}

/// For laws that hold whatever the size.
pub const SMALL: Sizes = Sizes { rows: 96, width: 6, hidden: 16 };

/// A law that every model obeys.
pub trait Law {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset);
}

/// Holds every model to a law.
pub fn each(sizes: Sizes, law: &impl Law) {
    let Sizes { rows, width, hidden } = sizes;
    let noise = Noise::new(11);
    let x = normal(rows, width, noise.stream(0));
    // A plane through the data, seen with a little noise.
    let slope = x.sum_axis(Axis(1)).insert_axis(Axis(1)) / (width as f64).sqrt();
    let target = &slope + 0.1 * normal(rows, 1, noise.stream(1));
    let side = slope.mapv(|y| f64::from(u8::from(y > 0.0)));
    let third = slope.mapv(|y| if y < -0.4 { 0.0 } else { f64::from(u8::from(y > 0.4)) + 1.0 });
    // Columns that follow two hidden ones: what an autoencoder or a flow can find.
    let mixed = normal(rows, 2, noise.stream(2)).dot(&normal(2, width, noise.stream(3)));
    let real = Dataset::new(&mixed + 0.1 * &x, None).unwrap();
    let pixels = Dataset::new(mixed.mapv(|y| f64::from(u8::from(y > 0.0))), None).unwrap();
    let with = |targets| Dataset::new(x.clone(), Some(targets)).unwrap();

    let (relu, tanh) = (Activation::Relu, Activation::Tanh);
    let (ends, weights) = ([width, hidden], noise.stream(4));
    let to = |outputs| [width, hidden, outputs];
    law.check(
        "dense, regression",
        dense(DenseNetwork::regression(&to(1), relu, weights)),
        &with(target.clone()),
    );
    law.check(
        "dense, binary",
        dense(DenseNetwork::binary(&to(1), relu, weights)),
        &with(side.clone()),
    );
    law.check(
        "dense, multi-class",
        dense(DenseNetwork::multi_class(&to(3), relu, weights)),
        &with(third.clone()),
    );
    let net = Mlp::new(&to(1), relu, weights);
    let bayesian = BayesianNetwork::<Array<f32>>::new(net, Likelihood::gaussian(0.0), 1.0, 0.05);
    law.check("Bayesian network", bayesian, &with(target.clone()));
    let count = slope.mapv(|y| (1.0 + y).max(0.0).round());
    for variant in variants() {
        let targets = match variant.likelihood {
            Likelihood::Bernoulli => &side,
            Likelihood::Categorical => &third,
            Likelihood::Poisson => &count,
            _ => &target,
        };
        law.check(variant.name, variant.model(&ends, weights), &with(targets.clone()));
    }
    let dropout = |rate| {
        let net = Mlp::<Array<f32>>::new(&to(1), relu, weights);
        DropoutNetwork::new(net, Likelihood::gaussian(0.0), rate)
    };
    law.check("MC dropout", dropout(0.2), &with(target));
    let latents = [ends[0], ends[1], 2];
    let gaussian = || Likelihood::gaussian(0.0);
    law.check(
        "autoencoder",
        Autoencoder::<Array<f32>>::new(&latents, tanh, gaussian(), weights),
        &real,
    );
    law.check(
        "autoencoder, tied",
        Autoencoder::<Array<f32>>::new(&latents, tanh, gaussian(), weights)
            .with_tied_weights()
            .unwrap(),
        &real,
    );
    law.check("VAE, Gaussian", Vae::<Array<f32>>::new(&latents, relu, gaussian(), weights), &real);
    law.check(
        "VAE, Bernoulli",
        Vae::<Array<f32>>::new(&latents, relu, Likelihood::Bernoulli, weights),
        &pixels,
    );
    let vae = |likelihood| Vae::<Array<f32>>::new(&latents, tanh, likelihood, weights);
    law.check("IWAE, Gaussian", Iwae::new(vae(gaussian()), 3), &real);
    law.check("IWAE, Bernoulli", Iwae::new(vae(Likelihood::Bernoulli), 3), &pixels);
    let flow: Flow<Chain<AffineCoupling<Array<f32>>>> =
        Flow::real_nvp(width, 3, &[hidden], weights).unwrap();
    law.check("flow", flow, &real);
}

/// Holds to a law the models that [`each`] leaves out: of images, of labels in part, and flows of other layers. The rows are images of
/// 8 × 8.
pub fn others(sizes: Sizes, law: &impl Law) {
    let Sizes { rows, width, hidden } = sizes;
    let noise = Noise::new(12);
    let mixed = normal(rows, 2, noise.stream(0)).dot(&normal(2, width, noise.stream(1)));
    let pixels = mixed.mapv(|y| f64::from(u8::from(y > 0.0)));
    let class = mixed.slice(s![.., ..1]).mapv(|y| f64::from(u8::from(y > 0.0)));
    let mut known = class.clone();
    known.slice_mut(s![..;2, ..]).fill(UNLABELLED);
    let of = |targets: &Array2<f64>| Dataset::new(pixels.clone(), Some(targets.clone())).unwrap();
    let images = Dataset::new(pixels.clone(), None).unwrap();
    let real = mixed + 0.1 * normal(rows, width, noise.stream(2));
    let real_rows = Dataset::new(real.clone(), None).unwrap();
    let (relu, weights, latents) = (Activation::Relu, noise.stream(3), [width, hidden, 2]);
    let bernoulli = || Likelihood::<Array<f32>>::Bernoulli;

    let vae = ConditionalVae::new(&latents, 2, relu, bernoulli(), weights);
    law.check("conditional VAE", vae, &of(&class));
    let m2 = SemiSupervised::new(&latents, 2, relu, bernoulli(), (0.5, 0.1), weights);
    law.check("M2", m2, &of(&known));
    let image = [8, 8, width / 64];
    let vae = Vae::convolutional(image, &[8], &[32, 2], relu, bernoulli(), weights);
    law.check("convolutional VAE", vae.unwrap(), &images);
    let autoencoder = Autoencoder::convolutional(image, &[8], &[32, 2], relu, bernoulli(), weights);
    law.check("convolutional autoencoder", autoencoder.unwrap(), &images);

    let spline = Spline::new(5, 4.0).unwrap();
    let flow = Flow::<Chain<SplineCoupling<Array<f32>>>>::neural_spline(
        width,
        2,
        spline,
        &[hidden],
        weights,
    );
    law.check("spline flow", flow.unwrap(), &real_rows);
    let maf = Flow::<Chain<AnyBijection<Array<f32>>>>::maf(width, 2, &[hidden], weights);
    law.check("MAF", maf.unwrap(), &real_rows);
    let layers: Vec<AnyBijection<Array<f32>>> = vec![
        ActNorm::new(width).into(),
        LuLinear::random(width, weights).into(),
        Planar::new(width, weights).into(),
        Radial::new(width, weights).into(),
        AffineCoupling::new(width, Split::First, &[hidden], weights).unwrap().into(),
    ];
    law.check("flow of different layers", Flow::new(Chain(layers)), &real_rows);
    let columns = Columns { width, context: width };
    let given = AffineCoupling::with(Affine::default(), columns, Split::First, &[hidden], weights);
    let chain: Chain<AnyBijection<Array<f32>>> = Chain(vec![given.unwrap().into()]);
    let rows = Dataset::new(pixels.clone(), Some(real)).unwrap();
    law.check("conditional flow", ConditionalFlow(Flow::new(chain)), &rows);
}

/// A kind of Bayesian network of two layers.
struct Variant {
    name: &'static str,
    kinds: [Kind; 2],
    prior: Prior<Array<f32>>,
    likelihood: Likelihood<Array<f32>>,
    estimator: Estimator,
    draws: usize,
}

impl Variant {
    fn model(&self, &[width, hidden]: &[usize; 2], noise: Noise) -> BayesianNetwork<Array<f32>> {
        let Self { kinds, prior, likelihood, estimator, draws, .. } = self;
        let outputs = likelihood.outputs(1, Some(3));
        let net = Mlp::new(&[width, hidden, outputs], Activation::Relu, noise);
        let model =
            BayesianNetwork::with_posteriors(net, likelihood.clone(), prior, kinds, 0.05, noise);
        model.with_draws(*draws).with_estimator(*estimator).unwrap()
    }
}

/// Every posterior, prior, estimator and likelihood, each in one row at least.
fn variants() -> [Variant; 7] {
    use Estimator::{Flipout, Local, Shared};
    let row = |name, kinds, prior: Result<_, _>, likelihood, estimator, draws| {
        let prior = prior.unwrap();
        Variant { name, kinds, prior, likelihood, estimator, draws }
    };
    let (mean_field, low_rank) = ([Kind::MeanField; 2], [Kind::LowRank(2); 2]);
    let known = Likelihood::known_gaussian(0.2);
    let student = Likelihood::student_t(4.0, 0.0);
    [
        row("local, learned", mean_field, Prior::learned(1.0), Likelihood::Categorical, Local, 1),
        row("Flipout, Laplace", mean_field, Prior::laplace(0.5), student, Flipout, 1),
        row("low rank", low_rank, Prior::normal(1.0), Likelihood::PredictedGaussian, Local, 2),
        row("low rank, Flipout", low_rank, Prior::horseshoe(0.3), Likelihood::Poisson, Flipout, 1),
        row(
            "full covariance",
            [Kind::PointMass, Kind::FullCovariance],
            mixture(),
            known,
            Shared,
            1,
        ),
        row("horseshoe", mean_field, Prior::horseshoe(0.5), Likelihood::gaussian(0.0), Shared, 2),
        row("two normals", mean_field, mixture(), Likelihood::Bernoulli, Local, 1),
    ]
}

fn mixture() -> Result<Prior<Array<f32>>, evidence_layers::PriorError> {
    Prior::two_normals(0.5, 1.0, 0.1)
}

fn dense(model: DenseNetwork<Array<f32>>) -> DenseNetwork<Array<f32>> {
    model
}

pub fn normal(rows: usize, columns: usize, noise: Noise) -> Array2<f64> {
    let mut array = Array2::zeros((rows, columns));
    noise.fill_normal_f64(array.as_slice_mut().unwrap());
    array
}

/// Fits with Adam at the rate of 0.01.
pub fn run<M: Model<f32> + Clone>(model: &M, data: &Dataset, options: &FitOptions) -> Fit<M> {
    run_with(&mut Adam::new(0.01).unwrap(), model, data, None, options)
}

/// Fits with an optimiser and a validation set.
pub fn run_with<M: Model<f32> + Clone>(
    optimizer: &mut impl Optimizer<f32>,
    model: &M,
    data: &Dataset,
    validation: Option<&Dataset>,
    options: &FitOptions,
) -> Fit<M> {
    let mut reported = Vec::new();
    let fitted = fit(model.clone(), data, validation, optimizer, options, |epoch| {
        reported.push(epoch.clone());
    })
    .unwrap();
    assert_eq!(reported, fitted.history, "every epoch is reported once, in order");
    assert!(fitted.history.iter().map(|epoch| epoch.number).eq(1..=fitted.history.len()));
    fitted
}

/// The bits of every parameter, by name.
pub fn bits<M: Model<f32>>(model: &M) -> Vec<(String, Vec<u32>)> {
    let leaves = model.named().into_iter();
    leaves.map(|(name, leaf)| (name, leaf.iter().map(|x| x.to_bits()).collect())).collect()
}
