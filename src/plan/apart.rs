//! Whether the rules of one column keep its values apart: by themselves, for members and support rows together, and
//! where case does not count.

use crate::anonymize::{Uniqueness, uniqueness};
use crate::profile::{MaskRule, MaskSpec};
use crate::schema::{Index, Table, TypeClass};
use crate::types::ColumnId;

use super::unique::Masks;
use super::{ColumnMasks, template_key};

pub(super) fn keeps_apart(table: &Table, masks: &Masks, index: &Index, id: ColumnId, rule: &MaskRule) -> bool {
    match (&rule.spec, uniqueness(&rule.spec, &table.column(id).data_type).0) {
        (MaskSpec::Keep, _) => true,
        (MaskSpec::Null, _) => !index.nulls_not_distinct,
        (MaskSpec::Template(text), _) => template_has_key(table, masks, text, |_| true),
        (_, Uniqueness::No) => false,
        _ => true,
    }
}

/// No value that members get is one that support rows get. Rules that each keep values apart do not show that.
pub(super) fn together(table: &Table, id: ColumnId, masks: &ColumnMasks) -> bool {
    let (member, support) = (&masks.member, &masks.support);
    if member == support {
        return true;
    }
    let drawn = |rule: &MaskRule| uniqueness(&rule.spec, &table.column(id).data_type).0 == Uniqueness::Negligible;
    match (&member.spec, &support.spec) {
        (MaskSpec::Null, _) | (_, MaskSpec::Null) => true,
        (MaskSpec::Template(one), MaskSpec::Template(other)) => begin_apart(one, other),
        // Only the rows can tell: see `unproven`.
        (MaskSpec::Keep, MaskSpec::Template(_)) | (MaskSpec::Template(_), MaskSpec::Keep) => true,
        _ => drawn(member) || drawn(support),
    }
}

/// The texts before the first placeholder differ within the length of the shorter one.
fn begin_apart(one: &str, other: &str) -> bool {
    let beginning = |text: &str| text.split(['{', '}']).next().unwrap_or_default().to_lowercase();
    let (one, other) = (beginning(one), beginning(other));
    !one.starts_with(&other) && !other.starts_with(&one)
}

/// Results are of one case, or differ in more than case.
pub(super) fn survives_folding(table: &Table, masks: &Masks, rule: &MaskRule) -> bool {
    match &rule.spec {
        MaskSpec::Keep
        | MaskSpec::Null
        | MaskSpec::Hash { .. }
        | MaskSpec::Uuid
        | MaskSpec::Email { .. }
        | MaskSpec::Username => true,
        MaskSpec::Template(text) => template_has_key(table, masks, text, |class| {
            class.is_integer() || matches!(class, TypeClass::Uuid | TypeClass::Citext)
        }),
        _ => false,
    }
}

/// The template shows a column that is a unique key by itself, of a type that `suits`, never NULL, and kept apart under
/// its own rules.
fn template_has_key(table: &Table, masks: &Masks, text: &str, suits: impl Fn(TypeClass) -> bool) -> bool {
    let apart = |id: ColumnId| {
        masks[id.index()].as_ref().is_some_and(|m| {
            together(table, id, m)
                && [&m.member, &m.support].into_iter().all(|rule| {
                    !matches!(rule.spec, MaskSpec::Template(_))
                        && uniqueness(&rule.spec, &table.column(id).data_type).0 != Uniqueness::No
                })
        })
    };
    table.unique_keys.iter().any(|key| match key.columns.as_slice() {
        [id] => {
            let column = table.column(*id);
            column.not_null && suits(column.data_type.class) && template_key::shows(text, table, *id) && apart(*id)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_begin_differently_never_meet() {
        assert!(begin_apart("user{id}@a.example", "Support{id}@a.example"));
        assert!(!begin_apart("user{id}", "user1{id}"));
        assert!(!begin_apart("{id}", "support{id}"));
    }
}
