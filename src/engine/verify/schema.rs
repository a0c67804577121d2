//! Foreign keys, sequences, schema objects, indexes and statistics of the target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::some;
use crate::engine::land::{count_by_kind, object_hash};
use crate::engine::lanes;
use crate::engine::prepare::Prepared;
use crate::error::Result;
use crate::pg::landed::Landed;
use crate::profile::Orphans;
use crate::report::{CheckReport, RunReport};
use crate::schema::{Catalog, Reference, SchemaObject};
use crate::types::QualifiedName;
use crate::wording::plural;

/// Every foreign key is there, validated as far as it was, and really holds: each is asked again by an anti-join, since
/// a validated key can be broken by whoever switches triggers off.
pub(super) async fn foreign_keys(
    landed: &Arc<Landed>,
    run: Option<&RunReport>,
    prepared: Option<&Prepared>,
) -> Result<CheckReport> {
    const NAME: &str = "foreign keys";
    let (validated, not_valid): (Vec<&Reference>, Vec<&Reference>) =
        landed.catalog.references.iter().partition(|reference| reference.validated);
    let described = |list: &[&Reference]| -> BTreeSet<String> {
        list.iter().map(|reference| describe(&landed.catalog, reference)).collect()
    };
    let (proven, unproven) = (described(&validated), described(&not_valid));
    let mut wrong = Vec::new();
    if let Some(prepared) = prepared {
        // Only keys that the run itself saw: the source may have been given new ones since.
        let grown = run.is_some_and(|run| {
            prepared.catalog.references.iter().filter(|reference| reference.foreign_key.is_some()).count() as u64
                > run.schema.foreign_keys + run.schema.not_valid.len() as u64
        });
        if !grown {
            let missing = wanted(prepared).into_iter().filter(|key| !proven.contains(key) && !unproven.contains(key));
            wrong.extend(missing.map(|key| format!("{key} is missing")));
        }
    }
    let expected_unproven: Option<BTreeSet<String>> = match (run, prepared) {
        (Some(run), _) => Some(run.schema.not_valid.iter().cloned().collect()),
        (None, Some(prepared)) => Some(kept_unproven(prepared)),
        (None, None) => None,
    };
    if let Some(expected) = &expected_unproven {
        wrong.extend(unproven.difference(expected).map(|key| format!("{key} is NOT VALID")));
    }
    if let Some(run) = run
        && wrong.is_empty()
        && (validated.len() as u64) < run.schema.foreign_keys
    {
        wrong.push(format!("{} are validated, the run proved {}", validated.len(), run.schema.foreign_keys));
    }
    wrong.extend(broken(landed, &validated).await?);
    if !wrong.is_empty() {
        return Ok(CheckReport::asked(NAME, false, some(&wrong)));
    }
    let list: Vec<String> = unproven.into_iter().collect();
    let rest = match (list.is_empty(), &expected_unproven) {
        (true, _) => String::new(),
        (false, Some(_)) => format!(", {} NOT VALID as in the source or by the profile: {}", list.len(), some(&list)),
        (false, None) => format!(", {} NOT VALID: {}", list.len(), some(&list)),
    };
    Ok(CheckReport::asked(
        NAME,
        true,
        format!("{} validated, and asked again: no row breaks them{rest}", validated.len()),
    ))
}

fn describe(catalog: &Catalog, reference: &Reference) -> String {
    format!("{} ({})", reference.name, catalog.describe(reference))
}

fn wanted(prepared: &Prepared) -> Vec<String> {
    let catalog = &prepared.catalog;
    catalog.references.iter().filter(|r| r.foreign_key.is_some()).map(|r| describe(catalog, r)).collect()
}

fn kept_unproven(prepared: &Prepared) -> BTreeSet<String> {
    prepared
        .catalog
        .references
        .iter()
        .filter(|r| r.foreign_key.is_some())
        .filter(|r| !r.validated || prepared.plan.reference(r.id).orphans == Orphans::Keep)
        .map(|r| describe(&prepared.catalog, r))
        .collect()
}

async fn broken(landed: &Arc<Landed>, references: &[&Reference]) -> Result<Vec<String>> {
    let mut jobs: Vec<Reference> = references.iter().map(|reference| (*reference).clone()).collect();
    jobs.sort_by_key(|reference| std::cmp::Reverse(landed.catalog.table(reference.child).heap_bytes));
    let shared = Arc::clone(landed);
    let mut found = lanes::run(landed.jobs(), jobs, move |reference| {
        let landed = Arc::clone(&shared);
        async move {
            let rows = landed.broken_rows(&reference).await?;
            let text = format!("{} break {}", plural(rows, "row"), describe(&landed.catalog, &reference));
            Ok((rows > 0).then_some(text))
        }
    })
    .await?;
    found.sort();
    Ok(found.into_iter().flatten().collect())
}

/// The next value of every sequence lies beyond all values of the column that it fills.
pub(super) async fn sequences(landed: &Landed) -> Result<CheckReport> {
    const NAME: &str = "sequences";
    let states = landed.sequences().await?;
    let behind: Vec<String> = states
        .iter()
        .filter(|state| !state.is_beyond)
        .map(|state| format!("{} would give a value that {}.{} may have", state.sequence, state.table, state.column))
        .collect();
    Ok(match behind.is_empty() {
        true => CheckReport::asked(
            NAME,
            true,
            format!("{} beyond their columns' values", plural(states.len() as u64, "sequence")),
        ),
        false => CheckReport::asked(NAME, false, some(&behind)),
    })
}

/// Whatever the schema had beside tables when the run ended is still there. The report decides, by hashes of the names
/// and counts of each kind; the source gives the names, and decides where there is no report.
pub(super) fn objects(landed: &Landed, run: Option<&RunReport>, prepared: Option<&Prepared>) -> CheckReport {
    const NAME: &str = "schema objects";
    let there = &landed.catalog.objects;
    let absent = prepared.map(|prepared| absent(&prepared.catalog.objects, there));
    let counts = run.map(|run| &run.schema.objects).filter(|counts| !counts.is_empty());
    let Some(counts) = counts else {
        return match absent {
            None => CheckReport::not_asked(NAME, "needs the run's report or the source"),
            Some(absent) if absent.is_empty() => CheckReport::asked(
                NAME,
                true,
                format!("everything that the source has is there, {} in all", there.len()),
            ),
            Some(absent) => CheckReport::asked(NAME, false, format!("missing: {}", some(&absent))),
        };
    };
    let now = count_by_kind(there);
    let lost: BTreeMap<&String, (u64, u64)> = counts
        .iter()
        .map(|(kind, expected)| (kind, (now.get(kind).copied().unwrap_or_default(), *expected)))
        .filter(|(_, (now, expected))| now < expected)
        .collect();
    if !lost.is_empty() {
        let list: Vec<String> =
            lost.iter().map(|(kind, (now, expected))| format!("{now} of {}", plural(*expected, kind))).collect();
        let names = absent.filter(|absent| !absent.is_empty());
        let names = names.map(|absent| format!(" (missing: {})", some(&absent))).unwrap_or_default();
        return CheckReport::asked(NAME, false, format!("still there: {}{names}", some(&list)));
    }
    let (here, landed_once) = (hashes(there), run.map(|run| &run.schema.object_hashes));
    let gone: BTreeSet<&String> = landed_once.into_iter().flatten().filter(|hash| !here.contains(*hash)).collect();
    if !gone.is_empty() {
        let of_source = prepared.into_iter().flat_map(|prepared| &prepared.catalog.objects);
        let names = of_source.filter(|object| gone.contains(&object_hash(object)));
        let names: Vec<String> = names.map(|object| format!("{} {}", object.kind, object.identity)).collect();
        let named = if names.is_empty() { String::new() } else { format!(": {}", some(&names)) };
        let what = plural(gone.len() as u64, "object");
        return CheckReport::asked(NAME, false, format!("gone or changed since the run: {what}{named}"));
    }
    let total: u64 = counts.values().sum();
    let more = match absent.map_or(0, |absent| absent.len()) as u64 {
        0 => String::new(),
        count => format!("; the source has {count} more, new since the run or skipped by it"),
    };
    CheckReport::asked(
        NAME,
        true,
        format!("{total} views, functions, types, triggers, policies, indexes and constraints are there{more}"),
    )
}

fn hashes(objects: &[SchemaObject]) -> BTreeSet<String> {
    objects.iter().map(object_hash).collect()
}

fn absent(wanted: &[SchemaObject], there: &[SchemaObject]) -> Vec<String> {
    let key = |object: &SchemaObject| (object.kind.clone(), object.identity.clone());
    let there: BTreeSet<(String, String)> = there.iter().map(key).collect();
    wanted.iter().filter(|o| !there.contains(&key(o))).map(|o| format!("{} {}", o.kind, o.identity)).collect()
}

/// Indexes can be used; tables that the run filled have statistics (others may have been made since).
pub(super) async fn upkeep(landed: &Landed, run: Option<&RunReport>) -> Result<CheckReport> {
    const NAME: &str = "indexes and statistics";
    let found = landed.upkeep().await?;
    let filled = |name: &QualifiedName| {
        let table = landed.catalog.tables.iter().find(|t| t.name == *name || t.leaves.iter().any(|l| l.name == *name));
        run.is_none_or(|run| {
            run.tables.iter().any(|reported| {
                reported.rows_copied > 0
                    && table.is_some_and(|t| (&t.name.schema, &t.name.name) == (&reported.schema, &reported.table))
            })
        })
    };
    // One that is not valid in the source lands so. Without a report that may be true of every incomplete one.
    let landed_so = |name: &QualifiedName, otherwise: bool| {
        run.map_or(otherwise, |run| run.schema.invalid_indexes.contains(&name.to_string()))
    };
    let incomplete = found.incomplete_indexes.iter().map(|name| (name, true));
    let all = found.unusable_indexes.iter().map(|name| (name, false)).chain(incomplete);
    let (known, unusable): (Vec<_>, Vec<_>) = all.partition(|(name, otherwise)| landed_so(name, *otherwise));
    let mut wrong: Vec<String> = unusable.iter().map(|(name, _)| format!("index {name} is not valid")).collect();
    let bare = found.tables_not_analysed.iter().filter(|name| filled(name));
    wrong.extend(bare.map(|name| format!("table {name} has no statistics")));
    let but = match known.len() {
        0 => String::new(),
        1 => " but one, of which a partition lacks its part,".to_owned(),
        count => format!(" but {count}, of which partitions lack their parts,"),
    };
    Ok(match wrong.is_empty() {
        true => CheckReport::asked(
            NAME,
            true,
            format!("all indexes{but} are valid, all tables that the run filled are analysed"),
        ),
        false => CheckReport::asked(NAME, false, some(&wrong)),
    })
}
