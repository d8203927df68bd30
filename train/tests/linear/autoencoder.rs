//! The best linear autoencoder is the projection on the first principal components (Baldi and Hornik 1989): no error is lower, and
//! none as low has another span.

use evidence_autodiff::{Array, Noise, Parameters, Tape};
use evidence_layers::Activation;
use evidence_models::metrics::mean_squared_error;
use evidence_models::{Autoencoder, Likelihood, Pca};
use evidence_optim::Adam;
use evidence_train::data::{DIGITS_MAX, Dataset, digits};
use evidence_train::{FitOptions, Schedule, fit};
use ndarray::{Array2, Axis};

/// The fifth component has two thirds of the fourth's variance: which of them the span holds is soon settled.
const CODE: usize = 4;

#[test]
fn a_linear_autoencoder_reaches_the_error_and_the_span_of_principal_components() {
    let pixels = digits().features().mapv(|x| x / DIGITS_MAX);
    let data = Dataset::new(pixels.clone(), None).unwrap();
    let model = Autoencoder::<Array<f32>>::new(
        &[64, CODE],
        Activation::Identity,
        Likelihood::known_gaussian(1.0),
        Noise::new(1),
    );
    let options =
        FitOptions { epochs: 300, batch: 100, schedule: Schedule::Cosine, ..FitOptions::default() };
    let mut adam = Adam::new(1e-2).unwrap();
    let model = fit(model, &data, None, &mut adam, &options, |_| {}).unwrap().model;

    let tape = Tape::new();
    let through = model.bind_constant(&tape).reconstruct(tape.constant(pixels.mapv(|x| x as f32)));
    let through: Array2<f64> = through.value().mapv(f64::from).into_dimensionality().unwrap();
    let pca = Pca::fit(pixels.view());
    let least = mean_squared_error(&pca.reconstruct(pixels.view(), CODE), &pixels);
    let ratio = mean_squared_error(&through, &pixels) / least;
    // Single precision may round a ratio of one to a little less.
    assert!((1.0 - 1e-5..1.01).contains(&ratio), "{ratio} of PCA's error");

    // An orthonormal basis of the decoder's span, by Gram and Schmidt.
    let mut basis: Array2<f64> =
        model.decoder.layers[0].weight.mapv(f64::from).into_dimensionality().unwrap();
    for i in 0..CODE {
        for j in 0..i {
            let along = basis.row(i).dot(&basis.row(j));
            let taken = &basis.row(i) - &(&basis.row(j) * along);
            basis.row_mut(i).assign(&taken);
        }
        let norm = basis.row(i).dot(&basis.row(i)).sqrt();
        basis.row_mut(i).mapv_inplace(|x| x / norm);
    }
    // What of each component lies outside of it: the squared sine of its angle to the span.
    let (components, _) = pca.components.view().split_at(Axis(1), CODE);
    let inside = basis.dot(&components);
    for (k, column) in inside.columns().into_iter().enumerate() {
        let outside = 1.0 - column.dot(&column);
        assert!(outside < 1e-4, "component {k}: {outside} of it lies outside");
    }
}
