//! The catalog of a database as plain data: tables, columns, types, keys, references. No SQL, no I/O.
//!
//! Built once per run by `pg::catalog` from a fixed number of catalog queries; immutable afterwards, apart from the
//! profile's virtual references, which `plan` adds before anything is decided. Partitions are folded into their
//! partitioned table; extension members, temporary and system tables are not in it.

mod lookup;
mod types;

pub use lookup::is_loose_pair;
pub use types::{ColumnType, TypeClass};

use serde::Serialize;

use crate::types::{ColumnId, QualifiedName, RefId, TableId};

/// Everything the plan needs to know of a database.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// `server_version_num` of the server it was read from (150018 is 15.18).
    pub server_version: u32,
    /// Tables in order of (schema, name); [`TableId`] is the position.
    pub tables: Vec<Table>,
    /// Foreign keys, then virtual references; [`RefId`] is the position.
    pub references: Vec<Reference>,
    /// Names of all schemas, the system's and those left out included.
    pub schemas: Vec<String>,
    /// Tables the profile leaves out.
    pub left_out: Vec<QualifiedName>,
    /// Their oids, those of partitions aside.
    pub left_out_oids: Vec<u32>,
    /// Foreign tables, foreign partitions included: they never travel.
    pub foreign: Vec<QualifiedName>,
    /// Foreign keys into left-out tables: referencing table, columns, constraint name.
    pub cut_references: Vec<(TableId, Vec<ColumnId>, String)>,
    /// Foreign keys to tables of extensions, which bring their own rows: `pg_constraint.oid`.
    pub extension_keys: Vec<u32>,
    /// Sequences, owned and standalone.
    pub sequences: Vec<Sequence>,
    /// Views, materialized views, functions, triggers, policies and types: counted and named for verification.
    pub objects: Vec<SchemaObject>,
    /// Extensions other than plpgsql.
    pub extensions: Vec<String>,
    /// Large objects (`pg_largeobject_metadata` rows); they are never copied.
    pub large_objects: u64,
}

/// One table (a partitioned table together with its partitions).
#[derive(Clone, Debug)]
pub struct Table {
    /// Position in [`Catalog::tables`].
    pub id: TableId,
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema and name.
    pub name: QualifiedName,
    /// Ordinary, partitioned or foreign.
    pub kind: TableKind,
    /// Leaf partitions that come, empty for other kinds.
    pub leaves: Vec<Leaf>,
    /// Those that do not: foreign tables, and what the profile leaves out. Their rows are never read.
    pub leaves_behind: Vec<QualifiedName>,
    /// Partitions of any level that come and that the reading role may not SELECT from.
    pub unreadable_partitions: Vec<QualifiedName>,
    /// Row-level security of a leaf itself would apply to the reading role, were it read by itself.
    pub rls_in_leaves: bool,
    /// Tables it inherits from in the old way (`INHERITS`), by oid.
    pub inherits: Vec<u32>,
    /// Live columns in attribute order; generated ones included (see [`Column::generated`]).
    pub columns: Vec<Column>,
    /// Unique keys usable as a reference's target, the primary key first when there is one.
    pub unique_keys: Vec<UniqueKey>,
    /// Every index.
    pub indexes: Vec<Index>,
    /// Oids of indexes and of the constraints they serve, those of partitions that are no leaves included: what is built
    /// once its rows are in.
    pub build_oids: Vec<u32>,
    /// CHECK constraints, by name and expression.
    pub checks: Vec<Check>,
    /// Columns of the partition keys of all levels, also those within expressions.
    pub partition_key: Vec<ColumnId>,
    /// Those of them for whose other values there may be no partition: of lists and ranges without a default.
    pub gapped_key: Vec<ColumnId>,
    /// Every leaf can be read and written by itself, and a row belongs to the same leaf on every server.
    pub leaves_apart: bool,
    /// Planner's estimate of the rows, partitions added up; negative when never analysed.
    pub rows_estimate: f64,
    /// Heap and TOAST bytes, partitions added up.
    pub heap_bytes: u64,
    /// Row-level security is enabled and would apply to the reading role.
    pub rls_applies: bool,
    /// The reading role may SELECT every column.
    pub readable: bool,
    /// COMMENT ON TABLE.
    pub comment: Option<String>,
}

impl Table {
    /// An ordinary one that can be read, of which nothing else is known.
    pub fn bare(id: TableId, oid: u32, name: QualifiedName) -> Self {
        Self {
            id,
            oid,
            name,
            kind: TableKind::Ordinary,
            leaves: Vec::new(),
            leaves_behind: Vec::new(),
            unreadable_partitions: Vec::new(),
            rls_in_leaves: false,
            inherits: Vec::new(),
            columns: Vec::new(),
            unique_keys: Vec::new(),
            indexes: Vec::new(),
            build_oids: Vec::new(),
            checks: Vec::new(),
            partition_key: Vec::new(),
            gapped_key: Vec::new(),
            leaves_apart: false,
            rows_estimate: 0.0,
            heap_bytes: 0,
            rls_applies: false,
            readable: true,
            comment: None,
        }
    }
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// `r`
    Ordinary,
    /// `p`
    Partitioned,
    /// `f`
    Foreign,
}

/// A leaf partition.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// `pg_class.oid`.
    pub oid: u32,
    /// Schema and name.
    pub name: QualifiedName,
    /// Planner's estimate of the rows.
    pub rows_estimate: f64,
    /// Heap and TOAST bytes.
    pub heap_bytes: u64,
    /// As [`Table::build_oids`].
    pub build_oids: Vec<u32>,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name.
    pub name: String,
    /// `pg_attribute.attnum`; gaps remain where columns were dropped.
    pub attnum: i16,
    /// Type, with domains resolved.
    pub data_type: ColumnType,
    /// NOT NULL on the column, in the primary key, or by its domain.
    pub not_null: bool,
    /// `GENERATED ALWAYS AS (…)`: computed by the target, never copied.
    pub generated: bool,
    /// `pg_get_expr` of a generated column's expression.
    pub expression: Option<String>,
    /// `GENERATED … AS IDENTITY`.
    pub identity: bool,
    /// `pg_collation.oid` of a collation that is not deterministic: equal values need not be equal bytes.
    pub loose_collation: Option<u32>,
    /// COMMENT ON COLUMN.
    pub comment: Option<String>,
}

impl Column {
    /// A nullable one of this type, of which nothing else is known.
    pub fn bare(name: &str, data_type: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            attnum: 1,
            data_type,
            not_null: false,
            generated: false,
            expression: None,
            identity: false,
            loose_collation: None,
            comment: None,
        }
    }
}

/// A primary key, unique constraint or plain unique index (not partial, no expressions).
#[derive(Clone, Debug)]
pub struct UniqueKey {
    /// Index name.
    pub name: String,
    /// Key columns in index order.
    pub columns: Vec<ColumnId>,
    /// It is the primary key.
    pub primary: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
}

/// Any index, with what is needed to build it again.
#[derive(Clone, Debug)]
pub struct Index {
    /// `pg_class.oid` of the index.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Plain columns in index order; an expression stands as `None`.
    pub columns: Vec<Option<ColumnId>>,
    /// By position in `columns`: compared under a collation that is not deterministic.
    pub loose: Vec<bool>,
    /// UNIQUE.
    pub unique: bool,
    /// Usable (not left over from a failed CREATE INDEX CONCURRENTLY).
    pub valid: bool,
    /// Has a WHERE.
    pub partial: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// `pg_get_indexdef`.
    pub definition: String,
    /// `pg_constraint.oid` of the constraint it serves (primary key, unique, exclusion).
    pub constraint_oid: Option<u32>,
}

/// A CHECK constraint, of the table or of one of its partitions.
#[derive(Clone, Debug)]
pub struct Check {
    /// Name.
    pub name: String,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// Columns it mentions.
    pub columns: Vec<ColumnId>,
    /// Of one partition: it says nothing of other rows.
    pub in_partition: bool,
}

impl Check {
    /// How the catalog query spells a NOT NULL that holds for some rows only.
    pub const NOT_NULL: &str = "CHECK (IS NOT NULL)";
}

/// A reference from child (referencing) to parent (referenced).
#[derive(Clone, Debug)]
pub struct Reference {
    /// Position in [`Catalog::references`].
    pub id: RefId,
    /// Constraint name, or the name the profile gives.
    pub name: String,
    /// Referencing table.
    pub child: TableId,
    /// Referencing columns, in the constraint's order (`conkey`).
    pub child_columns: Vec<ColumnId>,
    /// Referenced table.
    pub parent: TableId,
    /// Referenced columns, paired with `child_columns` (`confkey`).
    pub parent_columns: Vec<ColumnId>,
    /// Every source row is known to satisfy it (a foreign key that is validated).
    pub validated: bool,
    /// MATCH FULL.
    pub match_full: bool,
    /// The last pair of columns are ranges (PERIOD): rows of the parent cover the child's range together.
    pub temporal: bool,
    /// The child column is an array whose elements refer to the parent.
    pub array: bool,
    /// SQL condition under which the reference holds (polymorphic references, keys of a single partition).
    pub condition: Option<String>,
    /// The foreign key behind it; `None` for a virtual reference.
    pub foreign_key: Option<ForeignKey>,
}

/// What is needed to build a foreign key again.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// `pg_constraint.oid`.
    pub oid: u32,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// Relation that carries the constraint (a partition, where only that has it).
    pub on: QualifiedName,
}

/// A sequence.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Schema and name.
    pub name: QualifiedName,
    /// Columns that it fills: they own it (`serial`, identity), or their default draws from it.
    pub fills: Vec<(TableId, ColumnId)>,
    /// The role that read the catalog may know its last value.
    pub readable: bool,
    /// Last value handed out; `None` when never used or not readable.
    pub last_value: Option<i64>,
    /// Increment.
    pub increment: i64,
    /// MINVALUE
    pub least: i64,
    /// MAXVALUE
    pub greatest: i64,
    /// START
    pub start: i64,
    /// The role may SELECT from it.
    pub selectable: bool,
}

/// Something of the schema that must arrive in the target, beside tables.
#[derive(Clone, Debug)]
pub struct SchemaObject {
    /// `view`, `materialized view`, `function`, `type`, `trigger`, `policy`, `index`, `constraint`.
    pub kind: String,
    /// Printed identity, schema-qualified, with the table for triggers and policies.
    pub identity: String,
    /// Catalog that its oid belongs to.
    pub class_oid: u32,
    /// Its oid on the server it was read from.
    pub oid: u32,
    /// The relation it belongs to, by oid.
    pub on_relation: Option<u32>,
}
