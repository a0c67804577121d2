//! Which tables a root reaches, as far as references alone decide it (`docs/design.md`, "What is chosen").
//!
//! The plan decides the same from profile and catalog; here it only decides what a proposal has to spell out.

use crate::schema::{Catalog, Reference, TableKind};
use crate::types::TableId;

use crate::detect::names;

/// Fewer rows than this are copied whole without a second thought.
const SMALL_ROWS: f64 = 10_000.0;

/// A table that was never analysed is judged by its size.
const SMALL_BYTES: u64 = 1 << 20;

/// How a table relates to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// It is the root.
    Root,
    /// NOT NULL references lead to the root: nothing needs writing.
    Owned,
    /// References lead to the root, but on every way one may be NULL.
    Perhaps,
    /// No reference leads to the root.
    Apart,
}

/// What to write for a table: its `rows`, where the defaults leave that open, and why.
pub(super) struct Proposal {
    /// The value of `rows`, if one must be written.
    pub(super) rows: Option<&'static str>,
    /// Follows the table's name in a comment.
    pub(super) reason: String,
    /// Rows that are nobody's, such as countries: their texts are not about people.
    pub(super) lookup: bool,
}

/// The ownership of every table, by position.
pub(super) fn ownership(catalog: &Catalog, root: TableId) -> Vec<Ownership> {
    let mut tables = vec![Ownership::Apart; catalog.tables.len()];
    tables[root.index()] = Ownership::Root;
    spread(catalog, &mut tables, Ownership::Owned, |reference| catalog.is_required(reference));
    spread(catalog, &mut tables, Ownership::Perhaps, |_| true);
    tables
}

/// Gives `mark` to tables apart that refer to a table that is not, by a reference that `counts`, until none is left.
fn spread(catalog: &Catalog, tables: &mut [Ownership], mark: Ownership, counts: impl Fn(&Reference) -> bool) {
    let mut grown = true;
    while grown {
        grown = false;
        for reference in &catalog.references {
            let (child, parent) = (reference.child.index(), reference.parent.index());
            if tables[child] == Ownership::Apart && tables[parent] != Ownership::Apart && counts(reference) {
                tables[child] = mark;
                grown = true;
            }
        }
    }
}

/// What to propose for a table.
pub(super) fn propose(catalog: &Catalog, owned: &[Ownership], id: TableId) -> Proposal {
    let table = catalog.table(id);
    let rows = |rows, reason: &str| Proposal { rows: Some(rows), reason: reason.to_owned(), lookup: false };
    let name = table.name.name.as_str();
    if owned[id.index()] == Ownership::Root {
        return Proposal { rows: None, reason: "the root".to_owned(), lookup: false };
    }
    if table.kind == TableKind::Foreign {
        return rows("none", "a foreign table: its rows live on another server");
    }
    if !table.readable {
        return rows("none", "the role that read the schema may not read this table");
    }
    if names::is_fleeting(name) {
        return rows("none", "secrets or sessions, by its name");
    }
    match owned[id.index()] {
        Ownership::Root | Ownership::Owned => {
            let reason = format!("rows whose parent is in the sample: {}", leads(catalog, owned, id, true));
            Proposal { rows: None, reason, lookup: false }
        }
        Ownership::Perhaps => {
            let leading = leads(catalog, owned, id, false);
            // The defaults make all of them `within`, which is seldom meant when there are several.
            let several = if leading.contains(", ") {
                "; all of them must be in the sample, unless the owning one is named in `within`, the rest in `null`"
            } else {
                ""
            };
            let reason = format!(
                "leads to the root only by references that may be NULL: {leading}{several}; rows that belong to nobody \
                 stay behind (unowned = \"keep\" brings them)"
            );
            rows("owned", &reason)
        }
        Ownership::Apart => {
            let referenced = catalog.references_to(id).any(|reference| reference.child != id);
            let small = if table.rows_estimate >= 0.0 {
                table.rows_estimate < SMALL_ROWS
            } else {
                table.heap_bytes < SMALL_BYTES
            };
            match (referenced, small) {
                (true, true) => Proposal {
                    lookup: true,
                    ..rows(
                        "all",
                        "no reference leads to the root; small, and others refer to it: reference data, whole",
                    )
                },
                (true, false) => {
                    rows("referenced", "no reference leads to the root; the rows that chosen rows refer to")
                }
                (false, _) if names::is_log(name) => rows("none", "no reference leads to the root; a log, by its name"),
                (false, true) => rows("all", "no reference leads to the root; small, so whole: is it about people?"),
                (false, false) => {
                    rows("none", "no reference leads to the root, and it is large; `where` can thin it out")
                }
            }
        }
    }
}

/// The references of a table that lead to the root, for people.
fn leads(catalog: &Catalog, owned: &[Ownership], id: TableId, required: bool) -> String {
    let leading = catalog.references_of(id).filter(|reference| {
        reference.parent != id
            && owned[reference.parent.index()] != Ownership::Apart
            && (!required || (catalog.is_required(reference) && owned[reference.parent.index()] != Ownership::Perhaps))
    });
    let list: Vec<String> = leading.map(|reference| catalog.describe(reference)).collect();
    list.join(", ")
}
