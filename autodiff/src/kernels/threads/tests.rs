//! What is cut, where, and by whom it is done.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread::current;

use super::*;
use crate::kernels::denormals::flushes;

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
        let mut a = vec![0; len];
        let mut d = [vec![0; len], vec![0; len], vec![0; len]];
        with_threads(threads, || {
            for_chunks_mut(&mut a, |offset, a| {
                a.iter_mut().enumerate().for_each(|(i, a)| *a = offset + i);
            });
            for_chunks_mut_n(d.each_mut().map(|d| &mut d[..]), |offset, d| {
                for (k, d) in d.into_iter().enumerate() {
                    d.iter_mut().enumerate().for_each(|(i, d)| *d = k * len + offset + i);
                }
            });
        });
        assert!(a.iter().enumerate().all(|(i, &a)| a == i));
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
        let result = std::panic::catch_unwind(|| with_threads(threads, || panic!("on purpose")));
        let message = *result.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "on purpose");
        assert!(!flushes());
        assert_eq!(with_threads(threads, || 1), 1);
    }
}

#[test]
#[should_panic(expected = "outputs of [3, 3, 2] elements")]
fn outputs_of_different_lengths_are_refused() {
    for_chunks_mut_n([&mut [0; 3], &mut [0; 3], &mut [0; 2]], |_, _| ());
}
