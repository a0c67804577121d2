//! The checked form of a connection text: every parameter given its meaning and its default.
//!
//! Owns what libpq's manual calls connection parameters, as typed values. Opens nothing; reads the password file and
//! looks which socket exists, since the defaults depend on it. How it is printed and handed to child processes: `render`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use crate::error::{Error, ErrorKind, Result};
use crate::pg::errors::Side;

use super::params::{self, Resolved};
use super::parse::{self, Malformed};
use super::passfile::{self, PassFile, Secret};

const DEFAULT_PORT: u16 = 5432;
/// Where servers put their socket: as packaged by distributions, and as PostgreSQL's own source has it.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Long enough for a slow name server and a TLS handshake across continents, short enough for a person to wait.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where and as whom to connect. Printing it never shows a password.
#[derive(Clone)]
pub struct ConnectInfo {
    pub(super) side: Side,
    pub(super) hosts: Vec<HostEntry>,
    pub(super) user: String,
    pub(super) dbname: String,
    /// The database that was asked for: whoever may enter it may know no password for the server's others.
    stated_dbname: String,
    pub(super) password: Option<Secret>,
    pub(super) passfile_path: Option<PathBuf>,
    pub(super) passfile: PassFile,
    pub(super) tls: TlsSettings,
    pub(super) options: Option<String>,
    pub(super) application_name: String,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) session_attrs: SessionAttrs,
    pub(super) channel_binding: ChannelBinding,
    pub(super) keepalive: Option<Keepalive>,
    pub(super) tcp_user_timeout: Option<Duration>,
    notes: Vec<String>,
}

/// One server of the list to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostEntry {
    /// Its name or socket directory.
    pub host: Host,
    /// Its address, where a name need not be looked up.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// By name or address, over TCP.
    Tcp(String),
    /// By the Unix socket in this directory.
    Socket(PathBuf),
}

/// How much TLS is wanted, as in libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server refuses a plain connection.
    Allow,
    /// If the server can.
    Prefer,
    /// Always; whose certificate it is does not matter.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this very host.
    VerifyFull,
}

impl SslMode {
    const NAMES: [(&str, SslMode); 6] = [
        ("disable", Self::Disable),
        ("allow", Self::Allow),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    /// As libpq spells it.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, mode)| *mode == self).map_or("prefer", |(name, _)| name)
    }
}

/// Everything about TLS but the files' content.
#[derive(Clone, Debug)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    pub(super) root_cert: Option<String>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    /// `~/.postgresql`, home of the files that are used when they exist.
    pub(super) default_directory: Option<PathBuf>,
    pub(super) negotiation: SslNegotiation,
    pub(super) send_server_name: bool,
    pub(super) only_tls13: bool,
}

/// Which of several servers will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl SessionAttrs {
    pub(super) const NAMES: [(&str, SessionAttrs); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];
}

/// Probes that keep firewalls from forgetting a connection that waits for a long COPY elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keepalive {
    pub(super) idle: Duration,
    pub(super) interval: Duration,
    pub(super) retries: u32,
}

impl ConnectInfo {
    /// Reads `text` (a URL, `keyword=value` pairs, or a database name) and completes it as libpq does.
    pub fn parse(text: &str, side: Side, env: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let usage = |what: String| Error::new(ErrorKind::Usage, what);
        if text.trim().is_empty() {
            let remedy = "give a URL, or check that the variable it comes from is set";
            return Err(usage(format!("the {} is empty", side.option())).with_remedy(remedy));
        }
        let read = || {
            let params = parse::parse(text.trim())?;
            if params.says_nothing() {
                return Err(Malformed("it names neither host nor database nor user".to_owned()));
            }
            Self::build(params::resolve(&params, env)?, side, env)
        };
        read().map_err(|Malformed(what)| {
            usage(format!("read the {}: {what}", side.option()))
                .with_remedy("write postgresql://USER@HOST:PORT/DATABASE, or host=… dbname=… user=…")
        })
    }

    fn build(mut given: Resolved, side: Side, env: &impl Fn(&str) -> Option<String>) -> Result<Self, Malformed> {
        let user = match given.take("user").or_else(|| params::os_user(env)) {
            Some(user) => user,
            None => return Err(Malformed("no user is named, and the system does not know ours".to_owned())),
        };
        if side == Side::Target && given.get("dbname").is_none() {
            // libpq would take the role's name: of a role such as postgres that is a database nobody meant.
            return Err(Malformed("it names no database, and PGDATABASE is not set".to_owned()));
        }
        let mut notes = Vec::new();
        let password = given.take("password").map(Secret::new);
        let passfile_path = given.take("passfile").map(PathBuf::from);
        let mut passfile = PassFile::default();
        if password.is_none()
            && let Some(path) = passfile_path.clone().or_else(|| passfile::default_path(env))
        {
            let (read, note) = PassFile::read(&path);
            passfile = read;
            notes.extend(note);
        }
        let seconds = |name, default| Ok(number(&given, name)?.map_or(default, Duration::from_secs));
        let keepalive = Keepalive {
            idle: seconds("keepalives_idle", Duration::from_secs(60))?,
            interval: seconds("keepalives_interval", Duration::from_secs(15))?,
            retries: number(&given, "keepalives_count")?.unwrap_or(4),
        };
        let dbname = given.get("dbname").unwrap_or(&user).to_owned();
        Ok(Self {
            side,
            hosts: hosts(&given)?,
            stated_dbname: dbname.clone(),
            dbname,
            user,
            password,
            passfile_path,
            passfile,
            tls: tls_settings(&given, env)?,
            options: given.get("options").map(str::to_owned),
            application_name: given.get("application_name").unwrap_or("tithe").to_owned(),
            connect_timeout: match given.get("connect_timeout").map(|text| text.trim().parse::<i64>()) {
                None => Some(DEFAULT_CONNECT_TIMEOUT),
                // libpq: zero, negative or absent means to wait for ever; absent does not, here.
                Some(Ok(seconds)) => u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs),
                Some(Err(_)) => return Err(given.complain("connect_timeout", "is not a number of seconds")),
            },
            session_attrs: choice(&given, "target_session_attrs", &SessionAttrs::NAMES, SessionAttrs::Any)?,
            channel_binding: match given.get("channel_binding") {
                None | Some("prefer") => ChannelBinding::Prefer,
                Some("disable") => ChannelBinding::Disable,
                Some("require") => ChannelBinding::Require,
                Some(_) => return Err(given.complain("channel_binding", "is not disable, prefer or require")),
            },
            keepalive: (given.get("keepalives") != Some("0")).then_some(keepalive),
            tcp_user_timeout: number(&given, "tcp_user_timeout")?.filter(|ms| *ms > 0).map(Duration::from_millis),
            notes,
        })
    }

    /// Source or target.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The servers to try, in order; at least one.
    pub fn hosts(&self) -> &[HostEntry] {
        &self.hosts
    }

    /// The first server's port.
    pub fn port(&self) -> u16 {
        self.hosts.first().map_or(DEFAULT_PORT, |entry| entry.port)
    }

    /// The role.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database.
    pub fn dbname(&self) -> &str {
        &self.dbname
    }

    /// Oddities to tell the user of, such as a password file that others may read.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The same server and role, another database; a line of the password file for the first one will do.
    #[must_use]
    pub fn with_dbname(&self, name: &str) -> Self {
        Self { dbname: name.to_owned(), ..self.clone() }
    }

    /// Only this one of the servers.
    pub(super) fn narrowed_to(&self, entry: HostEntry) -> Self {
        Self { hosts: vec![entry], ..self.clone() }
    }

    /// The password for one server: the one given, else the password file's.
    pub(super) fn password_for(&self, entry: &HostEntry) -> Option<&Secret> {
        let address = entry.address.map(|address| address.to_string());
        let names = match &entry.host {
            Host::Tcp(name) => vec![name.as_str()],
            Host::Socket(directory) if is_default_socket(directory) => vec!["localhost", path_str(directory)],
            Host::Socket(directory) => vec![path_str(directory)],
        };
        let find = |dbname: &str| {
            let found = self.passfile.find(&names, entry.port, dbname, &self.user);
            let by_address = || self.passfile.find(&[address.as_deref()?], entry.port, dbname, &self.user);
            found.or_else(by_address)
        };
        self.password.as_ref().or_else(|| find(&self.dbname)).or_else(|| find(&self.stated_dbname))
    }
}

fn path_str(path: &Path) -> &str {
    // Built from text, so it is text.
    path.to_str().unwrap_or_default()
}

fn is_default_socket(directory: &Path) -> bool {
    directory == Path::new("/run/postgresql") || SOCKET_DIRECTORIES.iter().any(|known| directory == Path::new(known))
}

fn number<T: FromStr>(given: &Resolved, name: &str) -> Result<Option<T>, Malformed> {
    let Some(text) = given.get(name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| given.complain(name, "is not a whole number"))
}

fn choice<T: Copy>(given: &Resolved, name: &str, names: &[(&str, T)], default: T) -> Result<T, Malformed> {
    let Some(text) = given.get(name) else { return Ok(default) };
    names.iter().find(|(known, _)| *known == text).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
        given.complain(name, &format!("is none of {}", known.join(", ")))
    })
}

/// Joins the lists of hosts, addresses and ports, which must fit each other.
fn hosts(given: &Resolved) -> Result<Vec<HostEntry>, Malformed> {
    let list = |name| given.get(name).map(|text: &str| text.split(',').map(str::trim).collect::<Vec<_>>());
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = addresses.as_ref().or(names.as_ref()).map_or(1, Vec::len);
    if names.as_ref().is_some_and(|names| names.len() != count) {
        return Err(given.complain("hostaddr", "does not name as many servers as there are hosts"));
    }
    let ports = ports.unwrap_or_else(|| vec![""]);
    if ports.len() != 1 && ports.len() != count {
        return Err(given.complain("port", "does not name one port, or as many as there are hosts"));
    }
    (0..count)
        .map(|index| {
            let port = match ports.get(index).or(ports.first()).copied().unwrap_or_default() {
                "" => DEFAULT_PORT,
                text => match text.parse() {
                    Ok(port) if port > 0 => port,
                    _ => return Err(given.complain("port", "is not a port number")),
                },
            };
            let address = match addresses.as_ref().and_then(|list| list.get(index)).copied().unwrap_or_default() {
                "" => None,
                text => Some(text.parse::<IpAddr>().map_err(|_| given.complain("hostaddr", "is not an IP address"))?),
            };
            let host = match names.as_ref().and_then(|list| list.get(index)).copied().unwrap_or_default() {
                "" => address.map_or_else(|| default_host(port), |address| Host::Tcp(address.to_string())),
                name if name.starts_with('/') => Host::Socket(PathBuf::from(name)),
                name if name.contains(['@', ' ']) => {
                    return Err(given.complain("host", "has a space or an @ in it"));
                }
                name => Host::Tcp(name.to_owned()),
            };
            Ok(HostEntry { host, address, port })
        })
        .collect()
}

/// The directory that holds the socket of a server on this machine, else its loopback address.
fn default_host(port: u16) -> Host {
    let socket = |directory: &&&str| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
    match SOCKET_DIRECTORIES.iter().find(socket) {
        Some(directory) => Host::Socket(PathBuf::from(directory)),
        None => Host::Tcp("localhost".to_owned()),
    }
}

fn tls_settings(given: &Resolved, env: &impl Fn(&str) -> Option<String>) -> Result<TlsSettings, Malformed> {
    let system = given.get("sslrootcert") == Some("system");
    // libpq: whoever trusts every public authority has to check the name as well.
    let default = if system { SslMode::VerifyFull } else { SslMode::Prefer };
    let mode = choice(given, "sslmode", &SslMode::NAMES, default)?;
    if system && mode != SslMode::VerifyFull {
        return Err(given.complain("sslmode", "is too weak for sslrootcert=system: it has to be verify-full"));
    }
    let negotiation = match given.get("sslnegotiation") {
        None | Some("postgres") => SslNegotiation::Postgres,
        Some("direct") if mode >= SslMode::Require => SslNegotiation::Direct,
        Some("direct") => return Err(given.complain("sslnegotiation", "needs sslmode=require or stronger")),
        Some(_) => return Err(given.complain("sslnegotiation", "is neither postgres nor direct")),
    };
    let only_tls13 = match given.get("ssl_min_protocol_version") {
        None | Some("TLSv1" | "TLSv1.1" | "TLSv1.2") => false,
        Some("TLSv1.3") => true,
        Some(_) => return Err(given.complain("ssl_min_protocol_version", "is not one of TLSv1.2, TLSv1.3")),
    };
    Ok(TlsSettings {
        mode,
        root_cert: given.get("sslrootcert").map(str::to_owned),
        cert: given.get("sslcert").map(PathBuf::from),
        key: given.get("sslkey").map(PathBuf::from),
        default_directory: env("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(".postgresql")),
        negotiation,
        send_server_name: given.get("sslsni") != Some("0"),
        only_tls13,
    })
}
