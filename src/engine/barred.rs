//! Rows that cannot come, in tables whose references go in a circle: found here, since a condition in SQL would have to
//! follow the circle without end. Others are barred by conditions (`pg::members`).

use hashbrown::{HashMap, HashSet};

use crate::closure::{self, BarredKeys, Chosen, Demand, KeyKind};
use crate::error::Result;
use crate::graph::{FkGraph, Group};
use crate::pg::members::{Members, plain_source};
use crate::schema::Reference;
use crate::types::{ColumnId, RefId, TableId};

use super::choose::Choice;

type Text = Vec<String>;

/// What was read of one table.
#[derive(Default)]
struct Rows {
    barred: Vec<bool>,
    /// By referenced key.
    keys: Vec<(Vec<ColumnId>, Vec<Option<Text>>)>,
    /// By reference inside the circle.
    links: Vec<(RefId, Vec<Option<Text>>)>,
    /// Bytes of all that, counted against the memory limit.
    held_bytes: u64,
}

impl Rows {
    /// Takes one row of the query of [`read`]; returns its bytes.
    fn add(&mut self, choice: &Choice<'_>, row: &[Option<&str>]) -> u64 {
        self.barred.push(row[0] == Some("t"));
        let (mut at, mut bytes) = (1, 1);
        let widths = self.keys.iter_mut().map(|(columns, list)| (columns.len(), list));
        let links = self.links.iter_mut().map(|(id, list)| (choice.catalog.reference(*id).child_columns.len(), list));
        for (width, list) in widths.chain(links) {
            let key: Option<Text> = row[at..at + width].iter().map(|text| text.map(str::to_owned)).collect();
            bytes += key.as_deref().map_or(LIST_ENTRY_BYTES, closure::text_bytes);
            list.push(key);
            at += width;
        }
        bytes
    }
}

/// A key that is NULL still has its place.
const LIST_ENTRY_BYTES: u64 = 24;

/// Fills `chosen.barred`.
///
/// # Errors
/// `Source` for failed queries.
pub(super) async fn sweep(choice: &Choice<'_>, chosen: &mut Chosen) -> Result<()> {
    chosen.barrable = closure::barrable(choice.catalog, choice.plan, !chosen.never.is_empty());
    let needs = |reference: &Reference| {
        closure::needs_parent(choice.plan, reference)
            && chosen.barrable[reference.child.index()]
            && chosen.barrable[reference.parent.index()]
    };
    // Parents first, so that what a circle needs outside itself is known.
    let groups = FkGraph::new(choice.catalog, needs).groups();
    for group in groups.iter().filter(|group| !group.cycle.is_empty()) {
        let mut tables = Vec::with_capacity(group.tables.len());
        for table in &group.tables {
            tables.push(read(choice, chosen, group, *table).await?);
        }
        spread(choice, group, &mut tables);
        for (table, rows) in group.tables.iter().zip(tables) {
            let mut kept_bytes = 0;
            for (columns, keys) in rows.keys {
                let barred = keys.into_iter().zip(&rows.barred).filter(|(_, barred)| **barred);
                let keys: Vec<Text> = barred.filter_map(|(key, _)| key).collect();
                kept_bytes += keys.iter().map(|key| closure::text_bytes(key)).sum::<u64>();
                chosen.barred.push(BarredKeys { table: *table, columns, keys });
            }
            choice.budget.replace(rows.held_bytes, kept_bytes, &choice.catalog.table(*table).name.to_string())?;
        }
    }
    Ok(())
}

/// Reads who is barred for a reason outside the circle, all keys that anything refers to, and the circle's links.
async fn read(choice: &Choice<'_>, chosen: &Chosen, group: &Group, table: TableId) -> Result<Rows> {
    let members = Members { catalog: choice.catalog, plan: choice.plan, chosen };
    let outside = members.barred_but_for(table, "t", &group.cycle).unwrap_or_else(|| "false".to_owned());
    let mut expressions = vec![format!("CASE WHEN {outside} THEN 't' ELSE 'f' END")];
    let mut rows = Rows::default();
    for reference in choice.catalog.references_to(table) {
        if rows.keys.iter().all(|(columns, _)| *columns != reference.parent_columns) {
            let key = Demand { table, columns: reference.parent_columns.clone(), kind: KeyKind::Bytes };
            expressions.extend(members.key_columns(&key, "t").into_iter().map(|sql| format!("({sql})::text")));
            rows.keys.push((reference.parent_columns.clone(), Vec::new()));
        }
    }
    for reference in choice.catalog.references_of(table).filter(|r| group.cycle.contains(&r.id)) {
        let links = members.link_columns(reference.id, "t").into_iter();
        expressions.extend(links.map(|sql| format!("({sql})::text")));
        rows.links.push((reference.id, Vec::new()));
    }
    let described = choice.catalog.table(table);
    let sql = format!("SELECT {} FROM {}", expressions.join(", "), plain_source(described, "t"));
    let action = format!("look for rows of {} that cannot come", described.name);
    let held_bytes = choice.read_texts(&sql, &action, &described.name.to_string(), |row| rows.add(choice, row)).await?;
    rows.held_bytes = held_bytes;
    Ok(rows)
}

/// A row whose parent is barred is barred itself, round by round.
fn spread(choice: &Choice<'_>, group: &Group, tables: &mut [Rows]) {
    let position = |table: TableId| group.tables.iter().position(|other| *other == table).unwrap_or_default();
    let mut children: HashMap<(RefId, &Text), Vec<usize>> = HashMap::new();
    for rows in &*tables {
        for (reference, links) in &rows.links {
            for (row, link) in links.iter().enumerate() {
                if let Some(link) = link {
                    children.entry((*reference, link)).or_default().push(row);
                }
            }
        }
    }
    let mut seen: HashSet<(usize, usize)> = HashSet::new();
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (at, rows) in tables.iter().enumerate() {
        open.extend(rows.barred.iter().enumerate().filter(|(_, barred)| **barred).map(|(row, _)| (at, row)));
    }
    while let Some((at, row)) = open.pop() {
        if !seen.insert((at, row)) {
            continue;
        }
        for id in &group.cycle {
            let reference = choice.catalog.reference(*id);
            if position(reference.parent) != at {
                continue;
            }
            let keys = tables[at].keys.iter().find(|(columns, _)| *columns == reference.parent_columns);
            let Some(key) = keys.and_then(|(_, keys)| keys[row].as_ref()) else { continue };
            let child = position(reference.child);
            open.extend(children.get(&(*id, key)).into_iter().flatten().map(|row| (child, *row)));
        }
    }
    drop(children);
    seen.into_iter().for_each(|(at, row)| tables[at].barred[row] = true);
}
