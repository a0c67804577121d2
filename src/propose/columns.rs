//! What becomes of a column, proposed from its name, type, keys and what was seen of its values.
//!
//! A column that can hold anything is proposed `keep` only where values were looked at, and no more is claimed than
//! that they showed nothing. Where nothing decides, nothing is proposed (`"undecided"`), which stops a run.

use crate::detect::names::{self, Meaning};
use crate::detect::{self, Confidence, Kind, Looked, Place, Subject, Verdict};
use crate::schema::{Catalog, Column, Table, TypeClass};
use crate::types::{ColumnId, TableId};

/// A rule as TOML, and why.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Proposed {
    pub(super) rule: String,
    pub(super) reason: String,
}

/// References are followed this far for the key they come from; longer chains and cycles stay undecided.
const REFERENCE_DEPTH: usize = 8;

/// A text this short holds a code, not a person.
const CODE_CHARS: u32 = 3;

/// Why a digest stands where another mask would be nicer.
const UNIQUE: &str = "personal, and unique";

/// The whole length of a keyed digest kept, where the column has room.
const HASH_CHARS: u32 = 32;

/// Fewer values that showed nothing speak for nothing, unless the name does, too.
const TELLING_VALUES: u32 = 20;

/// What is known beside the column itself.
struct Facts<'a> {
    table: &'a Table,
    column: &'a Column,
    id: ColumnId,
    /// Part of a unique index: equal masks for different values would break it.
    unique: bool,
    /// Part of the primary key.
    key: bool,
    /// Some reference points at it.
    referenced: bool,
    lookup: bool,
    /// What name, type, comment and values say.
    verdict: Verdict,
}

/// What is known of a database beside its catalog.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// By table's position: its rows are reference data.
    pub(super) lookup: &'a [bool],
    /// What values showed.
    pub(super) looked: &'a Looked,
}

/// Proposes a rule.
pub(super) fn propose(catalog: &Catalog, table: TableId, column: ColumnId, known: Known<'_>) -> Proposed {
    follow(catalog, table, column, known, 0)
}

/// What a column's name, type, comment and values say.
pub fn verdict(table: &Table, id: ColumnId, looked: &Looked) -> Verdict {
    let column = table.column(id);
    let subject = Subject {
        table: &table.name.name,
        column: &column.name,
        comment: column.comment.as_deref(),
        class: column.data_type.class,
        sql_type: &column.data_type.base_sql_name,
    };
    detect::judge(&subject, looked.get(&(table.id, id)))
}

fn follow(catalog: &Catalog, table_id: TableId, id: ColumnId, known: Known<'_>, depth: usize) -> Proposed {
    let table = catalog.table(table_id);
    let column = table.column(id);
    // Both ends of a reference must carry the same rule, so the key at its end decides.
    let parent = catalog.references_of(table_id).filter(|reference| !reference.array).find_map(|reference| {
        let position = reference.child_columns.iter().position(|child| *child == id)?;
        let parent_column = *reference.parent_columns.get(position)?;
        Some((reference.parent, parent_column)).filter(|end| *end != (table_id, id))
    });
    if let Some((parent_table, parent_column)) = parent {
        if depth >= REFERENCE_DEPTH {
            return undecided("the chain of references is too long to follow");
        }
        let end = follow(catalog, parent_table, parent_column, known, depth + 1);
        let reason = match end.rule.as_str() {
            "\"undecided\"" => "reference: decide it as the column it refers to",
            "\"keep\"" => "reference",
            _ => "reference: same rule as the column it refers to",
        };
        return Proposed { rule: end.rule, reason: reason.to_owned() };
    }
    let facts = Facts {
        table,
        column,
        id,
        unique: is_unique(table, id, &column.name),
        key: table.primary_key().is_some_and(|key| key.columns.contains(&id)),
        referenced: catalog.references_to(table_id).any(|reference| reference.parent_columns.contains(&id)),
        lookup: known.lookup.get(table_id.index()).copied().unwrap_or_default(),
        verdict: verdict(table, id, known.looked),
    };
    facts.propose()
}

/// Part of any unique index, be it partial or on an expression that mentions the column.
fn is_unique(table: &Table, id: ColumnId, name: &str) -> bool {
    table.unique_keys.iter().any(|key| key.columns.contains(&id))
        || table.indexes.iter().filter(|index| index.unique).any(|index| {
            index.columns.contains(&Some(id)) || (index.columns.contains(&None) && index.definition.contains(name))
        })
}

impl Facts<'_> {
    /// The rule, with the verdict as its reason where that decided.
    fn propose(&self) -> Proposed {
        let proposed = self.by_meaning(self.meaning());
        let Some(kind) = self.verdict.kind.filter(|_| proposed.rule != "\"keep\"") else { return proposed };
        let why = &self.verdict.reason;
        let reason = match (proposed.rule.as_str(), self.verdict.place) {
            ("\"undecided\"", Place::Whole) if kind != Kind::FreeText => format!("{why}; {}", proposed.reason),
            ("\"undecided\"", _) => proposed.reason,
            _ if proposed.reason == UNIQUE => format!("{why}; unique"),
            _ if self.verdict.confidence == Confidence::High => format!("{why}: high confidence"),
            _ => why.clone(),
        };
        Proposed { rule: proposed.rule, reason }
    }

    /// What the column is treated as: what its values are, else what its name or comment says.
    fn meaning(&self) -> Option<Meaning> {
        match (self.verdict.kind, self.verdict.place) {
            (Some(Kind::FreeText), _) | (None, _) | (_, Place::Within) => {
                let (table, column) = (&self.table.name.name, &self.column.name);
                names::told(table, column, self.column.comment.as_deref()).map(|(meaning, _)| meaning)
            }
            (Some(kind), Place::Whole) => Some(Meaning::of_kind(kind)),
        }
    }

    fn by_meaning(&self, meaning: Option<Meaning>) -> Proposed {
        match self.column.data_type.class {
            class if class.is_text() => self.text(meaning),
            TypeClass::Int2 | TypeClass::Int4 | TypeClass::Int8 | TypeClass::Oid if self.key || self.referenced => {
                keep("key")
            }
            TypeClass::Uuid if self.key || self.referenced => keep("key"),
            TypeClass::Uuid => match meaning {
                Some(Meaning::Token | Meaning::Password) => rule("uuid", "a secret by its name"),
                _ => keep("uuid: random by its type"),
            },
            TypeClass::Json | TypeClass::Jsonb if self.verdict.kind.is_some() => {
                undecided(&format!("{}; empty_json replaces it", self.verdict.reason))
            }
            TypeClass::Json | TypeClass::Jsonb => undecided("may hold anything; empty_json replaces it"),
            TypeClass::Inet if self.unique => undecided("an address by its type; unique, so `ip` may not do"),
            TypeClass::Inet => rule("ip", "an address by its type"),
            TypeClass::Array => self.array(),
            TypeClass::Tsvector => self.gone("search words of other columns: rebuilt by a trigger, perhaps"),
            TypeClass::Bytea
                if matches!(meaning, Some(Meaning::Password | Meaning::Token | Meaning::Digest | Meaning::Key)) =>
            {
                self.gone("a secret by its name")
            }
            TypeClass::Bytea => undecided("bytes: nothing tells what they are"),
            TypeClass::Cidr | TypeClass::Macaddr => self.gone("a network or device by its type"),
            TypeClass::Xml | TypeClass::Composite => undecided("may hold anything"),
            TypeClass::Other if is_geometry(&self.column.data_type.base_sql_name) => self.gone("a place by its type"),
            TypeClass::Other => undecided("its type says nothing of what it holds"),
            TypeClass::Bool | TypeClass::Enum | TypeClass::Range => keep("by its type"),
            _ => self.number_or_date(meaning),
        }
    }

    fn number_or_date(&self, meaning: Option<Meaning>) -> Proposed {
        match meaning {
            Some(Meaning::BirthDate) => self.blank(self.day_or_zero(), "a birth date by its name"),
            Some(Meaning::Money) => self.blank("0", "somebody's income by its name"),
            Some(Meaning::Location) => self.blank("0", "a place by its name"),
            Some(Meaning::PaymentCard | Meaning::Iban | Meaning::NationalId | Meaning::Phone) => {
                self.blank("0", "a personal number by its name")
            }
            Some(Meaning::Token | Meaning::Password) if self.column.data_type.class.is_integer() => {
                self.blank("0", "a secret by its name")
            }
            _ => keep("by its type"),
        }
    }

    fn day_or_zero(&self) -> &'static str {
        match self.column.data_type.class {
            TypeClass::Date | TypeClass::Timestamp | TypeClass::Timestamptz => "1970-01-01",
            TypeClass::Time => "00:00",
            // A birth year; an interval, 0 is one too.
            _ => "0",
        }
    }

    fn array(&self) -> Proposed {
        let element = self.column.data_type.sql_name.as_str();
        let numbers =
            ["integer", "bigint", "smallint", "boolean", "numeric", "real", "double", "date", "timestamp", "uuid"];
        if numbers.iter().any(|name| element.starts_with(name)) {
            keep("by its type; if its elements refer to a table, say so in [[references]]")
        } else if self.verdict.kind.is_some() {
            undecided(&format!("a list of texts: {}", self.verdict.reason))
        } else if self.verdict.values > 0 && names::meaning(&self.column.name) == Some(Meaning::Code) {
            self.keep_as_seen("codes by its name")
        } else {
            undecided("a list of texts")
        }
    }

    fn text(&self, meaning: Option<Meaning>) -> Proposed {
        if self.lists_its_values() {
            return keep("its values are listed by a check");
        }
        if self.column.data_type.max_chars.is_some_and(|chars| chars <= CODE_CHARS) {
            return keep("too short for more than a code");
        }
        if self.verdict.place == Place::Within && self.verdict.kind.is_some() {
            return undecided(&format!("{}; lorem replaces it", self.verdict.reason));
        }
        if self.verdict.kind.is_none() && meaning.and_then(Meaning::kind).is_some() {
            return undecided(&self.verdict.reason);
        }
        match meaning {
            Some(Meaning::Email) => rule("email", "by its name"),
            Some(Meaning::Username) => rule("username", "by its name"),
            Some(Meaning::Password) => self.secret("a secret by its name"),
            Some(Meaning::Token | Meaning::Key | Meaning::Cookie) => self.secret("a secret by its name"),
            Some(Meaning::Digest) => self.hash("a digest by its name"),
            Some(Meaning::Phone) => self.personal("phone"),
            Some(Meaning::FirstName) => self.personal("first_name"),
            Some(Meaning::LastName) => self.personal("last_name"),
            Some(Meaning::FullName) => self.personal("full_name"),
            Some(Meaning::Street) => self.personal("street"),
            Some(Meaning::City) if self.lookup && self.verdict.values > 0 => self.keep_as_seen("reference data"),
            Some(Meaning::City) => self.personal("city"),
            Some(Meaning::PostalCode | Meaning::NationalId | Meaning::PaymentCard | Meaning::Iban | Meaning::Mac) => {
                self.personal("token")
            }
            Some(Meaning::Company) => self.personal("company"),
            Some(Meaning::Ip) => self.personal("ip"),
            Some(Meaning::BirthDate) => self.gone("a birth date by its name"),
            Some(Meaning::Money) => self.gone("somebody's income by its name"),
            Some(Meaning::Location) => self.gone("a place by its name"),
            Some(Meaning::UserAgent) => self.blank("Mozilla/5.0", "browsers tell people apart"),
            Some(Meaning::Website) => self.blank("https://www.example.com", "somebody's site by its name"),
            // A slug of a person is made from the name.
            Some(Meaning::Code) if self.of_people() && self.unique && !self.key => {
                rule("username", "unique text of a person")
            }
            Some(Meaning::Code) => self.keep_as_seen("a code by its name"),
            Some(Meaning::Serial) => self.keep_as_seen("of a thing by its name"),
            Some(Meaning::OutsideId) if self.points_anywhere() => {
                undecided("refers to several tables by the type beside it: declare [[references]] and keep, or hash")
            }
            Some(Meaning::OutsideId) => self.hash("known to somebody outside, by its name"),
            _ if self.lookup && self.verdict.values > 0 && self.verdict.kind.is_none() => {
                self.keep_as_seen("reference data")
            }
            Some(Meaning::Name) if self.of_people() => self.personal("full_name"),
            Some(Meaning::Url) => undecided("an address may name a person or carry a secret"),
            Some(Meaning::FreeText) if self.unique => undecided("free text; unique, so lorem may not do"),
            Some(Meaning::FreeText) => undecided("free text: keep it, or lorem replaces it"),
            _ if self.verdict.kind == Some(Kind::FreeText) => {
                undecided(&format!("{}: keep it, or lorem replaces it", self.verdict.reason))
            }
            _ if self.verdict.values >= TELLING_VALUES => keep(&self.verdict.reason),
            Some(Meaning::Name) => undecided("a name, but of what?"),
            None => undecided("name and type do not tell what it holds"),
        }
    }

    /// A name never makes a text clean by itself: its values must have been looked at.
    fn keep_as_seen(&self, reason: &str) -> Proposed {
        match self.verdict.values {
            0 => undecided(&format!("{reason}, but no values were looked at")),
            _ => keep(&format!("{reason}; {}", self.verdict.reason)),
        }
    }

    /// A mask that may give two values the same result; where that must not happen, a digest.
    fn personal(&self, name: &'static str) -> Proposed {
        if self.unique || self.referenced { self.hash(UNIQUE) } else { rule(name, "by its name") }
    }

    fn secret(&self, reason: &str) -> Proposed {
        if self.unique {
            self.hash(reason)
        } else {
            Proposed { rule: "{ constant = \"!\" }".to_owned(), reason: reason.to_owned() }
        }
    }

    fn hash(&self, reason: &str) -> Proposed {
        let room = self.column.data_type.max_chars.unwrap_or(HASH_CHARS).min(HASH_CHARS);
        if room >= 8 {
            Proposed { rule: format!("{{ hash = {{ length = {room} }} }}"), reason: reason.to_owned() }
        } else if self.unique || self.referenced {
            match self.gone(reason) {
                gone if gone.rule == "\"undecided\"" => undecided("unique, and too short for a digest"),
                gone => gone,
            }
        } else {
            rule("token", reason)
        }
    }

    /// NULL where that is allowed; else one text for all, where they need not differ.
    fn blank(&self, constant: &str, reason: &str) -> Proposed {
        let fits = self.column.data_type.max_chars.is_none_or(|chars| constant.len() <= chars as usize);
        match self.gone(reason) {
            proposed if proposed.rule != "\"undecided\"" => proposed,
            _ if self.unique || !fits => undecided(reason),
            _ => Proposed { rule: format!("{{ constant = \"{constant}\" }}"), reason: reason.to_owned() },
        }
    }

    /// NULL where that is allowed.
    fn gone(&self, reason: &str) -> Proposed {
        let needed = self.table.partition_key.contains(&self.id)
            || self
                .table
                .indexes
                .iter()
                .any(|index| index.nulls_not_distinct && index.columns.contains(&Some(self.id)));
        if self.column.not_null || needed || self.referenced { undecided(reason) } else { rule("null", reason) }
    }

    fn of_people(&self) -> bool {
        names::holds_people(&self.table.name.name)
    }

    /// A `x_type` stands beside `x_id`.
    fn points_anywhere(&self) -> bool {
        let Some(stem) = self.column.name.strip_suffix("_id") else { return false };
        self.table.columns.iter().any(|column| column.name.strip_suffix("_type") == Some(stem))
    }

    /// `CHECK (status IN ('a', 'b'))`, as PostgreSQL prints it.
    fn lists_its_values(&self) -> bool {
        self.table.checks.iter().any(|check| {
            !check.in_partition
                && check.columns == [self.id]
                && check.definition.contains("= ANY (")
                && check.definition.contains("ARRAY[")
        })
    }
}

fn is_geometry(sql_name: &str) -> bool {
    let name = sql_name.rsplit('.').next().unwrap_or(sql_name).trim_matches('"');
    ["geometry", "geography", "point", "box", "circle", "polygon", "path", "lseg", "line"].contains(&name)
}

fn rule(name: &str, reason: &str) -> Proposed {
    Proposed { rule: format!("\"{name}\""), reason: reason.to_owned() }
}

fn keep(reason: &str) -> Proposed {
    rule("keep", reason)
}

fn undecided(reason: &str) -> Proposed {
    rule("undecided", reason)
}
