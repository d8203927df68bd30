//! The check table of bijections: gradients of both directions, round trips, log-determinants against each other and against the
//! Jacobian that the tape itself computes.

mod laws;

use self::laws::{Laws, log_abs_det};
use super::*;
use crate::checks::tree_function;
use crate::{Bijection, LogDet, standard_normal_log_prob};
use evidence_autodiff::check::{Check, Function, Input, jacobian};
use evidence_autodiff::{Array, Noise, Parameters, Path, Real, Tree, Var};
use ndarray::{ArrayD, Axis};

type P = Array<f64>;

/// A bijection with the same context for every row.
#[derive(Clone, Debug)]
struct Conditioned<B>(B);

/// Columns of that context.
const CONTEXT: usize = 2;

impl<Q, B: Tree<Q>> Tree<Q> for Conditioned<B> {
    type With<R> = Conditioned<B::With<R>>;

    fn map<R>(&self, path: &Path<'_>, f: &mut dyn FnMut(&Path<'_>, &Q) -> R) -> Self::With<R> {
        Conditioned(self.0.map(path, f))
    }

    fn leaves_mut<'a>(&'a mut self, out: &mut Vec<&'a mut Q>) {
        self.0.leaves_mut(out);
    }
}

fn context<T: Real>(x: Var<'_, T>) -> Option<Var<'_, T>> {
    Some(x.tape().filled(&[x.size(0), CONTEXT], 0.7))
}

impl<'t, T: Real, B: Bijection<'t, T>> Bijection<'t, T> for Conditioned<B> {
    fn forward(&self, z: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.forward_given(z, context(z))
    }

    fn inverse(&self, x: Var<'t, T>) -> (Var<'t, T>, LogDet<'t, T>) {
        self.0.inverse_given(x, context(x))
    }
}

/// Where a bijection is checked.
#[derive(Clone, Copy)]
struct Domain {
    /// From three times a standard normal, and from ±10, to a point of the base.
    base: fn(f64) -> f64,
    /// Where data are drawn from, for gradients.
    data: (f64, f64),
    /// Where parameters are drawn from, for gradients, on both sides of 0.
    parameters: f64,
}

/// All of the line on both sides.
const LINE: Domain = Domain { base: |z| z, data: (-2.0, 2.0), parameters: 0.8 };

/// For splines, mild ones: of steep ones the curvature is beyond what central differences tell, and single precision has few digits.
const MILD: Domain = Domain { parameters: 0.2, ..LINE };

/// An input `[rows, width]`, and one for each leaf of a tree.
fn inputs(
    width: usize,
    (low, high): (f64, f64),
    parameters: f64,
    template: &impl Tree<P>,
) -> Vec<Input> {
    let mut inputs = vec![Input::between(&[3, width], low, high)];
    let leaf = |leaf: &P| Input::between(leaf.shape(), -parameters, parameters);
    inputs.extend(template.named().iter().map(|(_, array)| leaf(array)));
    inputs
}

/// The rows of a bijection.
macro_rules! bijection {
    ($table:ident, $name:literal, $width:expr, $tree:expr, $type:ty) => {
        bijection!($table, $name, $width, $tree, $type, LINE);
    };
    ($table:ident, $name:literal, $width:expr, $tree:expr, $type:ty, $domain:expr) => {{
        let (width, domain, tree): (usize, Domain, $type) = ($width, $domain, $tree);
        let name = format!("{}, {width} columns", $name);
        $table.push(Check::gradient(
            format!("{name}: log-density"),
            inputs(width, domain.data, domain.parameters, &tree),
            tree_function!(tree.clone(), $type, |f, x| {
                let (z, log_det) = f.inverse(x);
                standard_normal_log_prob(z) + log_det.value()
            }),
        ));
        let base = ((domain.base)(-2.0), (domain.base)(2.0));
        $table.push(Check::gradient(
            format!("{name}: draws"),
            inputs(width, base, domain.parameters, &tree),
            tree_function!(tree.clone(), $type, |f, z| {
                let (x, log_det) = f.forward(z);
                x.square().sum(-1) + log_det.value()
            }),
        ));

        struct Forward($type);
        impl Function for Forward {
            fn call<'t, T: Real>(&self, inputs: &[Var<'t, T>]) -> Var<'t, T> {
                crate::checks::bind(&self.0, &inputs[1..]).forward(inputs[0]).0
            }
        }
        let laws = move || {
            let mut worst = Laws::default();
            for seed in 0..4 {
                let noise = Noise::new(seed);
                let mut leaf = 0;
                let tree: $type = tree.map(&Path::root(), &mut |_, array: &P| {
                    leaf += 1;
                    normal(array.shape(), 0.5, noise.stream(leaf)).into_shared()
                });
                let points = points(width, noise.stream(0)).mapv(domain.base);
                let tape = evidence_autodiff::Tape::<f64>::new();
                let bound = tree.bind_constant(&tape);
                let (x, there) = bound.forward(tape.constant(&points));
                // From fresh values: nothing the forward direction computed is reused.
                let (again, back) = bound.inverse(tape.constant(x.value().to_owned()));
                let leaves = tree.named().into_iter().map(|(_, leaf)| leaf.to_owned());
                let leaves: Vec<ArrayD<f64>> = leaves.collect();
                for row in 0..points.shape()[0] {
                    let point = points.index_axis(Axis(0), row).insert_axis(Axis(0)).to_owned();
                    let mut inputs = vec![point];
                    inputs.extend(leaves.iter().cloned());
                    let exact = log_abs_det(jacobian(&Forward(tree.clone()), &inputs, 0));
                    let again = again.value().index_axis(Axis(0), row).to_owned();
                    let [there, back] = [there, back].map(|l| l.value().data()[row]);
                    worst.meet(inputs[0].iter().zip(&again), there, back, exact);
                }
            }
            worst.outcome()
        };
        $table.push(Check::new(format!("{name}: laws of a bijection"), laws));
    }};
}

/// The rows of the table.
pub(crate) fn checks() -> Vec<Check> {
    let mut table = Vec::new();
    for width in [1, 2, 5, 16] {
        elementwise(&mut table, width);
        whole_rows(&mut table, width);
        autoregressive(&mut table, width);
        if width > 1 {
            couplings(&mut table, width);
        }
    }
    table
}

/// Those that treat each column alone.
fn elementwise(table: &mut Vec<Check>, width: usize) {
    let unit = (0.05, 0.95);
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    bijection!(table, "ScaleShift", width, ScaleShift::identity(width), ScaleShift<P>);
    bijection!(table, "ActNorm", width, ActNorm::new(width), ActNorm<P>);
    // Away from the kink, where central differences see both slopes.
    let bend = Domain { base: |z| z + z.signum(), data: (0.1, 2.0), ..LINE };
    bijection!(table, "LeakyRelu", width, LeakyRelu::new(0.2).expect("positive"), LeakyRelu, bend);
    let narrow = Domain { base: |z| z * 0.6, data: (-0.9, 0.9), ..LINE };
    bijection!(table, "Tanh", width, Tanh, Tanh, narrow);
    let to_unit = Domain { data: unit, ..LINE };
    bijection!(table, "Sigmoid", width, Sigmoid::default(), Sigmoid, to_unit);
    let margin = Sigmoid::with_margin(0.05).expect("below a half");
    bijection!(table, "Sigmoid, margin", width, margin, Sigmoid, to_unit);
    let from_unit = Domain { base: sigmoid, ..LINE };
    bijection!(table, "Logit", width, Inverse(Sigmoid::default()), Inverse<Sigmoid>, from_unit);
    let positive = Domain { data: (0.1, 3.0), ..LINE };
    bijection!(table, "Softplus", width, Softplus, Softplus, positive);
}

/// Those of all columns at once.
fn whole_rows(table: &mut Vec<Check>, width: usize) {
    let noise = Noise::new(0);
    bijection!(table, "Permutation, swapped", width, Permutation::swapped(width), Permutation);
    bijection!(table, "Permutation, random", width, Permutation::random(width, noise), Permutation);
    bijection!(table, "LuLinear", width, LuLinear::random(width, noise), LuLinear<P>);
    bijection!(table, "Planar", width, Planar::new(width, noise), Planar<P>);
    bijection!(
        table,
        "Planar, inverse",
        width,
        Inverse(Planar::new(width, noise)),
        Inverse<Planar<P>>
    );
    bijection!(table, "Radial", width, Radial::new(width, noise), Radial<P>);
}

fn spline() -> Spline {
    Spline::new(5, 4.0).expect("there are bins and an interval")
}

fn autoregressive(table: &mut Vec<Check>, width: usize) {
    let columns = Columns { width, context: CONTEXT };
    let affine = |direction, columns| {
        Autoregressive::new(direction, Affine::default(), columns, &[8], Noise::new(0))
            .expect("columns")
    };
    let splines = |direction| {
        Autoregressive::new(direction, spline(), width, &[8], Noise::new(0)).expect("columns")
    };
    type Maf = Autoregressive<P, Affine>;
    type Nsf = Autoregressive<P, Spline>;
    let (masked, inverse) = (Direction::Masked, Direction::Inverse);
    bijection!(table, "MAF", width, affine(masked, width.into()), Maf);
    bijection!(table, "IAF", width, affine(inverse, width.into()), Maf);
    bijection!(
        table,
        "MAF, conditional",
        width,
        Conditioned(affine(masked, columns)),
        Conditioned<Maf>
    );
    bijection!(
        table,
        "IAF, conditional",
        width,
        Conditioned(affine(inverse, columns)),
        Conditioned<Maf>
    );
    bijection!(table, "MAF of splines", width, splines(masked), Nsf, MILD);
    bijection!(table, "IAF of splines", width, splines(inverse), Nsf, MILD);
}

fn couplings(table: &mut Vec<Check>, width: usize) {
    let noise = Noise::new(0);
    let affine = |split| AffineCoupling::new(width, split, &[8], noise).expect("wide enough");
    let splines =
        |split| SplineCoupling::with(spline(), width, split, &[8], noise).expect("wide enough");
    bijection!(table, "AffineCoupling, first half", width, affine(Split::First), AffineCoupling<P>);
    bijection!(
        table,
        "AffineCoupling, second half",
        width,
        affine(Split::Second),
        AffineCoupling<P>
    );
    bijection!(
        table,
        "AffineCoupling, even columns",
        width,
        affine(Split::Even),
        AffineCoupling<P>
    );
    if width == 16 {
        let board = affine(Split::checkerboard([2, 4, 2], false));
        bijection!(table, "AffineCoupling, checkerboard", width, board, AffineCoupling<P>);
        let channels = affine(Split::channels([4, 4], true));
        bijection!(table, "AffineCoupling, channels", width, channels, AffineCoupling<P>);
        per_pixel(table, width);
        bijection!(
            table,
            "Multi-scale, two levels",
            width,
            levels(noise),
            Chain<AnyBijection<P>>,
            MILD
        );
    }
    let additive =
        AdditiveCoupling::with(Additive, width, Split::Odd, &[8], noise).expect("wide enough");
    bijection!(table, "AdditiveCoupling", width, additive, AdditiveCoupling<P>);
    bijection!(
        table,
        "SplineCoupling, first half",
        width,
        splines(Split::First),
        SplineCoupling<P>,
        MILD
    );
    bijection!(
        table,
        "SplineCoupling, odd columns",
        width,
        splines(Split::Odd),
        SplineCoupling<P>,
        MILD
    );
    let columns = Columns { width, context: CONTEXT };
    let given =
        SplineCoupling::with(spline(), columns, Split::Even, &[8], noise).expect("wide enough");
    type Given = Conditioned<SplineCoupling<P>>;
    bijection!(table, "SplineCoupling, conditional", width, Conditioned(given), Given, MILD);
    let given = AffineCoupling::with(Affine::default(), columns, Split::First, &[8], noise);
    type GivenAffine = Conditioned<AffineCoupling<P>>;
    bijection!(
        table,
        "AffineCoupling, conditional",
        width,
        Conditioned(given.expect("wide enough")),
        GivenAffine
    );
    let three = [Split::First, Split::Second, Split::First].map(affine).to_vec();
    bijection!(table, "Chain of 3 couplings", width, Chain(three), Chain<AffineCoupling<P>>);
    let inside: Chain<AnyBijection<P>> = Chain(vec![
        ScaleShift::identity(width - width / 2).into(),
        LuLinear::random(width - width / 2, noise).into(),
    ]);
    type Level = Part<Chain<AnyBijection<P>>>;
    let first = Part::new(inside.clone(), width, Split::First).expect("wide enough");
    bijection!(table, "Part, second half", width, first, Level);
    let apart = Part::new(inside, width, if width == 5 { Split::Odd } else { Split::Even });
    bijection!(table, "Part, scattered columns", width, apart.expect("wide enough"), Level);
    let kept: Reversible<P> = Reversible::new(
        Chain(vec![
            affine(Split::First).into(),
            Permutation::random(width, noise).into(),
            ScaleShift::identity(width).into(),
            affine(Split::Second).into(),
        ]),
        1e-3,
    );
    bijection!(table, "Reversible", width, kept, Reversible<P>, MILD);
    let pair = (affine(Split::First), LuLinear::random(width, noise));
    bijection!(
        table,
        "Two of different types",
        width,
        pair,
        (AffineCoupling<P>, LuLinear<P>),
        MILD
    );
    let different = Chain(vec![
        Planar::new(width, noise).into(),
        splines(Split::First).into(),
        LuLinear::random(width, noise).into(),
        affine(Split::Even).into(),
        ActNorm::new(width).into(),
    ]);
    bijection!(table, "Chain of different ones", width, different, Chain<AnyBijection<P>>, MILD);
}

/// Those of the four channels of each pixel.
fn per_pixel(table: &mut Vec<Check>, width: usize) {
    let noise = Noise::new(0);
    let matrix = PerPixel::new(LuLinear::random(4, noise), width, 4).expect("4 divides it");
    bijection!(table, "PerPixel, matrix", width, matrix, PerPixel<LuLinear<P>>);
    let norm = PerPixel::new(ActNorm::new(4), width, 4).expect("4 divides it");
    bijection!(table, "PerPixel, ActNorm", width, norm, PerPixel<ActNorm<P>>);
    let columns = Columns { width: 4, context: CONTEXT };
    let given = AffineCoupling::with(Affine::default(), columns, Split::First, &[8], noise);
    let given = PerPixel::new(given.expect("wide enough"), width, 4).expect("4 divides it");
    type Given = Conditioned<PerPixel<AffineCoupling<P>>>;
    bijection!(table, "PerPixel, conditional", width, Conditioned(given), Given);
}

/// An image of 4×4 pixels: a coupling over a checkerboard, squeezed, one over channels, half of which are mapped further.
fn levels(noise: Noise) -> Chain<AnyBijection<P>> {
    let coupling =
        |width, split| AffineCoupling::<P>::new(width, split, &[8], noise).expect("wide enough");
    let channels = || Split::channels([4, 4], false);
    let small = Chain(vec![coupling(8, Split::First).into(), coupling(8, Split::Second).into()]);
    Chain(vec![
        Part::new(small, 16, channels()).expect("wide enough").into(),
        coupling(16, channels()).into(),
        Permutation::squeeze([4, 4, 1]).expect("even").into(),
        coupling(16, Split::checkerboard([4, 4, 1], false)).into(),
    ])
}

/// Rows for the laws: three deviations wide, and two whose columns are all ten deviations out, which draws hardly reach.
fn points(width: usize, noise: Noise) -> ArrayD<f64> {
    let mut points = normal(&[10, width], 3.0, noise);
    for (row, far) in [(8, 10.0), (9, -10.0)] {
        points.index_axis_mut(Axis(0), row).fill(far);
    }
    points
}

fn normal(shape: &[usize], scale: f64, noise: Noise) -> ArrayD<f64> {
    let mut array = ArrayD::zeros(shape);
    noise.fill_normal_f64(array.as_slice_mut().expect("fresh arrays are contiguous"));
    array * scale
}
