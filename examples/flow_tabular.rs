//! Flows of a table: the log-density of all its columns together, by a Gaussian with a full covariance, RealNVP, and splines.
//!
//! `cargo run --release --example flow_tabular` takes the red wine that comes with the program;
//! `-- --data FILE [--splits N]` any table of numbers.

mod command_line;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::layers::{
    ActNorm, AnyBijection, Chain, LuLinear, Permutation, Spline, SplineCoupling, Split,
};
use evidence::models::{Flow, Model};
use evidence::optim::Adam;
use evidence::train::data::{
    Column, Dataset, ReadOptions, Split as Rows, Standardize, read, red_wine,
};
use evidence::train::{FitOptions, Schedule, evaluate, fit};
use evidence::{Array, Noise};
use ndarray::{Array2, Axis, concatenate};
use std::num::NonZero;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--splits"])?;
    let table = match arguments.get::<PathBuf>("--data")? {
        Some(path) => numbers(&path)?,
        None => {
            let wine = red_wine();
            concatenate(
                Axis(1),
                &[wine.features().view(), wine.targets().expect("the wine has points").view()],
            )?
        }
    };
    let splits = arguments.get("--splits")?.map_or(1, NonZero::get);
    with_threads(0, || {
        println!(
            "{} rows of {} columns, standardised; test log-density in nats a row",
            table.nrows(),
            table.ncols()
        );
        let mut sums = [0.0; 3];
        for split in 0..splits {
            let scores = compare(&table, Noise::new(split))?;
            println!(
                "split {split}: Gaussian {:.3}, RealNVP {:.3}, splines {:.3}",
                scores[0], scores[1], scores[2]
            );
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score / splits as f64);
        }
        println!(
            "mean:    Gaussian {:.3}, RealNVP {:.3}, splines {:.3}",
            sums[0], sums[1], sums[2]
        );
        Ok(())
    })
}

/// The columns of a file that are numbers.
fn numbers(path: &Path) -> Result<Array2<f64>, Failure> {
    let frame = read(path, &ReadOptions::default())?;
    let columns = frame.columns().iter().filter_map(|column| match column {
        Column::Numbers(numbers) => Some(numbers.clone()),
        _ => None,
    });
    let columns: Vec<_> = columns
        .map(|numbers| Array2::from_shape_vec((numbers.len(), 1), numbers))
        .collect::<Result<_, _>>()?;
    let views: Vec<_> = columns.iter().map(|column| column.view()).collect();
    Ok(concatenate(Axis(1), &views)?)
}

/// Test log-densities on one split.
fn compare(table: &Array2<f64>, noise: Noise) -> Result<[f64; 3], Failure> {
    let split = Rows::by_fraction(table.nrows(), 0.8, 0.1, 0.1, &mut noise.rng())?;
    let scaling = Standardize::fit(table.view(), split.train())?;
    let all = Dataset::new(scaling.transform(table.view()), None)?;
    let d = table.ncols();
    // A matrix and a scale make a Gaussian with any covariance.
    let gaussian: Vec<AnyBijection<Array<f32>>> =
        vec![LuLinear::new(Permutation::new((0..d).collect())?).into(), ActNorm::new(d).into()];
    let mut splines = Vec::<AnyBijection<Array<f32>>>::new();
    for i in 0..6 {
        let half = if i % 2 == 0 { Split::Even } else { Split::Odd };
        let noise = noise.stream(i);
        splines.push(SplineCoupling::with(Spline::new(8, 5.0)?, d, half, &[64, 64], noise)?.into());
        splines.push(LuLinear::random(d, noise).into());
    }
    Ok([
        test(Flow::new(Chain(gaussian)), &all, &split, 100)?,
        test(Flow::real_nvp(d, 8, &[64, 64], noise.stream(10))?, &all, &split, 100)?,
        test(Flow::new(Chain(splines)), &all, &split, 100)?,
    ])
}

/// The mean test log-density of a flow, fitted until the validation rows get no better.
fn test<M: Model<f32> + Clone>(
    model: M,
    all: &Dataset,
    split: &Rows,
    epochs: usize,
) -> Result<f64, Failure> {
    let [training, validation, test] =
        [split.train(), split.validation(), split.test()].map(|rows| all.select(rows));
    let options = FitOptions {
        epochs,
        batch: 256,
        patience: Some(15),
        schedule: Schedule::Cosine,
        ..FitOptions::default()
    };
    let mut adam = Adam::new(3e-3)?;
    let fitted = fit::<f32, _>(model, &training?, Some(&validation?), &mut adam, &options, |_| {})?;
    Ok(-evaluate::<f32, _>(&fitted.model, &test?, Noise::new(0)))
}
