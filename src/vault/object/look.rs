//! What stands at paths: by listing where neighbours are wanted, by asking for each otherwise.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::AtomicBool;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, GetOptions, ObjectMeta, ObjectStore};

use super::super::cache::ContentHash;
use super::super::path::VaultPath;
use super::super::root::Facts;
use super::fault::{Fault, FaultKind};
use super::link::{IN_FLIGHT, ObjectVault};

/// So many wanted files in one folder are worth a listing of it.
const LIST_FROM: usize = 4;
/// A page of a listing holds so many keys, and costs about as much as asking for one object.
const PAGE_KEYS: usize = 1000;

/// What Tithe notes about an object, in its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    /// Of the content.
    pub(super) hash: ContentHash,
    /// The file's time, nanoseconds since 1970.
    pub(super) mtime_ns: i64,
    pub(super) executable: bool,
    /// The run that put it there.
    pub(super) run_id: String,
}

/// An object as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) size: u64,
    /// When it was put there, nanoseconds since 1970, to the second.
    pub(super) modified_ns: i64,
    pub(super) etag: String,
    /// A listing does not tell.
    pub(super) noted: Option<Noted>,
}

impl Object {
    pub(super) fn of(meta: &ObjectMeta, attributes: &Attributes) -> Self {
        Self {
            size: meta.size,
            modified_ns: meta.last_modified.timestamp().saturating_mul(1_000_000_000),
            etag: meta.e_tag.clone().unwrap_or_default(),
            noted: Noted::of(attributes),
        }
    }

    /// As the facts of a file: the ETag, which changes with every put, stands in for the inode. Times of a listing and
    /// of an object's own answer agree to the second only.
    pub(super) fn facts(&self) -> Facts {
        let etag = blake3::hash(self.etag.as_bytes());
        let ino = u64::from_le_bytes(etag.as_bytes()[..8].try_into().unwrap_or_default());
        Facts { dev: 0, ino, size: self.size, mtime_ns: self.modified_ns, ctime_ns: 0, executable: false }
    }
}

const HASH: &str = "tithe-blake3";
const MTIME: &str = "tithe-mtime-ns";
const MODE: &str = "tithe-mode";
const RUN: &str = "tithe-run";

impl Noted {
    fn of(attributes: &Attributes) -> Option<Self> {
        let get = |name: &'static str| attributes.get(&Attribute::Metadata(name.into())).map(|value| value.as_ref());
        let hash = blake3::Hash::from_hex(get(HASH)?).ok()?;
        Some(Self {
            hash: *hash.as_bytes(),
            mtime_ns: get(MTIME)?.parse().ok()?,
            executable: get(MODE)? == "x",
            run_id: get(RUN)?.to_owned(),
        })
    }

    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = Attributes::new();
        let mut set = |name: &'static str, value: String| {
            attributes.insert(Attribute::Metadata(name.into()), value.into());
        };
        set(HASH, blake3::Hash::from_bytes(self.hash).to_hex().to_string());
        set(MTIME, self.mtime_ns.to_string());
        set(MODE, if self.executable { "x" } else { "-" }.to_owned());
        set(RUN, self.run_id.clone());
        attributes
    }
}

/// What one path's own request told.
pub(super) type Answer = Result<Option<Object>, Fault>;

impl ObjectVault {
    /// What stands at each path. `Err` of one path is its own; an outer one is the store's.
    pub(super) fn look(&self, paths: &[&VaultPath], stop: &AtomicBool) -> Result<Vec<Answer>, Fault> {
        let folders = paths.chunk_by(|one, other| one.split().0 == other.split().0);
        let asked = stream::iter(folders).map(|paths| self.look_in_folder(paths)).buffered(IN_FLIGHT);
        let found = self.wait_unless(stop, asked.try_collect::<Vec<_>>())?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Each object's own answer, with what is noted on it.
    pub(super) fn heads(&self, paths: &[&VaultPath], stop: &AtomicBool) -> Result<Vec<Answer>, Fault> {
        let asked = stream::iter(paths).map(|path| self.head(path)).buffered(IN_FLIGHT);
        self.wait_unless(stop, async { Ok(asked.collect().await) })
    }

    async fn look_in_folder(&self, paths: &[&VaultPath]) -> Result<Vec<Answer>, Fault> {
        let listed = if paths.len() < LIST_FROM { None } else { self.list(paths).await? };
        let Some(Listed { objects, seen_up_to }) = listed else { return self.ask_each(paths).await };
        // Where the listing was given up, the rest is asked for.
        let rest = seen_up_to.map_or(paths.len(), |last| paths.partition_point(|path| path.as_str() <= last.as_str()));
        let mut found: Vec<_> = paths[..rest].iter().map(|path| Ok(objects.get(path.as_str()).cloned())).collect();
        found.extend(self.ask_each(&paths[rest..]).await?);
        Ok(found)
    }

    async fn ask_each(&self, paths: &[&VaultPath]) -> Result<Vec<Answer>, Fault> {
        let own = |answer: Answer| match answer {
            Err(fault) if !matches!(fault.kind, FaultKind::Broken | FaultKind::Denied) => Err(fault),
            answer => Ok(answer),
        };
        let asked = stream::iter(paths).map(|path| async move { own(self.head(path).await) });
        asked.buffered(IN_FLIGHT).try_collect().await
    }

    pub(super) async fn head(&self, path: &VaultPath) -> Answer {
        self.head_of(&self.key(path)?).await
    }

    pub(super) async fn head_of(&self, key: &Key) -> Answer {
        match self.store.get_opts(key, GetOptions { head: true, ..GetOptions::default() }).await {
            Ok(found) => Ok(Some(Object::of(&found.meta, &found.attributes))),
            Err(error) => match Fault::from(error) {
                fault if fault.kind == FaultKind::Missing => Ok(None),
                fault => Err(fault),
            },
        }
    }

    /// Lists the wanted part of one folder; `None` where the store's order or names make it useless.
    async fn list(&self, paths: &[&VaultPath]) -> Result<Option<Listed>, Fault> {
        let (Some(first), Some(last)) = (paths.first(), paths.last()) else { return Ok(None) };
        // A name that cannot be is told of by its own request.
        let Ok(folder) = self.key_of(first.split().0) else { return Ok(None) };
        let within = (!folder.as_ref().is_empty()).then_some(&folder);
        let mut start = first.as_str().to_owned();
        start.pop();
        let Ok(start) = self.key_of(&start) else { return Ok(None) };
        // A key that ends where the folder does would list nothing before it.
        let mut entries = pin!(if start.as_ref().len() > folder.as_ref().len() + 1 {
            self.store.list_with_offset(within, &start)
        } else {
            self.store.list(within)
        });
        let mut listed = Listed { objects: HashMap::new(), seen_up_to: None };
        let mut before = String::new();
        let mut left = PAGE_KEYS * (paths.len() / 2).max(1);
        loop {
            let entry = match entries.try_next().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(Some(listed)),
                Err(object_store::Error::InvalidPath { .. }) => return Ok(None),
                Err(error) => match Fault::from(error) {
                    // Objects may be asked for without the right to list.
                    fault if fault.kind == FaultKind::Denied => return Ok(None),
                    fault => return Err(fault),
                },
            };
            let path = self.below(&entry.location).to_owned();
            if path.as_str() < before.as_str() {
                return Ok(None);
            }
            left -= 1;
            if path.as_str() > last.as_str() || left == 0 {
                listed.seen_up_to = (path.as_str() <= last.as_str()).then_some(before);
                return Ok(Some(listed));
            }
            if paths.binary_search_by(|wanted| wanted.as_str().cmp(&path)).is_ok() {
                listed.objects.insert(path.clone(), Object::of(&entry, &Attributes::new()));
            }
            before = path;
        }
    }
}

/// What a listing told.
struct Listed {
    objects: HashMap<String, Object>,
    /// It was given up after this path.
    seen_up_to: Option<String>,
}
