//! The lecture's notebook: a convolutional variational autoencoder with two latents. The bound and its parts by epoch, how long an epoch
//! takes, the plane of latents by class, and the grid of decoded latents.
//!
//! Images of 28 × 28 pixels meet the notebook's own network: convolutions of 32 and 64 filters, each halving the image, 16 units, two
//! latents, and the same way back. The embedded digits of 8 × 8 have half as many filters.
//!
//! `cargo run --release --example conv_vae`
//! `cargo run --release --example conv_vae -- --data mnist --epochs 30 --out pictures`

mod command_line;
mod latent_plane;

use command_line::{Arguments, Failure};
use evidence::autodiff::kernels::threads::with_threads;
use evidence::models::Vae;
use evidence::optim::Adam;
use evidence::train::data::Dataset;
use evidence::train::{Event, FitOptions, Trainer};
use evidence::{Activation, Array, Likelihood, Noise};
use latent_plane::{Out, SHOWN, data, described, parts, picture, pictures};
use std::num::NonZero;
use std::time::Instant;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::read(&["--data", "--epochs", "--out", "--format"])?;
    let data = data(&arguments)?;
    let (height, width) = data.shape;
    let large = height * width > 200;
    let epochs = arguments.get("--epochs")?.map_or(if large { 10 } else { 60 }, NonZero::get);
    let out = Out::of(&arguments, "evidence-out/conv_vae")?;
    with_threads(0, || {
        let filters = if large { [32, 64] } else { [16, 32] };
        let model: Vae<Array<f32>> = Vae::convolutional(
            [height, width, 1],
            &filters,
            &[16, 2],
            Activation::Relu,
            Likelihood::Bernoulli,
            Noise::new(1),
        )?;
        let training = Dataset::new(data.training.clone(), None)?;
        let (batch, rate) = if large { (128, 1e-3) } else { (32, 2e-3) };
        let options = FitOptions { epochs, batch, ..FitOptions::default() };
        let mut adam = Adam::<f32>::new(rate)?;
        let mut trainer = Trainer::new(model, &training, None, &mut adam, options)?;
        let (mut history, mut start, begin) = (Vec::new(), Instant::now(), Instant::now());
        loop {
            match trainer.advance() {
                Event::Epoch(epoch) => {
                    let seconds = start.elapsed().as_secs_f64();
                    println!("{}, {seconds:.2} s", described(&epoch));
                    start = Instant::now();
                    history.push(epoch);
                }
                Event::Step => {}
                Event::Stop(_) | Event::Unread(_) => break,
            }
        }
        let each = begin.elapsed().as_secs_f64() / history.len().max(1) as f64;
        println!("{each:.2} s an epoch of {} images", training.rows());
        let model = trainer.finish(Vec::new()).into_result()?.model;

        let some = data.test.slice(ndarray::s![..data.test.nrows().min(500), ..]);
        let evidence = model.evidence(some.mapv(|x| x as f32).view(), 50, Noise::new(5));
        println!(
            "test: ELBO {:.3}, log p(x) by 50 importance samples {:.3} nats per digit",
            evidence.elbo.mean().unwrap_or(f64::NAN),
            evidence.log_prob.mean().unwrap_or(f64::NAN),
        );
        let shown = data.test.slice(ndarray::s![..SHOWN, ..]).to_owned();
        let title = "Test digits";
        picture(&out, "originals", title, data.shape, &[("original".to_owned(), shown)])?;
        pictures(&out, &model, &data)?;
        parts(&out, &history)?;
        println!("pictures are in {}", out.folder.display());
        Ok(())
    })
}
