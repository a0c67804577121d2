//! TLS as libpq's sslmode means it: which certificate the server may show, and which one we show.
//!
//! Owns the rustls configuration and the files behind it, read once per connector so that a bad file fails before the
//! first attempt. Does not decide when TLS is tried (that is `connector`). A root certificate that exists is always
//! used, in every mode, as libpq does.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_postgres::config::SslNegotiation;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Result};
use crate::pg::errors::Side;

use super::info::{SslMode, TlsSettings};

/// The connector for `settings`.
pub(super) fn connector(settings: &TlsSettings, must_bind: bool, side: Side) -> Result<MakeRustlsConnect> {
    let files = Files { settings, side };
    let used = settings.mode != SslMode::Disable;
    let trust = match if used { files.roots()? } else { None } {
        None => Trust::Anything { must_bind },
        Some(roots) if settings.mode == SslMode::VerifyFull => Trust::Chain { roots, check_name: true },
        Some(roots) => Trust::Chain { roots, check_name: false },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier { trust, algorithms: provider.signature_verification_algorithms };
    let versions: &[_] = if settings.only_tls13 { &[&rustls::version::TLS13] } else { rustls::DEFAULT_VERSIONS };
    let bad = |error: rustls::Error| Error::new(side.kind(), format!("set up TLS for the {side}")).with_cause(error);
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).map_err(bad)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match if used { files.client_certificate()? } else { None } {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(bad)?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = settings.send_server_name;
    if settings.negotiation == SslNegotiation::Direct {
        // Without the plain-text request before it, the server tells us from other protocols by this alone.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

struct Files<'a> {
    settings: &'a TlsSettings,
    side: Side,
}

impl Files<'_> {
    fn error(&self, what: impl fmt::Display, path: &Path) -> Error {
        Error::new(self.side.kind(), format!("{what} {}", path.display()))
    }

    fn default_file(&self, name: &str) -> Option<PathBuf> {
        self.settings.default_directory.as_ref().map(|directory| directory.join(name)).filter(|path| path.exists())
    }

    /// The certificates to trust; `None` where any will do.
    fn roots(&self) -> Result<Option<Roots>> {
        if self.settings.root_cert.as_deref() == Some("system") {
            return self.system_roots().map(Some);
        }
        let path = match &self.settings.root_cert {
            Some(path) => PathBuf::from(path),
            None => match self.default_file("root.crt") {
                Some(path) => path,
                None if self.settings.mode >= SslMode::VerifyCa => {
                    let mode = self.settings.mode.name();
                    return Err(Error::new(self.side.kind(), format!("sslmode={mode} needs a root certificate"))
                        .with_remedy("name its file in sslrootcert, or use sslrootcert=system"));
                }
                None => return Ok(None),
            },
        };
        let certificates = self.certificates("read the root certificates of", &path)?;
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err(self.error("no usable certificate is in", &path));
        }
        Ok(Some(Roots { store, certificates }))
    }

    fn system_roots(&self) -> Result<Roots> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(found.certs);
        if added == 0 {
            let mut error = Error::new(self.side.kind(), "the system has no root certificates")
                .with_remedy("install them (the package is called ca-certificates), or name a file in sslrootcert");
            if let Some(cause) = found.errors.into_iter().next() {
                error = error.with_cause(cause);
            }
            return Err(error);
        }
        // One of thousands of public authorities is no reason to skip the checks of an ordinary chain.
        Ok(Roots { store, certificates: Vec::new() })
    }

    fn certificates(&self, what: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
        let certificates = read().map_err(|error| self.pem_error(what, path, error))?;
        if certificates.is_empty() {
            return Err(self.error("no certificate in PEM form is in", path));
        }
        Ok(certificates)
    }

    /// Our own certificate and key, when both are there.
    fn client_certificate(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
        let Some(cert) = self.settings.cert.clone().or_else(|| self.default_file("postgresql.crt")) else {
            return Ok(None);
        };
        let chain = self.certificates("read the client certificate", &cert)?;
        let Some(key) = self.settings.key.clone().or_else(|| self.default_file("postgresql.key")) else {
            return Err(self.error("there is no key (sslkey) for the client certificate", &cert));
        };
        self.check_key_rights(&key)?;
        let what = "read the client key";
        let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| match error {
            // What is wrong with a line of a key may quote it.
            rustls_pki_types::pem::Error::NoItemsFound => self
                .error(what, &key)
                .with_remedy("it has to be an unencrypted key in PEM form; `openssl pkey` converts others"),
            error => self.pem_error(what, &key, error),
        })?;
        Ok(Some((chain, key)))
    }

    /// libpq's rule: our own key only for us; one of root's may be readable for our group.
    fn check_key_rights(&self, path: &Path) -> Result<()> {
        let metadata =
            std::fs::metadata(path).map_err(|error| self.error("read the client key", path).with_cause(error))?;
        let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
        let ours = metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw();
        if !metadata.is_file() || !ours || metadata.mode() & forbidden != 0 {
            return Err(self
                .error("others may read or change the client key", path)
                .with_remedy("make it yours or root's, and chmod 0600 it"));
        }
        Ok(())
    }

    fn pem_error(&self, what: &str, path: &Path, error: rustls_pki_types::pem::Error) -> Error {
        match error {
            rustls_pki_types::pem::Error::Io(error) => self.error(what, path).with_cause(error),
            // Its text may hold a line of the file.
            _ => self.error(format_args!("{what} (not in PEM form)"), path),
        }
    }
}

struct Roots {
    store: RootCertStore,
    /// The same as they are in the file, for a server that shows one of them itself.
    certificates: Vec<CertificateDer<'static>>,
}

enum Trust {
    /// Certificates of old forms (X.509 v1, say) cannot be read, and need not be: who proves to hold the key of one that
    /// anybody may have made proves nothing. Not so where the login must be bound to the certificate.
    Anything {
        must_bind: bool,
    },
    Chain {
        roots: Roots,
        check_name: bool,
    },
}

struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn judged(
        &self,
        cert: &CertificateDer<'_>,
        verified: Result<HandshakeSignatureValid, rustls::Error>,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match (&self.trust, verified) {
            (Trust::Anything { must_bind: false }, Err(_)) if ParsedCertificate::try_from(cert).is_err() => {
                Ok(HandshakeSignatureValid::assertion())
            }
            (_, verified) => verified,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Chain { roots, check_name } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let cert = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        let chain = verify_server_cert_signed_by_trust_anchor(&cert, &roots.store, intermediates, now, algorithms);
        match chain {
            // A server with a self-signed certificate is trusted by copying just that to the client. OpenSSL accepts it;
            // webpki, having found it valid today, objects that it says of itself to be an authority.
            Err(error) if is_authority_objection(&error) && roots.certificates.contains(end_entity) => {}
            other => other?,
        }
        if *check_name {
            verify_server_name(&cert, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judged(cert, rustls::crypto::verify_tls12_signature(message, cert, signature, &self.algorithms))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judged(cert, rustls::crypto::verify_tls13_signature(message, cert, signature, &self.algorithms))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// rustls wraps this cause in a type of a package that it does not show; its printed form is its name.
fn is_authority_objection(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(cause))
        if cause.to_string() == "CaUsedAsEndEntity")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    /// What `openssl req -x509` makes: its own authority.
    fn self_signed(name: &str, expired: bool) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a valid name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        if expired {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().clone()
    }

    #[test]
    fn a_self_signed_server_is_trusted_by_its_own_certificate() {
        let known = self_signed("db.example", false);
        let (stranger, expired) = (self_signed("db.example", false), self_signed("db.example", true));
        let cases = [
            (&known, "db.example", true, true),
            (&known, "other.example", true, false),
            (&known, "other.example", false, true),
            (&stranger, "db.example", false, false),
            (&expired, "db.example", false, false),
        ];
        for (shown, name, check_name, wanted) in cases {
            let certificates = vec![known.clone(), expired.clone()];
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(certificates.iter().cloned());
            let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
            let trust = Trust::Chain { roots: Roots { store, certificates }, check_name };
            let name = ServerName::try_from(name).expect("a name");
            let verdict = Verifier { trust, algorithms }.verify_server_cert(shown, &[], &name, &[], UnixTime::now());
            assert_eq!(verdict.is_ok(), wanted, "{name:?} {check_name}: {verdict:?}");
        }
    }
}
