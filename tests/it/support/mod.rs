//! Tools for tests: the shared servers, databases that vanish, and the program in a clean environment.
//!
//! Everything needs an installed PostgreSQL and fails without one; no test is skipped. Where `TITHE_TEST_LOG` names a
//! file, each database made adds a line with its server's version, so that `make test` can tell that servers were
//! used.

mod bucket;
mod database;
mod program;
mod scene;
pub(crate) mod vault;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;

use tithe::demo::{Options, Throwaway};

pub(crate) use bucket::{BUCKET, Breakage, KEY, Request, SECRET, Store};
pub(crate) use database::TestDb;
pub(crate) use program::{Home, Ran, at_a_terminal, tithe};
pub(crate) use scene::{PROFILE, Scene};

/// The two servers that all tests of the process share. They die with the process, however it ends.
pub(crate) struct Servers {
    pub(crate) source: Throwaway,
    pub(crate) target: Throwaway,
}

/// Starts the shared servers at the first call. `TITHE_TEST_SOURCE_BIN` and `TITHE_TEST_TARGET_BIN` choose versions.
pub(crate) fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let start = |variable: &str| {
            let bin_dir = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
            let options = Options { bin_dir, ..Options::default() };
            Throwaway::start(options.setting("max_connections", "200").setting("max_wal_senders", "4")).unwrap()
        };
        std::thread::scope(|scope| {
            let source = scope.spawn(|| start("TITHE_TEST_SOURCE_BIN"));
            let target = start("TITHE_TEST_TARGET_BIN");
            Servers { source: source.join().unwrap(), target }
        })
    })
}

/// Major version of the older one of the two shared servers.
pub(crate) fn oldest_version() -> u32 {
    let of = |server: &Throwaway| {
        let number = server.query_text("postgres", "SHOW server_version_num").unwrap().unwrap();
        number.parse::<u32>().unwrap() / 10_000
    };
    of(&servers().source).min(of(&servers().target))
}

/// The database's URL for another role than its owner.
pub(crate) fn as_role(database: &TestDb, role: &str) -> String {
    database.url().replace("user=postgres", &format!("user={role}"))
}

/// A new, empty database on the shared source server.
pub(crate) fn source_database(name: &str) -> TestDb {
    TestDb::on(&servers().source, name)
}

/// A new, empty database on the shared target server.
pub(crate) fn target_database(name: &str) -> TestDb {
    TestDb::on(&servers().target, name)
}

/// A TCP port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}

/// The text of a file of this repository.
pub(crate) fn repository_text(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// A profile written to a file that vanishes when the value is dropped: pass `.path()` to `--profile`.
pub(crate) fn profile(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().prefix("profile-").suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn note_server_used(version: &str) {
    if let Some(path) = std::env::var_os("TITHE_TEST_LOG") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{version}").unwrap();
    }
}
