//! The mark that a run's databases carry in COMMENT ON DATABASE.
//!
//! ```text
//! tithe run 20261121T191500Z-ab12cd: current
//! tithe run -: previous                          nothing of a run's, kept aside by a swap,
//! the comment it had                             with what its owner had written
//! ```

use crate::pg::quote::{ident, literal};

/// How a mark begins; the run's id follows.
const MARK: &str = "tithe run ";

/// Stands in the mark of a database that was there before the first run.
const NO_RUN: &str = "-";

/// Whether a comment is a mark.
pub(super) fn is_mark(comment: &str) -> bool {
    comment.starts_with(MARK)
}

/// The run that a mark names.
pub(super) fn marked_run(comment: &str) -> Option<&str> {
    comment.strip_prefix(MARK)?.split(':').next().filter(|run| *run != NO_RUN)
}

/// The statement that marks a database as holding what `run` made, or nothing of a run's.
pub(super) fn mark_sql(name: &str, run: Option<&str>, state: &str) -> String {
    comment_sql(name, &format!("{MARK}{}: {state}", run.unwrap_or(NO_RUN)))
}

/// The statement that marks the database aside, whose comment is `comment`, as being in `state`.
pub(super) fn aside_sql(name: &str, comment: &str, state: &str) -> String {
    if is_mark(comment) || comment.is_empty() {
        return mark_sql(name, marked_run(comment), state);
    }
    comment_sql(name, &format!("{MARK}{NO_RUN}: {state}\n{comment}"))
}

/// The statement that gives a database its comment again, when it comes back from being kept aside under `mark`.
pub(super) fn back_sql(name: &str, mark: &str) -> String {
    match marked_run(mark) {
        Some(run) => mark_sql(name, Some(run), "current"),
        None => comment_sql(name, mark.split_once('\n').map_or("", |(_, comment)| comment)),
    }
}

fn comment_sql(name: &str, comment: &str) -> String {
    // An empty text takes the comment away.
    format!("COMMENT ON DATABASE {} IS {};", ident(name), literal(comment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owners_comment_comes_back() {
        let text = |sql: &str| sql.split_once(" IS '").unwrap().1.strip_suffix("';").unwrap().to_owned();
        for comment in ["", "my dev", "two\nlines: of it"] {
            let aside = text(&aside_sql("d", comment, "previous"));
            assert!(is_mark(&aside) && marked_run(&aside).is_none(), "{aside}");
            assert_eq!(text(&back_sql("d", &aside)), comment);
        }
        let aside = text(&aside_sql("d", "tithe run 7: current", "previous"));
        assert_eq!((aside.as_str(), marked_run(&aside)), ("tithe run 7: previous", Some("7")));
        assert_eq!(text(&back_sql("d", &aside)), "tithe run 7: current");
    }
}
