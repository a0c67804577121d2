//! `tithe profile …`: what becomes of a profile after it was written.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::args::Global;
use crate::cli::profile_args::{ProfileCheckArgs, ProfileCommand, ProfileDiffArgs, ProfileUpdateArgs};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::cli::terminal::one_line;
use crate::cli::{print, print_exact, profile_file};
use crate::engine::{self, InspectRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::plan;
use crate::profile::{Problem, Profile, SourceRules, json_schema};
use crate::schema::Catalog;
use crate::upkeep::{self, Difference, Drift};

/// Exit code for a profile with problems, as of an error of that kind.
const PROBLEMS: u8 = 4;

pub(super) async fn run(command: &ProfileCommand, global: &Global) -> Result<u8> {
    match command {
        ProfileCommand::Check(args) => check(args, global).await,
        ProfileCommand::Update(args) => update(args, global).await,
        ProfileCommand::Diff(args) => diff(args, global).await,
        ProfileCommand::Scan(args) => super::profile_scan::run(args, global).await,
        ProfileCommand::Schema => {
            print_json(&json_schema())?;
            Ok(0)
        }
    }
}

async fn check(args: &ProfileCheckArgs, global: &Global) -> Result<u8> {
    let path = settings::profile_path(&args.profile)?;
    let text = profile_file::read(&path)?;
    let (problems, fits) = match Profile::examine(&text, &path) {
        Err(problems) => (problems, String::new()),
        Ok(profile) => match &args.from {
            None => {
                let fits = "nothing is wrong by itself; --from asks whether it fits a database";
                (plan::check_alone(&profile), fits.to_owned())
            }
            Some(from) => {
                let (catalog, problems) = examined(from, &profile, global).await?;
                let columns: usize = catalog.tables.iter().map(|table| table.copied_columns().count()).sum();
                (problems, format!("fits: {} tables with {columns} columns, all decided", catalog.tables.len()))
            }
        },
    };
    if args.json {
        print_json(&serde_json::json!({
            "profile": path.display().to_string(),
            "ok": problems.is_empty(),
            "against_database": args.from.is_some(),
            "problems": problems,
        }))?;
    } else {
        print(&told(&path, &problems, &fits, global.quiet));
    }
    Ok(if problems.is_empty() { 0 } else { PROBLEMS })
}

fn told(path: &Path, problems: &[Problem], fits: &str, quiet: bool) -> String {
    let mut text = String::new();
    for problem in problems {
        let _ = writeln!(text, "{}", problem.in_file(path));
    }
    match problems.len() {
        _ if quiet => {}
        0 => {
            let _ = writeln!(text, "{} {fits}", path.display());
        }
        count => {
            let _ = writeln!(text, "\n{count} problem{}", if count == 1 { "" } else { "s" });
        }
    }
    text
}

async fn update(args: &ProfileUpdateArgs, global: &Global) -> Result<u8> {
    let path = settings::profile_path(&args.profile)?;
    let old = profile_file::read(&path)?;
    let profile = Profile::parse(&old, &path)?;
    let mut catalog = catalog(&args.source.from, &profile.source, global).await?;
    let drift = drift(&catalog, &profile);
    let update = upkeep::update(&profile, &drift)?;
    if args.dry_run {
        print_exact(&update.diff);
        return Ok(0);
    }
    if update.text != old {
        profile_file::replace(&path, &old, &update.text)?;
    }
    if !global.quiet {
        let after = Profile::parse(&update.text, &path)?;
        let left = plan::check(&mut catalog, &after);
        print(&updated(&path, &drift, &update.by_hand, &left));
    }
    Ok(0)
}

fn updated(path: &Path, drift: &Drift, by_hand: &[String], left: &[Problem]) -> String {
    let mut text = drifted(drift);
    for key in by_hand {
        let _ = writeln!(text, "! {key} is gone, but shares its lines with others: remove it by hand");
    }
    let path_shown = path.display();
    if text.is_empty() {
        let _ = writeln!(text, "{path_shown} lists all that the database has.");
    } else {
        let _ = writeln!(text, "\n{path_shown} is up to date.");
    }
    let still = match left.len() {
        0 => return text,
        1 => "One problem is left to solve".to_owned(),
        count => format!("{count} problems are left to solve"),
    };
    let _ = writeln!(text, "{still}: tithe profile check --profile {path_shown} (with the same --from) lists them.");
    text
}

async fn diff(args: &ProfileDiffArgs, global: &Global) -> Result<u8> {
    let first = settings::profile(&args.profiles[0])?;
    match (args.profiles.get(1), &args.from) {
        (Some(_), Some(_)) => {
            return Err(Error::new(ErrorKind::Usage, "two profiles and a database are too many to compare")
                .with_remedy("leave out --from (or TITHE_FROM), or one of the profiles"));
        }
        (Some(second), None) => {
            let differences = upkeep::differences(&first, &settings::profile(second)?);
            if args.json { print_json(&differences)? } else { print(&different(&differences)) }
        }
        (None, Some(from)) => {
            let drift = drift(&catalog(from, &first.source, global).await?, &first);
            if args.json { print_json(&drift)? } else { print(&drifted(&drift)) }
        }
        (None, None) => {
            return Err(Error::new(ErrorKind::Usage, "a profile is compared with another one, or with a database")
                .with_remedy("name a second profile, or a database with --from"));
        }
    }
    Ok(0)
}

fn different(differences: &[Difference]) -> String {
    let mut text = String::new();
    for Difference { key, before, after } in differences {
        let _ = match (before, after) {
            (Some(before), Some(after)) => writeln!(text, "~ {key}: {before} -> {after}"),
            (Some(before), None) => writeln!(text, "- {key}: {before}"),
            (None, after) => writeln!(text, "+ {key}: {}", after.as_deref().unwrap_or_default()),
        };
    }
    text
}

fn drifted(drift: &Drift) -> String {
    let mut text = String::new();
    for table in &drift.gained_tables {
        let _ = writeln!(text, "+ {}: a new table with {} columns", one_line(&table.table), table.columns.len());
    }
    for column in &drift.gained_columns {
        let what = format!("{} (proposed {}: {})", column.data_type, column.proposed, column.reason);
        let _ = writeln!(text, "+ {}", one_line(&format!("{}.{}: {what}", column.table, column.column)));
    }
    for table in &drift.lost_tables {
        let _ = match drift.partitions.iter().find(|partition| partition.table == *table) {
            Some(partition) => {
                let (table, of) = (one_line(table), one_line(&partition.of));
                writeln!(text, "- {table}: is a partition of {of}, whose rules hold for it")
            }
            None => writeln!(text, "- {}: the table is gone", one_line(table)),
        };
    }
    for column in &drift.lost_columns {
        let _ = writeln!(text, "- {}: the column is gone", one_line(&format!("{}.{}", column.table, column.column)));
    }
    for unsuited in &drift.unsuited {
        let _ = writeln!(text, "! {}", one_line(&unsuited.reason));
    }
    text
}

/// Proposals follow the profile's own references, too.
fn drift(catalog: &Catalog, profile: &Profile) -> Drift {
    let mut catalog = catalog.clone();
    plan::add_references(&mut catalog, profile);
    upkeep::drift(&catalog, profile)
}

async fn catalog(from: &str, rules: &SourceRules, global: &Global) -> Result<Catalog> {
    let (request, display) = opening(from, global)?;
    let catalog = engine::inspect_under(&request, rules, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    Ok(catalog)
}

async fn examined(from: &str, profile: &Profile, global: &Global) -> Result<(Catalog, Vec<Problem>)> {
    let (request, display) = opening(from, global)?;
    // Any moment will do: nothing is read.
    let run_time = "2000-01-01T00:00:00Z";
    let examined = engine::examine(&request, profile, run_time, &display).await;
    let examined = examined.inspect_err(|error| display.fail(error))?;
    display.finish();
    Ok(examined)
}

fn opening(from: &str, global: &Global) -> Result<(InspectRequest, Display)> {
    let run = RunId::new();
    let show = if global.quiet { Show::Nothing } else { Show::OnTerminalOnly };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    Ok((InspectRequest { from: connect_info(from, Side::Source)?, run_id: run.id }, display))
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|cause| Error::new(ErrorKind::Unexpected, "print JSON").with_cause(cause))?;
    print_exact(&(text + "\n"));
    Ok(())
}
