//! What a plan comes to before it is carried out: whether it would be, how each file would come, and how long it takes.

use super::check::{check_missing, check_removal};
use super::compare::{Step, VaultPlan};
use super::delta;
use super::location::Location;
use super::session::Settings;
use super::wanted::{FileMode, WantedList};

/// What is taken for granted where no limit is stated: a disk, and a line to somewhere else.
const HERE_BYTES_PER_SECOND: u64 = 100_000_000;
const ELSEWHERE_BYTES_PER_SECOND: u64 = 10_000_000;
/// Opening, making and renaming files takes its time, however small they are.
const FILES_PER_SECOND: u64 = 2000;

/// How a file would come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Whole, where nothing stands.
    Copy,
    /// Whole, in the place of another version.
    Replace,
    /// Likely as what differs from the version that stands there.
    Patch,
}

/// How long bringing the files may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Estimate {
    /// At most so many come, fewer where files are patched.
    pub bytes: u64,
    /// With all files at these rates.
    pub seconds: u64,
    /// The lower one of the limit and what is taken for granted.
    pub bytes_per_second: u64,
    /// Nobody stated the rate.
    pub assumed: bool,
}

/// How the file of a step would come.
pub fn action(settings: &Settings, wanted: &WantedList, step: &Step) -> Action {
    let mode = wanted.rule(&wanted.files[step.file as usize]).mode;
    let far = [&settings.source, &settings.target].iter().any(|place| matches!(place, Location::Ssh(_)));
    match &step.replaces {
        None => Action::Copy,
        Some(old) if far && mode == FileMode::Real && delta::worth_it(old.size, step.size) => Action::Patch,
        Some(_) => Action::Replace,
    }
}

/// How long it may take.
pub fn estimate(settings: &Settings, plan: &VaultPlan) -> Estimate {
    let here = [&settings.source, &settings.target].iter().all(|place| matches!(place, Location::Folder(_)));
    let usual = if here { HERE_BYTES_PER_SECOND } else { ELSEWHERE_BYTES_PER_SECOND };
    let bytes_per_second = settings.bytes_per_second.unwrap_or(usual).clamp(1, usual);
    let bytes = plan.bytes();
    let seconds = bytes.div_ceil(bytes_per_second) + plan.steps.len() as u64 / FILES_PER_SECOND;
    let assumed = settings.bytes_per_second.is_none_or(|limit| limit > usual);
    Estimate { bytes, seconds, bytes_per_second, assumed }
}

/// Why a sync would not carry the plan out, or not without being told to.
pub fn refusals(settings: &Settings, wanted: &WantedList, plan: &VaultPlan, yes_remove: Option<u64>) -> Vec<String> {
    let missing = check_missing(wanted, plan, &[], settings, &settings.source.to_string()).err();
    let missing = missing.map(|error| format!("{}: a sync would end there; {}", error.action(), error.remedy()));
    let removal = check_removal(plan, yes_remove).err();
    let removal =
        removal.map(|error| format!("{}: a sync would not without leave; {}", error.action(), error.remedy()));
    missing.into_iter().chain(removal).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::bring::Durability;
    use super::super::compare::{Extra, Totals, Trouble, TroubleKind};
    use super::super::object::StoreSettings;
    use super::super::path::VaultPath;
    use super::super::remote::RemoteSettings;
    use super::super::root::Facts;
    use super::super::wanted::{FileRule, WantedFile};
    use super::*;

    fn settings(source: &str) -> Settings {
        Settings {
            source: source.parse().unwrap(),
            target: "to".parse().unwrap(),
            remote: RemoteSettings::new("ssh", "tithe", Duration::from_secs(1)).unwrap(),
            store: StoreSettings::default(),
            state: None,
            run_id: "run".to_owned(),
            jobs: 1,
            bytes_per_second: None,
            durability: Durability::Batch,
            adopt: false,
            overwrite: false,
            paranoid: false,
            missing_percent: 0.0,
            keep_trash: Duration::ZERO,
        }
    }

    fn facts(size: u64) -> Facts {
        Facts { dev: 1, ino: 1, size, mtime_ns: 1, ctime_ns: 1, executable: false }
    }

    fn wanted(mode: FileMode) -> WantedList {
        let files = vec![WantedFile { path: VaultPath::parse("a").unwrap(), source: None, rule: 0, required: true }];
        WantedList::unite(vec![FileRule { name: "all".to_owned(), mode }], files).unwrap()
    }

    #[test]
    fn a_changed_large_file_of_another_machine_is_likely_patched() {
        let step = |old: Option<u64>| Step {
            file: 0,
            replaces: old.map(|size| Box::new(facts(size))),
            size: 2 << 20,
            hash: None,
        };
        let (far, here) = (settings("far:/from"), settings("from"));
        let (real, made) = (wanted(FileMode::Real), wanted(FileMode::Placeholder));
        assert_eq!(action(&far, &real, &step(Some(1 << 20))), Action::Patch);
        assert_eq!(action(&far, &real, &step(Some(1000))), Action::Replace);
        assert_eq!(action(&far, &made, &step(Some(1 << 20))), Action::Replace);
        assert_eq!(action(&here, &real, &step(Some(1 << 20))), Action::Replace);
        assert_eq!(action(&far, &real, &step(None)), Action::Copy);
    }

    #[test]
    fn the_time_is_told_with_the_rate_it_rests_on() {
        let totals = vec![Totals { bytes: 1_000_000_000, ..Totals::default() }];
        let plan = VaultPlan { totals, ..VaultPlan::default() };
        let told = |settings: &Settings| {
            let Estimate { seconds, assumed, .. } = estimate(settings, &plan);
            (seconds, assumed)
        };
        assert_eq!((told(&settings("from")), told(&settings("far:/from"))), ((10, true), (100, true)));
        assert_eq!(told(&Settings { bytes_per_second: Some(1_000_000), ..settings("from") }), (1000, false));
        assert_eq!(told(&Settings { bytes_per_second: Some(1 << 40), ..settings("from") }), (10, true));
    }

    #[test]
    fn a_plan_tells_what_a_sync_would_refuse() {
        let mut plan = VaultPlan { totals: vec![Totals { wanted: 10, ..Totals::default() }], ..VaultPlan::default() };
        assert_eq!(refusals(&settings("from"), &wanted(FileMode::Real), &plan, None), [""; 0]);
        plan.troubles.push(Trouble { file: 0, what: TroubleKind::Missing });
        plan.installed = 3;
        plan.extras = vec![Extra { path: VaultPath::parse("b").unwrap(), facts: facts(1) }];
        let told = refusals(&settings("from"), &wanted(FileMode::Real), &plan, None);
        assert!(
            told[0].starts_with("1 of 10 files that rows name are missing in from: a: a sync would end"),
            "{told:?}"
        );
        assert!(told[1].contains("1 of 3 files would be removed") && told[1].contains("--yes-remove 1"), "{told:?}");
        let lenient = Settings { missing_percent: 10.0, ..settings("from") };
        assert_eq!(refusals(&lenient, &wanted(FileMode::Real), &plan, Some(1)), [""; 0]);
    }
}
