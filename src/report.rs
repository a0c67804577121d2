//! What a run did, as data: printed for people, written as JSON for machines, kept for verify, explain and history.
//!
//! Key names are public interface (docs/design.md).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Stands for a rule in columns that no profile decides.
const GENERATED: &str = "generated";

/// The report of one run.
#[must_use]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunReport {
    /// Unique, sorts by time.
    pub run_id: String,
    /// Seed text.
    pub seed: String,
    /// Share drawn; `None` where a number of rows was asked for.
    pub percent: Option<f64>,
    /// Number of root rows asked for.
    pub rows: Option<u64>,
    /// The literal that stood for `{run_time}`.
    pub as_of: String,
    /// Where rows came from.
    pub source: SourceReport,
    /// The target, without password.
    pub target: String,
    /// ISO 8601.
    pub started_at: String,
    /// Profile's path.
    pub profile: String,
    /// BLAKE3 of the profile's text.
    pub profile_digest: String,
    /// Fingerprint of the masking key; `None` where no rule needs one.
    pub key_fingerprint: Option<String>,
    /// Version of the program that made the run.
    #[serde(default)]
    pub tithe_version: String,
    /// Standard error, in percent, of numbers of different values that are estimated.
    #[serde(default)]
    pub distinct_error_percent: f64,
    /// In order.
    pub phases: Vec<PhaseReport>,
    /// In catalog order.
    pub tables: Vec<TableReport>,
    /// Between tables that brought rows, in catalog order.
    #[serde(default)]
    pub references: Vec<ReferenceReport>,
    /// What the schema was like when the run ended.
    #[serde(default)]
    pub schema: SchemaReport,
    /// Files.
    pub vault: VaultReport,
    /// Values of masked columns in what was kept.
    #[serde(default)]
    pub leaks: LeakReport,
    /// What was proven.
    pub checks: Vec<CheckReport>,
    /// What was skipped or needs a look.
    pub problems: Vec<String>,
    /// Plan warnings and remarks.
    pub notes: Vec<String>,
    /// Highest resident memory of this process.
    pub peak_memory_bytes: u64,
    /// CPU time of this process.
    pub cpu_seconds: f64,
    /// Bytes of the key sets when they were frozen.
    pub key_set_bytes: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// The source of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SourceReport {
    /// Without password.
    pub database: String,
    /// Names the source's cluster (`pg_control_system()`), where the role may ask.
    #[serde(default)]
    pub system_identifier: Option<String>,
    /// `server_version`
    pub server_version: String,
    /// WAL position of the snapshot.
    pub snapshot_lsn: Option<String>,
    /// Transactions below it had ended when the snapshot was taken; a row's own number tells whether it changed since.
    #[serde(default)]
    pub snapshot_xmin: Option<i64>,
    /// It was a standby.
    pub standby: bool,
}

/// A phase and how long it took.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// One table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TableReport {
    /// Schema.
    pub schema: String,
    /// Name.
    pub table: String,
    /// `root`, `owned`, `all`, `referenced`, `none`
    pub mode: String,
    /// Planner's estimate.
    pub rows_source: i64,
    /// Members and support rows.
    pub rows_copied: u64,
    /// Root rows and rows that depend on them.
    pub members: u64,
    /// Rows brought only because a chosen row refers to them.
    pub support: u64,
    /// References that became NULL because their parent was not chosen.
    pub nulled: u64,
    /// Bytes sent to the target.
    pub bytes: u64,
    /// Seconds, indexes included.
    pub seconds: f64,
    /// Order-independent checksum of the rows as they were written.
    pub checksum: String,
    /// Columns that the checksum leaves out: what is stored may differ in form from what was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
    /// `binary` or `text`: the form in which its rows were copied, and its checksum made.
    #[serde(default)]
    pub format: String,
    /// A short hash of the names of its columns.
    #[serde(default)]
    pub columns_hash: String,
    /// What was done to each column, in the table's order, generated ones included; empty where no rows came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnReport>,
}

/// What was done to one column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Name.
    pub column: String,
    /// Its type, as SQL writes it.
    pub data_type: String,
    /// For members.
    pub rule: RuleReport,
    /// For support rows, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_rule: Option<RuleReport>,
    /// What the rule did to members; absent under `keep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<MaskCounts>,
    /// What the rule did to support rows; absent under `keep` and where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<MaskCounts>,
    /// Whether the leak check looked through it; absent in reports of runs that did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_check: Option<LeakCheck>,
    /// What it found there; absent where it found nothing, and where it did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<LeakFinding>,
}

/// Whether values of masked columns were looked for in a column, or why not; of a masked one, whether its own were
/// looked for in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeakCheck {
    /// Each value that the target holds.
    Searched,
    /// A document of which each value is masked: of the target's its keys, of what was masked each value elsewhere.
    KeysSearched,
    /// Masked, in members and in support rows; what it held was looked for elsewhere.
    LookedFor,
    /// Masked, and nothing in it could be recognized elsewhere (dates, short numbers), or the profile allows it.
    Masked,
    /// The profile lets anything stand there.
    Allowed,
    /// Its type holds no free text: numbers, dates, enums, whose labels are searched with the schema.
    NoText,
    /// It holds uuids, and no masked column does.
    NoUuid,
    /// Each of its values stands in the column that it refers to, which was looked through.
    SearchedAsKey,
    /// The whole check was not made.
    Off,
}

impl LeakCheck {
    /// For people.
    pub fn told(self) -> &'static str {
        match self {
            Self::Searched => "searched",
            Self::KeysSearched => "masked, and looked for elsewhere; its keys searched",
            Self::LookedFor => "masked, and looked for elsewhere",
            Self::Masked => "masked, and not looked for elsewhere",
            Self::Allowed => "not searched: allowed by the profile",
            Self::NoText => "not searched: of a type without free text",
            Self::NoUuid => "not searched: no uuid is masked",
            Self::SearchedAsKey => "searched in the key that it refers to",
            Self::Off => "not searched: the check was not made",
        }
    }
}

impl ColumnReport {
    /// Some rule but `keep` applies to it.
    pub fn is_masked(&self) -> bool {
        let masks = |rule: &RuleReport| !rule.is_keep() && !rule.is_generated();
        masks(&self.rule) || self.support_rule.as_ref().is_some_and(masks)
    }

    /// Values that a rule was given, of members and support rows.
    pub fn values_masked(&self) -> u64 {
        [&self.members, &self.support].into_iter().flatten().map(|counts| counts.values).sum()
    }
}

/// A rule as the profile states it, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// `keep`, `email` and so on; `generated` where no rule applies, since the target computes it.
    pub name: String,
    /// Its parameters; a constant is told by its length only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Equal values in the same domain mask equally; absent where no key is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

impl RuleReport {
    /// Values pass unchanged.
    pub fn is_keep(&self) -> bool {
        self.name == "keep"
    }

    /// Of a column that the target computes from others of the row.
    pub fn generated() -> Self {
        Self { name: GENERATED.to_owned(), ..Self::default() }
    }

    /// See [`Self::generated`].
    pub fn is_generated(&self) -> bool {
        self.name == GENERATED
    }
}

/// What a rule did to a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskCounts {
    /// Values that it was given.
    pub values: u64,
    /// NULLs, which it is not given; references that became NULL count here.
    pub nulls: u64,
    /// Values that became NULL.
    pub emptied: u64,
    /// Values that came out as they went in: empty texts, say, or a constant that stood there before.
    pub unchanged: u64,
    /// Different values before, as bytes.
    pub distinct_before: u64,
    /// Different values after, as bytes.
    pub distinct_after: u64,
    /// `distinct_before` is an estimate, with the run's `distinct_error_percent`.
    pub estimated_before: bool,
    /// `distinct_after` is one.
    pub estimated_after: bool,
}

impl MaskCounts {
    /// There were values, and each came out as it went in.
    pub fn is_idle(&self) -> bool {
        self.values > 0 && self.unchanged == self.values
    }
}

/// A reference between two tables that brought rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceReport {
    /// Constraint, or the profile's name.
    pub name: String,
    /// Referencing table's place in `tables`.
    pub child: usize,
    /// Referencing columns.
    pub columns: Vec<String>,
    /// Referenced table's place in `tables`.
    pub parent: usize,
    /// `within`, `follow`, `pull`, `null`, `whole`
    pub mode: String,
}

/// The schema of the target, for `verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SchemaReport {
    /// Foreign keys that the target proved.
    pub foreign_keys: u64,
    /// Foreign keys that stay NOT VALID.
    pub not_valid: Vec<String>,
    /// Number of views, functions, indexes, constraints and so on, by kind.
    pub objects: BTreeMap<String, u64>,
    /// One short hash of kind and name for each of them: 16 hexadecimal digits. Empty in reports of earlier versions.
    #[serde(default)]
    pub object_hashes: BTreeSet<String>,
    /// Indexes that could not be used when the run ended, as in the source.
    #[serde(default)]
    pub invalid_indexes: Vec<String>,
    /// Commands that ran against the loaded database and may have changed rows.
    pub after_load: u64,
}

/// Files of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VaultReport {
    /// The target: an absolute path of this machine, or a place elsewhere; empty where the run brought no files.
    #[serde(default)]
    pub target: String,
    /// Named by rows.
    pub files_wanted: u64,
    /// In place before.
    #[serde(default)]
    pub files_kept: u64,
    /// Copied whole.
    pub files_copied: u64,
    /// Of these, into the place of another content.
    #[serde(default)]
    pub files_replaced: u64,
    /// Patched.
    pub files_patched: u64,
    /// Removed.
    pub files_removed: u64,
    /// Needed by a row, and missing in the source.
    #[serde(default)]
    pub files_missing: u64,
    /// Moved.
    pub bytes: u64,
    /// Over the wire, both ways, where one end lies on another machine.
    #[serde(default)]
    pub wire_bytes: u64,
    /// By entry of the profile.
    #[serde(default)]
    pub rules: Vec<FileRuleReport>,
    /// What the rows name, by ending.
    #[serde(default)]
    pub kinds: BTreeMap<String, FileKindReport>,
}

/// One entry of `[[vault.files]]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileRuleReport {
    /// Its name.
    pub name: String,
    /// `real`, `strip-metadata`, `placeholder`, `none`
    pub mode: String,
    /// Named by rows.
    pub wanted: u64,
    /// In place before.
    pub kept: u64,
    /// Brought.
    pub brought: u64,
    /// Optional ones that the source does not have.
    pub absent: u64,
    /// In trouble.
    pub troubles: u64,
    /// Bytes in the source of those brought.
    pub bytes: u64,
}

/// Files of one ending.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileKindReport {
    /// Files.
    pub files: u64,
    /// Their bytes in the source.
    pub bytes: u64,
}

/// What the leak check looked for and found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LeakReport {
    /// Different values of masked columns that were looked for.
    pub values: u64,
    /// Columns that were looked through.
    pub columns: u64,
    /// Memory of the fingerprints.
    pub memory_bytes: u64,
    /// Share of other texts that are taken for values; those of a filter until they are confirmed.
    pub false_positive_rate: f64,
    /// Values that were not looked for because the mask of their column gives such: those of its host, its constant.
    #[serde(default)]
    pub made_by_mask: u64,
    /// Hits that nobody confirmed, since there were too many.
    #[serde(default)]
    pub unconfirmed: u64,
    /// Where values stand that did not end the run.
    pub findings: Vec<LeakFinding>,
}

/// Values in one place. They are counted, never named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakFinding {
    /// `table.column`, or an object of the schema.
    pub place: String,
    /// `warn` or `scrub`.
    pub action: String,
    /// Different values.
    pub values: u64,
    /// How often they stand there.
    pub times: u64,
    /// Single words of letters, which may be ordinary words, counted apart.
    pub words: u64,
}

/// One thing that was to be proven.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CheckReport {
    /// Name.
    pub name: String,
    /// It holds; `None` where it was not asked.
    pub ok: Option<bool>,
    /// Numbers, what differs, or why it was not asked.
    pub detail: String,
}

impl CheckReport {
    /// It holds or it does not.
    pub fn asked(name: &str, holds: bool, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: Some(holds), detail: detail.into() }
    }

    /// Nothing was proven, and why.
    pub fn not_asked(name: &str, why: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: None, detail: why.into() }
    }
}

/// What `verify` found.
#[must_use]
#[derive(Clone, Debug, Default, Serialize)]
pub struct VerifyReport {
    /// The run that made the target; `None` where its mark names none.
    pub run_id: Option<String>,
    /// The target, without password.
    pub target: String,
    /// In order.
    pub checks: Vec<CheckReport>,
}

impl VerifyReport {
    /// The first check that found a difference.
    pub fn first_difference(&self) -> Option<&CheckReport> {
        self.checks.iter().find(|check| check.ok == Some(false))
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything arrived.
    #[default]
    Complete,
    /// The target is good, but something was skipped: see `problems`.
    Partial,
}

impl Outcome {
    /// The exit code of a command that ended so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Partial => 3,
        }
    }
}

impl RunReport {
    /// The exit code of a run that produced this report.
    pub fn exit_code(&self) -> u8 {
        self.outcome.exit_code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_is_read_again_says_the_same_to_the_last_digit() {
        let report = LeakReport { false_positive_rate: 4.654479926480273e-16, ..LeakReport::default() };
        let text = serde_json::to_string(&report).expect("JSON");
        let again: LeakReport = serde_json::from_str(&text).expect("what was written");
        assert_eq!(serde_json::to_string(&again).expect("JSON"), text);
    }
}
