//! One phase on the screen: its line, a bar for each table at work, a total. Knows what to draw, not when.
//!
//! Expected rows are guesses from statistics, so a bar stops short of its end until the table is complete, and the
//! guess is no longer named once it turned out too low.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::terminal::{Look, duration, size};
use crate::monitor::Progress;

/// Tables faster than this come and go without a bar, which would only flicker.
const WORTH_A_BAR: Duration = Duration::from_millis(250);
/// Before this a guess of the time left is noise.
const GUESS_AFTER: Duration = Duration::from_secs(2);
/// Length of a bar in steps; the last is reached only by completion.
const STEPS: u64 = 1000;
const NAME_WIDTH: usize = 26;

/// A phase at work.
pub(super) struct Phase {
    pub(super) name: String,
    started: Instant,
    line: ProgressBar,
    total: Option<ProgressBar>,
    units_expected: usize,
    rows_expected: u64,
    running: Vec<(Arc<Progress>, Option<ProgressBar>)>,
    units: usize,
    rows: u64,
    bytes: u64,
    /// Its units count files.
    of_files: bool,
}

impl Phase {
    pub(super) fn new(name: &str, line: ProgressBar) -> Self {
        Self {
            name: name.to_owned(),
            started: Instant::now(),
            line,
            total: None,
            units_expected: 0,
            rows_expected: 0,
            running: Vec::new(),
            units: 0,
            rows: 0,
            bytes: 0,
            of_files: false,
        }
    }

    pub(super) fn expect(&mut self, units: usize, rows_expected: u64) {
        (self.units_expected, self.rows_expected) = (units, rows_expected);
    }

    pub(super) fn add(&mut self, unit: Arc<Progress>) {
        self.of_files = unit.is_of_files();
        self.running.push((unit, None));
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Units that have become complete since the last call.
    pub(super) fn take_finished(&mut self) -> Vec<Arc<Progress>> {
        let mut finished = Vec::new();
        self.running.retain(|(unit, bar)| {
            let done = unit.took().is_some();
            if done {
                bar.iter().for_each(ProgressBar::finish_and_clear);
                finished.push(Arc::clone(unit));
            }
            !done
        });
        for unit in &finished {
            self.units += 1;
            self.rows += unit.rows.load(Ordering::Relaxed);
            self.bytes += unit.bytes.load(Ordering::Relaxed);
        }
        finished
    }

    /// `43 tables, 94 123 rows, 32 MB` or `301 files, 1.1 kB`; empty where there was nothing to count.
    pub(super) fn summary(&self, look: Look) -> String {
        if self.units == 0 || self.bytes == 0 {
            return String::new();
        }
        if self.of_files {
            return format!("{} files, {}", look.count(self.rows), size(self.bytes));
        }
        let tables = if self.units == 1 { "1 table" } else { &format!("{} tables", self.units) };
        format!("{tables}, {} rows, {}", look.count(self.rows), size(self.bytes))
    }

    pub(super) fn draw(&mut self, multi: &MultiProgress, look: Look) {
        self.line.set_message(format!("{:<40}{:>10}", self.name, duration(self.elapsed())));
        self.line.tick();
        let (mut rows, mut bytes) = (self.rows, self.bytes);
        for (unit, bar) in &mut self.running {
            rows += unit.rows.load(Ordering::Relaxed);
            bytes += unit.bytes.load(Ordering::Relaxed);
            if unit.started.elapsed() < WORTH_A_BAR {
                continue;
            }
            let bar = bar.get_or_insert_with(|| {
                let new = ProgressBar::new(STEPS).with_style(unit_style(look));
                match &self.total {
                    Some(total) => multi.insert_before(total, new),
                    None => multi.add(new),
                }
            });
            draw_unit(unit, bar, look);
        }
        // A phase of seconds needs no total.
        let elapsed = self.elapsed();
        if self.units_expected > 0 && elapsed > GUESS_AFTER {
            let total =
                self.total.get_or_insert_with(|| multi.add(ProgressBar::new(STEPS).with_style(unit_style(look))));
            total.set_prefix(format!("{} of {} tables", self.units, self.units_expected));
            total.set_position(steps(rows, self.rows_expected));
            total.set_message(numbers((rows, "rows"), self.rows_expected, bytes, elapsed, look));
        }
    }

    /// Takes the phase off the screen.
    pub(super) fn clear(&self) {
        self.running.iter().filter_map(|(_, bar)| bar.as_ref()).for_each(ProgressBar::finish_and_clear);
        self.total.iter().for_each(ProgressBar::finish_and_clear);
        self.line.finish_and_clear();
    }
}

fn draw_unit(unit: &Progress, bar: &ProgressBar, look: Look) {
    let (rows, bytes) = (unit.rows.load(Ordering::Relaxed), unit.bytes.load(Ordering::Relaxed));
    bar.set_prefix(shortened(&unit.name));
    if unit.is_building() {
        bar.set_position(STEPS);
        bar.set_message(format!("{} rows, {}, building indexes", look.count(rows), size(bytes)));
        return;
    }
    bar.set_position(steps(rows, unit.rows_expected));
    bar.set_message(numbers((rows, unit.counts), unit.rows_expected, bytes, unit.started.elapsed(), look));
}

/// `12 400 of about 20 000 rows, 3.1 MB, 6.2 MB/s, 2 s left`
fn numbers((rows, counts): (u64, &str), expected: u64, bytes: u64, elapsed: Duration, look: Look) -> String {
    let of = if expected > rows { format!(" of about {}", look.count(expected)) } else { String::new() };
    let mut text = format!("{}{of} {counts}", look.count(rows));
    if bytes > 0 {
        let per_second = bytes as f64 / elapsed.as_secs_f64().max(0.001);
        text.push_str(&format!(", {}, {}/s", size(bytes), size(per_second as u64)));
    }
    if let Some(left) = time_left(rows, expected, elapsed) {
        // Without decimals, which would claim too much.
        text.push_str(&format!(", {} left", duration(left).replace(".0 s", " s")));
    }
    text
}

/// A guess, once there is something to guess from.
fn time_left(rows: u64, expected: u64, elapsed: Duration) -> Option<Duration> {
    if elapsed < GUESS_AFTER || rows == 0 || expected <= rows {
        return None;
    }
    let seconds = elapsed.as_secs_f64() * (expected - rows) as f64 / rows as f64;
    // To the second, and not below one: it is a guess.
    Some(Duration::from_secs(seconds.clamp(1.0, 1e7).round() as u64)).filter(|left| left.as_secs() < 86_400)
}

/// Position of a bar: never at its end while rows may still come.
fn steps(rows: u64, expected: u64) -> u64 {
    if expected == 0 {
        return 0;
    }
    (rows.saturating_mul(STEPS) / expected).min(STEPS * 99 / 100)
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    let end: String = name.chars().take(NAME_WIDTH - 1).collect();
    format!("{end}…")
}

pub(super) fn phase_style(look: Look) -> ProgressStyle {
    let style = style(if look.colours { "  {spinner:.cyan} {msg}" } else { "  {spinner} {msg}" });
    if look.unicode { style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ") } else { style.tick_chars("|/-\\ ") }
}

fn unit_style(look: Look) -> ProgressStyle {
    let bar = if look.colours { "{bar:14.cyan/black.bright}" } else { "{bar:14}" };
    let style = style(&format!("      {{prefix:{NAME_WIDTH}}} {bar}  {{wide_msg}}"));
    if look.unicode { style.progress_chars("━╸─") } else { style.progress_chars("=> ") }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_that_was_too_low_is_not_shown() {
        let look = Look { terminal: true, colours: false, unicode: false, width: 80 };
        let second = Duration::from_secs(10);
        assert_eq!(numbers((500, "rows"), 1000, 0, second, look), "500 of about 1,000 rows, 10 s left");
        assert_eq!(numbers((1500, "files"), 1000, 0, second, look), "1,500 files");
        assert_eq!(steps(1500, 1000), 990);
        assert_eq!(steps(5, 0), 0);
    }

    #[test]
    fn a_phase_that_moves_files_speaks_of_files() {
        let look = Look { terminal: true, colours: false, unicode: false, width: 80 };
        let told = |unit: Progress| {
            let mut phase = Phase::new("bring files", ProgressBar::hidden());
            unit.add(301, 1100);
            unit.finish();
            phase.add(Arc::new(unit));
            phase.take_finished();
            phase.summary(look)
        };
        assert_eq!(told(Progress::of_files(400)), "301 files, 1.1 kB");
        assert_eq!(told(Progress::new("files", 400)), "1 table, 301 rows, 1.1 kB");
    }
}
