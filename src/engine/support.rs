//! Support rows: parents that chosen rows refer to and that are no members. They bring nothing along but the parents
//! that they cannot be without.

use futures_util::future::try_join_all;

use crate::closure::{Chosen, CountedKeys};
use crate::error::Result;
use crate::pg::keys::{self, KeyColumns};
use crate::pg::members::Members;
use crate::types::{RefId, TableId};

use super::choose::Choice;

/// Pulls along the given keys, round by round.
pub(super) async fn pull<'a>(
    choice: &Choice<'a>,
    chosen: &mut Chosen,
    mut pending: Vec<(RefId, CountedKeys<'a>)>,
) -> Result<()> {
    while !pending.is_empty() {
        let mut fresh: Vec<(usize, RefId, CountedKeys<'a>)> = Vec::new();
        for (reference, keys) in std::mem::take(&mut pending) {
            let Some(demand) = chosen.demand_of[reference.index()] else { continue };
            let name = name_of(choice, chosen, demand);
            let at = match fresh
                .iter()
                .position(|(d, r, _)| *d == demand && needs_check(choice, *r) == needs_check(choice, reference))
            {
                Some(at) => at,
                None => {
                    fresh.push((demand, reference, CountedKeys::new(chosen.demands[demand].kind, choice.budget)));
                    fresh.len() - 1
                }
            };
            let known = &chosen.keys[demand];
            let mut asked = 0;
            for key in keys.iter() {
                if !known.members.contains(&key) && !known.support.contains(&key) && fresh[at].2.insert(key, &name)? {
                    asked += 1;
                }
            }
            fresh[at].2.count(&name)?;
            chosen.pulled[reference.index()] += asked;
        }
        fresh.retain(|(_, _, keys)| !keys.is_empty());
        let state = &*chosen;
        let fetches = fresh.into_iter().map(|(demand, reference, keys)| fetch(choice, state, demand, reference, keys));
        let found = try_join_all(fetches).await?;
        for rows in found {
            pending.extend(rows.pulled);
            for (demand, keys) in rows.keys {
                let before = chosen.keys[demand].support.memory_bytes();
                for key in keys.iter() {
                    chosen.keys[demand].support.insert(key);
                }
                drop(keys);
                let after = chosen.keys[demand].support.memory_bytes();
                choice.budget.replace(before, after, &name_of(choice, chosen, demand))?;
            }
        }
    }
    Ok(())
}

fn name_of(choice: &Choice<'_>, chosen: &Chosen, demand: usize) -> String {
    choice.catalog.table(chosen.demands[demand].table).name.to_string()
}

/// The parents that a reference names may be missing.
fn needs_check(choice: &Choice<'_>, reference: RefId) -> bool {
    !choice.catalog.reference(reference).validated
}

struct Fetched<'a> {
    keys: Vec<(usize, CountedKeys<'a>)>,
    pulled: Vec<(RefId, CountedKeys<'a>)>,
}

/// Reads the support rows' other keys and what they must pull themselves; no query where there is nothing to ask.
async fn fetch<'a>(
    choice: &Choice<'a>,
    chosen: &Chosen,
    demand: usize,
    reference: RefId,
    wanted: CountedKeys<'a>,
) -> Result<Fetched<'a>> {
    let table = chosen.demands[demand].table;
    let needs = required_parents(choice, table, chosen);
    let demands: Vec<usize> = chosen.demands_on(table).collect();
    let members = Members { catalog: choice.catalog, plan: choice.plan, chosen };
    let barred = members.barred_rows(table, "t");
    if needs.is_empty() && demands.len() == 1 && barred.is_none() && !needs_check(choice, reference) {
        return Ok(Fetched { keys: vec![(demand, wanted)], pulled: Vec::new() });
    }
    let mut selection = members.by_keys(&chosen.demands[demand], &wanted, "t");
    selection.conditions.extend(barred.map(|barred| format!("{barred} IS NOT TRUE")));
    let mut expressions = Vec::new();
    let mut columns = Vec::new();
    for demand in &demands {
        let demand = &chosen.demands[*demand];
        expressions.extend(members.key_columns(demand, "t"));
        columns.push(KeyColumns { kind: demand.kind, width: demand.width() });
    }
    for need in &needs {
        expressions.extend(members.link_columns(*need, "t"));
        columns.push(choice.link_shape(*need, chosen));
    }
    let mut found = Fetched {
        keys: demands
            .iter()
            .map(|demand| (*demand, CountedKeys::new(chosen.demands[*demand].kind, choice.budget)))
            .collect(),
        pulled: needs.iter().map(|need| (*need, choice.counted(*need, chosen))).collect(),
    };
    let name = choice.catalog.table(table).name.to_string();
    let action = format!("read support rows of {name}");
    let sql = format!("SELECT {}{}", expressions.join(", "), selection.sql());
    choice
        .read_keys(&sql, &action, |fields| {
            let mut keys = keys::split_keys(fields, 0, &columns).into_iter();
            let of_keys = found.keys.iter_mut().map(|(_, set)| set);
            let mut all = of_keys.chain(found.pulled.iter_mut().map(|(_, set)| set));
            all.try_for_each(|set| keys.next().flatten().map_or(Ok(false), |key| set.insert(key, &name)).map(drop))
        })
        .await?;
    let of_keys = found.keys.iter_mut().map(|(_, set)| set);
    of_keys.chain(found.pulled.iter_mut().map(|(_, set)| set)).try_for_each(|set| set.count(&name))?;
    Ok(found)
}

/// References that a support row of the table cannot be without.
pub(super) fn required_parents(choice: &Choice<'_>, table: TableId, chosen: &Chosen) -> Vec<RefId> {
    choice
        .catalog
        .references_of(table)
        .filter(|reference| {
            chosen.demand_of[reference.id.index()].is_some()
                && choice.plan.reference(reference.id).nullable.is_empty()
                && !reference.array
        })
        .map(|reference| reference.id)
        .collect()
}
