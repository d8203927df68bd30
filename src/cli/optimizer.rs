//! The optimiser that flags chose.

use evidence::autodiff::Tensor;
use evidence::optim::{Adam, Memory, Optimizer, RmsProp, Sgd};
use evidence::{Array, Tree};

/// One of them.
#[derive(Clone, Debug)]
pub(super) enum Chosen {
    Adam(Adam<f32>),
    RmsProp(RmsProp<f32>),
    Sgd(Sgd<f32>),
}

impl Optimizer<f32> for Chosen {
    #[track_caller]
    fn step<M: Tree<Array<f32>>>(
        &mut self,
        parameters: &mut M,
        gradients: &mut M::With<Tensor<f32>>,
    ) {
        match self {
            Self::Adam(adam) => adam.step(parameters, gradients),
            Self::RmsProp(rms_prop) => rms_prop.step(parameters, gradients),
            Self::Sgd(sgd) => sgd.step(parameters, gradients),
        }
    }

    fn memory(&self) -> &Memory<f32> {
        match self {
            Self::Adam(adam) => adam.memory(),
            Self::RmsProp(rms_prop) => rms_prop.memory(),
            Self::Sgd(sgd) => sgd.memory(),
        }
    }

    fn memory_mut(&mut self) -> &mut Memory<f32> {
        match self {
            Self::Adam(adam) => adam.memory_mut(),
            Self::RmsProp(rms_prop) => rms_prop.memory_mut(),
            Self::Sgd(sgd) => sgd.memory_mut(),
        }
    }
}
