//! `tithe plan`

use std::sync::Arc;

use crate::cli::args::PlanArgs;
use crate::cli::settings::{self, RunId};
use crate::engine::{self, Exactness};
use crate::error::{Error, ErrorKind, Result};
use crate::monitor::Recorder;
use crate::plan;

/// Width of the text where there is no terminal.
const PLAIN_WIDTH: usize = 160;

pub(super) async fn run(args: &PlanArgs) -> Result<u8> {
    let run = RunId::new();
    let request = settings::source_request(&args.source.from, &args.choice, &args.limits, &run)?;
    let exactness = if args.no_exact { Exactness::Estimated } else { Exactness::Counted };
    let monitor = Arc::new(Recorder::default());
    let (prepared, numbers) = engine::plan(&request, exactness, args.limits.memory, monitor).await?;
    let report = plan::report(&prepared.catalog, &prepared.plan, &numbers);
    if args.json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|cause| Error::new(ErrorKind::Unexpected, "print the plan").with_cause(cause))?;
        println!("{text}");
    } else {
        print!("{}", plan::render(&report, PLAIN_WIDTH));
    }
    Ok(0)
}
