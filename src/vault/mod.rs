//! The vault: the files that sampled rows name, moved so that rows and files agree.
//!
//! Data moves one way: wanted paths (`path`, `collisions`, `wanted`) are compared with what lies in the source and in
//! the target (`root`, `local`, `cache`), which makes a plan (`compare`); the plan's files are staged, verified and
//! renamed into place (`stage`, `treat`, `bring`); what was installed is recorded (`installed`), and only recorded
//! files are ever removed (`trash`).

mod bring;
mod cache;
mod collisions;
mod compare;
mod installed;
mod ledger;
mod local;
mod object;
mod own;
mod path;
mod remove;
mod root;
mod session;
mod stage;
mod target;
mod tell;
mod trash;
mod treat;
mod verify;
mod wanted;

pub use bring::{Brought, Durability};
pub use compare::{KindTotals, Totals, Trouble, TroubleKind, VaultPlan};
pub use object::{ObjectSession, is_address, plan as plan_objects};
pub use path::{PathFault, VaultPath};
pub use session::{Planned, Session, Settings, check_removal, contradiction, plan};
pub use tell::{mode_name, notes, problems, report};
pub use verify::{VaultStatus, VaultVerified, status, verify};
pub use wanted::{Contradiction, FileMode, FileRule, WantedFile, WantedList};
