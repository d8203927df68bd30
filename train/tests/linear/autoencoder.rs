//! The best linear autoencoder is the projection on the first principal components (Baldi and Hornik 1989): no error is lower, and
//! none as low has another span.

use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::metrics::mean_squared_error;
use evidence_models::{Autoencoder, Decoder, Likelihood, Pca};
use evidence_optim::Adam;
use evidence_train::data::{DIGITS_MAX, Dataset, digits};
use evidence_train::{FitOptions, Schedule, fit};
use ndarray::{Array2, Axis};

/// The fifth component has two thirds of the fourth's variance: which of them the span holds is soon settled.
const CODE: usize = 4;

/// Fitted to rows of 64 columns, and its squared error over PCA's.
fn fitted(rows: &Array2<f64>, model: Autoencoder<Array<f32>>) -> (Autoencoder<Array<f32>>, f64) {
    let data = Dataset::new(rows.clone(), None).unwrap();
    let options =
        FitOptions { epochs: 300, batch: 100, schedule: Schedule::Cosine, ..FitOptions::default() };
    let mut adam = Adam::new(1e-2).unwrap();
    let model = fit(model, &data, None, &mut adam, &options, |_| {}).unwrap().model;
    let tape = Tape::new();
    let through = model.bind_constant(&tape).reconstruct(tape.constant(rows.mapv(|x| x as f32)));
    let through: Array2<f64> = through.value().mapv(f64::from).into_dimensionality().unwrap();
    let least = mean_squared_error(&Pca::fit(rows.view()).reconstruct(rows.view(), CODE), rows);
    (model, mean_squared_error(&through, rows) / least)
}

fn linear() -> Autoencoder<Array<f32>> {
    let likelihood = Likelihood::known_gaussian(1.0);
    Autoencoder::new(&[64, CODE], Activation::Identity, likelihood, Noise::new(1))
}

/// Of each component, the squared sine of its angle to the span of an orthonormal basis, `[CODE, 64]`.
fn outside(basis: &Array2<f64>, rows: &Array2<f64>) -> Vec<f64> {
    let pca = Pca::fit(rows.view());
    let (components, _) = pca.components.view().split_at(Axis(1), CODE);
    basis.dot(&components).columns().into_iter().map(|c| 1.0 - c.dot(&c)).collect()
}

#[test]
fn a_linear_autoencoder_reaches_the_error_and_the_span_of_principal_components() {
    let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
    let (model, ratio) = fitted(&pixels, linear());
    // Single precision may round a ratio of one to a little less.
    assert!((1.0 - 1e-5..1.01).contains(&ratio), "{ratio} of PCA's error");

    // An orthonormal basis of the decoder's span, by Gram and Schmidt.
    let Decoder::Own(decoder) = &model.decoder else { panic!("not tied") };
    let mut basis: Array2<f64> =
        decoder.layers[0].weight.mapv(f64::from).into_dimensionality().unwrap();
    for i in 0..CODE {
        for j in 0..i {
            let along = basis.row(i).dot(&basis.row(j));
            let taken = &basis.row(i) - &(&basis.row(j) * along);
            basis.row_mut(i).assign(&taken);
        }
        let norm = basis.row(i).dot(&basis.row(i)).sqrt();
        basis.row_mut(i).mapv_inplace(|x| x / norm);
    }
    for (k, outside) in outside(&basis, &pixels).into_iter().enumerate() {
        assert!(outside < 1e-4, "component {k}: {outside} of it lies outside");
    }
}

/// With tied weights the best is `W Wᵀ`, the projection itself: W needs no Gram and Schmidt.
#[test]
fn tied_weights_reach_it_too_and_are_an_orthonormal_basis_of_the_span() {
    let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
    let centred = &pixels - &pixels.mean_axis(Axis(0)).unwrap();
    let (model, ratio) = fitted(&centred, linear().with_tied_weights().unwrap());
    assert!((1.0 - 1e-5..1.01).contains(&ratio), "{ratio} of PCA's error");
    let weight: Array2<f64> =
        model.encoder.layers[0].weight.mapv(f64::from).into_dimensionality().unwrap();
    let apart = weight.t().dot(&weight) - Array2::<f64>::eye(CODE);
    assert!(apart.iter().all(|e| e.abs() < 1e-2), "from orthonormal: {apart}");
    for (k, outside) in outside(&weight.t().to_owned(), &centred).into_iter().enumerate() {
        assert!(outside.abs() < 1e-2, "component {k}: {outside} of it lies outside");
    }
}
