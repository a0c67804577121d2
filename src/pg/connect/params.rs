//! Which connection parameters exist, and where a missing one comes from: service file, then environment.
//!
//! Owns the table of libpq's parameters and the order of precedence; gives no value a meaning (that is `info`).
//! A parameter that would make the connection safer and is not supported is refused: ignoring it would weaken what the
//! user asked for. One that changes nothing here is accepted.

use std::collections::HashMap;
use std::path::PathBuf;

use super::parse::{Malformed, Params};

/// What is done with a parameter.
enum Treatment {
    /// Understood.
    Read,
    /// Accepted, without effect on this program.
    Ignored,
    /// Accepted when it has one of these values, otherwise not supported.
    Only(&'static [&'static str]),
    /// Not supported.
    Refused,
}

use Treatment::{Ignored, Only, Read, Refused};

/// libpq's parameters with their environment variables.
const PARAMETERS: &[(&str, &str, Treatment)] = &[
    ("host", "PGHOST", Read),
    ("hostaddr", "PGHOSTADDR", Read),
    ("port", "PGPORT", Read),
    ("dbname", "PGDATABASE", Read),
    ("user", "PGUSER", Read),
    ("password", "PGPASSWORD", Read),
    ("passfile", "PGPASSFILE", Read),
    ("service", "PGSERVICE", Read),
    ("options", "PGOPTIONS", Read),
    ("application_name", "PGAPPNAME", Read),
    ("connect_timeout", "PGCONNECT_TIMEOUT", Read),
    ("target_session_attrs", "PGTARGETSESSIONATTRS", Read),
    ("channel_binding", "PGCHANNELBINDING", Read),
    ("sslmode", "PGSSLMODE", Read),
    ("sslrootcert", "PGSSLROOTCERT", Read),
    ("sslcert", "PGSSLCERT", Read),
    ("sslkey", "PGSSLKEY", Read),
    ("sslnegotiation", "PGSSLNEGOTIATION", Read),
    ("sslsni", "PGSSLSNI", Read),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Read),
    ("keepalives", "", Read),
    ("keepalives_idle", "", Read),
    ("keepalives_interval", "", Read),
    ("keepalives_count", "", Read),
    ("tcp_user_timeout", "", Read),
    ("fallback_application_name", "", Ignored),
    ("krbsrvname", "PGKRBSRVNAME", Ignored),
    ("gsslib", "PGGSSLIB", Ignored),
    ("gssdelegation", "PGGSSDELEGATION", Ignored),
    ("sslcompression", "PGSSLCOMPRESSION", Ignored),
    ("client_encoding", "PGCLIENTENCODING", Ignored),
    ("gssencmode", "PGGSSENCMODE", Only(&["disable", "prefer"])),
    ("sslcertmode", "PGSSLCERTMODE", Only(&["allow"])),
    ("load_balance_hosts", "PGLOADBALANCEHOSTS", Only(&["disable"])),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Only(&["TLSv1.3"])),
    ("sslcrl", "PGSSLCRL", Refused),
    ("sslcrldir", "PGSSLCRLDIR", Refused),
    ("sslpassword", "", Refused),
    ("requirepeer", "PGREQUIREPEER", Refused),
    ("require_auth", "PGREQUIREAUTH", Refused),
    ("requiressl", "PGREQUIRESSL", Refused),
    ("replication", "", Refused),
];

/// The value of each parameter, and the words to name it by in a complaint.
pub(super) struct Resolved(HashMap<&'static str, (String, String)>);

impl Resolved {
    /// The value, unless unset or empty: to libpq too, empty means "the default".
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).map(|(value, _)| value).filter(|value| !value.is_empty())
    }

    /// `what` is wrong with the value of `name`.
    pub(super) fn complain(&self, name: &str, what: &str) -> Malformed {
        let origin = self.0.get(name).map_or(name, |(_, origin)| origin.as_str());
        Malformed(format!("{origin} {what}"))
    }

    /// Takes what is still unset from `params`.
    fn fill(&mut self, params: &Params, place: &str) -> Result<(), Malformed> {
        for (name, value) in params.iter() {
            let Some((known, _, treatment)) = PARAMETERS.iter().find(|(known, ..)| *known == name) else {
                return Err(unknown(name, place));
            };
            accept(treatment, value, &format!("parameter {known}{place}"))?;
            self.0.entry(known).or_insert_with(|| (value.to_owned(), format!("parameter {known}{place}")));
        }
        Ok(())
    }
}

/// Completes `params` from the service file and the environment.
pub(super) fn resolve(params: &Params, env: &impl Fn(&str) -> Option<String>) -> Result<Resolved, Malformed> {
    let mut resolved = Resolved(HashMap::new());
    resolved.fill(params, "")?;
    let service = resolved.get("service").map(str::to_owned).or_else(|| env("PGSERVICE").filter(|s| !s.is_empty()));
    if let Some(service) = service {
        resolved.fill(&read_service(&service, env)?, " of the service file")?;
    }
    for (name, variable, treatment) in PARAMETERS.iter().filter(|(_, variable, _)| !variable.is_empty()) {
        if let Some(value) = env(variable).filter(|value| !value.is_empty())
            && !resolved.0.contains_key(name)
        {
            accept(treatment, &value, &format!("environment variable {variable}"))?;
            resolved.0.insert(name, (value, format!("environment variable {variable}")));
        }
    }
    Ok(resolved)
}

fn accept(treatment: &Treatment, value: &str, origin: &str) -> Result<(), Malformed> {
    match treatment {
        Read | Ignored => Ok(()),
        _ if value.is_empty() => Ok(()),
        Only(values) if values.contains(&value) => Ok(()),
        Only(values) => Err(Malformed(format!("{origin} is supported with the value {} only", values.join(" or ")))),
        Refused => Err(Malformed(format!("{origin} is not supported"))),
    }
}

fn unknown(name: &str, place: &str) -> Malformed {
    // Half of a password with an unquoted space may stand where a name belongs; what is no plain word is not repeated.
    let plain = !name.is_empty() && name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain {
        Malformed(format!("unknown parameter {name}{place}"))
    } else {
        Malformed(format!("an unknown parameter{place} (a value with spaces needs quotes in the keyword form)"))
    }
}

/// The section `[service]` of the user's file, else of the system's.
fn read_service(service: &str, env: &impl Fn(&str) -> Option<String>) -> Result<Params, Malformed> {
    let own = env("PGSERVICEFILE").map(PathBuf::from);
    let home = env("HOME").map(|home| PathBuf::from(home).join(".pg_service.conf"));
    let system = PathBuf::from(env("PGSYSCONFDIR").unwrap_or_else(|| "/etc/postgresql-common".to_owned()));
    for path in own.or(home).into_iter().chain([system.join("pg_service.conf")]) {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Malformed(format!("service file {}: {error}", path.display()))),
        };
        if let Some(params) = service_section(&text, service)? {
            return Ok(params);
        }
    }
    Err(Malformed(format!("service {service:?} is in no pg_service.conf")))
}

/// The parameters of section `[service]` of `text`.
pub(super) fn service_section(text: &str, service: &str) -> Result<Option<Params>, Malformed> {
    let mut found = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(section) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if section.strip_suffix(']') == Some(service) {
                found = Some(Params::default());
            }
        } else if let Some(params) = found.as_mut() {
            match line.split_once('=') {
                Some(("service", _)) => return Err(Malformed("a service file may not name a service".to_owned())),
                Some((name, value)) => params.set(name, value.to_owned()),
                None => return Err(Malformed(format!("service {service:?} has a line without ="))),
            }
        }
    }
    Ok(found)
}

/// The name of the effective user, as far as the system's own file or the environment knows it.
pub(super) fn os_user(env: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let file = std::fs::read("/etc/passwd").unwrap_or_default();
    let named = String::from_utf8_lossy(&file).lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    // Users of a directory service are not in the file.
    named.or_else(|| env("USER")).or_else(|| env("LOGNAME")).filter(|name| !name.is_empty())
}
