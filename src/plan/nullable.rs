//! Which columns of a reference may become NULL.

use crate::schema::{Catalog, Column, Index, Reference};
use crate::types::{ColumnId, RefId, TableId};

/// Columns of the reference that can be set to NULL without breaking the table; empty with a reason when none can.
/// An array reference loses elements instead, so its column always counts.
pub(super) fn nullable_columns(catalog: &Catalog, reference: &Reference) -> Result<Vec<ColumnId>, String> {
    if reference.array {
        return Ok(reference.child_columns.clone());
    }
    let table = catalog.table(reference.child);
    let mut why = String::new();
    let mut columns = Vec::new();
    for id in &reference.child_columns {
        match obstacle(catalog, reference, *id) {
            None => columns.push(*id),
            Some(reason) => why = format!("{} {reason}", table.column(*id).name),
        }
    }
    // MATCH FULL allows all or none.
    if columns.is_empty() || (reference.match_full && columns.len() < reference.child_columns.len()) {
        return Err(why);
    }
    Ok(columns)
}

/// The same of a foreign key into a left-out table, which the catalog holds by its columns only.
pub(super) fn cut_columns(catalog: &Catalog, child: TableId, columns: &[ColumnId]) -> Result<Vec<ColumnId>, String> {
    let stand_in = Reference {
        id: RefId::from_index(catalog.references.len()),
        name: String::new(),
        child,
        child_columns: columns.to_vec(),
        parent: child,
        parent_columns: columns.to_vec(),
        validated: false,
        match_full: false,
        temporal: false,
        array: false,
        condition: None,
        foreign_key: None,
    };
    nullable_columns(catalog, &stand_in)
}

fn obstacle(catalog: &Catalog, reference: &Reference, id: ColumnId) -> Option<&'static str> {
    let table = catalog.table(reference.child);
    let column = table.column(id);
    if column.not_null {
        return Some("is NOT NULL");
    }
    if column.generated {
        return Some("is generated");
    }
    if domain_forbids_null(column) {
        return Some("has a domain whose CHECK may forbid NULL");
    }
    if table.partition_key.contains(&id) {
        return Some("is in the partition key");
    }
    if table.indexes.iter().any(|index| index.nulls_not_distinct && index.columns.contains(&Some(id))) {
        return Some("is in a NULLS NOT DISTINCT key");
    }
    if table.checks.iter().any(|check| check.columns.contains(&id) && !holds_for_null(&check.definition)) {
        return Some("is in a CHECK that may forbid NULL");
    }
    let binds = |index: &&Index| index.unique || index.excludes();
    if table.indexes.iter().filter(binds).any(|index| looks_at_null(index, id, &column.name)) {
        return Some("is in the expression or condition of a unique index or an exclusion constraint");
    }
    let others: Vec<&Reference> = catalog
        .references_of(table.id)
        .filter(|other| other.id != reference.id && other.child_columns.contains(&id))
        .collect();
    let shared = !others.is_empty() && reference.child_columns.len() > 1;
    // MATCH FULL allows no NULL beside a value.
    let full = others.iter().any(|other| other.match_full && other.child_columns.len() > 1);
    (shared || full).then_some("belongs to another reference too")
}

/// NULL in the column can bring two rows to the same entry: not where the column itself is in the key, since NULLs
/// are distinct there.
fn looks_at_null(index: &Index, id: ColumnId, name: &str) -> bool {
    let may_look = index.partial || index.columns.contains(&None);
    may_look && !index.columns.contains(&Some(id)) && index.definition.contains(name)
}

/// Some CHECK of the column's domain, or of a domain under it, may be false of NULL.
pub(super) fn domain_forbids_null(column: &Column) -> bool {
    // The whole of such a CHECK is an OR, as the server prints it.
    let excepted = |check: &str| check.starts_with("CHECK (((VALUE IS NULL) OR ");
    column.data_type.domain_checks.iter().any(|check| !excepted(check) && !holds_for_null(check))
}

/// Functions of every server that give NULL for NULL. Those of other schemas are printed with their schema.
fn is_strict(name: &str) -> bool {
    matches!(
        name,
        "abs"
            | "btrim"
            | "cardinality"
            | "char_length"
            | "character_length"
            | "date_part"
            | "date_trunc"
            | "json_typeof"
            | "jsonb_typeof"
            | "length"
            | "lower"
            | "ltrim"
            | "mod"
            | "octet_length"
            | "regexp_replace"
            | "replace"
            | "round"
            | "rtrim"
            | "scale"
            | "starts_with"
            | "strpos"
            | "trunc"
            | "upper"
    )
}

/// A CHECK made of comparisons, AND, OR, NOT and strict functions cannot turn false when a column becomes NULL: in
/// three-valued logic an unknown atom leaves the result as it was or makes it unknown, and unknown passes. `IS`, CASE
/// and other function calls can.
fn holds_for_null(definition: &str) -> bool {
    let mut word = String::new();
    let (mut in_text, mut qualified, mut last) = (false, false, ' ');
    for letter in definition.chars() {
        if letter == '\'' {
            in_text = !in_text;
        }
        if in_text {
            continue;
        }
        if word.is_empty() {
            qualified = last == '.';
        }
        last = letter;
        if letter.is_alphanumeric() || letter == '_' || letter == '"' {
            word.push(letter.to_ascii_lowercase());
            continue;
        }
        let harmless_call =
            matches!(word.as_str(), "" | "check" | "and" | "or" | "not" | "any" | "all" | "in" | "array" | "operator")
                || (!qualified && is_strict(&word));
        if matches!(word.as_str(), "is" | "case" | "coalesce" | "nullif") || (letter == '(' && !harmless_call) {
            return false;
        }
        if letter != ' ' || !word.is_empty() {
            word.clear();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::holds_for_null;

    #[test]
    fn checks_that_hold_for_null() {
        for (definition, holds) in [
            ("CHECK ((amount > 0))", true),
            ("CHECK (((kind)::text = ANY ((ARRAY['a'::character varying, 'is'::character varying])::text[])))", true),
            ("CHECK (((a > 0) OR (b > 0)))", true),
            ("CHECK ((mail OPERATOR(public.=) mail))", true),
            ("CHECK (((a IS NOT NULL) OR (b IS NOT NULL)))", false),
            ("CHECK ((length(name) > 2))", true),
            ("CHECK ((app.length(name) > 2))", false),
            ("CHECK ((length(COALESCE(name, 'x'::text)) > 2))", false),
            ("CHECK ((num_nonnulls(a, b) = 1))", false),
            ("CHECK ((COALESCE(a, 0) > 0))", false),
            ("CHECK (CASE WHEN (a > 0) THEN true ELSE false END)", false),
        ] {
            assert_eq!(holds_for_null(definition), holds, "{definition}");
        }
    }
}
