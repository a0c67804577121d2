//! Kept columns of the target against the source's rows of the same keys.
//!
//! A source in use changes all the time, so a difference alone says nothing. Each source row carries the number of the
//! transaction that wrote it; where all transactions up to that one had ended when the run took its snapshot, it is the
//! very version that the run read, and then a difference was made on the way or in the target, and is one. A row
//! written since, or beside a transaction that was still running, or gone, is only counted. Where the numbers cannot be
//! compared (no report, a source that is another cluster) every difference is only counted.
//!
//! Compared are tables with a primary key whose columns are kept, and of them the columns that are kept for members and
//! support rows alike and that no reference may have set to NULL.

use std::collections::HashMap;
use std::sync::Arc;

use super::some;
use crate::closure::LITERAL_KEYS_MAX;
use crate::closure::{Chosen, Demand, Key, KeyKind, KeySet, key_kind};
use crate::copyfmt::{Fields, Format};
use crate::digest::row_digest;
use crate::engine::lanes;
use crate::engine::prepare::Prepared;
use crate::engine::units::{copy_format, hidden_key};
use crate::error::Result;
use crate::pg::landed::Landed;
use crate::pg::members::{Members, plain_source};
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::profile::MaskSpec;
use crate::report::{CheckReport, RunReport};
use crate::schema::{Table, TableKind};
use crate::types::{ColumnId, TableId};
use crate::wording::plural;

pub(super) const NAME: &str = "kept columns";

/// Numbers below it are reserved; rows frozen by old servers carry one.
const FIRST_NORMAL_TRANSACTION: i64 = 3;

/// What was found in one table.
#[derive(Default)]
struct Found {
    table: String,
    equal: u64,
    /// The source's row is the one that the run read.
    differing: u64,
    changed: u64,
    gone: u64,
}

/// One table's comparison.
struct Job {
    table: TableId,
    demand: Demand,
    columns: Vec<ColumnId>,
    format: Format,
}

pub(super) async fn check(prepared: &Prepared, landed: &Arc<Landed>, run: Option<&RunReport>) -> Result<CheckReport> {
    let jobs: Vec<Job> = prepared.catalog.tables.iter().filter_map(|table| job(prepared, landed, table)).collect();
    if jobs.is_empty() {
        return Ok(CheckReport::not_asked(NAME, "no table keeps its primary key"));
    }
    // A source whose counter stands below the run's is not the cluster that the run read.
    let horizon = run.and_then(|run| run.source.snapshot_xmin);
    let horizon = horizon.filter(|then| prepared.source.server.snapshot_xmin.is_some_and(|now| now >= *then));
    let context = Arc::new(Context {
        source: Arc::clone(&prepared.source),
        catalog: Arc::clone(&prepared.catalog),
        plan: Arc::clone(&prepared.plan),
        chosen: Chosen::new(&prepared.catalog, &prepared.plan, LITERAL_KEYS_MAX),
        landed: Arc::clone(landed),
        horizon,
    });
    let found = lanes::run(landed.jobs(), jobs, move |job| {
        let context = Arc::clone(&context);
        async move { context.compare(&job).await }
    })
    .await?;
    Ok(judge(&found, run, horizon.is_some()))
}

fn judge(found: &[Found], run: Option<&RunReport>, decidable: bool) -> CheckReport {
    let sum = |of: fn(&Found) -> u64| found.iter().map(of).sum::<u64>();
    let (changed, gone) = (sum(|f| f.changed), sum(|f| f.gone));
    let mut since = String::new();
    if changed > 0 {
        let rows = plural(changed, "row");
        since = match decidable {
            true => format!("; {rows} changed in the source since the run"),
            false => format!("; {rows} not as in the source, which may have changed since"),
        };
    }
    if gone > 0 {
        since.push_str(&format!("; {} gone from it", plural(gone, "row")));
    }
    let mut wrong: Vec<String> = found
        .iter()
        .filter(|table| table.differing > 0)
        .map(|table| format!("{} in {}", plural(table.differing, "row"), table.table))
        .collect();
    wrong.sort();
    if wrong.is_empty() {
        let tables = plural(found.len() as u64, "table");
        return CheckReport::asked(
            NAME,
            true,
            format!("{} in {tables} are as in the source{since}", plural(sum(|f| f.equal), "row")),
        );
    }
    let detail = format!("differ from the rows that the run read: {}{since}", some(&wrong));
    match run.is_some_and(|run| run.schema.after_load > 0) {
        true => {
            CheckReport::not_asked(NAME, format!("{detail}; the profile's after_load commands may have changed them"))
        }
        false => CheckReport::asked(NAME, false, detail),
    }
}

/// The comparison of a table, where there is something to compare.
fn job(prepared: &Prepared, landed: &Landed, table: &Table) -> Option<Job> {
    let (catalog, plan) = (&prepared.catalog, &prepared.plan);
    if !plan.brings_rows(table.id) || table.kind == TableKind::Foreign {
        return None;
    }
    let there = landed.catalog.tables.iter().find(|other| other.name == table.name)?;
    let kept = |column: ColumnId| {
        plan.table(table.id).masks[column.index()]
            .as_ref()
            .is_some_and(|m| m.member.spec == MaskSpec::Keep && m.support.spec == MaskSpec::Keep)
    };
    let nulled: Vec<ColumnId> = catalog
        .references_of(table.id)
        .flat_map(|r| &plan.reference(r.id).nullable)
        .chain(&plan.table(table.id).cut)
        .copied()
        .collect();
    let same_type = |column: ColumnId| {
        let here = table.column(column);
        there.find_column(&here.name).is_some_and(|id| there.column(id).data_type.sql_name == here.data_type.sql_name)
    };
    let key = &table.primary_key()?.columns;
    if !key.iter().all(|column| kept(*column) && same_type(*column)) {
        return None;
    }
    let columns: Vec<ColumnId> = table
        .copied_columns()
        .map(|(id, _)| id)
        .filter(|id| kept(*id) && same_type(*id) && !nulled.contains(id))
        .filter(|id| !table.column(*id).data_type.carries_type_oids && !plan.leaks.may_scrub(table, *id))
        .collect();
    let format = copy_format(table, &columns, landed.server_version);
    let kind = key_kind(catalog, table.id, key);
    Some(Job { table: table.id, demand: Demand { table: table.id, columns: key.clone(), kind }, columns, format })
}

struct Context {
    source: Arc<crate::pg::source::Source>,
    catalog: Arc<crate::schema::Catalog>,
    plan: Arc<crate::plan::Plan>,
    chosen: Chosen,
    landed: Arc<Landed>,
    horizon: Option<i64>,
}

impl Context {
    /// Streams the target's rows and asks the source for batches of them.
    async fn compare(&self, job: &Job) -> Result<Found> {
        let table = self.catalog.table(job.table);
        let mut found = Found { table: table.name.to_string(), ..Found::default() };
        // The source's names serve on both sides: types and columns were seen to be the same.
        let members = Members { catalog: &self.catalog, plan: &self.plan, chosen: &self.chosen };
        let mut expressions = members.key_columns(&job.demand, "t");
        let width = expressions.len();
        expressions.extend(job.columns.iter().map(|c| quote::column(&self.catalog, job.table, *c, "t")));
        let select = format!("SELECT {} FROM {}", expressions.join(", "), plain_source(table, "t"));
        let session = self.landed.session().await?;
        let action = format!("read rows of {}", table.name);
        let mut rows = RowStream::open(&session, self.landed.connector(), &select, job.format, action).await?;
        let mut batch: HashMap<Key, u128> = HashMap::new();
        let mut buffer = Vec::new();
        loop {
            let next = match rows.next().await? {
                Some(fields) => {
                    let key = hidden_key(fields, 0, width, job.demand.kind, job.format);
                    key.map(|key| (key, digest(fields, width, job.columns.len(), &mut buffer)))
                }
                None => break,
            };
            batch.extend(next);
            if batch.len() as u64 >= LITERAL_KEYS_MAX {
                self.ask(job, &members, std::mem::take(&mut batch), &mut found).await?;
            }
        }
        self.ask(job, &members, batch, &mut found).await?;
        Ok(found)
    }

    async fn ask(
        &self,
        job: &Job,
        members: &Members<'_>,
        mut batch: HashMap<Key, u128>,
        found: &mut Found,
    ) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let table = self.catalog.table(job.table);
        let mut keys = KeySet::new(job.demand.kind);
        for key in batch.keys() {
            keys.insert(key.clone());
        }
        let mut expressions = members.key_columns(&job.demand, "t");
        let width = expressions.len();
        expressions.push("t.xmin::text::int8".to_owned());
        expressions.extend(job.columns.iter().map(|c| quote::column(&self.catalog, job.table, *c, "t")));
        let select = format!("SELECT {}{}", expressions.join(", "), members.by_keys(&job.demand, &keys, "t").sql());
        let session = self.source.session().await?;
        let action = format!("read rows of {}", table.name);
        let mut rows = RowStream::open(&session, self.source.connector(), &select, job.format, action).await?;
        let mut buffer = Vec::new();
        while let Some(fields) = rows.next().await? {
            let Some(key) = hidden_key(fields, 0, width, job.demand.kind, job.format) else { continue };
            let Some(wanted) = batch.remove(&key) else { continue };
            let writer = hidden_key(fields, width, 1, KeyKind::Int, job.format);
            if digest(fields, width + 1, job.columns.len(), &mut buffer) == wanted {
                found.equal += 1;
            } else if is_older(writer, self.horizon) {
                found.differing += 1;
            } else {
                found.changed += 1;
            }
        }
        found.gone += batch.len() as u64;
        Ok(())
    }
}

/// The writer's transaction had ended before the run took its snapshot. Row headers hold the lower half of a
/// transaction's number; of two halves the one ahead by less than half the circle is the later.
fn is_older(writer: Option<Key>, horizon: Option<i64>) -> bool {
    let (Some(Key::Int(writer)), Some(horizon)) = (writer, horizon) else { return false };
    let ahead = (writer as u32).wrapping_sub(horizon as u32).cast_signed();
    writer < FIRST_NORMAL_TRANSACTION || ahead < 0
}

fn digest(fields: &Fields, first: usize, count: usize, buffer: &mut Vec<u8>) -> u128 {
    row_digest((first..first + count).map(|at| fields.get(at)), buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_around_the_circle() {
        let older = |writer: i64, horizon: i64| is_older(Some(Key::Int(writer)), Some(horizon));
        assert!(older(700, 800) && !older(800, 800) && !older(900, 800));
        // The horizon has gone round once, the row's number has not, or has too.
        assert!(older(4_294_967_000, (1 << 32) + 10) && older(5, (1 << 32) + 10) && !older(20, (1 << 32) + 10));
        assert!(older(2, 800), "frozen by an old server");
        assert!(!is_older(Some(Key::Int(700)), None) && !is_older(None, Some(800)));
    }
}
