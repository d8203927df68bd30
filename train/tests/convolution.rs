//! A convolutional network as a whole, on the embedded digits: an autoencoder whose layers are of every kind that has a mode.
//! Its gradient, its training, its running averages through a training that is cut and resumed.

use evidence_autodiff::check::{Function, check_gradient};
use evidence_autodiff::kernels::threads::with_threads;
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tape, Tree, Var, Window};
use evidence_layers::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dense, Dropout, Init, LayerNorm, Statistics,
};
use evidence_models::{Batch, Learned, Loss, Model, Rows};
use evidence_optim::Adam;
use evidence_train::data::{DIGITS_MAX, Dataset, digits};
use evidence_train::{Event, FitOptions, Snapshot, Trainer, evaluate, fit};
use ndarray::{ArrayD, s};

/// From 8 × 8 pixels through 4 channels of 4 × 4 to a few latents, and back to the pixels' logits.
#[derive(Clone)]
struct Autoencoder<P> {
    narrow: Conv2d<P>,
    norm: BatchNorm<P>,
    encode: Dense<P>,
    decode: Dense<P>,
    rows: LayerNorm<P>,
    dropout: Dropout,
    widen: ConvTranspose2d<P>,
}

const CHANNELS: usize = 4;
const MAP: usize = CHANNELS * 4 * 4;

impl<T: Real> Autoencoder<Array<T>> {
    fn new(latents: usize, noise: Noise) -> Self {
        let (window, init) = (Window { stride: 2, padding: 1 }, Init::Glorot);
        Self {
            narrow: Conv2d::new(1, CHANNELS, 4, window, init, noise.stream(0)),
            norm: BatchNorm::new(CHANNELS),
            encode: Dense::new(MAP, latents, init, noise.stream(1)),
            decode: Dense::new(latents, MAP, init, noise.stream(2)),
            rows: LayerNorm::new(MAP),
            dropout: Dropout::new(0.05).unwrap(),
            widen: ConvTranspose2d::new(CHANNELS, 1, 4, window, init, noise.stream(3)),
        }
    }
}

impl<P> Tree<P> for Autoencoder<P> {
    type With<Q> = Autoencoder<Q>;

    fn map<Q>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &P) -> Q) -> Autoencoder<Q> {
        Autoencoder {
            narrow: self.narrow.map(&path.field("narrow"), f),
            norm: self.norm.map(&path.field("norm"), f),
            encode: self.encode.map(&path.field("encode"), f),
            decode: self.decode.map(&path.field("decode"), f),
            rows: self.rows.map(&path.field("rows"), f),
            dropout: self.dropout,
            widen: self.widen.map(&path.field("widen"), f),
        }
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut P>) {
        let Self { narrow, norm, encode, decode, rows, dropout: _, widen } = self;
        narrow.leaves_mut(out);
        norm.leaves_mut(out);
        encode.leaves_mut(out);
        decode.leaves_mut(out);
        rows.leaves_mut(out);
        widen.leaves_mut(out);
    }
}

impl<'t, T: Real> Autoencoder<Var<'t, T>> {
    fn training(&self, pixels: Var<'t, T>, noise: Noise) -> (Var<'t, T>, Statistics<T>) {
        let (maps, statistics) = self.norm.forward_training(self.maps(pixels));
        let maps = self.dropout.forward_training(self.through(maps), noise);
        (self.logits(maps), statistics)
    }

    fn evaluation(&self, pixels: Var<'t, T>) -> Var<'t, T> {
        let maps = self.norm.forward_evaluation(self.maps(pixels));
        self.logits(self.dropout.forward_evaluation(self.through(maps)))
    }

    fn maps(&self, pixels: Var<'t, T>) -> Var<'t, T> {
        let images = pixels.reshape(&[pixels.size(0), 8, 8, 1]);
        self.narrow.forward(images, Activation::Softplus)
    }

    fn through(&self, maps: Var<'t, T>) -> Var<'t, T> {
        let rows = maps.reshape(&[maps.size(0), MAP]);
        let latents = self.encode.forward(rows, Activation::Identity);
        self.rows.forward(self.decode.forward(latents, Activation::Identity)).softplus()
    }

    fn logits(&self, maps: Var<'t, T>) -> Var<'t, T> {
        let maps = maps.reshape(&[maps.size(0), 4, 4, CHANNELS]);
        self.widen.forward(maps, Activation::Identity).reshape(&[maps.size(0), 64])
    }

    fn negative_log_likelihood(logits: Var<'t, T>, pixels: Var<'t, T>) -> Var<'t, T> {
        -logits.bernoulli_log_prob(pixels).mean(..)
    }
}

impl<T: Real> Model<T> for Autoencoder<Array<T>> {
    /// Rows are normalised by each other.
    const SHARDED: bool = false;

    fn loss<'t>(
        bound: &Autoencoder<Var<'t, T>>,
        batch: &Batch<'t, T>,
        noise: Noise,
    ) -> Loss<'t, T> {
        let (logits, _) = bound.training(batch.inputs, noise);
        let total = Autoencoder::negative_log_likelihood(logits, batch.inputs);
        Loss { total, parts: Vec::new() }
    }

    fn validation<'t>(
        bound: &Autoencoder<Var<'t, T>>,
        batch: &Batch<'t, T>,
        _: Noise,
    ) -> Var<'t, T> {
        Autoencoder::negative_log_likelihood(bound.evaluation(batch.inputs), batch.inputs)
    }

    fn observe(
        &self,
        tape: &mut Tape<T>,
        rows: Rows<'_, T>,
        noise: Noise,
    ) -> Option<Learned<Self>> {
        let (_, statistics) = self.bind_constant(tape).training(tape.constant(rows.inputs), noise);
        tape.reset();
        Some(Box::new(|model| model.norm.learn(statistics)))
    }
}

fn pixels(rows: std::ops::Range<usize>) -> Dataset {
    let images = digits().features().slice(s![rows, ..]).mapv(|ink| ink / DIGITS_MAX);
    Dataset::new(images, None).unwrap()
}

fn bits(model: &Autoencoder<Array<f32>>) -> Vec<(String, Vec<u32>)> {
    let leaves = model.named().into_iter();
    leaves.map(|(name, leaf)| (name, leaf.iter().map(|x| x.to_bits()).collect())).collect()
}

/// The training loss of pixels and every leaf.
struct Whole(Autoencoder<Array<f64>>);

impl Function for Whole {
    fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
        let mut leaves = inputs[1..].iter();
        let bound = self.0.map(&Path::root(), &mut |_, _| *leaves.next().unwrap());
        let (logits, _) = bound.training(inputs[0], Noise::new(5));
        Autoencoder::negative_log_likelihood(logits, inputs[0])
    }
}

#[test]
fn the_gradient_of_the_whole_network_is_right() {
    let model = Autoencoder::<Array<f64>>::new(2, Noise::new(1));
    let images = pixels(0..3).features().mapv(|x| 0.1 + 0.8 * x).into_dyn();
    let leaves = model.named().into_iter().map(|(_, leaf)| leaf.into_owned());
    let inputs: Vec<ArrayD<f64>> = [images].into_iter().chain(leaves).collect();
    let report = check_gradient(&Whole(model), &inputs).unwrap_or_else(|error| panic!("{error}"));
    for op in ["conv2d", "conv_transpose2d"] {
        assert!(report.ops.contains(op), "{:?}", report.ops);
    }
}

const OPTIONS: FitOptions = FitOptions {
    epochs: 4,
    batch: 50,
    patience: None,
    seed: 3,
    schedule: evidence_train::Schedule::Constant,
    warm_up: 0,
    clip: None,
};

#[test]
fn it_learns_with_the_same_bits_on_any_number_of_threads() {
    let (training, held_out) = (pixels(0..400), pixels(400..500));
    let start = Autoencoder::<Array<f32>>::new(8, Noise::new(1));
    let options = FitOptions { epochs: 15, batch: 25, ..OPTIONS };
    let run = |threads| {
        with_threads(threads, || {
            let mut adam = Adam::new(1e-2).unwrap();
            fit(start.clone(), &training, Some(&held_out), &mut adam, &options, |_| {}).unwrap()
        })
    };
    let fitted = run(1);
    let losses: Vec<f64> = fitted.history.iter().map(|epoch| epoch.loss).collect();
    assert!(losses[14] < losses[3] && losses[3] < losses[0], "{losses:?}");
    // In evaluation, which sees the running averages alone, it beats a network that gives every pixel its mean.
    let loss = evaluate(&fitted.model, &held_out, Noise::new(2));
    let mean = training.features().mean_axis(ndarray::Axis(0)).unwrap();
    let entropy = |x: &f64, p: f64| {
        let p = p.clamp(1e-3, 1.0 - 1e-3);
        -(x * p.ln() + (1.0 - x) * (1.0 - p).ln())
    };
    let by_mean: f64 =
        held_out.features().indexed_iter().map(|((_, j), x)| entropy(x, mean[j])).sum();
    assert!(loss < by_mean / held_out.rows() as f64, "{loss} and {by_mean}");
    let other = run(3);
    assert_eq!(other.history, fitted.history);
    assert!(bits(&other.model) == bits(&fitted.model));
}

/// With weight decay, which reaches every leaf that an optimiser has.
#[test]
fn a_resumed_training_has_the_same_running_averages_and_no_optimiser_moves_them() {
    let training = pixels(0..200);
    let start = Autoencoder::<Array<f32>>::new(4, Noise::new(1));
    let adam = |decay| Adam::new(1e-2).unwrap().weight_decay(decay).unwrap();
    let finish = |trainer: &mut Trainer<'_, f32, Autoencoder<Array<f32>>, Adam<f32>>| {
        while !matches!(trainer.advance(), Event::Stop(_)) {}
        trainer.model().clone()
    };
    let mut optimizer = adam(0.1);
    let mut trainer =
        Trainer::new(start.clone(), &training, None, &mut optimizer, OPTIONS).unwrap();
    // One step: the averages are of the start's parameters, whatever the decay.
    trainer.advance();
    let first = trainer.model().norm.clone();
    let mut plain = adam(0.0);
    let mut without = Trainer::new(start.clone(), &training, None, &mut plain, OPTIONS).unwrap();
    without.advance();
    assert_eq!(first.running_mean, without.model().norm.running_mean);
    assert_eq!(first.running_variance, without.model().norm.running_variance);
    assert_ne!(first.running_mean, start.norm.running_mean);
    assert_ne!(first.scale, without.model().norm.scale);

    let mut snapshot = Snapshot::new();
    trainer.snapshot(&mut snapshot);
    assert!(snapshot.model.iter().any(|(name, _)| name == "norm.running_variance"));
    let uncut = finish(&mut trainer);
    let mut optimizer = adam(0.1);
    let mut resumed = Trainer::new(start, &training, None, &mut optimizer, OPTIONS).unwrap();
    resumed.restore(&snapshot).unwrap();
    assert!(bits(&finish(&mut resumed)) == bits(&uncut));
    assert_ne!(first.running_mean, uncut.norm.running_mean);
}
