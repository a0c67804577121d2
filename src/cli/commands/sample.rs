//! `tithe sample`

use std::sync::Arc;
use std::time::Duration;

use crate::cli::args::{Global, SampleArgs};
use crate::cli::settings::{self, RunId};
use crate::engine::{self, SampleRequest};
use crate::error::Result;
use crate::monitor::Recorder;
use crate::pg::errors::Side;

pub(super) async fn run(args: &SampleArgs, _global: &Global) -> Result<u8> {
    let run = RunId::new();
    let request = SampleRequest {
        source: settings::source_request(&args.source.from, &args.choice, &args.limits, &run)?,
        to: settings::connect_info(&args.target.to, Side::Target)?,
        key: settings::mask_key()?,
        memory_bytes: args.limits.memory,
        max_rate: args.max_rate,
        yield_to_ddl: Duration::from_secs_f64(args.yield_to_ddl),
        started_at: run.started_at.clone(),
    };
    let recorder = Arc::new(Recorder::default());
    let report = engine::sample(request, recorder.clone(), &recorder).await?;
    println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    Ok(report.exit_code())
}
