//! The choice of the product's kernel: of the whole process, so that it has a program of its own.

use evidence_autodiff::kernels::matmul::{Backend, backend, set_backend};

#[test]
fn a_chosen_backend_is_used_and_none_restores_the_default() {
    let default = backend(1000);
    for wanted in Backend::ALL {
        set_backend(Some(wanted));
        assert_eq!(backend(1000), wanted);
    }
    set_backend(None);
    assert_eq!(backend(1000), default);
}
