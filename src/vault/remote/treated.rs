//! What was made of treated files, kept for the pieces to come: a file is read and treated once, not once a piece.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::cache::ContentHash;
use super::super::path::VaultPath;
use super::super::root::Facts;
use super::super::treat::TREATED_BYTES_MAX;
use super::super::wanted::FileMode;
use super::message::Failure;

/// Bytes that are kept; the largest file that is treated fits.
const KEPT_BYTES_MAX: u64 = TREATED_BYTES_MAX;

/// A file of this content, treated in this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) path: VaultPath,
    pub(super) mode: FileMode,
    pub(super) facts: Facts,
}

/// What travels instead of a file.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// Of the file it was made of.
    pub(super) origin: ContentHash,
}

/// Filled by the thread that comes first; the others wait for it.
type Place = Arc<Mutex<Option<Arc<Made>>>>;

/// The files treated last, the oldest first.
#[derive(Debug)]
pub(super) struct Treated {
    kept: Mutex<Vec<(Key, Place, u64)>>,
    bytes_max: u64,
}

impl Default for Treated {
    fn default() -> Self {
        Self { kept: Mutex::default(), bytes_max: KEPT_BYTES_MAX }
    }
}

impl Treated {
    /// What was made of a file; `make` is asked where that is not known. `all_bytes` is the most that is taken of it at
    /// once: what has no more is not asked for again, and is not kept.
    pub(super) fn get(
        &self,
        key: Key,
        all_bytes: u64,
        make: impl FnOnce() -> Result<Made, Failure>,
    ) -> Result<Arc<Made>, Failure> {
        let place = self.place(&key);
        let mut filled = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*filled {
            return Ok(Arc::clone(made));
        }
        let made = make().map(Arc::new).inspect_err(|_| self.settle(&key, None))?;
        let bytes = made.bytes.len() as u64;
        self.settle(&key, (bytes > all_bytes).then_some(bytes));
        *filled = Some(Arc::clone(&made));
        Ok(made)
    }

    fn place(&self, key: &Key) -> Place {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, place, _)) = kept.iter().find(|(known, ..)| known == key) {
            return Arc::clone(place);
        }
        let place = Place::default();
        kept.push((key.clone(), Arc::clone(&place), 0));
        place
    }

    /// Notes how many bytes are kept of a file, or that none are, and forgets the oldest where they are too many.
    fn settle(&self, key: &Key, bytes: Option<u64>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match bytes {
            None => kept.retain(|(known, ..)| known != key),
            Some(bytes) => {
                kept.iter_mut().filter(|(known, ..)| known == key).for_each(|(.., held)| *held = bytes);
                while kept.iter().map(|(.., held)| held).sum::<u64>() > self.bytes_max {
                    let oldest = kept.iter().position(|(known, _, held)| *held > 0 && known != key);
                    let Some(oldest) = oldest.or_else(|| kept.iter().position(|(known, ..)| known == key)) else {
                        return;
                    };
                    kept.remove(oldest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::message::Why;
    use super::*;

    const PIECE: u64 = 100;

    fn key(path: &str, mode: FileMode, ino: u64) -> Key {
        let facts = Facts { dev: 1, ino, size: 1, mtime_ns: 1, ctime_ns: 1, executable: false };
        Key { path: VaultPath::parse(path).unwrap(), mode, facts }
    }

    fn made(bytes: usize) -> Result<Made, Failure> {
        Ok(Made { bytes: vec![7; bytes], origin: [0; 32] })
    }

    #[test]
    fn a_file_is_treated_once_for_all_its_pieces_in_all_threads() {
        let (treated, count) = (Treated::default(), AtomicUsize::new(0));
        let strip = FileMode::StripMetadata { keep_icc: false };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let made = treated.get(key("a", strip, 1), PIECE, || {
                            count.fetch_add(1, Ordering::Relaxed);
                            made(5000)
                        });
                        assert_eq!(made.unwrap().bytes.len(), 5000);
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 1);
        // Another mode and another content are another file.
        for other in [key("a", FileMode::Placeholder, 1), key("a", strip, 2), key("b", strip, 1)] {
            assert_eq!(treated.get(other, PIECE, || made(1000)).unwrap().bytes.len(), 1000);
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_failed_or_came_whole_is_not_kept() {
        let treated = Treated { bytes_max: 10 * PIECE, ..Treated::default() };
        let kept =
            || treated.kept.lock().unwrap().iter().map(|(key, _, bytes)| (key.facts.ino, *bytes)).collect::<Vec<_>>();
        let get = |ino, made| treated.get(key("a", FileMode::Placeholder, ino), PIECE, || made);
        get(1, made(PIECE as usize)).unwrap();
        get(2, Err(Failure::new(Why::Unreadable, "no"))).unwrap_err();
        assert_eq!(kept(), []);
        let half = 5 * PIECE;
        for ino in 3..6 {
            get(ino, made(half as usize)).unwrap();
        }
        assert_eq!(kept(), [(4, half), (5, half)]);
        get(6, made(10 * PIECE as usize + 1)).unwrap();
        assert_eq!(kept(), []);
    }
}
