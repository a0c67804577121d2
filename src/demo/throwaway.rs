//! Throw-away PostgreSQL clusters on unix sockets, made from the installed server programs.
//!
//! Owns a cluster from `initdb` to the removal of its folder. Does not choose what runs in it.
//!
//! Nothing of a cluster outlives its owner. Each has a guard, a small shell that waits on a pipe from this process:
//! when the pipe closes (a drop, an exit, a panic, kill -9) the guard stops the server and removes the folder. Should
//! the guard be killed as well, the folder's `owner` file is no longer locked by anyone, and the next start sweeps it.
//!
//! ```text
//! /tmp/tithe-Xa91Fq/   owner (locked)   log   .s.PGSQL.5432   data/
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::binaries::{Account, find_bin_dir, plain_command, server_account};
use super::guard::{Guard, OWNER, PREFIX, give, own, sweep, temp_dir};
use crate::error::{Error, ErrorKind, Result};

const SUPERUSER: &str = "postgres";
const SECONDS_TO_START: &str = "60";

/// Whether the cluster writes through to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// No fsync: right for tests.
    #[default]
    Off,
    /// As a production server: right for measurements.
    On,
}

/// How a cluster is made. The default is one in a temporary folder, on a unix socket only.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder for the data; must be absent or empty, and is removed at the end. Default: in the temporary folder.
    pub dir: Option<PathBuf>,
    /// Folder of the server programs; default: [`find_bin_dir`].
    pub bin_dir: Option<PathBuf>,
    /// Lines of postgresql.conf; they beat ours, so `listen_addresses` opens TCP.
    pub settings: Vec<(String, String)>,
    /// fsync or not.
    pub durability: Durability,
    /// Port of TCP and of the socket's name; default 5432.
    pub port: Option<u16>,
    /// Whole text of pg_hba.conf; default: everyone is trusted.
    pub hba: Option<String>,
    /// More arguments for initdb, which beat ours (`--encoding`, `--locale`).
    pub initdb_args: Vec<String>,
}

impl Options {
    /// Adds a line of postgresql.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running cluster (unless [`kill`](Self::kill)ed); dropped, it is gone.
#[derive(Debug)]
pub struct Throwaway {
    bin_dir: PathBuf,
    account: Option<Account>,
    anchor: PathBuf,
    data: PathBuf,
    port: u16,
    guard: Guard,
}

impl Throwaway {
    /// Makes a cluster and starts it; it answers when this returns.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or initdb or the server fails; then with the end of the server's log.
    pub fn start(options: Options) -> Result<Self> {
        let server = Self::prepare(&options)?;
        server.initdb(&options)?;
        server.configure(&options)?;
        server.launch()?;
        Ok(server)
    }

    /// Makes a hot standby of `primary` (pg_basebackup over its socket) and starts it.
    ///
    /// # Errors
    /// As [`start`](Self::start); pg_basebackup must be installed beside the server programs.
    pub fn create_standby(primary: &Self, mut options: Options) -> Result<Self> {
        options.bin_dir.get_or_insert_with(|| primary.bin_dir.clone());
        let server = Self::prepare(&options)?;
        let mut command = server.command("pg_basebackup");
        command.arg("-h").arg(&primary.anchor).args(["-p", &primary.port.to_string(), "-U", SUPERUSER, "-D"]);
        command.arg(&server.data).args(["-R", "-X", "stream", "-c", "fast", "--no-sync"]);
        run("copy the primary with pg_basebackup", &mut command)?;
        server.configure(&options)?;
        server.launch()?;
        Ok(server)
    }

    /// Waits until this standby has replayed all that `primary` has written so far.
    ///
    /// # Errors
    /// When it has not after 30 seconds.
    pub fn wait_replayed(&self, primary: &Self) -> Result<()> {
        let written = primary.query_text("postgres", "SELECT pg_current_wal_lsn()")?.unwrap_or_default();
        let question = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{written}'::pg_lsn, false)");
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if self.query_text("postgres", &question)?.as_deref() == Some("t") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(failed(format!("wait until the standby has replayed {written}")))
    }

    /// URL of a database, as superuser over the socket.
    pub fn url(&self, database: &str) -> String {
        let host = encode(&self.anchor.to_string_lossy());
        format!("postgresql:///{}?host={host}&port={}&user={SUPERUSER}", encode(database), self.port)
    }

    /// Folder of the socket: the `host` of a connection.
    pub fn socket_dir(&self) -> &Path {
        &self.anchor
    }

    /// Data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Folder of the server programs.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// Port, also when only the socket listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        tail(&self.anchor.join("log"))
    }

    /// Stops in order if it runs, and starts again: with the settings as they are now.
    ///
    /// # Errors
    /// When the server does not stop, or not start.
    pub fn restart(&self) -> Result<()> {
        if self.data.join("postmaster.pid").exists() {
            run("stop the server", self.pg_ctl().args(["stop", "-m", "fast", "-w"]))?;
        }
        self.launch()
    }

    /// Stops at once, as a crash would: sessions break, the next start recovers.
    ///
    /// # Errors
    /// When the server does not run.
    pub fn kill(&self) -> Result<()> {
        run("kill the server", self.pg_ctl().args(["stop", "-m", "immediate", "-w"])).map(drop)
    }

    /// Stops in order and removes the folder.
    ///
    /// # Errors
    /// When the server does not stop in order; it is then killed and removed all the same.
    pub fn stop(self) -> Result<()> {
        run("stop the server", self.pg_ctl().args(["stop", "-m", "fast", "-w"])).map(drop)
    }

    /// Lets the server live after this process; returns a line of shell that stops it and removes its folder.
    ///
    /// # Errors
    /// When the guard cannot be told.
    pub fn detach(mut self) -> Result<String> {
        self.guard.leave()?;
        fs::remove_file(self.anchor.join(OWNER))
            .map_err(|cause| failed(format!("let the server in {} live", self.anchor.display())).with_cause(cause))?;
        let (anchor, data) = (quote(&self.anchor), quote(&self.data));
        Ok(format!("kill -INT $(head -n 1 {data}/postmaster.pid); sleep 2; rm -rf {data} {anchor}"))
    }

    /// Appends a line to postgresql.conf; [`restart`](Self::restart) makes it count.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        self.append_settings(&[(name.to_owned(), value.to_owned())])
    }

    /// Writes a file into the data folder that only the server's user can read (a TLS key, pg_hba.conf).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, name: &str, content: &str) -> Result<()> {
        let path = self.data.join(name);
        let write = || {
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(content.as_bytes())?;
            give(&path, self.account)
        };
        write().map_err(|cause| failed(format!("write {}", path.display())).with_cause(cause))
    }

    /// Runs a batch of statements as superuser; the first column of the first row, as text. Blocks, on a thread of
    /// its own, so that it may be called from anywhere.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn query_text(&self, database: &str, sql: &str) -> Result<Option<String>> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.anchor).port(self.port).user(SUPERUSER).dbname(database);
        config.connect_timeout(Duration::from_secs(30)).application_name("tithe throwaway");
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| block_on_query(&config, sql)).join().unwrap_or_else(|_| Err("the asking thread died".into()))
        });
        answer.map_err(|cause| failed(format!("ask the throw-away server's database {database}")).with_cause(cause))
    }

    fn prepare(options: &Options) -> Result<Self> {
        let bin_dir = options.bin_dir.clone().map_or_else(find_bin_dir, Ok)?;
        let account = server_account()?;
        let parent = temp_dir(account);
        sweep(&parent, account);
        let refused = |cause| failed(format!("make a folder in {}", parent.display())).with_cause(cause);
        let anchor = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent).map_err(refused)?.keep();
        let data = match &options.dir {
            // Absolute, since the server programs run in other folders.
            Some(dir) => std::path::absolute(dir).map_err(refused)?,
            None => anchor.join("data"),
        };
        let owner = own(&anchor, account).map_err(refused)?;
        // The guard removes the data folder whatever it holds: never one that was not empty before.
        if options.dir.is_some() && fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
            let _ = fs::remove_dir_all(&anchor);
            return Err(failed(format!("use {} for a cluster: it is not empty", data.display())));
        }
        let guard = Guard::start(&anchor, &data, account, owner)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&data).and_then(|()| {
            // A folder that was there keeps its rights, which the server may refuse.
            fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
            give(&data, account)
        });
        made.map_err(|cause| failed(format!("make the folder {}", data.display())).with_cause(cause))?;
        Ok(Self { bin_dir, account, anchor, data, port: options.port.unwrap_or(5432), guard })
    }

    fn initdb(&self, options: &Options) -> Result<()> {
        let command = |locale: &str| {
            let mut command = self.command("initdb");
            command.arg("-D").arg(&self.data).args(["-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-sync"]);
            command.arg(format!("--locale={locale}")).args(&options.initdb_args);
            command
        };
        // Not every system has C.UTF-8; initdb finds out before it writes anything.
        run("make a cluster with initdb", &mut command("C.UTF-8"))
            .or_else(|first| run("make a cluster with initdb", &mut command("C")).map_err(|_| first))
            .map(drop)
    }

    fn configure(&self, options: &Options) -> Result<()> {
        let anchor = self.anchor.to_string_lossy();
        let port = self.port.to_string();
        let mut settings = vec![
            ("listen_addresses", ""),
            ("unix_socket_directories", &anchor),
            ("port", &port),
            ("timezone", "UTC"),
            ("logging_collector", "off"),
        ];
        if options.durability == Durability::Off {
            // Not synchronous_commit as well: `wait_replayed` needs WAL to be written when a statement returns.
            settings.extend([("fsync", "off"), ("full_page_writes", "off")]);
        }
        let mut settings: Vec<_> =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        settings.extend(options.settings.iter().cloned());
        self.append_settings(&settings)?;
        options.hba.as_deref().map_or(Ok(()), |text| self.write_file("pg_hba.conf", text))
    }

    fn append_settings(&self, settings: &[(String, String)]) -> Result<()> {
        let mut text = String::new();
        for (name, value) in settings {
            if value.contains(['\n', '\0'])
                || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
            {
                return Err(failed(format!("set {name}: not a setting on one line")));
            }
            text.push_str(&format!("{name} = '{}'\n", value.replace('\\', r"\\").replace('\'', "''")));
        }
        let path = self.data.join("postgresql.conf");
        let append = || OpenOptions::new().append(true).open(&path)?.write_all(text.as_bytes());
        append().map_err(|cause| failed(format!("write {}", path.display())).with_cause(cause))
    }

    fn launch(&self) -> Result<()> {
        // pg_ctl puts its arguments between double quotes into a shell line: names go by PGDATA and by the folder.
        let mut command = self.pg_ctl();
        command.args(["start", "-s", "-w", "-t", SECONDS_TO_START, "-l", "log"]);
        run("start a throw-away server", &mut command)
            .map(drop)
            .map_err(|error| error.with_cause(format!("the server's log ends:\n{}", self.log_tail())))
    }

    fn pg_ctl(&self) -> Command {
        let mut command = self.command("pg_ctl");
        command.env("PGDATA", &self.data);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = plain_command(self.bin_dir.join(program), self.account);
        command.current_dir(&self.anchor);
        command
    }
}

fn run(action: &str, command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|cause| failed(format!("{action}: run {program}")).with_cause(cause))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("{action}: {program} ended with {}: {}", output.status, said.trim())))
}

fn block_on_query(
    config: &tokio_postgres::Config,
    sql: &str,
) -> std::result::Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime
        .block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            let connection = tokio::spawn(connection);
            let answer = client.simple_query(sql).await?;
            drop(client);
            // Until the session has ended its database cannot be dropped.
            let _ = connection.await;
            Ok(answer.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.try_get(0).ok().flatten().map(str::to_owned)),
                _ => None,
            }))
        })
        .map(Option::flatten)
}

/// The last lines of a file, 4 KiB at most.
fn tail(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
        let mut bytes = Vec::new();
        file.take(4096).read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

/// Percent-encodes all but what a URL's path and query leave alone.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn quote(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

pub(super) fn failed(action: String) -> Error {
    Error::new(ErrorKind::Unexpected, action)
}
