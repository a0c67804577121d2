//! A look at the source's values: what `init` proposes from and `profile scan` compares a profile with.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::prepare::{PATIENCE, standing_back};
use crate::detect::{self, Kind, Looked, Seen};
use crate::error::Result;
use crate::monitor::Monitor;
use crate::pg::catalog::LeftOut;
use crate::pg::connect::ConnectInfo;
use crate::pg::source::{self, Source};
use crate::pg::values::{self, Bounds};
use crate::profile::SourceRules;
use crate::schema::{Catalog, Table, TableKind};
use crate::types::TableId;

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
    /// Tables whose values were not read, and why.
    pub unread: Vec<(TableId, String)>,
    /// What stands in the schema's own texts.
    pub texts: Vec<TextFinding>,
}

/// Kinds found in a text of the schema.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TextFinding {
    /// `comment on table public.users`, `default of public.users.token`
    pub place: String,
    /// What stands in it.
    pub kinds: Vec<Kind>,
}

/// Reads the catalog and a few rows of each table, in one read-only snapshot.
///
/// # Errors
/// `Source`; a table that cannot be read is none, but listed.
pub async fn look(request: &LookRequest, monitor: &dyn Monitor) -> Result<Look> {
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
    if request.rows > 0 {
        monitor.phase("look at values");
        standing_back(&source, PATIENCE, look_at_values(&source, request.rows, &mut look)).await?;
    }
    if request.texts {
        monitor.phase("look at the schema's texts");
        values::schema_texts(&source, &mut |place, text| {
            let kinds = detect::inspect_definition(text);
            if !kinds.is_empty() {
                look.texts.push(TextFinding { place: place.to_owned(), kinds: kinds.iter().collect() });
            }
        })
        .await?;
    }
    Ok(look)
}

async fn look_at_values(source: &Source, rows: u32, look: &mut Look) -> Result<()> {
    let begun = Instant::now();
    let bounds = Bounds { rows, statement: STATEMENT_LIMIT };
    let Look { catalog, looked, rows: read, unread, .. } = look;
    for table in &catalog.tables {
        let columns = values::readable_columns(table);
        if let Some(reason) = unreadable(table, begun) {
            unread.push((table.id, reason.to_owned()));
            continue;
        }
        if columns.is_empty() {
            continue;
        }
        let mut seen: BTreeMap<_, Seen> = columns.iter().map(|column| (*column, Seen::default())).collect();
        let outcome = values::look(source, table, &columns, bounds, &mut |column, value| {
            if let Some(seen) = seen.get_mut(&column) {
                seen.look(value);
            }
        })
        .await;
        match outcome {
            Ok(rows) => {
                read.insert(table.id, rows);
                looked.extend(seen.into_iter().map(|(column, seen)| ((table.id, column), seen)));
                if table.rls_applies {
                    unread.push((table.id, "policies hide some of its rows from this role".to_owned()));
                }
            }
            // A table that is locked, takes too long, or whose types do not print: the others go on.
            Err(error) => unread.push((table.id, error.chain())),
        }
    }
    Ok(())
}

fn unreadable(table: &Table, begun: Instant) -> Option<&'static str> {
    match table {
        _ if table.kind == TableKind::Foreign => Some("its rows live on another server"),
        _ if !table.readable => Some("the role may not read it"),
        _ if begun.elapsed() > LOOK_LIMIT => Some("the look had taken too long by then"),
        _ => None,
    }
}
