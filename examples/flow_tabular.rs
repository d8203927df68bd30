//! Flows of a table: the log-density of all its columns together, by a Gaussian with a full covariance, RealNVP, and splines.
//!
//! Columns of whole numbers are left out, the wines' grades among them: they have no density. Ever narrower peaks on them score ever
//! better, without bound, and tell nothing of the data; splines have the narrowest. With noise added (dequantised, as in `flow_digits`)
//! they could stay. Measurements are rounded too, and 240 of the red wines repeat an earlier one: such ties flatter splines a little as
//! well. Constant columns have no density either.
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
use ndarray::Array2;
use std::num::NonZero;
use std::path::PathBuf;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--splits"])?;
    let table = table(arguments.get("--data")?)?;
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

/// The columns of a file, or of the red wine, that have a density.
fn table(path: Option<PathBuf>) -> Result<Array2<f64>, Failure> {
    let columns: Vec<(String, Vec<f64>)> = match path {
        Some(path) => {
            let frame = read(&path, &ReadOptions::default())?;
            let numbers = frame.columns().iter().map(|column| match column {
                Column::Numbers(numbers) => numbers.clone(),
                Column::Text(_) => Vec::new(),
            });
            frame.names().iter().cloned().zip(numbers).collect()
        }
        None => {
            let wine = red_wine();
            let numbers = wine.features().columns().into_iter().map(|column| column.to_vec());
            wine.feature_names().iter().cloned().zip(numbers).collect()
        }
    };
    let (kept, left_out): (Vec<_>, Vec<_>) =
        columns.into_iter().partition(|(_, numbers)| has_density(numbers));
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|(name, _)| name.as_str()).collect();
        println!("left out, as text, constant or whole numbers: {}", names.join(", "));
    }
    let [(_, first), _, ..] = &kept[..] else {
        return Err("flows of a table take at least two columns that have a density".into());
    };
    Ok(Array2::from_shape_fn((first.len(), kept.len()), |(row, column)| kept[column].1[row]))
}

/// Whether a column is neither constant nor whole numbers alone.
fn has_density(numbers: &[f64]) -> bool {
    numbers.iter().any(|x| x.fract() != 0.0) && numbers.iter().any(|&x| x != numbers[0])
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
    let fitted = fit::<f32, _>(model, &training?, Some(&validation?), &mut adam, &options, |_| {})?
        .into_result()?;
    Ok(-evaluate::<f32, _>(&fitted.model, &test?, Noise::new(0)))
}
