//! Tithe's own records of a bucket: the marker, the record of what was installed, intents.
//!
//! A record is a ledger as on disk. It is read whole into a folder of this machine, where the ledger's own functions
//! work on it, and put back whole, on the condition that nobody else did meanwhile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use super::super::installed::{self, Installed};
use super::super::ledger::{self, Owner, Reader};
use super::super::own::OwnFolder;
use super::super::path::{OWN_FOLDER, VaultPath};
use super::super::trash::records_in;
use super::fault::{Fault, FaultKind, local};
use super::link::ObjectVault;
use super::put::Expect;
use super::read::Bounded;
use crate::error::{Error, ErrorKind, Result};
use crate::rate::RateLimit;

const MARKER: &str = "vault.json";
const FORMAT: u32 = 1;
const MARKER_BYTES_MAX: u64 = 4096;
const INSTALLED: &str = "installed";
/// A record of the trash, on this machine.
const BESIDE: &str = "beside";

#[derive(serde::Serialize, serde::Deserialize)]
struct Marker {
    format: u32,
    id: String,
}

impl ObjectVault {
    /// Asks for the marker without believing it: a key without the right to list is told "denied" where nothing is.
    pub(super) fn probe(&self) -> Result<()> {
        match self.marker_bytes() {
            Err(fault) if !matches!(fault.kind, FaultKind::Denied) => Err(fault.error("open", &self.name())),
            _ => Ok(()),
        }
    }

    fn marker_bytes(&self) -> Result<Option<Vec<u8>>, Fault> {
        self.small(MARKER, MARKER_BYTES_MAX).map(|found| found.map(|(bytes, _)| bytes))
    }

    /// A small object of Tithe's own and its ETag.
    pub(super) fn small(&self, name: &str, most: u64) -> Result<Option<(Vec<u8>, String)>, Fault> {
        let mut sink = Bounded { bytes: Vec::new(), most };
        let key = self.own_key(name)?;
        match self.wait(self.read_key(&key, &mut sink, &RateLimit::new(None))) {
            Ok((object, _)) => Ok(Some((sink.bytes, object.etag))),
            Err(fault) if fault.kind == FaultKind::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The identity on the marker.
    pub(super) fn identity(&self) -> Result<Option<Owner>> {
        let bytes = self.marker_bytes().map_err(|fault| fault.error("read the marker of", &self.name()))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let marker = serde_json::from_slice::<Marker>(&bytes).ok().filter(|marker| marker.format == FORMAT);
        let id = marker.and_then(|marker| uuid::Uuid::parse_str(&marker.id).ok()).ok_or_else(|| {
            Error::new(ErrorKind::Refused, format!("{self}/{OWN_FOLDER}/{MARKER} is not of this version"))
                .with_remedy("use the version of tithe that made it; without it the vault counts as a new one")
        })?;
        Ok(Some(id.into_bytes()))
    }

    /// Marks the vault as Tithe's, unless it is; one that holds objects already needs `adopt`.
    pub(super) fn mark(&self, adopt: bool) -> Result<Owner> {
        if let Some(id) = self.identity()? {
            return Ok(id);
        }
        let at = |fault: Fault| fault.error("mark", &self.name());
        if !adopt && !self.is_empty().map_err(at)? {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("{self} holds objects and is no vault that Tithe has filled before"),
            )
            .with_remedy(
                "name an empty folder of the bucket; or take this one with --adopt: objects that are there are never \
                 changed or removed",
            ));
        }
        let id = uuid::Uuid::new_v4();
        let text = serde_json::to_vec(&Marker { format: FORMAT, id: id.to_string() })
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "write a marker").with_cause(cause))?;
        let key = self.own_key(MARKER).map_err(at)?;
        match self.wait(self.put(&key, text.into(), None, Expect::Nothing)) {
            Ok(_) => Ok(id.into_bytes()),
            Err(fault) if fault.kind == FaultKind::Changed => self.identity()?.ok_or_else(|| at(fault)),
            Err(fault) => Err(at(fault)),
        }
    }

    fn is_empty(&self) -> Result<bool, Fault> {
        let root = self.key_of("")?;
        let within = (!root.as_ref().is_empty()).then_some(&root);
        self.wait(async {
            let mut all = self.store.list(within);
            while let Some(entry) = all.try_next().await? {
                if !self.below(&entry.location).starts_with(&format!("{OWN_FOLDER}/")) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }
}

impl std::fmt::Display for ObjectVault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.address, f)
    }
}

/// The records of one run, in a folder of this machine that goes with it.
pub(super) struct Records<'a> {
    vault: &'a ObjectVault,
    id: Owner,
    folder: OwnFolder,
    /// Of the record that was read or put last; none where there is none.
    etag: Option<String>,
    _dir: tempfile::TempDir,
}

impl<'a> Records<'a> {
    /// Reads what was installed.
    pub(super) fn open(vault: &'a ObjectVault, id: Owner) -> Result<Self, Fault> {
        let disk = |error: io::Error| local(&error);
        let dir = tempfile::Builder::new().prefix("tithe-").tempdir().map_err(disk)?;
        let above = File::open(dir.path()).map_err(disk)?;
        let folder = OwnFolder::inside(above.as_fd(), "records", true).map_err(disk)?;
        let folder = folder.ok_or_else(|| local(&io::ErrorKind::NotFound.into()))?;
        let mut records = Self { vault, id, folder, etag: None, _dir: dir };
        records.etag = records.fetch(INSTALLED, INSTALLED)?;
        Ok(records)
    }

    /// The record as it is, and whether there was one that cannot be believed.
    pub(super) fn installed(&self) -> io::Result<(Reader<Installed>, bool)> {
        installed::open(&self.folder, &self.id)
    }

    /// Records news, here and in the bucket.
    pub(super) fn update(&mut self, news: &[(VaultPath, Option<Installed>)]) -> Result<(), Fault> {
        if news.is_empty() {
            return Ok(());
        }
        installed::update(&self.folder, &self.id, news).map_err(|error| local(&error))?;
        let bytes = self.bytes_of(INSTALLED)?;
        let key = self.vault.own_key(INSTALLED)?;
        let expect = self.etag.as_deref().map_or(Expect::Nothing, Expect::Etag);
        let put = self.vault.wait(self.vault.put(&key, bytes, None, expect))?;
        self.etag = Some(put);
        Ok(())
    }

    /// Says in the bucket what is going to be put there.
    pub(super) fn intend(&self, batch: usize, news: &[(VaultPath, Option<Installed>)]) -> Result<(), Fault> {
        installed::intend(&self.folder, &self.id, batch, news).map_err(|error| local(&error))?;
        self.lay(&installed::intent_name(batch), &installed::intent_name(batch))
    }

    /// What Tithe knew of objects in the trash, by the name of that record.
    pub(super) fn beside(&self, name: &str) -> Result<BTreeMap<VaultPath, Installed>, Fault> {
        self.fetch(name, BESIDE)?;
        records_in(&self.folder, BESIDE, &self.id).map_err(|error| local(&error))
    }

    /// Adds what Tithe knew of objects in the trash to a record beside them.
    pub(super) fn lay_beside(&self, name: &str, news: &[(VaultPath, Option<Installed>)]) -> Result<(), Fault> {
        if news.is_empty() {
            return Ok(());
        }
        self.fetch(name, BESIDE)?;
        ledger::merge(&self.folder, BESIDE, &self.id, news).map_err(|error| local(&error))?;
        self.lay(BESIDE, name)
    }

    /// The same for what is known of these paths, which are sorted.
    pub(super) fn keep_beside<'p>(&self, name: &str, paths: impl Iterator<Item = &'p VaultPath>) -> Result<(), Fault> {
        let (mut known, _) = self.installed().map_err(|error| local(&error))?;
        let mut kept = Vec::new();
        for path in paths {
            kept.extend(known.find(path).map_err(|error| local(&error))?.map(|record| (path.clone(), Some(record))));
        }
        self.lay_beside(name, &kept)
    }

    fn lay(&self, file: &str, name: &str) -> Result<(), Fault> {
        let (bytes, key) = (self.bytes_of(file)?, self.vault.own_key(name)?);
        self.vault.wait(async { self.vault.store.put(&key, bytes.into()).await })?;
        Ok(())
    }

    /// Records what a killed run did put there of what it intended, and forgets the intents.
    pub(super) fn recover(&mut self) -> Result<(), Fault> {
        let own = self.vault.key_of(OWN_FOLDER)?;
        let found = self.vault.wait(async { self.vault.store.list_with_delimiter(Some(&own)).await })?;
        let mut news = BTreeMap::new();
        let mut intents = Vec::new();
        for object in found.objects {
            let Some(name) = object.location.filename().filter(|name| installed::is_intent(name)) else { continue };
            self.fetch(name, name)?;
            let intended = installed::intended(&self.folder, name, &self.id).map_err(|error| local(&error))?;
            let paths: Vec<&VaultPath> = intended.iter().map(|(path, _)| path).collect();
            let heads = self.vault.heads(&paths, &AtomicBool::new(false))?;
            for ((path, record), head) in intended.iter().zip(heads) {
                if head?.and_then(|object| object.noted).is_some_and(|noted| noted.hash == record.hash) {
                    news.insert(path.clone(), Some(*record));
                }
            }
            intents.push(object.location);
        }
        self.update(&news.into_iter().collect::<Vec<_>>())?;
        self.vault.wait(async {
            for intent in &intents {
                self.vault.store.delete(intent).await?;
            }
            Ok(())
        })
    }

    /// The intents up to a batch are carried out and recorded.
    pub(super) fn forget_intents(&self, batches: usize) -> Result<(), Fault> {
        for batch in 0..batches {
            let key = self.vault.own_key(&installed::intent_name(batch))?;
            self.vault.wait(async { self.vault.store.delete(&key).await })?;
        }
        Ok(())
    }

    /// Brings an object of Tithe's own here, as this file; its ETag.
    fn fetch(&self, name: &str, file_name: &str) -> Result<Option<String>, Fault> {
        let mut file = self.folder.create(file_name).map_err(|error| local(&error))?;
        let key = self.vault.own_key(name)?;
        match self.vault.wait(self.vault.read_key(&key, &mut file, &RateLimit::new(None))) {
            Ok((object, _)) => file.flush().map(|()| Some(object.etag)).map_err(|error| local(&error)),
            Err(fault) if fault.kind == FaultKind::Missing => {
                self.folder.remove(file_name).map(|()| None).map_err(|error| local(&error))
            }
            Err(fault) => Err(fault),
        }
    }

    fn bytes_of(&self, name: &str) -> Result<Bytes, Fault> {
        let read = || -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            self.folder.open(name)?.ok_or(io::ErrorKind::NotFound)?.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map(Bytes::from).map_err(|error| local(&error))
    }
}
