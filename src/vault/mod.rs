//! The vault: the files that sampled rows name, moved so that rows and files agree.
//!
//! Data moves one way: wanted paths (`path`, `collisions`, `wanted`) are compared with what lies in the source and in
//! the target (`root`, `local`, `cache`), which makes a plan (`compare`); the plan's files are staged, verified and
//! renamed into place (`stage`, `treat`, `bring`); what was installed is recorded (`installed`), and only recorded
//! files are ever removed (`trash`), from where a rollback returns them (`restore`, `settle`). A run's work depends on where its ends lie (`location`): `source` and `side` tell
//! folders here, folders of other machines (`remote`, `delta`) and buckets (`object`) apart, and so do the targets
//! `here`, `there` and `object::InBucket`; `session` chooses, and callers see nothing else.

mod bring;
mod cache;
mod check;
mod collisions;
mod compare;
mod delta;
mod forecast;
mod here;
mod installed;
mod ledger;
mod local;
mod location;
mod object;
mod overlap;
mod own;
mod pages;
mod path;
mod pulse;
mod remote;
mod remove;
mod restore;
mod root;
mod session;
mod settle;
mod side;
mod source;
mod stage;
mod step;
mod survey;
mod target;
mod tell;
mod there;
mod trash;
mod treat;
mod verify;
mod wanted;

pub use bring::{Brought, Durability};
pub use check::check_removal;
pub use compare::{KindTotals, Totals, Trouble, TroubleKind, VaultPlan};
pub use forecast::{Action, Estimate, action, estimate, refusals};
pub use location::{BucketPlace, Location, SshPlace};
pub use object::{StoreSettings, wait_for_locks};
pub use path::{PathFault, VaultPath};
pub use remote::{RemoteSettings, ServeSettings, serve};
pub use restore::{Restored, restore};
pub use session::{Planned, Session, Settings, contradiction, plan};
pub use settle::Version;
pub use tell::{mode_name, notes, problems, report};
pub use treat::made_up;
pub use verify::{VaultStatus, VaultVerified, status, verify};
pub use wanted::{Contradiction, FileMode, FileRule, WantedFile, WantedList};
