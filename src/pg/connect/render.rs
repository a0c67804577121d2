//! A [`ConnectInfo`] for readers: redacted for people, complete for child processes.
//!
//! Owns the only two ways by which a password leaves: the environment of `pg_dump` and `psql`, and the URL handed to
//! the user's own commands.

use std::fmt;

use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use super::info::{ConnectInfo, Host, HostEntry, SessionAttrs};

/// Every variable that libpq reads. A child gets none of them from our own environment: `PGSERVICE` alone would
/// overrule all that [`ConnectInfo::libpq_env`] sets.
pub const LIBPQ_VARIABLES: &[&str] = &[
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGCHANNELBINDING",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLCOMPRESSION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCERTMODE",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGSSLNEGOTIATION",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGREQUIREPEER",
    "PGREQUIREAUTH",
    "PGGSSENCMODE",
    "PGKRBSRVNAME",
    "PGGSSLIB",
    "PGGSSDELEGATION",
    "PGCONNECT_TIMEOUT",
    "PGCLIENTENCODING",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
    "PGDATESTYLE",
    "PGTZ",
    "PGGEQO",
];

impl ConnectInfo {
    /// The environment that makes libpq programs connect as we do, so that no secret stands on a command line. Remove
    /// [`LIBPQ_VARIABLES`] from the child first.
    pub fn libpq_env(&self) -> Vec<(String, String)> {
        let list = |one: &dyn Fn(&HostEntry) -> String| self.hosts.iter().map(one).collect::<Vec<_>>().join(",");
        let mut env = vec![
            ("PGHOST", list(&|entry| entry.host.to_string())),
            ("PGPORT", list(&|entry| entry.port.to_string())),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.dbname.clone()),
            ("PGAPPNAME", self.application_name.clone()),
            ("PGSSLMODE", self.tls.mode.name().to_owned()),
            // What the rest of this program speaks.
            ("PGCLIENTENCODING", "UTF8".to_owned()),
            ("PGGSSENCMODE", "disable".to_owned()),
        ];
        let mut add = |name, value: Option<String>| env.extend(value.map(|value| (name, value)));
        if self.hosts.iter().any(|entry| entry.address.is_some()) {
            add("PGHOSTADDR", Some(list(&|entry| entry.address.map_or(String::new(), |a| a.to_string()))));
        }
        add("PGPASSWORD", self.child_password().map(str::to_owned));
        let path = |path: &std::path::PathBuf| path.display().to_string();
        add("PGPASSFILE", self.passfile_path.as_ref().map(path));
        add("PGSSLROOTCERT", self.tls.root_cert.clone());
        add("PGSSLCERT", self.tls.cert.as_ref().map(path));
        add("PGSSLKEY", self.tls.key.as_ref().map(path));
        add("PGSSLNEGOTIATION", (self.tls.negotiation == SslNegotiation::Direct).then(|| "direct".to_owned()));
        add("PGSSLSNI", (!self.tls.send_server_name).then(|| "0".to_owned()));
        add("PGSSLMINPROTOCOLVERSION", self.tls.only_tls13.then(|| "TLSv1.3".to_owned()));
        let binding = match self.channel_binding {
            ChannelBinding::Disable => Some("disable"),
            ChannelBinding::Require => Some("require"),
            _ => None,
        };
        add("PGCHANNELBINDING", binding.map(str::to_owned));
        add("PGOPTIONS", self.options.clone());
        add("PGCONNECT_TIMEOUT", self.connect_timeout.map(|limit| limit.as_secs().to_string()));
        if self.session_attrs != SessionAttrs::Any {
            let name = SessionAttrs::NAMES.iter().find(|(_, attrs)| *attrs == self.session_attrs);
            add("PGTARGETSESSIONATTRS", name.map(|(name, _)| (*name).to_owned()));
        }
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The URL for `DATABASE_URL` of the user's own commands. Holds the password: for an environment, never for a
    /// command line or a log.
    pub fn url_for_child(&self) -> String {
        let mut url = format!("postgresql://{}", encode(&self.user));
        if let Some(password) = self.child_password() {
            url.push(':');
            url.push_str(&encode(password));
        }
        url.push('@');
        let mut query = Vec::new();
        match self.hosts.as_slice() {
            // A socket as a parameter is understood by more drivers than one in the place of a host.
            [HostEntry { host: Host::Socket(directory), port, .. }] => {
                url.push_str(&format!("localhost:{port}"));
                query.push(("host", directory.display().to_string()));
            }
            hosts => {
                let list: Vec<String> = hosts.iter().map(|entry| authority(entry, &encode)).collect();
                url.push_str(&list.join(","));
            }
        }
        url.push('/');
        url.push_str(&encode(&self.dbname));
        let path = |path: &std::path::PathBuf| path.display().to_string();
        query.push(("sslmode", self.tls.mode.name().to_owned()));
        query.extend(self.tls.root_cert.clone().map(|file| ("sslrootcert", file)));
        query.extend(self.tls.cert.as_ref().map(|file| ("sslcert", path(file))));
        query.extend(self.tls.key.as_ref().map(|file| ("sslkey", path(file))));
        query.extend(self.options.clone().map(|options| ("options", options)));
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", encode(value)));
        }
        url
    }

    fn child_password(&self) -> Option<&str> {
        // Several servers may have several passwords; then the child asks the password file itself.
        let found = match self.hosts.as_slice() {
            [only] => self.password_for(only),
            _ => self.password.as_ref(),
        };
        found.map(|secret| secret.expose())
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// `host:port`, with brackets where the host is an IPv6 address.
fn authority(entry: &HostEntry, encode: &dyn Fn(&str) -> String) -> String {
    match &entry.host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", entry.port),
        host => format!("{}:{}", encode(&host.to_string()), entry.port),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Tcp(name) => f.write_str(name),
            Host::Socket(directory) => write!(f, "{}", directory.display()),
        }
    }
}

/// `db.example:5432`, or `/run/postgresql` (with `:5433` where the port is not the usual one).
impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Socket(_) if self.port == 5432 => self.host.fmt(f),
            _ => f.write_str(&authority(self, &str::to_owned)),
        }
    }
}

/// `prod on db.example:5432 as reader`.
impl fmt::Display for ConnectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(HostEntry::to_string).collect();
        let line = format!("{} on {} as {}", self.dbname, hosts.join(","), self.user);
        // Names come from outside; a line break in one must not forge a line of a log.
        f.write_str(&line.replace(|c: char| c.is_control(), "?"))
    }
}

impl fmt::Debug for ConnectInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectInfo({self})")
    }
}
