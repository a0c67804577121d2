//! Suspects confirmed: the masked columns of the chosen rows, read once more in the same snapshot, and beside them the
//! kept columns whose values may stand anywhere.

use std::sync::Arc;

use super::Place;
use super::places::{public, watched};
use crate::copyfmt::Format;
use crate::engine::transfer::Transfer;
use crate::engine::units::copy_format;
use crate::error::Result;
use crate::leaks::{Secrets, Verdict};
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::schema::Table;
use crate::types::ColumnId;

pub(super) async fn confirm(transfer: &Arc<Transfer>, secrets: &Secrets, places: &[Place]) -> Result<Verdict> {
    let mut verdict = Verdict::about(places.iter().map(|place| &place.suspects));
    for table in transfer.catalog.tables.iter().filter(|table| transfer.plan.brings_rows(table.id)) {
        let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
        let mut seen: Vec<usize> = [false, true]
            .into_iter()
            .flat_map(|support| watched(&transfer.plan, table, &columns, support))
            .map(|(at, _)| at)
            .chain((0..columns.len()).filter(|at| {
                [false, true].into_iter().any(|support| public(&transfer.plan, table, columns[*at], support).is_some())
            }))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        // A column at a time: how often a value occurs is counted by column, for all suspects at once.
        for at in seen {
            column(transfer, secrets, table, &columns, at, &mut verdict).await?;
            verdict.end_column();
        }
    }
    Ok(verdict)
}

async fn column(
    transfer: &Arc<Transfer>,
    secrets: &Secrets,
    table: &Table,
    columns: &[ColumnId],
    at: usize,
    verdict: &mut Verdict,
) -> Result<()> {
    let id = columns[at];
    let format: Format = copy_format(table, &[id], transfer.target.server.version_num);
    let session = transfer.source.session().await?;
    for part in transfer.copy_of(table.id, None).parts {
        let of_part = watched(&transfer.plan, table, &[id], part.rules.support).into_iter().next();
        let of_part = of_part.map(|(_, watched)| watched);
        let is_public = of_part.is_none();
        let of_part = of_part.or_else(|| public(&transfer.plan, table, id, part.rules.support));
        let Some(watched) = of_part else { continue };
        let select = part.query.select_only(&quote::column(&transfer.catalog, table.id, id, "t"));
        let action = format!("confirm leaks from {}", table.name);
        let mut rows = RowStream::open(&session, transfer.source.connector(), &select, format, action).await?;
        while let Some(fields) = rows.next().await? {
            match fields.get(0) {
                Some(field) if is_public => verdict.see_public(secrets, &watched, format, field),
                Some(field) => verdict.see(secrets, &watched, format, field),
                None => {}
            }
        }
    }
    Ok(())
}
