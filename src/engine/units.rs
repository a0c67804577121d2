//! What is copied, table by table, once the sets are frozen: the query, the columns, and what becomes NULL on the way.

use crate::closure::{Chosen, Key, KeyKind};
use crate::copyfmt::{Fields, Format};
use crate::pg::members::{Members, Selection, own_rows};
use crate::pg::quote::column;
use crate::pg::scan::PageRange;
use crate::plan::{Plan, ReferenceMode, TableMode, watched};
use crate::profile::{MaskSpec, Orphans};
use crate::schema::{Catalog, Reference, Table, TypeClass};
use crate::types::{ColumnId, TableId};

use super::pieces::{self, Relation};
use super::source_values::WatchedFields;

/// One table's copy, or that of one of its leaves.
#[derive(Debug)]
pub(super) struct TableCopy {
    pub(super) table: TableId,
    /// What is read and written.
    pub(super) relation: Relation,
    /// Columns of the target, in order.
    pub(super) columns: Vec<ColumnId>,
    pub(super) format: Format,
    /// Members, then support rows.
    pub(super) parts: Vec<Part>,
}

/// Members or support rows of a table.
#[derive(Debug)]
pub(super) struct Part {
    /// May list a million keys: let go as soon as it is sent.
    pub(super) query: Query,
    pub(super) rules: RowRules,
}

/// The rows of a part.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// The columns, then hidden key columns.
    expressions: String,
    selection: Selection,
    /// It stands over the relation itself, so each range of pages can be asked for by itself.
    pub(super) has_pages: bool,
}

impl Query {
    /// The name of the relation in the query.
    pub(super) const ALIAS: &str = "t";

    /// SELECT of the rows in these pages.
    pub(super) fn select(&self, pages: PageRange) -> String {
        // First, so that the range shows where the statement is cut off: in pg_stat_activity, in logs.
        let conditions = pages.conditions(Self::ALIAS).chain(self.selection.conditions.iter().cloned());
        let selection = Selection { from: self.selection.from.clone(), conditions: conditions.collect() };
        format!("SELECT {}{}", self.expressions, selection.sql())
    }

    /// COPY of a few rows, whichever come first.
    pub(super) fn copy_first(&self, rows: u32, format: Format) -> String {
        format!("COPY ({} LIMIT {rows}) TO STDOUT (FORMAT {})", self.select(PageRange::default()), format.name())
    }

    /// SELECT of other expressions over the same rows.
    pub(super) fn select_only(&self, expressions: &str) -> String {
        format!("SELECT {expressions}{}", self.selection.sql())
    }

    /// COPY of the rows in these pages.
    pub(super) fn copy(&self, pages: PageRange, format: Format) -> String {
        format!("COPY ({}) TO STDOUT (FORMAT {})", self.select(pages), format.name())
    }
}

/// What happens to the rows of a part on their way.
#[derive(Clone, Debug, Default)]
pub(super) struct RowRules {
    /// Support rows take the stricter rules.
    pub(super) support: bool,
    /// Hidden columns at the end of each row.
    pub(super) hidden: usize,
    pub(super) checks: Vec<NullCheck>,
    /// Positions of columns whose rule has a condition, each with the hidden column that answers it.
    pub(super) conditions: Vec<(usize, usize)>,
    /// Positions of columns that the source computes, each with the hidden column that holds its own value.
    pub(super) sources: Vec<(usize, usize)>,
    /// Among the hidden ones: what file paths need of the source.
    pub(super) watched: Option<WatchedFields>,
}

/// A reference that becomes NULL where its parent is not chosen.
#[derive(Clone, Debug)]
pub(super) struct NullCheck {
    /// Demand whose sets decide.
    demand: usize,
    /// Positions, among the copied columns, that become NULL.
    nulls: Vec<usize>,
    key: KeyAt,
    /// Hidden column: the reference is there, readable as a key or not.
    present: Option<usize>,
}

/// Where a reference's key stands in a row.
#[derive(Clone, Copy, Debug)]
enum KeyAt {
    /// In the column itself, in binary.
    Column(usize, Decode),
    /// In hidden columns, in canonical form.
    Hidden { first: usize, width: usize, kind: KeyKind },
}

#[derive(Clone, Copy, Debug)]
enum Decode {
    Int,
    Uuid,
    Text,
}

impl NullCheck {
    /// Marks the columns that become NULL in this row.
    pub(super) fn mark(&self, fields: &Fields, format: Format, chosen: &Chosen, nulled: &mut [bool]) -> bool {
        let key = match self.key {
            KeyAt::Column(at, decode) => fields.get(at).and_then(|value| decode_key(value, decode)),
            KeyAt::Hidden { first, width, kind } => hidden_key(fields, first, width, kind, format),
        };
        let is_true = |at| matches!(fields.get(at), Some([1] | [b't']));
        let keys = &chosen.keys[self.demand];
        let stays = match key {
            Some(key) => keys.members.contains(&key) || keys.support.contains(&key),
            None => !self.present.is_some_and(is_true),
        };
        if stays {
            return false;
        }
        self.nulls.iter().for_each(|at| nulled[*at] = true);
        true
    }
}

fn decode_key(value: &[u8], decode: Decode) -> Option<Key> {
    match decode {
        Decode::Int => match *value {
            [a, b] => Some(Key::Int(i64::from(i16::from_be_bytes([a, b])))),
            [a, b, c, d] => Some(Key::Int(i64::from(i32::from_be_bytes([a, b, c, d])))),
            _ => Some(Key::Int(i64::from_be_bytes(value.try_into().ok()?))),
        },
        Decode::Uuid => Some(Key::Uuid(value.try_into().ok()?)),
        Decode::Text => Some(Key::Bytes(value.into())),
    }
}

/// A key in canonical form, read in either format.
pub(super) fn hidden_key(fields: &Fields, first: usize, width: usize, kind: KeyKind, format: Format) -> Option<Key> {
    let parts: Vec<Option<&[u8]>> = (first..first + width).map(|at| fields.get(at)).collect();
    if format == Format::Binary {
        return Key::from_fields(kind, &parts);
    }
    match (kind, parts.as_slice()) {
        (KeyKind::Int, [Some(text)]) => Some(Key::Int(std::str::from_utf8(text).ok()?.parse().ok()?)),
        (KeyKind::Uuid, [Some(text)]) => Some(Key::Uuid(uuid::Uuid::try_parse_ascii(text).ok()?.into_bytes())),
        _ => Key::from_fields(kind, &parts),
    }
}

/// Binary, unless a column has no binary form or one that names objects of its own database.
pub(super) fn copy_format(table: &Table, columns: &[ColumnId], target_version: u32) -> Format {
    let as_text = columns.iter().map(|c| &table.column(*c).data_type).any(|data_type| {
        !data_type.has_binary || data_type.sends_oids || (data_type.carries_type_oids && target_version < 140_000)
    });
    if as_text { Format::Text } else { Format::Binary }
}

/// The copy of one table, or of one of its leaves. Made when its turn comes: the queries hold lists of keys.
pub(super) fn table_copy(
    catalog: &Catalog,
    plan: &Plan,
    chosen: &Chosen,
    target_version: u32,
    id: TableId,
    leaf: Option<usize>,
) -> TableCopy {
    let table = catalog.table(id);
    let relation = Relation::of(table, leaf);
    let columns: Vec<ColumnId> = table.copied_columns().map(|(id, _)| id).collect();
    let format = copy_format(table, &columns, target_version);
    let members = Members { catalog, plan, chosen };
    let mut parts = Vec::new();
    if plan.table(id).mode != TableMode::Referenced {
        let selection = match chosen.identity[id.index()] {
            Some(demand) if chosen.swept[id.index()] => {
                members.by_keys(&chosen.demands[demand], &chosen.keys[demand].members, "t")
            }
            _ => members.of(id, "t"),
        };
        let has_pages = pieces::has_pages(plan, chosen, id);
        parts.push(part(&members, id, &columns, format, selection, false, has_pages));
    }
    if let Some(demand) = chosen.identity[id.index()]
        && !chosen.keys[demand].support.is_empty()
    {
        let selection = members.by_keys(&chosen.demands[demand], &chosen.keys[demand].support, "t");
        parts.push(part(&members, id, &columns, format, selection, true, true));
    }
    if leaf.is_some() {
        parts.iter_mut().for_each(|part| part.query.selection.from = own_rows(&relation.name, Query::ALIAS));
    }
    TableCopy { table: id, relation, columns, format, parts }
}

fn part(
    members: &Members<'_>,
    id: TableId,
    columns: &[ColumnId],
    format: Format,
    selection: Selection,
    support: bool,
    has_pages: bool,
) -> Part {
    let (catalog, chosen) = (members.catalog, members.chosen);
    let mut expressions: Vec<String> = columns.iter().map(|c| column(catalog, id, *c, "t")).collect();
    let position = |wanted: ColumnId| columns.iter().position(|c| *c == wanted);
    for at in members.plan.table(id).cut.iter().filter_map(|c| position(*c)) {
        expressions[at] = format!("NULL::{}", catalog.table(id).column(columns[at]).data_type.sql_name);
    }
    let mut hidden = Vec::new();
    let (mut conditions, mut sources) = (Vec::new(), Vec::new());
    for (at, id_of_column) in columns.iter().enumerate() {
        let planned = members.plan.table(id);
        let Some(masks) = &planned.masks[id_of_column.index()] else { continue };
        if planned.cut.contains(id_of_column) {
            continue;
        }
        let rule = if support { &masks.support.spec } else { &masks.member.spec };
        let condition = rule.condition();
        if let MaskSpec::Sql(expression) = rule.plain() {
            let data_type = &catalog.table(id).column(*id_of_column).data_type.sql_name;
            let own = std::mem::take(&mut expressions[at]);
            sources.push((at, columns.len() + hidden.len()));
            hidden.push(own.clone());
            expressions[at] = match condition {
                Some(condition) => {
                    format!("CASE WHEN ({condition}) IS NOT FALSE THEN ({expression})::{data_type} ELSE {own} END")
                }
                None => format!("({expression})::{data_type}"),
            };
        } else if let Some(condition) = condition {
            conditions.push((at, columns.len() + hidden.len()));
            hidden.push(format!("({condition}) IS NOT FALSE"));
        }
    }
    let mut checks = Vec::new();
    for reference in catalog.references_of(id) {
        let nulls: Vec<usize> =
            members.plan.reference(reference.id).nullable.iter().filter_map(|c| position(*c)).collect();
        match treatment(members, reference, support) {
            Treatment::Keep => {}
            Treatment::Empty => {
                for at in nulls {
                    let data_type = &catalog.table(id).column(columns[at]).data_type.sql_name;
                    let empty = if reference.array {
                        format!("CASE WHEN {} IS NOT NULL THEN '{{}}'::{data_type} END", expressions[at])
                    } else {
                        format!("NULL::{data_type}")
                    };
                    // A composite key that is NULL in part refers to nothing, and its other part is just a value.
                    let composite = reference.child_columns.len() > 1;
                    expressions[at] = if composite {
                        let present = members.present(reference, "t");
                        format!("CASE WHEN {present} THEN {empty} ELSE {} END", expressions[at])
                    } else {
                        when(reference, &empty, &expressions[at])
                    };
                }
            }
            Treatment::IfExists => {
                let (present, exists) = (members.present(reference, "t"), members.parent_exists(reference, "t"));
                for at in nulls {
                    expressions[at] =
                        format!("CASE WHEN ({present}) IS NOT TRUE OR {exists} THEN {} END", expressions[at]);
                }
            }
            Treatment::Elements => {
                for at in nulls {
                    let filtered = members.filtered_array(reference, "t");
                    expressions[at] = when(reference, &filtered, &expressions[at]);
                }
            }
            Treatment::Check(demand) => {
                // What is kept although it is broken must not be taken for a parent that was not chosen.
                let kept = !reference.validated && members.plan.reference(reference.id).orphans == Orphans::Keep;
                let direct = if kept { None } else { direct_decode(catalog, reference, format) };
                let key = match (direct, position(reference.child_columns[0])) {
                    (Some(decode), Some(at)) => KeyAt::Column(at, decode),
                    _ => {
                        let first = columns.len() + hidden.len();
                        let link = if kept {
                            members.existing_link_columns(reference.id, "t")
                        } else {
                            members.link_columns(reference.id, "t")
                        };
                        let width = link.len();
                        hidden.extend(link);
                        KeyAt::Hidden { first, width, kind: chosen.demands[demand].kind }
                    }
                };
                let present = (!kept && members.may_be_unreadable(reference)).then(|| {
                    hidden.push(format!("({}) IS TRUE", members.present(reference, "t")));
                    columns.len() + hidden.len() - 1
                });
                checks.push(NullCheck { demand, nulls, key, present });
            }
        }
    }
    let watch = watched(&members.plan.files, id);
    let watched = (!watch.columns.is_empty()).then(|| {
        let first = columns.len() + hidden.len();
        hidden
            .extend(watch.key.iter().chain(&watch.columns).map(|c| format!("{}::text", column(catalog, id, *c, "t"))));
        WatchedFields { first, keys: watch.key.len(), values: watch.columns.len() }
    });
    let rules = RowRules { support, hidden: hidden.len(), checks, conditions, sources, watched };
    expressions.extend(hidden);
    Part { query: Query { expressions: expressions.join(", "), selection, has_pages }, rules }
}

fn when(reference: &Reference, then: &str, otherwise: &str) -> String {
    match &reference.condition {
        Some(condition) => format!("CASE WHEN ({condition}) THEN {then} ELSE {otherwise} END"),
        None => then.to_owned(),
    }
}

enum Treatment {
    /// The column passes.
    Keep,
    /// Always NULL (an array: always empty).
    Empty,
    /// NULL where the parent does not exist in the source; asked there.
    IfExists,
    /// Elements that are not chosen go; done there.
    Elements,
    /// NULL where the parent is not in the sets of the demand; done here.
    Check(usize),
}

fn treatment(members: &Members<'_>, reference: &Reference, support: bool) -> Treatment {
    let planned = members.plan.reference(reference.id);
    if planned.nullable.is_empty() || planned.mode == ReferenceMode::Idle {
        return Treatment::Keep;
    }
    if planned.mode == ReferenceMode::Cut {
        return Treatment::Empty;
    }
    // `drop` has dropped members already; a support row comes for others' sake, and its broken reference goes.
    let loose = !reference.validated
        && match planned.orphans {
            Orphans::Null => true,
            Orphans::Drop => support,
            Orphans::Keep => false,
        };
    let parent_whole = members.chosen.whole[reference.parent.index()] || planned.mode == ReferenceMode::Whole;
    if parent_whole {
        return match (loose, reference.array) {
            (false, _) => Treatment::Keep,
            (true, false) => Treatment::IfExists,
            (true, true) => Treatment::Elements,
        };
    }
    let certain = !support
        && match planned.mode {
            ReferenceMode::Within => true,
            ReferenceMode::Pull => !loose && !members.chosen.barrable[reference.parent.index()],
            ReferenceMode::Follow => !reference.array && follows_alone(members, reference),
            _ => false,
        };
    match members.chosen.demand_of[reference.id.index()] {
        Some(_) if !certain && reference.array => Treatment::Elements,
        Some(demand) if !certain => Treatment::Check(demand),
        _ => Treatment::Keep,
    }
}

/// The only reference that can bring the row: then it did.
fn follows_alone(members: &Members<'_>, reference: &Reference) -> bool {
    if members.plan.table(reference.child).mode != TableMode::Owned {
        return false;
    }
    members
        .catalog
        .references_of(reference.child)
        .filter(|other| members.plan.reference(other.id).mode == ReferenceMode::Follow)
        .count()
        == 1
}

/// How to read the key from the column itself: single columns whose binary form is their canonical one.
fn direct_decode(catalog: &Catalog, reference: &Reference, format: Format) -> Option<Decode> {
    let ([child], [parent]) = (reference.child_columns.as_slice(), reference.parent_columns.as_slice()) else {
        return None;
    };
    if format != Format::Binary || reference.condition.is_some() || catalog.compares_loosely(reference) {
        return None;
    }
    let child = catalog.table(reference.child).column(*child).data_type.class;
    let parent = catalog.table(reference.parent).column(*parent).data_type.class;
    let is_plain_text = |class| matches!(class, TypeClass::Text | TypeClass::Varchar);
    match (child, parent) {
        (child, parent) if child.is_integer() && parent.is_integer() => Some(Decode::Int),
        (TypeClass::Uuid, TypeClass::Uuid) => Some(Decode::Uuid),
        (child, parent) if is_plain_text(child) && is_plain_text(parent) => Some(Decode::Text),
        _ => None,
    }
}
