//! Lanes: how a model uses the machine. Each lane is a pool of one thread, so that the numeric kernels inside, which
//! split their work over the pool they find themselves in, stay on one core and in its cache, while lanes take
//! different jobs. Embedding a backlog this way needs no synchronisation between kernels. A job that comes alone, such as
//! a question, has all cores. Cost: one short-lived thread per lane and call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ModelError;

/// How many cores the machine offers.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool of a model's own: the global one is Lance's and DataFusion's.
pub(crate) fn pool(threads: usize, name: &'static str) -> Result<ThreadPool, ModelError> {
    let named = move |at| format!("{name}-{at}");
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(named).build();
    pool.map_err(|error| ModelError::Threads(error.to_string()))
}

/// Pools of one thread each, and one of all cores for a job that comes alone.
pub(crate) struct Lanes {
    lanes: Vec<ThreadPool>,
    together: ThreadPool,
}

impl Lanes {
    /// That many lanes, at least one.
    pub(crate) fn new(count: usize, name: &'static str) -> Result<Self, ModelError> {
        let lanes = (0..count.max(1)).map(|_| pool(1, name)).collect::<Result<_, _>>()?;
        Ok(Lanes { lanes, together: pool(count.max(1), name)? })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// `work` of each job, in order. Jobs are started in order; a panic in one is passed on.
    pub(crate) fn map<J: Sync, R: Send>(&self, jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(jobs.len()));
        let drive = || {
            while let Some((at, job)) = take(jobs, &next) {
                let result = work(job);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
            }
        };
        match &self.lanes[..self.lanes.len().min(jobs.len())] {
            [] => {}
            [_] if jobs.len() == 1 => self.together.install(drive),
            [lane] => lane.install(drive),
            lanes => std::thread::scope(|scope| {
                lanes.iter().for_each(|lane| drop(scope.spawn(|| lane.install(drive))));
            }),
        }
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

fn take<'j, J>(jobs: &'j [J], next: &AtomicUsize) -> Option<(usize, &'j J)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keeps_the_order_and_one_thread_a_lane_but_all_for_one() {
        let lanes = Lanes::new(3, "test").unwrap();
        let jobs: Vec<u64> = (0..100).collect();
        assert_eq!(lanes.map(&jobs, |job| job * 2), jobs.iter().map(|job| job * 2).collect::<Vec<_>>());
        assert_eq!(lanes.map(&jobs[..2], |_| rayon::current_num_threads()), [1, 1]);
        assert_eq!(lanes.map(&jobs[..1], |_| rayon::current_num_threads()), [3]);
        assert!(lanes.map(&[] as &[u64], |job| *job).is_empty());
        assert_eq!(lanes.count(), 3);
    }
}
