//! Runs a list of jobs in lanes: each lane takes the next job as soon as it is free; the first failure stops all.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` for every job, at most `lanes` at a time, in the order given; results in no order.
///
/// # Errors
/// The first failure; the other lanes are stopped.
pub(super) async fn run<J, T, F, W>(lanes: usize, jobs: Vec<J>, work: W) -> Result<Vec<T>>
where
    J: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
    W: Fn(J) -> F + Send + Sync + 'static,
{
    let queue = Arc::new(Mutex::new(VecDeque::from(jobs)));
    let work = Arc::new(work);
    let mut set = JoinSet::new();
    for _ in 0..lanes.max(1) {
        let (queue, work) = (Arc::clone(&queue), Arc::clone(&work));
        set.spawn(async move {
            let mut done = Vec::new();
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(job) = next else { return Ok::<Vec<T>, Error>(done) };
                done.push(work(job).await?);
            }
        });
    }
    let mut all = Vec::new();
    // Dropping the set on the way out stops the lanes that still run.
    while let Some(ended) = set.join_next().await {
        let done = ended.map_err(|cause| Error::new(ErrorKind::Unexpected, "run a lane").with_cause(cause))?;
        all.extend(done?);
    }
    Ok(all)
}
