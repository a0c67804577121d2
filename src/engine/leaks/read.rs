//! Kept columns of the new database, read once; those of few different values were seen while they passed.

use std::sync::Arc;

use super::places::{Reading, kept, number, reading};
use super::{At, Place};
use crate::copyfmt::Format;
use crate::engine::lanes;
use crate::engine::transfer::Transfer;
use crate::error::Result;
use crate::leaks::{Hit, Kind, Room, Search, Secrets, Suspects, each_key};
use crate::pg::connect::{Client, Connector, Pool};
use crate::pg::members::plain_source;
use crate::pg::quote;
use crate::pg::rows::RowStream;
use crate::plan::Plan;
use crate::schema::{Catalog, Table, TypeClass};
use crate::types::ColumnId;

/// Every kept column with its suspects.
pub(super) async fn columns(
    transfer: &Arc<Transfer>,
    pool: &Pool,
    secrets: &Arc<Secrets>,
    room: &Room,
) -> Result<Vec<Place>> {
    let tables = transfer.catalog.tables.iter().filter(|table| transfer.plan.brings_rows(table.id));
    let mut jobs: Vec<_> = tables
        .map(|table| (table.id, kept(&transfer.catalog, &transfer.plan, table, secrets.has_uuids())))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    jobs.sort_by_key(|(table, _)| std::cmp::Reverse(transfer.catalog.table(*table).heap_bytes));
    let context = Arc::new((Arc::clone(transfer), pool.clone(), Arc::clone(secrets), room.clone()));
    let found = lanes::run(transfer.source.jobs(), jobs, move |(table, columns)| {
        let context = Arc::clone(&context);
        async move {
            let (transfer, pool, secrets, room) = &*context;
            let (table, client) = (transfer.catalog.table(table), pool.get().await?);
            read((&transfer.catalog, &transfer.plan), table, &columns, (&client, pool.connector()), secrets, room).await
        }
    })
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Some columns of a table.
pub(super) async fn read(
    (catalog, plan): (&Catalog, &Plan),
    table: &Table,
    columns: &[ColumnId],
    (client, connector): (&Client, &Connector),
    secrets: &Secrets,
    room: &Room,
) -> Result<Vec<Place>> {
    let mut search = Search::new(secrets);
    let (mut places, mut left) = (Vec::new(), Vec::new());
    for id in columns {
        let Some(few) = secrets.kept(number(table, *id)) else {
            left.push(*id);
            continue;
        };
        let mut suspects = Suspects::new(room);
        let (values, reading) = (few.values().into_iter().flatten(), reading(plan, table, *id));
        values.for_each(|(text, times)| suspects.add_times(text, &reading.hits(&mut search, text), times));
        places.push(Place { at: At::Column(table.id, *id), suspects });
    }
    if left.is_empty() {
        return Ok(places);
    }
    let columns = left;
    let list: Vec<String> = columns.iter().map(|id| expression(catalog, table, *id)).collect();
    let select = format!("SELECT {} FROM {}", list.join(", "), plain_source(table, "t"));
    let action = format!("look for leaks in {}", table.name);
    let mut rows = RowStream::open(client, connector, &select, Format::Binary, action).await?;
    let new = |id: &ColumnId| (reading(plan, table, *id), Suspects::new(room));
    let mut found: Vec<(Reading, Suspects)> = columns.iter().map(new).collect();
    while let Some(fields) = rows.next().await? {
        for (at, (reading, suspects)) in found.iter_mut().enumerate() {
            if let Some(text) = fields.get(at) {
                suspects.add(text, &reading.hits(&mut search, text));
            }
        }
    }
    let found = columns.iter().zip(found);
    places.extend(found.map(|(id, (_, suspects))| Place { at: At::Column(table.id, *id), suspects }));
    Ok(places)
}

/// The column as text; what is sent as text or bytes anyway, and uuids, as it is.
pub(super) fn expression(catalog: &Catalog, table: &Table, id: ColumnId) -> String {
    let column = quote::column(catalog, table.id, id, "t");
    match table.column(id).data_type.class {
        class if class.is_text() || matches!(class, TypeClass::Bytea | TypeClass::Json | TypeClass::Uuid) => column,
        _ => format!("{column}::text"),
    }
}

impl Reading {
    /// Gives the hits in one text, with where they stand in it.
    pub(super) fn hits(self, search: &mut Search<'_>, text: &[u8]) -> Vec<Hit> {
        match self {
            Self::Whole(kind) => search.text(text, kind).to_vec(),
            Self::Keys => {
                let mut hits = Vec::new();
                each_key(text, &mut |key| {
                    let found = search.text(&text[key.clone()], Kind::Plain).iter();
                    hits.extend(found.map(|hit| Hit {
                        start: hit.start + key.start,
                        end: hit.end + key.start,
                        ..*hit
                    }));
                });
                hits
            }
        }
    }
}
