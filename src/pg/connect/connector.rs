//! Opens one session: which address, TLS or not, how long to wait, and what to say when nothing answers.
//!
//! Owns libpq's order of attempts (hosts as listed, every address of each, TLS and plain as sslmode says). Does not
//! pool, and sets nothing in the session but its name.
//!
//! **The first address that works is kept**: every later session of this connector (and of its copies for other
//! databases) goes there. A snapshot is known to one server only, and a name may stand for several: a list of hosts, a
//! reader endpoint, a failover. [`Connector::reached`] says which it is, for child processes.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode as TlsUse, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{CancelToken, Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};
use crate::pg::errors::{self, Plain};

use super::info::{ConnectInfo, Host, HostEntry, SessionAttrs, SslMode, TlsSettings};
use super::tls;

/// Such a database stores whatever bytes a client sent.
const NOT_UTF8: &str = "the encoding of this database is SQL_ASCII, and it holds texts that are not UTF-8, which tithe \
    cannot read: rewrite them as UTF-8 (dump, convert, restore into a database in UTF8), or say rows = \"none\" for \
    their tables";

/// Opens sessions as a [`ConnectInfo`] says. Cloning shares the address reached.
#[derive(Clone)]
pub struct Connector {
    info: ConnectInfo,
    tls: MakeRustlsConnect,
    reached: Arc<OnceLock<HostEntry>>,
    /// What ended the last session that ended badly. The task that runs a connection knows the reason (a shutdown,
    /// say), the query that waits for an answer only that there will be none.
    last_end: Arc<Mutex<Option<tokio_postgres::Error>>>,
    /// The encoding of the database first reached.
    encoding: Arc<OnceLock<String>>,
}

/// An open session and the task that drives it; the session lasts as long as the client.
pub struct Session {
    /// To ask questions with.
    pub client: Client,
    /// Ends when the client is dropped; aborting it closes the connection at once.
    pub task: JoinHandle<()>,
}

/// Whether an attempt is the whole story, or the next server may be tried.
enum Failure {
    /// This server cannot be reached or will not do.
    TryNext(Error),
    /// A server answered and refused us; libpq does not ask the next one then.
    Final(Error),
}

impl Connector {
    /// Reads certificates and keys; connects nowhere yet.
    pub fn new(info: ConnectInfo) -> Result<Self> {
        let sockets_only = info.hosts.iter().all(|entry| matches!(entry.host, Host::Socket(_)));
        // A socket never speaks TLS, whatever the mode; then missing files are no fault either.
        let mode = if sockets_only { SslMode::Disable } else { info.tls.mode };
        let must_bind = info.channel_binding == tokio_postgres::config::ChannelBinding::Require;
        let tls = tls::connector(&TlsSettings { mode, ..info.tls.clone() }, must_bind, info.side)?;
        Ok(Self { info, tls, reached: Arc::default(), last_end: Arc::default(), encoding: Arc::default() })
    }

    /// Where it goes.
    pub fn info(&self) -> &ConnectInfo {
        &self.info
    }

    /// The one server that sessions go to, by address, once there has been a session.
    pub fn reached(&self) -> Option<ConnectInfo> {
        self.reached.get().map(|entry| self.info.narrowed_to(entry.clone()))
    }

    /// The same, which knows and names that one server only.
    #[must_use]
    pub fn narrowed(&self) -> Self {
        Self { info: self.reached().unwrap_or_else(|| self.info.clone()), ..self.clone() }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_dbname(&self, name: &str) -> Self {
        Self { info: self.info.with_dbname(name), encoding: Arc::default(), ..self.clone() }
    }

    /// Opens a session.
    pub async fn connect(&self) -> Result<Session> {
        if let Some(entry) = self.reached.get() {
            return self.try_host(entry, self.info.session_attrs).await.map_err(|failure| match failure {
                Failure::TryNext(error) | Failure::Final(error) => error,
            });
        }
        // Any standby first, then whatever there is.
        let passes: &[SessionAttrs] = match &self.info.session_attrs {
            SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
            attrs => std::slice::from_ref(attrs),
        };
        let mut failures = Vec::new();
        for attrs in passes {
            failures.clear();
            for entry in &self.info.hosts {
                match self.try_host(entry, *attrs).await {
                    Ok(session) => return Ok(session),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::TryNext(error)) => failures.push(error),
                }
            }
        }
        Err(self.summary(failures))
    }

    /// Asks the server to stop what the session of `token` is doing.
    pub async fn cancel(&self, token: &CancelToken) -> Result<()> {
        let action = || format!("cancel a statement in {}", self.info);
        let asked = within(self.info.connect_timeout, token.cancel_query(self.tls.clone())).await;
        match asked {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.fail(action(), error)),
            None => Err(Error::new(self.info.side.kind(), action()).with_cause(Plain("no answer".to_owned()))),
        }
    }

    /// The crate's form of `error`, met in one of this connector's sessions while doing `action`.
    pub fn fail(&self, action: impl Into<String>, error: tokio_postgres::Error) -> Error {
        let error = match error.is_closed() {
            true => self.last_end.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(error),
            false => error,
        };
        let undecodable = error.code() == Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE)
            && self.encoding.get().is_some_and(|encoding| encoding == "SQL_ASCII");
        let failed = errors::server_error(self.info.side, Some(&self.info.user), action, error);
        if undecodable { failed.with_remedy(NOT_UTF8) } else { failed }
    }

    fn summary(&self, mut failures: Vec<Error>) -> Error {
        let action = format!("connect to {}", self.info);
        match failures.pop() {
            Some(last) if failures.is_empty() => last,
            Some(last) => {
                let remedy = last.remedy().to_owned();
                let all: Vec<String> = failures.iter().chain([&last]).map(Error::chain).collect();
                let cause = Plain(format!("none of {} addresses will do: {}", all.len(), all.join("; ")));
                Error::new(self.info.side.kind(), action).with_cause(cause).with_remedy(remedy)
            }
            None => Error::new(self.info.side.kind(), action),
        }
    }

    async fn try_host(&self, entry: &HostEntry, attrs: SessionAttrs) -> Result<Session, Failure> {
        let addresses = match (&entry.host, entry.address) {
            (Host::Socket(_), _) => vec![None],
            (Host::Tcp(_), Some(address)) => vec![Some(address)],
            (Host::Tcp(name), None) => {
                self.look_up(name, entry).await.map_err(Failure::TryNext)?.into_iter().map(Some).collect()
            }
        };
        let mut failures = Vec::new();
        for address in addresses {
            let entry = HostEntry { address, ..entry.clone() };
            match self.try_address(&entry, attrs).await {
                Ok(session) => {
                    // Two sessions may race to be the first; they went by the same list, and the loser's is dropped
                    // only if it reached another server.
                    if *self.reached.get_or_init(|| entry.clone()) == entry {
                        return Ok(session);
                    }
                    let kept = self.reached.get().unwrap_or(&entry).clone();
                    return self.try_address(&kept, attrs).await;
                }
                Err(Failure::Final(error)) => return Err(Failure::Final(error)),
                Err(Failure::TryNext(error)) => failures.push(error),
            }
        }
        Err(Failure::TryNext(self.summary(failures)))
    }

    async fn look_up(&self, name: &str, entry: &HostEntry) -> Result<Vec<IpAddr>> {
        let failed = |cause: std::io::Error| {
            Error::new(self.info.side.kind(), format!("look up the address of {name}"))
                .with_cause(cause)
                .with_remedy(format!("check the host name of the {}", self.info.side))
        };
        match within(self.info.connect_timeout, tokio::net::lookup_host((name, entry.port))).await {
            Some(Ok(found)) => {
                let mut addresses: Vec<IpAddr> = Vec::new();
                for address in found.map(|socket| socket.ip()) {
                    if !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
                match addresses.is_empty() {
                    false => Ok(addresses),
                    true => Err(failed(std::io::Error::other("the name has no address"))),
                }
            }
            Some(Err(error)) => Err(failed(error)),
            None => Err(failed(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer"))),
        }
    }

    /// One address: with TLS and without, in the order that sslmode says.
    async fn try_address(&self, entry: &HostEntry, attrs: SessionAttrs) -> Result<Session, Failure> {
        let uses: &[TlsUse] = match (&entry.host, self.info.tls.mode) {
            (Host::Socket(_), _) | (_, SslMode::Disable) => &[TlsUse::Disable],
            (_, SslMode::Allow) => &[TlsUse::Disable, TlsUse::Require],
            (_, SslMode::Prefer) => &[TlsUse::Prefer, TlsUse::Disable],
            _ => &[TlsUse::Require],
        };
        let mut first = None;
        for (index, tls_use) in uses.iter().enumerate() {
            match self.open(entry, *tls_use).await {
                Ok(session) => return self.check_attrs(session, entry, attrs).await,
                Err(attempt) => {
                    let retry = index + 1 < uses.len() && attempt.other_encryption_may_help(*tls_use);
                    let failure = self.describe(attempt, entry);
                    if !retry {
                        return Err(first.unwrap_or(failure));
                    }
                    // The first refusal says more: the second often is just that this server wants it the first way.
                    first = Some(failure);
                }
            }
        }
        Err(first.unwrap_or_else(|| Failure::TryNext(self.summary(Vec::new()))))
    }

    async fn open(&self, entry: &HostEntry, tls_use: TlsUse) -> Result<Session, Attempt> {
        let config = self.config(entry, tls_use);
        let opened = within(self.info.connect_timeout, config.connect(self.tls.clone())).await;
        let (client, mut connection) = opened.ok_or(Attempt::TimedOut)?.map_err(Attempt::Failed)?;
        if let Some(encoding) = connection.parameter("server_encoding") {
            self.encoding.get_or_init(|| encoding.to_owned());
        }
        let last_end = Arc::clone(&self.last_end);
        let task = tokio::spawn(async move {
            // By reference: dropping the connection is what wakes the queries that wait for it, and by then the reason
            // must be in place.
            if let Err(error) = (&mut connection).await
                && !error.is_closed()
            {
                *last_end.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
            drop(connection);
        });
        Ok(Session { client, task })
    }

    fn config(&self, entry: &HostEntry, tls_use: TlsUse) -> Config {
        let info = &self.info;
        let mut config = Config::new();
        config.user(&info.user).dbname(&info.dbname).application_name(&info.application_name).port(entry.port);
        match &entry.host {
            Host::Socket(directory) => config.host_path(directory),
            Host::Tcp(name) => config.host(name),
        };
        if let (Host::Tcp(_), Some(address)) = (&entry.host, entry.address) {
            config.hostaddr(address);
        }
        if let Some(password) = info.password_for(entry) {
            config.password(password.expose());
        }
        if let Some(options) = &info.options {
            config.options(options);
        }
        config.ssl_mode(tls_use).channel_binding(info.channel_binding).target_session_attrs(TargetSessionAttrs::Any);
        if tls_use == TlsUse::Require {
            config.ssl_negotiation(info.tls.negotiation);
        }
        config.keepalives(info.keepalive.is_some());
        if let Some(keepalive) = info.keepalive {
            config.keepalives_idle(keepalive.idle).keepalives_interval(keepalive.interval);
            config.keepalives_retries(keepalive.retries);
        }
        if let Some(limit) = info.tcp_user_timeout {
            config.tcp_user_timeout(limit);
        }
        if let Some(limit) = info.connect_timeout {
            // Also kept in the session's cancel token.
            config.connect_timeout(limit);
        }
        config
    }

    fn describe(&self, attempt: Attempt, entry: &HostEntry) -> Failure {
        let action = format!("connect to {}", self.info.narrowed_to(entry.clone()));
        let action = match (&entry.host, entry.address) {
            (Host::Tcp(name), Some(address)) if *name != address.to_string() => format!("{action} (address {address})"),
            _ => action,
        };
        match attempt {
            Attempt::TimedOut => {
                let limit = self.info.connect_timeout.unwrap_or_default().as_secs();
                let side = self.info.side;
                Failure::TryNext(
                    Error::new(side.kind(), action)
                        .with_cause(Plain(format!("no answer within {limit} seconds")))
                        .with_remedy(format!(
                            "check that no firewall stands before the {side}, or set connect_timeout"
                        )),
                )
            }
            Attempt::Failed(error) => {
                // 57P03: it is starting or stopping, another one may be up.
                let answered = error.code().is_some_and(|code| code.code() != "57P03");
                let error = errors::server_error(self.info.side, Some(&self.info.user), action, error);
                if answered { Failure::Final(error) } else { Failure::TryNext(error) }
            }
        }
    }

    /// Asks the server what it is, where that matters.
    async fn check_attrs(&self, session: Session, entry: &HostEntry, attrs: SessionAttrs) -> Result<Session, Failure> {
        let wanted: fn(bool, bool) -> bool = match attrs {
            SessionAttrs::Any | SessionAttrs::PreferStandby => return Ok(session),
            SessionAttrs::ReadWrite => |_, read_only| !read_only,
            SessionAttrs::ReadOnly => |_, read_only| read_only,
            SessionAttrs::Primary => |standby, _| !standby,
            SessionAttrs::Standby => |standby, _| standby,
        };
        let question = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
        let answer = session.client.simple_query(question).await;
        let rows = answer.map_err(|error| Failure::TryNext(self.fail(format!("ask {entry} what it is"), error)))?;
        let fits = rows.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => wanted(row.get(0) == Some("t"), row.get(1) == Some("on")),
            _ => false,
        });
        if fits {
            return Ok(session);
        }
        let name = SessionAttrs::NAMES.iter().find(|(_, known)| *known == attrs).map_or("", |(name, _)| name);
        let action = format!("{entry} is not what target_session_attrs={name} asks for");
        let remedy = "name a server that is, or leave the parameter out";
        Err(Failure::TryNext(Error::new(self.info.side.kind(), action).with_remedy(remedy)))
    }
}

/// How one attempt ended, other than well.
enum Attempt {
    TimedOut,
    Failed(tokio_postgres::Error),
}

impl Attempt {
    /// With `allow` and `prefer`, a refusal may be about encryption: pg_hba.conf has lines for either kind.
    fn other_encryption_may_help(&self, tried: TlsUse) -> bool {
        match self {
            Attempt::TimedOut => false,
            Attempt::Failed(error) => match error.code() {
                Some(code) => code.code() == "28000",
                // A handshake that failed, as opposed to a server that cannot be reached.
                None => tried == TlsUse::Prefer && error.to_string().contains("TLS"),
            },
        }
    }
}

async fn within<F: Future>(limit: Option<Duration>, work: F) -> Option<F::Output> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}
