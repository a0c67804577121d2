//! Keys, tokens and digests, by their forms and by how random they are.

/// Beginnings of services' keys, the fewest characters that follow, and whether those are the only ones.
#[rustfmt::skip]
const KEY_FORMS: &[(&str, usize)] = &[
    ("AKIA", 16), ("ASIA", 16), ("AIza", 35), ("ya29.", 20), ("ghp_", 30), ("gho_", 30), ("ghu_", 30), ("ghs_", 30),
    ("ghr_", 30), ("github_pat_", 22), ("glpat-", 20), ("xoxb-", 16), ("xoxp-", 16), ("xoxa-", 16), ("xoxr-", 16),
    ("xoxs-", 16), ("xapp-", 16), ("sk_live_", 16), ("sk_test_", 16), ("rk_live_", 16), ("rk_test_", 16),
    ("pk_live_", 16), ("pk_test_", 16), ("whsec_", 16), ("sk-ant-", 20), ("sk-proj-", 20), ("SG.", 40), ("npm_", 36),
    ("pypi-", 40), ("dop_v1_", 40), ("shpat_", 32), ("hvs.", 24), ("EAACEdEose0cBA", 10), ("AGE-SECRET-KEY-1", 40),
    ("ssh-rsa AAAA", 40), ("ssh-ed25519 AAAA", 40), ("ecdsa-sha2-nistp256 AAAA", 40), ("key-", 32),
];

/// Links that let whoever knows them write to somebody's channel.
const WEBHOOKS: &[&str] = &[
    "://hooks.slack.com/services/",
    "://discord.com/api/webhooks/",
    "://discordapp.com/api/webhooks/",
    "://ptb.discord.com/api/webhooks/",
    "://canary.discord.com/api/webhooks/",
    ".webhook.office.com/webhookb2/",
];

/// The whole, or what begins here, is a key or a certificate.
pub(super) fn is_key(text: &str) -> bool {
    text.starts_with("-----BEGIN ")
        || is_jwt(text)
        || is_service_key(text)
        || is_bot_token(text)
        || text.starts_with("PuTTY-User-Key-File")
}

/// A key stands somewhere in it.
pub(super) fn holds_key(text: &str) -> bool {
    text.contains("-----BEGIN ")
        || WEBHOOKS.iter().any(|link| text.contains(link))
        || text.contains("AccountKey=")
        || words(text).any(|word| is_jwt(word) || is_service_key(word) || is_bot_token(word))
        || text.contains("ssh-rsa AAAA")
        || text.contains("ssh-ed25519 AAAA")
}

/// Parts between blanks, quotes and brackets, a bounded number of them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'`,;<>()[]{}=".contains(c)).filter(|word| !word.is_empty()).take(512)
}

fn is_service_key(text: &str) -> bool {
    KEY_FORMS.iter().any(|(beginning, least)| {
        text.strip_prefix(beginning).is_some_and(|rest| {
            rest.len() >= *least
                && rest.len() <= 512
                && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./+=: @".contains(&b))
                && (*beginning != "key-" || rest.bytes().all(|b| b.is_ascii_hexdigit()))
                && (beginning.len() != 4 || !beginning.ends_with("IA") || rest.len() == 16)
        })
    })
}

/// A number, a colon and 35 characters in URL-safe base64 that begin with `AA`, as Telegram hands out.
fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(number, secret)| {
        (6..=12).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (32..=40).contains(&secret.len())
            && secret.starts_with("AA")
            && secret.bytes().all(|b| is_base64_url(b) && b != b'=')
    })
}

/// Three parts in URL-safe base64, the first two objects.
fn is_jwt(text: &str) -> bool {
    let mut parts = text.split('.');
    let object =
        |part: Option<&str>| part.is_some_and(|p| p.starts_with("eyJ") && p.len() >= 8 && p.bytes().all(is_base64_url));
    object(parts.next()) && object(parts.next()) && parts.next().is_some_and(|p| p.bytes().all(is_base64_url))
}

fn is_base64_url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'='
}

/// A digest that keeps a password.
pub(super) fn is_password_hash(text: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "$2a$",
        "$2b$",
        "$2y$",
        "$argon2",
        "$scrypt$",
        "$pbkdf2",
        "pbkdf2_sha",
        "bcrypt_sha256$",
        "bcrypt$",
        "argon2$",
        "scrypt$",
        "scrypt:",
        "pbkdf2:sha",
        "{SSHA",
        "{SHA}",
        "{CRYPT}",
        "{MD5}",
        "$1$",
        "$5$",
        "$6$",
        "$y$",
        "$7$",
        "$apr1$",
        "$P$",
        "$H$",
        "sha1$",
        "md5$",
        "SCRAM-SHA-256$",
    ];
    text.len() >= 24 && !text.contains(' ') && BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// A digest in hexadecimal: MD5 to SHA-512, perhaps with its name before it.
pub(super) fn is_digest(text: &str) -> bool {
    const LENGTHS: [usize; 6] = [32, 40, 56, 64, 96, 128];
    let hex = ["sha256:", "sha1:", "sha512:", "md5:", "\\x", "0x"]
        .iter()
        .find_map(|beginning| text.strip_prefix(beginning))
        .unwrap_or(text);
    LENGTHS.contains(&hex.len())
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && hex.bytes().any(|b| b.is_ascii_digit())
        && hex.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Fewer characters hold too little to tell a secret from a word.
const TOKEN_MIN_CHARS: usize = 20;
/// Random letters and digits pass this at twenty characters; words do not.
const TOKEN_MIN_BITS: f64 = 3.4;

/// One word with much randomness in it.
pub(super) fn is_token(text: &str) -> bool {
    if !(TOKEN_MIN_CHARS..=512).contains(&text.len()) || !text.bytes().all(|b| is_base64_url(b) || b"+/.~".contains(&b))
    {
        return false;
    }
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        // An odd length of hexadecimal, or 24 (which documents are numbered by), says nothing; digests are told apart.
        return text.len() >= 48
            && !is_digest(text)
            && entropy(text) >= 3.0
            && text.bytes().any(|b| b.is_ascii_alphabetic());
    }
    if is_ulid(text) || is_uuid(text) || text.starts_with('/') || text.contains("..") || has_ending(text) {
        return false;
    }
    let (digits, upper, lower) = (
        text.bytes().filter(u8::is_ascii_digit).count(),
        text.bytes().filter(u8::is_ascii_uppercase).count(),
        text.bytes().filter(u8::is_ascii_lowercase).count(),
    );
    let classes = [digits, upper, lower].iter().filter(|count| **count > 0).count();
    // Words joined by dashes or dots change between letters and digits seldom.
    let letters = upper + lower;
    let mixed = digits * 12 >= text.len() && letters * 4 >= text.len() && changes(text) * 5 >= text.len();
    let joined = text.split(['-', '_', '.', '/']).filter(|part| part.len() <= 12).count() > 3;
    classes >= 2 && mixed && !joined && entropy(text) >= TOKEN_MIN_BITS
}

/// Places where the class of the character changes.
fn changes(text: &str) -> usize {
    let class = |b: u8| match b {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    text.as_bytes().windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count()
}

/// Bits per character, by how often each occurs.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// `8-4-4-4-12` in hexadecimal.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// A row's number that sorts by time: 26 characters, none of I, L, O, U.
fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text.starts_with(['0', '1'])
        && text.bytes().all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)))
}

/// A file's ending.
fn has_ending(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, end)| {
        (2..=5).contains(&end.len()) && end.bytes().all(|b| b.is_ascii_lowercase() || b == b'3' || b == b'4')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        // Put together here, so that no scanner of secrets takes the test for one.
        let aws = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
        let stripe = ["sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
        let bot = ["123456789:", "AAFmZk9xQ2vB7nM4pLs8Tw1Rj6Yh3Kd0XcE"].concat();
        for good in ["-----BEGIN RSA PRIVATE KEY-----\nMIIE", jwt, &aws, &stripe, &bot] {
            assert!(is_key(good) && holds_key(&format!("use \"{good}\" there")), "{good}");
        }
        let hook = ["https://discord.com/api/", "webhooks/1128/x7Qp"].concat();
        assert!(holds_key(&hook) && !holds_key("https://discord.com/api/docs"));
        for bad in ["AKIA", "12:30", "2024:AA", "eyJ", "a.b.c", "ghp_short", "key-value", "SG.x", "sk_live_"] {
            assert!(!is_key(bad) && !holds_key(bad), "{bad}");
        }
    }

    #[test]
    fn digests() {
        assert!(is_password_hash("$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW"));
        assert!(is_password_hash("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"));
        assert!(
            is_digest("d41d8cd98f00b204e9800998ecf8427e")
                && is_digest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
        assert!(!is_digest("00000000000000000000000000000000") && !is_digest("d41d8cd98f00b204"));
    }

    #[test]
    fn tokens() {
        for good in [
            "p8Zr2kQ9xT4mVn7Lw3Yb",
            "Zk9-xQ2_vB7nM4pLs8Tw1Rj6",
            "k3j9x0q8w7e2r5t1y6u4i0o9p8",
            "dGhpcyBpcyBhIHNlY3JldA9x7Q==",
        ] {
            assert!(is_token(good), "{good}");
        }
        for bad in [
            "the-quick-brown-fox-jumps-over",
            "550e8400-e29b-41d4-a716-446655440000",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "507f1f77bcf86cd799439011",
            "IMG_20240115_103000123.jpg",
            "2024-01-15T10:30:00.000Z",
            "/srv/files/a1b2c3d4e5f6.png",
            "com.example.project.module42",
            "ORDER-2024-000123-DE-BERLIN",
            "ThisIsAVeryLongCamelCaseName",
            "aaaaaaaaaaaaaaaaaaaaaaaa1A",
        ] {
            assert!(!is_token(bad), "{bad}");
        }
    }
}
