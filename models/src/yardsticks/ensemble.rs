//! Deep ensembles: networks trained from different first weights, predictions their equal mixture (Lakshminarayanan and others 2017, eq. 3).

use crate::{DenseNetwork, Mixture};
use evidence_autodiff::{Array, Real};
use ndarray::ArrayView2;

/// The equal mixture of what each member predicts, each with the noise that it learned.
///
/// # Panics
/// If there are no members, or their likelihoods are of classes or pixels, or differ.
#[must_use]
#[track_caller]
pub fn ensemble<T: Real>(members: &[DenseNetwork<Array<T>>], inputs: ArrayView2<'_, T>) -> Mixture {
    let parts: Vec<Mixture> = members.iter().map(|member| member.predictive(inputs)).collect();
    Mixture::together(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence_autodiff::Noise;
    use evidence_layers::Activation;
    use ndarray::{arr1, arr2};

    #[test]
    fn it_is_the_equal_mixture_of_its_members() {
        let members = [1, 2, 3]
            .map(|seed| DenseNetwork::regression(&[2, 4, 1], Activation::Tanh, Noise::new(seed)));
        let (x, y) = (arr2(&[[0.3, -1.0], [2.0, 0.5]]), arr1(&[0.4, -0.2]));
        let together = ensemble(&members, x.view());
        let (mean, density) = (together.mean(), together.log_density(y.view()));
        let each = members.map(|member| member.predictive(x.view()));
        assert!(each[0].mean() != each[1].mean());
        for row in 0..2 {
            let of = |f: &dyn Fn(&Mixture) -> f64| each.iter().map(f).sum::<f64>() / 3.0;
            assert!((mean[row] - of(&|m| m.mean()[row])).abs() <= 1e-14);
            let truth = of(&|m| m.log_density(y.view())[row].exp()).ln();
            assert!((density[row] - truth).abs() <= 1e-12, "{} {truth}", density[row]);
        }
    }
}
