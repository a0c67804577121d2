//! Reading an object: hashed as it comes, its length checked, begun anew where it cannot be gone on with.
//!
//! The client goes on with a broken body by a range, and only if the answer is a 206 of the same ETag with exactly the
//! range that was asked for. A store that answers otherwise would have us append the object to its own beginning: such
//! an answer ends the stream, and the object is read from its start again.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{GetOptions, ObjectStore};

use super::super::cache::ContentHash;
use super::super::path::VaultPath;
use super::fault::{Fault, FaultKind, local};
use super::link::ObjectVault;
use super::look::Object;
use crate::rate::RateLimit;

/// So often an object is read from its start.
const READS_MAX: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Why an object was not read, and whether its body may come better the next time.
struct Attempt {
    fault: Fault,
    again: bool,
}

/// Takes bytes, and forgets them when the object begins anew.
pub(super) trait Sink: Send {
    fn restart(&mut self) -> io::Result<()>;
    fn add(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for File {
    fn restart(&mut self) -> io::Result<()> {
        self.seek(SeekFrom::Start(0))?;
        self.set_len(0)
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

/// Bytes in memory, so many at most.
pub(super) struct Bounded {
    pub(super) bytes: Vec<u8>,
    pub(super) most: u64,
}

impl Sink for Bounded {
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        if (self.bytes.len() + bytes.len()) as u64 > self.most {
            return Err(io::Error::other(format!("it is larger than {} MB", self.most >> 20)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Reads for the hash alone.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn add(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectVault {
    /// Reads a whole object; what was noted on it must be what came.
    pub(super) fn read(
        &self,
        path: &VaultPath,
        sink: &mut dyn Sink,
        rate: &RateLimit,
        stop: &AtomicBool,
    ) -> Result<(Object, ContentHash), Fault> {
        let key = self.key(path)?;
        self.wait_unless(stop, self.read_key(&key, sink, rate))
    }

    pub(super) async fn read_key(
        &self,
        key: &Key,
        sink: &mut dyn Sink,
        rate: &RateLimit,
    ) -> Result<(Object, ContentHash), Fault> {
        let mut pause = FIRST_PAUSE;
        let mut reads = 0;
        loop {
            reads += 1;
            match self.read_once(key, sink, rate).await {
                Err(Attempt { again: true, .. }) if reads < READS_MAX => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                read => return read.map_err(|attempt| attempt.fault),
            }
        }
    }

    async fn read_once(
        &self,
        key: &Key,
        sink: &mut dyn Sink,
        rate: &RateLimit,
    ) -> Result<(Object, ContentHash), Attempt> {
        let ends = |fault| Attempt { fault, again: false };
        let broke = |fault| Attempt { fault, again: true };
        sink.restart().map_err(|error| ends(local(&error)))?;
        // The client has tried again already, up to its end.
        let answer = self.store.get_opts(key, GetOptions::default()).await.map_err(|error| ends(error.into()))?;
        let object = Object::of(&answer.meta, &answer.attributes);
        let mut body = answer.into_stream();
        let mut hasher = blake3::Hasher::new();
        let mut size = 0_u64;
        while let Some(bytes) = body.try_next().await.map_err(|error| broke(error.into()))? {
            size += bytes.len() as u64;
            if size > object.size {
                break;
            }
            rate.take(bytes.len()).await;
            hasher.update(&bytes);
            sink.add(&bytes).map_err(|error| ends(local(&error)))?;
        }
        if size != object.size {
            let text = format!("{size} bytes came of {}", object.size);
            return Err(broke(Fault::new(FaultKind::Broken, text)));
        }
        let hash = *hasher.finalize().as_bytes();
        match &object.noted {
            Some(noted) if noted.hash != hash => {
                Err(broke(Fault::new(FaultKind::Broken, "its content is not what was put there: its checksum differs")))
            }
            _ => Ok((object, hash)),
        }
    }
}
