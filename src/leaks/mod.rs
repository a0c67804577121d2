//! Do values of masked columns stand somewhere in what was kept? Fingerprints of the one, searched for in the other.
//!
//! While rows stream, every value of a masked column that could name somebody is taken in as a keyed 64-bit fingerprint;
//! the key is made for this process and never leaves it. Once all rows have landed, kept texts are cut into words and
//! each run of words is looked up. With each fingerprint it is kept how often it occurs, while memory lasts; where there
//! are too many values only a filter of them is kept, what hits is suspected, and a second look at the same columns in the
//! same snapshot confirms it.
//!
//! A value is its letters and digits in lower case, whatever stands between them, so that `+49 170/1234567` is found as
//! `491701234567`, and it begins and ends where words do. Values of more than [`WORDS_MAX`] words or [`CHARS_MAX`] bytes
//! are represented by their beginning. Shorter ones than [`CHARS_MIN`], and numbers below [`DIGITS_MIN`], are known by all
//! that stands between their words, `84.12.5.3`, and left out where they are one word.
//!
//! Nothing here knows a server; `engine::leaks` reads and judges.

mod changed;
mod escapes;
mod few;
mod filter;
mod fold;
mod form;
mod held;
mod intake;
mod judge;
mod keys;
mod known;
mod memo;
mod search;
mod secrets;
mod suspects;
mod unescape;

pub use few::Few;
pub use fold::Folded;
pub use held::Watched;
pub use intake::Intake;
pub use judge::{Finding, RowCounts, Verdict, judge};
pub use keys::{count_keys, each_key};
pub use search::{Hit, Kind, Search};
pub use secrets::Secrets;
pub use suspects::{Room, Suspects};
pub use unescape::{literals, scrubbed, unescape};

/// Letters and digits that a value needs at least.
pub const CHARS_MIN: usize = 6;
/// Bytes of a value that count.
pub const CHARS_MAX: usize = 256;
/// Words of a value that count: an address, a uuid, an IPv6 address have no more.
pub const WORDS_MAX: usize = 8;
/// Digits of a number that is not just a number.
pub const DIGITS_MIN: usize = 8;
/// A word or name in more rows of every masked column that has it names nobody.
pub const COMMON_ROWS: u32 = 10;

#[cfg(test)]
mod tests;
