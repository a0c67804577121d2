//! What a comparison and its carrying out come to, for reports.

use super::bring::Brought;
use super::compare::{Trouble, TroubleKind, VaultPlan};
use super::location::Location;
use super::path::VaultPath;
use super::session::Planned;
use super::wanted::{FileMode, WantedList};
use crate::report::{FileKindReport, FileRuleReport, VaultReport};

/// Paths that a problem names; the rest is counted.
const SHOWN: usize = 5;

/// The numbers of a run.
pub fn report(target: &Location, wanted: &WantedList, plan: &VaultPlan, brought: &Brought) -> VaultReport {
    let mut totals = plan.totals.clone();
    // What the plan held for brought and was not.
    for trouble in &brought.troubles {
        let totals = &mut totals[usize::from(wanted.files[trouble.file as usize].rule)];
        let Ok(at) = plan.steps.binary_search_by_key(&trouble.file, |step| step.file) else { continue };
        let step = &plan.steps[at];
        let count = if step.replaces.is_some() { &mut totals.replaced } else { &mut totals.copied };
        *count = count.saturating_sub(1);
        totals.bytes = totals.bytes.saturating_sub(step.size);
        totals.troubles += 1;
    }
    let rules = wanted.rules.iter().zip(&totals).map(|(rule, totals)| FileRuleReport {
        name: rule.name.clone(),
        mode: mode_name(rule.mode).to_owned(),
        wanted: totals.wanted,
        kept: totals.kept,
        brought: totals.copied + totals.replaced,
        absent: totals.absent,
        troubles: totals.troubles,
        bytes: totals.bytes,
    });
    let kinds = plan
        .kinds
        .iter()
        .map(|(kind, counts)| (kind.to_string(), FileKindReport { files: counts.files, bytes: counts.bytes }));
    VaultReport {
        // For a rollback, which may be started from anywhere.
        target: match target {
            Location::Folder(folder) => {
                std::path::absolute(folder).map_or_else(|_| String::new(), |path| path.to_string_lossy().into_owned())
            }
            elsewhere => elsewhere.to_string(),
        },
        files_wanted: plan.wanted(),
        files_kept: plan.totals.iter().map(|totals| totals.kept).sum(),
        files_copied: brought.copied + brought.replaced,
        files_replaced: brought.replaced,
        files_patched: brought.patched,
        files_removed: 0,
        files_missing: plan.missing(),
        bytes: brought.bytes,
        wire_bytes: brought.wire_bytes,
        rules: rules.collect(),
        kinds: kinds.collect(),
    }
}

/// As the profile writes it.
pub fn mode_name(mode: FileMode) -> &'static str {
    match mode {
        FileMode::Real => "real",
        FileMode::StripMetadata { .. } => "strip-metadata",
        FileMode::Placeholder => "placeholder",
        FileMode::None => "none",
    }
}

/// One line for each kind of trouble, with the first paths.
pub fn problems(wanted: &WantedList, plan: &VaultPlan, brought: &Brought) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&Trouble>)> = Vec::new();
    for trouble in plan.troubles.iter().chain(&brought.troubles) {
        let what = sentence(&trouble.what);
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, list)) => list.push(trouble),
            None => groups.push((what, vec![trouble])),
        }
    }
    groups.into_iter().map(|(what, list)| format!("{} files {what}: {}", list.len(), paths(wanted, &list))).collect()
}

/// The first paths, and how many more.
pub(super) fn paths(wanted: &WantedList, troubles: &[&Trouble]) -> String {
    first(troubles.iter().map(|trouble| &wanted.files[trouble.file as usize].path))
}

fn first<'p>(paths: impl ExactSizeIterator<Item = &'p VaultPath>) -> String {
    let more = paths.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = paths.take(SHOWN).map(VaultPath::as_str).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &more
}

fn sentence(what: &TroubleKind) -> String {
    match what {
        TroubleKind::Missing => "are named by rows and missing in the source".to_owned(),
        TroubleKind::SourceIsNoFile => "are links or no files in the source, and stay behind".to_owned(),
        TroubleKind::TargetIsNoFile => "cannot be put in place, where a link or a folder stands".to_owned(),
        TroubleKind::Conflict => {
            "differ in the target and are not as Tithe left them: they stay (--overwrite-local replaces them)"
                .to_owned()
        }
        TroubleKind::Unreadable(why) => format!("could not be read or treated ({why})"),
        TroubleKind::TargetUnreadable(why) => format!("stand in the target and could not be read there ({why})"),
        TroubleKind::OtherDisk(folder) => format!(
            "cannot be put in place: another file system is mounted at {folder} or above, and files are renamed within one"
        ),
        TroubleKind::Corrupt => "changed although neither time nor size did: silent corruption".to_owned(),
    }
}

/// Remarks on the comparison.
pub fn notes(planned: &Planned) -> Vec<String> {
    let mut notes = planned.notes.clone();
    if let Some((one, other)) = planned.folded.first() {
        notes.push(format!(
            "{} pairs of files differ in case or Unicode form only ({one}, {other}): some disks cannot hold both",
            planned.folded.len()
        ));
    }
    let changed = &planned.plan.modified_extras;
    if !changed.is_empty() {
        let (files, paths) = (changed.len(), first(changed.iter()));
        notes.push(format!("{files} files of earlier runs were changed by somebody: they stay ({paths})"));
    }
    notes
}
