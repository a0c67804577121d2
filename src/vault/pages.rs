//! The page cache of a machine that serves others: what their programs keep there is not pushed out by files that are
//! read once.

use std::fs::File;

/// Gives back, when it goes, the pages that reading a range has brought into memory; what was there before stays.
///
/// Whether it was there is asked of its first byte only, by a read that does not wait for the disk (Linux 4.14 and
/// later; elsewhere the cache is left to the system).
pub(super) struct LeaveAsFound<'f> {
    cold: Option<(&'f File, u64, u64)>,
}

/// To be asked before the range is read.
pub(super) fn leave_as_found(file: &File, offset: u64, length_bytes: u64) -> LeaveAsFound<'_> {
    LeaveAsFound { cold: is_cold(file, offset).then_some((file, offset, length_bytes)) }
}

/// Drops what is in memory of a file whose content is on the disk.
pub(super) fn forget(file: &File) {
    give_back(file, 0, 0);
}

impl Drop for LeaveAsFound<'_> {
    fn drop(&mut self) {
        if let Some((file, offset, length_bytes)) = self.cold {
            give_back(file, offset, length_bytes);
        }
    }
}

#[cfg(target_os = "linux")]
fn is_cold(file: &File, offset: u64) -> bool {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    let mut byte = [0];
    let mut buffers = [std::io::IoSliceMut::new(&mut byte)];
    preadv2(file, &mut buffers, offset, ReadWriteFlags::NOWAIT) == Err(Errno::AGAIN)
}

#[cfg(target_os = "linux")]
fn give_back(file: &File, offset: u64, length_bytes: u64) {
    use rustix::fs::{Advice, fadvise};
    // Advice: where it is not taken, nothing is lost.
    let _ = fadvise(file, offset, std::num::NonZeroU64::new(length_bytes), Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn is_cold(_: &File, _: u64) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn give_back(_: &File, _: u64, _: u64) {}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::stage::hash_file;
    use super::*;
    use crate::rate::RateLimit;

    /// Beside the test's own program: on a disk, where /tmp may be memory.
    #[test]
    fn what_was_cold_is_cold_again_and_what_was_warm_stays() {
        let program = std::env::current_exe().unwrap();
        let file = tempfile::tempfile_in(program.parent().unwrap()).unwrap();
        std::io::Write::write_all(&mut &file, &vec![7; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        let read = || {
            let hashed = hash_file(&file, &mut vec![0; 4096], &RateLimit::new(None)).unwrap();
            assert_eq!(hashed.1, 1 << 20);
        };
        read();
        assert!(!is_cold(&file, 0), "it was in memory and is no more");
        // Pages that another processor has just touched may stay for a moment: the system takes advice, no orders.
        let gone = (0..200).any(|_| {
            give_back(&file, 0, 0);
            std::thread::sleep(std::time::Duration::from_millis(5));
            is_cold(&file, 0) && {
                read();
                is_cold(&file, 0)
            }
        });
        assert!(gone, "it stays in memory");
    }
}
