//! `tithe graph`: the references between tables, drawn; with a profile, coloured by what happens to each table.

use crate::cli::args::{Global, GraphArgs, GraphFormat};
use crate::cli::print_exact;
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId, connect_info};
use crate::engine::{self, InspectRequest};
use crate::error::Result;
use crate::graph::{Format, Labels, render};
use crate::pg::errors::Side;
use crate::plan;

pub(super) async fn run(args: &GraphArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let show = if global.quiet { Show::Nothing } else { Show::Passing };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let format = match args.format {
        GraphFormat::Dot => Format::Dot,
        GraphFormat::Svg => Format::Svg,
        GraphFormat::Mermaid => Format::Mermaid,
    };
    let drawn = async {
        if let Some(profile) = &args.profile {
            let request = settings::look_request(&args.source.from, profile, &run)?;
            let prepared = engine::prepare(&request, &display).await?;
            return Ok(render(&prepared.catalog, format, &plan::graph_labels(&prepared.catalog, &prepared.plan)));
        }
        let request = InspectRequest { from: connect_info(&args.source.from, Side::Source)?, run_id: run.id.clone() };
        let catalog = engine::inspect(&request, &display).await?;
        Ok(render(&catalog, format, &Labels::default()))
    };
    let picture = drawn.await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    print_exact(&picture);
    Ok(0)
}
