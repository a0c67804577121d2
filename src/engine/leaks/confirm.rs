//! Suspects confirmed: the masked columns of the chosen rows, read once more in the same snapshot.

use std::sync::Arc;

use super::Place;
use super::places::watched;
use crate::copyfmt::Format;
use crate::engine::transfer::Transfer;
use crate::engine::units::copy_format;
use crate::error::Result;
use crate::leaks::{Secrets, Verdict, Watched};
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
        let of_part = watched(&transfer.plan, table, &[id], part.rules.support);
        let Some((_, watched)): Option<(usize, Watched)> = of_part.into_iter().next() else { continue };
        let select = part.query.select_only(&quote::column(&transfer.catalog, table.id, id, "t"));
        let action = format!("confirm leaks from {}", table.name);
        let mut rows = RowStream::open(&session, transfer.source.connector(), &select, format, action).await?;
        while let Some(fields) = rows.next().await? {
            if let Some(field) = fields.get(0) {
                verdict.see(secrets, &watched, format, field);
            }
        }
    }
    Ok(())
}
