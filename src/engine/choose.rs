//! Decides which rows are chosen, by asking the source for keys only where a set is needed.
//!
//! Members first, parents before children, tables of one level side by side; then the support rows they pull, in
//! rounds until no new key appears. Every set is frozen when this returns.

use futures_util::future::try_join_all;

use crate::closure::{self, Budget, Chosen, CountedKeys, Demand, KeyKind, Keys};
use crate::copyfmt::Fields;
use crate::error::Result;
use crate::graph::Group;
use crate::monitor::Monitor;
use crate::pg::keys::{self, KeyColumns};
use crate::pg::members::{Members, Selection};
use crate::pg::source::Source;
use crate::plan::{DrawSize, Plan, ReferenceMode, TableMode};
use crate::schema::{Catalog, Reference};
use crate::types::{RefId, TableId};

use super::cycle;
use super::prepare::Prepared;
use crate::rate::RateLimit;

/// What choosing needs to know.
pub(super) struct Choice<'a> {
    pub(super) source: &'a Source,
    pub(super) catalog: &'a Catalog,
    pub(super) plan: &'a Plan,
    pub(super) budget: &'a Budget,
    pub(super) rate: &'a RateLimit,
    pub(super) literal_keys_max: u64,
    pub(super) monitor: &'a dyn Monitor,
}

/// Keys of one table's members, as they were read.
#[derive(Default)]
pub(super) struct Sweep<'a> {
    /// By position in `demands_on(table)`.
    pub(super) keys: Vec<Option<Keys>>,
    /// Keys that members pull, by reference.
    pub(super) pulled: Vec<(RefId, CountedKeys<'a>)>,
    /// Members, where they were counted on the way.
    pub(super) rows: Option<u64>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(
        prepared: &'a Prepared,
        budget: &'a Budget,
        rate: &'a RateLimit,
        literal_keys_max: u64,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let Prepared { source, catalog, plan } = prepared;
        Self { source, catalog, plan, budget, rate, literal_keys_max, monitor }
    }

    /// The chosen sets.
    ///
    /// # Errors
    /// `Source` for failed queries, `Plan` when the sets pass the memory limit.
    pub(super) async fn choose(&self) -> Result<Chosen> {
        let mut chosen = Chosen::new(self.catalog, self.plan, self.literal_keys_max);
        self.draw(&mut chosen).await?;
        super::barred::sweep(self, &mut chosen).await?;
        let mut pulled = Vec::new();
        let levels = self.plan.groups.iter().map(|group| group.level).max().map_or(0, |level| level + 1);
        for level in 0..levels {
            let groups: Vec<&Group> = self.plan.groups.iter().filter(|group| group.level == level).collect();
            let state = &chosen;
            let sweeps = try_join_all(groups.iter().map(|group| self.group(group, state))).await?;
            for (table, sweep) in sweeps.into_iter().flatten() {
                self.absorb(&mut chosen, table, sweep, &mut pulled)?;
            }
        }
        super::support::pull(self, &mut chosen, pulled).await?;
        Ok(chosen)
    }

    fn absorb(
        &self,
        chosen: &mut Chosen,
        table: TableId,
        sweep: Sweep<'a>,
        pulled: &mut Vec<(RefId, CountedKeys<'a>)>,
    ) -> Result<()> {
        let demands: Vec<usize> = chosen.demands_on(table).collect();
        for (demand, keys) in demands.into_iter().zip(sweep.keys) {
            if let Some(keys) = keys {
                let name = self.catalog.table(table).name.to_string();
                self.budget.replace(0, keys.members.memory_bytes(), &name)?;
                chosen.keys[demand] = keys;
            }
        }
        chosen.members[table.index()] = sweep.rows;
        pulled.extend(sweep.pulled);
        Ok(())
    }

    /// The bound of the draw, and the short lists beside it.
    async fn draw(&self, chosen: &mut Chosen) -> Result<()> {
        let draw = &self.plan.draw;
        let root = self.catalog.table(self.plan.root);
        let source = crate::pg::members::plain_source(root, "t");
        let hash = Members { catalog: self.catalog, plan: self.plan, chosen }.draw_hash("t");
        chosen.bound = match draw.size {
            DrawSize::Percent(percent) => percent_bound(percent),
            DrawSize::Rows(rows) => {
                let sql = format!("SELECT {hash} AS h FROM {source} ORDER BY h LIMIT 1 OFFSET {rows}");
                let session = self.source.session().await?;
                let found = session
                    .query_opt(&sql, &[])
                    .await
                    .map_err(|e| self.source.fail(format!("find the bound of {rows} rows of {}", root.name), e))?;
                found.map(|row| row.get(0))
            }
        };
        if let Some(never) = &draw.never {
            chosen.never = self.root_keys(chosen, &format!("({never}) IS TRUE"), "never").await?;
        }
        if let (Some(always), Some(bound)) = (&draw.always, chosen.bound) {
            let condition = format!("({always}) IS TRUE AND NOT ({hash} < {bound})");
            chosen.always = self.root_keys(chosen, &condition, "always").await?;
        }
        Ok(())
    }

    /// Draw keys of the root rows that satisfy a condition, as texts.
    async fn root_keys(&self, chosen: &Chosen, condition: &str, key: &str) -> Result<Vec<Vec<String>>> {
        let root = self.catalog.table(self.plan.root);
        let key_of = Demand { table: self.plan.root, columns: self.plan.draw.key.clone(), kind: KeyKind::Bytes };
        let members = Members { catalog: self.catalog, plan: self.plan, chosen };
        let columns: Vec<String> =
            members.key_columns(&key_of, "t").into_iter().map(|column| format!("({column})::text")).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {condition}",
            columns.join(", "),
            crate::pg::members::plain_source(root, "t")
        );
        let mut keys = Vec::new();
        self.read_texts(&sql, &format!("evaluate sample.{key} on {}", root.name), &root.name.to_string(), |row| {
            let texts: Vec<String> = row.iter().flatten().map(|text| (*text).to_owned()).collect();
            let bytes = closure::text_bytes(&texts);
            keys.push(texts);
            bytes
        })
        .await?;
        Ok(keys)
    }

    /// Hands each row of texts to `each`, which says how many bytes it keeps of it. They count against the memory
    /// limit as they come; returns their sum.
    pub(super) async fn read_texts(
        &self,
        sql: &str,
        action: &str,
        table: &str,
        mut each: impl FnMut(&[Option<&str>]) -> u64,
    ) -> Result<u64> {
        let session = self.source.session().await?;
        let (mut held, mut counted) = (0, 0);
        let fail = |e| self.source.fail(action, e);
        keys::texts(&session, sql, fail, |row| {
            held += each(row);
            if held > counted + COUNT_EVERY_BYTES {
                self.budget.replace(counted, held, table)?;
                counted = held;
            }
            Ok(())
        })
        .await?;
        self.budget.replace(counted, held, table)?;
        Ok(held)
    }

    /// Runs a SELECT of keys, within `--max-rate`, and hands each row's fields to `each`; returns the number of rows.
    pub(super) async fn read_keys(
        &self,
        sql: &str,
        action: &str,
        each: impl FnMut(&Fields) -> Result<()>,
    ) -> Result<u64> {
        let session = self.source.session().await?;
        let pace = |bytes| self.rate.take(bytes);
        keys::stream(&session, sql, pace, |e| self.source.fail(action, e), each).await
    }

    async fn group(&self, group: &Group, chosen: &Chosen) -> Result<Vec<(TableId, Sweep<'a>)>> {
        let swept = group.tables.iter().any(|table| chosen.swept[table.index()]);
        if swept && !group.cycle.is_empty() {
            return cycle::sweep(self, group, chosen).await;
        }
        self.singles(group.tables.iter().copied(), chosen).await
    }

    /// Sweeps tables whose membership hangs on no other of them.
    pub(super) async fn singles(
        &self,
        tables: impl Iterator<Item = TableId>,
        chosen: &Chosen,
    ) -> Result<Vec<(TableId, Sweep<'a>)>> {
        let sweeps = try_join_all(tables.map(|table| self.single(table, chosen))).await?;
        Ok(sweeps.into_iter().flatten().collect())
    }

    /// Sweeps one table outside cycles, if anything asks for its keys or it pulls.
    async fn single(&self, table: TableId, chosen: &Chosen) -> Result<Option<(TableId, Sweep<'a>)>> {
        let demands: Vec<usize> = chosen.demands_on(table).collect();
        let pulls = self.pulls(table, chosen);
        let has_members = !matches!(self.plan.table(table).mode, TableMode::None | TableMode::Referenced);
        if !has_members || (demands.is_empty() && pulls.is_empty()) {
            return Ok(None);
        }
        let members = Members { catalog: self.catalog, plan: self.plan, chosen };
        let selection = members.of(table, "t");
        if demands.is_empty() {
            let pulled = try_join_all(pulls.iter().map(|pull| self.distinct(*pull, &members, &selection))).await?;
            return Ok(Some((table, Sweep { keys: Vec::new(), pulled, rows: None })));
        }
        let (arrays, plain): (Vec<RefId>, Vec<RefId>) =
            pulls.iter().copied().partition(|pull| self.catalog.reference(*pull).array);
        let mut expressions: Vec<String> = Vec::new();
        let mut columns: Vec<KeyColumns> = Vec::new();
        for demand in &demands {
            let demand = &chosen.demands[*demand];
            expressions.extend(members.key_columns(demand, "t"));
            columns.push(KeyColumns { kind: demand.kind, width: demand.width() });
        }
        for pull in &plain {
            expressions.extend(members.link_columns(*pull, "t"));
            columns.push(self.link_shape(*pull, chosen));
        }
        let name = self.catalog.table(table).name.to_string();
        let mut found: Vec<Keys> = demands.iter().map(|demand| empty(chosen.demands[*demand].kind)).collect();
        let mut links: Vec<(RefId, CountedKeys<'a>)> =
            plain.iter().map(|pull| (*pull, self.counted(*pull, chosen))).collect();
        let mut counted = 0;
        let (mut seen, mut count_at) = (0_u64, COUNT_AT);
        let progress = self.monitor.unit(&name, 0);
        let sql = format!("SELECT {}{}", expressions.join(", "), selection.sql());
        let rows = self
            .read_keys(&sql, &format!("read keys of {name}"), |fields| {
                let mut keys = keys::split_keys(fields, 0, &columns).into_iter();
                for of_demand in &mut found {
                    if let Some(Some(key)) = keys.next() {
                        of_demand.members.insert(key);
                    }
                }
                for (_, set) in &mut links {
                    keys.next().flatten().map_or(Ok(false), |key| set.insert(key, &name))?;
                }
                seen += 1;
                if seen >= count_at {
                    let now = found.iter().map(|keys| keys.members.memory_bytes()).sum();
                    self.budget.replace(std::mem::replace(&mut counted, now), now, &name)?;
                    // Counting reads the whole of a set.
                    count_at = seen + (seen / 8).max(COUNT_AT);
                }
                progress.add(1, 0);
                Ok(())
            })
            .await?;
        self.budget.release(counted);
        links.iter_mut().try_for_each(|(_, set)| set.count(&name))?;
        progress.finish();
        for pull in &arrays {
            links.push(self.distinct(*pull, &members, &selection).await?);
        }
        Ok(Some((table, Sweep { keys: found.into_iter().map(Some).collect(), pulled: links, rows: Some(rows) })))
    }

    /// References of a table along which its members pull parents that do not come anyway.
    pub(super) fn pulls(&self, table: TableId, chosen: &Chosen) -> Vec<RefId> {
        self.catalog
            .references_of(table)
            .filter(|reference| chosen.demand_of[reference.id.index()].is_some() && self.pulls_parent(reference))
            .map(|reference| reference.id)
            .collect()
    }

    /// `pull`; and `follow` where something else may have brought the row and the reference cannot become NULL.
    fn pulls_parent(&self, reference: &Reference) -> bool {
        let planned = self.plan.reference(reference.id);
        let follows = || {
            self.catalog
                .references_of(reference.child)
                .filter(|other| self.plan.reference(other.id).mode == ReferenceMode::Follow)
                .count()
        };
        match planned.mode {
            ReferenceMode::Pull => true,
            ReferenceMode::Follow => {
                let alone = self.plan.table(reference.child).mode == TableMode::Owned && follows() == 1;
                planned.nullable.is_empty() && !alone
            }
            _ => false,
        }
    }

    pub(super) fn link_shape(&self, reference: RefId, chosen: &Chosen) -> KeyColumns {
        let width = self.catalog.reference(reference).child_columns.len();
        let kind = chosen.demand_of[reference.index()].map_or(KeyKind::Bytes, |demand| chosen.demands[demand].kind);
        KeyColumns { kind, width }
    }

    /// A set for the keys of a reference's parents.
    pub(super) fn counted(&self, reference: RefId, chosen: &Chosen) -> CountedKeys<'a> {
        CountedKeys::new(self.link_shape(reference, chosen).kind, self.budget)
    }

    /// Distinct parents that a selection's rows refer to.
    pub(super) async fn distinct(
        &self,
        reference: RefId,
        members: &Members<'_>,
        selection: &Selection,
    ) -> Result<(RefId, CountedKeys<'a>)> {
        let described = self.catalog.reference(reference);
        let shape = self.link_shape(reference, members.chosen);
        let sql = if described.array {
            members.select_elements(reference, selection, "t")
        } else {
            format!("SELECT DISTINCT {}{}", members.link_columns(reference, "t").join(", "), selection.sql())
        };
        let mut found = self.counted(reference, members.chosen);
        let name = self.catalog.table(described.parent).name.to_string();
        let action = format!("read the parents pulled along {}", self.catalog.describe(described));
        self.read_keys(&sql, &action, |fields| {
            keys::split_keys(fields, 0, &[shape]).remove(0).map_or(Ok(false), |key| found.insert(key, &name)).map(drop)
        })
        .await?;
        found.count(&name)?;
        Ok((reference, found))
    }
}

pub(super) fn empty(kind: KeyKind) -> Keys {
    Keys { members: crate::closure::KeySet::new(kind), support: crate::closure::KeySet::new(kind) }
}

/// The signed hash below which a row is drawn: `percent` of the 2^64 values. `None` draws all.
fn percent_bound(percent: f64) -> Option<i64> {
    if percent >= 100.0 {
        return None;
    }
    let share = (percent / 100.0 * 18_446_744_073_709_551_616.0) as u128;
    i64::try_from(i128::try_from(share).unwrap_or(i128::MAX) + i128::from(i64::MIN)).ok()
}

/// Rows after which growing sets are counted first.
const COUNT_AT: u64 = 65_536;

/// How often a growing list is counted.
const COUNT_EVERY_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::percent_bound;

    #[test]
    fn bounds_nest_and_cover() {
        assert_eq!(percent_bound(100.0), None);
        assert_eq!(percent_bound(50.0), Some(0));
        assert_eq!(percent_bound(25.0), Some(i64::MIN / 2));
        assert!(percent_bound(5.0) < percent_bound(10.0));
        assert!(percent_bound(99.999_999) > Some(0));
    }
}
