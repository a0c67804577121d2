//! The leak check of a run: after the rows have landed and before foreign keys, triggers and the swap.
//!
//! ```text
//! worker ─▶ Secrets      while rows stream
//! read   ─▶ Suspects     kept columns of the new database, constants of the schema
//! confirm ─▶ Verdict     kept columns that may hold anything; masked ones, where there are too many values to know them
//! judge ─▶ end the run, tell, or scrub
//! ```
//!
//! Read back from the new database rather than looked through on the way: a value that is masked in the last table may
//! stand in the first. What `after_load` commands do later is theirs; materialized views are filled from the tables
//! afterwards and hold nothing else.

mod confirm;
mod definitions;
mod landed;
mod places;
mod read;
mod scrub;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

pub(super) use definitions::Constants;
pub(super) use landed::check as check_landed;
pub(super) use places::{Reading, holds_texts, may_be_few, number, reading, secrets, watched};

use super::transfer::Transfer;
use crate::error::{Error, ErrorKind, Result};
use crate::leaks::{Finding, Room, Secrets, Suspects, Verdict, judge};
use crate::pg::connect::Pool;
use crate::plan::Plan;
use crate::profile::LeakAction;
use crate::report::{CheckReport, LeakFinding, LeakReport};
use crate::schema::Catalog;
use crate::types::{ColumnId, TableId};
use crate::wording::plural;

pub(super) const NAME: &str = "leak check";

/// Places that are named.
const SHOWN: usize = 8;

/// Hits in one place.
struct Place {
    at: At,
    suspects: Suspects,
}

impl Place {
    fn column(&self) -> Option<(TableId, ColumnId)> {
        if let At::Column(table, id) = self.at { Some((table, id)) } else { None }
    }
}

/// Where texts were kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Column(TableId, ColumnId),
    Definition(String),
    Comment(String),
}

/// What came of it.
pub(super) struct Looked {
    pub(super) report: LeakReport,
    pub(super) check: CheckReport,
    /// Columns that were looked through.
    pub(super) columns: HashSet<(TableId, ColumnId)>,
}

impl Looked {
    fn not_made(why: &str) -> Self {
        let check = CheckReport::not_asked(NAME, why);
        Self { report: LeakReport::default(), check, columns: HashSet::new() }
    }
}

/// Looks for leaks and does with them what the profile says.
///
/// # Errors
/// `Verification` where a finding ends the run; `Source` and `Target`.
pub(super) async fn check(transfer: &Arc<Transfer>, pool: &Pool, constants: &Constants) -> Result<Looked> {
    if transfer.plan.leaks.is_off() {
        return Ok(Looked::not_made("switched off by the profile"));
    }
    let Some(secrets) = transfer.secrets.as_ref().filter(|secrets| secrets.distinct() > 0) else {
        return Ok(Looked::not_made("no masked column held anything that could be recognized elsewhere"));
    };
    let room = Room::default();
    let mut places = read::columns(transfer, pool, secrets, &room).await?;
    let minded = places.iter().filter(|place| places::is_minded(&transfer.plan, &place.at));
    let columns: HashSet<(TableId, ColumnId)> = minded.filter_map(Place::column).collect();
    places.extend(definitions::search(constants, secrets, &room));
    places.retain(|place| !place.suspects.is_empty() && places::is_minded(&transfer.plan, &place.at));
    let verdict = match places.is_empty() {
        true => Arc::default(),
        false => confirm::confirm(transfer, secrets, &places).await?,
    };
    let found = judged(&transfer.catalog, &transfer.plan, &places, &verdict);
    fail(transfer, &found)?;
    let scrubbed: Vec<&At> =
        found.iter().filter(|(_, _, action)| *action == LeakAction::Scrub).map(|(place, _, _)| &place.at).collect();
    scrub::columns(transfer, pool, secrets, &verdict, &scrubbed).await?;
    let findings: Vec<LeakFinding> = found
        .iter()
        .map(|(place, finding, action)| LeakFinding {
            place: places::name(&transfer.catalog, &place.at),
            action: action.name().to_owned(),
            values: finding.values,
            times: finding.times + finding.weak_times,
            words: finding.weak_values,
        })
        .collect();
    let report = summary(secrets, columns.len() as u64, unconfirmed(secrets, &places), findings);
    let check = CheckReport::asked(NAME, true, told(&report));
    Ok(Looked { report, check, columns })
}

/// Findings of which something comes, with what that is.
fn judged<'p>(
    catalog: &Catalog,
    plan: &Plan,
    places: &'p [Place],
    verdict: &Verdict,
) -> Vec<(&'p Place, Finding, LeakAction)> {
    let of_place = |place: &'p Place| {
        let finding = judge(&place.suspects, verdict, places::is_masked_in_part(plan, &place.at));
        let action = places::action(catalog, plan, place, finding);
        (finding != Finding::default() && action != LeakAction::Allow).then_some((place, finding, action))
    };
    places.iter().filter_map(of_place).collect()
}

/// Hits that nobody can tell from chance.
fn unconfirmed(secrets: &Secrets, places: &[Place]) -> u64 {
    if secrets.is_exact() { 0 } else { places.iter().map(|place| place.suspects.untold()).sum() }
}

fn summary(secrets: &Secrets, columns: u64, unconfirmed: u64, mut findings: Vec<LeakFinding>) -> LeakReport {
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    LeakReport {
        values: secrets.distinct(),
        columns,
        memory_bytes: secrets.memory_bytes(),
        false_positive_rate: secrets.false_positive_rate(),
        made_by_mask: secrets.made_by_mask(),
        unconfirmed,
        findings,
    }
}

fn told(report: &LeakReport) -> String {
    let head = format!("{} values of masked columns looked for in {} kept columns", report.values, report.columns);
    let with = |action: &str| report.findings.iter().filter(|finding| finding.action == action).count();
    match (with("warn"), with("scrub")) {
        (0, 0) => format!("{head}: none"),
        (warned, 0) => format!("{head}: told of in {warned}, see the notes"),
        (0, scrubbed) => format!("{head}: scrubbed in {scrubbed}"),
        (warned, scrubbed) => format!("{head}: told of in {warned}, see the notes; scrubbed in {scrubbed}"),
    }
}

/// Remarks for people: each place that is warned of, and what was not looked for.
pub(super) fn notes(report: &LeakReport) -> impl Iterator<Item = String> {
    let warned = report.findings.iter().filter(|finding| finding.action == "warn").map(|finding| {
        let LeakFinding { place, values, times, words, .. } = finding;
        let words = (*words > 0).then(|| plural(*words, "ordinary word"));
        let values = (*values > 0).then(|| plural(*values, "value"));
        let what: Vec<String> = [values, words].into_iter().flatten().collect();
        if what.is_empty() {
            return format!("leak check: {place} holds more hits than can be confirmed");
        }
        format!("leak check: {place} holds {} of masked columns, {}", what.join(" and "), plural(*times, "time"))
    });
    let made = (report.made_by_mask > 0).then(|| {
        let values = plural(report.made_by_mask, "value");
        format!(
            "leak check: {values} not looked for, being such as the column's own mask gives (its host, its constant)"
        )
    });
    let unconfirmed = (report.unconfirmed > 0).then(|| {
        let hits = plural(report.unconfirmed, "hit");
        format!("leak check: {hits} not confirmed: there are too many masked values to know each")
    });
    warned.chain(made).chain(unconfirmed)
}

fn fail(transfer: &Transfer, found: &[(&Place, Finding, LeakAction)]) -> Result<()> {
    let Some(stand_in_places) = failing(&transfer.catalog, found) else { return Ok(()) };
    let what = format!("leak check: values of masked columns {stand_in_places}");
    Err(Error::new(ErrorKind::Verification, what).with_remedy(
        "nothing was swapped in; mask these too, or say under [leaks] in the profile what may stand there",
    ))
}

/// The places whose findings end a run: `stand in posts.title (…)`.
fn failing(catalog: &Catalog, found: &[(&Place, Finding, LeakAction)]) -> Option<String> {
    let ends = |(_, finding, action): &&(&Place, Finding, LeakAction)| match action {
        LeakAction::Fail => true,
        // Crossing out what could be told apart would leave the rest.
        LeakAction::Scrub => finding.untold > 0,
        _ => false,
    };
    let failed = || found.iter().filter(ends);
    let stand = if failed().any(|(_, finding, _)| finding.values > 0) { "stand" } else { "may stand" };
    let names: Vec<String> = failed()
        .map(|(place, finding, action)| format!("{} ({})", places::name(catalog, &place.at), counted(finding, *action)))
        .collect();
    (!names.is_empty()).then(|| format!("{stand} in {}", first_few(names)))
}

fn counted(finding: &Finding, action: LeakAction) -> String {
    let beyond = match action {
        LeakAction::Scrub => (finding.untold, "crossed out"),
        _ => (finding.unconfirmed, "confirmed"),
    };
    let found = [(finding.values, "value"), (finding.times, "time")].into_iter().filter(|(number, _)| *number > 0);
    let found = found.map(|(number, what)| plural(number, what));
    let beyond = (beyond.0 > 0).then(|| format!("{} more than can be {}", plural(beyond.0, "hit"), beyond.1));
    found.chain(beyond).collect::<Vec<String>>().join(", ")
}

/// In order, and how many more.
fn first_few(mut names: Vec<String>) -> String {
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
