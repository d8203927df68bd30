//! What an encoder may be narrowed to: sizes from the data to the code, checked once for all who build one.

/// Sizes that make no autoencoder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BottleneckError {
    /// Fewer than two sizes.
    #[error("sizes {0:?} name no layer; give at least the data's width and the code's")]
    NoLayer(Vec<usize>),
    /// A layer without units.
    #[error("sizes {0:?}: every layer needs at least one unit, and the code at least one column")]
    Empty(Vec<usize>),
    /// A class must meet the data before the last layer.
    #[error("sizes {0:?} have no hidden layer; what is given a class needs at least one")]
    NoHidden(Vec<usize>),
    /// As much room as the data have: copying them would be all there is to learn.
    #[error("a code of {code} columns for data of {width}: it must be narrower, {} at most", width.saturating_sub(1))]
    NoBottleneck {
        /// Columns of the code.
        code: usize,
        /// Columns of the data.
        width: usize,
    },
    /// A likelihood that asks a tied decoder for what it has not.
    #[error(
        "tied weights give {width} outputs, one for each column of the data, and the likelihood needs {outputs}: choose one that needs \
         as many as the data, or leave the decoder its own weights"
    )]
    TiedOutputs {
        /// What the likelihood needs.
        outputs: usize,
        /// Columns of the data.
        width: usize,
    },
    /// Convolutions, which have no transposed weights to take.
    #[error(
        "tied weights are of dense layers alone: leave out the convolutions, or leave the decoder its own weights"
    )]
    TiedConvolutions,
    /// More latents than data.
    #[error("{latents} latents for data of {width} columns: choose {width} at most")]
    TooManyLatents {
        /// Columns of the latents.
        latents: usize,
        /// Columns of the data.
        width: usize,
    },
}

/// The first and the last size, if all of them are sizes of layers.
pub(crate) fn ends(sizes: &[usize]) -> Result<(usize, usize), BottleneckError> {
    let &[width, .., code] = sizes else { return Err(BottleneckError::NoLayer(sizes.to_vec())) };
    if sizes.contains(&0) {
        return Err(BottleneckError::Empty(sizes.to_vec()));
    }
    Ok((width, code))
}

/// The decoder's sizes: the encoder's from the last to the first, ending in what a likelihood needs.
pub(crate) fn mirrored(sizes: &[usize], outputs: usize) -> Vec<usize> {
    let mut mirrored: Vec<usize> = sizes.iter().rev().copied().collect();
    if let Some(last) = mirrored.last_mut() {
        *last = outputs;
    }
    mirrored
}
