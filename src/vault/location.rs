//! Where a vault lies, as the command line names it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::path::VaultPath;
use crate::error::{Error, ErrorKind, Result};

/// A vault's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of another machine, reached by ssh.
    Ssh(SshPlace),
    /// A folder of a bucket that speaks S3.
    Bucket(BucketPlace),
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

/// A folder of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    /// Its name.
    pub bucket: String,
    /// What comes before each path, without slashes around it; empty for the whole bucket.
    pub prefix: String,
}

/// Before a single colon these are a slip of the pen, not a host: `s3:/bucket`.
const SCHEMES: [&str; 10] = ["s3", "gs", "az", "http", "https", "ftp", "sftp", "ssh", "rsync", "file"];
const KNOWN: &str = "name a folder, s3://bucket/folder, ssh://[user@]host[:port]/path or [user@]host:/path";

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
            Self::Bucket(_) => Err(usage(format!("{what} {self}: that is done with folders only")).with_remedy(
                "`tithe vault plan` compares with a bucket, and `tithe vault verify` reads what is in it",
            )),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    /// `/path`, `./path`, `s3://bucket/folder`, `ssh://[user@]host[:port]/path`, or `[user@]host:/path` as scp has it.
    fn from_str(text: &str) -> Result<Self> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "ssh" => ssh_url(text, rest).map(Self::Ssh),
                "s3" => bucket_url(rest).map(Self::Bucket),
                // The rest is not repeated: there may be a password in it.
                _ => Err(usage(format!("{:?} is no place of files that this version knows", format!("{scheme}://")))
                    .with_remedy(KNOWN)),
            };
        }
        match text.split_once(':') {
            Some((scheme, _)) if SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
                Err(usage(format!("\"{scheme}:\" without two slashes after it is neither a URL nor a host's name"))
                    .with_remedy(format!("{KNOWN}; a host of that name as ssh://{scheme}/path")))
            }
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
            Self::Bucket(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

impl fmt::Display for SshPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A report keeps it as it is shown, for a rollback, which reads it again.
        let (user, host) = self.host.split_once('@').map_or(("", self.host.as_str()), |(user, host)| (user, host));
        let at = if user.is_empty() { "" } else { "@" };
        let is_scheme = user.is_empty() && SCHEMES.contains(&host.to_ascii_lowercase().as_str());
        match self.port {
            None if !is_scheme && !host.contains(':') => return write!(f, "{}:{}", self.host, self.path),
            _ => write!(f, "ssh://{user}{at}")?,
        }
        if host.contains(':') {
            write!(f, "[{host}]")?
        } else {
            f.write_str(host)?
        }
        match self.port {
            None => f.write_str(&self.path),
            Some(port) => write!(f, ":{port}{}", self.path),
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

fn bucket_url(rest: &str) -> Result<BucketPlace> {
    // Nothing of it is repeated: some write their keys into it.
    let wrong = |what: &str| {
        usage(format!("the URL of a bucket {what}"))
            .with_remedy("write it as s3://bucket/folder; credentials are taken from AWS_… variables only")
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
    if bucket.len() < 3 || bucket.len() > 63 || !bucket.chars().all(plain) {
        return Err(wrong("names no bucket"));
    }
    let prefix = prefix.trim_end_matches('/');
    if !prefix.is_empty() {
        VaultPath::parse(prefix).map_err(|fault| wrong(&format!("has a folder that {fault}")))?;
    }
    Ok(BucketPlace { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
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
        let bucket = |bucket: &str, prefix: &str| {
            Location::Bucket(BucketPlace { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
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
            ("ssh://me@[2001:db8::1]:22/x", ssh("me@2001:db8::1", Some(22), "/x")),
            ("s3://bucket", bucket("bucket", "")),
            ("s3://bucket/", bucket("bucket", "")),
            ("s3://b.c-d/x/y z/", bucket("b.c-d", "x/y z")),
            ("ssh://s3/x", ssh("s3", None, "/x")),
            ("./s3:/x", Location::Folder("./s3:/x".into())),
        ] {
            assert_eq!(text.parse::<Location>().unwrap(), place, "{text}");
            // A rollback reads the place out of the run's report.
            assert_eq!(place.to_string().parse::<Location>().unwrap(), place, "{text} is shown as {place}");
        }
    }

    /// Each ends in one sentence that repeats no password.
    #[test]
    fn mistyped_urls_are_told_from_hosts() {
        for (text, words) in [
            ("s3:/bucket/x", "without two slashes"),
            ("s3:bucket/x", "without two slashes"),
            ("https:/x", "without two slashes"),
            ("gs://bucket/x", "\"gs://\" is no place of files"),
            ("S3://bucket/x", "\"S3://\" is no place of files"),
            ("http://me:secret@store.example/x", "\"http://\" is no place of files"),
            ("s3://", "names no bucket"),
            ("s3:///x", "names no bucket"),
            ("s3://Bucket/x", "names no bucket"),
            ("s3://key:secret@host/x", "names no bucket"),
            ("s3://bucket/../secret", "has a folder that"),
            ("s3://bucket//x", "has a folder that"),
        ] {
            let refused = text.parse::<Location>().unwrap_err();
            let said = format!("{} {}", refused.chain(), refused.remedy());
            assert_eq!(refused.exit_code(), 2, "{text}");
            assert!(said.contains(words) && said.contains("s3://bucket/folder"), "{text}: {said}");
            assert!(!said.contains("secret"), "{text}: {said}");
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
            "http://x/y",
        ] {
            assert_eq!(text.parse::<Location>().unwrap_err().exit_code(), 2, "{text}");
        }
    }
}
