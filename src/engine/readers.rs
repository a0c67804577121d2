//! Several sessions read ranges of one table; one COPY takes what they send.
//!
//! The lane's own session takes range after range; others join for one range each when they are free, so that no lane
//! waits for long and no more sessions are open than lanes. What is read and not yet written is bounded in bytes.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Progress;
use crate::pg::connect::{Client, PooledSession};
use crate::pg::load::{BATCH_BYTES, Loader};
use crate::pg::scan::PageRange;

use super::transfer::{Moved, Transfer};
use super::units::{Part, TableCopy};
use super::worker::Worker;

/// Of one table, read and not yet written.
const QUEUE_BYTES: usize = 4 << 20;

/// How often the pool is asked for a session that is free.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What all readers of a part share.
struct Shared {
    transfer: Arc<Transfer>,
    copy: Arc<TableCopy>,
    part: Part,
    ranges: Mutex<VecDeque<PageRange>>,
    /// In KiB.
    room: Arc<Semaphore>,
    /// A session could not be opened: the lane goes on with its own.
    alone: AtomicBool,
}

/// Whole rows on their way to the writer.
struct Batch {
    bytes: Vec<u8>,
    rows: u64,
    _room: OwnedSemaphorePermit,
}

/// Reads all `ranges` and hands their rows to the loader; bytes are left to the loader to count.
///
/// # Errors
/// The first of any reader or of the target; the readers are stopped.
pub(super) async fn run(
    transfer: &Arc<Transfer>,
    copy: &Arc<TableCopy>,
    part: Part,
    ranges: Vec<PageRange>,
    source: &Arc<PooledSession>,
    loader: &mut Loader,
    progress: &Progress,
) -> Result<Moved> {
    let shared = Arc::new(Shared {
        transfer: Arc::clone(transfer),
        copy: Arc::clone(copy),
        part,
        ranges: Mutex::new(ranges.into()),
        room: Arc::new(Semaphore::new(QUEUE_BYTES / 1024)),
        alone: AtomicBool::new(false),
    });
    let (sender, batches) = mpsc::unbounded_channel();
    // Dropping the set on the way out stops the readers.
    let mut readers = JoinSet::new();
    readers.spawn(read_all(Arc::clone(&shared), Arc::clone(source), sender.clone()));
    write(&shared, sender, batches, readers, loader, progress).await
}

async fn write(
    shared: &Arc<Shared>,
    sender: UnboundedSender<Batch>,
    mut batches: UnboundedReceiver<Batch>,
    mut readers: JoinSet<Result<Moved>>,
    loader: &mut Loader,
    progress: &Progress,
) -> Result<Moved> {
    let target = &shared.transfer.target;
    let mut moved = Moved::default();
    // Kept as long as readers may join: the channel ends when all senders are gone.
    let mut sender = Some(sender);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            batch = batches.recv() => {
                let Some(Batch { bytes, rows, _room }) = batch else { break };
                progress.add(rows, bytes.len() as u64);
                let load = |e| target.fail(format!("load rows into {}", shared.copy.relation.name), e);
                loader.send(bytes).await.map_err(load)?;
            }
            Some(ended) = readers.join_next() => moved.merge(&outcome(ended)?),
            _ = look.tick(), if sender.is_some() => {
                sender = sender.filter(|_| !shared.is_empty() && !shared.alone.load(Ordering::Relaxed));
                if let Some(sender) = &sender {
                    readers.spawn(read_next(Arc::clone(shared), sender.clone()));
                }
            }
        }
    }
    while let Some(ended) = readers.join_next().await {
        moved.merge(&outcome(ended)?);
    }
    Ok(moved)
}

fn outcome(ended: Result<Result<Moved>, JoinError>) -> Result<Moved> {
    ended.map_err(|cause| Error::new(ErrorKind::Unexpected, "run a reader").with_cause(cause))?
}

/// The lane's own reader: one range after the other.
async fn read_all(shared: Arc<Shared>, session: Arc<PooledSession>, sender: UnboundedSender<Batch>) -> Result<Moved> {
    let mut moved = Moved::default();
    while let Some(range) = shared.next() {
        moved.merge(&shared.read(range, &session, &sender).await?);
    }
    Ok(moved)
}

/// A reader that joins for one range, if a session is free: whoever waits for the session gets it then. One that the
/// server does not grant is not worth the run: the lane's own is enough.
async fn read_next(shared: Arc<Shared>, sender: UnboundedSender<Batch>) -> Result<Moved> {
    let session = match shared.transfer.source.spare_session().await {
        Ok(Some(session)) => session,
        Ok(None) => return Ok(Moved::default()),
        Err(_) => {
            shared.alone.store(true, Ordering::Relaxed);
            return Ok(Moved::default());
        }
    };
    match shared.next() {
        Some(range) => shared.read(range, &session, &sender).await,
        None => Ok(Moved::default()),
    }
}

impl Shared {
    fn next(&self) -> Option<PageRange> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn is_empty(&self) -> bool {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    async fn read(&self, range: PageRange, session: &Client, sender: &UnboundedSender<Batch>) -> Result<Moved> {
        let read = |e| self.transfer.source.fail(format!("read rows of {}", self.copy.relation.name), e);
        let statement = self.part.query.copy(range, self.copy.format);
        let mut stream = pin!(session.copy_out(&statement).await.map_err(read)?);
        drop(statement);
        let mut worker = Worker::new(&self.transfer, &self.copy, &self.part.rules)?.starting_at(range.first_page());
        let (mut bytes, mut sent_rows) = (Vec::with_capacity(BATCH_BYTES + 16 * 1024), 0);
        while let Some(chunk) = stream.try_next().await.map_err(read)? {
            self.transfer.rate.take(chunk.len()).await;
            worker.take(chunk, &mut bytes, &self.transfer)?;
            if bytes.len() >= BATCH_BYTES {
                let full = std::mem::replace(&mut bytes, Vec::with_capacity(BATCH_BYTES + 16 * 1024));
                self.send(full, worker.rows() - sent_rows, sender).await;
                sent_rows = worker.rows();
            }
        }
        let rows = worker.rows();
        worker.tell(&self.transfer);
        let moved = worker.finish()?;
        self.send(bytes, rows - sent_rows, sender).await;
        Ok(moved)
    }

    /// Waits until there is room; a row that is larger than all of it waits for all of it.
    async fn send(&self, bytes: Vec<u8>, rows: u64, sender: &UnboundedSender<Batch>) {
        if rows == 0 {
            return;
        }
        let kib = (bytes.len() / 1024 + 1).min(QUEUE_BYTES / 1024);
        let room = Arc::clone(&self.room).acquire_many_owned(kib as u32).await;
        // Neither is closed before the readers are stopped.
        if let Ok(room) = room {
            let _ = sender.send(Batch { bytes, rows, _room: room });
        }
    }
}
