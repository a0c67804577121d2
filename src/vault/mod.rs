//! The vault: the files that sampled rows name, moved so that rows and files agree.
//!
//! Data moves one way: wanted paths (`path`, `collisions`, `wanted`) are compared with what lies in the source and in
//! the target (`root`, `local`, `cache`), which makes a plan (`compare`); the plan's files are staged, verified and
//! renamed into place (`stage`, `treat`, `bring`); what was installed is recorded (`installed`), and only recorded
//! files are ever removed (`trash`). A run's work depends on where its ends lie (`location`): `source` and `side` tell
//! folders here, folders of other machines (`remote`, `delta`) and buckets (`object`) apart, and so do the targets
//! `here`, `there` and `object::InBucket`; `session` chooses, and callers see nothing else.

pub mod bring;
pub mod cache;
pub mod check;
pub mod collisions;
pub mod compare;
pub mod delta;
pub mod here;
pub mod installed;
pub mod ledger;
pub mod local;
pub mod location;
pub mod object;
pub mod own;
pub mod path;
pub mod remote;
pub mod remove;
pub mod restore;
pub mod root;
pub mod session;
pub mod side;
pub mod source;
pub mod stage;
pub mod step;
pub mod survey;
pub mod target;
pub mod tell;
pub mod there;
pub mod trash;
pub mod treat;
pub mod verify;
pub mod wanted;

pub use bring::{Brought, Durability};
pub use check::check_removal;
pub use compare::{KindTotals, Totals, Trouble, TroubleKind, VaultPlan};
pub use location::{BucketPlace, Location, SshPlace};
pub use object::{StoreSettings, wait_for_locks};
pub use path::{PathFault, VaultPath};
pub use remote::{RemoteSettings, ServeSettings, serve};
pub use restore::{Restored, restore};
pub use session::{Planned, Session, Settings, contradiction, plan};
pub use tell::{mode_name, notes, problems, report};
pub use treat::made_up;
pub use verify::{VaultStatus, VaultVerified, status, verify};
pub use wanted::{Contradiction, FileMode, FileRule, WantedFile, WantedList};
