//! Addresses of networks and devices, links that carry credentials, user agents, cookies.

use std::net::{Ipv4Addr, Ipv6Addr};

/// How surely a text is an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Certainly.
    Ip,
    /// Four small numbers: perhaps a version.
    OrVersion,
}

/// No part of a usual version has three digits; most addresses have such a part.
const VERSION_PART_MAX: u8 = 99;

/// The whole is an address, perhaps with a mask's length or a port.
pub(super) fn ip(text: &str) -> Option<Address> {
    if text.len() > 64 || text.len() < 3 {
        return None;
    }
    if text.contains(':') && text.bytes().filter(|b| *b == b':').count() >= 2 {
        let inner = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
        let inner = inner.split(['/', '%']).next().unwrap_or_default();
        let digits = inner.bytes().filter(u8::is_ascii_hexdigit).count();
        return (inner.parse::<Ipv6Addr>().is_ok() && (digits >= 3 || inner == "::1")).then_some(Address::Ip);
    }
    let (address, rest) = text.split_at(text.find(['/', ':']).unwrap_or(text.len()));
    let rest_is_number = rest.is_empty() || (rest.len() <= 6 && rest[1..].bytes().all(|b| b.is_ascii_digit()));
    let address: Ipv4Addr = address.parse().ok().filter(|_| rest_is_number)?;
    let large = address.octets().iter().any(|part| *part > VERSION_PART_MAX);
    // `0.…` is nobody's address.
    match address.octets()[0] {
        0 => None,
        _ if large => Some(Address::Ip),
        _ => Some(Address::OrVersion),
    }
}

/// The whole is a hardware address: `00:1b:44:11:3a:b7`, `00-1B-…`, `001b.4411.3ab7`.
pub(super) fn is_mac(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts = |separator: char, count: usize, length: usize| {
        text.split(separator).count() == count && text.split(separator).all(|part| hex(part, length))
    };
    matches!(text.len(), 14 | 17 | 23)
        && (parts(':', 6, 2) || parts('-', 6, 2) || parts('.', 3, 4) || parts(':', 8, 2) || parts('-', 8, 2))
}

/// Parameters whose value opens something.
const SECRET_PARAMETERS: &[&str] = &[
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "auth",
    "apikey",
    "api_key",
    "key",
    "secret",
    "sig",
    "signature",
    "password",
    "passwd",
    "pwd",
    "session",
    "sessionid",
    "sid",
    "jwt",
    "code",
    "x-amz-signature",
    "x-goog-signature",
    "client_secret",
    "reset_token",
    "magic",
];

/// Shorter values of such parameters open nothing.
const SECRET_MIN_CHARS: usize = 8;

/// A link in it has a password before the host, or a token behind it.
pub(super) fn holds_url_credentials(text: &str) -> bool {
    text.match_indices("://").take(32).any(|(at, _)| {
        let scheme = text[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        let rest = &text[at + 3..];
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).unwrap_or(rest.len());
        let link = &rest[..end];
        let host_end = link.find(['/', '?', '#']).unwrap_or(link.len());
        let user = link[..host_end].rsplit_once('@').map(|(user, _)| user);
        let password = user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty());
        scheme && (password || has_secret_parameter(&link[host_end..]))
    })
}

fn has_secret_parameter(tail: &str) -> bool {
    tail.split(['?', '&', '#', ';']).skip(1).take(32).any(|pair| {
        pair.split_once('=').is_some_and(|(name, value)| {
            value.len() >= SECRET_MIN_CHARS
                && value.bytes().any(|b| b.is_ascii_digit())
                && SECRET_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name))
        })
    })
}

/// What browsers and programs say of themselves.
pub(super) fn is_user_agent(text: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "Mozilla/",
        "Opera/",
        "Dalvik/",
        "okhttp/",
        "curl/",
        "Wget/",
        "PostmanRuntime/",
        "python-requests/",
        "Go-http-client/",
        "Apache-HttpClient/",
        "axios/",
        "node-fetch/",
        "Java/1",
        "CFNetwork/",
        "facebookexternalhit/",
        "Googlebot/",
    ];
    let engine = ["AppleWebKit/", "CFNetwork/", "Gecko/"].iter().any(|name| text.contains(name));
    let named = text.split_whitespace().next().is_some_and(|first| first.contains('/'));
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) || (engine && named)
}

/// Names of cookies that tell a session or a person.
const COOKIE_NAMES: &[&str] = &[
    "phpsessid",
    "jsessionid",
    "sessionid",
    "session",
    "session_id",
    "connect.sid",
    "sid",
    "csrftoken",
    "xsrf-token",
    "_ga",
    "_gid",
    "_fbp",
    "asp.net_sessionid",
    "laravel_session",
    "remember_token",
    "remember_me",
    "auth_token",
    "access_token",
    "wordpress_logged_in",
    "__cf_bm",
    "cf_clearance",
    "__stripe_mid",
    "_session_id",
    "uid",
    "_gcl_au",
];

/// A line of a Cookie or Set-Cookie header.
pub(super) fn is_cookie(text: &str) -> bool {
    let text = text.strip_prefix("Set-Cookie:").or_else(|| text.strip_prefix("Cookie:")).unwrap_or(text).trim();
    let mut pairs = 0;
    let mut telling = false;
    for (position, part) in text.split(';').take(16).enumerate() {
        let part = part.trim();
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name.is_empty() || name.contains(char::is_whitespace) || name.contains(['/', '<', '{']) {
            return part.is_empty() && telling;
        }
        let name = name.to_ascii_lowercase();
        let known = COOKIE_NAMES.contains(&name.as_str())
            || name.starts_with("__host-")
            || name.starts_with("__secure-")
            || name.starts_with("_ga_")
            || name.ends_with("_session");
        let attribute = position > 0
            && matches!(name.as_str(), "httponly" | "secure" | "samesite" | "max-age" | "path" | "domain" | "expires");
        telling |=
            (known && value.len() >= 6) || (attribute && pairs > 0 && matches!(name.as_str(), "httponly" | "samesite"));
        pairs += usize::from(!value.is_empty());
    }
    telling && pairs > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in [
            "192.168.0.1",
            "8.8.8.200",
            "2001:db8::1",
            "::1",
            "fe80::1%eth0",
            "10.200.0.0/16",
            "93.184.216.34:443",
            "[2001:db8::7]:80",
        ] {
            assert_eq!(ip(good), Some(Address::Ip), "{good}");
        }
        for version in ["1.2.3.4", "10.0.1.7"] {
            assert_eq!(ip(version), Some(Address::OrVersion), "{version}");
        }
        for other in
            ["1.2.3", "120.0.6099.71", "12:30:45", "0.1.2.3", "1.2.3.4-beta", "256.1.1.1", "::", "a:b:c", "01.02.03.04"]
        {
            assert_eq!(ip(other), None, "{other}");
        }
        assert!(is_mac("00:1b:44:11:3a:b7") && is_mac("00-1B-44-11-3A-B7") && is_mac("001b.4411.3ab7"));
        assert!(!is_mac("12:30:45") && !is_mac("00:1b:44:11:3a:zz") && !is_mac("2024-01-15 10:30"));
    }

    #[test]
    fn links() {
        for good in [
            "postgres://app:s3cret@db/x",
            "https://x.example/a?b=1&token=abcd1234ef",
            "see ftp://u:p@h/x now",
            "https://s3.example/k?X-Amz-Signature=0123456789abcdef",
        ] {
            assert!(holds_url_credentials(good), "{good}");
        }
        for bad in
            ["https://x.example/a?page=12345678", "https://user@host/x", "http://x/?key=a", "://a:b@c", "10:30 a@b"]
        {
            assert!(!holds_url_credentials(bad), "{bad}");
        }
    }

    #[test]
    fn agents_and_cookies() {
        assert!(
            is_user_agent("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0") && is_user_agent("curl/8.1")
        );
        assert!(!is_user_agent("Mozilla Firefox") && !is_user_agent("a/b"));
        assert!(
            is_cookie("sessionid=38afes7a8; Path=/; HttpOnly")
                && is_cookie("_ga=GA1.2.1; theme=dark; PHPSESSID=a1b2c3d4")
        );
        assert!(is_cookie("lang=de; sessionid=abcdef12;"));
        for bad in ["a=1; b=2", "color: red; width: 10px", "x", "", "path=/usr; home=/root", "SELECT 1; session"] {
            assert!(!is_cookie(bad), "{bad}");
        }
    }
}
