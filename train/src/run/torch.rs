//! Networks that PyTorch wrote: `save_file(nn.Sequential(...).state_dict(), path)`.
//!
//! PyTorch's layer is `x Wᵀ + b` with `W: [out, in]`, ours `x W + b` with `W: [in, out]`: weights are transposed on the way. Its
//! names count the activations between the layers too (`0.weight`, `2.weight`) and may have a prefix; here the order alone counts, which
//! is that of the numbers in them: layers told apart by words (`hidden`, `input`) are taken by the alphabet.

use super::error::RunError;
use super::tensors::Tensors;
use evidence_autodiff::{Array, zeros};
use evidence_layers::Mlp;
use std::collections::BTreeMap;
use std::path::Path;

/// A layer's place in the order: words and numbers of its name in turn, so that `fc10` comes behind `fc2`.
type Place = Vec<(String, u128)>;

fn place(layer: &str) -> Place {
    let mut place = Place::new();
    let mut rest = layer;
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[word..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - word);
        let number = rest[word..word + digits].parse().unwrap_or(u128::MAX);
        place.push((rest[..word].to_owned(), number));
        rest = &rest[word + digits..];
    }
    place
}

/// Replaces the parameters of a network by those of linear layers in a safetensors file.
///
/// ```
/// use evidence_autodiff::{Array, Noise};
/// use evidence_layers::{Activation, Mlp};
/// use evidence_train::run::{load_torch, write_tensors};
/// use ndarray::array;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("torch.safetensors");
/// let weight = array![[1.0_f32, 2.0, 3.0]].into_dyn().into_shared(); // one output, three inputs
/// let bias = array![0.5_f32].into_dyn().into_shared();
/// write_tensors(&path, &[("0.weight".into(), &weight), ("0.bias".into(), &bias)], "")?;
///
/// let mut net = Mlp::<Array<f32>>::new(&[3, 1], Activation::Relu, Noise::new(0));
/// load_torch(&path, &mut net)?;
/// assert_eq!(net.layers[0].weight, array![[1.0], [2.0], [3.0]].into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file is damaged, or its layers are not those of the network. Nothing is changed then.
pub fn load_torch(path: &Path, net: &mut Mlp<Array<f32>>) -> Result<(), RunError> {
    let tensors = Tensors::open(path)?;
    let mut layers = BTreeMap::<Place, String>::new();
    for (name, _) in tensors.shapes() {
        let layer = name.strip_suffix(".weight").or_else(|| name.strip_suffix(".bias"));
        let layer = layer.unwrap_or(name);
        layers.insert(place(layer), layer.to_owned());
    }
    // As many names as ours: what is missing or surplus is told by name.
    let mut names = layers.into_values();
    let mut expected = Vec::new();
    for (i, layer) in net.layers.iter().enumerate() {
        let name = names.next().unwrap_or_else(|| format!("layer {i}"));
        let turned = layer.weight.shape().iter().rev().copied().collect();
        expected.push((format!("{name}.weight"), turned));
        expected.push((format!("{name}.bias"), layer.bias.shape().to_vec()));
    }
    tensors.expect(&expected).map_err(|error| match error {
        RunError::Mismatch { path, mismatch } => RunError::Layers { path, mismatch },
        other => other,
    })?;
    let mut arrays: BTreeMap<String, Array<f32>> = tensors.read()?.into_iter().collect();
    let mut expected = expected.into_iter();
    let mut next = || {
        let (name, _) = expected.next().expect("two for each layer");
        arrays.remove(&name).expect("names were compared")
    };
    for layer in &mut net.layers {
        // Beginning at a cache line, as our own do.
        let mut weight = zeros(layer.weight.shape());
        weight.assign(&next().reversed_axes());
        (layer.weight, layer.bias) = (weight, next());
    }
    Ok(())
}
