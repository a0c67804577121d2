//! What frames carry about files. Nothing is believed: paths are parsed, sizes bounded, leftovers refused.

use serde::{Deserialize, Serialize};

use super::super::cache::ContentHash;
use super::super::local::Seen;
use super::super::path::VaultPath;
use super::super::root::Facts;
use super::super::wanted::FileMode;
use crate::error::{Error, ErrorKind};

/// Larger than any file of a file system in use; sums of sizes cannot overflow.
const FILE_BYTES_MAX: u64 = 1 << 42;
/// Longest text of a peer that is shown.
const TEXT_CHARS_MAX: usize = 1000;

/// A payload that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Fields, one after the other.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn hash(&mut self) -> Result<ContentHash, Malformed> {
        self.array()
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        let length = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.take(usize::from(length))?).map_err(|_| Malformed)
    }

    pub(crate) fn path(&mut self) -> Result<VaultPath, Malformed> {
        VaultPath::parse(self.text()?).map_err(|_| Malformed)
    }

    pub(crate) fn mode(&mut self) -> Result<FileMode, Malformed> {
        Ok(match self.byte()? {
            0 => FileMode::Real,
            1 => FileMode::StripMetadata { keep_icc: false },
            2 => FileMode::StripMetadata { keep_icc: true },
            3 => FileMode::Placeholder,
            _ => return Err(Malformed),
        })
    }

    fn facts(&mut self) -> Result<Facts, Malformed> {
        let facts = Facts {
            dev: self.u64()?,
            ino: self.u64()?,
            size: self.u64()?,
            mtime_ns: self.u64()?.cast_signed(),
            ctime_ns: self.u64()?.cast_signed(),
            executable: self.byte()? == 1,
        };
        if facts.size > FILE_BYTES_MAX { Err(Malformed) } else { Ok(facts) }
    }

    fn seen(&mut self) -> Result<Seen, Malformed> {
        Ok(match self.byte()? {
            0 => Seen::Nothing,
            1 => Seen::Other,
            2 => Seen::File(self.facts()?, None),
            3 => Seen::File(self.facts()?, Some(self.hash()?)),
            4 => Seen::Corrupt,
            5 => Seen::Unreadable(plain(self.text()?)),
            _ => return Err(Malformed),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(2048);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.extend((end as u16).to_le_bytes());
    out.extend(&text.as_bytes()[..end]);
}

pub(crate) fn put_path(out: &mut Vec<u8>, path: &VaultPath) {
    put_text(out, path.as_str());
}

pub(crate) fn put_mode(out: &mut Vec<u8>, mode: FileMode) {
    out.push(match mode {
        FileMode::Real => 0,
        FileMode::StripMetadata { keep_icc: false } => 1,
        FileMode::StripMetadata { keep_icc: true } => 2,
        FileMode::Placeholder => 3,
        FileMode::None => u8::MAX,
    });
}

fn put_facts(out: &mut Vec<u8>, facts: &Facts) {
    let Facts { dev, ino, size, mtime_ns, ctime_ns, executable } = *facts;
    for number in [dev, ino, size, mtime_ns.cast_unsigned(), ctime_ns.cast_unsigned()] {
        out.extend(number.to_le_bytes());
    }
    out.push(u8::from(executable));
}

/// Paths to look at or to hash.
pub(crate) fn paths(payload: &[u8]) -> Result<Vec<VaultPath>, Malformed> {
    let mut fields = Fields(payload);
    let mut paths = Vec::new();
    while !fields.is_empty() {
        paths.push(fields.path()?);
    }
    Ok(paths)
}

pub(crate) fn put_seen(out: &mut Vec<u8>, seen: &Seen) {
    match seen {
        Seen::Nothing => out.push(0),
        Seen::Other => out.push(1),
        Seen::File(facts, hash) => {
            out.push(if hash.is_some() { 3 } else { 2 });
            put_facts(out, facts);
            out.extend(hash.iter().flatten());
        }
        Seen::Corrupt => out.push(4),
        Seen::Unreadable(why) => {
            out.push(5);
            put_text(out, why.get(..200).unwrap_or(why));
        }
    }
}

/// The answers about so many paths.
pub(crate) fn all_seen(payload: &[u8], count: usize) -> Result<Vec<Seen>, Malformed> {
    let mut fields = Fields(payload);
    let mut all = Vec::with_capacity(count.min(payload.len()));
    for _ in 0..count {
        all.push(fields.seen()?);
    }
    fields.end()?;
    Ok(all)
}

/// A piece of a file that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) path: VaultPath,
    pub(crate) mode: FileMode,
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

impl Piece {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_path(out, &self.path);
        put_mode(out, self.mode);
        out.extend(self.offset.to_le_bytes());
        out.extend(self.length.to_le_bytes());
    }

    pub(crate) fn take(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        Ok(Self { path: fields.path()?, mode: fields.mode()?, offset: fields.u64()?, length: fields.u32()? })
    }
}

/// What ends the answer about a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceEnd {
    /// The source file, before and after it was read.
    pub(crate) facts: Facts,
    /// Bytes of all that there is to read, treated where it is treated.
    pub(crate) total: u64,
    /// Of the piece.
    pub(crate) hash: ContentHash,
    /// Of the whole source file that was treated; zeros where nothing is.
    pub(crate) origin: ContentHash,
}

impl PieceEnd {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        put_facts(&mut out, &self.facts);
        out.extend(self.total.to_le_bytes());
        out.extend(self.hash);
        out.extend(self.origin);
        out
    }

    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields(payload);
        let end = Self { facts: fields.facts()?, total: fields.u64()?, hash: fields.hash()?, origin: fields.hash()? };
        fields.end()?;
        if end.total > FILE_BYTES_MAX { Err(Malformed) } else { Ok(end) }
    }
}

/// Why the other side cannot do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) why: Why,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) remedy: Option<String>,
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    NotFound,
    Unreadable,
    Changing,
    Exhausted,
    /// No delta: take the whole.
    NoDelta,
    Unexpected,
    Usage,
    Plan,
    Vault,
    Refused,
    Locked,
    Interrupted,
}

impl Failure {
    pub(crate) fn new(why: Why, text: impl Into<String>) -> Self {
        Self { why, text: text.into(), remedy: None }
    }

    pub(crate) fn of(error: &Error) -> Self {
        let why = match error.kind() {
            ErrorKind::Usage => Why::Usage,
            ErrorKind::Plan | ErrorKind::Profile | ErrorKind::Undecided => Why::Plan,
            ErrorKind::Refused => Why::Refused,
            ErrorKind::Locked => Why::Locked,
            ErrorKind::Interrupted => Why::Interrupted,
            ErrorKind::Vault => Why::Vault,
            _ => Why::Unexpected,
        };
        Self { why, text: error.chain(), remedy: Some(error.remedy().to_owned()) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let short = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
        // What the link grants an answer beside its bytes must hold it.
        let remedy = self.remedy.as_deref().map(|remedy| remedy.chars().take(200).collect());
        let text = short(&self.text).chars().take(400).collect();
        serde_json::to_vec(&Self { why: self.why, text, remedy }).unwrap_or_default()
    }

    pub(crate) fn parse(payload: &[u8]) -> Self {
        match serde_json::from_slice::<Self>(payload) {
            Ok(failure) => {
                Self { why: failure.why, text: plain(&failure.text), remedy: failure.remedy.as_deref().map(plain) }
            }
            Err(_) => Self::new(Why::Unexpected, "a failure that cannot be understood"),
        }
    }

    /// As an error of this side.
    pub(crate) fn into_error(self, place: &str) -> Error {
        let kind = match self.why {
            Why::Usage => ErrorKind::Usage,
            Why::Plan => ErrorKind::Plan,
            Why::Refused => ErrorKind::Refused,
            Why::Locked => ErrorKind::Locked,
            Why::Interrupted => ErrorKind::Interrupted,
            _ => ErrorKind::Vault,
        };
        // What went wrong on this side of the connection names the place already.
        let text = if self.text.contains(place) { self.text } else { format!("{place}: {}", self.text) };
        let error = Error::new(kind, text);
        match self.remedy {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        }
    }
}

/// A text of another machine, fit to be shown: no control characters, not endless.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().take(TEXT_CHARS_MAX) {
        match letter {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.extend(letter.escape_unicode()),
            letter if letter.is_control() => out.extend(letter.escape_default()),
            letter => out.push(letter),
        }
    }
    out
}

/// Several lines of another machine as one sentence, fit to be shown.
pub(crate) fn sentence(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    plain(&lines.join("; "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(size: u64) -> Facts {
        Facts { dev: 1, ino: 2, size, mtime_ns: -3, ctime_ns: 4, executable: true }
    }

    #[test]
    fn answers_come_back() {
        let all = vec![
            Seen::Nothing,
            Seen::Other,
            Seen::File(facts(5), None),
            Seen::File(facts(6), Some([7; 32])),
            Seen::Corrupt,
            Seen::Unreadable("no".to_owned()),
        ];
        let mut payload = Vec::new();
        all.iter().for_each(|seen| put_seen(&mut payload, seen));
        assert_eq!(all_seen(&payload, all.len()).unwrap(), all);
        assert_eq!(all_seen(&payload, all.len() - 1), Err(Malformed));
        assert_eq!(all_seen(&payload, usize::MAX), Err(Malformed));
        let mut payload = Vec::new();
        put_seen(&mut payload, &Seen::File(facts(u64::MAX), None));
        assert_eq!(all_seen(&payload, 1), Err(Malformed));
    }

    #[test]
    fn a_peers_text_steers_no_terminal() {
        let told = Failure::new(Why::Vault, "a\u{1b}[31mb\nc\u{202e}d");
        assert_eq!(Failure::parse(&told.bytes()).text, "a\\u{1b}[31mb\\nc\\u{202e}d");
        assert_eq!(sentence(" a\u{1b}b:\r\n\n       c\td\n"), "a\\u{1b}b:; c\\td");
        assert_eq!(sentence(&"ab\n".repeat(TEXT_CHARS_MAX)).len(), TEXT_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_a_fault(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            count in 0..1_000_000_usize,
        ) {
            let _ = all_seen(&bytes, count);
            let _ = (paths(&bytes), PieceEnd::parse(&bytes), Piece::take(&mut Fields::of(&bytes)));
            let _ = Failure::parse(&bytes);
        }

        #[test]
        fn pieces_come_back(offset: u64, length: u32, name in "[a-z/]{1,9}[a-z]") {
            if let Ok(path) = VaultPath::parse(&name) {
                let piece = Piece { path, mode: FileMode::Placeholder, offset, length };
                let mut out = Vec::new();
                piece.put(&mut out);
                prop_assert_eq!(Piece::take(&mut Fields::of(&out)), Ok(piece));
            }
        }
    }
}
