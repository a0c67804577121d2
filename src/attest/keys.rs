//! Ed25519 keys, read from PEM. The secret one is neither printed nor written.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use crate::error::{Error, ErrorKind, Result};

/// An Ed25519 SubjectPublicKeyInfo (RFC 8410) up to the key itself.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that signs.
pub struct Signer(pub(super) Ed25519KeyPair);

impl Signer {
    /// From PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// `Refused`: it is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let refused = || {
            Error::new(ErrorKind::Refused, "read the signing key: it is no Ed25519 key in PKCS#8 PEM")
                .with_remedy("make one with `openssl genpkey -algorithm ed25519 -out FILE; chmod 600 FILE`")
        };
        // Neither error is passed on: it might quote the key.
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| refused())?;
        // Openssl leaves the public half out.
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map(Self).map_err(|_| refused())
    }

    pub(super) fn public_key(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(redacted)")
    }
}

/// A key that checks signatures.
#[derive(Clone, Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// `Usage`: it is none.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok();
        let key = der.and_then(|der| <[u8; 32]>::try_from(der.strip_prefix(&SPKI_PREFIX)?).ok());
        key.map(Self).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "read the public key: it is no Ed25519 key in PEM")
                .with_remedy("make it from the signing key with `openssl pkey -in KEY -pubout`")
        })
    }

    /// From 64 hexadecimal digits in lower case: one spelling only, as for signatures.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let bytes = bytes(text).filter(|found| hex(found) == text)?;
        bytes.try_into().ok().map(Self)
    }

    pub(super) fn hex(&self) -> String {
        hex(&self.0)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        // One spelling only: capital digits would be a change that nobody notices.
        let Some(signature) = bytes(signature).filter(|found| hex(found) == signature) else { return false };
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature).is_ok()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    Some(digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}
