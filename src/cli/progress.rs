//! Progress for people: bars on a terminal, a few plain lines elsewhere, everything in the log file.
//!
//! Workers only add to atomic counters. A thread of this module looks at them ten times a second, draws, and notices
//! which tables are complete; nothing is drawn from a worker. All of it goes to stderr.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::bars::{self, Phase};
use super::log::Log;
use super::terminal::{Look, duration, one_line, printable, size};
use crate::error::{Error, Result};
use crate::monitor::{Monitor, Progress};

const TICK: Duration = Duration::from_millis(100);
/// Without a terminal only tables that took this long get a line of their own: cron mails it to somebody.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Bars on a terminal, lines elsewhere.
    Progress,
    /// Bars on a terminal, nothing elsewhere: the result is for a machine.
    OnTerminalOnly,
    /// As `OnTerminalOnly`, and nothing stays on the screen but failures: a look takes a second.
    Passing,
    /// Nothing.
    Nothing,
}

/// A monitor that shows what it is told. Ends its display when dropped.
pub(super) struct Display {
    inner: Arc<Inner>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    look: Look,
    style: Style,
    passing: bool,
    log: Option<Log>,
    begun: Instant,
    phase: Mutex<Option<Phase>>,
    ended: AtomicBool,
    /// A line was printed above the bars.
    said: AtomicBool,
}

enum Style {
    Bars(MultiProgress),
    Lines,
    Silent,
}

impl Display {
    /// A display on stderr, and a log where a file is named.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub(super) fn open(show: Show, log: Option<&Path>, run_id: &str) -> Result<Self> {
        let look = Look::stderr();
        let style = match show {
            Show::Nothing => Style::Silent,
            _ if look.terminal => Style::Bars(MultiProgress::with_draw_target(draw_target())),
            Show::Progress => Style::Lines,
            Show::OnTerminalOnly | Show::Passing => Style::Silent,
        };
        let log = log.map(|path| Log::open(path, run_id)).transpose()?;
        let inner = Arc::new(Inner {
            look,
            style,
            passing: show == Show::Passing,
            log,
            begun: Instant::now(),
            phase: Mutex::new(None),
            ended: AtomicBool::new(false),
            said: AtomicBool::new(false),
        });
        let watched = Arc::clone(&inner);
        let ticker = std::thread::spawn(move || {
            while !watched.ended.load(Ordering::Relaxed) {
                watched.tick();
                std::thread::park_timeout(TICK);
            }
        });
        Ok(Self { inner, ticker: Mutex::new(Some(ticker)) })
    }

    /// The last phase went well; what comes next on the screen is not ours.
    pub(super) fn finish(&self) {
        self.end(true);
        self.inner.log_line("end", "complete");
    }

    /// The last phase failed.
    pub(super) fn fail(&self, error: &Error) {
        self.end(false);
        self.inner.log_line("error", &error.chain());
    }

    /// Says what the phases to come belong to.
    pub(super) fn heading(&self, text: &str) {
        self.inner.end_phase(true);
        match &self.inner.style {
            Style::Bars(_) => self.inner.say(&format!("  {}", self.inner.look.bold(text))),
            _ => self.inner.say(text),
        }
    }

    /// Takes the bars off the screen while something else uses it.
    pub(super) fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let Style::Bars(multi) = &self.inner.style else { return work() };
        // `MultiProgress::suspend` holds a lock: who ends the display meanwhile would wait for an answer with it.
        let _ = multi.clear();
        multi.set_draw_target(ProgressDrawTarget::hidden());
        let done = work();
        multi.set_draw_target(draw_target());
        done
    }

    fn end(&self, well: bool) {
        if self.inner.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ticker) = ticker {
            ticker.thread().unpark();
            let _ = ticker.join();
        }
        self.inner.end_phase(well);
        if let Style::Bars(multi) = &self.inner.style {
            let _ = multi.clear();
            // indicatif leaves the cursor behind the last line.
            if self.inner.said.load(Ordering::Relaxed) {
                let _ = writeln!(std::io::stderr());
            }
        }
    }
}

fn draw_target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr_with_hz(10)
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end(false);
    }
}

impl Monitor for Display {
    fn phase(&self, name: &str) {
        self.inner.end_phase(true);
        let line = match &self.inner.style {
            Style::Bars(multi) => multi.add(ProgressBar::no_length().with_style(bars::phase_style(self.inner.look))),
            _ => ProgressBar::hidden(),
        };
        if matches!(self.inner.style, Style::Lines) {
            self.inner.say(&format!("{:>8}  {name}", duration(self.inner.begun.elapsed())));
        }
        self.inner.log_line("phase", name);
        *self.inner.phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(Phase::new(name, line));
        self.inner.tick();
    }

    fn total(&self, units: usize, rows_expected: u64) {
        if let Some(phase) = &mut *self.inner.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            phase.expect(units, rows_expected);
        }
    }

    fn unit(&self, name: &str, rows_expected: u64) -> Arc<Progress> {
        self.inner.add(Progress::new(&one_line(name), rows_expected))
    }

    fn files(&self, files_expected: u64) -> Arc<Progress> {
        self.inner.add(Progress::of_files(files_expected))
    }

    fn note(&self, text: &str) {
        let text = &one_line(text);
        match &self.inner.style {
            Style::Bars(_) => self.inner.say(&format!("    {} {text}", self.inner.look.yellow("note"))),
            Style::Lines => self.inner.say(&format!("          note: {text}")),
            Style::Silent => {}
        }
        self.inner.log_line("note", text);
    }
}

impl Inner {
    fn add(&self, unit: Progress) -> Arc<Progress> {
        let unit = Arc::new(unit);
        if let Some(phase) = &mut *self.phase.lock().unwrap_or_else(PoisonError::into_inner) {
            phase.add(Arc::clone(&unit));
        }
        unit
    }

    /// Looks at the counters: redraws the bars, notices complete tables.
    fn tick(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(phase) = &mut *phase else { return };
        for unit in phase.take_finished() {
            self.table_done(&unit);
        }
        if let Style::Bars(multi) = &self.style {
            phase.draw(multi, self.look);
        }
    }

    fn table_done(&self, unit: &Progress) {
        let took = unit.took().unwrap_or_default();
        let (rows, bytes) = (unit.rows.load(Ordering::Relaxed), unit.bytes.load(Ordering::Relaxed));
        let moved = if bytes > 0 { format!(", {}", size(bytes)) } else { String::new() };
        let counts = unit.counts;
        let kind = if unit.is_of_files() { counts } else { "table" };
        self.log_line(kind, &format!("{}: {rows} {counts}{moved} in {:.3} s", unit.name, took.as_secs_f64()));
        if matches!(self.style, Style::Lines) && took >= WORTH_A_LINE {
            let rows = self.look.count(rows);
            self.say(&format!("            {}: {rows} {counts}{moved} in {}", unit.name, duration(took)));
        }
    }

    fn end_phase(&self, well: bool) {
        self.tick();
        let Some(phase) = self.phase.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let summary = phase.summary(self.look);
        match &self.style {
            Style::Bars(_) => {
                phase.clear();
                let mark = if well { self.look.good() } else { self.look.bad() };
                let time = format!("{:>10}", duration(phase.elapsed()));
                if !(well && self.passing) {
                    let (time, summary) = (self.look.dim(&time), self.look.dim(&summary));
                    self.say(&format!("  {mark} {:<40}{time}  {summary}", phase.name));
                }
            }
            Style::Lines if !summary.is_empty() => self.say(&format!("            {summary}")),
            _ => {}
        }
        self.log_line("done", &format!("{} in {:.3} s", phase.name, phase.elapsed().as_secs_f64()));
    }

    #[expect(clippy::print_stderr, reason = "progress goes to stderr")]
    fn say(&self, line: &str) {
        let line = printable(line);
        match &self.style {
            Style::Bars(multi) => {
                // Bars must be redrawn below the line; println knows how.
                let _ = multi.println(line.trim_end());
                self.said.store(true, Ordering::Relaxed);
            }
            Style::Lines => eprintln!("{}", line.trim_end()),
            Style::Silent => {}
        }
        let _ = std::io::stderr().flush();
    }

    fn log_line(&self, kind: &str, text: &str) {
        if let Some(log) = &self.log {
            log.line(kind, text);
        }
    }
}
