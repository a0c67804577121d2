//! Connection text to parameters, as libpq reads it: URLs, `keyword=value` strings and bare database names.
//!
//! Purely textual: no defaults, no environment, no files (that is `info`). Nothing that stood where a value belongs is
//! ever repeated in a complaint, since a password with an unquoted space or `@` ends up anywhere.
//!
//! ```text
//! postgresql://me:p%40ss@db1,db2:5433/prod?sslmode=require
//!   -> user=me password=p@ss host=db1,db2 port=,5433 dbname=prod sslmode=require
//! ```

use std::fmt;

/// What is wrong with the text. Never holds a piece of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

fn malformed<T>(what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(what.into()))
}

/// Parameters in the order given; a later one of the same name replaces an earlier one.
#[derive(Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// True when no parameter says anything.
    pub(super) fn says_nothing(&self) -> bool {
        self.0.iter().all(|(_, value)| value.is_empty())
    }
}

/// Reads `text` in whichever of the three forms it is written.
pub(super) fn parse(text: &str) -> Result<Params, Malformed> {
    if text.contains('\0') {
        return malformed("it contains a NUL character");
    }
    if let Some(rest) = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        return parse_url(rest);
    }
    if let Some((scheme, _)) = text.split_once("://")
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:".contains(c))
    {
        return malformed("it is a URL, but not one that begins with postgresql:// or postgres://");
    }
    if text.contains('=') {
        return parse_keywords(text);
    }
    let mut params = Params::default();
    params.set("dbname", text.to_owned());
    Ok(params)
}

fn parse_url(rest: &str) -> Result<Params, Malformed> {
    let mut params = Params::default();
    // libpq looks for the `@` before the first `/` only.
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let rest = match rest[..authority_end].find('@') {
        Some(at) => {
            let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
            for (name, value) in [("user", user), ("password", password)] {
                if !value.is_empty() {
                    params.set(name, decode(value)?);
                }
            }
            &rest[at + 1..]
        }
        None => rest,
    };
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Where libpq would go on with half a password taken for a host or a database, and print it in its errors.
    if before_query.contains('@') {
        return malformed(
            "it has a second @, or an @ after a /: write @ as %40, / as %2F in the user and the password",
        );
    }
    let (hosts, dbname) = match before_query.find('/') {
        Some(slash) => (&before_query[..slash], &before_query[slash + 1..]),
        None => (before_query, ""),
    };
    parse_hosts(hosts, &mut params)?;
    if !dbname.is_empty() {
        params.set("dbname", decode(dbname)?);
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return malformed("a parameter after the ? has no =");
        };
        if value.contains('=') {
            return malformed("a parameter after the ? has a second =: write it as %3D");
        }
        match (decode(name)?.as_str(), decode(value)?) {
            // The spelling of JDBC, which libpq understands too.
            ("ssl", on) if on == "true" => params.set("sslmode", "require".to_owned()),
            (name, value) => params.set(name, value),
        }
    }
    Ok(params)
}

/// `host1:port1,[::1]:port2,host3`: two lists of equal length, holes kept.
fn parse_hosts(text: &str, params: &mut Params) -> Result<(), Malformed> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for entry in text.split(',') {
        let (host, port) = match entry.strip_prefix('[') {
            Some(inner) => {
                let Some((address, after)) = inner.split_once(']') else {
                    return malformed("an IPv6 address has no closing ]");
                };
                match after.strip_prefix(':') {
                    Some(port) => (address, port),
                    None if after.is_empty() => (address, ""),
                    None => return malformed("a : or / is missing after the ] of an IPv6 address"),
                }
            }
            None => entry.split_once(':').unwrap_or((entry, "")),
        };
        hosts.push(decode(host)?);
        ports.push(decode(port)?);
    }
    for (name, list) in [("host", hosts), ("port", ports)] {
        if list.iter().any(|entry| !entry.is_empty()) {
            params.set(name, list.join(","));
        }
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(0), Some(0)) => return malformed("%00 is not allowed"),
            (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
            _ => return malformed("a % is not followed by two hexadecimal digits: write % itself as %25"),
        }
    }
    String::from_utf8(bytes).or_else(|_| malformed("its percent-encoded characters are not UTF-8"))
}

/// `host=db port = 5433 dbname='a b'`, where a backslash escapes inside and outside of quotes.
fn parse_keywords(text: &str) -> Result<Params, Malformed> {
    let mut params = Params::default();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(params);
        }
        let mut name = String::new();
        while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_whitespace()) {
            name.push(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'=').is_none() {
            return malformed("a word has no = after it: a value with spaces needs quotes, like dbname='a b'");
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match rest.next() {
                Some('\\') => value.extend(rest.next()),
                Some('\'') if quoted => break,
                Some(c) if !quoted && c.is_whitespace() => break,
                Some(c) => value.push(c),
                None if quoted => return malformed("a quoted value has no closing quote"),
                None => break,
            }
        }
        params.set(&name, value);
    }
}
