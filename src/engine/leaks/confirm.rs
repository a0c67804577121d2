//! Suspects confirmed: the masked columns of the chosen rows, read once more in the same snapshot, and beside them the
//! kept columns whose values may stand anywhere.

use std::sync::Arc;

use super::Place;
use super::places::{public, watched};
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
        let sees =
            |id: &ColumnId| [false, true].into_iter().any(|support| eye(transfer, table, *id, support).is_some());
        let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).filter(sees).collect();
        if !columns.is_empty() {
            look(transfer, secrets, table, &columns, &mut verdict).await?;
            verdict.end_table();
        }
    }
    Ok(verdict)
}

/// What is seen of a column.
enum Eye {
    Masked(Watched),
    Public(Watched),
}

fn eye(transfer: &Transfer, table: &Table, id: ColumnId, support: bool) -> Option<Eye> {
    let masked = watched(&transfer.plan, table, &[id], support).into_iter().next();
    match masked {
        Some((_, watched)) => Some(Eye::Masked(watched)),
        None => public(&transfer.plan, table, id, support).map(Eye::Public),
    }
}

async fn look(
    transfer: &Arc<Transfer>,
    secrets: &Secrets,
    table: &Table,
    columns: &[ColumnId],
    verdict: &mut Verdict,
) -> Result<()> {
    let format: Format = copy_format(table, columns, transfer.target.server.version_num);
    let list: Vec<String> = columns.iter().map(|id| quote::column(&transfer.catalog, table.id, *id, "t")).collect();
    let session = transfer.source.session().await?;
    for part in transfer.copy_of(table.id, None).parts {
        let eyes: Vec<Option<Eye>> = columns.iter().map(|id| eye(transfer, table, *id, part.rules.support)).collect();
        let select = part.query.select_only(&list.join(", "));
        let action = format!("confirm leaks from {}", table.name);
        let mut rows = RowStream::open(&session, transfer.source.connector(), &select, format, action).await?;
        while let Some(fields) = rows.next().await? {
            for (at, eye) in eyes.iter().enumerate() {
                match (eye, fields.get(at)) {
                    (Some(Eye::Masked(watched)), Some(field)) => verdict.see(secrets, watched, at, format, field),
                    (Some(Eye::Public(public)), Some(field)) => verdict.see_public(secrets, public, format, field),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}
