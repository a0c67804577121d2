//! Keys of attestations, from the files that the user names.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::attest::{PublicKey, Signer};
use crate::error::{Error, ErrorKind, Result};

/// A key's file is a few hundred bytes.
const KEY_MAX_BYTES: u64 = 64 * 1024;

/// The key that `TITHE_SIGN_KEY` names, if it names one.
///
/// # Errors
/// `Refused` where the file cannot be read, others may read it, or it holds no Ed25519 key.
pub(super) fn signer() -> Result<Option<Signer>> {
    match std::env::var_os("TITHE_SIGN_KEY").filter(|path| !path.is_empty()) {
        None => Ok(None),
        Some(path) => signer_at(Path::new(&path)).map(Some),
    }
}

fn signer_at(path: &Path) -> Result<Signer> {
    let refuse = |why: &str| Error::new(ErrorKind::Refused, format!("read the signing key {}: {why}", path.display()));
    let file = File::open(path).map_err(|cause| refuse("it cannot be opened").with_cause(cause))?;
    // Asked of the open file: what is looked at is what is read.
    let facts = file.metadata().map_err(|cause| refuse("it cannot be looked at").with_cause(cause))?;
    if !facts.is_file() {
        return Err(refuse("it is not a regular file").with_remedy("name a PKCS#8 PEM file in TITHE_SIGN_KEY"));
    }
    if facts.mode() & 0o077 != 0 {
        return Err(refuse("others may read it").with_remedy(format!("chmod 0600 {}", path.display())));
    }
    Signer::from_pem(&read(file).map_err(|cause| refuse("it cannot be read").with_cause(cause))?)
}

/// The public key in a file.
///
/// # Errors
/// `Usage` where it cannot be read or holds none.
pub(super) fn public_key(path: &Path) -> Result<PublicKey> {
    let bytes = File::open(path).and_then(read).map_err(|cause| {
        Error::new(ErrorKind::Usage, format!("read the public key {}", path.display()))
            .with_cause(cause)
            .with_remedy("give --public-key a PEM file")
    })?;
    PublicKey::from_pem(&bytes)
}

fn read(file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(KEY_MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
