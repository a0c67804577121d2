//! For `tithe verify`: what masked columns of the source hold, looked for in what a landed database keeps.
//!
//! A run looks for what it masked in the rows that it brought. Here all rows of the source give values, of those that were
//! not chosen as well, and whatever stands in the database by now is looked through. Columns whose rule may leave a
//! value or parts of it give none: what it took out only the run could see.

use std::collections::HashMap;
use std::sync::Arc;

use super::places::{self, kept, public, watched};
use super::{At, NAME, Place, failing, first_few, judged, read, unconfirmed};
use crate::copyfmt::{Fields, Format};
use crate::engine::lanes;
use crate::engine::prepare::Prepared;
use crate::engine::units::copy_format;
use crate::error::Result;
use crate::leaks::{Folded, Intake, Room, RowCounts, Secrets, Verdict, Watched};
use crate::pg::landed::Landed;
use crate::pg::members::plain_source;
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::pg::source::Source;
use crate::plan::Plan;
use crate::report::CheckReport;
use crate::schema::{Catalog, Table};
use crate::types::{ColumnId, TableId};
use crate::wording::plural;

/// The two sides, shared by lanes.
struct Sides {
    source: Arc<Source>,
    catalog: Arc<Catalog>,
    plan: Arc<Plan>,
    landed: Arc<Landed>,
    secrets: Secrets,
}

/// Looks for the source's masked values in the kept columns of a landed database.
///
/// # Errors
/// `Source` and `Target`. Findings are no error.
pub(in crate::engine) async fn check(prepared: &Prepared, landed: &Arc<Landed>) -> Result<CheckReport> {
    let plan = &prepared.plan;
    if plan.leaks.is_off() {
        return Ok(CheckReport::not_asked(NAME, "switched off by the profile"));
    }
    let sides = Arc::new(Sides {
        source: Arc::clone(&prepared.source),
        catalog: Arc::clone(&prepared.catalog),
        plan: Arc::clone(plan),
        landed: Arc::clone(landed),
        secrets: Secrets::new(&plan.leaks.rules.allow),
    });
    of_tables(&sides, masked, |sides, table, columns| async move { collect(&sides, table, &columns).await }).await?;
    if sides.secrets.distinct() == 0 {
        return Ok(CheckReport::not_asked(NAME, "no masked column holds anything that could be recognized elsewhere"));
    }
    let gone = gone(&sides);
    let room = Room::default();
    let look = move |sides: Arc<Sides>, table, columns: Vec<ColumnId>| {
        let room = room.clone();
        async move { search(&sides, table, &columns, &room).await }
    };
    let mut places: Vec<Place> = of_tables(&sides, searched, look).await?.into_iter().flatten().collect();
    let columns = places.len() as u64;
    if columns == 0 {
        let why = "the landed database has no kept column that could hold values of masked ones";
        return Ok(CheckReport::not_asked(NAME, format!("{why}{gone}")));
    }
    places.retain(|place| !place.suspects.is_empty() && places::is_minded(plan, &place.at));
    let verdict = confirm(&sides, &places).await?;
    Ok(told(&sides, columns, &places, &verdict, &gone))
}

fn told(sides: &Sides, columns: u64, places: &[Place], verdict: &Verdict, gone: &str) -> CheckReport {
    let found = judged(&sides.catalog, &sides.plan, places, verdict);
    let values = plural(sides.secrets.distinct(), "value");
    let head = format!("{values} of masked columns of the source looked for in {}", plural(columns, "column"));
    let failing = failing(&sides.catalog, &found);
    let names: Vec<String> = found.iter().map(|(place, ..)| places::name(&sides.catalog, &place.at)).collect();
    let what = match &failing {
        Some(failing) => format!("they {failing}"),
        None if names.is_empty() => "none".to_owned(),
        None => format!("told of in {}", first_few(names)),
    };
    let unconfirmed = match unconfirmed(&sides.secrets, places) {
        0 => String::new(),
        hits => format!("; {} more than can be confirmed", plural(hits, "hit")),
    };
    CheckReport::asked(NAME, failing.is_none(), format!("{head}: {what}{unconfirmed}{gone}"))
}

/// Does something with those columns of each table that `which` names.
async fn of_tables<T, F>(
    sides: &Arc<Sides>,
    which: impl Fn(&Sides, &Table) -> Vec<ColumnId>,
    work: impl Fn(Arc<Sides>, TableId, Vec<ColumnId>) -> F + Send + Sync + 'static,
) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let tables = sides.catalog.tables.iter().filter(|table| sides.plan.brings_rows(table.id));
    let mut jobs: Vec<(TableId, Vec<ColumnId>)> =
        tables.map(|table| (table.id, which(sides, table))).filter(|(_, columns)| !columns.is_empty()).collect();
    jobs.sort_by_key(|(table, _)| std::cmp::Reverse(sides.catalog.table(*table).heap_bytes));
    let shared = Arc::clone(sides);
    lanes::run(sides.landed.jobs(), jobs, move |(table, columns)| work(Arc::clone(&shared), table, columns)).await
}

/// Columns of which nothing is left by their masks.
fn masked(sides: &Sides, table: &Table) -> Vec<ColumnId> {
    table.copied_columns().map(|(id, _)| id).filter(|id| !of_masked(sides, table, *id).is_empty()).collect()
}

/// How such a column is watched, under the rules of members and of support rows.
fn of_masked(sides: &Sides, table: &Table, id: ColumnId) -> Vec<Watched> {
    let masks = sides.plan.table(table.id).masks[id.index()].as_ref();
    let is_whole = masks.is_some_and(|m| !m.member.spec.may_leave_source() && !m.support.spec.may_leave_source());
    let rules = [false, true].into_iter().filter(|_| is_whole);
    rules.flat_map(|support| watched(&sides.plan, table, &[id], support)).map(|(_, watched)| watched).collect()
}

async fn collect(sides: &Sides, table: TableId, columns: &[ColumnId]) -> Result<()> {
    let of = sides.catalog.table(table);
    let mut intakes: Vec<(Vec<Watched>, Intake)> = Vec::new();
    for id in columns {
        let watched = of_masked(sides, of, *id);
        intakes.extend(watched.first().cloned().map(|first| (watched, Intake::new(first))));
    }
    each_row(sides, of, columns, |format, fields| {
        for (at, (watched, intake)) in intakes.iter_mut().enumerate() {
            // What either rule makes may stand there.
            let field = fields.get(at).filter(|field| !watched.iter().any(|rule| rule.is_made_by_mask(field)));
            field.into_iter().for_each(|field| sides.secrets.take(intake, format, field, None));
        }
    })
    .await
}

/// Those that a run looks through, as far as the landed database has them still.
fn searched(sides: &Sides, table: &Table) -> Vec<ColumnId> {
    there_or_gone(sides, table).0
}

fn there_or_gone(sides: &Sides, table: &Table) -> (Vec<ColumnId>, Vec<ColumnId>) {
    let there = sides.landed.catalog.tables.iter().find(|landed| landed.name == table.name);
    let is_there = |id: &ColumnId| there.is_some_and(|there| there.find_column(&table.column(*id).name).is_some());
    kept(&sides.catalog, &sides.plan, table, sides.secrets.has_uuids()).into_iter().partition(is_there)
}

/// `; no longer there: posts.title`, or nothing.
fn gone(sides: &Sides) -> String {
    let tables = sides.catalog.tables.iter().filter(|table| sides.plan.brings_rows(table.id));
    let columns = tables.flat_map(|table| there_or_gone(sides, table).1.into_iter().map(|id| At::Column(table.id, id)));
    let names: Vec<String> = columns.map(|at| places::name(&sides.catalog, &at)).collect();
    if names.is_empty() { String::new() } else { format!("; no longer there: {}", first_few(names)) }
}

async fn search(sides: &Sides, table: TableId, columns: &[ColumnId], room: &Room) -> Result<Vec<Place>> {
    let session = sides.landed.session().await?;
    let (table, to) = (sides.catalog.table(table), (&**session, sides.landed.connector()));
    read::read((&sides.catalog, &sides.plan), table, columns, to, &sides.secrets, room).await
}

/// Hits confirmed by a second look at the source: at kept columns whose values may stand anywhere, and at masked ones
/// where they hold too many values to know each.
async fn confirm(sides: &Arc<Sides>, places: &[Place]) -> Result<Arc<Verdict>> {
    let tables = || sides.catalog.tables.iter().filter(|table| sides.plan.brings_rows(table.id));
    let number = |table: &Table, id| first(sides, table, id).map(|watched| watched.number());
    let of_table = |table| masked(sides, table).into_iter().filter_map(|id| number(table, id)).collect::<Vec<u64>>();
    let numbers: Vec<u64> = tables().flat_map(of_table).collect();
    let suspects = places.iter().map(|place| &place.suspects);
    let verdict = Arc::new(Verdict::about(suspects, &sides.secrets, &numbers));
    if places.is_empty() {
        return Ok(verdict);
    }
    let shared = Arc::clone(&verdict);
    let look = move |sides: Arc<Sides>, table, columns: Vec<ColumnId>| {
        let verdict = Arc::clone(&shared);
        async move { see(&sides, table, &columns, &verdict).await }
    };
    of_tables(sides, seen_again, look).await?;
    Ok(verdict)
}

fn first(sides: &Sides, table: &Table, id: ColumnId) -> Option<Watched> {
    of_masked(sides, table, id).into_iter().next()
}

fn seen_again(sides: &Sides, table: &Table) -> Vec<ColumnId> {
    let masked = if sides.secrets.is_exact() { Vec::new() } else { masked(sides, table) };
    let is_public = |id: &ColumnId| public(&sides.plan, table, *id, false).is_some();
    masked.into_iter().chain(table.copied_columns().map(|(id, _)| id).filter(is_public)).collect()
}

async fn see(sides: &Sides, table: TableId, columns: &[ColumnId], verdict: &Verdict) -> Result<()> {
    let of = sides.catalog.table(table);
    let masked: HashMap<usize, Watched> =
        columns.iter().enumerate().filter_map(|(at, id)| Some((at, first(sides, of, *id)?))).collect();
    let public: HashMap<usize, Watched> =
        columns.iter().enumerate().filter_map(|(at, id)| Some((at, public(&sides.plan, of, *id, false)?))).collect();
    let (mut rows_of, mut folded) = (RowCounts::new(), Folded::default());
    each_row(sides, of, columns, |format, fields| {
        for at in 0..columns.len() {
            let Some(field) = fields.get(at) else { continue };
            if let Some(watched) = masked.get(&at) {
                verdict.see(&mut rows_of, (&sides.secrets, &mut folded), watched, format, field);
            }
            if let Some(public) = public.get(&at) {
                verdict.see_public((&sides.secrets, &mut folded), public, format, field);
            }
        }
    })
    .await?;
    verdict.end_table(&rows_of);
    Ok(())
}

/// Gives these columns of all rows of a table of the source.
async fn each_row(
    sides: &Sides,
    table: &Table,
    columns: &[ColumnId],
    mut take: impl FnMut(Format, &Fields),
) -> Result<()> {
    let format = copy_format(table, columns, sides.source.server.version_num);
    let list: Vec<String> = columns.iter().map(|id| quote::column(&sides.catalog, table.id, *id, "t")).collect();
    let select = format!("SELECT {} FROM {}", list.join(", "), plain_source(table, "t"));
    let session = sides.source.session().await?;
    let action = format!("read masked columns of {}", table.name);
    let mut rows = RowStream::open(&session, sides.source.connector(), &select, format, action).await?;
    while let Some(fields) = rows.next().await? {
        take(format, fields);
    }
    Ok(())
}
