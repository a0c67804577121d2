//! A look at the source's values: what `init` proposes from and `profile scan` compares a profile with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::prepare::{PATIENCE, standing_back};
use crate::detect::{self, Kind, Looked, Seen};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::source::{self, Source};
use crate::pg::texts;
use crate::pg::values::{self, Bounds};
use crate::profile::SourceRules;
use crate::schema::{Catalog, Table, TableKind};
use crate::types::{ColumnId, TableId};

/// Longest statement, and longest look at all tables together: a look is no run.
const STATEMENT_LIMIT: Duration = Duration::from_secs(10);
const LOOK_LIMIT: Duration = Duration::from_secs(600);

/// Where to look, and how long.
#[derive(Clone, Debug)]
pub struct LookRequest {
    /// Where.
    pub from: ConnectInfo,
    /// Part of the sessions' application name.
    pub run_id: String,
    /// Schemas and tables that are left out.
    pub left_out: SourceRules,
    /// Tables whose values are not asked for, as a profile writes them.
    pub without_rows: Vec<String>,
    /// Rows of each table; 0 reads none.
    pub rows: u32,
    /// Look at comments, defaults, views and functions, too.
    pub texts: bool,
}

/// What was seen. No value is in it.
#[derive(Debug, Default)]
pub struct Look {
    /// The catalog.
    pub catalog: Catalog,
    /// Counts by column.
    pub looked: Looked,
    /// Rows read of each table.
    pub rows: BTreeMap<TableId, u32>,
    /// Tables whose values were not, or not wholly, read, and why.
    pub unread: Vec<(TableId, String)>,
    /// Columns that have values, none of which was read, and why.
    pub unread_columns: Vec<(TableId, ColumnId, String)>,
    /// What stands in the schema's own texts.
    pub texts: Vec<TextFinding>,
    /// There are more of these texts than are read.
    pub texts_cut: bool,
}

/// Kinds found in a text of the schema.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextFinding {
    /// `comment on table public.users`, `default of public.users.token`
    pub place: String,
    /// What stands in it.
    pub kinds: Vec<Kind>,
}

/// Reads the catalog and a few rows of each table, in one read-only snapshot. Before values are read, `check` may
/// refuse what the catalog does not have.
///
/// # Errors
/// `Source`, and those of `check`; a table that cannot be read is none, but listed.
pub async fn look(
    request: &LookRequest,
    check: &(dyn Fn(&Catalog) -> Result<()> + Sync),
    monitor: &dyn Monitor,
) -> Result<Look> {
    monitor.phase("connect");
    request.from.notes().iter().for_each(|note| monitor.note(note));
    let options = source::Options {
        jobs: 1,
        application_name: format!("tithe {}", request.run_id),
        lock_timeout: STATEMENT_LIMIT,
        // Policies hide rows: what they hide is not seen, and the table is listed.
        row_security: true,
    };
    let source = Source::open(request.from.clone(), options).await?;
    monitor.phase("read the catalog");
    let rules = &request.left_out;
    let left_out = LeftOut { schemas: &rules.exclude_schemas, tables: &rules.exclude_tables };
    let mut look = Look { catalog: source.catalog(left_out).await?, ..Look::default() };
    check(&look.catalog)?;
    if request.rows > 0 {
        monitor.phase("look at values");
        standing_back(&source, PATIENCE, look_at_values(&source, request, &mut look)).await?;
    }
    if request.texts {
        monitor.phase("look at the schema's texts");
        let version = look.catalog.server_version;
        let all = texts::schema_texts(&source, version, &mut |place, text| {
            let kinds = detect::inspect_definition(text);
            if !kinds.is_empty() {
                look.texts.push(TextFinding { place: place.to_owned(), kinds: kinds.iter().collect() });
            }
        })
        .await?;
        look.texts_cut = !all;
    }
    Ok(look)
}

async fn look_at_values(source: &Source, request: &LookRequest, look: &mut Look) -> Result<()> {
    let begun = Instant::now();
    let without_rows: Vec<TableId> =
        request.without_rows.iter().filter_map(|name| look.catalog.find_table(name)).collect();
    let tables: Vec<TableId> = look.catalog.tables.iter().map(|table| table.id).collect();
    for id in tables.into_iter().filter(|id| !without_rows.contains(id)) {
        let table = look.catalog.table(id);
        let columns = values::readable_columns(table);
        if let Some(reason) = unreadable(table, begun) {
            look.unread.push((id, reason.to_owned()));
        } else if !columns.is_empty() {
            look_at_table(source, id, &columns, request.rows, look).await;
        }
    }
    Ok(())
}

/// A table that is locked, takes too long, or whose types do not print, is listed: the others go on.
async fn look_at_table(source: &Source, id: TableId, columns: &[ColumnId], rows: u32, look: &mut Look) {
    let begun = Instant::now();
    let table = look.catalog.table(id);
    let mut outcome = read(source, table, columns, rows).await;
    let plain: Vec<ColumnId> =
        columns.iter().copied().filter(|column| !values::is_document(table.column(*column))).collect();
    let mut left_out = None;
    if let Err(error) = &outcome
        && begun.elapsed() >= STATEMENT_LIMIT
        && !plain.is_empty()
        && plain.len() < columns.len()
    {
        left_out = Some(format!("documents of the table took too long: {}", error.chain()));
        outcome = read(source, table, &plain, rows).await;
    }
    match outcome {
        Ok(read) => {
            let hidden = table.rls_applies.then(|| "policies hide some of its rows from this role".to_owned());
            look.unread.extend(hidden.map(|reason| (id, reason)));
            let missing = columns.iter().filter(|column| !plain.contains(column));
            let late = left_out.iter().flat_map(|reason| missing.clone().map(move |column| (*column, reason.clone())));
            let large =
                read.only_too_large().map(|column| (column, "its values are too large to be printed".to_owned()));
            look.unread_columns.extend(late.chain(large).map(|(column, reason)| (id, column, reason)));
            look.rows.insert(id, read.rows);
            look.looked.extend(read.seen.into_iter().map(|(column, seen)| ((id, column), seen)));
        }
        Err(error) => look.unread.push((id, error.chain())),
    }
}

/// What was read of one table.
struct Read {
    rows: u32,
    seen: BTreeMap<ColumnId, Seen>,
    /// Columns with values that are too large.
    too_large: BTreeSet<ColumnId>,
}

impl Read {
    fn only_too_large(&self) -> impl Iterator<Item = ColumnId> {
        let none = |column: &ColumnId| self.seen.get(column).is_none_or(|seen| seen.values == 0);
        self.too_large.iter().copied().filter(none)
    }
}

async fn read(source: &Source, table: &Table, columns: &[ColumnId], rows: u32) -> Result<Read> {
    let bounds = Bounds { rows, statement: STATEMENT_LIMIT };
    let mut seen: BTreeMap<_, Seen> = columns.iter().map(|column| (*column, Seen::default())).collect();
    let mut too_large = BTreeSet::new();
    let rows =
        values::look(source, table, columns, bounds, &mut |column, value| match (value, seen.get_mut(&column)) {
            (Some(value), Some(seen)) => seen.look(value),
            _ => {
                too_large.insert(column);
            }
        })
        .await?;
    Ok(Read { rows, seen, too_large })
}

fn unreadable(table: &Table, begun: Instant) -> Option<&'static str> {
    match table {
        _ if table.kind == TableKind::Foreign => Some("its rows live on another server"),
        _ if !table.readable => Some("the role may not read it"),
        _ if begun.elapsed() > LOOK_LIMIT => Some("the look had taken too long by then"),
        _ => None,
    }
}
