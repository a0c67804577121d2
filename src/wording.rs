//! Numbers with their nouns, as messages say them.

/// `1 table`, `2 tables`.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{count} {}", nouns(count, noun))
}

/// `table` for one, `tables` else.
pub fn nouns(count: u64, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => noun.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if noun.ends_with('x') => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}
