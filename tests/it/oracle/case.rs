//! A random database and a random profile, as plain data that can be made smaller.

/// Everything one case is made of.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The first is the root.
    pub(super) tables: Vec<Table>,
    pub(super) references: Vec<Reference>,
    pub(super) draw: Draw,
}

#[derive(Clone, Debug)]
pub(super) struct Draw {
    pub(super) size: Size,
    pub(super) seed: u32,
    pub(super) always: Option<&'static str>,
    pub(super) never: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    Percent(u32),
    Rows(usize),
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) schema: &'static str,
    pub(super) name: String,
    pub(super) key: TableKey,
    /// A second unique key, `u`.
    pub(super) other_key: Option<OtherKey>,
    /// PARTITION BY HASH over the key.
    pub(super) partitioned: bool,
    pub(super) rows: Vec<Row>,
    pub(super) rules: Rules,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TableKey {
    /// `k`
    Single(Kind),
    /// `ka integer, kb text`
    Pair,
    /// No key at all.
    Nothing,
    /// The first reference's columns and `n`; nobody refers to it.
    FirstReference,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OtherKey {
    pub(super) kind: Kind,
    pub(super) not_null: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Int4,
    Int8,
    Uuid,
    Text,
    Bpchar,
    Numeric,
    Date,
    Citext,
    /// Text under a collation that takes cases for equal.
    Loose,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Values of the key's own columns.
    pub(super) key: Vec<String>,
    pub(super) other_key: Option<String>,
    /// Row number, never twice in a table.
    pub(super) n: usize,
    pub(super) weight: u32,
    pub(super) flag: Option<u32>,
    /// `a`, `b` or `c`: what conditions ask for.
    pub(super) kind: char,
    /// By reference of the table, in order.
    pub(super) links: Vec<Vec<Link>>,
}

/// Where one reference of one row points; an array has several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Link {
    Null,
    /// Only the second of two columns is NULL.
    HalfNull,
    /// Row of the parent; the number chooses among spellings of the key.
    To(usize, u32),
    /// A key nobody has.
    Orphan(u32),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) rows: Option<TableMode>,
    pub(super) filter: Option<&'static str>,
    pub(super) per_parent: Option<PerParent>,
    pub(super) keep_unowned: bool,
    pub(super) orphans: Option<Orphans>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PerParent {
    pub(super) reference: usize,
    pub(super) limit: usize,
    pub(super) order: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TableMode {
    Root,
    Owned,
    All,
    Referenced,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orphans {
    Drop,
    Null,
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Within,
    Follow,
    Pull,
    Null,
}

#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// Never twice in a case; columns are `c<number>`, with `a` and `b` behind for two.
    pub(super) number: usize,
    pub(super) child: usize,
    pub(super) parent: usize,
    pub(super) to_other_key: bool,
    pub(super) kind: RefKind,
    pub(super) not_null: bool,
    /// The second of two columns may be NULL although the first may not.
    pub(super) half_nullable: bool,
    pub(super) guard: Guard,
    pub(super) stated: Option<Mode>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RefKind {
    Foreign {
        validated: bool,
        match_full: bool,
    },
    /// `shares`: the number of the reference whose column this one uses too; `when`: the row's kind it needs.
    Virtual {
        array: bool,
        as_text: bool,
        when: Option<char>,
        shares: Option<usize>,
    },
}

/// What keeps a nullable column from becoming NULL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Guard {
    Nothing,
    /// A CHECK that calls a function.
    Check,
    /// A CHECK that NULL satisfies.
    HarmlessCheck,
    NullsNotDistinct,
    /// Another unique index looks at whether it is NULL.
    PartialIndex,
}

impl Reference {
    pub(super) fn validated(&self) -> bool {
        matches!(self.kind, RefKind::Foreign { validated: true, .. })
    }

    pub(super) fn is_array(&self) -> bool {
        matches!(self.kind, RefKind::Virtual { array: true, .. })
    }

    pub(super) fn condition(&self) -> Option<String> {
        match self.kind {
            RefKind::Virtual { when: Some(kind), .. } => Some(format!("kind = '{kind}'")),
            _ => None,
        }
    }

    /// Number that its columns carry.
    pub(super) fn column_number(&self) -> usize {
        match self.kind {
            RefKind::Virtual { shares: Some(number), .. } => number,
            _ => self.number,
        }
    }

    pub(super) fn columns(&self, case: &Case) -> Vec<String> {
        let number = self.column_number();
        match case.parent_kinds(self).len() {
            1 => vec![format!("c{number}")],
            _ => vec![format!("c{number}a"), format!("c{number}b")],
        }
    }

    /// By column.
    pub(super) fn columns_not_null(&self, case: &Case) -> Vec<bool> {
        match case.parent_kinds(self).len() {
            1 => vec![self.not_null],
            _ => vec![self.not_null, self.not_null && !self.half_nullable],
        }
    }
}

impl Case {
    /// Kinds of the columns that the reference points to.
    pub(super) fn parent_kinds(&self, reference: &Reference) -> Vec<Kind> {
        let parent = &self.tables[reference.parent];
        match (parent.key, parent.other_key) {
            (_, Some(other)) if reference.to_other_key => vec![other.kind],
            (TableKey::Single(kind), _) => vec![kind],
            _ => vec![Kind::Int4, Kind::Text],
        }
    }

    pub(super) fn parent_columns(&self, reference: &Reference) -> Vec<&'static str> {
        match self.parent_kinds(reference).len() {
            1 if reference.to_other_key => vec!["u"],
            1 => vec!["k"],
            _ => vec!["ka", "kb"],
        }
    }

    /// Positions, in `references`, of a table's own.
    pub(super) fn references_of(&self, table: usize) -> Vec<usize> {
        (0..self.references.len()).filter(|at| self.references[*at].child == table).collect()
    }

    /// Columns of a table's key.
    pub(super) fn key_columns(&self, table: usize) -> Vec<String> {
        match self.tables[table].key {
            TableKey::Single(_) => vec!["k".to_owned()],
            TableKey::Pair => vec!["ka".to_owned(), "kb".to_owned()],
            TableKey::Nothing => Vec::new(),
            TableKey::FirstReference => {
                let first = self.references_of(table).first().map(|at| self.references[*at].columns(self));
                first.into_iter().flatten().chain(["n".to_owned()]).collect()
            }
        }
    }
}
