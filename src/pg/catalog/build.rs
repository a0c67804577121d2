//! Catalog rows to [`Catalog`]: pure.

use std::collections::{HashMap, HashSet};

use super::rows::{ColumnRow, ConstraintRow, IndexRow, ObjectRow, SequenceRow, ServerRow, TableRow, TypeRow};
use crate::schema::{
    Catalog, Check, Column, ColumnType, ForeignKey, Index, Leaf, Reference, SchemaObject, Sequence, Table, TableKind,
    TypeClass, UniqueKey,
};
use crate::types::{ColumnId, QualifiedName, RefId, TableId};

/// Everything the catalog queries returned.
pub(super) struct Rows {
    pub(super) server: ServerRow,
    pub(super) tables: Vec<TableRow>,
    pub(super) columns: Vec<ColumnRow>,
    pub(super) types: Vec<TypeRow>,
    pub(super) constraints: Vec<ConstraintRow>,
    pub(super) indexes: Vec<IndexRow>,
    pub(super) sequences: Vec<SequenceRow>,
    pub(super) objects: Vec<ObjectRow>,
}

/// What the profile leaves out.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut<'a> {
    /// Schemas.
    pub schemas: &'a [String],
    /// Tables as the profile writes them.
    pub tables: &'a [String],
}

impl LeftOut<'_> {
    fn has(self, name: &QualifiedName) -> bool {
        self.schemas.contains(&name.schema)
            || self.tables.iter().any(|t| *t == name.to_string() || *t == format!("{}.{}", name.schema, name.name))
    }
}

/// Builds the catalog, without what the profile leaves out (and the references into it, which are returned by name).
pub(super) fn build(rows: Rows, left_out: LeftOut<'_>) -> Catalog {
    let types: HashMap<u32, TypeRow> = rows.types.into_iter().map(|row| (row.oid, row)).collect();
    let mut catalog = Catalog {
        server_version: rows.server.version_num,
        large_objects: rows.server.large_objects,
        extensions: rows.server.extensions,
        schemas: rows.server.schemas,
        ..Catalog::default()
    };
    let relations: HashSet<u32> = rows.tables.iter().map(|row| row.oid).collect();
    let foreign: HashSet<u32> = rows.tables.iter().filter(|row| row.kind == "f").map(|row| row.oid).collect();
    let Relations { owner, partition_keys, subtrees } = tables(&mut catalog, rows.tables, left_out);
    columns(&mut catalog, rows.columns, &types, &owner);
    for (id, name, has_gaps) in partition_keys {
        let table = &mut catalog.tables[id.index()];
        let Some(column) = table.find_column(&name) else { continue };
        let has_gaps = has_gaps || !table.leaves_behind.is_empty();
        for (key, belongs) in [(&mut table.partition_key, true), (&mut table.gapped_key, has_gaps)] {
            if belongs && !key.contains(&column) {
                key.push(column);
            }
        }
    }
    indexes(&mut catalog, rows.indexes, &owner);
    constraints(&mut catalog, rows.constraints, &owner, &subtrees);
    for row in rows.sequences {
        let owner_left_out = row.owner_relation.is_some_and(|oid| !owner.contains_key(&oid));
        let fills_other = row.fills.iter().any(|(oid, _)| owner.contains_key(oid));
        if (!owner_left_out || fills_other) && !left_out.schemas.contains(&row.schema) {
            let sequence = sequence(&catalog, row, &owner, &foreign);
            catalog.sequences.push(sequence);
        }
    }
    catalog.objects = rows
        .objects
        .into_iter()
        .filter(|row| !left_out.schemas.contains(&row.schema))
        // What is on a view counts; what is on a table that does not come goes with it.
        .filter(|row| {
            row.on_relation
                .is_none_or(|oid| (owner.contains_key(&oid) || !relations.contains(&oid)) && !foreign.contains(&oid))
        })
        .map(|row| SchemaObject {
            kind: row.kind,
            identity: row.identity,
            class_oid: row.class_oid,
            oid: row.oid,
            on_relation: row.on_relation,
        })
        .collect();
    catalog
}

fn sequence(catalog: &Catalog, row: SequenceRow, owner: &HashMap<u32, TableId>, foreign: &HashSet<u32>) -> Sequence {
    let fills = row.fills.iter().filter(|(relation, _)| !foreign.contains(relation));
    let fills = fills.filter_map(|(relation, column)| {
        let id = *owner.get(relation)?;
        Some((id, catalog.table(id).find_column(column)?))
    });
    let mut fills: Vec<(TableId, ColumnId)> = fills.collect();
    fills.sort_unstable();
    fills.dedup();
    Sequence {
        name: QualifiedName::new(row.schema, row.name),
        fills,
        readable: row.readable,
        last_value: row.last_value,
        increment: row.increment,
        least: row.least,
        greatest: row.greatest,
        start: row.start,
        selectable: row.selectable,
    }
}

/// What the relations are of.
struct Relations {
    /// Which table each one (partitions included) belongs to.
    owner: HashMap<u32, TableId>,
    /// Names of partition key columns, and whether their level has gaps.
    partition_keys: Vec<(TableId, String, bool)>,
    /// Partitions with the oids of the leaves that they are made of, their own if they are one.
    subtrees: HashMap<u32, (QualifiedName, Vec<u32>)>,
}

/// Fills `catalog.tables`.
fn tables(catalog: &mut Catalog, rows: Vec<TableRow>, left_out: LeftOut<'_>) -> Relations {
    let mut owner = HashMap::new();
    let mut partition_keys = Vec::new();
    let mut partitions = Vec::new();
    for row in rows {
        let name = QualifiedName::new(row.schema.clone(), row.name.clone());
        if row.kind == "f" {
            catalog.foreign.push(name.clone());
        }
        if row.partition_root.is_some() {
            partitions.push((name, row));
            continue;
        }
        if left_out.has(&name) {
            catalog.left_out_oids.push(row.oid);
            catalog.left_out.push(name);
            continue;
        }
        let id = TableId::from_index(catalog.tables.len());
        owner.insert(row.oid, id);
        partition_keys.extend(row.partition_key.into_iter().map(|column| (id, column, row.has_gaps)));
        catalog.tables.push(Table {
            kind: match row.kind.as_str() {
                "p" => TableKind::Partitioned,
                "f" => TableKind::Foreign,
                _ => TableKind::Ordinary,
            },
            inherits: row.inherits,
            leaves_apart: row.kind == "p" && row.routes_alike && !row.rls_applies,
            rows_estimate: row.rows_estimate,
            heap_bytes: row.heap_bytes,
            rls_applies: row.rls_applies,
            readable: row.readable,
            comment: row.comment,
            ..Table::bare(id, row.oid, name)
        });
    }
    let parents: HashMap<u32, Option<u32>> = partitions.iter().map(|(_, r)| (r.oid, r.partition_parent)).collect();
    let above = |oid: u32| std::iter::successors(Some(oid), |oid| parents.get(oid).copied().flatten());
    let behind = partitions.iter().filter(|(name, row)| row.kind == "f" || left_out.has(name));
    let behind: HashSet<u32> = behind.map(|(_, row)| row.oid).collect();
    let mut subtrees: HashMap<u32, (QualifiedName, Vec<u32>)> = HashMap::new();
    for (name, row) in &partitions {
        subtrees.entry(row.oid).or_insert_with(|| (name.clone(), Vec::new()));
    }
    for (name, row) in partitions {
        let stays_behind = above(row.oid).any(|oid| behind.contains(&oid));
        let Some(id) = row.partition_root.and_then(|root| owner.get(&root).copied()) else {
            // pg_dump leaves out only what is named.
            if row.partition_root.is_some_and(|root| catalog.left_out_oids.contains(&root)) {
                catalog.left_out.push(name);
            }
            continue;
        };
        let table = &mut catalog.tables[id.index()];
        if stays_behind {
            if row.kind != "f" || left_out.has(&name) {
                catalog.left_out.push(name.clone());
            }
            if row.kind != "p" {
                table.leaves_behind.push(name);
            }
            continue;
        }
        owner.insert(row.oid, id);
        partition_keys.extend(row.partition_key.iter().map(|column| (id, column.clone(), row.has_gaps)));
        table.rls_in_leaves |= row.rls_applies && row.kind != "p";
        if !row.readable {
            table.unreadable_partitions.push(name.clone());
        }
        table.leaves_apart &= row.routes_alike && (row.kind == "p" || stands_alone(&row));
        if row.kind != "p" {
            for oid in above(row.oid) {
                subtrees.entry(oid).and_modify(|(_, leaves)| leaves.push(row.oid));
            }
            if table.leaves.is_empty() {
                table.rows_estimate = 0.0;
            }
            table.rows_estimate += row.rows_estimate.max(0.0);
            table.heap_bytes += row.heap_bytes;
            table.leaves.push(Leaf {
                oid: row.oid,
                name,
                rows_estimate: row.rows_estimate,
                heap_bytes: row.heap_bytes,
                build_oids: Vec::new(),
            });
        }
    }
    Relations { owner, partition_keys, subtrees }
}

/// The leaf shows the same rows by itself as through its root, and takes them.
fn stands_alone(leaf: &TableRow) -> bool {
    leaf.kind == "r" && leaf.readable && !leaf.rls_applies && !leaf.generates_otherwise
}

fn columns(catalog: &mut Catalog, rows: Vec<ColumnRow>, types: &HashMap<u32, TypeRow>, owner: &HashMap<u32, TableId>) {
    for row in rows {
        let (Some(id), Some(type_row)) = (owner.get(&row.relation), types.get(&row.type_oid)) else { continue };
        catalog.tables[id.index()].columns.push(Column {
            data_type: column_type(row.type_oid, row.modifier, row.sql_name.clone(), type_row, types),
            name: row.name,
            attnum: row.attnum,
            not_null: row.not_null || type_row.domain_not_null,
            generated: row.generated,
            expression: row.expression,
            identity: row.identity,
            loose_collation: row.loose_collation,
            comment: row.comment,
        });
    }
}

fn column_type(oid: u32, modifier: i32, sql_name: String, base: &TypeRow, types: &HashMap<u32, TypeRow>) -> ColumnType {
    let class = classify(base);
    let modifier = if base.domain { base.domain_modifier } else { modifier };
    let max_chars = matches!(class, TypeClass::Varchar | TypeClass::Bpchar)
        .then(|| u32::try_from(modifier - 4).ok())
        .flatten()
        .filter(|_| modifier >= 4);
    // An array's modifier is its elements'. A type cannot contain itself, so this ends.
    let part = |(name, oid, modifier): (String, u32, i32)| {
        let row = types.get(&oid)?;
        Some((name, column_type(oid, modifier, row.base_sql_name.clone(), row, types)))
    };
    let element = base.element.map(|oid| (String::new(), oid, modifier));
    let fields = base.field_names.iter().zip(&base.field_types).zip(&base.field_modifiers);
    let fields = fields.map(|((name, oid), modifier)| (name.clone(), *oid, *modifier));
    ColumnType {
        oid,
        sql_name,
        base_sql_name: base.base_sql_name.clone(),
        class,
        max_chars,
        precision: (class == TypeClass::Numeric).then(|| precision(modifier)).flatten(),
        enum_labels: base.enum_labels.clone(),
        domain: base.domain,
        domain_checks: base.domain_checks.clone(),
        has_binary: base.has_binary.unwrap_or(false),
        sends_oids: base.sends_oids.unwrap_or(false),
        carries_type_oids: base.carries_type_oids,
        inside: element.into_iter().chain(fields).filter_map(part).collect(),
    }
}

/// Digits and scale of a numeric's modifier, as the server packs them; the scale is signed in 11 bits (from 15).
fn precision(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier - 4;
    (modifier >= 4).then_some(((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024))
}

fn classify(base: &TypeRow) -> TypeClass {
    match (base.base_kind.as_str(), base.category.as_str()) {
        ("e", _) => return TypeClass::Enum,
        ("c", _) => return TypeClass::Composite,
        ("r" | "m", _) => return TypeClass::Range,
        (_, "A") => return TypeClass::Array,
        _ => {}
    }
    if base.base_name == "citext" {
        return TypeClass::Citext;
    }
    if base.base_schema != "pg_catalog" {
        return TypeClass::Other;
    }
    match base.base_name.as_str() {
        "int2" => TypeClass::Int2,
        "int4" => TypeClass::Int4,
        "int8" => TypeClass::Int8,
        "oid" => TypeClass::Oid,
        "numeric" => TypeClass::Numeric,
        "float4" => TypeClass::Float4,
        "float8" => TypeClass::Float8,
        "bool" => TypeClass::Bool,
        "text" => TypeClass::Text,
        "varchar" => TypeClass::Varchar,
        "bpchar" => TypeClass::Bpchar,
        "name" => TypeClass::Name,
        "bytea" => TypeClass::Bytea,
        "uuid" => TypeClass::Uuid,
        "json" => TypeClass::Json,
        "jsonb" => TypeClass::Jsonb,
        "xml" => TypeClass::Xml,
        "inet" => TypeClass::Inet,
        "cidr" => TypeClass::Cidr,
        "macaddr" => TypeClass::Macaddr,
        "date" => TypeClass::Date,
        "time" => TypeClass::Time,
        "timestamp" => TypeClass::Timestamp,
        "timestamptz" => TypeClass::Timestamptz,
        "interval" => TypeClass::Interval,
        "tsvector" => TypeClass::Tsvector,
        _ => TypeClass::Other,
    }
}

fn indexes(catalog: &mut Catalog, rows: Vec<IndexRow>, owner: &HashMap<u32, TableId>) {
    for row in rows {
        let Some(id) = owner.get(&row.relation) else { continue };
        let table = &mut catalog.tables[id.index()];
        let leaf = table.leaves.iter_mut().find(|leaf| leaf.oid == row.relation);
        let build_oids = leaf.map_or(&mut table.build_oids, |leaf| &mut leaf.build_oids);
        build_oids.push(row.oid);
        build_oids.extend(row.constraint_oid);
        let is_own = row.relation == table.oid;
        // What is unique in a partition alone binds its rows too, but is no key of the table.
        if !is_own && (row.inherited || !row.is_unique) {
            continue;
        }
        let columns: Vec<Option<ColumnId>> =
            row.columns.iter().map(|attnum| attnum.and_then(|n| column_of(table, n))).collect();
        let plain: Option<Vec<ColumnId>> = columns.iter().copied().collect();
        if let Some(key_columns) = plain.filter(|_| is_own && row.is_unique && row.valid && !row.partial) {
            table.unique_keys.push(UniqueKey {
                name: row.name.clone(),
                columns: key_columns,
                primary: row.is_primary,
                nulls_not_distinct: row.nulls_not_distinct,
            });
        }
        table.indexes.push(Index {
            oid: row.oid,
            name: row.name,
            columns,
            loose: row.loose,
            unique: row.is_unique,
            valid: row.valid,
            partial: row.partial,
            nulls_not_distinct: row.nulls_not_distinct,
            definition: row.definition,
            constraint_oid: row.constraint_oid,
        });
    }
    for table in &mut catalog.tables {
        table.unique_keys.sort_by_key(|key| !key.primary);
    }
}

fn constraints(
    catalog: &mut Catalog,
    rows: Vec<ConstraintRow>,
    owner: &HashMap<u32, TableId>,
    subtrees: &HashMap<u32, (QualifiedName, Vec<u32>)>,
) {
    for row in rows {
        let Some(child) = owner.get(&row.relation).copied() else { continue };
        let table = catalog.table(child);
        if row.kind == "c" {
            let columns = row.columns.iter().filter_map(|n| table.find_column(n)).collect();
            let in_partition = row.relation != table.oid;
            let check = Check { name: row.name, definition: row.definition, columns, in_partition };
            catalog.tables[child.index()].checks.push(check);
        } else if row.kind == "f" && !row.inherited {
            foreign_key(catalog, row, child, owner, subtrees);
        }
    }
}

fn foreign_key(
    catalog: &mut Catalog,
    row: ConstraintRow,
    child: TableId,
    owner: &HashMap<u32, TableId>,
    subtrees: &HashMap<u32, (QualifiedName, Vec<u32>)>,
) {
    let table = catalog.table(child);
    // A key of one partition holds for that partition's rows only.
    let part = subtrees.get(&row.relation);
    let on = part.map_or_else(|| table.name.clone(), |(name, _)| name.clone());
    let condition = part.map(|(_, leaves)| match leaves.as_slice() {
        [leaf] => format!("tableoid = {leaf}"),
        leaves => {
            let leaves: Vec<String> = leaves.iter().map(u32::to_string).collect();
            format!("tableoid = ANY ('{{{}}}'::oid[])", leaves.join(","))
        }
    });
    let child_columns: Vec<ColumnId> = row.columns.iter().filter_map(|n| table.find_column(n)).collect();
    let Some(parent) = owner.get(&row.parent).copied() else {
        if row.into_extension {
            catalog.extension_keys.push(row.oid);
            return;
        }
        catalog.cut_references.push((child, child_columns, row.name));
        return;
    };
    let parent_table = catalog.table(parent);
    let parent_columns: Vec<ColumnId> = row.parent_columns.iter().filter_map(|n| parent_table.find_column(n)).collect();
    if child_columns.len() != parent_columns.len() || child_columns.is_empty() {
        return;
    }
    let id = RefId::from_index(catalog.references.len());
    catalog.references.push(Reference {
        id,
        name: row.name,
        child,
        child_columns,
        parent,
        parent_columns,
        validated: row.validated,
        match_full: row.match_full,
        temporal: row.temporal,
        array: false,
        condition,
        foreign_key: Some(ForeignKey { oid: row.oid, definition: row.definition, on }),
    });
}

fn column_of(table: &Table, attnum: i16) -> Option<ColumnId> {
    table.columns.iter().position(|column| column.attnum == attnum).map(ColumnId::from_index)
}

#[cfg(test)]
mod tests {
    use super::precision;

    #[test]
    fn numeric_modifiers_are_unpacked() {
        // As `pg_attribute.atttypmod` has them for numeric, numeric(12,2), numeric(8,-3), numeric(2,4).
        for (modifier, unpacked) in
            [(-1, None), (786_438, Some((12, 2))), (526_337, Some((8, -3))), (131_080, Some((2, 4)))]
        {
            assert_eq!(precision(modifier), unpacked, "{modifier}");
        }
    }
}
