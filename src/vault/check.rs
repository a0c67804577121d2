//! Whether a plan may be carried out: not where the source fails, and not where too much would go.

use super::compare::{Trouble, TroubleKind, VaultPlan};
use super::session::Settings;
use super::tell::paths;
use super::wanted::WantedList;
use crate::error::{Error, ErrorKind, Result};

/// Above these a removal is asked for: it may be a mistake in the profile or the wrong database.
const REMOVE_PERCENT: u64 = 10;
const REMOVE_FILES: u64 = 1000;

/// Whether so many extras may go without being asked about.
///
/// # Errors
/// `Refused`, telling the number.
pub fn check_removal(plan: &VaultPlan, allowed: Option<u64>) -> Result<()> {
    let extras = plan.extras.len() as u64;
    if extras == 0 {
        return Ok(());
    }
    if plan.wanted() == 0 {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("no file is wanted, and all {extras} that Tithe brought would be removed from the vault"),
        )
        .with_remedy("it may be the wrong database or list; to be rid of the files remove the folder yourself"));
    }
    let many = extras > REMOVE_FILES || extras * 100 > plan.installed * REMOVE_PERCENT;
    if allowed.map_or(many, |allowed| extras > allowed) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{extras} of {} files would be removed from the vault", plan.installed),
        )
        .with_remedy(format!("look at `tithe vault plan`; if they are to go, say --yes-remove {extras}")));
    }
    Ok(())
}

/// Of the files, this share may be there and yet not be had, in percent; or a single one.
const UNREADABLE_PERCENT: f64 = 1.0;

/// Whether the source gave what it was to give, before or after the files were brought.
pub(crate) fn check_missing(
    wanted: &WantedList,
    plan: &VaultPlan,
    later: &[Trouble],
    settings: &Settings,
    source: &str,
) -> Result<()> {
    let percent = settings.missing_percent;
    let those = |is_meant: &dyn Fn(&TroubleKind) -> bool| -> Vec<&Trouble> {
        plan.troubles.iter().chain(later).filter(|trouble| is_meant(&trouble.what)).collect()
    };
    let missing = those(&|what| *what == TroubleKind::Missing);
    let lost = those(&TroubleKind::is_lost);
    let allowed = |percent: f64| percent * plan.wanted() as f64 / 100.0;
    if missing.len() as f64 > allowed(percent) {
        return Err(too_many((wanted, plan), &missing, &format!("are missing in {source}"), percent));
    }
    if lost.len() as f64 <= allowed(percent.max(UNREADABLE_PERCENT)).max(1.0) {
        return Ok(());
    }
    Err(too_many((wanted, plan), &lost, &format!("are missing or cannot be read in {source}"), percent))
}

fn too_many((wanted, plan): (&WantedList, &VaultPlan), lost: &[&Trouble], what: &str, percent: f64) -> Error {
    let (files, paths) = (plan.wanted(), paths(wanted, lost));
    Error::new(ErrorKind::Vault, format!("{} of {files} files that rows name {what}: {paths}", lost.len()))
    .with_remedy(format!(
        "see `tithe vault plan`: is it the right folder, and may you read it? If so raise missing_percent in [vault] (now {percent}; of --files-from: --missing-percent), or make the files optional"
    ))
}
