//! The profile: what a user decided about sampling and masking, as checked data that still speaks in names.
//!
//! `raw` and `columns` mirror the TOML file and know nothing else; [`Profile::parse`] is the only way to a `Profile`,
//! so that a value of this type has been checked as far as possible without a database. Whether the names exist is
//! decided in `plan`, against the catalog.

mod columns;
mod document;
mod edit;
pub mod facts;
mod files;
mod json_schema;
mod leaks;
mod nearest;
mod parameters;
mod path_template;
mod places;
pub mod predicate;
mod problem;
mod raw;
mod rule;
pub mod toml_text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use edit::Edit;
pub use files::{FileEntry, FilePaths, FileTreatment, VaultRules};
pub use json_schema::json_schema;
pub use leaks::{LeakAction, LeakRules};
pub use nearest::nearest;
pub use path_template::PathTemplate;
pub use places::{Places, dotted};
pub use problem::{Problem, ProblemKind};
pub use rule::{AddressPart, BytesFill, ColumnRule, DatePart, Locale, MaskRule, MaskSpec};

/// A checked profile. Immutable.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Where it came from, for messages; `<built-in>` when not a file.
    pub path: PathBuf,
    /// BLAKE3 of the file's text, hexadecimal.
    pub digest: String,
    /// Where its keys stand in the text, for messages.
    pub places: Places,
    /// `[sample]`
    pub sample: Sample,
    /// `[source]`
    pub source: SourceRules,
    /// `[target]`
    pub target: TargetRules,
    /// `[tables.NAME]`, by name as written.
    pub tables: BTreeMap<String, TableRules>,
    /// `[[references]]`
    pub references: Vec<VirtualReference>,
    /// `[vault]`
    pub vault: VaultRules,
    /// `[leaks]`
    pub leaks: LeakRules,
    /// `[columns.TABLE]`, by table and column name as written.
    pub columns: BTreeMap<String, BTreeMap<String, ColumnRule>>,
}

/// `[sample]`: the root and the draw.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Root table.
    pub root: String,
    /// Share of the root rows, above 0 to 100; the command line may override it.
    pub percent: Option<f64>,
    /// Number of root rows instead of a share.
    pub rows: Option<u64>,
    /// Seed text; the 64-bit seed is derived from it.
    pub seed: String,
    /// SQL predicate on the root table: these rows are always drawn.
    pub always: Option<String>,
    /// SQL predicate on the root table: these rows never leave; beats `always`.
    pub never: Option<String>,
}

/// `[source]`: what is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceRules {
    /// Schemas left out of the catalog altogether.
    pub exclude_schemas: Vec<String>,
    /// Tables left out altogether (not even their structure).
    pub exclude_tables: Vec<String>,
    /// Go on although row-level security hides rows from the reading role.
    pub allow_row_security: bool,
}

/// `[target]`: what it is, and what happens there after the load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetRules {
    /// Shell commands run against the new database before the swap; `PG*` variables and `DATABASE_URL` point at it.
    pub after_load: Vec<String>,
    /// Its server was made as a physical copy of the source's.
    pub clone_of_source: bool,
}

/// `[tables.NAME]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableRules {
    /// Which rows; `None` leaves it to the defaults.
    pub rows: Option<RowsRule>,
    /// References by column name (`post_id`; composite ones as `a, b`, however they were spaced) or by name.
    pub within: Vec<String>,
    /// As `within`.
    pub follow: Vec<String>,
    /// As `within`.
    pub pull: Vec<String>,
    /// As `within`.
    pub null: Vec<String>,
    /// SQL predicate rows must satisfy.
    pub filter: Option<String>,
    /// Cap on rows of one parent.
    pub per_parent: Option<PerParent>,
    /// Rows whose owning references are all NULL.
    pub unowned: Unowned,
    /// Rows whose reference is broken in the source already; `None`: nulled where nullable, else dropped.
    pub orphans: Option<Orphans>,
}

/// `rows = "…"`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsRule {
    /// References lead to the root.
    Owned,
    /// Copied whole.
    All,
    /// Only rows that chosen rows refer to.
    Referenced,
    /// Structure only.
    None,
}

impl RowsRule {
    /// As profiles write it.
    pub const WORDS: [(&'static str, Self); 4] =
        [("owned", Self::Owned), ("all", Self::All), ("referenced", Self::Referenced), ("none", Self::None)];
}

impl Unowned {
    /// As profiles write it.
    pub const WORDS: [(&'static str, Self); 2] = [("drop", Self::Drop), ("keep", Self::Keep)];
}

impl Orphans {
    /// As profiles write it.
    pub const WORDS: [(&'static str, Self); 3] = [("drop", Self::Drop), ("null", Self::Null), ("keep", Self::Keep)];
}

/// `per_parent = { column, limit, order }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerParent {
    /// Referencing column.
    pub column: String,
    /// Rows kept of each parent, at least 1.
    pub limit: u64,
    /// SQL sort expression; the primary key breaks ties.
    pub order: Option<String>,
}

/// `unowned = "…"`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unowned {
    /// Not copied.
    #[default]
    Drop,
    /// Copied.
    Keep,
}

/// `orphans = "…"`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orphans {
    /// The row is dropped.
    Drop,
    /// The reference becomes NULL.
    Null,
    /// The row stays as it is and the foreign key arrives NOT VALID.
    Keep,
}

/// `[[references]]`: a reference that is not a foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualReference {
    /// Name to use in `within = […]` and in reports; defaults to `table.columns`.
    pub name: Option<String>,
    /// Referencing table.
    pub table: String,
    /// Referencing columns.
    pub columns: Vec<String>,
    /// Referenced table.
    pub parent: String,
    /// Referenced columns; they must be a unique key.
    pub parent_columns: Vec<String>,
    /// SQL condition under which it holds.
    pub condition: Option<String>,
    /// The column is an array of references.
    pub array: bool,
}

impl Profile {
    /// Reads and checks a profile file.
    ///
    /// # Errors
    /// `ErrorKind::Profile`, one line for each problem: `path:line:column: key: what is wrong`.
    pub fn read(path: &Path) -> crate::error::Result<Self> {
        raw::read(path)
    }

    /// Checks a profile's text; `path` is only for messages.
    ///
    /// # Errors
    /// As [`Profile::read`].
    pub fn parse(text: &str, path: &Path) -> crate::error::Result<Self> {
        raw::parse(text, path)
    }

    /// As [`Profile::parse`], with every problem by itself.
    ///
    /// # Errors
    /// At least one problem, in the text's order.
    pub fn examine(text: &str, path: &Path) -> Result<Self, Vec<Problem>> {
        raw::examine(text, path)
    }
}

#[cfg(test)]
mod tests;
