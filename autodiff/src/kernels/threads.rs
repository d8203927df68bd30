//! One pool, entered once per run; work cut by shape alone.
//!
//! A fork from outside a rayon pool costs about 11 µs; from inside, 0.04 µs, or a few µs when another worker
//! takes the work. So a run enters a pool once, through [`with_threads`], and kernels fork only inside one.
//! Called from outside, they run on the calling thread.
//!
//! Every helper cuts its elements in halves, at multiples of [`CHUNK`], until one chunk is left. The cuts,
//! and the order in which partial results are combined, follow from the length alone: so do the bits.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::denormals::FlushDenormals;

/// Elements that one task works on: 64 KiB of `f32`, so that a few operands fit in the second-level cache.
pub const CHUNK: usize = 1 << 14;

/// With fewer elements nothing is forked.
///
/// Over so many, a polynomial such as `exp` takes about 10 µs. Measured on two cores, serial → forked, in µs:
/// 32,768 normals 23.2 → 13.4; x² + 1 over 32,768 elements 2.4 → 2.5, over 65,536 5.0 → 3.9.
pub const FORK_MIN_ELEMENTS: usize = 2 * CHUNK;

/// Runs `work` in a pool of `threads` workers (0: one per core), each with denormals flushed.
///
/// One thread means the calling thread, without any pool, unless that is a worker of a larger pool. Pools are
/// kept for the life of the program. No result depends on `threads`.
///
/// # Panics
/// When `work` does, and when the system refuses to start the threads.
///
/// ```
/// use evidence_autodiff::kernels::threads::{map_reduce, with_threads};
/// let x: Vec<f32> = (0..100_000).map(|i| (i as f32).sin()).collect();
/// let sum = || map_reduce(x.len(), |range| x[range].iter().sum::<f32>(), |a, b| a + b);
/// assert_eq!(with_threads(1, sum).to_bits(), with_threads(2, sum).to_bits());
/// ```
#[track_caller]
pub fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        _ => threads,
    };
    if threads == 1 && !is_parallel() {
        let _guard = FlushDenormals::new();
        return work();
    }
    pool(threads).install(work)
}

#[track_caller]
fn pool(threads: usize) -> &'static ThreadPool {
    static POOLS: Mutex<BTreeMap<usize, &'static ThreadPool>> = Mutex::new(BTreeMap::new());
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    pools.entry(threads).or_insert_with(|| {
        let built = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("evidence-{index}"))
            // The whole run happens on a worker: as much stack as a main thread has.
            .stack_size(8 << 20)
            // Never dropped: the workers do nothing but this pool's work.
            .start_handler(|_| std::mem::forget(FlushDenormals::new()))
            .build();
        match built {
            Ok(pool) => Box::leak(Box::new(pool)),
            Err(error) => panic!("cannot start {threads} threads ({error}): ask for fewer"),
        }
    })
}

/// Whether a fork would pay at all: true inside a pool of more than one worker.
#[inline]
pub fn is_parallel() -> bool {
    // In this order: asking for the number of threads from outside would start rayon's global pool.
    rayon::current_thread_index().is_some() && rayon::current_num_threads() > 1 && !ALONE.get()
}

/// Calls `work(offset, chunk)` on consecutive chunks of `out`; the chunk begins at element `offset`.
///
/// One chunk is one call of `work`: no fork, no allocation.
///
/// ```
/// # use evidence_autodiff::kernels::threads::for_chunks_mut;
/// let x = [1.0, 2.0, 3.0];
/// let mut y = [0.0; 3];
/// for_chunks_mut(&mut y, |offset, y| {
///     for (y, x) in y.iter_mut().zip(&x[offset..]) {
///         *y = x * x;
///     }
/// });
/// assert_eq!(y, [1.0, 4.0, 9.0]);
/// ```
#[inline]
pub fn for_chunks_mut<T: Send>(out: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    cut(out, &work, &|(), ()| ());
}

/// [`for_chunks_mut`] over any number of outputs of one type and length, cut at the same places.
///
/// # Panics
/// When the lengths differ.
#[inline]
#[track_caller]
pub fn for_chunks_mut_n<T: Send, const N: usize>(
    outs: [&mut [T]; N],
    work: impl Fn(usize, [&mut [T]; N]) + Sync,
) {
    map_chunks_mut(outs, work, |(), ()| ());
}

/// [`for_chunks_mut_n`] whose calls return something, combined in pairs as by [`map_reduce`].
///
/// # Panics
/// When the lengths differ.
#[inline]
#[track_caller]
pub fn map_chunks_mut<T: Send, R: Send, const N: usize>(
    outs: [&mut [T]; N],
    map: impl Fn(usize, [&mut [T]; N]) -> R + Sync,
    combine: impl Fn(R, R) -> R + Sync,
) -> R {
    let lengths = outs.each_ref().map(|out| out.len());
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "outputs of {lengths:?} elements");
    cut(outs, &map, &combine)
}

/// Calls `work(index, item)` on every item, side by side. For large pieces of work, each of which may fork in turn: where there
/// are as many items as workers, it does not.
pub fn for_each_mut<T: Send>(items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
    fn halve<T: Send>(first: usize, items: &mut [T], work: &(impl Fn(usize, &mut T) + Sync)) {
        match items {
            [] => {}
            [item] => work(first, item),
            _ => {
                let at = items.len().div_ceil(2);
                let (left, right) = items.split_at_mut(at);
                rayon::join(|| halve(first, left, work), || halve(first + at, right, work));
            }
        }
    }
    if !is_parallel() {
        return items.iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    }
    let enough = items.len() >= rayon::current_num_threads();
    halve(0, items, &|index, item: &mut T| {
        if enough { alone(|| work(index, item)) } else { work(index, item) }
    });
}

thread_local! {
    /// Whether this worker's current work has enough company.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` without forks: where every worker has work of its own, a fork only moves operands between cores.
fn alone<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    work()
}

/// Maps consecutive chunks of 0..`len` and combines the results in pairs, neighbours first.
///
/// `map` of one chunk when `len` is at most [`CHUNK`]; of the empty range when `len` is 0.
/// Summing in pairs also keeps rounding errors small.
#[inline]
pub fn map_reduce<R: Send>(
    len: usize,
    map: impl Fn(Range<usize>) -> R + Sync,
    combine: impl Fn(R, R) -> R + Sync,
) -> R {
    cut(0..len, &|_, range| map(range), &combine)
}

/// Something that can be cut in two.
trait Parts: Send + Sized {
    fn len(&self) -> usize;
    fn split_at(self, at: usize) -> (Self, Self);
}

impl Parts for Range<usize> {
    fn len(&self) -> usize {
        self.end - self.start
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let at = self.start + at;
        (self.start..at, at..self.end)
    }
}

impl<T: Send> Parts for &mut [T] {
    fn len(&self) -> usize {
        <[T]>::len(self)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

impl<T: Send, const N: usize> Parts for [&mut [T]; N] {
    fn len(&self) -> usize {
        self.first().map_or(0, |part| part.len())
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let mut left = self;
        let right = left.each_mut().map(|part| {
            let (first, rest) = std::mem::take(part).split_at_mut(at);
            *part = first;
            rest
        });
        (left, right)
    }
}

#[inline]
fn cut<P: Parts, R: Send>(
    parts: P,
    map: &(impl Fn(usize, P) -> R + Sync),
    combine: &(impl Fn(R, R) -> R + Sync),
) -> R {
    if parts.len() <= CHUNK {
        return map(0, parts);
    }
    let fork = parts.len() >= FORK_MIN_ELEMENTS && is_parallel();
    halve(0, parts, fork, map, combine)
}

fn halve<P: Parts, R: Send>(
    offset: usize,
    parts: P,
    fork: bool,
    map: &(impl Fn(usize, P) -> R + Sync),
    combine: &(impl Fn(R, R) -> R + Sync),
) -> R {
    let chunks = parts.len().div_ceil(CHUNK);
    if chunks <= 1 {
        return map(offset, parts);
    }
    let at = chunks.div_ceil(2) * CHUNK;
    let (left, right) = parts.split_at(at);
    let left = || halve(offset, left, fork, map, combine);
    let right = || halve(offset + at, right, fork, map, combine);
    let (left, right) = if fork { rayon::join(left, right) } else { (left(), right()) };
    combine(left, right)
}

#[cfg(test)]
mod tests;
