//! One run's work on a vault: compare, bring, and, once the new rows are in use, remove.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::bring::{Brought, Durability};
use super::compare::VaultPlan;
use super::here::{self, Here};
use super::location::Location;
use super::object::{InBucket, StoreSettings};
use super::path::VaultPath;
use super::remote::RemoteSettings;
use super::source::Source;
use super::there::There;
use super::wanted::{Contradiction, WantedList};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;

/// How a run works on files.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where files come from.
    pub source: Location,
    /// Where they go.
    pub target: Location,
    /// How to reach other machines.
    pub remote: RemoteSettings,
    /// How to reach object stores.
    pub store: StoreSettings,
    /// Folder for what is remembered of the source and of buckets; it is never written to.
    pub state: Option<PathBuf>,
    /// Names the run's part of the trash.
    pub run_id: String,
    /// Threads.
    pub jobs: usize,
    /// Limit of bytes read per second.
    pub bytes_per_second: Option<u64>,
    /// When files are forced to the disk.
    pub durability: Durability,
    /// Take a folder as target that holds other files.
    pub adopt: bool,
    /// Replace files that differ and are not ours.
    pub overwrite: bool,
    /// Believe no remembered hash.
    pub paranoid: bool,
    /// Share of the required files, in percent, that may be missing.
    pub missing_percent: f64,
    /// How long replaced and removed files are kept.
    pub keep_trash: Duration,
}

/// A target held by this run.
pub struct Session(Work);

enum Work {
    /// The target is a folder of this machine.
    Here(Box<Here>),
    /// It is one of another.
    There(Box<There>),
    /// It is one of a bucket.
    InBucket(Box<InBucket>),
}

/// What planning found.
#[derive(Debug)]
pub struct Planned {
    /// What is to be done.
    pub plan: VaultPlan,
    /// Pairs of paths that a folding disk would store in one place.
    pub folded: Vec<(VaultPath, VaultPath)>,
    /// Records that could not be used.
    pub notes: Vec<String>,
}

/// Compares without touching anything.
///
/// # Errors
/// `Vault`, `Refused` or `Plan`; `Usage` for two ends that cannot be joined.
pub fn plan(settings: &Settings, wanted: &WantedList) -> Result<Planned> {
    refuse_pair(settings)?;
    match &settings.target {
        Location::Folder(_) => here::plan(settings, &Source::open(settings)?, wanted),
        Location::Ssh(place) => There::open(settings.clone(), place, false)?.plan(wanted),
        Location::Bucket(place) => super::object::plan(settings, place, &Source::open(settings)?, wanted),
    }
}

impl Session {
    /// Opens both sides and locks the target.
    ///
    /// # Errors
    /// `Vault`, `Refused` or `Locked`; `Usage` for two ends that cannot be joined.
    pub fn open(settings: Settings) -> Result<Self> {
        refuse_pair(&settings)?;
        let work = match settings.target.clone() {
            Location::Folder(_) => {
                let source = Source::open(&settings)?;
                Work::Here(Box::new(Here::open(settings, source)?))
            }
            Location::Ssh(place) => Work::There(Box::new(There::open(settings, &place, true)?)),
            Location::Bucket(place) => {
                let source = Source::open(&settings)?;
                Work::InBucket(Box::new(InBucket::open(settings, &place, source)?))
            }
        };
        Ok(Self(work))
    }

    /// Compares and brings what is missing. Nothing is removed.
    ///
    /// # Errors
    /// `Vault` (too many missing files among others), `Plan`, `Locked`, `Interrupted`.
    pub fn bring(
        &self,
        wanted: &WantedList,
        monitor: &dyn Monitor,
        stop: &AtomicBool,
        permit: impl FnOnce(&Planned) -> Result<()> + Send,
    ) -> Result<(Planned, Brought)> {
        match &self.0 {
            Work::Here(here) => here.bring(wanted, monitor, stop, permit),
            Work::There(there) => there.bring(wanted, monitor, stop, permit),
            Work::InBucket(bucket) => bucket.bring(wanted, monitor, stop, permit),
        }
    }

    /// Moves files that nobody wants any more to the trash; returns how many and the paths that changed meanwhile.
    ///
    /// # Errors
    /// `Vault` as the system says, `Locked`.
    pub fn remove(&self, plan: &VaultPlan) -> Result<(u64, Vec<VaultPath>)> {
        match &self.0 {
            Work::Here(here) => here.remove(plan),
            Work::There(there) => there.remove(plan),
            Work::InBucket(bucket) => bucket.remove(plan),
        }
    }
}

/// Files pass through this machine, and another one talks to a tithe that holds them.
fn refuse_pair(settings: &Settings) -> Result<()> {
    let (source, target) = (&settings.source, &settings.target);
    let both = [source, target];
    let has_ssh = both.iter().any(|place| matches!(place, Location::Ssh(_)));
    let has_folder = both.iter().any(|place| matches!(place, Location::Folder(_)));
    if !has_ssh || has_folder {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Usage,
        format!("bring files from {source} to {target}: one of them must be a folder of this machine"),
    )
    .with_remedy("run it on that machine, or bring the files to a folder of this one first"))
}

pub(crate) fn threads(jobs: usize) -> Result<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .thread_name(|at| format!("vault {at}"))
        .build()
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "start the threads that move files").with_cause(cause))
}

/// What to tell of a list that cannot be.
pub fn contradiction(found: Contradiction) -> Error {
    match found {
        Contradiction::Modes { path, rules: [one, other] } => Error::new(
            ErrorKind::Profile,
            format!("{path} is wanted by {one:?} and by {other:?}, which treat it differently"),
        )
        .with_remedy("give both entries of [[vault.files]] one mode"),
        Contradiction::Sources(path) => {
            Error::new(ErrorKind::Plan, format!("{path} would be made of two different files of the source"))
        }
        Contradiction::FileInFolder(file, inside) => {
            Error::new(ErrorKind::Plan, format!("{file} is wanted as a file and as the folder of {inside}"))
                .with_remedy("two rows name a file and a folder of one name: leave one out with `where` or in the list")
        }
    }
}

pub(crate) fn failed(what: &str, place: &dyn std::fmt::Display, error: io::Error) -> Error {
    // What another machine said is an error of ours already.
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::new(ErrorKind::Vault, format!("{what} the vault {place}")).with_cause(error),
    }
}
