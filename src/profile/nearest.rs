//! "Did you mean": the known name nearest to one that was written.

/// The candidate that differs from `written` in the fewest characters, if it is near enough to be what was meant:
/// a third of its characters, at least one, may differ.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written: Vec<char> = written.chars().flat_map(char::to_lowercase).collect();
    let near = |candidate: &str| {
        let candidate: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
        let allowed = (candidate.len().max(written.len()) / 3).max(1);
        // The difference in length is a lower bound; it also keeps an absurdly long name from costing anything.
        if candidate.len().abs_diff(written.len()) > allowed {
            return None;
        }
        Some(distance(&written, &candidate)).filter(|distance| *distance <= allowed)
    };
    candidates
        .into_iter()
        .filter_map(|candidate| near(candidate).map(|distance| (distance, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(a[i] != b[j]);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_what_was_meant() {
        let known = ["rows", "within", "follow", "pull", "null", "where"];
        for (written, expected) in [
            ("folow", Some("follow")),
            ("Follow", Some("follow")),
            ("wihtin", Some("within")),
            ("rwos", Some("rows")),
            ("", None),
            ("sampling", None),
        ] {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
