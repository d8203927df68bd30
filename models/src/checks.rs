//! The check table of models: the gradient of every objective with respect to every parameter.

use crate::yardsticks::DropoutNetwork;
use crate::{
    AnyBase, Autoencoder, Batch, BayesianNetwork, ConditionalFlow, Corruption, DenseNetwork, Flow,
    Iwae, Likelihood, Normal, NormalMixture, Potential, StandardNormal, StudentT, Vae,
};
use evidence_autodiff::check::{Check, Function, Input};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tree, Var, function};
use evidence_layers::{
    Activation, AffineCoupling, AnyBijection, Chain, Columns, Estimator, LuLinear, Mlp, Planar,
    PosteriorKind, Prior, Radial, Spline, SplineCoupling, Split,
};
use ndarray::ArrayD;

/// A row: the gradient of a model's loss with respect to its inputs, targets and parameters.
macro_rules! objective {
    ($table:ident, $check:ident, $name:expr, $type:ty, $model:expr, $width:expr, $targets:expr) => {{
        struct ModelLoss($type, Option<ArrayD<f64>>);
        impl Function for ModelLoss {
            fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
                let tape = inputs[0].tape();
                let mut leaves = inputs[1..].iter();
                let model = self.0.map(&Path::root(), &mut |_, _| {
                    *leaves.next().expect("an input for each leaf")
                });
                let targets = self.1.as_ref().map(|y| tape.constant(y.mapv(T::from_f64)));
                model.loss(&Batch::new(inputs[0], targets, 20), Noise::new(5)).total
            }
        }
        let model: $type = $model;
        let mut inputs = vec![Input::between(&[4, $width], 0.05, 0.95)];
        inputs
            .extend(model.named().iter().map(|(_, leaf)| Input::between(leaf.shape(), -0.8, 0.8)));
        $table.push(Check::$check($name, inputs, ModelLoss(model, $targets)));
    }};
}

// Behind the macro, which it uses.
mod vaes;

/// The rows of the table: every model's objective.
pub fn checks() -> Vec<Check> {
    let mut table = Vec::new();
    let noise = Noise::new(0);
    let column =
        |values: [f64; 4]| Some(ndarray::arr1(&values).insert_axis(ndarray::Axis(1)).into_dyn());
    let (real, binary, label) =
        (column([0.3, -1.0, 2.0, 0.1]), column([0.0, 1.0, 1.0, 0.0]), column([2.0, 0.0, 1.0, 2.0]));
    type P = Array<f64>;
    objective!(
        table,
        gradient,
        "DenseNetwork, regression",
        DenseNetwork<P>,
        DenseNetwork::regression(&[3, 4, 1], Activation::Tanh, noise),
        3,
        real.clone()
    );
    objective!(
        table,
        gradient,
        "DenseNetwork, binary",
        DenseNetwork<P>,
        DenseNetwork::binary(&[3, 4, 1], Activation::Tanh, noise),
        3,
        binary
    );
    objective!(
        table,
        gradient,
        "DenseNetwork, multi-class",
        DenseNetwork<P>,
        DenseNetwork::multi_class(&[3, 4, 3], Activation::Tanh, noise),
        3,
        label
    );
    objective!(
        table,
        stochastic_gradient,
        "BayesianNetwork, ELBO",
        BayesianNetwork<P>,
        BayesianNetwork::new(
            Mlp::new(&[3, 4, 1], Activation::Tanh, noise),
            Likelihood::gaussian(0.0),
            0.8,
            0.1
        ),
        3,
        real.clone()
    );
    objective!(
        table,
        stochastic_gradient,
        "BayesianNetwork, every kind of layer, predicted noise, 2 draws",
        BayesianNetwork<P>,
        BayesianNetwork::with_posteriors(
            Mlp::new(&[3, 3, 3, 2], Activation::Tanh, noise),
            Likelihood::PredictedGaussian,
            &Prior::learned(0.8).expect("a positive scale"),
            &[PosteriorKind::LowRank(1), PosteriorKind::FullCovariance, PosteriorKind::PointMass],
            0.1,
            noise
        )
        .with_draws(2),
        3,
        real.clone()
    );
    objective!(
        table,
        stochastic_gradient,
        "BayesianNetwork, Student's t, Flipout, two normals",
        BayesianNetwork<P>,
        BayesianNetwork::with_posteriors(
            Mlp::new(&[3, 4, 1], Activation::Tanh, noise),
            Likelihood::student_t(4.0, -0.3),
            &Prior::two_normals(0.4, 1.0, 0.2).expect("sound scales"),
            &[PosteriorKind::MeanField; 2],
            0.1,
            noise
        )
        .with_estimator(Estimator::Flipout)
        .expect("a mean field admits it"),
        3,
        real.clone()
    );
    objective!(
        table,
        stochastic_gradient,
        "DropoutNetwork, Poisson",
        DropoutNetwork<P>,
        DropoutNetwork::new(
            Mlp::new(&[3, 4, 1], Activation::Tanh, noise),
            Likelihood::Poisson,
            0.3
        ),
        3,
        column([0.0, 3.0, 1.0, 7.0])
    );
    objective!(
        table,
        gradient,
        "Autoencoder",
        Autoencoder<P>,
        Autoencoder::new(&[5, 4, 2], Activation::Tanh, Likelihood::gaussian(0.0), noise),
        5,
        None
    );
    let tied = |likelihood| {
        Autoencoder::new(&[5, 4, 2], Activation::Tanh, likelihood, noise)
            .with_tied_weights()
            .expect("one output a column")
    };
    objective!(
        table,
        gradient,
        "Autoencoder, tied weights",
        Autoencoder<P>,
        tied(Likelihood::gaussian(0.0)),
        5,
        None
    );
    objective!(
        table,
        stochastic_gradient,
        "Autoencoder, tied weights, denoising",
        Autoencoder<P>,
        tied(Likelihood::Bernoulli)
            .with_corruption(Corruption::Gaussian { scale: 0.3 })
            .expect("a scale"),
        5,
        None
    );
    objective!(
        table,
        stochastic_gradient,
        "Vae, Gaussian, ELBO",
        Vae<P>,
        Vae::new(&[5, 4, 2], Activation::Tanh, Likelihood::gaussian(0.0), noise),
        5,
        None
    );
    objective!(
        table,
        stochastic_gradient,
        "Vae, Bernoulli, ELBO",
        Vae<P>,
        Vae::new(&[5, 4, 2], Activation::Tanh, Likelihood::Bernoulli, noise),
        5,
        None
    );
    objective!(
        table,
        stochastic_gradient,
        "Iwae, Gaussian, bound of 3 draws",
        Iwae<P>,
        Iwae::new(Vae::new(&[5, 4, 3, 2], Activation::Tanh, Likelihood::gaussian(0.0), noise), 3),
        5,
        None
    );
    objective!(
        table,
        stochastic_gradient,
        "Iwae, Bernoulli, bound of 3 draws",
        Iwae<P>,
        Iwae::new(Vae::new(&[5, 4, 3, 2], Activation::Tanh, Likelihood::Bernoulli, noise), 3),
        5,
        None
    );
    objective!(
        table,
        gradient,
        "Flow, RealNVP, log-density",
        Flow<Chain<AffineCoupling<P>>>,
        Flow::real_nvp(5, 3, &[6], noise).expect("wide enough"),
        5,
        None
    );
    vaes::rows(&mut table);
    flows(&mut table);
    table
}

/// Flows of other kinds and from other bases, and the potentials.
fn flows(table: &mut Vec<Check>) {
    type P = Array<f64>;
    let noise = Noise::new(0);
    objective!(
        table,
        gradient,
        "Flow, MAF, log-density",
        Flow<Chain<AnyBijection<P>>>,
        Flow::maf(3, 2, &[6], noise).expect("there are columns"),
        3,
        None
    );
    let bases: [(&str, AnyBase<P>); 3] = [
        ("normal", Normal::standard(3).into()),
        ("mixture", NormalMixture::new(2, 3, noise).expect("two").into()),
        ("Student-t", StudentT::new(4.0).expect("positive").into()),
    ];
    for (name, base) in bases {
        let bijection = Flow::maf(3, 1, &[6], noise).expect("there are columns").bijection;
        objective!(
            table,
            gradient,
            format!("Flow from a base: {name}"),
            Flow<Chain<AnyBijection<P>>, AnyBase<P>>,
            Flow { bijection, base },
            3,
            None
        );
    }
    reverse_kls(table);
    let columns = Columns { width: 2, context: 3 };
    let spline = Spline::new(4, 3.0).expect("there are bins");
    let coupling =
        SplineCoupling::with(spline, columns, Split::First, &[5], noise).expect("wide enough");
    let targets = ndarray::arr2(&[[0.3, -0.4], [1.0, 0.2], [-0.7, 0.6], [0.1, 0.1]]).into_dyn();
    objective!(
        table,
        gradient,
        "ConditionalFlow, splines",
        ConditionalFlow<Chain<AnyBijection<P>>>,
        ConditionalFlow(Flow::new(Chain(vec![coupling.into()]))),
        3,
        Some(targets.clone())
    );
    table.push(Check::gradient(
        "Potential, ring",
        [Input::any(&[4, 2])],
        function!(|x| Potential::Ring.log_density(x)),
    ));
    table.push(Check::gradient(
        "Potential, wave",
        [Input::any(&[4, 2])],
        function!(|x| Potential::Wave.log_density(x)),
    ));
    table.push(Check::gradient(
        "Potential, parting",
        [Input::any(&[4, 2])],
        function!(|x| Potential::Parting.log_density(x)),
    ));
    table.push(Check::gradient(
        "Potential, fork",
        [Input::any(&[4, 2])],
        function!(|x| Potential::Fork.log_density(x)),
    ));
}

type AnyFlow = Flow<Chain<AnyBijection<Array<f64>>>, AnyBase<Array<f64>>>;

/// The reverse KL of a flow to a potential, from the same draws of the base every time, as a function of all parameters.
struct ReverseKl(AnyFlow, Potential);

impl Function for ReverseKl {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let mut leaves = inputs.iter();
        let flow =
            self.0.map(&Path::root(), &mut |_, _| *leaves.next().expect("an input for each leaf"));
        let target = |x| self.1.log_density(x);
        flow.reverse_kl(inputs[0].tape(), (4, 2), target, Noise::new(6))
    }
}

/// Reverse KLs: flows of several kinds, from several bases, to each of the potentials.
fn reverse_kls(table: &mut Vec<Check>) {
    let noise = Noise::new(0);
    let spline = Spline::new(4, 3.0).expect("there are bins");
    let splines =
        |split| SplineCoupling::with(spline, 2, split, &[5], noise).expect("wide enough").into();
    let affine = |split| AffineCoupling::new(2, split, &[5], noise).expect("wide enough").into();
    let maf = Flow::maf(2, 2, &[5], noise).expect("there are columns").bijection;
    let whole = vec![
        Planar::new(2, noise).into(),
        Radial::new(2, noise).into(),
        LuLinear::random(2, noise).into(),
    ];
    let mixture = NormalMixture::new(2, 2, noise).expect("two");
    let of = |bijections, base| Flow { bijection: Chain(bijections), base };
    let flows: [(&str, AnyFlow, Potential); 5] = [
        (
            "splines",
            of(vec![splines(Split::First), splines(Split::Second)], StandardNormal.into()),
            Potential::Ring,
        ),
        ("MAF from a normal", of(maf.0, Normal::standard(2).into()), Potential::Wave),
        ("planar, radial and linear", of(whole, StandardNormal.into()), Potential::Parting),
        (
            "couplings from a mixture",
            of(vec![affine(Split::First), affine(Split::Second)], mixture.into()),
            Potential::Fork,
        ),
        (
            "couplings from Student-t",
            of(
                vec![affine(Split::First), affine(Split::Second)],
                StudentT::new(4.0).expect("positive").into(),
            ),
            Potential::Wave,
        ),
    ];
    for (name, flow, potential) in flows {
        let leaf = |(_, leaf): &(String, Array<f64>)| Input::between(leaf.shape(), -0.2, 0.2);
        let inputs: Vec<Input> = flow.named().iter().map(leaf).collect();
        let name = format!("Flow, reverse KL: {name} to {}", potential.name());
        table.push(Check::stochastic_gradient(name, inputs, ReverseKl(flow, potential)));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_check_passes() {
        for check in super::checks() {
            let outcome = check.run();
            assert!(outcome.passed(), "{}: {outcome}", check.name());
        }
    }
}
