//! What is attested of a run: the part of its report that says what was taken, from where, under which rules, and what
//! was proven. Times, memory and paths of files are left out: they promise nothing.

use serde::{Deserialize, Serialize};

use crate::report::{CheckReport, ColumnReport, LeakFinding, Outcome, RunReport, TableReport};

/// What is attested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The run.
    pub run_id: String,
    /// When it began, ISO 8601.
    pub started_at: String,
    /// The program's version.
    pub tithe_version: String,
    /// How it ended.
    pub outcome: Outcome,
    source: Source,
    target: String,
    draw: Draw,
    profile_digest: String,
    key_fingerprint: Option<String>,
    tables: Vec<Table>,
    leaks: Leaks,
    /// Commands that ran against the loaded database and may have changed anything in it.
    after_load_commands: u64,
    checks: Vec<Check>,
    problems: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    database: String,
    system_identifier: Option<String>,
    server_version: String,
    snapshot_lsn: Option<String>,
    snapshot_xmin: Option<i64>,
    standby: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draw {
    /// As text: a number with a fraction has more than one spelling.
    percent: Option<String>,
    rows: Option<u64>,
    seed: String,
    as_of: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    schema: String,
    table: String,
    mode: String,
    rows_copied: u64,
    members: u64,
    support: u64,
    nulled: u64,
    checksum: String,
    not_compared: Vec<String>,
    columns: Vec<ColumnReport>,
}

/// What the leak check looked for; which columns it looked through stands with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaks {
    values: u64,
    columns: u64,
    made_by_mask: u64,
    unconfirmed: u64,
    /// In columns, and in comments and definitions of the schema.
    findings: Vec<LeakFinding>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    name: String,
    /// `None`: not asked.
    ok: Option<bool>,
    detail: String,
}

/// What is attested of this run.
pub fn statement(report: &RunReport) -> Statement {
    let source = &report.source;
    Statement {
        run_id: report.run_id.clone(),
        started_at: report.started_at.clone(),
        tithe_version: report.tithe_version.clone(),
        outcome: report.outcome,
        source: Source {
            database: source.database.clone(),
            system_identifier: source.system_identifier.clone(),
            server_version: source.server_version.clone(),
            snapshot_lsn: source.snapshot_lsn.clone(),
            snapshot_xmin: source.snapshot_xmin,
            standby: source.standby,
        },
        target: report.target.clone(),
        draw: Draw {
            percent: report.percent.map(|percent| percent.to_string()),
            rows: report.rows,
            seed: report.seed.clone(),
            as_of: report.as_of.clone(),
        },
        profile_digest: report.profile_digest.clone(),
        key_fingerprint: report.key_fingerprint.clone(),
        tables: report.tables.iter().map(table).collect(),
        leaks: Leaks {
            values: report.leaks.values,
            columns: report.leaks.columns,
            made_by_mask: report.leaks.made_by_mask,
            unconfirmed: report.leaks.unconfirmed,
            findings: report.leaks.findings.clone(),
        },
        after_load_commands: report.schema.after_load,
        checks: report.checks.iter().map(check).collect(),
        problems: report.problems.clone(),
    }
}

fn table(table: &TableReport) -> Table {
    Table {
        schema: table.schema.clone(),
        table: table.table.clone(),
        mode: table.mode.clone(),
        rows_copied: table.rows_copied,
        members: table.members,
        support: table.support,
        nulled: table.nulled,
        checksum: table.checksum.clone(),
        not_compared: table.not_compared.clone(),
        columns: table.columns.clone(),
    }
}

fn check(check: &CheckReport) -> Check {
    Check { name: check.name.clone(), ok: check.ok, detail: check.detail.clone() }
}
