//! `tithe plan`: the numbers of a plan, counted under one snapshot or estimated. Moves nothing.

use std::sync::Arc;

use crate::closure::{Budget, Chosen};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::members::{Members, plain_source};
use crate::plan::{DrawSize, Numbers, TableMode};
use crate::schema::{Table, TableKind};
use crate::types::TableId;

use super::choose::Choice;
use super::lanes;
use super::prepare::{Prepared, SourceRequest, prepare, standing_back};
use crate::rate::RateLimit;

/// Whether rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// Every table is counted.
    Counted,
    /// Only the catalog is read.
    Estimated,
}

/// Makes the plan and its numbers.
///
/// # Errors
/// As [`prepare`]; `Plan` when the key sets pass `memory_bytes`.
pub async fn plan(
    request: &SourceRequest,
    exactness: Exactness,
    memory_bytes: u64,
    monitor: Arc<dyn Monitor>,
) -> Result<(Prepared, Numbers)> {
    let prepared = prepare(request, &*monitor).await?;
    if exactness == Exactness::Estimated {
        let numbers = estimate(&prepared);
        return Ok((prepared, numbers));
    }
    let counting = count(&prepared, request.literal_keys_max, memory_bytes, &*monitor);
    let numbers = standing_back(&prepared.source, request.patience, counting).await?;
    Ok((prepared, numbers))
}

async fn count(
    prepared: &Prepared,
    literal_keys_max: u64,
    memory_bytes: u64,
    monitor: &dyn Monitor,
) -> Result<Numbers> {
    monitor.phase("choose rows");
    let budget = Budget::new(memory_bytes);
    let rate = RateLimit::new(None);
    let choice = Choice::new(prepared, &budget, &rate, literal_keys_max, monitor);
    let chosen = Arc::new(choice.choose().await?);
    monitor.phase("count rows");
    let mut numbers = Numbers {
        exact: true,
        members: vec![0; prepared.catalog.tables.len()],
        support: prepared.catalog.tables.iter().map(|table| chosen.support_rows(table.id)).collect(),
        pulled: chosen.pulled.clone(),
        rows_source: prepared.catalog.tables.iter().map(|table| if is_here(table) { 0 } else { -1 }).collect(),
        key_set_bytes: chosen.memory_bytes(),
    };
    let here = prepared.catalog.tables.iter().filter(|table| is_here(table));
    let mut tables: Vec<TableId> = here.map(|table| table.id).collect();
    tables.sort_by_key(|id| std::cmp::Reverse(prepared.catalog.table(*id).heap_bytes));
    let shared = (Arc::clone(&prepared.source), Arc::clone(&prepared.catalog), Arc::clone(&prepared.plan), chosen);
    let counts = lanes::run(prepared.source.jobs(), tables, move |id| {
        let (source, catalog, plan, chosen) = shared.clone();
        async move {
            let members = Members { catalog: &catalog, plan: &plan, chosen: &chosen };
            let count = count_statement(&members, id, &chosen);
            let session = source.session().await?;
            let action = format!("count rows of {}", catalog.table(id).name);
            let row = session.query_one(&count, &[]).await.map_err(|e| source.fail(action, e))?;
            Ok((id, row.get::<_, i64>(0), row.get::<_, i64>(1)))
        }
    })
    .await?;
    for (id, all, members) in counts {
        numbers.rows_source[id.index()] = all;
        numbers.members[id.index()] = members.unsigned_abs();
    }
    Ok(numbers)
}

/// Rows of a foreign table are a third server's, which nobody named.
fn is_here(table: &Table) -> bool {
    table.kind != TableKind::Foreign
}

/// One statement that counts all rows and the members, reading no more than it must.
fn count_statement(members: &Members<'_>, id: TableId, chosen: &Chosen) -> String {
    let all = format!("(SELECT count(*) FROM {})", plain_source(members.catalog.table(id), "t"));
    let mode = members.plan.table(id).mode;
    if chosen.whole[id.index()] {
        return format!(
            "SELECT n, n FROM (SELECT count(*) AS n FROM {}) s",
            plain_source(members.catalog.table(id), "t")
        );
    }
    let known = chosen.members[id.index()];
    let counted = match mode {
        TableMode::None | TableMode::Referenced => "0::int8".to_owned(),
        _ => known.map_or_else(|| format!("(SELECT count(*){})", members.of(id, "t").sql()), |n| format!("{n}::int8")),
    };
    format!("SELECT {all}, {counted}")
}

/// From statistics alone: the draw's share of what is owned, everything of what is copied whole.
fn estimate(prepared: &Prepared) -> Numbers {
    let share = |rows: f64| match prepared.plan.draw.size {
        DrawSize::Percent(percent) => (rows * percent / 100.0) as u64,
        DrawSize::Rows(wanted) => {
            let root = prepared.catalog.table(prepared.plan.root).rows_estimate.max(1.0);
            (rows * (wanted as f64 / root).min(1.0)) as u64
        }
    };
    let tables = &prepared.catalog.tables;
    Numbers {
        exact: false,
        rows_source: tables.iter().map(|table| table.rows_estimate.max(-1.0) as i64).collect(),
        members: tables
            .iter()
            .map(|table| match prepared.plan.table(table.id).mode {
                TableMode::Root | TableMode::Owned => share(table.rows_estimate.max(0.0)),
                TableMode::All => table.rows_estimate.max(0.0) as u64,
                TableMode::Referenced | TableMode::None => 0,
            })
            .collect(),
        support: vec![0; tables.len()],
        pulled: vec![0; prepared.catalog.references.len()],
        key_set_bytes: 0,
    }
}
