//! `tithe vault serve`: the far side of a connection.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::here::{self, Here};
use serde::Serialize;

use super::super::location::Location;
use super::super::object::StoreSettings;
use super::super::path::VaultPath;
use super::super::restore::{Restored, restore_here};
use super::super::session::{Planned, Settings, contradiction};
use super::super::source::{Source, SourceFolder};
use super::super::verify::{self, VaultVerified};
use super::super::wanted::{WantedFile, WantedList};
use super::far::Far;
use super::frame::{Frame, kind};
use super::job::{Job, PlannedThere, RestoreOrder};
use super::link::{Link, LinkFault};
use super::message::{Failure, Malformed};
use super::shelf::{Allowed, Inboxes, Shelf, refuse_all};
use super::ssh::{RemoteSettings, greet};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::{Monitor, Progress};
use crate::rate::RateLimit;

/// What is served, and how.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Nothing outside it is read or written.
    pub root: PathBuf,
    /// Files may be put there.
    pub writable: bool,
    /// Folder for what is remembered of the root.
    pub state: Option<PathBuf>,
    /// A connection on which nothing is heard for so long is given up.
    pub silence_max: Duration,
    /// Threads.
    pub jobs: usize,
}

/// Shows nothing: whoever connected does.
struct Unseen;

impl Monitor for Unseen {
    fn phase(&self, _: &str) {}
    fn unit(&self, name: &str, rows_expected: u64) -> Arc<Progress> {
        Arc::new(Progress::new(name, rows_expected))
    }
    fn note(&self, _: &str) {}
}

/// Answers until the connection ends.
///
/// # Errors
/// `Vault` where the root cannot be opened or the other side is silent or no tithe.
pub fn serve(
    settings: &ServeSettings,
    from: impl Read + Send + 'static,
    to: impl Write + Send + 'static,
) -> Result<()> {
    let failed = |text: String| Error::new(ErrorKind::Vault, format!("serve {}: {text}", settings.root.display()));
    let source = match SourceFolder::open(&settings.root, settings.state.as_deref()) {
        Ok(source) => Some(source),
        // A target is made by whoever fills it.
        Err(_) if settings.writable && !settings.root.exists() => None,
        Err(error) => return Err(error),
    };
    let (to, from, _) = greet(to, from, settings.silence_max, settings.writable).map_err(|(text, _)| failed(text))?;
    let (link, inbox) = Link::start(from, to, settings.silence_max, Box::new(|| {}));
    let inboxes = Inboxes::from(inbox);
    let rate = RateLimit::new(None);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shelf = source.as_ref().map(|source| Shelf::new(&source.root, Allowed::Everything, &rate));
        let local = source.as_ref().map(|source| source.local(&rate, false)).transpose()?;
        let (link, inboxes, over) = (&link, &inboxes, &over);
        scope.spawn(move || match (shelf, local) {
            (Some(shelf), Some((mut local, _))) => {
                shelf.serve(link, inboxes, &mut local, settings.jobs, over);
                let _ = local.save();
            }
            _ => refuse_all(link, inboxes, over),
        });
        let far = FarSide { settings, link, control: &inboxes.control };
        far.work();
        over.store(true, Ordering::Relaxed);
        Ok::<_, Error>(())
    })?;
    match link.ended() {
        Some(LinkFault::Broken(text)) => Err(failed(text)),
        _ => Ok(()),
    }
}

/// Works on its own folder as it is told.
struct FarSide<'a> {
    settings: &'a ServeSettings,
    link: &'a Arc<Link>,
    control: &'a Mutex<Receiver<Frame>>,
}

/// What was told of a push.
struct Told {
    job: Job,
    files: Vec<WantedFile>,
    /// The memory that further files may take.
    bytes_left: u64,
}

impl Told {
    fn new(job: Job) -> Self {
        Self { bytes_left: job.list_bytes(), job, files: Vec::new() }
    }
}

impl FarSide<'_> {
    fn next(&self) -> Option<Frame> {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match control.recv_timeout(Duration::from_millis(200)) {
                Ok(frame) => return Some(frame),
                Err(RecvTimeoutError::Timeout) if self.link.ended().is_none() => {}
                Err(_) => return None,
            }
        }
    }

    fn work(&self) {
        let mut told = None;
        let mut kept = None;
        while let Some(frame) = kept.take().or_else(|| self.next()) {
            let heard = match frame.kind {
                kind::SETTINGS => Job::parse(&frame.payload).map(|job| told = Some(Told::new(job))),
                kind::FILES => {
                    let add =
                        |Told { job, files, bytes_left }: &mut Told| job.take_files(&frame.payload, files, bytes_left);
                    told.as_mut().ok_or(Malformed).and_then(add)
                }
                kind::PLAN | kind::BRING => match told.take() {
                    Some(mut told) => {
                        let outcome = if frame.kind == kind::PLAN {
                            self.plan(&mut told, &frame)
                        } else {
                            self.bring(&mut told, &frame, &mut kept)
                        };
                        if let Err((request, error)) = outcome {
                            let _ = self.link.refuse(request, &Failure::of(&error));
                        }
                        Ok(())
                    }
                    None => Err(Malformed),
                },
                kind::VERIFY => told.take().map(|mut told| self.tell(&frame, self.verify(&mut told))).ok_or(Malformed),
                kind::STATUS => {
                    self.tell(&frame, verify::status_here(&self.settings.root));
                    Ok(())
                }
                kind::RESTORE => {
                    RestoreOrder::parse(&frame.payload).map(|order| self.tell(&frame, self.restore(&order)))
                }
                _ => Err(Malformed),
            };
            if heard.is_err() {
                self.link.end(LinkFault::Broken("an order that cannot be understood".to_owned()));
                return;
            }
        }
    }

    fn settings_of(&self, told: &Told) -> Settings {
        let job = &told.job;
        Settings {
            source: Location::Folder(PathBuf::new()),
            target: Location::Folder(self.settings.root.clone()),
            state: None,
            run_id: job.run_id.clone(),
            jobs: job.jobs.clamp(1, 64),
            bytes_per_second: None,
            durability: job.durability(),
            adopt: job.adopt,
            overwrite: job.overwrite,
            paranoid: job.paranoid,
            missing_percent: job.missing_percent,
            keep_trash: job.keep_trash(),
            store: StoreSettings::default(),
            remote: RemoteSettings {
                ssh: Vec::new(),
                remote_tithe: String::new(),
                silence_max: self.settings.silence_max,
            },
        }
    }

    /// The list as it was told, which is used up: it is not kept twice.
    fn wanted(&self, told: &mut Told) -> Result<WantedList> {
        let odd = || Error::new(ErrorKind::Plan, "the list of files is not whole");
        if !told.job.is_complete(&told.files) {
            return Err(odd());
        }
        let rules = told.job.rules().map_err(|Malformed| odd())?;
        WantedList::unite(rules, std::mem::take(&mut told.files)).map_err(contradiction)
    }

    fn plan(&self, told: &mut Told, frame: &Frame) -> Result<(), (u32, Error)> {
        let failed = |error| (frame.request, error);
        let wanted = self.wanted(told).map_err(failed)?;
        let settings = self.settings_of(told);
        let source = Source::Far(Far::given(Arc::clone(self.link)));
        let planned = here::plan(&settings, &source, &wanted).map_err(failed)?;
        let _ = self.link.answer(frame.request, &PlannedThere::bytes(&planned), &[]);
        Ok(())
    }

    fn verify(&self, told: &mut Told) -> Result<VaultVerified> {
        verify::verify_here(&self.settings.root, &self.wanted(told)?)
    }

    /// To its end, whatever becomes of the connection: the other side finds it done when it asks again.
    fn restore(&self, order: &RestoreOrder) -> Result<Restored> {
        self.check_writable()?;
        restore_here(&self.settings.root, &order.run_id, order.to, &AtomicBool::new(false))
    }

    fn check_writable(&self) -> Result<()> {
        if self.settings.writable {
            return Ok(());
        }
        let text = format!("{} is served for reading only", self.settings.root.display());
        Err(Error::new(ErrorKind::Refused, text))
    }

    fn tell(&self, frame: &Frame, answer: Result<impl Serialize>) {
        let _ = match answer {
            Ok(answer) => self.link.answer(frame.request, &serde_json::to_vec(&answer).unwrap_or_default(), &[]),
            Err(error) => self.link.refuse(frame.request, &Failure::of(&error)),
        };
    }

    fn bring(&self, told: &mut Told, frame: &Frame, kept: &mut Option<Frame>) -> Result<(), (u32, Error)> {
        self.check_writable().map_err(|error| (frame.request, error))?;
        // Failures answer the order that is open.
        let open = Mutex::new(frame.request);
        let number = || *open.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error| (number(), error);
        let wanted = self.wanted(told).map_err(failed)?;
        let source = Source::Far(Far::given(Arc::clone(self.link)));
        let here = Here::open(self.settings_of(told), source).map_err(failed)?;
        let stop = AtomicBool::new(false);
        let permit = |planned: &Planned| {
            let _ = self.link.answer(frame.request, &PlannedThere::bytes(planned), &[]);
            match self.next() {
                Some(go) if go.kind == kind::GO => {
                    *open.lock().unwrap_or_else(PoisonError::into_inner) = go.request;
                    Ok(())
                }
                _ => Err(Error::new(ErrorKind::Interrupted, "bring files: not wanted after all")),
            }
        };
        let (planned, brought) = here.bring(&wanted, &Unseen, &stop, permit).map_err(failed)?;
        let _ = self.link.answer(number(), &serde_json::to_vec(&brought).unwrap_or_default(), &[]);
        match self.next() {
            Some(order) if order.kind == kind::REMOVE => {
                let removed: (u64, Vec<VaultPath>) =
                    here.remove(&planned.plan).map_err(|error| (order.request, error))?;
                let _ = self.link.answer(order.request, &serde_json::to_vec(&removed).unwrap_or_default(), &[]);
            }
            other => *kept = other,
        }
        Ok(())
    }
}
