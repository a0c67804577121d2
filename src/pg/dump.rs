//! The schema, by `pg_dump`: run once under the source's snapshot and cut into its entries.
//!
//! In verbose mode pg_dump heads each entry with its catalog and object identifiers, so entries are matched to tables by
//! oid, never by parsing names or SQL. Passwords reach pg_dump through its environment only.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::connect::{ConnectInfo, LIBPQ_VARIABLES};
use super::quote::ident;
use super::quoting::Quoting;
use crate::error::{Error, ErrorKind, Result};
use crate::types::QualifiedName;

/// One entry of the dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Catalog that the object's oid belongs to (1259 `pg_class`, 2606 `pg_constraint`, …).
    pub class_oid: u32,
    /// The object's oid in the source; 0 for comments and the like.
    pub oid: u32,
    /// `TABLE`, `INDEX`, `FK CONSTRAINT`, …
    pub kind: String,
    /// `Name: …` as pg_dump prints it, for messages.
    pub name: String,
    /// Statements.
    pub sql: String,
}

/// The schema in pg_dump's order, which respects dependencies.
#[derive(Clone, Debug, Default)]
pub struct Dump {
    /// Entries to run before any row arrives.
    pub before_rows: Vec<Entry>,
    /// Entries to run afterwards: indexes, constraints, triggers, policies.
    pub after_rows: Vec<Entry>,
}

/// What to dump.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Where from.
    pub info: &'a ConnectInfo,
    /// `server_version_num` of the source.
    pub server_version: u32,
    /// pg_dump must be told to write texts as they are read.
    pub escapes_in_texts: bool,
    /// Exported snapshot.
    pub snapshot: &'a str,
    /// Schemas left out.
    pub exclude_schemas: &'a [String],
    /// Relations left out.
    pub exclude_tables: &'a [QualifiedName],
}

/// Kinds that never travel: they carry passwords or act on other servers.
const NEVER: &[&str] = &[
    "SERVER",
    "USER MAPPING",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "SUBSCRIPTION",
    "SUBSCRIPTION TABLE",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "PUBLICATION TABLES IN SCHEMA",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// The first entry of one of these kinds is where the rows belong.
const AFTER_ROWS: &[&str] = &[
    "INDEX",
    "CONSTRAINT",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
    "TRIGGER",
    "RULE",
    "POLICY",
    "ROW SECURITY",
    "EVENT TRIGGER",
    "INDEX ATTACH",
    "STATISTICS",
    "MATERIALIZED VIEW DATA",
];

/// Runs pg_dump and cuts its output.
///
/// # Errors
/// `Source` when pg_dump is missing, too old, or fails.
pub async fn run(request: &Request<'_>) -> Result<Dump> {
    let program = find(request.server_version).await?;
    let mut command = Command::new(&program);
    for variable in LIBPQ_VARIABLES {
        command.env_remove(variable);
    }
    command
        .envs(environment(request))
        .env("LC_MESSAGES", "C")
        .args(["--schema-only", "--no-owner", "--verbose", "--no-publications", "--no-subscriptions", "--no-password"])
        .args(["--no-tablespaces", "--no-security-labels", "--lock-wait-timeout=10s"])
        .arg(format!("--snapshot={}", request.snapshot))
        // Quoted, a name is a pattern that matches only itself.
        .args(request.exclude_schemas.iter().map(|schema| format!("--exclude-schema={}", ident(schema))))
        .args(request.exclude_tables.iter().map(|t| format!("--exclude-table={}.{}", ident(&t.schema), ident(&t.name))))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command
        .output()
        .await
        .map_err(|cause| Error::new(ErrorKind::Source, format!("run {}", program.display())).with_cause(cause))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let complaint: Vec<&str> =
            said.lines().filter(|line| line.contains("error:") || line.contains("detail:")).take(4).collect();
        let complaint = complaint.join("; ");
        let remedy = if complaint.contains("snapshot") {
            "each session must reach the same server: a pooler in transaction mode or a reader endpoint breaks this; give the server's own address"
        } else if complaint.contains("lock timeout") || complaint.contains("could not obtain lock") {
            "another session holds a conflicting lock; run again later"
        } else if complaint.contains("permission denied") {
            "the reading role needs SELECT on every table that is not left out ([source] exclude_tables)"
        } else {
            "check that the source server runs, and that pg_dump can read its schema as the same role"
        };
        let action = format!("read the schema with {}: {complaint}", program.display());
        return Err(Error::new(ErrorKind::Source, action).with_remedy(remedy));
    }
    Ok(cut(&String::from_utf8_lossy(&output.stdout)))
}

/// How to connect, and the setting on which the spelling of every text hangs: only where it is not on already, since a
/// pooler may refuse options.
fn environment(request: &Request<'_>) -> Vec<(String, String)> {
    let mut variables = request.info.libpq_env();
    if request.escapes_in_texts {
        let options = variables.iter().position(|(name, _)| name == "PGOPTIONS").map(|at| variables.remove(at).1);
        let all = format!("{} -c standard_conforming_strings=on", options.unwrap_or_default());
        variables.push(("PGOPTIONS".to_owned(), all));
    }
    variables
}

/// Cuts pg_dump's verbose output into entries. Texts and bodies of functions may hold lines that look like a head.
pub fn cut(text: &str) -> Dump {
    let mut dump = Dump::default();
    let mut after = false;
    let mut lines = text.split('\n').peekable();
    let mut current: Option<Entry> = None;
    let mut quoting = Quoting::default();
    let mut finish = |entry: Option<Entry>| {
        let Some(mut entry) = entry else { return };
        entry.sql = entry.sql.trim().to_owned();
        if NEVER.contains(&entry.kind.as_str()) {
            return;
        }
        after |= AFTER_ROWS.contains(&entry.kind.as_str());
        if after { dump.after_rows.push(entry) } else { dump.before_rows.push(entry) }
    };
    while let Some(line) = lines.next() {
        let outside = quoting == Quoting::Outside;
        if outside
            && line == "--"
            && let Some(head) = lines.peek().and_then(|next| parse_head(next))
        {
            finish(current.take());
            lines.next();
            current = Some(Entry {
                class_oid: head.0,
                oid: head.1,
                kind: String::new(),
                name: String::new(),
                sql: String::new(),
            });
            for line in lines.by_ref() {
                if line == "--" {
                    break;
                }
                if let (Some(rest), Some(entry)) = (line.strip_prefix("-- Name: "), current.as_mut()) {
                    let (name, rest) = rest.rsplit_once("; Type: ").unwrap_or((rest, ""));
                    name.clone_into(&mut entry.name);
                    entry.kind = rest.split(';').next().unwrap_or_default().to_owned();
                }
            }
            continue;
        }
        let is_frame = line.starts_with("-- Completed on ")
            || line == "-- PostgreSQL database dump complete"
            || line.starts_with("\\unrestrict");
        if outside && is_frame {
            continue;
        }
        if let Some(entry) = current.as_mut() {
            entry.sql.push_str(line);
            entry.sql.push('\n');
            quoting.read(line);
            quoting.read("\n");
        }
    }
    finish(current.take());
    dump
}

/// `-- TOC entry 214 (class 1259 OID 58503)`
fn parse_head(line: &str) -> Option<(u32, u32)> {
    let rest = line.strip_prefix("-- TOC entry ")?;
    let (_, rest) = rest.split_once(" (class ")?;
    let (class, rest) = rest.split_once(" OID ")?;
    Some((class.parse().ok()?, rest.strip_suffix(')')?.parse().ok()?))
}

/// The pg_dump to use: `TITHE_PG_DUMP`, else the one of the installed versions that is new enough.
async fn find(server_version: u32) -> Result<PathBuf> {
    let wanted = server_version / 10_000;
    let mut seen = Vec::new();
    for candidate in candidates() {
        if let Some(version) = version_of(&candidate).await {
            if version >= wanted {
                return Ok(candidate);
            }
            seen.push(format!("{} is version {version}", candidate.display()));
        }
    }
    let remedy = format!(
        "install the PostgreSQL {wanted} client programs, or set TITHE_PG_DUMP to a pg_dump of version {wanted} or later"
    );
    let action = match std::env::var_os("TITHE_PG_DUMP") {
        _ if !seen.is_empty() => format!("find a pg_dump for a server of version {wanted}: {}", seen.join(", ")),
        Some(stated) => format!(
            "find pg_dump, which reads the source's schema: {}, which TITHE_PG_DUMP names, cannot be run as one",
            stated.display()
        ),
        None => "find pg_dump, which reads the source's schema: it is not installed".to_owned(),
    };
    Err(Error::new(ErrorKind::Source, action).with_remedy(remedy))
}

fn candidates() -> Vec<PathBuf> {
    if let Some(stated) = std::env::var_os("TITHE_PG_DUMP") {
        return vec![stated.into()];
    }
    let mut found = Vec::new();
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        found.push(folder.join("pg_dump"));
    }
    for (root, below) in
        [("/usr/lib/postgresql", "bin"), ("/usr", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr/local/opt", "bin")]
    {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                root != "/usr" || path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("pgsql-"))
            })
            .collect();
        folders.sort();
        found.extend(folders.into_iter().rev().map(|folder| folder.join(below).join("pg_dump")));
    }
    found.retain(|path| path.is_file());
    found.dedup();
    found
}

/// Major version, by asking it.
async fn version_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(['.', 'b', 'r', 'd']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_cut_by_their_heads() {
        let text = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET x = 1;\n\n--\n-- TOC entry 3 (class 1259 OID 7)\n-- Name: a; Type: TABLE; Schema: public; Owner: -\n--\n\nCREATE TABLE a ();\n\n\n--\n-- TOC entry 9 (class 0 OID 0)\n-- Dependencies: 3\n-- Name: TABLE a; Type: COMMENT; Schema: public; Owner: -\n--\n\nCOMMENT ON TABLE a IS '--\n-- x';\n\n--\n-- TOC entry 4 (class 1259 OID 8)\n-- Name: i; Type: INDEX; Schema: public; Owner: -\n--\n\nCREATE INDEX i ON a ((1));\n\n-- Completed on today\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n";
        let dump = cut(text);
        assert_eq!(dump.before_rows.len(), 2);
        assert_eq!(dump.before_rows[0].sql, "CREATE TABLE a ();");
        assert_eq!(dump.before_rows[1].sql, "COMMENT ON TABLE a IS '--\n-- x';");
        assert_eq!((dump.after_rows[0].oid, dump.after_rows[0].kind.as_str()), (8, "INDEX"));
        assert!(dump.after_rows[0].sql.starts_with("CREATE INDEX i ON a ((1));"));
    }

    #[test]
    fn what_looks_like_a_head_within_a_text_or_name_is_none() {
        let head = "--\n-- TOC entry 9 (class 0 OID 0)\n-- Name: a; Type: SERVER; b; Type: TABLE; Schema: public\n--\n";
        for (open, close) in [("COMMENT ON TABLE a IS 'it''s\n", "';"), ("AS $_$\n", "-- Completed on\n$_$;")] {
            let sql = format!("{open}{head}CREATE TABLE c ();{close}");
            let dump = cut(&format!("{head}{sql}\n\n{head}CREATE TABLE b ();\n"));
            let found: Vec<_> =
                dump.before_rows.iter().map(|entry| (entry.kind.as_str(), entry.sql.as_str())).collect();
            assert_eq!(found, [("TABLE", sql.as_str()), ("TABLE", "CREATE TABLE b ();")]);
        }
    }
}
