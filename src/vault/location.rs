//! Where a vault lies, as the command line names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// A vault's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of another machine, reached by ssh.
    Ssh(SshPlace),
}

/// A folder on another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPlace {
    /// `[user@]host`, as ssh takes it.
    pub host: String,
    /// Where not ssh's own.
    pub port: Option<u16>,
    /// As the other machine knows it.
    pub path: String,
}

impl Location {
    /// The folder, where it is one of this machine.
    ///
    /// # Errors
    /// `Usage`, saying what cannot be done elsewhere.
    pub fn folder(&self, what: &str) -> Result<&Path> {
        match self {
            Self::Folder(path) => Ok(path),
            Self::Ssh(_) => Err(usage(format!("{what} {self}: that is done where the folder lies"))
                .with_remedy("run it on that machine, or name a folder of this one")),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    /// `/path`, `./path`, `ssh://[user@]host[:port]/path`, or `[user@]host:/path` as scp writes it.
    fn from_str(text: &str) -> Result<Self> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "ssh" => ssh_url(text, rest).map(Self::Ssh),
                _ => Err(usage(format!("{scheme}:// is no place of files that this version knows"))
                    .with_remedy("name a folder, ssh://[user@]host[:port]/path or [user@]host:/path")),
            };
        }
        match text.split_once(':') {
            // As scp has it: a colon after a slash is part of a file's name.
            Some((host, path)) if !host.contains('/') => {
                Ok(Self::Ssh(SshPlace { host: host_name(text, host)?, port: None, path: remote_path(text, path)? }))
            }
            _ if text.is_empty() => Err(usage("an empty path names no folder".to_owned())),
            _ => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Ssh(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for SshPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => write!(f, "{}:{}", self.host, self.path),
            Some(port) => write!(f, "ssh://{}:{port}{}", self.host, self.path),
        }
    }
}

fn ssh_url(whole: &str, rest: &str) -> Result<SshPlace> {
    let slash = rest.find('/').ok_or_else(|| odd(whole, "has no path"))?;
    let (place, path) = rest.split_at(slash);
    let (host, port) = match place.rsplit_once(':') {
        // A colon inside brackets belongs to an address.
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse::<u16>().map_err(|cause| odd(whole, "has an odd port").with_cause(cause))?;
            (host, Some(port))
        }
        _ => (place, None),
    };
    Ok(SshPlace { host: host_name(whole, host)?, port, path: remote_path(whole, path)? })
}

/// A host that ssh cannot take for an option, nor a shell for anything else.
fn host_name(whole: &str, text: &str) -> Result<String> {
    let (user, host) = text.split_once('@').map_or((None, text), |(user, host)| (Some(user), host));
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let plain = |part: &str, also: &str| {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || also.contains(letter);
        !part.is_empty() && !part.starts_with('-') && part.chars().all(allowed)
    };
    let host_fits = bare.map_or_else(|| plain(host, ".-_"), |inner| plain(inner, ".:%-_"));
    if !host_fits || !user.is_none_or(|user| plain(user, ".-_+")) {
        return Err(odd(whole, "has an odd host or user name"));
    }
    let host = bare.unwrap_or(host);
    Ok(user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}")))
}

fn remote_path(whole: &str, path: &str) -> Result<String> {
    if path.is_empty() || path.chars().any(char::is_control) {
        return Err(odd(whole, "has no path, or an odd one"));
    }
    Ok(path.to_owned())
}

fn odd(whole: &str, what: &str) -> Error {
    usage(format!("the place {:?} {what}", whole))
        .with_remedy("write ssh://[user@]host[:port]/path or [user@]host:/path; a folder with a colon as ./a:b")
}

fn usage(action: String) -> Error {
    Error::new(ErrorKind::Usage, action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let ssh = |host: &str, port, path: &str| {
            Location::Ssh(SshPlace { host: host.to_owned(), port, path: path.to_owned() })
        };
        for (text, place) in [
            ("/srv/vault", Location::Folder("/srv/vault".into())),
            ("./a:b", Location::Folder("./a:b".into())),
            ("a/b:c", Location::Folder("a/b:c".into())),
            ("prod:/srv/vault", ssh("prod", None, "/srv/vault")),
            ("me@prod.example:vault", ssh("me@prod.example", None, "vault")),
            ("ssh://me@prod:2222/srv/a b", ssh("me@prod", Some(2222), "/srv/a b")),
            ("ssh://[2001:db8::1]:22/x", ssh("2001:db8::1", Some(22), "/x")),
            ("ssh://[2001:db8::1]/x", ssh("2001:db8::1", None, "/x")),
        ] {
            assert_eq!(text.parse::<Location>().unwrap(), place, "{text}");
        }
    }

    /// `-oProxyCommand=…` as a host would run it.
    #[test]
    fn odd_places_are_refused() {
        for text in [
            "",
            "-oProxyCommand=x:/a",
            "ssh://-oProxyCommand=x/a",
            "me@-x:/a",
            "a b:/x",
            "a;b:/x",
            "$(x):/a",
            "host:",
            "ssh://host",
            "ssh://host:99999/x",
            "ssh:///x",
            "host:/a\nb",
            "s3://bucket/prefix",
            "http://x/y",
        ] {
            assert_eq!(text.parse::<Location>().unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
