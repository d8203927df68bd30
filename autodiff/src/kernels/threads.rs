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

/// [`for_chunks_mut`] over two outputs of one length, cut at the same places.
///
/// # Panics
/// When the lengths differ.
#[inline]
#[track_caller]
pub fn for_chunks_mut2<T: Send, U: Send>(
    first: &mut [T],
    second: &mut [U],
    work: impl Fn(usize, &mut [T], &mut [U]) + Sync,
) {
    let lengths = (first.len(), second.len());
    assert!(lengths.0 == lengths.1, "outputs of {} and {} elements", lengths.0, lengths.1);
    cut((first, second), &|offset, (first, second)| work(offset, first, second), &|(), ()| ());
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
    let lengths = outs.each_ref().map(|out| out.len());
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "outputs of {lengths:?} elements");
    cut(outs, &work, &|(), ()| ());
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

impl<A: Parts, B: Parts> Parts for (A, B) {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let ((a, c), (b, d)) = (self.0.split_at(at), self.1.split_at(at));
        ((a, b), (c, d))
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
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::thread::current;

    use super::super::denormals::flushes;
    use super::*;

    const LENGTHS: [usize; 10] =
        [0, 1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 5 * CHUNK + 7, 64 * CHUNK];
    const THREADS: [usize; 5] = [0, 1, 2, 3, 8];

    /// The (offset, length) of every chunk of a run.
    fn cuts(threads: usize, len: usize) -> BTreeSet<(usize, usize)> {
        let seen = Mutex::new(BTreeSet::new());
        let mut out = vec![(); len];
        with_threads(threads, || {
            for_chunks_mut(&mut out, |offset, out| {
                assert!(seen.lock().unwrap().insert((offset, out.len())), "once each");
            });
        });
        seen.into_inner().unwrap()
    }

    #[test]
    fn chunks_tile_the_output_and_depend_on_its_length_alone() {
        for len in LENGTHS {
            let alone = cuts(1, len);
            let mut next = 0;
            for &(offset, size) in &alone {
                assert_eq!(offset, next);
                assert!(offset.is_multiple_of(CHUNK) && size <= CHUNK);
                next += size;
            }
            assert_eq!(next, len);
            for threads in THREADS {
                assert_eq!(cuts(threads, len), alone, "{threads} threads, {len} elements");
            }
        }
    }

    #[test]
    fn outputs_are_written_at_their_offsets() {
        for (len, threads) in LENGTHS.into_iter().flat_map(|l| THREADS.map(|t| (l, t))) {
            let (mut a, mut b, mut c) = (vec![0; len], vec![0; len], vec![0u8; len]);
            let mut d = [vec![0; len], vec![0; len], vec![0; len]];
            with_threads(threads, || {
                for_chunks_mut(&mut a, |offset, a| {
                    a.iter_mut().enumerate().for_each(|(i, a)| *a = offset + i);
                });
                for_chunks_mut2(&mut b, &mut c, |offset, b, c| {
                    assert_eq!(b.len(), c.len());
                    b.iter_mut().enumerate().for_each(|(i, b)| *b = offset + i);
                    c.fill(1);
                });
                for_chunks_mut_n(d.each_mut().map(|d| &mut d[..]), |offset, d| {
                    for (k, d) in d.into_iter().enumerate() {
                        d.iter_mut().enumerate().for_each(|(i, d)| *d = k * len + offset + i);
                    }
                });
            });
            assert!(a.iter().enumerate().all(|(i, &a)| a == i));
            assert_eq!(a, b);
            assert!(c.iter().all(|&c| c == 1));
            assert!(d.concat().iter().enumerate().all(|(i, &d)| d == i));
        }
    }

    #[test]
    fn sums_have_the_same_bits_on_any_number_of_threads() {
        for len in LENGTHS {
            let x: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin()).collect();
            let sum = |threads| {
                with_threads(threads, || {
                    map_reduce(len, |range| x[range].iter().sum::<f32>(), |a, b| a + b)
                })
            };
            let exact: f64 = x.iter().map(|&x| x as f64).sum();
            assert!((sum(1) as f64 - exact).abs() <= 1e-6 * len as f64, "{} {exact}", sum(1));
            for threads in THREADS {
                assert_eq!(sum(threads).to_bits(), sum(1).to_bits(), "{threads}, {len}");
            }
        }
    }

    #[test]
    fn partial_results_are_combined_in_order() {
        let concatenate = |mut a: Vec<usize>, b: Vec<usize>| {
            a.extend(b);
            a
        };
        let starts = with_threads(3, || map_reduce(9 * CHUNK, |r| vec![r.start], concatenate));
        assert_eq!(starts, (0..9).map(|i| i * CHUNK).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_forked_outside_a_pool_on_one_thread_or_below_the_threshold() {
        let stays = |len| {
            let caller = current().id();
            map_reduce(len, |_| current().id() == caller, |a, b| a && b)
        };
        assert!(!is_parallel() && stays(64 * CHUNK));
        let caller = current().id();
        let one = || !is_parallel() && stays(64 * CHUNK);
        assert!(with_threads(1, || one() && current().id() == caller));
        assert!(with_threads(2, || is_parallel() && stays(FORK_MIN_ELEMENTS - 1)));
        assert!(with_threads(2, || with_threads(1, one)), "one thread inside two");
    }

    #[test]
    fn items_are_each_worked_on_once_and_fork_only_where_workers_are_left() {
        for (threads, count) in THREADS.into_iter().flat_map(|t| [0, 1, 2, 3, 7].map(|c| (t, c))) {
            let mut items = vec![(usize::MAX, false); count];
            let workers = with_threads(threads, || {
                for_each_mut(&mut items, |index, item| {
                    assert_eq!(item.0, usize::MAX, "once each");
                    *item = (index, is_parallel());
                });
                if is_parallel() { rayon::current_num_threads() } else { 1 }
            });
            let forks = workers > 1 && count < workers;
            assert!(items.into_iter().eq((0..count).map(|i| (i, forks))), "{threads}, {count}");
        }
    }

    #[test]
    fn a_pool_has_the_workers_asked_for() {
        for threads in [2, 3, 8] {
            let inside = || (rayon::current_num_threads(), current().id());
            let (count, worker) = with_threads(threads, inside);
            assert_eq!(count, threads);
            // Entering the same pool again stays on the worker; another pool takes over and comes back.
            let same = || with_threads(threads, inside).1 == current().id();
            assert!(with_threads(threads, same));
            assert_eq!(with_threads(2, || with_threads(threads, inside).0), threads);
            assert_ne!(worker, current().id());
        }
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[test]
    fn every_worker_flushes_denormals_and_the_caller_does_not_afterwards() {
        for threads in THREADS {
            assert!(with_threads(threads, flushes), "the closure, {threads} threads");
            assert!(!flushes());
        }
        for threads in [2, 3, 8] {
            let workers = with_threads(threads, || rayon::broadcast(|_| flushes()));
            assert_eq!(workers, vec![true; threads]);
            assert!(!flushes());
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        for threads in THREADS {
            let result =
                std::panic::catch_unwind(|| with_threads(threads, || panic!("on purpose")));
            let message = *result.unwrap_err().downcast::<&str>().unwrap();
            assert_eq!(message, "on purpose");
            assert!(!flushes());
            assert_eq!(with_threads(threads, || 1), 1);
        }
    }

    #[test]
    #[should_panic(expected = "outputs of 3 and 2 elements")]
    fn outputs_of_different_lengths_are_refused() {
        for_chunks_mut2(&mut [0; 3], &mut [0; 2], |_, _, _| ());
    }

    #[test]
    #[should_panic(expected = "outputs of [3, 3, 2] elements")]
    fn any_number_of_outputs_of_different_lengths_is_refused() {
        for_chunks_mut_n([&mut [0; 3], &mut [0; 3], &mut [0; 2]], |_, _| ());
    }
}
