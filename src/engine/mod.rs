//! Order, limits and cancellation: the stages of a run, one after the other, over what `pg` offers.
//!
//! `prepare` opens the source and makes the plan (where `plan` stops); `choose` freezes the key sets; `sample` copies,
//! builds, proves and swaps. No stage calls an earlier one.

mod barred;
mod blame;
mod choose;
mod copy;
mod cycle;
mod empty;
mod ending;
mod evidence;
mod explain;
mod files;
mod inspect;
mod lanes;
mod land;
mod look;
mod leaks;
mod pieces;
mod plan;
mod prepare;
mod readers;
mod ready;
mod rollback;
mod sample;
mod source_values;
mod support;
mod transfer;
mod trial;
mod units;
mod usage;
mod verify;
mod worker;

pub use explain::{ExplainRequest, Explanation, Role, Step, explain};
pub use files::{VaultRequest, wanted_files};
pub use inspect::{InspectRequest, examine, inspect, inspect_under};
pub use look::{Look, LookRequest, TextFinding, look};
pub use pieces::RANGE_BYTES;
pub use plan::{Exactness, plan};
pub use prepare::{PATIENCE, Prepared, SourceRequest, prepare};
pub use ready::{Answer, Confirm, TargetState};
pub use rollback::{Reach, RolledBack, RunFiles, rollback};
pub use sample::{ConfirmRemoval, SampleRequest, sample};
pub use verify::{VerifyRequest, verify};
