//! `tithe plan`

use std::sync::Arc;

use crate::cli::args::{Global, PlanArgs};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId};
use crate::cli::terminal::Look;
use crate::cli::{print, print_exact};
use crate::engine::{self, Exactness};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Monitor;
use crate::plan;

/// Width of the text where there is no terminal.
const PLAIN_WIDTH: usize = 160;

pub(super) async fn run(args: &PlanArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let request = settings::source_request(&args.source.from, &args.choice, &args.limits, &run)?;
    let exactness = if args.no_exact { Exactness::Estimated } else { Exactness::Counted };
    let show = if global.quiet { Show::Nothing } else { Show::Passing };
    let display = Arc::new(Display::open(show, global.log.as_deref(), &run.id)?);
    let monitor: Arc<dyn Monitor> = Arc::<Display>::clone(&display);
    let planned = engine::plan(&request, exactness, args.limits.memory, monitor).await;
    let (prepared, numbers) = planned.inspect_err(|error| display.fail(error))?;
    display.finish();
    let report = plan::report(&prepared.catalog, &prepared.plan, &numbers);
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "print the plan").with_cause(cause))?;
        print_exact(&(text + "\n"));
    } else {
        let look = Look::stdout();
        print(&plan::render(&report, if look.terminal { look.width } else { PLAIN_WIDTH }));
    }
    Ok(0)
}
