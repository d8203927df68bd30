//! A training that goes on step by step, can be taken at any step boundary, and put back anywhere else.

use super::buffers::Buffers;
use super::evaluate::evaluate_on;
use super::restore::{RestoreError, fits, put};
use super::snapshot::{Position, Snapshot, apart, assign, keep};
use super::{Divergence, Epoch, Fit, FitOptions, Schedule, Stop};
use crate::data::{DataError, Dataset, Draw, Draws, Shuffled, Source, Stream, StreamError};
use evidence_autodiff::kernels::denormals::FlushDenormals;
use evidence_autodiff::{Noise, Parameters, Real, Tape, expect_one_order};
use evidence_models::{Backprop, Model, Value};
use evidence_optim::{Optimizer, clip_by_global_norm, global_norm, schedule};
use std::sync::Arc;

/// A training under way.
///
/// ```
/// use evidence_autodiff::Noise;
/// use evidence_layers::Activation;
/// use evidence_models::DenseNetwork;
/// use evidence_optim::Adam;
/// use evidence_train::{Event, FitOptions, Snapshot, Trainer, data::red_wine};
///
/// let wine = red_wine();
/// let model = DenseNetwork::<_>::regression(&[11, 8, 1], Activation::Relu, Noise::new(0));
/// let options = FitOptions { epochs: 2, ..FitOptions::default() };
/// let mut adam = Adam::<f32>::new(1e-4)?;
/// let mut trainer = Trainer::new(model.clone(), &wine, None, &mut adam, options)?;
/// for _ in 0..30 {
///     trainer.advance();
/// }
/// let mut snapshot = Snapshot::new();
/// trainer.snapshot(&mut snapshot);
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("halfway.safetensors");
/// snapshot.write(&file)?;
///
/// // In another process, say: the end is the same to the last bit.
/// let snapshot = Snapshot::read(&file, &model)?;
/// let mut adam = Adam::<f32>::new(1e-4)?;
/// let mut resumed = Trainer::new(model, &wine, None, &mut adam, options)?;
/// resumed.restore(&snapshot)?;
/// while !matches!(resumed.advance(), Event::Stop(_)) {}
/// assert_eq!(resumed.position().step, 50);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'a, T: Real, M, O> {
    training: Source<'a>,
    validation: Option<&'a Dataset>,
    options: FitOptions,
    optimizer: &'a mut O,
    model: M,
    best: M,
    position: Position,
    stop: Option<Stop>,
    /// What the parts of the loss are called, known from the first step on.
    names: Vec<&'static str>,
    /// For evaluation.
    tape: Tape<T>,
    backprop: Backprop<T>,
    buffers: Buffers<T>,
}

/// What one call of [`Trainer::advance`] came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step inside an epoch.
    Step,
    /// The last step of an epoch.
    Epoch(Epoch),
    /// Nothing: the training has ended.
    Stop(Stop),
    /// Nothing: the next rows could not be read. The training is where it was, and may be tried again.
    Unread(Arc<StreamError>),
}

impl<'a, T, M, O> Trainer<'a, T, M, O>
where
    T: Real,
    M: Model<T>,
    O: Optimizer<T>,
{
    /// At the start.
    ///
    /// # Errors
    /// If the batch size is 0.
    pub fn new(
        model: M,
        training: &'a Dataset,
        validation: Option<&'a Dataset>,
        optimizer: &'a mut O,
        options: FitOptions,
    ) -> Result<Self, DataError> {
        let source = Shuffled::new(training, options.batch, orders(&options))?;
        Ok(Self::with(model, Source::Memory(source), validation, optimizer, options))
    }

    /// At the start, on rows that are read from disk in every epoch.
    ///
    /// # Errors
    /// If the batch size is 0.
    pub fn streamed(
        model: M,
        training: &'a Stream,
        validation: Option<&'a Dataset>,
        optimizer: &'a mut O,
        options: FitOptions,
    ) -> Result<Self, DataError> {
        let source = training.batches(options.batch, orders(&options))?;
        let source = Source::Disk(Box::new(source));
        Ok(Self::with(model, source, validation, optimizer, options))
    }

    /// At the start, on minibatches that a function draws, of a training set of so many rows: an epoch is ⌈rows / batch⌉ of them, however many
    /// rows each has.
    ///
    /// # Errors
    /// If there are no rows or the batch size is 0.
    ///
    /// ```
    /// use evidence_autodiff::Noise;
    /// use evidence_layers::Activation;
    /// use evidence_models::{Likelihood, Vae};
    /// use evidence_optim::Adam;
    /// use evidence_train::data::{DIGITS_MAX, binarised, digits};
    /// use evidence_train::{Event, FitOptions, Trainer};
    ///
    /// // Digits of black and white pixels, other ones whenever a digit is met.
    /// let grey = digits().features().mapv(|x| (x / DIGITS_MAX) as f32);
    /// let mut draw = |_: usize, noise: Noise| {
    ///     let rows = noise.stream(0).permutation(grey.nrows());
    ///     (binarised(&grey, &rows[..64], noise.stream(1)).mapv(f64::from), None)
    /// };
    /// let model = Vae::new(&[64, 32, 4], Activation::Relu, Likelihood::Bernoulli, Noise::new(0));
    /// let options = FitOptions { epochs: 1, ..FitOptions::default() };
    /// let mut adam = Adam::<f32>::new(1e-3)?;
    /// let mut trainer = Trainer::drawn(model, grey.nrows(), &mut draw, None, &mut adam, options)?;
    /// while !matches!(trainer.advance(), Event::Stop(_)) {}
    /// assert_eq!(trainer.position().step, grey.nrows().div_ceil(64));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drawn(
        model: M,
        rows: usize,
        draw: &'a mut Draw<'a>,
        validation: Option<&'a Dataset>,
        optimizer: &'a mut O,
        options: FitOptions,
    ) -> Result<Self, DataError> {
        let draws = Draws::new(draw, rows, options.batch, orders(&options))?;
        Ok(Self::with(model, Source::Drawn(draws), validation, optimizer, options))
    }

    fn with(
        mut model: M,
        training: Source<'a>,
        validation: Option<&'a Dataset>,
        optimizer: &'a mut O,
        options: FitOptions,
    ) -> Self {
        expect_one_order(&mut model);
        Self {
            training,
            validation,
            options,
            optimizer,
            best: apart(&model),
            model,
            position: Position::start(),
            stop: None,
            names: Vec::new(),
            tape: Tape::new(),
            backprop: Backprop::new(),
            buffers: Buffers::default(),
        }
    }

    /// Where it is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// The parameters behind the last step.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Takes one step, and behind the last of an epoch validates; does nothing once the training has ended. Denormals are zero meanwhile.
    pub fn advance(&mut self) -> Event {
        let _flushing = FlushDenormals::new();
        self.stop = self.stop.take().or_else(|| self.ended());
        if let Some(stop) = &self.stop {
            return Event::Stop(stop.clone());
        }
        let noise = Noise::new(self.options.seed).stream(1).stream(self.position.step as u64 + 1);
        let event = match self.step(noise) {
            Err(error) => return Event::Unread(Arc::new(error)),
            Ok(Some(())) if self.position.taken < self.training.steps() => return Event::Step,
            Ok(Some(())) => self.end_epoch(noise),
            Ok(None) => None,
        };
        match event {
            Some(epoch) => Event::Epoch(epoch),
            None => {
                let stop = Stop::Diverged(self.diagnose(noise));
                self.stop = Some(stop.clone());
                Event::Stop(stop)
            }
        }
    }

    /// Why there is nothing left to do; it follows from the position.
    fn ended(&self) -> Option<Stop> {
        let Position { epoch, taken, best, .. } = self.position;
        // Epochs that are over, if one is just over.
        let over = (taken == 0).then_some(epoch - 1)?;
        let waited = |patience| over > best && over - best >= patience;
        if self.validation.is_some() && self.options.patience.is_some_and(waited) {
            Some(Stop::Early)
        } else {
            (over >= self.options.epochs).then_some(Stop::Finished)
        }
    }

    /// One step; `None` (and nothing changed) if the loss or a gradient is not finite.
    fn step(&mut self, noise: Noise) -> Result<Option<()>, StreamError> {
        let Self { model, backprop, buffers, training, optimizer, position, names, tape, .. } =
            self;
        let options = &self.options;
        if options.schedule == Schedule::Cosine {
            // Epochs without end, to be stopped early, are allowed.
            let total = options.epochs.saturating_mul(training.steps());
            optimizer.set_factor(schedule::cosine(position.step as u64, 0, total as u64));
        }
        if options.warm_up > 0 {
            let over = options.warm_up.saturating_mul(training.steps());
            model.warm(schedule::warm_up(position.step as u64, over as u64));
        }
        let data_size = training.rows();
        let batch = training.batch(position.epoch, position.taken)?;
        let taken = batch.rows.len();
        let rows = buffers.rows(batch, data_size);
        let (Value { loss, parts }, mut gradients) = backprop.gradient(model, rows, noise);
        let norm = match options.clip {
            Some(longest) => clip_by_global_norm(&mut gradients, longest),
            None => global_norm(&mut gradients),
        };
        if !loss.is_finite() || !norm.is_finite() {
            return Ok(None);
        }
        let observed = model.observe(tape, rows, noise);
        optimizer.step(model, &mut gradients);
        if let Some(learn) = observed {
            learn(model);
        }
        position.step += 1;
        position.taken += 1;
        names.clear();
        names.extend(parts.iter().map(|(name, _)| *name));
        position.sums.resize(1 + parts.len(), 0.0);
        let share = training.share(taken);
        let values = [loss].into_iter().chain(parts.into_iter().map(|(_, part)| part));
        for (sum, value) in position.sums.iter_mut().zip(values) {
            *sum += share * value;
        }
        Ok(Some(()))
    }

    /// Validates, and keeps the best parameters; `None` if those behind the epoch's last step have no finite loss.
    fn end_epoch(&mut self, noise: Noise) -> Option<Epoch> {
        let held_out = Noise::new(self.options.seed).stream(2);
        let Self { model, tape, buffers, validation, .. } = self;
        let value = validation.map(|rows| evaluate_on(tape, buffers, model, rows, held_out));
        // A step's loss is that of the parameters before it: those behind an epoch's last step have none yet.
        let behind = value.filter(|v| v.is_finite()).unwrap_or_else(|| self.last_loss(noise));
        if !behind.is_finite() {
            return None;
        }
        let position = &mut self.position;
        let number = position.epoch;
        let sums = std::mem::take(&mut position.sums);
        (position.epoch, position.taken) = (number + 1, 0);
        let watched = value.unwrap_or(behind);
        // A density without bound is no better model, and no number that a checkpoint can hold.
        if watched.is_finite() && watched < position.lowest.unwrap_or(f64::INFINITY) {
            position.lowest = Some(watched);
            position.best = number;
            assign(&self.model, &mut self.best);
        }
        let parts = self.names.iter().copied().zip(sums[1..].iter().copied()).collect();
        Some(Epoch { number, loss: sums[0], parts, validation: value })
    }

    /// The loss on the last batch of the parameters that it led to; with all of its divergence, so that epochs can be compared.
    fn last_loss(&mut self, noise: Noise) -> f64 {
        let Self { model, tape, buffers, training, position, options, .. } = self;
        if options.warm_up > 0 {
            model.warm(1.0);
        }
        let data_size = training.rows();
        let rows = training.batch(position.epoch, position.taken - 1).expect(AT_HAND);
        let loss = {
            let batch = buffers.batch(tape, rows, data_size);
            M::loss(&model.bind_constant(tape), &batch, noise).total.item()
        };
        tape.reset();
        loss.to_f64()
    }

    /// Repeats what was not finite under watch, to name the op that first made a NaN or infinity. Its draws are the same.
    fn diagnose(&mut self, noise: Noise) -> Divergence {
        let Position { epoch, taken, step, .. } = self.position;
        let behind = taken == self.training.steps();
        let last = if behind { taken - 1 } else { taken };
        let Self { model, backprop, buffers, training, .. } = self;
        let data_size = training.rows();
        let rows = training.batch(epoch, last).expect(AT_HAND);
        let anomaly = backprop.diagnose(model, buffers.rows(rows, data_size), noise);
        Divergence { epoch, step: if behind { step } else { step + 1 }, anomaly }
    }

    /// The result as of now: parameters and their epoch.
    ///
    /// The best parameters, by validation loss. Without a validation set they are the last ones; should the run diverge, those
    /// of the epoch behind which its last batch had the lowest loss.
    pub fn result(&self) -> (&M, usize) {
        if self.last() {
            (&self.model, self.position.epoch - 1)
        } else {
            (&self.best, self.position.best)
        }
    }

    /// Whether the last parameters are the result.
    fn last(&self) -> bool {
        self.validation.is_none() && !matches!(self.stop, Some(Stop::Diverged(_)))
    }

    /// Copies all that the rest of the training depends on. Nothing is taken of a training that diverged: it has no rest.
    pub fn snapshot(&self, into: &mut Snapshot<T>) {
        if matches!(self.stop, Some(Stop::Diverged(_))) {
            return;
        }
        into.position = self.position.clone();
        into.last = self.last();
        keep(self.model.named(), &mut into.model);
        keep(self.best.named(), &mut into.best);
        keep(self.optimizer.state(), &mut into.optimizer);
    }

    /// Goes on from a snapshot of a training with the same model, data, optimiser and options.
    ///
    /// # Errors
    /// If names, shapes, the optimiser's state or steps in an epoch are others. Nothing is changed then. Seeds and rates are not compared.
    pub fn restore(&mut self, from: &Snapshot<T>) -> Result<(), RestoreError> {
        let steps = self.training.steps();
        let position = from.position.clone();
        let before = position.epoch.checked_sub(1).and_then(|over| over.checked_mul(steps));
        let sound = before.and_then(|before| before.checked_add(position.taken));
        let halfway = position.taken > 0;
        if position.taken >= steps
            || sound != Some(position.step)
            || position.best >= position.epoch
            || position.sums.is_empty() == halfway
        {
            return Err(RestoreError::Position { position, steps });
        }
        fits(&self.model, &from.model).map_err(RestoreError::Model)?;
        fits(&self.best, &from.best).map_err(RestoreError::Best)?;
        // The snapshot stays what it is while the optimiser goes on.
        let mut memory = Vec::new();
        keep(from.optimizer.clone(), &mut memory);
        self.optimizer.load_state(memory, &self.model)?;
        put(&from.model, &mut self.model);
        put(&from.best, &mut self.best);
        (self.position, self.stop) = (position, None);
        Ok(())
    }

    /// Ends here, with the epochs that [`advance`](Self::advance) has told of.
    pub fn finish(mut self, history: Vec<Epoch>) -> Fit<M> {
        self.model.warm(1.0);
        self.best.warm(1.0);
        if self.options.schedule != Schedule::Constant {
            self.optimizer.set_factor(1.0);
        }
        let (last, best) = (self.last(), self.result().1);
        let stop = self.stop.unwrap_or(Stop::Finished);
        Fit { model: if last { self.model } else { self.best }, history, best, stop }
    }
}

/// What the order of rows is drawn from.
fn orders(options: &FitOptions) -> Noise {
    Noise::new(options.seed).stream(0)
}

/// Why a batch can be had without an error.
const AT_HAND: &str = "the batch of the last step is at hand";
