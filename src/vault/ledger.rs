//! A flat file of records by path: sorted, length-prefixed, closed by a BLAKE3 checksum. The one format in which a vault
//! remembers anything.
//!
//! ```text
//! magic[8] owner[16] count:u64  { length:u16 path[length] record[SIZE] }*count  blake3[32]
//! ```
//! Integers are little-endian. Read in order beside a sorted list of paths, so that a million records need no memory;
//! written anew to a temporary name and renamed. Whatever is wrong with a file, it reads as damaged, never as something
//! else.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;

use super::own::OwnFolder;
use super::path::VaultPath;
use super::step::step;

/// What a ledger keeps of a path.
pub(super) trait Record: Sized {
    /// First bytes of the file: what it is, and the format's version.
    const MAGIC: [u8; 8];
    /// Bytes of a record.
    const SIZE: usize;
    /// Writes exactly `SIZE` bytes.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads exactly `SIZE` bytes.
    fn read(bytes: &[u8]) -> Self;
}

/// Ties a ledger to what it tells of, so that a copied one is not believed.
pub(super) type Owner = [u8; 16];

const HEAD_BYTES: usize = 8 + 16 + 8;
const SUM_BYTES: u64 = 32;
const BUFFER_BYTES: usize = 256 << 10;

/// How a ledger was found.
#[derive(Debug)]
pub(super) enum Opened<R> {
    /// Whole.
    Whole(Reader<R>),
    /// There is none.
    Absent,
    /// Not one of ours, of another version or owner, or its checksum is wrong.
    Damaged,
}

/// Opens a ledger and checks all of it.
///
/// # Errors
/// As the system says.
pub(super) fn open<R: Record>(folder: &OwnFolder, name: &str, owner: &Owner) -> io::Result<Opened<R>> {
    let Some(mut file) = folder.open(name)? else { return Ok(Opened::Absent) };
    match check::<R>(&mut file, owner) {
        Ok(Some(count)) => {
            file.seek(SeekFrom::Start(HEAD_BYTES as u64))?;
            Ok(Opened::Whole(Reader::new(file, count)))
        }
        Ok(None) => Ok(Opened::Damaged),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Opened::Damaged),
        Err(error) => Err(error),
    }
}

/// The number of records, if head and checksum are right.
fn check<R: Record>(file: &mut File, owner: &Owner) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let Some(body) = length.checked_sub(SUM_BYTES).filter(|body| *body >= HEAD_BYTES as u64) else { return Ok(None) };
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head)?;
    let count = u64::from_le_bytes(head[24..].try_into().unwrap_or_default());
    let least = (2 + 1 + R::SIZE) as u64;
    if head[..8] != R::MAGIC || head[8..24] != owner[..] || count > (body - HEAD_BYTES as u64) / least {
        return Ok(None);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&head);
    let mut left = body - HEAD_BYTES as u64;
    let mut buffer = vec![0; BUFFER_BYTES];
    while left > 0 {
        let take = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..take])?;
        hasher.update(&buffer[..take]);
        left -= take as u64;
    }
    let mut sum = [0; SUM_BYTES as usize];
    file.read_exact(&mut sum)?;
    Ok((hasher.finalize() == sum).then_some(count))
}

/// Records in ascending order of their paths.
#[derive(Debug)]
pub(super) struct Reader<R> {
    file: Option<BufReader<File>>,
    left: u64,
    /// The record that comes next.
    next: Option<(VaultPath, R)>,
}

impl<R: Record> Reader<R> {
    /// Of nothing.
    pub(super) fn empty() -> Self {
        Self { file: None, left: 0, next: None }
    }

    fn new(file: File, count: u64) -> Self {
        Self { file: Some(BufReader::with_capacity(BUFFER_BYTES, file)), left: count, next: None }
    }

    /// The record of `path`. Calls must come in ascending order of paths; what was passed over is gone.
    ///
    /// # Errors
    /// As the system says; `InvalidData` where the file changed since it was checked.
    pub(super) fn find(&mut self, path: &VaultPath) -> io::Result<Option<R>> {
        loop {
            match self.peek()?.map(|next| next.cmp(path)) {
                None | Some(Ordering::Greater) => return Ok(None),
                Some(Ordering::Equal) => return Ok(self.next.take().map(|(_, record)| record)),
                Some(Ordering::Less) => self.next = None,
            }
        }
    }

    /// The path of the record that comes next.
    ///
    /// # Errors
    /// As `find`.
    pub(super) fn peek(&mut self) -> io::Result<Option<&VaultPath>> {
        if self.next.is_none() {
            self.next = self.read_one()?;
        }
        Ok(self.next.as_ref().map(|(path, _)| path))
    }

    /// The next record.
    ///
    /// # Errors
    /// As `find`.
    pub(super) fn take(&mut self) -> io::Result<Option<(VaultPath, R)>> {
        self.peek()?;
        Ok(self.next.take())
    }

    fn read_one(&mut self) -> io::Result<Option<(VaultPath, R)>> {
        let Some(file) = self.file.as_mut().filter(|_| self.left > 0) else { return Ok(None) };
        self.left -= 1;
        let mut length = [0; 2];
        file.read_exact(&mut length)?;
        let mut text = vec![0; usize::from(u16::from_le_bytes(length))];
        file.read_exact(&mut text)?;
        let mut record = vec![0; R::SIZE];
        file.read_exact(&mut record)?;
        let path = String::from_utf8(text).ok().and_then(|text| VaultPath::parse(&text).ok());
        let path = path.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a ledger changed while it was read"))?;
        Ok(Some((path, R::read(&record))))
    }
}

/// Writes a ledger in ascending order of paths.
pub(super) struct Writer<'a, R> {
    folder: &'a OwnFolder,
    name: String,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    owner: Owner,
    count: u64,
    scratch: Vec<u8>,
    last: Option<VaultPath>,
    kind: PhantomData<R>,
}

impl<'a, R: Record> Writer<'a, R> {
    /// Starts one under a temporary name.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn create(folder: &'a OwnFolder, name: &str, owner: &Owner, count: u64) -> io::Result<Self> {
        let file = folder.create(&temporary(name))?;
        let mut writer = Self {
            folder,
            name: name.to_owned(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hasher: blake3::Hasher::new(),
            owner: *owner,
            count,
            scratch: Vec::new(),
            last: None,
            kind: PhantomData,
        };
        writer.scratch.extend(R::MAGIC);
        writer.scratch.extend(writer.owner);
        writer.scratch.extend(count.to_le_bytes());
        writer.flush()?;
        Ok(writer)
    }

    /// Adds a record.
    ///
    /// # Errors
    /// As the system says; `InvalidInput` where the order is broken.
    pub(super) fn add(&mut self, path: &VaultPath, record: &R) -> io::Result<()> {
        if self.last.as_ref().is_some_and(|last| last >= path) || self.count == 0 {
            return Err(io::Error::new(ErrorKind::InvalidInput, "records of a ledger out of order"));
        }
        self.count -= 1;
        let text = path.as_str();
        self.scratch.extend((text.len() as u16).to_le_bytes());
        self.scratch.extend(text.as_bytes());
        record.write(&mut self.scratch);
        self.last = Some(path.clone());
        self.flush()
    }

    /// Puts it in the old one's place.
    ///
    /// # Errors
    /// As the system says.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.count != 0 {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a ledger has fewer records than it says"));
        }
        let sum = self.hasher.finalize();
        self.file.write_all(sum.as_bytes())?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_data()?;
        step();
        self.folder.rename(&temporary(&self.name), &self.name)?;
        step();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.scratch);
        self.file.write_all(&self.scratch)?;
        self.scratch.clear();
        Ok(())
    }
}

fn temporary(name: &str) -> String {
    format!("{name}.new")
}

/// Rewrites a ledger: `news` (sorted, each path once; `None` forgets it) over what it holds. A damaged one holds
/// nothing.
///
/// # Errors
/// As the system says.
pub(super) fn merge<R: Record + Clone>(
    folder: &OwnFolder,
    name: &str,
    owner: &Owner,
    news: &[(VaultPath, Option<R>)],
) -> io::Result<()> {
    let read = || -> io::Result<Reader<R>> {
        Ok(match open(folder, name, owner)? {
            Opened::Whole(reader) => reader,
            Opened::Absent | Opened::Damaged => Reader::empty(),
        })
    };
    let mut count = 0;
    merged(read()?, news, |_, _| {
        count += 1;
        Ok(())
    })?;
    let mut writer = Writer::create(folder, name, owner, count)?;
    merged(read()?, news, |path, record| writer.add(path, record))?;
    writer.finish()
}

fn merged<R: Record>(
    mut old: Reader<R>,
    news: &[(VaultPath, Option<R>)],
    mut each: impl FnMut(&VaultPath, &R) -> io::Result<()>,
) -> io::Result<()> {
    for (path, record) in news {
        while old.peek()?.is_some_and(|next| next < path) {
            if let Some((path, record)) = old.take()? {
                each(&path, &record)?;
            }
        }
        old.find(path)?;
        if let Some(record) = record {
            each(path, record)?;
        }
    }
    while let Some((path, record)) = old.take()? {
        each(&path, &record)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Number(u32);

    impl Record for Number {
        const MAGIC: [u8; 8] = *b"TESTNUM\x01";
        const SIZE: usize = 4;
        fn write(&self, out: &mut Vec<u8>) {
            out.extend(self.0.to_le_bytes());
        }
        fn read(bytes: &[u8]) -> Self {
            Self(u32::from_le_bytes(bytes.try_into().unwrap()))
        }
    }

    const OWNER: Owner = *b"sixteen bytes id";

    fn folder() -> (tempfile::TempDir, OwnFolder) {
        let dir = tempfile::tempdir().unwrap();
        let above = File::open(dir.path()).unwrap();
        let folder = OwnFolder::inside(std::os::fd::AsFd::as_fd(&above), "own", true).unwrap().unwrap();
        (dir, folder)
    }

    fn all(folder: &OwnFolder) -> Option<Vec<(String, u32)>> {
        match open::<Number>(folder, "numbers", &OWNER).unwrap() {
            Opened::Whole(mut reader) => {
                let mut all = Vec::new();
                while let Some((path, number)) = reader.take().unwrap() {
                    all.push((path.to_string(), number.0));
                }
                Some(all)
            }
            Opened::Absent => Some(Vec::new()),
            Opened::Damaged => None,
        }
    }

    fn put(folder: &OwnFolder, news: &[(&str, Option<u32>)]) {
        let news: Vec<_> =
            news.iter().map(|(path, number)| (VaultPath::parse(path).unwrap(), number.map(Number))).collect();
        merge(folder, "numbers", &OWNER, &news).unwrap();
    }

    #[test]
    fn news_replace_and_forget() {
        let (_dir, folder) = folder();
        put(&folder, &[("a", Some(1)), ("b/x", Some(2)), ("c", Some(3))]);
        put(&folder, &[("a", None), ("b", Some(9)), ("b/x", Some(4)), ("d", None)]);
        assert_eq!(all(&folder).unwrap(), [("b".to_owned(), 9), ("b/x".to_owned(), 4), ("c".to_owned(), 3)]);
    }

    #[test]
    fn another_owners_ledger_is_not_believed() {
        let (_dir, folder) = folder();
        put(&folder, &[("a", Some(1))]);
        assert!(matches!(open::<Number>(&folder, "numbers", &[0; 16]).unwrap(), Opened::Damaged));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A flipped bit, a cut and an added byte are all seen.
        #[test]
        fn damage_is_seen(at in any::<prop::sample::Index>(), bit in 0..8_u8, how in 0..3) {
            let (dir, folder) = folder();
            put(&folder, &[("a", Some(1)), ("b/x", Some(2)), ("c", Some(3))]);
            let file = dir.path().join("own/numbers");
            let mut bytes = std::fs::read(&file).unwrap();
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] ^= 1 << bit,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, bit),
            }
            std::fs::write(&file, bytes).unwrap();
            prop_assert_eq!(all(&folder), None);
        }

        /// Bytes of any kind are no reason to panic.
        #[test]
        fn rubbish_is_damaged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (dir, folder) = folder();
            let head = [&Number::MAGIC[..], &OWNER[..], &bytes[..]].concat();
            std::fs::write(dir.path().join("own/numbers"), head).unwrap();
            prop_assert_eq!(all(&folder), None);
        }
    }
}
