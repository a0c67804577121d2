//! Hits confirmed: kept columns whose values may stand anywhere, and, where not all values are known exactly, the masked
//! columns of the chosen rows, read once more in the same snapshot.

use std::sync::Arc;

use super::Place;
use super::places::{public, watched};
use crate::copyfmt::Format;
use crate::engine::lanes;
use crate::engine::transfer::Transfer;
use crate::engine::units::copy_format;
use crate::error::Result;
use crate::leaks::{Folded, RowCounts, Secrets, Verdict, Watched};
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::schema::Table;
use crate::types::{ColumnId, TableId};

pub(super) async fn confirm(
    transfer: &Arc<Transfer>,
    secrets: &Arc<Secrets>,
    places: &[Place],
) -> Result<Arc<Verdict>> {
    let eyes = Eyes { masked: !secrets.is_exact(), transfer: Arc::clone(transfer) };
    let tables = || transfer.catalog.tables.iter().filter(|table| transfer.plan.brings_rows(table.id));
    let numbers: Vec<u64> = tables().flat_map(|table| eyes.watched(table).map(|watched| watched.number())).collect();
    let verdict = Arc::new(Verdict::about(places.iter().map(|place| &place.suspects), secrets, &numbers));
    let jobs: Vec<(TableId, Vec<ColumnId>)> =
        tables().map(|table| (table.id, eyes.columns(table))).filter(|(_, columns)| !columns.is_empty()).collect();
    let context = Arc::new((eyes, Arc::clone(secrets), Arc::clone(&verdict)));
    lanes::run(transfer.source.jobs(), jobs, move |(table, columns)| {
        let context = Arc::clone(&context);
        async move {
            let (eyes, secrets, verdict) = &*context;
            look(eyes, secrets, eyes.transfer.catalog.table(table), &columns, verdict).await
        }
    })
    .await?;
    Ok(verdict)
}

/// What is looked at.
struct Eyes {
    masked: bool,
    transfer: Arc<Transfer>,
}

/// What is seen of a column.
enum Eye {
    Masked(Watched),
    Public(Watched),
}

impl Eyes {
    /// Masked columns whose values were taken in, of members or support rows.
    fn watched(&self, table: &Table) -> impl Iterator<Item = Watched> {
        let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
        let of_rows = [false, true].map(|support| watched(&self.transfer.plan, table, &columns, support));
        of_rows.into_iter().flatten().map(|(_, watched)| watched)
    }

    fn columns(&self, table: &Table) -> Vec<ColumnId> {
        let sees = |id: &ColumnId| [false, true].into_iter().any(|support| self.eye(table, *id, support).is_some());
        table.copied_columns().map(|(id, _)| id).filter(sees).collect()
    }

    fn eye(&self, table: &Table, id: ColumnId, support: bool) -> Option<Eye> {
        let plan = &self.transfer.plan;
        match watched(plan, table, &[id], support).into_iter().next() {
            Some((_, watched)) => self.masked.then_some(Eye::Masked(watched)),
            None => public(plan, table, id, support).map(Eye::Public),
        }
    }
}

async fn look(eyes: &Eyes, secrets: &Secrets, table: &Table, columns: &[ColumnId], verdict: &Verdict) -> Result<()> {
    let transfer = &eyes.transfer;
    let format: Format = copy_format(table, columns, transfer.target.server.version_num);
    let list: Vec<String> = columns.iter().map(|id| quote::column(&transfer.catalog, table.id, *id, "t")).collect();
    let session = transfer.source.session().await?;
    let (mut rows_of, mut folded) = (RowCounts::new(), Folded::default());
    for part in transfer.copy_of(table.id, None).parts {
        let eyes: Vec<Option<Eye>> = columns.iter().map(|id| eyes.eye(table, *id, part.rules.support)).collect();
        let select = part.query.select_only(&list.join(", "));
        let action = format!("confirm leaks from {}", table.name);
        let mut rows = RowStream::open(&session, transfer.source.connector(), &select, format, action).await?;
        while let Some(fields) = rows.next().await? {
            for (at, eye) in eyes.iter().enumerate() {
                let with = (secrets, &mut folded);
                match (eye, fields.get(at)) {
                    (Some(Eye::Masked(watched)), Some(field)) => {
                        verdict.see(&mut rows_of, with, watched, format, field);
                    }
                    (Some(Eye::Public(public)), Some(field)) => verdict.see_public(with, public, format, field),
                    _ => {}
                }
            }
        }
    }
    verdict.end_table(&rows_of);
    Ok(())
}
