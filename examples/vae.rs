//! A variational autoencoder with two latents on handwritten digits: the bound, its two parts, what log p(x) really is, what each
//! latent carries, and pictures of all of it.
//!
//! `cargo run --release --example vae`
//! `cargo run --release --example vae -- --data mnist --epochs 20 --out pictures --format png`

mod command_line;
mod latent_plane;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Vae;
use evidence::optim::Adam;
use evidence::train::data::Dataset;
use evidence::train::{Event, FitOptions, Schedule, Trainer};
use evidence::{Activation, Array, Likelihood, Noise, Parameters, Tape};
use latent_plane::{Out, SHOWN, data, described, parts, picture, pictures, wide};
use ndarray::{Array1, Array2};
use std::num::NonZero;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--epochs", "--out", "--format"])?;
    let data = data(&arguments)?;
    let epochs = arguments.get("--epochs")?.map_or(120, NonZero::get);
    let out = Out::of(&arguments, "evidence-out/vae")?;
    with_threads(0, || {
        let d = data.training.ncols();
        let sizes = [d, if d > 100 { 400 } else { 128 }, 64, 2];
        let model = Vae::new(&sizes, Activation::Relu, Likelihood::Bernoulli, Noise::new(1));
        let training = Dataset::new(data.training.clone(), None)?;
        let options =
            FitOptions { epochs, batch: 100, schedule: Schedule::Cosine, ..FitOptions::default() };
        let mut adam = Adam::<f32>::new(2e-3)?;
        let mut trainer = Trainer::new(model, &training, None, &mut adam, options)?;
        let shown = data.test.slice(ndarray::s![..SHOWN, ..]).to_owned();
        let (mut history, mut through) = (Vec::new(), Vec::new());
        loop {
            match trainer.advance() {
                Event::Epoch(epoch) => {
                    if [1, 5, 20, epochs].contains(&epoch.number) {
                        println!("{}", described(&epoch));
                        let name = format!("epoch {}", epoch.number);
                        through.push((name, reconstructed(trainer.model(), &shown)));
                    }
                    history.push(epoch);
                }
                Event::Step => {}
                Event::Stop(_) | Event::Unread(_) => break,
            }
        }
        let model = trainer.finish(Vec::new()).into_result()?.model;

        let some =
            data.test.slice(ndarray::s![..data.test.nrows().min(500), ..]).mapv(|x| x as f32);
        let evidence = model.evidence(some.view(), 200, Noise::new(5));
        let mean = |values: &Array1<f64>| values.mean().unwrap_or(f64::NAN);
        println!(
            "test: ELBO {:.3}, log p(x) by 200 importance samples {:.3} nats per digit (worth {:.0} equal ones)",
            mean(&evidence.elbo),
            mean(&evidence.log_prob),
            mean(&evidence.effective_samples),
        );
        let latents = model.latents(data.test.mapv(|x| x as f32).view());
        println!("{latents}");

        let mut rows = vec![("original".to_owned(), shown)];
        rows.extend(through);
        picture(&out, "reconstructions", "Test digits through two latents", data.shape, &rows)?;
        pictures(&out, &model, &data)?;
        parts(&out, &history)?;
        println!("pictures are in {}", out.folder.display());
        Ok(())
    })
}

fn reconstructed(model: &Vae<Array<f32>>, x: &Array2<f64>) -> Array2<f64> {
    let tape = Tape::new();
    let bound = model.bind_constant(&tape);
    wide(bound.decode(bound.encode(tape.constant(x.mapv(|x| x as f32))).mean()).value())
}
