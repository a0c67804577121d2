//! Single rows of the source and what is true of them: the questions of `explain`.
//!
//! A row is known by its key as texts, or by its place where its table has no key. Values that a user typed become
//! literals of the column's type, never SQL.

use tokio_postgres::error::SqlState;

use super::members::{Members, plain_source};
use super::quote::{column, ident, literal};
use super::rows::RowStream;
use super::source::Source;
use crate::closure::{Key, KeySet};
use crate::copyfmt::{Fields, Format};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Reference, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// Rows of the source under the run's snapshot.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Where they are.
    pub source: &'a Source,
    /// What is chosen.
    pub members: Members<'a>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowAt {
    /// Its table.
    pub table: TableId,
    /// Values of its key; of a table without one, the relation's oid and the place in it.
    pub texts: Vec<String>,
}

/// What may keep a row out, apart from its owners.
#[derive(Clone, Debug, Default)]
pub struct RowFacts {
    /// The hash of a root row is below the bound.
    pub drawn: bool,
    /// `sample.always` names the root row.
    pub always: bool,
    /// `sample.never` names the root row.
    pub never: bool,
    /// The table's `where` holds.
    pub passes_filter: bool,
    /// The row is within the cap of its parent's rows.
    pub within_cap: bool,
    /// It refers to a table that is left out, and cannot do without.
    pub needs_left_out: bool,
    /// References that do not decide membership and still bar the row, by position in the catalog.
    pub barred_by: Vec<usize>,
}

/// A parent that a row names.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its key in canonical form, where the reference's keys are held.
    pub key: Option<Key>,
    /// The row, where it exists.
    pub row: Option<RowAt>,
}

/// Which children are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Among<'k> {
    /// Rows that the members' own conditions select.
    Members,
    /// Rows whose key for that demand is in the set.
    Listed(usize, &'k KeySet),
}

/// Examples of children that are read at most; more would only cost time.
const CHILDREN_MAX: usize = 20;

impl Facts<'_> {
    /// The row with these values in these columns.
    ///
    /// # Errors
    /// `Usage` where a text is no value of its column's type, `Source` otherwise.
    pub async fn find(&self, table: TableId, columns: &[ColumnId], texts: &[String]) -> Result<Option<RowAt>> {
        let conditions: Vec<String> =
            columns.iter().zip(texts).map(|(id, text)| self.equals(table, *id, text)).collect();
        let of = self.members.catalog.table(table);
        let places = self.places(of);
        let sql =
            format!("SELECT {} FROM {} WHERE {}", places.join(", "), plain_source(of, "t"), conditions.join(" AND "));
        let session = self.source.session().await?;
        let row = session.query_opt(&format!("{sql} LIMIT 1"), &[]).await.map_err(|e| {
            let malformed = e.code().is_some_and(|code| code.code().starts_with("22"));
            if malformed || e.code() == Some(&SqlState::INVALID_TEXT_REPRESENTATION) {
                let types: Vec<&str> = columns.iter().map(|id| of.column(*id).data_type.sql_name.as_str()).collect();
                return Error::new(ErrorKind::Usage, format!("the key is no value of its type ({})", types.join(", ")))
                    .with_remedy("give the key's values as the database prints them, separated by commas");
            }
            self.source.fail(format!("look for a row of {}", of.name), e)
        })?;
        Ok(row.map(|row| RowAt { table, texts: (0..places.len()).map(|at| row.get(at)).collect() }))
    }

    fn equals(&self, table: TableId, id: ColumnId, text: &str) -> String {
        let data_type = &self.members.catalog.table(table).column(id).data_type;
        // `character` alone would mean `character(1)`.
        let type_name = if data_type.class == TypeClass::Bpchar { "bpchar" } else { &data_type.base_sql_name };
        format!("{} = {}::{type_name}", column(self.members.catalog, table, id, "t"), literal(text))
    }

    /// Expressions that make up a row's [`RowAt::texts`].
    fn places(&self, table: &Table) -> Vec<String> {
        match table.identity_key() {
            Some(key) => key.columns.iter().map(|id| format!("t.{}::text", ident(&table.column(*id).name))).collect(),
            None => vec!["t.tableoid::int8::text".to_owned(), "t.ctid::text".to_owned()],
        }
    }

    fn condition(&self, row: &RowAt) -> String {
        match self.members.catalog.table(row.table).identity_key() {
            Some(key) => {
                let parts = key.columns.iter().zip(&row.texts).map(|(id, text)| self.equals(row.table, *id, text));
                parts.collect::<Vec<_>>().join(" AND ")
            }
            None => {
                let at = |at: usize| literal(row.texts.get(at).map_or("", String::as_str));
                format!("t.tableoid = {}::oid AND t.ctid = {}::tid", at(0), at(1))
            }
        }
    }

    /// The row's table as a FROM item, narrowed to the row.
    fn only(&self, row: &RowAt) -> String {
        let table = self.members.catalog.table(row.table);
        format!(" FROM {} WHERE {}", plain_source(table, "t"), self.condition(row))
    }

    /// What the row's own values say.
    ///
    /// # Errors
    /// `Source`
    pub async fn of(&self, row: &RowAt) -> Result<RowFacts> {
        let Members { catalog, plan, chosen } = self.members;
        let planned = plan.table(row.table);
        let is_root = row.table == plan.root;
        let truth = |predicate: &Option<String>| predicate.as_ref().map(|text| format!("({text}) IS TRUE"));
        let draw = &plan.draw;
        let drawn = match chosen.bound {
            Some(bound) if is_root => format!("{} < {bound}", self.members.draw_hash("t")),
            _ => "true".to_owned(),
        };
        let named = |predicate| truth(predicate).filter(|_| is_root).unwrap_or_else(|| "false".to_owned());
        let mut questions = vec![
            drawn,
            named(&draw.always),
            named(&draw.never),
            truth(&planned.filter).unwrap_or_else(|| "true".to_owned()),
            self.within_cap(row),
            self.needs_left_out(row),
        ];
        let mut weak = Vec::new();
        for reference in catalog.references_of(row.table) {
            let mut conditions = Vec::new();
            if plan.reference(reference.id).mode == crate::plan::ReferenceMode::Drop {
                conditions.push(format!("NOT ({})", self.members.present(reference, "t")));
            } else if !plan.reference(reference.id).mode.gates() {
                conditions = self.members.weak_conditions(reference, "t");
            }
            if !conditions.is_empty() {
                questions.push(conditions.join(" AND "));
                weak.push(reference.id.index());
            }
        }
        let questions: Vec<String> = questions.iter().map(|q| format!("coalesce(({q}), false)")).collect();
        let sql = format!("SELECT ARRAY[{}]{}", questions.join(", "), self.only(row));
        let session = self.source.session().await?;
        let action = format!("look at a row of {}", catalog.table(row.table).name);
        let found = session.query_opt(&sql, &[]).await.map_err(|e| self.source.fail(action, e))?;
        let answers: Vec<bool> = found.map(|row| row.get(0)).unwrap_or_default();
        let answer = |at: usize| answers.get(at).copied().unwrap_or_default();
        let barred_by = weak.into_iter().enumerate().filter(|(at, _)| !answer(6 + at)).map(|(_, id)| id).collect();
        Ok(RowFacts {
            drawn: answer(0),
            always: answer(1),
            never: answer(2),
            passes_filter: answer(3),
            within_cap: answer(4),
            needs_left_out: answer(5),
            barred_by,
        })
    }

    fn needs_left_out(&self, row: &RowAt) -> String {
        let Members { catalog, plan, .. } = self.members;
        let lists = plan.table(row.table).barred.iter().map(|columns| {
            let parts = columns.iter().map(|id| format!("{} IS NOT NULL", column(catalog, row.table, *id, "t")));
            parts.collect::<Vec<_>>().join(" AND ")
        });
        std::iter::once("false".to_owned()).chain(lists).collect::<Vec<_>>().join(" OR ")
    }

    /// Ranks are among all rows of the parent, so the question goes to the whole table again.
    fn within_cap(&self, row: &RowAt) -> String {
        let Some(condition) = self.members.cap_condition(row.table, "c") else { return "true".to_owned() };
        let table = self.members.catalog.table(row.table);
        // Without a key the row's place is lost within the ranking; such a row gets the benefit of the doubt.
        let Some(key) = table.identity_key() else { return "true".to_owned() };
        let same: Vec<String> = key
            .columns
            .iter()
            .map(|id| ident(&table.column(*id).name))
            .map(|name| format!("c.{name} = t.{name}"))
            .collect();
        let source = self.members.row_source(row.table, "c");
        format!("EXISTS (SELECT FROM {source} WHERE {} AND {condition})", same.join(" AND "))
    }

    /// The row is a member by its table's conditions; only for tables that were not swept.
    ///
    /// # Errors
    /// `Source`
    pub async fn is_selected(&self, row: &RowAt) -> Result<bool> {
        let mut selection = self.members.of(row.table, "t");
        selection.conditions.push(self.condition(row));
        let session = self.source.session().await?;
        let action = format!("look at a row of {}", self.members.catalog.table(row.table).name);
        let found = session.query_opt(&format!("SELECT 1{} LIMIT 1", selection.sql()), &[]).await;
        found.map(|row| row.is_some()).map_err(|e| self.source.fail(action, e))
    }

    /// The row's key in the form in which a demand's keys are held; `None` where it has a NULL.
    ///
    /// # Errors
    /// `Source`
    pub async fn key(&self, row: &RowAt, demand: usize) -> Result<Option<Key>> {
        let demand = &self.members.chosen.demands[demand];
        let select = format!("SELECT {}{}", self.members.key_columns(demand, "t").join(", "), self.only(row));
        let session = self.source.session().await?;
        let mut rows = self.open(&session, &select, row.table).await?;
        let width = demand.width();
        Ok(rows.next().await?.and_then(|fields| key_at(fields, 0, width, demand.kind)))
    }

    /// Parents that the row names along a reference: none where it is absent, several where it is an array.
    ///
    /// # Errors
    /// `Source`
    pub async fn parents(&self, row: &RowAt, reference: &Reference) -> Result<Vec<Parent>> {
        let catalog = self.members.catalog;
        let width = reference.child_columns.len();
        let columns: Vec<String> =
            reference.child_columns.iter().map(|id| column(catalog, reference.child, *id, "t")).collect();
        let demand = self.members.chosen.demand_of[reference.id.index()].map(|at| &self.members.chosen.demands[at]);
        let (mut texts, mut links): (Vec<String>, Vec<String>) =
            (columns.iter().map(|c| format!("{c}::text")).collect(), self.members.link_columns(reference.id, "t"));
        let mut from = format!("{} AND ({})", self.only(row), self.members.present(reference, "t"));
        if reference.array {
            // The canonical form may be a CASE, and nothing unfolds inside one.
            from = format!(" FROM (SELECT unnest({}) AS e{from}) AS elements", columns[0]);
            texts = vec!["elements.e::text".to_owned()];
            links = vec![self.members.element_column(reference.id, "elements.e")];
        }
        texts.append(&mut links);
        let select = format!("SELECT {}{from}", texts.join(", "));
        let session = self.source.session().await?;
        let mut found = Vec::new();
        let mut rows = self.open(&session, &select, row.table).await?;
        while let Some(fields) = rows.next().await? {
            let key = demand.and_then(|demand| key_at(fields, width, width, demand.kind));
            let texts: Option<Vec<String>> = (0..width).map(|at| text_at(fields, at)).collect();
            // No canonical form: it is no value of the parent's type, and names no row.
            let names_row = (width..2 * width).all(|at| fields.get(at).is_some());
            found.extend(texts.map(|texts| (texts, key, names_row)));
        }
        drop(rows);
        drop(session);
        let mut parents = Vec::new();
        for (texts, key, names_row) in found {
            let row = match names_row {
                true => self.find(reference.parent, &reference.parent_columns, &texts).await?,
                false => None,
            };
            parents.push(Parent { key, row });
        }
        Ok(parents)
    }

    /// Some rows that name `key` along a reference.
    ///
    /// # Errors
    /// `Source`
    pub async fn children(&self, reference: &Reference, key: Key, among: Among<'_>) -> Result<Vec<RowAt>> {
        let child = self.members.catalog.table(reference.child);
        let Some(kind) = self.members.chosen.keys_for(reference.id).map(|keys| keys.members.kind()) else {
            return Ok(Vec::new());
        };
        let mut wanted = KeySet::new(kind);
        wanted.insert(key);
        let refers = self.members.refers_to(reference, &wanted, "t");
        let mut expressions = self.places(child);
        let width = expressions.len();
        let capped = self.members.plan.table(child.id).per_parent.is_some();
        let (from, limit) = match among {
            // A ranked row without a key cannot be found again.
            Among::Members if capped && child.identity_key().is_none() => return Ok(Vec::new()),
            Among::Members => {
                let mut selection = self.members.of(child.id, "t");
                selection.conditions.push(refers);
                (selection.sql(), " LIMIT 1")
            }
            Among::Listed(demand, _) => {
                expressions.extend(self.members.key_columns(&self.members.chosen.demands[demand], "t"));
                (format!(" FROM {} WHERE {refers}", plain_source(child, "t")), "")
            }
        };
        let select = format!("SELECT {}{from}{limit}", expressions.join(", "));
        let session = self.source.session().await?;
        let mut rows = self.open(&session, &select, child.id).await?;
        let mut found = Vec::new();
        while let Some(fields) = rows.next().await? {
            let listed = match among {
                Among::Members => true,
                Among::Listed(demand, set) => {
                    let demand = &self.members.chosen.demands[demand];
                    key_at(fields, width, demand.width(), demand.kind).is_some_and(|key| set.contains(&key))
                }
            };
            let texts: Option<Vec<String>> = (0..width).map(|at| text_at(fields, at)).collect();
            if listed && found.len() < CHILDREN_MAX {
                found.extend(texts.map(|texts| RowAt { table: child.id, texts }));
            }
        }
        Ok(found)
    }

    async fn open(&self, client: &tokio_postgres::Client, select: &str, table: TableId) -> Result<RowStream<'_>> {
        let action = format!("read rows of {}", self.members.catalog.table(table).name);
        RowStream::open(client, self.source.connector(), select, Format::Binary, action).await
    }
}

fn text_at(fields: &Fields, at: usize) -> Option<String> {
    fields.get(at).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn key_at(fields: &Fields, first: usize, width: usize, kind: crate::closure::KeyKind) -> Option<Key> {
    let parts: Vec<Option<&[u8]>> = (first..first + width).map(|at| fields.get(at)).collect();
    Key::from_fields(kind, &parts)
}
