//! Putting an object: whole, or not at all, and only where nothing or the expected object stands.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::{ObjectStore, PutMode, PutMultipartOptions, PutOptions, UpdateVersion};

use super::super::root::{Facts, facts_of};
use super::fault::{Fault, FaultKind, local};
use super::link::{Condition, ObjectVault};
use super::look::Noted;

/// From this size on an object goes up in parts.
pub(super) const PARTS_FROM_BYTES: u64 = 16 << 20;
/// S3 takes at most 10,000 parts of an object, and none below 5 MiB but the last.
const PARTS_MAX: u64 = 10_000;
const PART_BYTES: u64 = 8 << 20;
const PARTS_IN_FLIGHT: usize = 4;

/// What must stand at the key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect<'a> {
    Nothing,
    /// An object with this ETag.
    Etag(&'a str),
}

impl Expect<'_> {
    fn mode(self) -> PutMode {
        match self {
            Self::Nothing => PutMode::Create,
            Self::Etag(etag) => PutMode::Update(UpdateVersion { e_tag: Some(etag.to_owned()), version: None }),
        }
    }

    fn condition(self) -> Condition {
        match self {
            Self::Nothing => ("if-none-match", "*".to_owned()),
            Self::Etag(etag) => ("if-match", etag.to_owned()),
        }
    }
}

impl ObjectVault {
    /// Puts bytes that are in memory; returns the new ETag.
    pub(super) async fn put(
        &self,
        key: &Key,
        bytes: Bytes,
        noted: Option<&Noted>,
        expect: Expect<'_>,
    ) -> Result<String, Fault> {
        let attributes = noted.map(Noted::attributes).unwrap_or_default();
        let options = PutOptions { mode: expect.mode(), attributes, ..PutOptions::default() };
        match self.store.put_opts(key, bytes.into(), options).await {
            Ok(put) => Ok(put.e_tag.unwrap_or_default()),
            Err(error) => self.unless_done(key, noted, error.into()).await,
        }
    }

    /// Puts a file in parts. The file must be as `facts` and `noted` say until the last part is read.
    pub(super) async fn put_parts(
        &self,
        key: &Key,
        file: &mut File,
        (facts, noted): (&Facts, &Noted),
        expect: Expect<'_>,
        stop: &AtomicBool,
    ) -> Result<String, Fault> {
        let options = PutMultipartOptions { attributes: noted.attributes(), ..PutMultipartOptions::default() };
        let upload = self.store.create_multipart_opts(key, options).await?;
        self.ends.set(&upload, expect.condition());
        let outcome = match self.parts((key, &upload), file, (facts, noted), stop).await {
            Ok(parts) => self.store.complete_multipart(key, &upload, parts).await.map_err(Fault::from),
            Err(fault) => Err(fault),
        };
        self.ends.forget(&upload);
        match outcome {
            Ok(put) => Ok(put.e_tag.unwrap_or_default()),
            Err(fault) => {
                let done = self.unless_done(key, Some(noted), fault).await;
                if done.is_err() {
                    // Parts of an upload without an end cost money; what fails here is left to the bucket's own rule.
                    let _ = self.store.abort_multipart(key, &upload).await;
                }
                done
            }
        }
    }

    async fn parts(
        &self,
        (key, upload): (&Key, &String),
        file: &mut File,
        (facts, noted): (&Facts, &Noted),
        stop: &AtomicBool,
    ) -> Result<Vec<PartId>, Fault> {
        file.seek(SeekFrom::Start(0)).map_err(|error| local(&error))?;
        let length = PART_BYTES.max(facts.size.div_ceil(PARTS_MAX));
        let mut hasher = blake3::Hasher::new();
        let cut = stream::iter(0..facts.size.div_ceil(length) as usize).map(|index| {
            if stop.load(Ordering::Relaxed) {
                return Err(Fault::stopped());
            }
            let bytes = read_part(file, length).map_err(|error| local(&error))?;
            hasher.update(&bytes);
            Ok::<_, Fault>((index, bytes))
        });
        let sent = cut.map(|part| async {
            let (index, bytes) = part?;
            Ok::<_, Fault>(self.store.put_part(key, upload, index, bytes.into()).await?)
        });
        let parts = sent.buffered(PARTS_IN_FLIGHT).try_collect::<Vec<_>>().await?;
        let same = *hasher.finalize().as_bytes() == noted.hash;
        if !same || facts_of(&*file).map_err(|error| local(&error))? != *facts {
            return Err(Fault::new(FaultKind::Local, "it changed while it was read"));
        }
        Ok(parts)
    }

    /// A put whose answer was lost is tried again by the client, and then finds its own object in the way.
    async fn unless_done(&self, key: &Key, noted: Option<&Noted>, fault: Fault) -> Result<String, Fault> {
        let lost = matches!(fault.kind, FaultKind::Changed | FaultKind::Failing | FaultKind::Missing);
        let Some(noted) = noted.filter(|_| lost) else { return Err(fault) };
        match self.head_of(key).await {
            Ok(Some(object)) if object.noted.as_ref() == Some(noted) => Ok(object.etag),
            _ => Err(fault),
        }
    }
}

fn read_part(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
