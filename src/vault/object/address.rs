//! Which bucket, where, and with which credentials.

use std::fmt;
use std::net::IpAddr;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::super::location::BucketPlace;
use crate::error::{Error, ErrorKind, Result};

/// What is asked of the environment. A name of the usual set that is not here would change how Tithe works.
const VARIABLES: [&str; 17] = [
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
    ALLOW_HTTP,
];

const ALLOW_HTTP: &str = "AWS_ALLOW_HTTP";

/// One of these must be there; without any, a machine outside the cloud would wait for its metadata service.
const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
];

/// How to reach object stores: what the environment says of it. Its `Debug` shows no value.
#[derive(Clone, Default)]
pub struct StoreSettings {
    /// Name and value. Secrets are among them.
    variables: Vec<(&'static str, String)>,
}

impl StoreSettings {
    /// Takes what is needed of an environment; `variable` looks one up.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self { variables: VARIABLES.iter().filter_map(|name| Some((*name, variable(name)?))).collect() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.iter().map(|(name, _)| name)).finish()
    }
}

/// A bucket, and how to reach it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) place: BucketPlace,
    settings: StoreSettings,
}

impl Address {
    /// Puts both together.
    ///
    /// # Errors
    /// `Usage` without credentials, `Refused` where files would travel readable.
    pub(super) fn new(place: &BucketPlace, settings: &StoreSettings) -> Result<Self> {
        if !CREDENTIALS.iter().any(|name| settings.get(name).is_some()) {
            return Err(Error::new(ErrorKind::Usage, format!("open {place}: there are no credentials for it"))
                .with_remedy("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your cloud sets for a role"));
        }
        let address = Self { place: place.clone(), settings: settings.clone() };
        address.refuse_plain_http()?;
        Ok(address)
    }

    /// Files travel readable without TLS: within this machine only, unless it is asked for.
    fn refuse_plain_http(&self) -> Result<()> {
        let Some(rest) = self.endpoint().and_then(|endpoint| endpoint.strip_prefix("http://")) else { return Ok(()) };
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if here || self.settings.get(ALLOW_HTTP).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
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
        self.settings.get("AWS_ENDPOINT_URL_S3").or_else(|| self.settings.get("AWS_ENDPOINT_URL"))
    }

    /// A builder that knows all of this.
    pub(super) fn builder(&self) -> AmazonS3Builder {
        let mut builder = AmazonS3Builder::new().with_bucket_name(&self.place.bucket);
        for (name, value) in self.settings.variables.iter().filter(|(name, _)| *name != ALLOW_HTTP) {
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
        self.place.fmt(f)
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

    fn place() -> BucketPlace {
        BucketPlace { bucket: "bucket".to_owned(), prefix: "x".to_owned() }
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = StoreSettings::of(env);
        let address = Address::new(&place(), &settings).unwrap();
        assert_eq!(format!("{address} {address:?}"), "s3://bucket/x s3://bucket/x");
        let shown = format!("{settings:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("very-secret"), "{shown}");
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
            Address::new(&place(), &StoreSettings::of(env)).map_err(|error| error.kind()).map(|_| ())
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
