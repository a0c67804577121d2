//! The vault: the files that sampled rows name, moved so that rows and files agree.
//!
//! Data moves one way: wanted paths (`path`, `collisions`, `wanted`) are compared with what lies in the source and in
//! the target (`root`, `local`, `cache`), which makes a plan (`compare`); the plan's files are staged, verified and
//! renamed into place (`stage`, `treat`, `bring`); what was installed is recorded (`installed`), and only recorded
//! files are ever removed (`trash`). Either end may lie on another machine (`location`, `side`, `remote`, `delta`).

mod bring;
mod cache;
mod collisions;
mod compare;
mod delta;
mod installed;
mod ledger;
mod local;
mod location;
mod own;
mod path;
mod remote;
mod remove;
mod root;
mod session;
mod side;
mod stage;
mod target;
mod tell;
mod trash;
mod treat;
mod verify;
mod wanted;

pub use bring::{Brought, Durability};
pub use compare::{KindTotals, Totals, Trouble, TroubleKind, VaultPlan};
pub use location::{Location, SshPlace};
pub use path::{PathFault, VaultPath};
pub use remote::{RemoteSettings, ServeSettings, serve};
pub use session::{Planned, Session, Settings, check_removal, contradiction, plan};
pub use tell::{mode_name, notes, problems, report};
pub use verify::{VaultStatus, VaultVerified, status, verify};
pub use wanted::{Contradiction, FileMode, FileRule, WantedFile, WantedList};
