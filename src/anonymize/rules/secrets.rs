//! password_hash, pem: secrets become others of the same kind, which open nothing but development.

use crate::digest::Stream;

use super::handles;

/// Beginning of a form, and the hash of `tithe-dev-password` in it.
const HASHES: &[(&[&str], &str)] = &[
    (&["$2a$", "$2b$", "$2y$"], "$2b$10$tithedevelopersaltxxxuArIrVb3sUmoUTzIM.HwyYA4lj6IJVle"),
    (
        &["$argon2i$", "$argon2d$"],
        "$argon2i$v=19$m=65536,t=3,p=4$dGl0aGVkZXZzYWx0MDAwMA$TkMDw8JxqnVq8hFIdSit6s6e4dnBgGaZ3q0lBPWoGdQ",
    ),
    (
        &["$argon2id$"],
        "$argon2id$v=19$m=65536,t=3,p=4$dGl0aGVkZXZzYWx0MDAwMA$GTsU/DymOofsFys9hA85qsq7lFJ0Z1H+T5/BumOao2k",
    ),
    (
        &["argon2$"],
        "argon2$argon2id$v=19$m=65536,t=3,p=4$dGl0aGVkZXZzYWx0MDAwMA$GTsU/DymOofsFys9hA85qsq7lFJ0Z1H+T5/BumOao2k",
    ),
    (&["pbkdf2_sha256$"], "pbkdf2_sha256$600000$tithedevsalt$LH3VfOrdXU1cqAnsdo9ZpjzIu4Dkb2VgMd6Ru1bqFFU="),
    (
        &["pbkdf2:sha256"],
        "pbkdf2:sha256:600000$tithedevsalt$2c7dd57ceadd5d4d5ca809ec768f59a63cc8bb80e46f656031de91bb56ea1455",
    ),
    (
        &["scrypt:"],
        "scrypt:16384:8:1$tithedevsalt$04a1f3a4e952d8ca4d7ec555719269854f88ef564b7481d9a341fd05728b8b14c422e9866ce9ee3\
         10d99ecfa2a10dff443c89be2b3e2807c9123c100a0433c44",
    ),
    (
        &["scrypt$"],
        "scrypt$16384$tithedevsalt$8$1$BKHzpOlS2MpNfsVVcZJphU+I71ZLdIHZo0H9BXKLixTEIumGbOnuMQ2Z7PoqEN/0Q8ib4rPigHyRI8EAoE\
         M8RA==",
    ),
    (
        &["$6$"],
        "$6$tithedevsalt$Je07mmZJFSZUBf2vvP9pBlhV0kl45FyEgmtO62FihHzZCUl1wkR67X8o5t66wXebA/nTqhOFYZBve9l9/d346/",
    ),
];

/// What no program takes for a hash: in the place of forms that are not known.
const UNUSABLE: &str = "!";

/// The hash of `tithe-dev-password` in the value's own form. Where it is longer than the column, none: half a hash would
/// be a broken one.
pub(super) fn password_hash(value: &[u8], limit: usize, out: &mut Vec<u8>) {
    let known = HASHES.iter().find(|(forms, _)| forms.iter().any(|form| value.starts_with(form.as_bytes())));
    let hash = known.map_or(UNUSABLE, |(_, hash)| hash);
    let hash = if hash.len() <= limit { hash } else { UNUSABLE };
    out.extend_from_slice(hash.as_bytes());
}

/// Kinds of PEM blocks and throw-away ones, made for this purpose; none is or was in use.
const BLOCKS: &[(&str, &str)] = &[
    ("CERTIFICATE", include_str!("pem/certificate.pem")),
    ("CERTIFICATE REQUEST", include_str!("pem/certificate_request.pem")),
    ("PRIVATE KEY", include_str!("pem/private_key.pem")),
    ("EC PRIVATE KEY", include_str!("pem/ec_private_key.pem")),
    ("RSA PRIVATE KEY", include_str!("pem/rsa_private_key.pem")),
    ("OPENSSH PRIVATE KEY", include_str!("pem/openssh_private_key.pem")),
    ("PUBLIC KEY", include_str!("pem/public_key.pem")),
    ("RSA PUBLIC KEY", include_str!("pem/rsa_public_key.pem")),
];

/// Each block becomes the throw-away one of its kind; text around blocks (which names owners) goes. A kind that is not
/// known, and a value without blocks, becomes a digest.
pub(super) fn pem(stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
    let start = out.len();
    const BEGIN: &[u8] = b"-----BEGIN ";
    let mut rest = value;
    while let Some(at) = memchr::memmem::find(rest, BEGIN) {
        rest = &rest[at + BEGIN.len()..];
        let kind = memchr::memmem::find(rest, b"-----").map_or(&b""[..], |end| &rest[..end]);
        match BLOCKS.iter().find(|(known, _)| known.as_bytes() == kind) {
            Some((_, block)) => out.extend_from_slice(block.as_bytes()),
            None => out.extend_from_slice(&handles::digest(stream)),
        }
    }
    // A block that was cut off would be none.
    if out.len() == start || out.len() - start > limit {
        out.truncate(start);
        let digest = handles::digest(stream);
        out.extend_from_slice(&digest[..digest.len().min(limit)]);
    } else if !value.ends_with(b"\n") && out.ends_with(b"\n") {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    const DEV_PASSWORD: &str = "tithe-dev-password";

    /// PBKDF2 with HMAC-SHA-256 and one block of output (RFC 8018).
    fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
        let hmac = |message: &[u8]| -> [u8; 32] {
            let mut pads = [[0x36_u8; 64], [0x5c; 64]];
            pads.iter_mut().for_each(|pad| pad.iter_mut().zip(password).for_each(|(byte, key)| *byte ^= key));
            let inner = Sha256::new().chain_update(pads[0]).chain_update(message).finalize();
            Sha256::new().chain_update(pads[1]).chain_update(inner).finalize().into()
        };
        let mut block = hmac(&[salt, &[0, 0, 0, 1]].concat());
        let mut sum = block;
        for _ in 1..rounds {
            block = hmac(&block);
            sum.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
        }
        sum
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn base64(bytes: &[u8]) -> String {
        const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let of_three = |three: &[u8]| {
            let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
            (0..4).map(move |nth| (nth, bits >> (18 - 6 * nth) & 63))
        };
        let signs = bytes.chunks(3).flat_map(|three| {
            of_three(three).map(|(nth, sign)| if nth > three.len() { '=' } else { char::from(SIGNS[sign]) })
        });
        signs.collect()
    }

    fn scrypt(password: &[u8], salt: &[u8]) -> [u8; 64] {
        let (mut key, shape) = ([0; 64], scrypt::Params::new(14, 8, 1).expect("a shape"));
        scrypt::scrypt(password, salt, &shape, &mut key).expect("a key");
        key
    }

    /// As the programs that read such hashes ask.
    #[test]
    fn hashes_are_of_the_password_that_the_docs_name() {
        use argon2::PasswordVerifier;
        assert_eq!((base64(b"a"), base64(b"ab"), base64(b"abc")), ("YQ==".into(), "YWI=".into(), "YWJj".into()));
        let (password, salt) = (DEV_PASSWORD.as_bytes(), b"tithedevsalt");
        let (pbkdf2, scrypt) = (pbkdf2(password, salt, 600_000), scrypt(password, salt));
        let mut argon2 = Vec::new();
        for &(_, hash) in HASHES {
            let fields: Vec<&str> = hash.split('$').collect();
            let fits = match fields.as_slice() {
                ["", "2b", ..] => bcrypt::verify(password, hash).expect("bcrypt"),
                ["", "6", ..] => sha_crypt::ShaCrypt::default().verify_password(password, hash).is_ok(),
                ["", "argon2i" | "argon2d" | "argon2id", ..] => {
                    argon2.push(hash);
                    argon2::Argon2::default().verify_password(password, hash).is_ok()
                }
                // Django puts its own name before the format's.
                ["argon2", ..] => argon2.contains(&&hash["argon2".len()..]),
                ["pbkdf2_sha256", "600000", "tithedevsalt", key] => base64(&pbkdf2) == *key,
                ["pbkdf2:sha256:600000", "tithedevsalt", key] => hex(&pbkdf2) == *key,
                ["scrypt:16384:8:1", "tithedevsalt", key] => hex(&scrypt) == *key,
                ["scrypt", "16384", "tithedevsalt", "8", "1", key] => base64(&scrypt) == *key,
                _ => false,
            };
            assert!(fits, "{hash}");
        }
    }

    #[test]
    fn hashes_keep_their_form_and_fit() {
        let run = |value: &str, limit| {
            let mut out = Vec::new();
            password_hash(value.as_bytes(), limit, &mut out);
            String::from_utf8(out).expect("ASCII")
        };
        for (forms, hash) in HASHES {
            for form in *forms {
                assert_eq!(run(&format!("{form}10$of.somebody"), 255), *hash);
            }
            assert!(hash.starts_with("$2b$") || forms.iter().any(|form| hash.starts_with(form)), "{hash}");
        }
        assert_eq!(run("5f4dcc3b5aa765d61d8327deb882cf99", 255), "!");
        assert_eq!(run("$2b$10$x", 20), "!");
    }
}
