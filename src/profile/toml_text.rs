//! Writing TOML: keys, strings and comments that hold any name a database may have.

/// A name as a TOML key: bare where TOML allows it, else quoted.
pub fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { string(name) }
}

/// A TOML basic string.
pub fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Text fit for the rest of a comment line: a name with a line break in it must not end the comment.
pub fn comment(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || c == '\u{2028}' || c == '\u{2029}' {
            line.extend(c.escape_default())
        } else {
            line.push(c)
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_name_comes_back(name in any::<String>()) {
            let text = format!("# {0}\n{1} = {2} # {0}\n", super::comment(&name), super::key(&name), super::string(&name));
            let table: toml::Table = text.parse().expect("valid TOML");
            prop_assert_eq!(table.len(), 1);
            prop_assert_eq!(table[name.as_str()].as_str(), Some(name.as_str()));
        }
    }
}
