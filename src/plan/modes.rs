//! Modes of tables and references: what the profile says, else the strict defaults with their reasons.

use crate::error::{Error, ErrorKind, Result};
use crate::profile::{Orphans, ProblemKind, Profile, RowsRule, TableRules};
use crate::schema::{Catalog, Reference, TypeClass};
use crate::types::{ColumnId, RefId, TableId};

use super::findings::Findings;
use super::names::stated_tables;
use super::nullable::{cut_columns, nullable_columns};
use super::{ReferenceMode, ReferencePlan, TableMode, barrable};

/// Modes named in the profile, by reference.
pub(super) type Named = Vec<Option<ReferenceMode>>;

/// Resolves `within`, `follow`, `pull` and `null` lists to references. A name that is no reference of the table, and a
/// reference with two modes, are told.
pub(super) fn named_references(catalog: &Catalog, profile: &Profile, findings: &mut Findings<'_>) -> Named {
    let mut named: Named = vec![None; catalog.references.len()];
    for (table, table_name, rules) in stated_tables(catalog, profile) {
        let lists = [
            (&rules.within, ReferenceMode::Within),
            (&rules.follow, ReferenceMode::Follow),
            (&rules.pull, ReferenceMode::Pull),
            (&rules.null, ReferenceMode::Null),
        ];
        for (list, mode) in lists {
            for (at, written) in list.iter().enumerate() {
                let element = format!("[{at}]");
                let path = ["tables", table_name, mode.name(), &element];
                let path = if findings.has(&path) { &path[..] } else { &path[..3] };
                let found = find_references(catalog, table, written);
                if found.is_empty() {
                    findings.value(ProblemKind::Profile, path, no_reference(catalog, table, written));
                }
                for id in found {
                    if named[id.index()].is_some_and(|other| other != mode) {
                        findings.value(ProblemKind::Profile, path, format!("{written} is given two modes"));
                    }
                    named[id.index()] = Some(mode);
                }
            }
        }
    }
    named
}

fn find_references(catalog: &Catalog, table: TableId, written: &str) -> Vec<RefId> {
    let child = catalog.table(table);
    let columns: Vec<&str> = written.split(',').map(str::trim).collect();
    catalog
        .references_of(table)
        .filter(|reference| {
            reference.name == written
                || reference.child_columns.iter().map(|c| child.column(*c).name.as_str()).eq(columns.iter().copied())
        })
        .map(|reference| reference.id)
        .collect()
}

fn no_reference(catalog: &Catalog, table: TableId, written: &str) -> String {
    let child = catalog.table(table);
    let known: Vec<String> = catalog
        .references_of(table)
        .map(|r| r.child_columns.iter().map(|c| child.column(*c).name.as_str()).collect::<Vec<_>>().join(", "))
        .collect();
    let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join("; ")) };
    format!("{written:?} is no reference of this table ({known})")
}

/// Decides every table's mode. Tables that nothing settles are listed together.
///
/// # Errors
/// `Undecided` with the names of all tables that need `rows =`.
pub(super) fn table_modes(
    catalog: &Catalog,
    profile: &Profile,
    root: TableId,
    rules: &[Option<&TableRules>],
    named: &Named,
) -> Result<Vec<(TableMode, String)>> {
    let modes = settled_modes(catalog, root, rules, named);
    let undecided: Vec<String> = catalog
        .tables
        .iter()
        .filter(|table| modes[table.id.index()].is_none())
        .map(|table| table.name.to_string())
        .collect();
    if !undecided.is_empty() {
        return Err(Error::new(
            ErrorKind::Undecided,
            format!(
                "{}: no NOT NULL reference leads from {} to the root {}, so the profile must say which rows come: {}",
                profile.path.display(),
                if undecided.len() == 1 { "this table" } else { "these tables" },
                catalog.table(root).name,
                undecided.join(", ")
            ),
        )
        .with_remedy("add rows = \"owned\", \"all\", \"referenced\" or \"none\" (one line that leaves its rows behind) under [tables.NAME] for each"));
    }
    Ok(modes.into_iter().flatten().collect())
}

/// The mode of every table that profile or references settle.
pub(super) fn settled_modes(
    catalog: &Catalog,
    root: TableId,
    rules: &[Option<&TableRules>],
    named: &Named,
) -> Vec<Option<(TableMode, String)>> {
    let mut modes: Vec<Option<(TableMode, String)>> = catalog
        .tables
        .iter()
        .map(|table| {
            if table.id == root {
                return Some((TableMode::Root, "the root table".to_owned()));
            }
            let (mode, text) = match rules[table.id.index()].and_then(|rules| rules.rows)? {
                RowsRule::Owned => (TableMode::Owned, "owned"),
                RowsRule::All => (TableMode::All, "all"),
                RowsRule::Referenced => (TableMode::Referenced, "referenced"),
                RowsRule::None => (TableMode::None, "none"),
            };
            Some((mode, format!("the profile says rows = \"{text}\"")))
        })
        .collect();
    loop {
        let mut changed = false;
        for table in &catalog.tables {
            if modes[table.id.index()].is_some() {
                continue;
            }
            let owner = catalog.references_of(table.id).find(|reference| {
                let leads = matches!(modes[reference.parent.index()], Some((TableMode::Root | TableMode::Owned, _)));
                let gates = named[reference.id.index()].map_or(catalog.is_required(reference), ReferenceMode::gates);
                leads && gates
            });
            if let Some(reference) = owner {
                let how = if catalog.is_required(reference) { "NOT NULL reference" } else { "reference" };
                modes[table.id.index()] =
                    Some((TableMode::Owned, format!("its {how} {} leads to the root", short(catalog, reference))));
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    modes
}

/// `owner_id -> users`
fn short(catalog: &Catalog, reference: &Reference) -> String {
    let child = catalog.table(reference.child);
    let columns: Vec<&str> = reference.child_columns.iter().map(|c| child.column(*c).name.as_str()).collect();
    format!("{} -> {}", columns.join(", "), catalog.table(reference.parent).name)
}

/// Decides every reference's mode; fall-backs are added to `warnings`.
///
/// A mode in the profile that the tables' modes rule out is told, and the default taken.
///
/// # Errors
/// `Plan` where the two ends of a reference have no common notion of equal keys.
pub(super) fn reference_modes(
    catalog: &Catalog,
    profile: &Profile,
    tables: &[(TableMode, String)],
    rules: &[Option<&TableRules>],
    named: &Named,
    warnings: &mut Vec<String>,
    findings: &mut Findings<'_>,
) -> Result<Vec<ReferencePlan>> {
    let nullables: Vec<_> = catalog.references.iter().map(|reference| nullable_columns(catalog, reference)).collect();
    let whole = come_whole(catalog, profile, tables, rules, named, &nullables);
    let view = View { catalog, tables, named, whole: &whole };
    let mut plans = Vec::with_capacity(catalog.references.len());
    for (reference, nullable) in catalog.references.iter().zip(nullables) {
        let (mut mode, mut reason) = match named[reference.id.index()] {
            Some(mode) => view.named_mode(reference, mode).unwrap_or_else(|text| {
                misplaced(catalog, profile, findings, reference, mode, text);
                view.default_mode(reference)
            }),
            None => view.default_mode(reference),
        };
        if matches!(mode, ReferenceMode::Null | ReferenceMode::Cut)
            && let Err(obstacle) = &nullable
        {
            let fallback = view.when_not_nullable(reference, mode);
            reason = format!("cannot become NULL: {obstacle}; so {}", fallback.name());
            warnings.push(format!("{}: {reason}", catalog.describe(reference)));
            mode = fallback;
        }
        check_collations(catalog, reference, mode)?;
        let nullable = nullable.unwrap_or_default();
        let orphans = orphans_of(rules[reference.child.index()], nullable.is_empty());
        plans.push(ReferencePlan { mode, reason, nullable, orphans });
    }
    Ok(plans)
}

/// A mode in the profile that cannot be, told where it stands.
fn misplaced(
    catalog: &Catalog,
    profile: &Profile,
    findings: &mut Findings<'_>,
    reference: &Reference,
    mode: ReferenceMode,
    text: String,
) {
    let written = stated_tables(catalog, profile).find(|(id, ..)| *id == reference.child).map(|(_, name, _)| name);
    findings.value(ProblemKind::Profile, &["tables", written.unwrap_or_default(), mode.name()], text);
}

/// A reference that asks which parents are chosen must have one notion of equal keys at both ends.
fn check_collations(catalog: &Catalog, reference: &Reference, mode: ReferenceMode) -> Result<()> {
    let asks = mode.gates() || matches!(mode, ReferenceMode::Pull | ReferenceMode::Null);
    if reference.array && asks && has_other_elements(catalog, reference) {
        let what = format!("{}: the array's elements are of another type than the key", catalog.describe(reference));
        return Err(Error::new(ErrorKind::Plan, what).with_remedy(format!(
            "give {} rows = \"all\" or \"none\" in the profile, or both columns one type in the source",
            catalog.table(reference.parent).name
        )));
    }
    let differ = catalog.column_pairs(reference).any(|(c, p)| c.loose_collation != p.loose_collation);
    if !asks || !(differ || (reference.array && catalog.compares_loosely(reference))) {
        return Ok(());
    }
    let what = if differ {
        "its two ends differ in collation, and one that is not deterministic takes different texts for equal"
    } else {
        "its parent's type or collation takes different texts for equal, which elements of an array are not compared by"
    };
    let parent = &catalog.table(reference.parent).name;
    Err(Error::new(ErrorKind::Plan, format!("{}: {what}", catalog.describe(reference))).with_remedy(format!(
        "give {parent} rows = \"all\" or \"none\" in the profile, or give both columns the same collation in the source"
    )))
}

/// Elements and keys are compared by their canonical forms, which only these types share.
fn has_other_elements(catalog: &Catalog, reference: &Reference) -> bool {
    use TypeClass as C;
    let shares = |class: C| class.is_integer() || class.is_text() || matches!(class, C::Numeric | C::Uuid);
    catalog.column_pairs(reference).any(|(array, key)| {
        let Some((_, element)) = array.data_type.inside.first() else { return false };
        let key = &key.data_type;
        element.base_sql_name != key.base_sql_name && !(shares(element.class) && shares(key.class))
    })
}

fn orphans_of(rules: Option<&TableRules>, cannot_null: bool) -> Orphans {
    match rules.and_then(|rules| rules.orphans).unwrap_or(Orphans::Null) {
        Orphans::Null if cannot_null => Orphans::Drop,
        other => other,
    }
}

/// Tables with `rows = "all"` that nothing thins: a reference to them asks nothing.
fn come_whole(
    catalog: &Catalog,
    profile: &Profile,
    tables: &[(TableMode, String)],
    rules: &[Option<&TableRules>],
    named: &Named,
    nullables: &[Result<Vec<ColumnId>, String>],
) -> Vec<bool> {
    let mode = |table: TableId| tables[table.index()].0;
    let required =
        |reference: &Reference| mode(reference.child) != TableMode::None && nullables[reference.id.index()].is_err();
    let cut = |table: TableId| {
        catalog
            .cut_references
            .iter()
            .any(|(child, columns, _)| *child == table && cut_columns(catalog, *child, columns).is_err())
    };
    let barrable = barrable(
        catalog,
        |table| {
            let drops = |reference: &Reference| mode(reference.parent) == TableMode::None && required(reference);
            (mode(table) == TableMode::Root && profile.sample.never.is_some())
                || cut(table)
                || catalog.references_of(table).any(drops)
        },
        required,
    );
    let thinned_by = |reference: &Reference| {
        let at = reference.id.index();
        let drops_orphans = orphans_of(rules[reference.child.index()], nullables[at].is_err()) == Orphans::Drop;
        named[at] == Some(ReferenceMode::Within) || (!reference.validated && drops_orphans)
    };
    catalog
        .tables
        .iter()
        .map(|table| {
            let capped = rules[table.id.index()].is_some_and(|r| r.filter.is_some() || r.per_parent.is_some());
            mode(table.id) == TableMode::All
                && !capped
                && !barrable[table.id.index()]
                && !catalog.references_of(table.id).any(thinned_by)
        })
        .collect()
}

struct View<'a> {
    catalog: &'a Catalog,
    tables: &'a [(TableMode, String)],
    named: &'a Named,
    whole: &'a [bool],
}

impl View<'_> {
    fn mode(&self, table: TableId) -> TableMode {
        self.tables[table.index()].0
    }

    fn leads_to_root(&self, table: TableId) -> bool {
        matches!(self.mode(table), TableMode::Root | TableMode::Owned)
    }

    /// What holds before anything else: a parent that brings no rows, or all of them.
    fn settled(&self, reference: &Reference) -> Option<(ReferenceMode, String)> {
        let parent = self.catalog.table(reference.parent);
        match (self.mode(reference.child), self.mode(reference.parent)) {
            (TableMode::None, _) => {
                Some((ReferenceMode::Idle, format!("{} brings no rows", self.catalog.table(reference.child).name)))
            }
            (_, TableMode::None) => Some((ReferenceMode::Cut, format!("{} brings no rows", parent.name))),
            (_, TableMode::All) if self.whole[parent.id.index()] => {
                Some((ReferenceMode::Whole, format!("{} is copied whole", parent.name)))
            }
            _ => None,
        }
    }

    fn named_mode(&self, reference: &Reference, mode: ReferenceMode) -> Result<(ReferenceMode, String), String> {
        if let Some((settled, reason)) = self.settled(reference)
            && !(settled == ReferenceMode::Whole && mode.gates())
        {
            return Ok((settled, reason));
        }
        if self.mode(reference.child) == TableMode::Referenced && mode.gates() {
            return Err(format!(
                "{} makes no sense with rows = \"referenced\" ({})",
                mode.name(),
                self.catalog.describe(reference)
            ));
        }
        if mode.gates() && self.mode(reference.parent) == TableMode::Referenced {
            return Err(format!(
                "{} needs a parent with members, but {} brings only referenced rows",
                mode.name(),
                self.catalog.table(reference.parent).name
            ));
        }
        if mode == ReferenceMode::Follow && self.mode(reference.child) == TableMode::Root {
            return Err("follow is not for the root table, whose rows are drawn".to_owned());
        }
        Ok((mode, "the profile says so".to_owned()))
    }

    fn default_mode(&self, reference: &Reference) -> (ReferenceMode, String) {
        if let Some(settled) = self.settled(reference) {
            return settled;
        }
        let required = self.catalog.is_required(reference);
        let weak = if required { ReferenceMode::Pull } else { ReferenceMode::Null };
        let what = if required { "NOT NULL" } else { "nullable" };
        match self.mode(reference.child) {
            TableMode::Root => (weak, format!("{what} reference of the root")),
            TableMode::All => (weak, format!("{what} reference of a table copied whole")),
            TableMode::Referenced => (weak, format!("{what} reference of a support row")),
            TableMode::Owned if !self.leads_to_root(reference.parent) => {
                (ReferenceMode::Pull, "its parent does not lead to the root".to_owned())
            }
            TableMode::Owned if self.names(reference.child, ReferenceMode::Follow) => {
                (weak, format!("{what} reference beside a follow"))
            }
            TableMode::Owned if required => {
                (ReferenceMode::Within, "NOT NULL reference that leads to the root".to_owned())
            }
            TableMode::Owned if !self.has_owner(reference.child) => {
                (ReferenceMode::Within, "the table has no NOT NULL owner, so its nullable references own it".to_owned())
            }
            TableMode::Owned => (ReferenceMode::Null, "nullable reference to an owned table".to_owned()),
            TableMode::None => (ReferenceMode::Idle, String::new()),
        }
    }

    fn names(&self, child: TableId, mode: ReferenceMode) -> bool {
        self.catalog.references_of(child).any(|reference| self.named[reference.id.index()] == Some(mode))
    }

    /// Some reference other than to itself gates the table's rows.
    fn has_owner(&self, child: TableId) -> bool {
        self.catalog.references_of(child).any(|reference| {
            reference.parent != child
                && self.leads_to_root(reference.parent)
                && match self.named[reference.id.index()] {
                    Some(mode) => mode.gates(),
                    None => self.catalog.is_required(reference),
                }
        })
    }

    /// `null` and `cut` where no column can become NULL.
    fn when_not_nullable(&self, reference: &Reference, mode: ReferenceMode) -> ReferenceMode {
        match (mode, self.mode(reference.child)) {
            (ReferenceMode::Cut, _) => ReferenceMode::Drop,
            (_, TableMode::Owned) if self.leads_to_root(reference.parent) => ReferenceMode::Within,
            _ => ReferenceMode::Pull,
        }
    }
}
