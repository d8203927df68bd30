//! Two moons: a normalizing flow, beside the density it should find.

use super::{Entry, LectureError, LectureOptions, finished, progress};
use crate::plot::{Content, Grid, HeatMap, Labels, Panel, panels};
use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::{AffineCoupling, Bijection, Chain};
use evidence_models::Flow;
use evidence_optim::Adam;
use evidence_train::data::{Dataset, Density2d, Standardize, TwoMoons, two_moons};
use evidence_train::{FitOptions, Schedule, fit};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD};
use std::time::Instant;

const NOISE: f64 = 0.05;
const POINTS: usize = 20_000;
const COUPLINGS: usize = 8;
/// Points drawn in a plot.
const SHOWN: usize = 1_500;

type RealNvp = Flow<Chain<AffineCoupling<Array<f32>>>>;

/// A flow over standardised points, and back to the plane.
struct Fitted {
    flow: RealNvp,
    standardize: Standardize,
}

impl Fitted {
    /// log q(x) of points in the plane, in nats.
    fn log_prob(&self, points: ArrayView2<'_, f64>) -> Vec<f64> {
        let tape = Tape::new();
        let x = self.standardize.transform(points).mapv(|x| x as f32);
        let log_prob = self.flow.bind_constant(&tape).log_prob(tape.batch(x.view()));
        log_prob.data().iter().map(|&l| self.standardize.scale_log_density(f64::from(l))).collect()
    }
}

pub(super) fn run(options: &LectureOptions) -> Result<Entry, LectureError> {
    let noise = Noise::new(options.seed).stream(200);
    let training = two_moons(POINTS, NOISE, &mut noise.stream(0).rng())?;
    let test = two_moons(POINTS, NOISE, &mut noise.stream(1).rng())?;
    let rows: Vec<usize> = (0..training.rows()).collect();
    let standardize = Standardize::fit(training.features().view(), &rows)?;
    let standardised = Dataset::new(standardize.transform(training.features().view()), None)?;

    let start = Instant::now();
    let flow = Flow::real_nvp(2, COUPLINGS, &[64, 64], noise.stream(2))?;
    let fit_options = FitOptions {
        epochs: options.epochs(300),
        batch: 512,
        seed: options.seed,
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let bar = progress("flow, two moons", fit_options.epochs);
    let mut adam = Adam::new(2e-3)?;
    let fit = finished(
        "flow on two moons",
        fit(flow, &standardised, None, &mut adam, &fit_options, |e| bar.report(e))?,
    )?;
    let seconds = start.elapsed().as_secs_f64();
    let last = fit.history.last();
    let jacobian = standardize.scale_log_density(0.0);
    let objective = last.map_or(f64::NAN, |epoch| jacobian - epoch.loss);
    let mut parts: Vec<(String, f64)> = last
        .map_or(&[][..], |epoch| &epoch.parts)
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect();
    parts.push(("standardisation".to_owned(), jacobian));

    let fitted = Fitted { flow: fit.model, standardize };
    let truth = TwoMoons::new(NOISE)?;
    let log_q = fitted.log_prob(test.features().view());
    let log_p = truth.log_prob(test.features().view()).to_vec();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let nll = -mean(&log_q);
    let divergence = mean(&log_p.iter().zip(&log_q).map(|(p, q)| p - q).collect::<Vec<_>>());
    let entropy = truth.entropy();
    draw(&fitted, &truth, test.features().view(), options, noise.stream(3))?;
    Ok(Entry {
        model: format!("flow, {COUPLINGS} couplings"),
        data: format!("two moons, {POINTS} × 2"),
        objective,
        parts,
        metrics: vec![
            ("NLL".to_owned(), nll),
            ("true entropy".to_owned(), entropy),
            ("NLL above it".to_owned(), nll - entropy),
            ("KL(true ‖ flow)".to_owned(), divergence),
        ],
        seconds,
    })
}

fn draw(
    fitted: &Fitted,
    truth: &TwoMoons,
    test: ArrayView2<'_, f64>,
    options: &LectureOptions,
    noise: Noise,
) -> Result<(), LectureError> {
    let tape = Tape::new();
    let flow = fitted.flow.bind_constant(&tape);
    let plain = |x: ArrayViewD<'_, f32>| -> Array2<f64> {
        x.mapv(f64::from).into_dimensionality().expect("rows of two columns")
    };
    let samples =
        fitted.standardize.inverse(plain(flow.sample(&tape, (SHOWN, 2), noise).value()).view());
    let back = {
        let (shown, _) = test.split_at(ndarray::Axis(0), SHOWN.min(test.nrows()));
        let x = fitted.standardize.transform(shown).mapv(|x| x as f32);
        plain(flow.bijection.inverse(tape.batch(x.view())).0.value())
    };
    let grid = Grid { x: -1.5..2.5, y: -1.25..1.75, columns: 120, rows: 90 };
    let centres = grid.centres();
    let (q, p) = (Array1::from(fitted.log_prob(centres.view())), truth.log_prob(centres.view()));
    // One scale for both, down to where nothing can be told apart.
    let top = p.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let map = |values| {
        Content::Map(HeatMap {
            grid: &grid,
            values,
            unit: "log density (nats)",
            span: Some((top - 12.0, top)),
            points: None,
        })
    };
    let within = Some((grid.x.clone(), grid.y.clone()));
    let plane = |title| Labels { title, x: "x₁", y: "x₂" };
    let densities = [
        Panel { labels: plane("truth"), content: map(p.view()) },
        Panel { labels: plane("flow"), content: map(q.view()) },
    ];
    panels("Two moons: the density and what the flow made of it", &densities)?
        .save(options.folder.join("moons_density.svg"))?;
    let directions = [
        Panel {
            labels: plane("drawn from the flow"),
            content: Content::Points { points: samples.view(), within },
        },
        Panel {
            labels: Labels { title: "test points, pushed back to the base", x: "z₁", y: "z₂" },
            content: Content::Points { points: back.view(), within: None },
        },
    ];
    panels("Two moons: both directions of the flow", &directions)?
        .save(options.folder.join("moons_samples.svg"))?;
    Ok(())
}
