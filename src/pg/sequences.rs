//! Sets sequences past what was handed out.

use std::collections::BTreeMap;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::connect::Pool;
use super::quote::{ident, literal, qualified};
use crate::error::Result;
use crate::schema::{Catalog, Sequence, TypeClass};
use crate::types::{ColumnId, TableId};

/// Sequences of one kind that the report names.
const NAMED_AT_MOST: usize = 8;

/// What became of the sequences.
#[derive(Clone, Debug, Default)]
pub struct SequencesSet {
    /// Set, or at their start as in the source.
    pub set: usize,
    /// Set past the landed rows only, since the reading role may not read them.
    pub by_rows: Vec<String>,
    /// Left at their start: neither they nor a row could tell.
    pub unknown: Vec<String>,
}

impl SequencesSet {
    /// What became of them, for the report.
    pub fn told(&self) -> String {
        let named = |names: &[String], what: &str| match names.len() {
            0 => String::new(),
            count => {
                let shown = &names[..count.min(NAMED_AT_MOST)];
                let more = if count > shown.len() { ", …" } else { "" };
                format!("; {count} {what}: {}{more}", shown.join(", "))
            }
        };
        let by_rows = named(&self.by_rows, "that the reading role may not read set past the landed rows");
        let unknown = named(&self.unknown, "that it may not read left at their start, as no row tells more");
        format!("{} set past their rows{by_rows}{unknown}", self.set)
    }
}

/// By position in the catalog: what sequences that gave nothing yet would give first, where that is not their START
/// (`ALTER SEQUENCE … RESTART WITH`, `setval(…, false)`).
pub type NextValues = BTreeMap<usize, i64>;

/// Sequences that one query asks.
const ASKED_AT_ONCE: usize = 500;

/// Asks the source, in the last of a session's questions: sequences are not locked, and one that is gone by now or cannot
/// be read after all is no reason to lose a run. Answers what is to be said where not all could be asked.
pub async fn next_values(client: &Client, catalog: &Catalog) -> (NextValues, Option<String>) {
    let unused = catalog.sequences.iter().enumerate().filter(|(_, s)| s.selectable && s.last_value.is_none());
    let queries: Vec<String> = unused
        .map(|(at, sequence)| {
            format!(
                "SELECT {at}::int8, last_value FROM {} WHERE NOT is_called AND last_value <> '{}'::int8",
                qualified(&sequence.name),
                sequence.start
            )
        })
        .collect();
    let mut found = NextValues::new();
    for queries in queries.chunks(ASKED_AT_ONCE) {
        let Ok(rows) = client.query(&queries.join(" UNION ALL "), &[]).await else {
            let note = "some sequences that gave nothing yet begin at their START: one of them was changed on the source \
                        meanwhile, and could not be asked";
            return (found, Some(note.to_owned()));
        };
        found.extend(rows.iter().filter_map(|row| Some((usize::try_from(row.get::<_, i64>(0)).ok()?, row.get(1)))));
    }
    (found, None)
}

/// Sets every sequence past both what the source handed out and what the loaded rows hold.
///
/// # Errors
/// The target's.
pub async fn set(pool: &Pool, client: &Client, catalog: &Catalog, next: &NextValues) -> Result<SequencesSet> {
    let all = catalog.sequences.iter().enumerate();
    let sql: String = all.map(|(at, sequence)| set_sql(catalog, sequence, next.get(&at))).collect();
    let answers = client.simple_query(&sql).await.map_err(|e| pool.fail("set the sequences", e))?;
    let was_set = answers.iter().filter_map(|answer| match answer {
        SimpleQueryMessage::CommandComplete(rows) => Some(*rows > 0),
        _ => None,
    });
    let mut done = SequencesSet::default();
    for (sequence, was_set) in catalog.sequences.iter().zip(was_set) {
        match (sequence.readable, was_set) {
            (true, _) => done.set += 1,
            (false, true) => done.by_rows.push(sequence.name.to_string()),
            (false, false) => done.unknown.push(sequence.name.to_string()),
        }
    }
    Ok(done)
}

/// One row where there is a value to set. Values that the sequence cannot give do not count, as it will never meet them;
/// nor do those that nothing could follow, a sign that somebody put there, since the sequence would be exhausted.
fn set_sql(catalog: &Catalog, sequence: &Sequence, next: Option<&i64>) -> String {
    let (of_all, of_rows) = if sequence.increment < 0 { ("least", "min") } else { ("greatest", "max") };
    let counts = |(table, column): &&(TableId, ColumnId)| {
        let class = catalog.table(*table).column(*column).data_type.class;
        class.is_integer() || class == TypeClass::Numeric
    };
    let mut values =
        vec![sequence.last_value.map_or_else(|| "NULL::int8".to_owned(), |value| format!("'{value}'::int8"))];
    values.extend(sequence.fills.iter().filter(counts).map(|(table, column)| {
        let table = catalog.table(*table);
        let column = ident(&table.column(*column).name);
        format!(
            "(SELECT {of_rows}({column})::int8 FROM {} WHERE {column} BETWEEN '{}'::int8 AND '{}'::int8)",
            qualified(&table.name),
            sequence.least.saturating_sub(sequence.increment.min(0)),
            sequence.greatest.saturating_sub(sequence.increment.max(0))
        )
    }));
    let name = literal(&qualified(&sequence.name));
    let values = values.join(", ");
    match next {
        None => format!(
            "SELECT setval({name}::regclass, v) FROM (SELECT {of_all}({values}) AS v) AS s WHERE v IS NOT NULL;"
        ),
        Some(next) => {
            let passed = if sequence.increment < 0 { "<=" } else { ">=" };
            format!(
                "SELECT setval({name}::regclass, CASE WHEN is_past THEN v ELSE '{next}'::int8 END, is_past) \
                 FROM (SELECT v, coalesce(v {passed} '{next}'::int8, false) AS is_past FROM (SELECT {of_all}({values}) AS v) AS r) AS s;"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_that_could_not_be_read_are_named() {
        let names = |count: u32| (0..count).map(|n| format!("s{n}")).collect::<Vec<_>>();
        let told = SequencesSet { set: 3, by_rows: names(9), unknown: names(1) }.told();
        assert!(told.starts_with("3 set past their rows; 9 that"), "{told}");
        assert!(told.contains("s7, …; 1 that") && told.ends_with(": s0"), "{told}");
        assert_eq!(SequencesSet { set: 2, ..SequencesSet::default() }.told(), "2 set past their rows");
    }
}
