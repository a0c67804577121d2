//! mac, user_agent, url, file_name.

use std::io::Write;

use crate::digest::Stream;

use super::handles;

/// Characters of the longest of [`ENDINGS`].
pub(super) const ENDING_CHARS: usize = 6;

/// Six bytes: administered locally, for one device, so no maker's.
pub(in crate::anonymize) fn mac(stream: &mut Stream) -> [u8; 6] {
    let mut address: [u8; 6] = stream.bytes();
    address[0] = address[0] & 0b1111_1100 | 0b0000_0010;
    address
}

/// The address in the spelling of the value: its separators and case.
pub(super) fn mac_text(stream: &mut Stream, value: &[u8], out: &mut Vec<u8>) {
    let address = mac(stream);
    let is_upper = value.iter().any(u8::is_ascii_uppercase);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |digit| digit as u8);
    let digits: Vec<u8> = address.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let start = out.len();
    let signs = value.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    if signs == digits.len() {
        let mut digits = digits.into_iter();
        out.extend(value.iter().filter(|byte| byte.is_ascii()).map(|byte| {
            if byte.is_ascii_hexdigit() {
                digits.next().unwrap_or(b'0')
            } else if byte.is_ascii_alphanumeric() {
                b'-'
            } else {
                *byte
            }
        }));
    } else {
        out.extend(digits.chunks(2).enumerate().flat_map(|(nth, pair)| {
            let colon = (nth > 0).then_some(b':');
            colon.into_iter().chain(pair.iter().copied())
        }));
    }
    if is_upper {
        out[start..].make_ascii_uppercase();
    }
}

/// A browser of today.
pub(super) fn user_agent(stream: &mut Stream, out: &mut Vec<u8>) {
    const SYSTEMS: &[&str] = &[
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "Linux; Android 14; Pixel 8",
        "iPhone; CPU iPhone OS 17_5 like Mac OS X",
    ];
    let system = stream.pick(SYSTEMS);
    let version = 110 + stream.below(40);
    // Writing to a Vec cannot fail.
    let _ = match stream.below(3) {
        0 => write!(out, "Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
        1 => write!(
            out,
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
        ),
        _ => write!(
            out,
            "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{}.0 Safari/605.1.15",
            version / 8
        ),
    };
}

/// Schemes that stay. What another one says may be anybody's, such as `password:hunter2://x`.
const SCHEMES: &[&str] = &[
    "https",
    "http",
    "ftp",
    "ftps",
    "sftp",
    "ssh",
    "git",
    "git+ssh",
    "git+https",
    "svn",
    "ws",
    "wss",
    "ldap",
    "ldaps",
    "s3",
    "gs",
    "file",
    "smb",
    "nfs",
    "tcp",
    "udp",
    "postgresql",
    "postgres",
    "mysql",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "redis",
    "rediss",
    "amqp",
    "amqps",
    "kafka",
    "mqtt",
    "nats",
    "smtp",
    "smtps",
    "imap",
    "imaps",
    "rtsp",
    "rtmp",
    "jdbc:postgresql",
    "jdbc:mysql",
    "jdbc:mariadb",
    "jdbc:sqlserver",
    "jdbc:oracle",
    "jdbc:db2",
    "jdbc:redshift",
];

/// Kinds of files, by which programs choose what to do with one.
const ENDINGS: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "webp", "svg", "bmp", "tif", "tiff", "heic", "avif", "ico", "psd", "ai", "eps", "pdf",
    "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "txt", "md", "csv", "tsv", "json", "xml",
    "yaml", "yml", "html", "htm", "xhtml", "css", "js", "ts", "php", "asp", "aspx", "jsp", "zip", "gz", "tgz", "bz2",
    "xz", "zst", "7z", "rar", "tar", "mp3", "wav", "ogg", "oga", "flac", "m4a", "aac", "mp4", "m4v", "mov", "avi",
    "mkv", "webm", "wmv", "eml", "msg", "ics", "vcf", "log", "sql", "db", "sqlite", "bak", "exe", "dmg", "apk", "iso",
    "pem", "key", "crt", "cer", "p12", "pfx", "ttf", "otf", "woff", "woff2", "epub", "mobi", "git", "dat", "bin",
];

/// `https://example.com/k3f9x2mw7qp4t.jpg`: a known scheme, the host if the rule says so, and a known ending of the path
/// remain; user, password, path, query and fragment do not.
pub(super) fn url(stream: &mut Stream, keep_host: bool, value: &[u8], out: &mut Vec<u8>) {
    let parts = memchr::memmem::find(value, b"://").and_then(|at| {
        let scheme = SCHEMES.iter().find(|scheme| scheme.as_bytes().eq_ignore_ascii_case(&value[..at]))?;
        Some((scheme, &value[at + 3..]))
    });
    let mut path = value;
    if let Some((scheme, rest)) = parts {
        let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
        let authority = &rest[..end];
        path = &rest[end..];
        let host = authority.iter().rposition(|byte| *byte == b'@').map_or(authority, |at| &authority[at + 1..]);
        out.extend_from_slice(scheme.as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(if keep_host && is_host(host) { host } else { b"example.com" });
        out.push(b'/');
    }
    out.extend_from_slice(&handles::digest(stream));
    let path = path.iter().position(|byte| b"?#".contains(byte)).map_or(path, |at| &path[..at]);
    out.extend_from_slice(ending(path));
}

/// A name or an address, and perhaps a port: with a `/` in it, a password would begin what looks like one.
fn is_host(host: &[u8]) -> bool {
    let port = host.iter().rposition(|byte| *byte == b':').filter(|at| host[at + 1..].iter().all(u8::is_ascii_digit));
    let name = &host[..port.unwrap_or(host.len())];
    let address = name.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let is_name = || name.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte) || *byte >= 0x80);
    address.map_or_else(is_name, |address| address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte)))
}

/// `dolores-k3f9x2mw7qp4t.pdf`: the ending remains; folders do not. Digest and ending stay whole as long as they can.
pub(super) fn file_name(stream: &mut Stream, value: &[u8], limit: usize, out: &mut Vec<u8>) {
    let digest = handles::digest(stream);
    let ending = ending(value);
    let ending = if ending.len() + handles::DIGEST_LEAST_CHARS <= limit { ending } else { b"" };
    let word = super::lorem::word(stream);
    if word.len() + 1 + digest.len() + ending.len() <= limit {
        out.extend_from_slice(word.as_bytes());
        out.push(b'-');
    }
    out.extend_from_slice(&digest[..digest.len().min(limit - ending.len())]);
    out.extend_from_slice(ending);
}

/// `.jpg`, or nothing: what stands behind the last dot after the last folder, where it is a kind of file.
fn ending(path: &[u8]) -> &[u8] {
    let name = path.iter().rposition(|byte| b"/\\".contains(byte)).map_or(path, |at| &path[at + 1..]);
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(at) if at > 0 => {
            let is_known = ENDINGS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(&name[at + 1..]));
            if is_known { &name[at..] } else { b"" }
        }
        _ => b"",
    }
}
