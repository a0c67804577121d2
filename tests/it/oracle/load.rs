//! All rows of a database as text, with what SQL alone can say about them.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::case::*;

/// Rows by table.
pub(super) struct Loaded {
    pub(super) tables: Vec<Vec<LoadedRow>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LoadedRow {
    /// By column; arrays as JSON.
    pub(super) values: Vec<Option<String>>,
    /// `where` is true and the cap lets it through.
    pub(super) passes: bool,
    /// By reference of the table: its condition holds.
    pub(super) conditions: Vec<bool>,
    pub(super) hash: i64,
    pub(super) always: bool,
    pub(super) never: bool,
}

impl LoadedRow {
    pub(super) fn value(&self, case: &Case, table: usize, column: &str) -> Option<String> {
        let at = case.columns(table).iter().position(|(name, _)| name == column).unwrap();
        self.values[at].clone()
    }
}

/// The columns' expressions.
fn columns(case: &Case, table: usize) -> Vec<String> {
    let text = |(name, sql): (String, String)| {
        if sql.contains("[]") { format!("array_to_json({name}::text[])::text") } else { format!("{name}::text") }
    };
    case.columns(table).into_iter().map(text).collect()
}

/// The type's own extended hash of the root's key.
fn hash(case: &Case) -> String {
    let seed = tithe::digest::seed_from_text(&case.draw.seed.to_string());
    match case.tables[0].key {
        TableKey::Single(Kind::Int4 | Kind::Int8) => format!("hashint8extended(k, {seed})"),
        TableKey::Single(Kind::Uuid) => format!("uuid_hash_extended(k, {seed})"),
        TableKey::Single(Kind::Numeric) => format!("hash_numeric_extended(k, {seed})"),
        TableKey::Single(Kind::Bpchar) => format!("hashbpcharextended(k, {seed})"),
        TableKey::Single(Kind::Citext) => format!("hashtextextended(lower(k::text), {seed})"),
        TableKey::Single(Kind::Loose) => format!("hashtextextended(k COLLATE \"C\", {seed})"),
        TableKey::Single(Kind::Text | Kind::Date) => format!("hashtextextended(k::text, {seed})"),
        _ => format!("hashtextextended(ROW(ka, kb)::text, {seed})"),
    }
}

/// Rows of the source.
pub(super) async fn source(case: &Case, client: &Client) -> Loaded {
    let mut tables = Vec::new();
    for at in 0..case.tables.len() {
        let table = &case.tables[at];
        let mut expressions = columns(case, at);
        let width = expressions.len();
        let filter = table.rules.filter.unwrap_or("true");
        let cap = table.rules.per_parent.map_or("true".to_owned(), |cap| {
            let order = cap.order.map(|order| format!("{order}, ")).unwrap_or_default();
            let (column, key) = (format!("c{}", cap.reference), case.key_columns(at).join(", "));
            format!(
                "{column} IS NULL OR row_number() OVER (PARTITION BY {column} ORDER BY {order}{key}) <= {}",
                cap.limit
            )
        });
        expressions.push(format!("(({filter}) IS TRUE AND ({cap}))::int"));
        let (hash, always, never) = match at {
            0 => (hash(case), case.draw.always.unwrap_or("false"), case.draw.never.unwrap_or("false")),
            _ => ("0".to_owned(), "false", "false"),
        };
        expressions.extend([hash, format!("(({always}) IS TRUE)::int"), format!("(({never}) IS TRUE)::int")]);
        let own = case.references_of(at);
        expressions.extend(
            own.iter().map(|own| {
                format!("(({}) IS TRUE)::int", case.references[*own].condition().unwrap_or("true".to_owned()))
            }),
        );
        let rows = texts(client, &format!("SELECT {} FROM {}", expressions.join(", "), case.sql_name(at))).await;
        let is = |value: &Option<String>| value.as_deref() == Some("1");
        tables.push(
            rows.into_iter()
                .map(|row| LoadedRow {
                    passes: is(&row[width]),
                    hash: row[width + 1].as_deref().unwrap().parse().unwrap(),
                    always: is(&row[width + 2]),
                    never: is(&row[width + 3]),
                    conditions: row[width + 4..].iter().map(is).collect(),
                    values: row[..width].to_vec(),
                })
                .collect(),
        );
    }
    Loaded { tables }
}

/// Rows of the target, by table.
pub(super) async fn target(case: &Case, client: &Client) -> Vec<Vec<Vec<Option<String>>>> {
    let mut tables = Vec::new();
    for at in 0..case.tables.len() {
        tables
            .push(texts(client, &format!("SELECT {} FROM {}", columns(case, at).join(", "), case.sql_name(at))).await);
    }
    tables
}

pub(super) async fn texts(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect::<Vec<_>>())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}
