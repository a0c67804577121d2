//! `tithe init`: a first profile, proposed from the catalog.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{Global, InitArgs};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{RunId, connect_info};
use crate::cli::terminal::{Look, wrap};
use crate::cli::{print, print_exact};
use crate::engine::{self, LookRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;
use crate::profile::{SourceRules, nearest};
use crate::propose;
use crate::schema::Catalog;
use crate::types::TableId;

pub(super) async fn run(args: &InitArgs, global: &Global) -> Result<u8> {
    if let Some(path) = &args.output {
        refuse_existing(path)?;
    }
    let run = RunId::new();
    let show = if global.quiet { Show::Nothing } else { Show::Passing };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let request = LookRequest {
        from: connect_info(&args.source.from, Side::Source)?,
        run_id: run.id,
        left_out: SourceRules::default(),
        without_rows: Vec::new(),
        rows: args.rows,
        texts: false,
    };
    let check = |catalog: &Catalog| root(catalog, args.root.as_deref()).map(drop);
    let look = engine::look(&request, &check, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    let catalog = look.catalog;
    let (root, why) = root(&catalog, args.root.as_deref())?;
    let profile = propose::profile(&catalog, root, &look.looked);
    match &args.output {
        None => print_exact(&profile),
        Some(path) => {
            write(path, &profile)?;
            if !global.quiet {
                print(&next_steps(&catalog, root, &why, &profile, path));
            }
        }
    }
    Ok(0)
}

fn root(catalog: &Catalog, written: Option<&str>) -> Result<(TableId, String)> {
    if catalog.tables.is_empty() {
        return Err(Error::new(ErrorKind::Source, "write a profile: the database has no tables that we may see")
            .with_remedy("check the database's name, and that the role may use its schemas"));
    }
    let Some(written) = written else {
        return propose::root(catalog).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "find a root table: no table looks like one of people")
                .with_remedy("name the table to sample from with --root")
        });
    };
    catalog.find_table(written).map(|id| (id, "named with --root".to_owned())).ok_or_else(|| {
        let names: Vec<String> = catalog.tables.iter().map(|table| table.name.to_string()).collect();
        let close = nearest(written, names.iter().map(String::as_str));
        let hint =
            close.map_or_else(|| "name one of its tables with --root".to_owned(), |n| format!("did you mean {n}?"));
        Error::new(ErrorKind::Usage, format!("find the root table {written:?}: the database has none of that name"))
            .with_remedy(hint)
    })
}

fn refuse_existing(path: &Path) -> Result<()> {
    if path.exists() {
        return Err(Error::new(ErrorKind::Refused, format!("{} exists", path.display()))
            .with_remedy("nothing was changed; give -o another file, or remove this one"));
    }
    Ok(())
}

fn write(path: &Path, profile: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(profile.as_bytes()));
    written.map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("write {}", path.display()))
            .with_cause(cause)
            .with_remedy("give -o a file in a folder that can be written")
    })
}

fn next_steps(catalog: &Catalog, root: TableId, why: &str, profile: &str, path: &Path) -> String {
    let look = Look::stdout();
    let rules = || profile.lines().filter(|line| !line.starts_with('#'));
    let undecided = rules().filter(|line| line.contains(" = \"undecided\"")).count();
    let columns: usize = catalog.tables.iter().map(|table| table.columns.len()).sum();
    let path = path.display();
    let begin = format!(
        "wrote {path}: {} tables with {columns} columns, drawn from {} ({why}).",
        catalog.tables.len(),
        catalog.table(root).name
    );
    let decide = match undecided {
        0 => "Every column has a rule: read them, a name and a few rows tell little about what is inside.".to_owned(),
        1 => "One column is undecided: search the file for \"undecided\" and say keep or a mask.".to_owned(),
        more => format!("{more} columns are undecided: search the file for \"undecided\" and say keep or a mask."),
    };
    format!(
        "{}\n\nNext:\n  1. {}\n  2. tithe plan --profile {path} (with the same --from) shows what a run would bring, and why\n",
        wrap(&begin, look.width, 0),
        wrap(&decide, look.width, 5)
    )
}
