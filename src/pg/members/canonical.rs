//! Values in canonical form, as SQL: equal values have equal canonical forms whatever their columns' types.

use crate::closure::Key;
use crate::pg::quote::array_literal;
use crate::schema::{Catalog, ColumnType, Reference, TypeClass};

/// Integers beyond the referencing column's width cannot be referred to, and would not parse as its type.
pub(super) fn fits(key: &Key, class: TypeClass) -> bool {
    match (key, class) {
        (Key::Int(value), TypeClass::Int2) => i16::try_from(*value).is_ok(),
        (Key::Int(value), TypeClass::Int4) => i32::try_from(*value).is_ok(),
        _ => true,
    }
}

/// A base type's name that can be cast to as it is: `character` alone would mean `character(1)`.
pub(in crate::pg) fn cast_name(base_sql_name: &str, class: TypeClass) -> String {
    if class == TypeClass::Bpchar { "bpchar".to_owned() } else { base_sql_name.to_owned() }
}

/// A list of such values would read as one array of more dimensions, or has no equality with a list's element type:
/// compared in canonical form, as text.
pub(super) fn lists_as_text(class: TypeClass) -> bool {
    matches!(class, TypeClass::Array | TypeClass::Composite)
}

/// The server compares values of these types as their foreign keys do, without a canonical form.
pub(super) fn compares_as_it_is(child: TypeClass, parent: TypeClass) -> bool {
    let is_number = child.is_integer() || child.is_float() || child == TypeClass::Numeric;
    child == parent
        || (child.is_integer() && parent.is_integer())
        || (is_number && parent.is_float())
        || (child.is_moment() && parent.is_moment())
}

/// A foreign key between these types compares the child's value as one of the parent's, by an implicit cast.
pub(in crate::pg) fn is_cast_to_parent(child: &ColumnType, parent: &ColumnType) -> bool {
    use TypeClass as C;
    match (child.class, parent.class) {
        (C::Citext, C::Text | C::Varchar | C::Bpchar | C::Name) => true,
        (C::Text | C::Varchar | C::Name, C::Bpchar) => true,
        (C::Other, _) | (_, C::Other) => child.base_sql_name != parent.base_sql_name,
        _ => false,
    }
}

/// The same value as one of the parent's type.
pub(in crate::pg) fn cast_to(data_type: &ColumnType, sql: &str) -> String {
    format!("{sql}::{}", cast_name(&data_type.base_sql_name, data_type.class))
}

/// The type of a list that a column of `child` is compared with.
pub(super) fn list_type(child: &ColumnType, parent: &ColumnType) -> String {
    let own = child.class == parent.class || child.class.is_integer();
    let of = if own && !parent.class.is_float() { child } else { parent };
    cast_name(&of.base_sql_name, of.class)
}

pub(super) fn canonical_type(class: TypeClass) -> &'static str {
    match class {
        class if class.is_integer() => "int8",
        TypeClass::Uuid => "uuid",
        _ => "text",
    }
}

/// Text that is equal exactly when the values are.
pub(super) fn canonical_text(class: TypeClass, sql: &str) -> String {
    match class {
        TypeClass::Citext => format!("lower({sql}::text)"),
        TypeClass::Numeric => format!("trim_scale({sql})::text"),
        _ => format!("{sql}::text"),
    }
}

/// Membership of expressions, each with its type, in a short list of texts.
pub(super) fn in_list(columns: &[(String, String)], list: &[Vec<String>]) -> String {
    let arrays: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, (_, type_name))| {
            let texts = list.iter().filter_map(|texts| texts.get(at)).map(String::as_str);
            format!("{}::{type_name}[]", array_literal(texts))
        })
        .collect();
    match (columns, arrays.as_slice()) {
        ([(column, _)], [array]) => format!("({column} = ANY ({array}))"),
        _ => {
            let names: Vec<String> = (1..=columns.len()).map(|n| format!("c{n}")).collect();
            let names = names.join(", ");
            let sides: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
            format!("(({}) IN (SELECT {names} FROM unnest({}) AS k({names})))", sides.join(", "), arrays.join(", "))
        }
    }
}

/// A value of `class` in the canonical form of `parent`'s keys; NULL where it cannot be one.
pub(super) fn canonical_as(parent: TypeClass, class: TypeClass, sql: &str) -> String {
    match (parent, class) {
        (parent, class) if parent.is_integer() && class.is_integer() => format!("{sql}::int8"),
        (parent, TypeClass::Numeric) if parent.is_integer() => format!(
            "CASE WHEN {sql} = trunc({sql}) AND {sql} BETWEEN {} AND {} THEN {sql}::int8 END",
            i64::MIN,
            i64::MAX
        ),
        // Nineteen digits are compared as text, since a cast of too many would fail.
        (parent, _) if parent.is_integer() => format!(
            "CASE WHEN {sql}::text ~ '^-?[0-9]{{1,18}}$' THEN {sql}::text::int8 \
             WHEN {sql}::text ~ '^-?[0-9]{{19}}$' AND ltrim({sql}::text, '-') COLLATE \"C\" <= '{}' \
             THEN {sql}::text::int8 END",
            i64::MAX
        ),
        (TypeClass::Uuid, TypeClass::Uuid) => sql.to_owned(),
        (TypeClass::Uuid, _) => format!(
            "CASE WHEN {sql}::text ~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN {sql}::text::uuid END"
        ),
        (TypeClass::Numeric, class) if class.is_integer() => format!("{sql}::text"),
        (TypeClass::Citext, _) => format!("lower({sql}::text)"),
        // As a cast to it would be compared: blanks at the end do not count.
        (TypeClass::Bpchar, class) if class != TypeClass::Bpchar => format!("rtrim({sql}::text, ' ')"),
        // Only among its own kind case does not count.
        (_, TypeClass::Citext) => format!("{sql}::text"),
        (_, class) => canonical_text(class, sql),
    }
}

/// What the elements of an array reference are, as far as comparing them with keys needs to know.
pub(super) fn element_class(catalog: &Catalog, reference: &Reference) -> TypeClass {
    let child = &catalog.table(reference.child).column(reference.child_columns[0]).data_type;
    let parent = catalog.table(reference.parent).column(reference.parent_columns[0]).data_type.class;
    match child.base_sql_name.trim_end_matches("[]") {
        "smallint" => TypeClass::Int2,
        "integer" => TypeClass::Int4,
        "bigint" => TypeClass::Int8,
        "numeric" => TypeClass::Numeric,
        "uuid" => TypeClass::Uuid,
        "text" => TypeClass::Text,
        "character varying" => TypeClass::Varchar,
        "character" | "bpchar" => TypeClass::Bpchar,
        _ => parent,
    }
}
