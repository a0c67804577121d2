//! What the place that text goes to can show: width, colours, Unicode; and numbers as people read them.
//!
//! Decided once per stream from the environment (`NO_COLOR`, `TERM`, the locale, `COLUMNS`). Draws nothing itself.

use std::io::IsTerminal;
use std::os::fd::AsFd;

pub(super) use crate::page::text::{duration, size};

/// Where nothing says how wide it is: a log, a mail.
const WIDTH_ELSEWHERE: usize = 100;
/// Longer lines are harder to read than a second one.
const WIDTH_AT_MOST: usize = 120;

/// What one stream can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// A person watches, and the cursor can be moved.
    pub(super) terminal: bool,
    pub(super) colours: bool,
    pub(super) unicode: bool,
    /// Columns.
    pub(super) width: usize,
}

impl Look {
    pub(super) fn stdout() -> Self {
        Self::of(&std::io::stdout())
    }

    pub(super) fn stderr() -> Self {
        Self::of(&std::io::stderr())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        let terminal = stream.is_terminal() && variable("TERM").as_deref() != Some("dumb");
        let width = rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
        let width = width.filter(|columns| stream.is_terminal() && *columns > 0);
        let columns = || variable("COLUMNS").and_then(|text| text.parse().ok());
        Self {
            terminal,
            colours: terminal && variable("NO_COLOR").is_none(),
            unicode: unicode_locale(&variable),
            width: width.or_else(columns).unwrap_or(WIDTH_ELSEWHERE).clamp(40, WIDTH_AT_MOST),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// The mark of what is well.
    pub(super) fn good(self) -> String {
        self.paint("32", if self.unicode { "✓" } else { "ok" })
    }

    /// The mark of what is not.
    pub(super) fn bad(self) -> String {
        self.paint("31", if self.unicode { "✗" } else { "NO" })
    }

    pub(super) fn arrow(self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    pub(super) fn dot(self) -> &'static str {
        if self.unicode { " · " } else { ", " }
    }

    pub(super) fn dash(self) -> &'static str {
        if self.unicode { "–" } else { "-" }
    }

    /// `1 234 567`, with thin spaces where they can be shown.
    pub(super) fn count(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(if self.unicode { '\u{2009}' } else { ',' });
            }
            text.push(digit);
        }
        text
    }
}

/// What would move the cursor, colour, or turn the direction of what follows.
fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A name, or a message, as one line that does nothing to a terminal.
pub(super) fn one_line(text: &str) -> String {
    text.replace(is_unprintable, "\u{fffd}")
}

/// A text of several lines: names in it, which anybody may have chosen, do nothing to a terminal. Our own colours stay.
pub(super) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|letter| is_unprintable(letter) && letter != '\n') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        let colour = COLOURS.iter().find_map(|colour| rest.strip_prefix(colour).map(|after| (*colour, after)));
        let (kept, after) = colour.unwrap_or_else(|| {
            let letter = rest.chars().next().map_or(0, char::len_utf8);
            ("\u{fffd}", &rest[letter..])
        });
        clean.push_str(kept);
        rest = after;
    }
    clean + rest
}

/// As `paint` writes them.
const COLOURS: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Breaks a text between words; every line but the first begins with `indent` spaces. Long words stay whole. Breaks of
/// its own, which a name may hold, are shown as no more than odd characters.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let text = &one_line(text);
    let mut lines = String::new();
    let mut used = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first of these that is set decides, as in the C library.
fn unicode_locale(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_read_well() {
        let plain = Look { terminal: false, colours: false, unicode: false, width: 80 };
        assert_eq!(plain.count(0), "0");
        assert_eq!(plain.count(1_234_567), "1,234,567");
        assert_eq!(Look { unicode: true, ..plain }.count(12_345), "12\u{2009}345");
        assert_eq!([size(812), size(4_210_000), size(81_223), size(999_900)].join(" "), "812 B 4.2 MB 81 kB 1.0 MB");
        let times = [0.04, 9.96, 61.0, 7500.0].map(|s| duration(Duration::from_secs_f64(s)));
        assert_eq!(times, ["0.0 s", "10 s", "1 min 1 s", "2 h 5 min"]);
    }

    #[test]
    fn names_do_nothing_to_a_terminal() {
        let name = "us\x1b[2Jers\u{202e}\r\u{9b}31m\nx";
        assert_eq!(one_line(name), "us\u{fffd}[2Jers\u{fffd}\u{fffd}\u{fffd}31m\u{fffd}x");
        assert_eq!(printable(name), "us\u{fffd}[2Jers\u{fffd}\u{fffd}\u{fffd}31m\nx");
        let colours = Look { terminal: true, colours: true, unicode: true, width: 80 };
        let own = [colours.bold("é"), colours.dim("b"), colours.yellow("c"), colours.good(), colours.bad()].concat();
        assert_eq!(printable(&own), own);
    }

    #[test]
    fn the_first_locale_variable_decides() {
        let of = |pairs: &'static [(&str, &str)]| {
            unicode_locale(&move |name| {
                pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(of(&[("LANG", "de_DE.UTF-8")]));
        assert!(!of(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]));
        assert!(!of(&[]));
    }

    #[test]
    fn texts_are_wrapped_between_words() {
        assert_eq!(wrap("one two three", 10, 2), "one two\n  three");
        assert_eq!(wrap("short", 10, 2), "short");
        assert_eq!(wrap("a\nb", 10, 2), "a\u{fffd}b");
    }
}
