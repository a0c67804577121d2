//! Whether a rule gives one value the same result in two columns: what `plan` asks before it lets a mask onto a key.

use super::rules::{self, Pattern};
use super::uniqueness::limit;
use crate::profile::MaskSpec;
use crate::schema::{ColumnType, TypeClass};

/// Equal values get equal results in columns of both types; otherwise why not.
///
/// # Errors
/// What is in the way, to stand behind the names of rule and columns.
pub fn agrees(spec: &MaskSpec, one: &ColumnType, other: &ColumnType) -> Result<(), String> {
    if let ([(_, one)], [(_, other)]) = (element(spec, one), element(spec, other)) {
        return agrees(spec, one, other);
    }
    if let [(_, one)] = element(spec, one) {
        return agrees(spec, one, other);
    }
    if !one.class.is_text() || !other.class.is_text() || matches!(spec.plain(), MaskSpec::Null) {
        return Ok(());
    }
    if (one.class == TypeClass::Citext) != (other.class == TypeClass::Citext) {
        return Err("only one of them is citext, where cases do not count".to_owned());
    }
    let shortest = limit(one).min(limit(other));
    if limit(one) == limit(other) || fits(spec, shortest) {
        return Ok(());
    }
    Err(format!("one of them takes {shortest} characters only, and results may be longer"))
}

/// What the rule is put to inside an array.
fn element<'t>(spec: &MaskSpec, data_type: &'t ColumnType) -> &'t [(String, ColumnType)] {
    if data_type.class == TypeClass::Array && !spec.facts().takes(data_type) { &data_type.inside } else { &[] }
}

/// No result is longer than that, where the value is not.
fn fits(spec: &MaskSpec, limit: usize) -> bool {
    let spec = spec.plain();
    let most = match spec {
        _ if spec.facts().keeps_length => return true,
        MaskSpec::Constant(text) => text.chars().count(),
        MaskSpec::Hash { length } => *length as usize,
        MaskSpec::Uuid => 36,
        MaskSpec::Username => rules::HANDLE_CHARS,
        MaskSpec::Email { host } => rules::HANDLE_CHARS + 2 + host.chars().count(),
        MaskSpec::Regex { pattern } => Pattern::compile(pattern).map_or(usize::MAX, |pattern| pattern.most_chars()),
        _ => return false,
    };
    most <= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::tests::data_type;

    #[test]
    fn results_agree_where_none_is_cut_in_either_column() {
        let text = data_type(TypeClass::Text, None);
        let chars = |most| data_type(TypeClass::Varchar, Some(most));
        let citext = data_type(TypeClass::Citext, None);
        let email = MaskSpec::Email { host: "dev.example".into() };
        for (spec, one, other, agree) in [
            (MaskSpec::Username, &chars(40), &chars(8), false),
            (MaskSpec::Username, &chars(40), &chars(30), true),
            (MaskSpec::Username, &chars(8), &chars(8), true),
            (MaskSpec::Hash { length: 32 }, &chars(40), &chars(31), false),
            (MaskSpec::Hash { length: 32 }, &text, &chars(32), true),
            (MaskSpec::Token, &chars(40), &chars(8), true),
            (MaskSpec::Uuid, &text, &chars(32), false),
            (email.clone(), &text, &chars(22), false),
            (email.clone(), &text, &chars(60), true),
            (email.clone(), &text, &citext, false),
            (email, &citext, &citext, true),
            (MaskSpec::FullName, &text, &chars(200), false),
            (MaskSpec::Null, &text, &citext, true),
        ] {
            let (one_name, other_name) = (&one.sql_name, &other.sql_name);
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(agrees(&spec, one, other).is_ok(), agree, "{spec:?} of {one_name} and {other_name}");
            }
        }
    }
}
