//! The schema, by `pg_dump`: run once under the source's snapshot. Passwords reach pg_dump through its environment only.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::connect::{ConnectInfo, LIBPQ_VARIABLES};
use super::entries::{Dump, cut};
use super::errors::SAME_SERVER;
use super::quote::ident;
use crate::error::{Error, ErrorKind, Result};
use crate::types::QualifiedName;

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
        .args(["--schema-only", "--verbose", "--no-publications", "--no-subscriptions", "--no-password"])
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
            SAME_SERVER
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
