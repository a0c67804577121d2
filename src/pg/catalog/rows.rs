//! The rows of the catalog queries, as the server sends them (one JSON array per query).

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct TableRow {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) partition_root: Option<u32>,
    pub(super) partition_parent: Option<u32>,
    pub(super) rows_estimate: f64,
    pub(super) heap_bytes: u64,
    pub(super) inherits: Vec<u32>,
    pub(super) partition_key: Vec<String>,
    pub(super) has_gaps: bool,
    pub(super) routes_alike: bool,
    pub(super) generates_otherwise: bool,
    pub(super) rls_applies: bool,
    pub(super) readable: bool,
    pub(super) comment: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ColumnRow {
    pub(super) relation: u32,
    pub(super) attnum: i16,
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) type_oid: u32,
    pub(super) modifier: i32,
    pub(super) sql_name: String,
    pub(super) not_null: bool,
    pub(super) generated: bool,
    pub(super) expression: Option<String>,
    pub(super) identity: bool,
    pub(super) loose_collation: Option<u32>,
    pub(super) comment: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TypeRow {
    pub(super) oid: u32,
    pub(super) base_sql_name: String,
    pub(super) base_name: String,
    pub(super) base_schema: String,
    pub(super) base_kind: String,
    pub(super) category: String,
    pub(super) domain: bool,
    pub(super) domain_not_null: bool,
    pub(super) domain_modifier: i32,
    pub(super) domain_checks: Vec<String>,
    pub(super) enum_labels: Vec<String>,
    pub(super) element: Option<u32>,
    pub(super) field_names: Vec<String>,
    pub(super) field_types: Vec<u32>,
    pub(super) field_modifiers: Vec<i32>,
    pub(super) has_binary: Option<bool>,
    pub(super) sends_oids: Option<bool>,
    pub(super) carries_type_oids: bool,
}

#[derive(Deserialize)]
pub(super) struct ConstraintRow {
    pub(super) oid: u32,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) relation: u32,
    pub(super) parent: u32,
    pub(super) columns: Vec<String>,
    pub(super) parent_columns: Vec<String>,
    pub(super) validated: bool,
    pub(super) match_full: bool,
    pub(super) temporal: bool,
    pub(super) inherited: bool,
    /// A foreign key to an extension's own table.
    pub(super) into_extension: bool,
    pub(super) definition: String,
}

#[derive(Deserialize)]
pub(super) struct IndexRow {
    pub(super) oid: u32,
    pub(super) relation: u32,
    pub(super) name: String,
    pub(super) columns: Vec<Option<i16>>,
    pub(super) loose: Vec<bool>,
    pub(super) is_unique: bool,
    pub(super) is_primary: bool,
    pub(super) valid: bool,
    /// One of a partition, by an index of its parent.
    pub(super) inherited: bool,
    pub(super) partial: bool,
    pub(super) nulls_not_distinct: bool,
    pub(super) definition: String,
    pub(super) constraint_oid: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct SequenceRow {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) owner_relation: Option<u32>,
    /// Relations and names of the columns that it fills.
    pub(super) fills: Vec<(u32, String)>,
    pub(super) readable: bool,
    pub(super) last_value: Option<i64>,
    pub(super) increment: i64,
    pub(super) least: i64,
    pub(super) greatest: i64,
    pub(super) start: i64,
    pub(super) selectable: bool,
}

#[derive(Deserialize)]
pub(super) struct ObjectRow {
    pub(super) kind: String,
    pub(super) schema: String,
    pub(super) identity: String,
    pub(super) class_oid: u32,
    pub(super) oid: u32,
    pub(super) on_relation: Option<u32>,
}

/// One row of `server.sql`.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerRow {
    /// `server_version_num`
    pub version_num: u32,
    /// `server_version`
    pub version: String,
    /// Postmaster start, microseconds since 1970.
    pub started_us: i64,
    /// Server address, `None` over a unix socket.
    pub address: Option<String>,
    /// Server port, `None` over a unix socket.
    pub port: Option<i32>,
    /// `pg_database.oid`
    pub database_oid: u32,
    /// Database name.
    pub database: String,
    /// Current role.
    pub role: String,
    /// In recovery.
    pub standby: bool,
    /// Block size in bytes.
    pub block_bytes: u32,
    /// Unless a session says otherwise, a backslash in a text escapes.
    pub escapes_in_texts: bool,
    /// Encoding of the database.
    pub database_encoding: String,
    /// LC_COLLATE
    pub collate: String,
    /// LC_CTYPE
    pub ctype: String,
    /// `c`, `i` or `b` (from 15).
    pub locale_provider: Option<String>,
    /// ICU locale (from 15).
    pub icu_locale: Option<String>,
    /// WAL position.
    pub lsn: Option<String>,
    /// Transactions below it have ended, for this session's snapshot.
    pub snapshot_xmin: Option<i64>,
    /// Number of large objects.
    pub large_objects: u64,
    /// Extensions but plpgsql.
    pub extensions: Vec<String>,
    /// Schemas that hold extensions.
    pub extension_schemas: Vec<String>,
    /// Every schema, the system's included.
    pub schemas: Vec<String>,
}
