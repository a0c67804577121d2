//! Questions to a landed database: which files do its rows name?

use super::connect::Client;
use super::quote::{ident, qualified};
use crate::copyfmt::Fields;
use crate::error::{Error, Result};
use crate::plan::{ColumnPath, PathSource};
use crate::schema::Catalog;
use crate::types::{ColumnId, RefId, TableId};

/// The SELECT of a kind's path columns, as texts, followed by the key of each masked one in turn; rows in the order of
/// the table's key.
pub fn select(catalog: &Catalog, paths: &PathSource) -> String {
    match paths {
        PathSource::Query(sql) => {
            let sql = sql.trim().trim_end_matches(';');
            format!("SELECT q.path::text FROM (\n{sql}\n) AS q(path)")
        }
        PathSource::Template { table, filter, columns, .. } => template(catalog, *table, filter.as_deref(), columns),
    }
}

fn template(catalog: &Catalog, table: TableId, filter: Option<&str>, columns: &[ColumnPath]) -> String {
    let mut joins: Vec<&[RefId]> = Vec::new();
    let mut from = String::new();
    for path in columns {
        for depth in 1..=path.references.len() {
            let way = &path.references[..depth];
            if joins.contains(&way) {
                continue;
            }
            joins.push(way);
            let reference = catalog.reference(way[depth - 1]);
            let (above, alias) = (alias(&joins, &way[..depth - 1]), alias(&joins, way));
            let parent = catalog.table(reference.parent);
            let child = catalog.table(reference.child);
            let pairs: Vec<String> = reference
                .child_columns
                .iter()
                .zip(&reference.parent_columns)
                .map(|(ours, theirs)| {
                    let (ours, theirs) = (ident(&child.column(*ours).name), ident(&parent.column(*theirs).name));
                    format!("{alias}.{theirs} = {above}.{ours}")
                })
                .collect();
            from.push_str(&format!(" LEFT JOIN {} AS {alias} ON {}", qualified(&parent.name), pairs.join(" AND ")));
        }
    }
    let text = |path: &ColumnPath, column: ColumnId| {
        let name = ident(&catalog.table(path.owner).column(column).name);
        format!("{}.{name}::text", alias(&joins, &path.references))
    };
    let mut selected: Vec<String> = columns.iter().map(|path| text(path, path.column)).collect();
    selected.extend(columns.iter().flat_map(|path| path.source_key.iter().map(|column| text(path, *column))));
    let described = catalog.table(table);
    let rows = match filter {
        // By itself, so that its names mean the table's columns only.
        Some(filter) => format!("(SELECT * FROM {} WHERE ({filter}) IS TRUE)", qualified(&described.name)),
        None => qualified(&described.name),
    };
    let order: Vec<String> = described
        .identity_key()
        .map(|key| key.columns.iter().map(|column| format!("t.{}", ident(&described.column(*column).name))).collect())
        .unwrap_or_default();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    format!("SELECT {} FROM {rows} AS t{from}{order}", selected.join(", "))
}

fn alias(joins: &[&[RefId]], way: &[RefId]) -> String {
    joins.iter().position(|join| *join == way).map_or_else(|| "t".to_owned(), |at| format!("r{at}"))
}

/// Streams the rows of such a SELECT in a read-only transaction.
///
/// # Errors
/// What `fail` makes of a server error, and `each`'s own.
pub async fn stream(
    client: &Client,
    select: &str,
    fail: impl Fn(tokio_postgres::Error) -> Error,
    each: impl FnMut(&Fields) -> Result<()>,
) -> Result<()> {
    let begin = "BEGIN READ ONLY; SET LOCAL search_path = \"$user\", public";
    client.batch_execute(begin).await.map_err(&fail)?;
    super::keys::stream(client, select, async |_| {}, &fail, each).await?;
    client.batch_execute("COMMIT").await.map_err(&fail)
}
