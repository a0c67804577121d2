//! Members of tables that refer to each other, or to themselves: their candidates' keys and links are read once and
//! the fixpoint is computed here (`closure::members`).

use hashbrown::HashMap;

use crate::closure::{self, Chosen, Key, Link, NO_PARENT, NULL_LINK};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Group;
use crate::pg::keys::{self, KeyColumns};
use crate::pg::members::Members;
use crate::plan::ReferenceMode;
use crate::schema::Reference;
use crate::types::{RefId, TableId};

use super::choose::{Choice, Sweep, empty};

/// Candidate rows of one table of the group, column by column.
#[derive(Default)]
struct Candidates {
    anchored: Vec<bool>,
    /// By demand on the table, by row.
    keys: Vec<Vec<Option<Key>>>,
    /// By reference inside the group, by row.
    links: Vec<(RefId, Vec<Option<Key>>)>,
    /// By pulled reference, by row.
    pulled: Vec<(RefId, Vec<Option<Key>>)>,
}

/// Bytes that a candidate row holds per key, roughly: the enum and its slot in the index.
const KEY_BYTES: u64 = 64;

pub(super) async fn sweep<'a>(
    choice: &Choice<'a>,
    group: &Group,
    chosen: &Chosen,
) -> Result<Vec<(TableId, Sweep<'a>)>> {
    // A table that comes whole hangs on nothing.
    let (swept, whole): (Vec<TableId>, Vec<TableId>) =
        group.tables.iter().copied().partition(|table| chosen.swept[table.index()]);
    let mut candidates = Vec::with_capacity(swept.len());
    let mut held_bytes = 0;
    for table in &swept {
        candidates.push(read(choice, *table, chosen, &mut held_bytes).await?);
    }
    let mut graph = closure::Group::default();
    for (at, table) in swept.iter().enumerate() {
        let follows = choice
            .catalog
            .references_of(*table)
            .any(|reference| choice.plan.reference(reference.id).mode == ReferenceMode::Follow);
        let mut links = Vec::new();
        for (reference, rows) in &candidates[at].links {
            links.push(resolve(choice, &swept, chosen, &candidates, *reference, rows, follows));
        }
        graph.tables.push(closure::GroupTable { anchored: candidates[at].anchored.clone(), links });
    }
    let members = closure::members(&graph);
    let mut sweeps = Vec::with_capacity(swept.len());
    for ((table, candidates), alive) in swept.iter().zip(candidates).zip(members) {
        sweeps.push((*table, keep(choice, chosen, *table, candidates, &alive)?));
    }
    choice.budget.release(held_bytes);
    for (table, sweep) in &mut sweeps {
        // A circle's table is referred to by another, so its keys are held.
        pull_elements(choice, *table, chosen, sweep).await?;
    }
    sweeps.extend(choice.singles(whole.into_iter(), chosen).await?);
    Ok(sweeps)
}

async fn read(choice: &Choice<'_>, table: TableId, chosen: &Chosen, held_bytes: &mut u64) -> Result<Candidates> {
    let members = Members { catalog: choice.catalog, plan: choice.plan, chosen };
    let inside: Vec<&Reference> =
        choice.catalog.references_of(table).filter(|reference| members.inside_group(reference)).collect();
    if let Some(reference) = inside.iter().find(|reference| reference.array) {
        return Err(cycle_error(format!(
            "{}: an array reference cannot decide membership within a cycle",
            choice.catalog.describe(reference)
        ))
        .with_remedy("give it mode null or pull in the profile"));
    }
    let mut pulls = choice.pulls(table, chosen);
    pulls.retain(|pull| !choice.catalog.reference(*pull).array);
    let mut expressions = vec![format!("CASE WHEN {} THEN 1::int8 ELSE 0::int8 END", members.anchor(table, "t"))];
    let mut columns = Vec::new();
    for demand in chosen.demands_on(table) {
        expressions.extend(members.key_columns(&chosen.demands[demand], "t"));
        let demand = &chosen.demands[demand];
        columns.push(KeyColumns { kind: demand.kind, width: demand.width() });
    }
    let mut found = Candidates { keys: vec![Vec::new(); columns.len()], ..Candidates::default() };
    for reference in &inside {
        expressions.extend(members.link_columns(reference.id, "t"));
        columns.push(choice.link_shape(reference.id, chosen));
        found.links.push((reference.id, Vec::new()));
    }
    for pull in &pulls {
        expressions.extend(members.link_columns(*pull, "t"));
        columns.push(choice.link_shape(*pull, chosen));
        found.pulled.push((*pull, Vec::new()));
    }
    let name = choice.catalog.table(table).name.to_string();
    let action = format!("read keys of {name}");
    let progress = choice.monitor.unit(&name, 0);
    let per_row_bytes = 8 + KEY_BYTES * columns.len() as u64;
    let (mut rows, mut counted) = (0_u64, 0_u64);
    let sql = format!("SELECT {}{}", expressions.join(", "), members.of(table, "t").sql());
    choice
        .read_keys(&sql, &action, |fields| {
            found.anchored.push(fields.get(0).is_some_and(|value| value.last() == Some(&1)));
            let mut keys = keys::split_keys(fields, 1, &columns).into_iter();
            let lists = found
                .keys
                .iter_mut()
                .chain(found.links.iter_mut().map(|(_, l)| l))
                .chain(found.pulled.iter_mut().map(|(_, l)| l));
            for list in lists {
                list.push(keys.next().flatten());
            }
            rows += 1;
            if rows.is_multiple_of(16_384) {
                choice.budget.replace(counted, rows * per_row_bytes, &name)?;
                counted = rows * per_row_bytes;
            }
            progress.add(1, 0);
            Ok(())
        })
        .await?;
    choice.budget.replace(counted, rows * per_row_bytes, &name)?;
    *held_bytes += rows * per_row_bytes;
    progress.finish();
    Ok(found)
}

/// Turns a reference's keys into row numbers of its parent's candidates.
fn resolve(
    choice: &Choice<'_>,
    swept: &[TableId],
    chosen: &Chosen,
    candidates: &[Candidates],
    reference: RefId,
    rows: &[Option<Key>],
    child_follows: bool,
) -> Link {
    let described = choice.catalog.reference(reference);
    let parent = swept.iter().position(|table| *table == described.parent).unwrap_or_default();
    let position = chosen
        .demands_on(described.parent)
        .position(|demand| Some(demand) == chosen.demand_of[reference.index()])
        .unwrap_or_default();
    let mut index: HashMap<&Key, u32> = HashMap::new();
    for (row, key) in candidates[parent].keys.get(position).into_iter().flatten().enumerate() {
        if let Some(key) = key {
            index.insert(key, u32::try_from(row).unwrap_or(NO_PARENT));
        }
    }
    let rows = rows
        .iter()
        .map(|key| key.as_ref().map_or(NULL_LINK, |key| index.get(key).copied().unwrap_or(NO_PARENT)))
        .collect();
    let mode = choice.plan.reference(reference).mode;
    let within = mode == ReferenceMode::Within;
    Link { parent, within, carries: mode == ReferenceMode::Follow || (within && !child_follows), rows }
}

fn keep<'a>(
    choice: &Choice<'a>,
    chosen: &Chosen,
    table: TableId,
    candidates: Candidates,
    alive: &[bool],
) -> Result<Sweep<'a>> {
    let living =
        |list: Vec<Option<Key>>| list.into_iter().zip(alive).filter(|(_, alive)| **alive).filter_map(|(key, _)| key);
    let keys = chosen
        .demands_on(table)
        .zip(candidates.keys)
        .map(|(demand, list)| {
            let mut keys = empty(chosen.demands[demand].kind);
            for key in living(list) {
                keys.members.insert(key);
            }
            Some(keys)
        })
        .collect();
    let name = choice.catalog.table(table).name.to_string();
    let mut pulled = Vec::with_capacity(candidates.pulled.len());
    for (reference, list) in candidates.pulled {
        let mut keys = choice.counted(reference, chosen);
        living(list).try_for_each(|key| keys.insert(key, &name).map(drop))?;
        keys.count(&name)?;
        pulled.push((reference, keys));
    }
    Ok(Sweep { keys, pulled, rows: Some(alive.iter().filter(|alive| **alive).count() as u64) })
}

/// Adds what the members' arrays pull. A row has any number of elements, so they are asked for once it is known who is
/// a member.
async fn pull_elements<'a>(choice: &Choice<'a>, table: TableId, chosen: &Chosen, sweep: &mut Sweep<'a>) -> Result<()> {
    let mut arrays = choice.pulls(table, chosen);
    arrays.retain(|pull| choice.catalog.reference(*pull).array);
    let own =
        chosen.demands_on(table).zip(&sweep.keys).find(|(demand, _)| Some(*demand) == chosen.identity[table.index()]);
    let Some((demand, Some(keys))) = own else { return Ok(()) };
    let members = Members { catalog: choice.catalog, plan: choice.plan, chosen };
    let selection = members.by_keys(&chosen.demands[demand], &keys.members, "t");
    for array in arrays {
        sweep.pulled.push(choice.distinct(array, &members, &selection).await?);
    }
    Ok(())
}

fn cycle_error(text: String) -> Error {
    Error::new(ErrorKind::Plan, text)
}
