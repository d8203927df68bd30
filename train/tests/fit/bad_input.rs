//! Data that cannot be fitted are refused with a message, those that can have a defined result.

use crate::cases::{Law, SMALL, bits, each, normal, run};
use evidence_autodiff::{Array, Noise};
use evidence_layers::Activation;
use evidence_models::{DenseNetwork, Model};
use evidence_optim::Adam;
use evidence_train::data::{DataError, Dataset, Part, Split, Standardize, Table};
use evidence_train::{FitOptions, Stop, fit};
use ndarray::{Array2, Axis};

struct NoBatch;

impl Law for NoBatch {
    fn check<M: Model<f32> + Clone + Sync>(&self, name: &str, model: M, data: &Dataset) {
        let options = FitOptions { batch: 0, ..FitOptions::default() };
        let mut adam = Adam::new(0.01).unwrap();
        let error = fit(model, data, None, &mut adam, &options, |_| ()).map(|_| ()).unwrap_err();
        assert_eq!(error, DataError::ZeroBatch, "{name}");
        assert!(error.to_string().contains("batch size is 0: give at least 1"), "{error}");
    }
}

#[test]
fn a_batch_of_no_rows_is_refused() {
    each(SMALL, &NoBatch);
}

#[test]
fn tables_without_rows_or_columns_are_refused() {
    for (rows, columns) in [(0, 3), (3, 0), (0, 0)] {
        let empty = || Array2::<f64>::zeros((rows, columns));
        let error = |table| DataError::Empty { table, rows, columns };
        assert_eq!(Dataset::new(empty(), None), Err(error(Table::Features)));
        let x = Array2::zeros((3, 2));
        assert_eq!(Dataset::new(x, Some(empty())), Err(error(Table::Targets)));
    }
    let data = Dataset::new(Array2::zeros((3, 2)), None).unwrap();
    let text = data.select(&[]).unwrap_err().to_string();
    assert!(text.contains("no rows to select: give at least one"), "{text}");
}

#[test]
fn what_is_not_finite_is_refused_by_row_and_column() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (row, column) in [(0, 0), (4, 2), (2, 1)] {
            let mut bad = normal(5, 3, Noise::new(0));
            bad[[row, column]] = value;
            let good = normal(5, 3, Noise::new(1));
            for (features, targets, table) in
                [(bad.clone(), None, "features"), (good, Some(bad.clone()), "targets")]
            {
                let text = Dataset::new(features, targets).unwrap_err().to_string();
                let place = format!("{value} in row {row}, column {column}");
                assert!(text.starts_with(&place) && text.contains(table), "{text}");
            }
        }
    }
}

#[test]
fn a_constant_column_becomes_zeros_and_can_be_fitted() {
    for constant in [0.0, 0.1, -7.3, 1e12, 1e-300] {
        let mut x = normal(60, 3, Noise::new(5));
        x.column_mut(1).fill(constant);
        let y = x.select(Axis(1), &[0]);
        let rows: Vec<usize> = (0..40).collect();
        let scaled = Standardize::fit(x.view(), &rows).unwrap().transform(x.view());
        assert!(scaled.column(1).iter().all(|&z| z == 0.0), "{constant}: {scaled}");
        let data = Dataset::new(scaled, Some(y)).unwrap();
        let model =
            DenseNetwork::<Array<f32>>::regression(&[3, 8, 1], Activation::Relu, Noise::new(6));
        let options = FitOptions { epochs: 5, ..FitOptions::default() };
        let fitted = run(&model, &data, &options);
        assert_eq!(fitted.stop, Stop::Finished);
        assert!(fitted.history[4].loss < fitted.history[0].loss);
        // What never varies teaches its weights nothing.
        let weights = |model: &DenseNetwork<Array<f32>>| {
            model.net.layers[0].weight.index_axis(Axis(0), 1).to_owned()
        };
        assert_eq!(weights(&fitted.model), weights(&model));
        assert!(bits(&fitted.model) != bits(&model));
    }
}

#[test]
fn a_split_that_leaves_a_set_empty_says_which() {
    for (rows, fractions, part) in [
        (5, [0.94, 0.03, 0.03], Part::Validation),
        (1, [0.4, 0.3, 0.3], Part::Validation),
        (4, [0.7, 0.25, 0.05], Part::Test),
    ] {
        let [train, validation, test] = fractions;
        let mut rng = Noise::new(0).rng();
        let error = Split::by_fraction(rows, train, validation, test, &mut rng).unwrap_err();
        assert_eq!(error, DataError::EmptyPart { part, rows });
        let text = error.to_string();
        assert!(
            text.contains(&format!("the {part} part of a split of {rows} rows is empty")),
            "{text}"
        );
    }
}
