//! A database that a run has put in place, asked afterwards: read-only sessions and the questions of `verify`.

use deadpool_postgres::Object;
use serde::Deserialize;
use tokio_postgres::Client;

use super::catalog::{self, LeftOut, fetch};
use super::connect::{Connector, Pool};
use super::members;
use super::quote::{ident, qualified};
use super::target::Target;
use crate::error::Result;
use crate::schema::{Catalog, Reference, TableKind};
use crate::types::QualifiedName;

/// An open landed database.
pub struct Landed {
    /// Its catalog.
    pub catalog: Catalog,
    /// `server_version_num`
    pub server_version: u32,
    pool: Pool,
    settings: String,
    jobs: usize,
}

/// A sequence beside the column that it fills.
#[derive(Clone, Debug)]
pub struct SequenceState {
    /// The sequence.
    pub sequence: QualifiedName,
    /// The table.
    pub table: QualifiedName,
    /// The column.
    pub column: String,
    /// What the next call returns lies beyond every value of the column that it could give.
    pub is_beyond: bool,
}

/// What is wrong with a database though all its rows are there.
#[derive(Clone, Debug, Default)]
pub struct Upkeep {
    /// Indexes that the server does not use.
    pub unusable_indexes: Vec<QualifiedName>,
    /// Indexes of partitioned tables of which some leaf has none.
    pub incomplete_indexes: Vec<QualifiedName>,
    /// Tables with rows and without statistics.
    pub tables_not_analysed: Vec<QualifiedName>,
}

#[derive(Deserialize)]
struct UpkeepRow {
    kind: String,
    schema: String,
    name: String,
}

#[derive(Deserialize)]
struct SequenceRow {
    sequence_schema: String,
    sequence: String,
    schema: String,
    table: String,
    column: String,
    increment: i64,
    least: i64,
    greatest: i64,
}

/// Average width of a column's values.
#[derive(Clone, Debug, Deserialize)]
pub struct ColumnWidth {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Column.
    pub column: String,
    /// Bytes.
    pub bytes: i64,
}

impl Landed {
    /// Opens the target's database and reads its catalog; at most `jobs` sessions at a time.
    ///
    /// # Errors
    /// `Target`
    pub async fn open(target: &Target, jobs: usize) -> Result<Self> {
        let pool = target.pool(target.name(), jobs)?;
        let client = pool.get().await?;
        let server = catalog::server(&client, pool.connector()).await?;
        let catalog = catalog::read(&client, LeftOut { schemas: &[], tables: &[] }, pool.connector()).await?;
        drop(client);
        // As on the source, so that names within values (regclass, say) print alike and operators of extensions are
        // found.
        let path: Vec<String> =
            std::iter::once("pg_catalog".to_owned()).chain(server.extension_schemas.iter().map(|s| ident(s))).collect();
        let settings = format!(
            "SET search_path = {}; SET default_transaction_read_only = on; SET work_mem = '64MB'",
            path.join(", ")
        );
        Ok(Self { catalog, server_version: server.version_num, pool, settings, jobs })
    }

    /// A read-only session, as soon as one is free.
    ///
    /// # Errors
    /// `Target`
    pub async fn session(&self) -> Result<Object> {
        let session = self.pool.get().await?;
        session.batch_execute(&self.settings).await.map_err(|e| self.pool.fail("prepare a session", e))?;
        Ok(session)
    }

    /// Sessions at a time.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// What opens the sessions.
    pub fn connector(&self) -> &Connector {
        self.pool.connector()
    }

    /// Rows of a table.
    ///
    /// # Errors
    /// `Target`
    pub async fn count(&self, table: &crate::schema::Table) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM {}", members::plain_source(table, "t"));
        self.number(&sql, || format!("count the rows of {}", table.name)).await
    }

    /// Rows that break a foreign key: their parent is not there, or (MATCH FULL) they name half of one.
    ///
    /// # Errors
    /// `Target`
    pub async fn broken_rows(&self, reference: &Reference) -> Result<u64> {
        let sql = broken_rows_sql(&self.catalog, reference);
        self.number(&sql, || format!("look for rows that break {}", self.catalog.describe(reference))).await
    }

    async fn number(&self, sql: &str, action: impl Fn() -> String) -> Result<u64> {
        let session = self.session().await?;
        let row = session.query_one(sql, &[]).await.map_err(|e| self.pool.fail(action(), e))?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    /// Every sequence that fills an integer column.
    ///
    /// # Errors
    /// `Target`
    pub async fn sequences(&self) -> Result<Vec<SequenceState>> {
        let session = self.session().await?;
        let sql = include_str!("sql/sequence_columns.sql");
        let rows: Vec<SequenceRow> = fetch(&session, sql, "read the sequences", self.connector()).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let questions: Vec<String> = rows
            .iter()
            .map(|row| {
                let (order, extreme) = if row.increment < 0 { ("<", "min") } else { (">", "max") };
                let sequence = qualified(&QualifiedName::new(&row.sequence_schema, &row.sequence));
                let table = qualified(&QualifiedName::new(&row.schema, &row.table));
                let column = ident(&row.column);
                format!(
                    "(SELECT coalesce(s.last_value::numeric + CASE WHEN s.is_called THEN {} ELSE 0 END {order} \
                     (SELECT {extreme}({column})::numeric FROM {table} \
                      WHERE {column} BETWEEN '{}'::int8 AND '{}'::int8), true) FROM {sequence} AS s)",
                    row.increment,
                    row.least.saturating_sub(row.increment.min(0)),
                    row.greatest.saturating_sub(row.increment.max(0))
                )
            })
            .collect();
        let sql = format!("SELECT unnest(ARRAY[{}])", questions.join(", "));
        let answers =
            session.query(&sql, &[]).await.map_err(|e| self.pool.fail("compare sequences with their columns", e))?;
        Ok(rows
            .into_iter()
            .zip(answers)
            .map(|(row, answer)| SequenceState {
                sequence: QualifiedName::new(row.sequence_schema, row.sequence),
                table: QualifiedName::new(row.schema, row.table),
                column: row.column,
                is_beyond: answer.get(0),
            })
            .collect())
    }

    /// Indexes and statistics.
    ///
    /// # Errors
    /// `Target`
    pub async fn upkeep(&self) -> Result<Upkeep> {
        let session = self.session().await?;
        let sql = include_str!("sql/upkeep.sql");
        let rows: Vec<UpkeepRow> = fetch(&session, sql, "look at indexes and statistics", self.connector()).await?;
        let mut found = Upkeep::default();
        for row in rows {
            let list = match row.kind.as_str() {
                "index" => &mut found.unusable_indexes,
                "partitioned index" => &mut found.incomplete_indexes,
                _ => &mut found.tables_not_analysed,
            };
            list.push(QualifiedName::new(row.schema, row.name));
        }
        Ok(found)
    }

    /// Average widths of analysed columns.
    ///
    /// # Errors
    /// `Target`
    pub async fn column_widths(&self) -> Result<Vec<ColumnWidth>> {
        let session = self.session().await?;
        fetch(&session, include_str!("sql/column_widths.sql"), "read column widths", self.connector()).await
    }
}

/// Indexes that the server does not use.
///
/// # Errors
/// `Target`
pub async fn unusable_indexes(client: &Client, connector: &Connector) -> Result<Vec<QualifiedName>> {
    let sql = include_str!("sql/upkeep.sql");
    let rows: Vec<UpkeepRow> = fetch(client, sql, "look at indexes", connector).await?;
    let indexes = rows.into_iter().filter(|row| row.kind != "table");
    Ok(indexes.map(|row| QualifiedName::new(row.schema, row.name)).collect())
}

fn broken_rows_sql(catalog: &Catalog, reference: &Reference) -> String {
    let (child, parent) = (catalog.table(reference.child), catalog.table(reference.parent));
    let column = |alias: &str, name: &str| format!("{alias}.{}", ident(name));
    let on = reference.foreign_key.as_ref().map_or(&child.name, |key| &key.on);
    // A key of one partition is asked of that partition; an ordinary table's key does not bind those that inherit.
    let only = if *on == child.name && child.kind != TableKind::Partitioned { "ONLY " } else { "" };
    let (mut present, mut equal, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    let mut period = None;
    for (at, (c, p)) in reference.child_columns.iter().zip(&reference.parent_columns).enumerate() {
        let (ours, theirs) = (column("c", &child.column(*c).name), column("p", &parent.column(*p).name));
        present.push(format!("{ours} IS NOT NULL"));
        absent.push(format!("{ours} IS NULL"));
        if reference.temporal && at + 1 == reference.child_columns.len() {
            period = Some(format!("range_agg({theirs}) @> {ours}"));
        } else {
            let (child, parent) = (&child.column(*c).data_type, &parent.column(*p).data_type);
            let ours = if members::is_cast_to_parent(child, parent) { members::cast_to(parent, &ours) } else { ours };
            equal.push(format!("{theirs} = {ours}"));
        }
    }
    let present = present.join(" AND ");
    let parents = format!("FROM {} WHERE {}", members::plain_source(parent, "p"), equal.join(" AND "));
    let holds = match period {
        Some(covered) => format!("(SELECT {covered} {parents}) IS TRUE"),
        None => format!("EXISTS (SELECT {parents})"),
    };
    let half = match reference.match_full && reference.child_columns.len() > 1 {
        true => format!(" OR (NOT ({present}) AND NOT ({}))", absent.join(" AND ")),
        false => String::new(),
    };
    format!("SELECT count(*) FROM {only}{} AS c WHERE ({present} AND NOT {holds}){half}", qualified(on))
}
