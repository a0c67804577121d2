//! `tithe explain`: the chain of references that brought a row into the sample, one line a step.

use std::fmt::Write as _;

use crate::cli::args::{ExplainArgs, Global, Limits};
use crate::cli::progress::{Display, Show};
use crate::cli::settings::{self, RunId};
use crate::cli::terminal::Look;
use crate::cli::{print, print_exact};
use crate::engine::{self, ExplainRequest, Explanation, Role};
use crate::error::Result;

/// A question beside other work: few sessions, the usual memory and patience.
const LIMITS: Limits =
    Limits { jobs: 2, memory: 512 << 20, literal_keys_max: crate::closure::LITERAL_KEYS_MAX, lock_timeout: 10.0 };

pub(super) async fn run(args: &ExplainArgs, global: &Global) -> Result<u8> {
    let run = RunId::new();
    let request = ExplainRequest {
        source: settings::source_request(&args.source.from, &args.choice, &LIMITS, &run)?,
        memory_bytes: LIMITS.memory,
        table: args.table.clone(),
        key: args.key.clone(),
    };
    let show = if global.quiet { Show::Nothing } else { Show::OnTerminalOnly };
    let display = Display::open(show, global.log.as_deref(), &run.id)?;
    let explanation = engine::explain(&request, &display).await.inspect_err(|error| display.fail(error))?;
    display.finish();
    drop(display);
    if args.json {
        print_exact(&(serde_json::to_string_pretty(&explanation).unwrap_or_default() + "\n"));
    } else {
        print(&text(&explanation, Look::stdout()));
    }
    Ok(0)
}

fn text(told: &Explanation, look: Look) -> String {
    let what = match told.role {
        Role::Root => "is in the sample: a root row",
        Role::Member => "is in the sample: a member",
        Role::Support => "is in the sample: a support row",
        Role::None => "is not in the sample",
    };
    let mut text = format!("{} {what}\n", look.bold(&format!("{} {}", told.table, told.key)));
    let back = if look.unicode { "←" } else { "<-" };
    for step in told.chain.iter().skip(1) {
        let mode = step.mode.unwrap_or_default();
        let arrow = if mode == "pull" { back } else { look.arrow() };
        let how = look.dim(&format!("{mode} {}", step.reference.as_deref().unwrap_or_default()));
        let _ = writeln!(text, "  {arrow} {} {}  {how}", step.table, step.key);
    }
    let _ = writeln!(text, "  {}", told.reason);
    for step in &told.also {
        let how =
            look.dim(&format!("{} {}", step.mode.unwrap_or_default(), step.reference.as_deref().unwrap_or_default()));
        let _ = writeln!(text, "  also a member: {} {}  {how}", step.table, step.key);
    }
    text
}
