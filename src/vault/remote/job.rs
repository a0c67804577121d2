//! A push as it crosses the connection: what is wanted, how, and what came of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::bring::{Brought, Durability};
use super::super::compare::VaultPlan;
use super::super::path::VaultPath;
use super::super::restore::Restored;
use super::super::session::{Planned, Settings};
use super::super::settle::Version;
use super::super::wanted::{FileMode, FileRule, WantedFile, WantedList};
use super::frame::{PAYLOAD_BYTES_MAX, kind};
use super::link::{Link, LinkFault};
use super::message::{Failure, Fields, Malformed, Why, put_mode, put_path};

/// Memory that the list of one job may take where it arrives: about five million files.
const LIST_BYTES_MAX: u64 = 512 << 20;
/// What a file is taken to need beside the letters of its paths, on both sides alike.
const FILE_BYTES: u64 = 40;
/// Longest answer about a plan.
pub(super) const PLAN_BYTES_MAX: u64 = 1 << 30;
/// Sums of a plan are below it.
const SUM_MAX: u64 = 1 << 56;

/// How the far side is to work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    files: u64,
    list_bytes: u64,
    rules: Vec<(String, u8)>,
    pub(super) run_id: String,
    pub(super) jobs: usize,
    durability: u8,
    pub(super) adopt: bool,
    pub(super) overwrite: bool,
    pub(super) paranoid: bool,
    pub(super) missing_percent: f64,
    keep_trash_seconds: u64,
}

impl Job {
    /// What the settings say, for that many files.
    pub(super) fn of(settings: &Settings, wanted: &WantedList) -> Self {
        Self {
            files: wanted.files.len() as u64,
            list_bytes: wanted.files.iter().map(list_bytes).sum(),
            rules: Self::rules_of(wanted),
            run_id: settings.run_id.clone(),
            jobs: settings.jobs,
            durability: match settings.durability {
                Durability::Batch => 0,
                Durability::Each => 1,
                Durability::Off => 2,
                Durability::Readback => 3,
            },
            adopt: settings.adopt,
            overwrite: settings.overwrite,
            paranoid: settings.paranoid,
            missing_percent: settings.missing_percent,
            keep_trash_seconds: settings.keep_trash.as_secs(),
        }
    }

    /// For a look at these files, which changes nothing.
    pub(super) fn for_looking(wanted: &WantedList) -> Self {
        Self {
            files: wanted.files.len() as u64,
            list_bytes: wanted.files.iter().map(list_bytes).sum(),
            rules: Self::rules_of(wanted),
            run_id: "look".to_owned(),
            jobs: 1,
            durability: 0,
            adopt: false,
            overwrite: false,
            paranoid: true,
            missing_percent: 0.0,
            keep_trash_seconds: 0,
        }
    }

    fn rules_of(wanted: &WantedList) -> Vec<(String, u8)> {
        let mode = |mode| {
            let mut byte = Vec::new();
            put_mode(&mut byte, mode);
            byte[0]
        };
        wanted.rules.iter().map(|rule| (rule.name.clone(), mode(rule.mode))).collect()
    }

    /// As it arrived, checked: the run's name becomes a folder's.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let job: Self = serde_json::from_slice(payload).map_err(|_| Malformed)?;
        let fits =
            is_run_id(&job.run_id) && job.list_bytes <= LIST_BYTES_MAX && job.rules.len() <= usize::from(u16::MAX);
        if fits && job.missing_percent.is_finite() { Ok(job) } else { Err(Malformed) }
    }

    pub(super) fn durability(&self) -> Durability {
        match self.durability {
            1 => Durability::Each,
            2 => Durability::Off,
            3 => Durability::Readback,
            _ => Durability::Batch,
        }
    }

    pub(super) fn keep_trash(&self) -> Duration {
        Duration::from_secs(self.keep_trash_seconds)
    }

    pub(super) fn rules(&self) -> Result<Vec<FileRule>, Malformed> {
        let rule = |(name, mode): &(String, u8)| {
            // Such files do not come, but keep their place in the list of rules.
            let mode = if *mode == u8::MAX { Ok(FileMode::None) } else { Fields::of(&[*mode]).mode() };
            Ok(FileRule { name: name.clone(), mode: mode? })
        };
        self.rules.iter().map(rule).collect()
    }

    /// What all files together take.
    pub(super) fn list_bytes(&self) -> u64 {
        self.list_bytes
    }

    /// Whether no more files are to come.
    pub(super) fn is_complete(&self, files: &[WantedFile]) -> bool {
        files.len() as u64 == self.files
    }

    /// Sends it with all its files.
    pub(super) fn send(&self, link: &Link, wanted: &WantedList) -> Result<(), LinkFault> {
        self.check()?;
        link.send(kind::SETTINGS, 0, &serde_json::to_vec(self).unwrap_or_default())?;
        let mut payload = Vec::new();
        for file in &wanted.files {
            put_path(&mut payload, &file.path);
            payload.push(u8::from(file.required) | if file.source.is_some() { 2 } else { 0 });
            payload.extend(file.rule.to_le_bytes());
            file.source.iter().for_each(|source| put_path(&mut payload, source));
            if payload.len() > PAYLOAD_BYTES_MAX / 2 {
                link.send(kind::FILES, 0, &payload)?;
                payload.clear();
            }
        }
        if payload.is_empty() { Ok(()) } else { link.send(kind::FILES, 0, &payload) }
    }

    /// Tells before a byte is sent what the other side would not take.
    fn check(&self) -> Result<(), LinkFault> {
        if self.list_bytes <= LIST_BYTES_MAX {
            return Ok(());
        }
        let text = format!(
            "a list of {} files takes {} MB of another machine's memory, which takes lists of {} MB at most",
            self.files,
            self.list_bytes >> 20,
            LIST_BYTES_MAX >> 20
        );
        let mut failure = Failure::new(Why::Refused, text);
        failure.remedy = Some("name fewer files, or run tithe on the machine that holds the target".to_owned());
        Err(LinkFault::Failed(failure))
    }

    /// Adds files as they arrive, no more than were announced; `left` is the memory that they may still take.
    pub(super) fn take_files(
        &self,
        payload: &[u8],
        files: &mut Vec<WantedFile>,
        left: &mut u64,
    ) -> Result<(), Malformed> {
        let mut fields = Fields::of(payload);
        while !fields.is_empty() {
            let path = fields.path()?;
            let flags = fields.byte()?;
            let rule = u16::from_le_bytes([fields.byte()?, fields.byte()?]);
            let source = if flags & 2 == 0 { None } else { Some(fields.path()?) };
            if usize::from(rule) >= self.rules.len() || files.len() as u64 >= self.files {
                return Err(Malformed);
            }
            let file = WantedFile { path, source, rule, required: flags & 1 != 0 };
            *left = left.checked_sub(list_bytes(&file)).ok_or(Malformed)?;
            files.push(file);
        }
        Ok(())
    }
}

fn is_run_id(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    (1..=64).contains(&text.len()) && text.chars().all(plain)
}

/// Which run's files are to be put back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RestoreOrder {
    pub(super) run_id: String,
    pub(super) to: Version,
}

impl RestoreOrder {
    /// As it arrived, checked.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let order: Self = serde_json::from_slice(payload).map_err(|_| Malformed)?;
        if is_run_id(&order.run_id) { Ok(order) } else { Err(Malformed) }
    }
}

/// What came back, as it arrived.
pub(super) fn restored(payload: &[u8]) -> Result<Restored, Malformed> {
    let restored: Restored = serde_json::from_slice(payload).map_err(|_| Malformed)?;
    let Restored { returned, exchanged, conflicts, trash_gone: _ } = &restored;
    if [returned, exchanged, conflicts].iter().all(|sum| **sum < SUM_MAX) { Ok(restored) } else { Err(Malformed) }
}

/// The memory that a file of the list takes.
fn list_bytes(file: &WantedFile) -> u64 {
    let source = file.source.as_ref().map_or(0, |source| source.as_str().len());
    FILE_BYTES + (file.path.as_str().len() + source) as u64
}

/// What planning found, on its way.
#[derive(Serialize, Deserialize)]
pub(super) struct PlannedThere {
    plan: VaultPlan,
    folded: Vec<(VaultPath, VaultPath)>,
    notes: Vec<String>,
}

impl PlannedThere {
    pub(super) fn bytes(planned: &Planned) -> Vec<u8> {
        let Planned { plan, folded, notes } = planned;
        serde_json::to_vec(&Self { plan: plan.clone(), folded: folded.clone(), notes: notes.clone() })
            .unwrap_or_default()
    }

    /// As it arrived, every index and sum checked.
    pub(super) fn parse(payload: &[u8], wanted: &WantedList) -> Result<Planned, Malformed> {
        let Self { mut plan, folded, notes } = serde_json::from_slice(payload).map_err(|_| Malformed)?;
        let known = |file: u32| (file as usize) < wanted.files.len();
        let sums = plan.totals.iter().flat_map(|totals| {
            [totals.wanted, totals.kept, totals.copied, totals.replaced, totals.bytes, totals.absent, totals.troubles]
        });
        let fits = plan.totals.len() == wanted.rules.len()
            && plan.steps.iter().all(|step| known(step.file))
            && plan.troubles.iter().all(|trouble| known(trouble.file))
            && sums.chain([plan.installed]).all(|sum| sum < SUM_MAX / (wanted.rules.len() as u64 + 1));
        if !fits {
            return Err(Malformed);
        }
        plan.troubles.iter_mut().for_each(super::super::compare::Trouble::make_plain);
        let notes = notes.iter().map(|note| super::message::plain(note)).collect();
        Ok(Planned { plan, folded, notes })
    }
}

/// What came of it, as it arrived.
pub(super) fn brought(payload: &[u8], wanted: &WantedList) -> Result<Brought, Malformed> {
    let mut brought: Brought = serde_json::from_slice(payload).map_err(|_| Malformed)?;
    if brought.troubles.iter().any(|trouble| trouble.file as usize >= wanted.files.len()) {
        return Err(Malformed);
    }
    brought.troubles.iter_mut().for_each(super::super::compare::Trouble::make_plain);
    Ok(brought)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job() -> serde_json::Value {
        serde_json::json!({
            "files": 3, "list_bytes": 400, "rules": [["a", 0]], "run_id": "r-1", "jobs": 1, "durability": 0, "adopt": false,
            "overwrite": false, "paranoid": false, "missing_percent": 0.0, "keep_trash_seconds": 1,
        })
    }

    /// A run's name becomes the name of a folder in the trash.
    #[test]
    fn a_run_is_no_path() {
        assert!(Job::parse(job().to_string().as_bytes()).is_ok());
        for name in ["../x", "", "a/b", ".", "a\u{0}"] {
            let mut job = job();
            job["run_id"] = name.into();
            assert!(Job::parse(job.to_string().as_bytes()).is_err(), "{name:?}");
            let order = serde_json::json!({ "run_id": name, "to": "Older" });
            assert!(RestoreOrder::parse(order.to_string().as_bytes()).is_err(), "{name:?}");
        }
        assert!(RestoreOrder::parse(br#"{"run_id":"r-1","to":"Newer"}"#).is_ok());
        assert!(RestoreOrder::parse(br#"{"run_id":"r-1","to":"Oldest"}"#).is_err());
    }

    #[test]
    fn sums_that_no_vault_has_are_no_answer() {
        let answer = |sum: u64| {
            serde_json::json!({ "returned": 0, "exchanged": sum, "conflicts": 1, "trash_gone": false }).to_string()
        };
        assert_eq!(restored(answer(3).as_bytes()).unwrap().exchanged, 3);
        assert_eq!(restored(answer(u64::MAX).as_bytes()), Err(Malformed));
        assert_eq!(restored(b"{}"), Err(Malformed));
    }

    #[test]
    fn a_plan_about_files_that_are_not_wanted_is_none() {
        let wanted = WantedList::default();
        let plan = |steps| {
            serde_json::json!({
                "plan": { "steps": steps, "troubles": [], "extras": [], "modified_extras": [], "gone": [], "totals": [],
                    "installed": 0, "kinds": {} },
                "folded": [], "notes": [],
            })
        };
        let empty = plan(serde_json::json!([])).to_string();
        assert!(PlannedThere::parse(empty.as_bytes(), &wanted).is_ok());
        let odd = plan(serde_json::json!([{ "file": 0, "replaces": null, "size": 1 }])).to_string();
        assert!(PlannedThere::parse(odd.as_bytes(), &wanted).is_err());
    }

    /// Whoever may only read fills no memory either.
    #[test]
    fn a_list_takes_no_more_memory_than_was_announced_and_that_is_bounded() {
        let file = |path: &str| {
            let mut bytes = Vec::new();
            put_path(&mut bytes, &VaultPath::parse(path).unwrap());
            bytes.extend([1, 0, 0]);
            bytes
        };
        let job = Job::parse(job().to_string().as_bytes()).unwrap();
        let (mut files, mut left) = (Vec::new(), job.list_bytes());
        job.take_files(&file("a"), &mut files, &mut left).unwrap();
        assert_eq!(left, 400 - list_bytes(&files[0]));
        assert!(job.take_files(&file(&["a long name"; 40].join("/")), &mut files, &mut left).is_err());
        let mut greedy = self::job();
        greedy["list_bytes"] = (LIST_BYTES_MAX + 1).into();
        assert!(Job::parse(greedy.to_string().as_bytes()).is_err());
        // The other end says so before it sends anything.
        let greedy: Job = serde_json::from_value(greedy).unwrap();
        let Err(LinkFault::Failed(failure)) = greedy.check() else { panic!("it would be sent") };
        assert!(failure.text.contains("lists of 512 MB at most"), "{failure:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_files_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let job = Job::parse(job().to_string().as_bytes()).unwrap();
            let mut files = Vec::new();
            let _ = job.take_files(&bytes, &mut files, &mut job.list_bytes());
            prop_assert!(files.len() <= 3);
            let _ = (Job::parse(&bytes), brought(&bytes, &WantedList::default()));
            let _ = (RestoreOrder::parse(&bytes), restored(&bytes));
        }
    }
}
