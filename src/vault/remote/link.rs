//! One connection: requests of both sides and their answers, many under way at a time.
//!
//! A thread reads frames and hands answers to whoever waits for them; each waits for a stated number of bytes at most,
//! so that what a peer sends is bounded by what was asked for. Another thread says now and then that this side is
//! alive and ends the connection when the other side was silent for too long.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::pulse::beats;
use super::frame::{Frame, kind};
use super::message::Failure;

/// Requests that wait to be worked on; beyond them the connection is not read.
const REQUESTS_MAX: usize = 64;
/// A peer that owes an answer may say so many silences long that it is alive without doing anything: some calls of a
/// system take minutes.
const IDLE_SILENCES_MAX: u32 = 10;
/// What an answer may hold beside the bytes that were asked for.
const ANSWER_BYTES: u64 = 8 << 10;

/// Why an answer does not come.
#[derive(Clone, Debug)]
pub(crate) enum LinkFault {
    /// The connection is gone; another may do.
    Lost(String),
    /// The peer does what it must not; another connection would fare no better.
    Broken(String),
    /// The peer refused or failed.
    Failed(Failure),
    /// This side was told to stop.
    Stopped,
}

/// What the peer asks for, by who works on it.
pub(crate) struct Inbox {
    /// What stands where: to be answered in order.
    pub(crate) asks: Receiver<Frame>,
    /// Content.
    pub(crate) reads: Receiver<Frame>,
    /// Work on the folder itself.
    pub(crate) control: Receiver<Frame>,
}

enum Answer {
    Part(Vec<u8>),
    Done(Vec<u8>),
    Failed(Vec<u8>),
}

struct Waiting {
    sender: Sender<Answer>,
    bytes_left: u64,
}

#[derive(Default)]
struct Waiters {
    by_request: HashMap<u32, Waiting>,
    ended: Option<LinkFault>,
}

/// Ends the means of the connection.
type HangUp = Box<dyn Fn() + Send + Sync>;

/// An open connection.
pub(crate) struct Link {
    out: Mutex<Box<dyn Write + Send>>,
    waiters: Mutex<Waiters>,
    next: AtomicU32,
    born: Instant,
    heard_ms: AtomicU64,
    /// When either side did something, as far as is known here.
    stirred_ms: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    over: AtomicBool,
    hang_up: HangUp,
}

/// An answer that is to come.
pub(crate) struct Pending {
    request: u32,
    receiver: Receiver<Answer>,
    link: Arc<Link>,
}

impl Link {
    /// Takes over a connection on which the hellos were exchanged.
    pub(crate) fn start(
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
        silence_max: Duration,
        hang_up: HangUp,
    ) -> (Arc<Self>, Inbox) {
        let link = Arc::new(Self {
            out: Mutex::new(Box::new(to)),
            waiters: Mutex::default(),
            next: AtomicU32::new(1),
            born: Instant::now(),
            heard_ms: AtomicU64::new(0),
            stirred_ms: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            over: AtomicBool::new(false),
            hang_up,
        });
        let (ask, asks) = mpsc::sync_channel(REQUESTS_MAX);
        let (read, reads) = mpsc::sync_channel(REQUESTS_MAX);
        let (steer, control) = mpsc::sync_channel(REQUESTS_MAX);
        let reader = Arc::clone(&link);
        std::thread::spawn(move || reader.read_all(BufReader::with_capacity(256 << 10, from), &[ask, read, steer]));
        let watcher = Arc::clone(&link);
        std::thread::spawn(move || watcher.watch(silence_max));
        (link, Inbox { asks, reads, control })
    }

    /// Asks for something; the answer may have so many bytes.
    pub(crate) fn ask(self: &Arc<Self>, kind: u8, payload: &[u8], answer_bytes: u64) -> Result<Pending, LinkFault> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        self.stir();
        let (sender, receiver) = mpsc::channel();
        {
            let mut waiters = self.waiters();
            if let Some(ended) = &waiters.ended {
                return Err(ended.clone());
            }
            let bytes_left = answer_bytes.saturating_add(ANSWER_BYTES);
            waiters.by_request.insert(request, Waiting { sender, bytes_left });
        }
        let pending = Pending { request, receiver, link: Arc::clone(self) };
        self.send(kind, request, payload)?;
        Ok(pending)
    }

    /// Sends one frame.
    pub(crate) fn send(&self, kind: u8, request: u32, payload: &[u8]) -> Result<(), LinkFault> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        self.send_on(&mut **out, kind, request, payload)
    }

    /// Sends an answer of any length: parts, then the end.
    pub(crate) fn answer(&self, request: u32, parts: &[u8], end: &[u8]) -> Result<(), LinkFault> {
        for part in parts.chunks(256 << 10) {
            self.send(kind::PART, request, part)?;
        }
        self.send(kind::DONE, request, end)
    }

    /// Sends a refusal.
    pub(crate) fn refuse(&self, request: u32, failure: &Failure) -> Result<(), LinkFault> {
        self.send(kind::FAILED, request, &failure.bytes())
    }

    fn send_on(&self, out: &mut dyn Write, kind: u8, request: u32, payload: &[u8]) -> Result<(), LinkFault> {
        let head = Frame::head(kind, request, payload.len());
        let sent = out.write_all(&head).and_then(|()| out.write_all(payload)).and_then(|()| out.flush());
        self.sent.fetch_add(Frame::wire_bytes(payload.len()), Ordering::Relaxed);
        sent.map_err(|error| self.end(LinkFault::Lost(format!("the connection broke off ({})", error.kind()))))
    }

    /// Bytes that went over the wire, both ways.
    pub(crate) fn wire_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) + self.received.load(Ordering::Relaxed)
    }

    /// Why it ended, if it did.
    pub(crate) fn ended(&self) -> Option<LinkFault> {
        self.waiters().ended.clone()
    }

    /// Ends it; the first reason counts and is returned.
    pub(crate) fn end(&self, why: LinkFault) -> LinkFault {
        let why = {
            let mut waiters = self.waiters();
            waiters.by_request.clear();
            waiters.ended.get_or_insert(why).clone()
        };
        if !self.over.swap(true, Ordering::Relaxed) {
            (self.hang_up)();
        }
        why
    }

    /// Sends nothing more, so that the other side comes to its end.
    pub(crate) fn close(&self) {
        // Whoever holds it is stuck in sending: then the end must do.
        if let Ok(mut out) = self.out.try_lock() {
            *out = Box::new(std::io::sink());
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn stir(&self) {
        self.stirred_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    fn read_all(&self, mut from: impl Read, [asks, reads, control]: &[SyncSender<Frame>; 3]) {
        let mut told = Vec::new();
        let why = loop {
            let frame = match Frame::read(&mut from) {
                Ok(Some(frame)) => frame,
                Ok(None) => break LinkFault::Lost("the other side closed the connection".to_owned()),
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                    break LinkFault::Broken(error.to_string());
                }
                Err(error) => break LinkFault::Lost(format!("the connection broke off ({})", error.kind())),
            };
            self.heard_ms.store(self.now_ms(), Ordering::Relaxed);
            self.received.fetch_add(Frame::wire_bytes(frame.payload.len()), Ordering::Relaxed);
            // That the peer is alive is no work; that it counted on is.
            if frame.kind != kind::ALIVE || frame.payload != told {
                self.stir();
            }
            let to = match frame.kind {
                kind::ALIVE => {
                    told = frame.payload;
                    continue;
                }
                kind::LOOK | kind::HASH => asks,
                kind::READ | kind::SIGNATURE | kind::DELTA => reads,
                kind::SETTINGS..=kind::RESTORE => control,
                kind::PART | kind::DONE | kind::FAILED => match self.deliver(frame) {
                    Ok(()) => continue,
                    Err(why) => break why,
                },
                _ => break LinkFault::Broken("a frame of no known kind".to_owned()),
            };
            if to.send(frame).is_err() {
                break LinkFault::Broken("a request that this side does not take".to_owned());
            }
        };
        self.end(why);
    }

    fn deliver(&self, frame: Frame) -> Result<(), LinkFault> {
        let mut waiters = self.waiters();
        // Nobody waits any more for what was given up.
        let Some(waiting) = waiters.by_request.get_mut(&frame.request) else { return Ok(()) };
        let Some(left) = waiting.bytes_left.checked_sub(frame.payload.len() as u64) else {
            return Err(LinkFault::Broken("more bytes than were asked for".to_owned()));
        };
        waiting.bytes_left = left;
        let answer = match frame.kind {
            kind::PART => Answer::Part(frame.payload),
            kind::DONE => Answer::Done(frame.payload),
            _ => Answer::Failed(frame.payload),
        };
        let last = !matches!(answer, Answer::Part(_));
        let _ = waiting.sender.send(answer);
        if last {
            waiters.by_request.remove(&frame.request);
        }
        Ok(())
    }

    fn watch(&self, silence_max: Duration) {
        let rest = (silence_max / 4).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let idle_max = silence_max.saturating_mul(IDLE_SILENCES_MAX);
        let mut own = beats();
        while !self.over.load(Ordering::Relaxed) {
            std::thread::sleep(rest);
            let since = |moment: &AtomicU64| {
                Duration::from_millis(self.now_ms().saturating_sub(moment.load(Ordering::Relaxed)))
            };
            if since(&self.heard_ms) > silence_max {
                self.end(LinkFault::Lost(format!("the other side said nothing for {} s", silence_max.as_secs())));
                return;
            }
            // The peer may wait for this side, which is at work.
            if std::mem::replace(&mut own, beats()) != own {
                self.stir();
            }
            if since(&self.stirred_ms) > idle_max && !self.waiters().by_request.is_empty() {
                let seconds = idle_max.as_secs();
                self.end(LinkFault::Lost(format!("the other side was alive and did nothing for {seconds} s")));
                return;
            }
            // Whoever holds it is sending, which tells as much.
            if let Ok(mut out) = self.out.try_lock() {
                let _ = self.send_on(&mut **out, kind::ALIVE, 0, &own.to_le_bytes());
            }
        }
    }
}

impl Pending {
    /// Its number.
    pub(crate) fn request(&self) -> u32 {
        self.request
    }

    /// Waits for all of it: the parts joined, and the end.
    pub(crate) fn wait(self, stop: &AtomicBool) -> Result<(Vec<u8>, Vec<u8>), LinkFault> {
        let mut parts = Vec::new();
        loop {
            match self.receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(Answer::Part(part)) if parts.is_empty() => parts = part,
                Ok(Answer::Part(part)) => parts.extend(part),
                Ok(Answer::Done(end)) => return Ok((parts, end)),
                Ok(Answer::Failed(bytes)) => return Err(LinkFault::Failed(Failure::parse(&bytes))),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => return Err(LinkFault::Stopped),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let gone = || LinkFault::Lost("the connection ended".to_owned());
                    return Err(self.link.ended().unwrap_or_else(gone));
                }
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.link.waiters().by_request.remove(&self.request);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::super::frame::Frame;
    use super::*;

    const SILENCE: Duration = Duration::from_millis(100);

    /// A link, and a peer that answers nothing and says every 20 ms what `tell` counts.
    fn linked(tell: impl Fn(u64) -> u64 + Send + 'static) -> Arc<Link> {
        let (here, there) = UnixStream::pair().unwrap();
        let (link, inbox) = Link::start(here.try_clone().unwrap(), here, SILENCE, Box::new(|| {}));
        // As long as the process: requests of the peer would be refused otherwise.
        std::mem::forget(inbox);
        std::thread::spawn(move || {
            for at in 0.. {
                let payload = tell(at).to_le_bytes();
                let mut frame = Frame::head(kind::ALIVE, 0, payload.len()).to_vec();
                frame.extend(payload);
                if (&there).write_all(&frame).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        link
    }

    fn asked(link: &Arc<Link>, long: Duration) -> LinkFault {
        let pending = link.ask(kind::HASH, &[], 0).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(long);
            told.store(true, Ordering::Relaxed);
        });
        pending.wait(&stop).unwrap_err()
    }

    #[test]
    fn a_peer_that_owes_an_answer_and_only_says_that_it_is_alive_is_given_up() {
        // Other tests of this process may hash files meanwhile, which counts as work of this side.
        let fault = asked(&linked(|_| 7), Duration::from_secs(60));
        assert!(matches!(&fault, LinkFault::Lost(why) if why.contains("did nothing")), "{fault:?}");
    }

    #[test]
    fn a_peer_that_is_at_work_and_one_that_owes_nothing_are_waited_for() {
        let (busy, idle) = (linked(|at| at), linked(|_| 7));
        let fault = asked(&busy, SILENCE * (IDLE_SILENCES_MAX + 10));
        assert!(matches!(fault, LinkFault::Stopped), "{fault:?}");
        assert!(busy.ended().is_none() && idle.ended().is_none());
    }
}
