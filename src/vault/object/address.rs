//! Which bucket, where, and with which credentials.

use std::fmt;
use std::net::IpAddr;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::super::path::VaultPath;
use crate::error::{Error, ErrorKind, Result};

const SCHEME: &str = "s3://";

/// What is asked of the environment. A name of the usual set that is not here would change how Tithe works.
const VARIABLES: [&str; 16] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
];

/// One of these must be there; without any, a machine outside the cloud would wait for its metadata service.
const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
];

/// Looks a variable of the environment up.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A bucket and what comes before each path in it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) bucket: String,
    /// Without slashes around it; may be empty.
    pub(super) prefix: String,
    /// Name and value, as the environment has them. Secrets are among them.
    variables: Vec<(&'static str, String)>,
}

/// Whether a place of files is a bucket and no folder.
pub fn is_address(place: &std::path::Path) -> bool {
    place.to_str().is_some_and(|text| text.starts_with(SCHEME))
}

impl Address {
    /// Takes the URL apart and collects what the environment says.
    ///
    /// # Errors
    /// `Usage`
    pub(super) fn parse(url: &str, env: Env<'_>) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(ErrorKind::Usage, format!("the vault's URL {what}"))
                .with_remedy("write it like s3://bucket/folder; credentials are taken from AWS_… variables only")
        };
        let rest = url.strip_prefix(SCHEME).ok_or_else(|| wrong("does not start with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
        if bucket.len() < 3 || bucket.len() > 63 || !bucket.chars().all(plain) {
            return Err(wrong("names no bucket"));
        }
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            VaultPath::parse(prefix).map_err(|fault| wrong(&format!("has a folder that {fault}")))?;
        }
        let variables: Vec<_> = VARIABLES.iter().filter_map(|name| Some((*name, env(name)?))).collect();
        if !variables.iter().any(|(name, _)| CREDENTIALS.contains(name)) {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("open {SCHEME}{bucket}: there are no credentials for it"),
            )
            .with_remedy("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your cloud sets for a role"));
        }
        let address = Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), variables };
        address.refuse_plain_http(env)?;
        Ok(address)
    }

    /// Files travel readable without TLS: within this machine only, unless it is asked for.
    fn refuse_plain_http(&self, env: Env<'_>) -> Result<()> {
        let Some(rest) = self.endpoint().and_then(|endpoint| endpoint.strip_prefix("http://")) else { return Ok(()) };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if here || env("AWS_ALLOW_HTTP").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            format!("open {self}: its endpoint is plain http, files would travel readable"),
        )
        .with_remedy("use an https:// endpoint, or set AWS_ALLOW_HTTP=true in a network that you trust"))
    }

    /// Where the store is, if it is not Amazon's.
    pub(super) fn endpoint(&self) -> Option<&str> {
        let of = |name: &str| self.variables.iter().find(|(known, _)| *known == name);
        of("AWS_ENDPOINT_URL_S3").or_else(|| of("AWS_ENDPOINT_URL")).map(|(_, value)| value.as_str())
    }

    /// A builder that knows all of this.
    pub(super) fn builder(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::new().with_bucket_name(&self.bucket);
        for (name, value) in &self.variables {
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        builder
    }

    /// Its endpoint is without TLS.
    pub(super) fn is_plain_http(&self) -> bool {
        self.endpoint().is_some_and(|endpoint| endpoint.starts_with("http://"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{SCHEME}{}{slash}{}", self.bucket, self.prefix)
    }
}

impl fmt::Debug for Address {
    /// Without the variables: secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "AWS_ACCESS_KEY_ID" => Some("AKIAEXAMPLE".to_owned()),
            "AWS_SECRET_ACCESS_KEY" => Some("very-secret".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn urls_come_apart() {
        for (url, bucket, prefix) in
            [("s3://bucket", "bucket", ""), ("s3://bucket/", "bucket", ""), ("s3://b.c-d/x/y/", "b.c-d", "x/y")]
        {
            let address = Address::parse(url, &env).unwrap();
            assert_eq!((address.bucket.as_str(), address.prefix.as_str()), (bucket, prefix));
        }
        for url in ["s3://", "s3:///x", "s3://Bucket/x", "s3://key:secret@host/x", "s3://bucket/../x", "s3://bucket//x"]
        {
            let refused = Address::parse(url, &env).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Usage, "{url}");
            assert!(!refused.chain().contains("secret"), "{refused:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let address = Address::parse("s3://bucket/x", &env).unwrap();
        assert_eq!(format!("{address} {address:?}"), "s3://bucket/x s3://bucket/x");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let with = |endpoint: &str, allow: &str| {
            let (endpoint, allow) = (endpoint.to_owned(), allow.to_owned());
            let env = move |name: &str| match name {
                "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
                "AWS_ALLOW_HTTP" => Some(allow.clone()),
                name => env(name),
            };
            Address::parse("s3://bucket", &env).map_err(|error| error.kind()).map(|_| ())
        };
        for endpoint in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/", "https://store.example"] {
            assert_eq!(with(endpoint, ""), Ok(()), "{endpoint}");
        }
        for endpoint in ["http://store.example:9000", "http://127.0.0.1.example", "http://10.0.0.1"] {
            assert_eq!(with(endpoint, ""), Err(ErrorKind::Refused), "{endpoint}");
            assert_eq!(with(endpoint, "true"), Ok(()), "{endpoint}");
        }
    }
}
