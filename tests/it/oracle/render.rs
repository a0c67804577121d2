//! A case as SQL and as a profile.

use std::fmt::Write as _;

use super::case::*;
use super::generate::value;

impl Kind {
    fn sql(self) -> &'static str {
        match self {
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Bpchar => "character(12)",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Citext => "citext",
            Self::Loose => "text COLLATE loose",
        }
    }

    /// Another type that can refer to it.
    fn sql_of_referrer(self, number: usize) -> &'static str {
        match (self, number % 3) {
            (Self::Int4, 0) => "bigint",
            (Self::Text, 0) => "character varying(60)",
            (Self::Bpchar, 0) => "character(20)",
            _ => self.sql(),
        }
    }
}

impl Case {
    pub(super) fn sql_name(&self, table: usize) -> String {
        let table = &self.tables[table];
        format!("{}.{}", table.schema, table.name)
    }

    /// As profiles write it.
    pub(super) fn profile_name(&self, table: usize) -> String {
        let table = &self.tables[table];
        if table.schema == "public" { table.name.clone() } else { format!("{}.{}", table.schema, table.name) }
    }

    /// Columns with their SQL types, in order.
    pub(super) fn columns(&self, at: usize) -> Vec<(String, String)> {
        let table = &self.tables[at];
        let mut columns: Vec<(String, String)> = match table.key {
            TableKey::Single(kind) => vec![("k".to_owned(), kind.sql().to_owned())],
            TableKey::Pair => vec![("ka".to_owned(), "integer".to_owned()), ("kb".to_owned(), "text".to_owned())],
            TableKey::Nothing | TableKey::FirstReference => Vec::new(),
        };
        if let Some(other) = table.other_key {
            let not_null = if other.not_null { " NOT NULL" } else { "" };
            columns.push(("u".to_owned(), format!("{}{not_null}", other.kind.sql())));
        }
        for (name, sql) in
            [("n", "integer NOT NULL"), ("weight", "integer NOT NULL"), ("flag", "integer"), ("kind", "text")]
        {
            columns.push((name.to_owned(), sql.to_owned()));
        }
        for own in self.references_of(at) {
            let reference = &self.references[own];
            if reference.column_number() != reference.number {
                continue;
            }
            let names = reference.columns(self);
            let kinds = self.parent_kinds(reference);
            for ((name, kind), not_null) in names.into_iter().zip(kinds).zip(reference.columns_not_null(self)) {
                let sql = match reference.kind {
                    RefKind::Virtual { array: true, .. } => format!("{}[]", kind.sql()),
                    RefKind::Virtual { as_text: true, .. } => "text".to_owned(),
                    RefKind::Foreign { .. } => kind.sql_of_referrer(reference.number).to_owned(),
                    RefKind::Virtual { .. } => kind.sql().to_owned(),
                };
                columns.push((name, format!("{sql}{}", if not_null { " NOT NULL" } else { "" })));
            }
        }
        columns
    }

    /// The statements that make the source.
    pub(super) fn sql(&self) -> String {
        let mut sql = "CREATE EXTENSION citext;\nCREATE SCHEMA other;\n\
            CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n"
            .to_owned();
        for at in 0..self.tables.len() {
            self.table_sql(at, &mut sql);
        }
        for reference in &self.references {
            let table = self.sql_name(reference.child);
            let first = &reference.columns(self)[0];
            let n = reference.number;
            let _ = match reference.guard {
                Guard::Nothing => Ok(()),
                Guard::Check => writeln!(sql, "ALTER TABLE {table} ADD CHECK (num_nulls({first}) < 2);"),
                Guard::HarmlessCheck => writeln!(sql, "ALTER TABLE {table} ADD CHECK ({first} = {first} OR n > 1);"),
                Guard::NullsNotDistinct => {
                    writeln!(sql, "CREATE UNIQUE INDEX nnd{n} ON {table} (n, {first}) NULLS NOT DISTINCT;")
                }
                Guard::PartialIndex => {
                    writeln!(sql, "CREATE UNIQUE INDEX part{n} ON {table} (n) WHERE {first} IS NULL;")
                }
            };
            if let RefKind::Foreign { validated, match_full } = reference.kind {
                let (child, parent) = (reference.columns(self).join(", "), self.parent_columns(reference).join(", "));
                let full = if match_full { " MATCH FULL" } else { "" };
                let valid = if validated { "" } else { " NOT VALID" };
                let to = self.sql_name(reference.parent);
                let _ = writeln!(
                    sql,
                    "ALTER TABLE {table} ADD CONSTRAINT r{n} FOREIGN KEY ({child}) REFERENCES {to} ({parent}){full}{valid};"
                );
            }
        }
        sql
    }

    fn table_sql(&self, at: usize, sql: &mut String) {
        let (table, name) = (&self.tables[at], self.sql_name(at));
        let mut parts: Vec<String> = self.columns(at).into_iter().map(|(name, sql)| format!("{name} {sql}")).collect();
        let key = self.key_columns(at);
        if !key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        if table.other_key.is_some() {
            parts.push("UNIQUE (u)".to_owned());
        }
        // A few rows to a page, so that small tables have several.
        let loose = "WITH (fillfactor = 10)";
        let by = if table.partitioned { format!("PARTITION BY HASH ({})", key[0]) } else { loose.to_owned() };
        let _ = writeln!(sql, "CREATE TABLE {name} ({}) {by};", parts.join(", "));
        for part in (0..2).filter(|_| table.partitioned) {
            let _ = writeln!(
                sql,
                "CREATE TABLE {name}_p{part} PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER {part}) {loose};"
            );
        }
        let rows: Vec<String> = (0..table.rows.len()).map(|row| self.row_sql(at, row)).collect();
        if !rows.is_empty() {
            let _ = writeln!(sql, "INSERT INTO {name} VALUES\n {};", rows.join(",\n "));
        }
    }

    fn row_sql(&self, at: usize, row: usize) -> String {
        let (table, row) = (&self.tables[at], &self.tables[at].rows[row]);
        let mut values: Vec<String> = row.key.iter().map(|value| literal(value)).collect();
        if table.other_key.is_some() {
            values.push(row.other_key.as_deref().map_or("NULL".to_owned(), literal));
        }
        values.push(row.n.to_string());
        values.push(row.weight.to_string());
        values.push(row.flag.map_or("NULL".to_owned(), |flag| flag.to_string()));
        values.push(literal(&row.kind.to_string()));
        let own = self.references_of(at);
        for (position, reference) in own.iter().map(|own| &self.references[*own]).enumerate() {
            if reference.column_number() != reference.number {
                continue;
            }
            // Two references in one column: the row's kind says which of them it means.
            let sharer = own.iter().position(|own| {
                let other = &self.references[*own];
                other.number != reference.number && other.column_number() == reference.number
            });
            let (reference, position) = match sharer {
                Some(position) if row.kind == 'b' => (&self.references[own[position]], position),
                _ => (reference, position),
            };
            values.extend(self.link_sql(reference, row, &row.links[position]));
        }
        format!("({})", values.join(", "))
    }

    fn link_sql(&self, reference: &Reference, row: &Row, links: &[Link]) -> Vec<String> {
        let kinds = self.parent_kinds(reference);
        if let RefKind::Virtual { array: true, .. } = reference.kind {
            if links.is_empty() && !reference.not_null && row.n % 2 == 1 {
                return vec!["NULL".to_owned()];
            }
            let elements: Vec<String> = links.iter().map(|link| self.one_link(reference, *link).remove(0)).collect();
            return vec![format!("ARRAY[{}]::{}[]", elements.join(", "), kinds[0].sql())];
        }
        self.one_link(reference, links[0])
    }

    fn one_link(&self, reference: &Reference, link: Link) -> Vec<String> {
        let kinds = self.parent_kinds(reference);
        let as_text = matches!(reference.kind, RefKind::Virtual { as_text: true, .. });
        match link {
            Link::Null => vec!["NULL".to_owned(); kinds.len()],
            Link::HalfNull if kinds.len() == 1 => vec!["NULL".to_owned()],
            Link::HalfNull => vec!["7".to_owned(), "NULL".to_owned()],
            Link::Orphan(number) if as_text && number % 2 == 0 => vec![literal(&format!("junk {number}"))],
            Link::Orphan(number) => kinds.iter().map(|kind| literal(&value(*kind, 20_000 + number))).collect(),
            Link::To(parent, spelling) => {
                let row = &self.tables[reference.parent].rows[parent];
                let values: Vec<String> =
                    if reference.to_other_key { row.other_key.iter().cloned().collect() } else { row.key.clone() };
                values.iter().zip(&kinds).map(|(value, kind)| literal(&respelled(*kind, value, spelling))).collect()
            }
        }
    }

    /// The profile: what the case states, and every column kept.
    pub(super) fn toml(&self) -> String {
        let mut toml = format!("[sample]\nroot = \"{}\"\nseed = \"{}\"\n", self.profile_name(0), self.draw.seed);
        let _ = match self.draw.size {
            Size::Percent(percent) => writeln!(toml, "percent = {percent}"),
            Size::Rows(rows) => writeln!(toml, "rows = {rows}"),
        };
        for (key, value) in [("always", self.draw.always), ("never", self.draw.never)] {
            if let Some(value) = value {
                let _ = writeln!(toml, "{key} = \"{value}\"");
            }
        }
        for reference in &self.references {
            let RefKind::Virtual { array, .. } = reference.kind else { continue };
            let (child, parent) = (self.profile_name(reference.child), self.profile_name(reference.parent));
            let _ = writeln!(
                toml,
                "[[references]]\nname = \"v{}\"\ntable = \"{child}\"\ncolumns = {:?}\nparent = \"{parent}\"\nparent_columns = {:?}",
                reference.number,
                reference.columns(self),
                self.parent_columns(reference)
            );
            if array {
                toml.push_str("array = true\n");
            }
            if let Some(condition) = reference.condition() {
                let _ = writeln!(toml, "condition = \"{condition}\"");
            }
        }
        for at in 0..self.tables.len() {
            self.rules_toml(at, &mut toml);
        }
        for at in 0..self.tables.len() {
            let _ = writeln!(toml, "[columns.{:?}]", self.profile_name(at));
            for (name, _) in self.columns(at) {
                let _ = writeln!(toml, "{name} = \"keep\"");
            }
        }
        toml
    }

    fn rules_toml(&self, at: usize, toml: &mut String) {
        let rules = &self.tables[at].rules;
        let _ = writeln!(toml, "[tables.{:?}]", self.profile_name(at));
        let rows = match rules.rows {
            Some(TableMode::Owned) => "owned",
            Some(TableMode::All) => "all",
            Some(TableMode::Referenced) => "referenced",
            Some(TableMode::None) => "none",
            Some(TableMode::Root) | None => "",
        };
        if !rows.is_empty() {
            let _ = writeln!(toml, "rows = \"{rows}\"");
        }
        for (mode, key) in
            [(Mode::Within, "within"), (Mode::Follow, "follow"), (Mode::Pull, "pull"), (Mode::Null, "null")]
        {
            let names: Vec<String> = self
                .references_of(at)
                .into_iter()
                .map(|own| &self.references[own])
                .filter(|reference| reference.stated == Some(mode))
                .map(|reference| match reference.kind {
                    RefKind::Virtual { .. } => format!("v{}", reference.number),
                    RefKind::Foreign { .. } => reference.columns(self).join(","),
                })
                .collect();
            if !names.is_empty() {
                let _ = writeln!(toml, "{key} = {names:?}");
            }
        }
        if let Some(filter) = rules.filter {
            let _ = writeln!(toml, "where = \"{filter}\"");
        }
        if let Some(cap) = rules.per_parent {
            let order = cap.order.map(|order| format!(", order = \"{order}\"")).unwrap_or_default();
            let _ = writeln!(toml, "per_parent = {{ column = \"c{}\", limit = {}{order} }}", cap.reference, cap.limit);
        }
        if rules.keep_unowned {
            toml.push_str("unowned = \"keep\"\n");
        }
        if let Some(orphans) = rules.orphans {
            let word = match orphans {
                Orphans::Drop => "drop",
                Orphans::Null => "null",
                Orphans::Keep => "keep",
            };
            let _ = writeln!(toml, "orphans = \"{word}\"");
        }
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// An equal value, written differently where the type allows that.
fn respelled(kind: Kind, value: &str, spelling: u32) -> String {
    match (kind, spelling % 4) {
        (Kind::Numeric, 1) => value.trim_end_matches('0').to_owned(),
        (Kind::Numeric, 2) => format!("{value}00"),
        (Kind::Citext | Kind::Loose, 1) => value.to_uppercase(),
        (Kind::Citext | Kind::Loose, 2) => value.to_lowercase(),
        (Kind::Uuid, 1) => value.to_uppercase(),
        (Kind::Bpchar, 1) => format!("{value}  "),
        _ => value.to_owned(),
    }
}
