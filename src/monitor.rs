//! The seam through which stages report progress: atomic counters and a stage list that a display reads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const FILES: &str = "files";

/// Receives progress. Methods are cheap and may be called from any thread.
pub trait Monitor: Send + Sync {
    /// A phase begins; the one before it ends.
    fn phase(&self, name: &str);
    /// What the phase's units will come to: how many, and a guess of their rows.
    fn total(&self, _units: usize, _rows_expected: u64) {}
    /// A unit of work (a table) begins; `rows_expected` is an estimate, 0 when unknown.
    fn unit(&self, name: &str, rows_expected: u64) -> Arc<Progress>;
    /// Moving so many files begins: a unit that counts files, not rows.
    fn files(&self, files_expected: u64) -> Arc<Progress> {
        Arc::new(Progress::of_files(files_expected))
    }
    /// A line worth keeping: a warning, a skipped item.
    fn note(&self, text: &str);
}

/// Counters of one unit of work.
#[derive(Debug)]
pub struct Progress {
    /// What it is: a table's name.
    pub name: String,
    /// What its rows are called.
    pub counts: &'static str,
    /// Estimate of the rows to come.
    pub rows_expected: u64,
    /// Rows moved so far.
    pub rows: AtomicU64,
    /// Bytes moved so far.
    pub bytes: AtomicU64,
    /// When it began.
    pub started: Instant,
    /// Rows are in, indexes are being built.
    building: AtomicBool,
    /// How long it took; empty while it runs.
    took: OnceLock<Duration>,
}

impl Progress {
    /// Counters at zero.
    pub fn new(name: &str, rows_expected: u64) -> Self {
        Self {
            name: name.to_owned(),
            counts: "rows",
            rows_expected,
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            started: Instant::now(),
            building: AtomicBool::new(false),
            took: OnceLock::new(),
        }
    }

    /// Counters of files.
    pub fn of_files(files_expected: u64) -> Self {
        Self { counts: FILES, ..Self::new(FILES, files_expected) }
    }

    /// It counts files.
    pub fn is_of_files(&self) -> bool {
        self.counts == FILES
    }

    /// Adds what was moved.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All rows are moved; what follows is building indexes.
    pub fn build(&self) {
        self.building.store(true, Ordering::Relaxed);
    }

    /// Marks the unit complete.
    pub fn finish(&self) {
        let _ = self.took.set(self.started.elapsed());
    }

    /// Indexes are being built.
    pub fn is_building(&self) -> bool {
        self.building.load(Ordering::Relaxed)
    }

    /// How long the unit took, once it is complete.
    pub fn took(&self) -> Option<Duration> {
        self.took.get().copied()
    }
}

/// A monitor that remembers phases and notes, and passes everything on to another where it stands in front of one.
#[derive(Default)]
pub struct Recorder {
    phases: Mutex<Vec<(String, Instant)>>,
    notes: Mutex<Vec<String>>,
    next: Option<Arc<dyn Monitor>>,
}

impl Recorder {
    /// A recorder in front of `next`.
    pub fn before(next: Arc<dyn Monitor>) -> Self {
        Self { next: Some(next), ..Self::default() }
    }

    /// Phases so far with their durations; the last one counts until now.
    pub fn phases(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let ends = phases.iter().skip(1).map(|(_, at)| *at).chain(std::iter::once(now));
        phases.iter().zip(ends).map(|((name, begin), end)| (name.clone(), end - *begin)).collect()
    }

    /// Notes so far.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Monitor for Recorder {
    fn phase(&self, name: &str) {
        self.phases.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), Instant::now()));
        self.next.iter().for_each(|next| next.phase(name));
    }

    fn total(&self, units: usize, rows_expected: u64) {
        self.next.iter().for_each(|next| next.total(units, rows_expected));
    }

    fn unit(&self, name: &str, rows_expected: u64) -> Arc<Progress> {
        match &self.next {
            Some(next) => next.unit(name, rows_expected),
            None => Arc::new(Progress::new(name, rows_expected)),
        }
    }

    fn files(&self, files_expected: u64) -> Arc<Progress> {
        match &self.next {
            Some(next) => next.files(files_expected),
            None => Arc::new(Progress::of_files(files_expected)),
        }
    }

    fn note(&self, text: &str) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        self.next.iter().for_each(|next| next.note(text));
    }
}
