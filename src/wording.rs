//! Numbers with their nouns, as messages say them.

/// `1 table`, `2 tables`.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{count} {}", nouns(count, noun))
}

/// `table` for one, `tables` else.
pub fn nouns(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
