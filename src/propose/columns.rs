//! What becomes of a column, proposed from its name, type, keys and what was seen of its values.
//!
//! A column that can hold anything is proposed `keep` only where values were looked at, and no more is claimed than
//! that they showed nothing. Where nothing decides, nothing is proposed (`"undecided"`), which stops a run.

use super::listed;
use super::rules::{self, Rule};
use crate::detect::names::{self, Meaning};
use crate::detect::{self, Confidence, Kind, Looked, Place, Subject, Verdict};
use crate::profile::MaskSpec;
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

/// Fewer values that showed nothing speak for nothing, unless the name does, too.
const TELLING_VALUES: u32 = 20;

/// What is known beside the column itself.
struct Facts<'a> {
    catalog: &'a Catalog,
    table: &'a Table,
    column: &'a Column,
    id: ColumnId,
    /// Part of the primary key.
    key: bool,
    /// Some reference points at it.
    referenced: bool,
    lookup: bool,
    /// What the name, or the comment, says.
    meaning: Option<Meaning>,
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
    let (name, comment) = (&table.name.name, column.comment.as_deref());
    let facts = Facts {
        catalog,
        table,
        column,
        id,
        key: table.primary_key().is_some_and(|key| key.columns.contains(&id)),
        referenced: rules::is_referenced(catalog, table, id),
        lookup: known.lookup.get(table_id.index()).copied().unwrap_or_default(),
        meaning: names::told(name, &column.name, comment).map(|(meaning, _)| meaning),
        verdict: verdict(table, id, known.looked),
    };
    facts.propose()
}

impl Facts<'_> {
    /// Where something personal shows, nothing is kept; where nothing does, the type decides what that is worth.
    fn propose(&self) -> Proposed {
        match (self.verdict.kind, self.verdict.place) {
            (Some(kind), Place::Whole) => self.of_kind(kind),
            (Some(kind), Place::Within) => self.holding(kind),
            (None, _) => self.without_sign(),
        }
    }

    fn of_kind(&self, kind: Kind) -> Proposed {
        let class = self.column.data_type.class;
        let why = &self.verdict.reason;
        match class {
            // `ssn bigint PRIMARY KEY`: whoever refers to it by another name than a foreign key would be lost.
            _ if (class.is_integer() || class == TypeClass::Oid) && (self.key || self.referenced) => {
                undecided(&format!("{why}; a key: permute gives each row another"))
            }
            TypeClass::Uuid if kind == Kind::OutsideId => keep("uuid: random by its type"),
            TypeClass::Json | TypeClass::Jsonb => undecided(&format!("{why}; empty_json replaces it")),
            TypeClass::Array => undecided(&format!("a list: {why}")),
            TypeClass::Composite | TypeClass::Xml => undecided(&format!("may hold anything; {why}")),
            _ if class.is_text() && self.is_short() => undecided(&format!("{why}, but too short for more than a code")),
            _ if kind == Kind::FreeText => self.free_text(),
            _ if kind == Kind::City && self.lookup && self.verdict.values > 0 => self.keep_as_seen("reference data"),
            _ if kind == Kind::OutsideId && self.points_anywhere() => {
                undecided("refers to several tables by the type beside it: declare [[references]] and keep, or hash")
            }
            _ if kind == Kind::BirthDate && self.meaning != Some(Meaning::BirthDate) => {
                undecided(&format!("{why}: births?"))
            }
            _ => self.picked(kind, why),
        }
    }

    fn holding(&self, kind: Kind) -> Proposed {
        let why = &self.verdict.reason;
        let class = self.column.data_type.class;
        match rules::pick(self.catalog, self.table, self.id, kind, Place::Within).rule {
            _ if class == TypeClass::Array => undecided(&format!("a list: {why}")),
            Some(rule) if rule.spec != MaskSpec::Null => undecided(&format!("{why}; {}", replacing(&rule, class))),
            _ => undecided(why),
        }
    }

    /// The rule for the kind, with the verdict as its reason.
    fn picked(&self, kind: Kind, why: &str) -> Proposed {
        let pick = rules::pick(self.catalog, self.table, self.id, kind, Place::Whole);
        match (pick.rule, pick.passed_over) {
            (Some(rule), Some(_)) => Proposed { rule: rule.toml, reason: format!("{why}; unique") },
            (Some(rule), None) if self.verdict.confidence == Confidence::High => {
                Proposed { rule: rule.toml, reason: format!("{why}: high confidence") }
            }
            (Some(rule), None) => Proposed { rule: rule.toml, reason: why.to_owned() },
            (None, Some(fault)) => undecided(&format!("{why}; {fault}")),
            (None, None) => undecided(&format!("{why}; no rule does for its type")),
        }
    }

    fn without_sign(&self) -> Proposed {
        let class = self.column.data_type.class;
        match class {
            _ if class.is_text() => self.text(),
            TypeClass::Int2 | TypeClass::Int4 | TypeClass::Int8 | TypeClass::Oid | TypeClass::Uuid
                if self.key || self.referenced =>
            {
                keep("key")
            }
            TypeClass::Uuid => keep("uuid: random by its type"),
            TypeClass::Json | TypeClass::Jsonb => undecided("may hold anything; empty_json replaces it"),
            TypeClass::Array => self.array(),
            TypeClass::Tsvector => self.gone("search words of other columns: rebuilt by a trigger, perhaps"),
            TypeClass::Bytea => undecided("bytes: nothing tells what they are"),
            TypeClass::Xml | TypeClass::Composite => undecided("may hold anything"),
            TypeClass::Inet | TypeClass::Cidr | TypeClass::Macaddr | TypeClass::Other => {
                undecided("its type says nothing of what it holds")
            }
            TypeClass::Bool | TypeClass::Enum | TypeClass::Range => keep("by its type"),
            // What the values refute, or a type that is not looked at, may still be what the name says.
            _ => match self.meaning.and_then(Meaning::kind).filter(|kind| is_number_of_somebody(*kind)) {
                Some(kind) => self.picked(kind, &format!("{} by its name", kind.plural())),
                None => keep("by its type"),
            },
        }
    }

    fn array(&self) -> Proposed {
        // The element's class, not its name: `realtime.filter[]` is no list of reals.
        let element = self.column.data_type.inside.first().map(|(_, element)| element.class);
        if element.is_some_and(is_plain) {
            keep("by its type; if its elements refer to a table, say so in [[references]]")
        } else if element.is_some_and(TypeClass::is_text)
            && self.verdict.values > 0
            && self.meaning == Some(Meaning::Code)
        {
            self.keep_as_seen("codes by its name")
        } else if element.is_some_and(TypeClass::is_text) {
            undecided("a list of texts")
        } else {
            undecided("a list of what may hold anything")
        }
    }

    /// Texts that showed nothing.
    fn text(&self) -> Proposed {
        let meaning = self.meaning;
        if self.lists_its_values() {
            return keep("its values are listed by a check");
        }
        if self.is_short() {
            return keep("too short for more than a code");
        }
        if meaning.and_then(Meaning::kind).is_some() {
            return undecided(&self.verdict.reason);
        }
        match meaning {
            // A slug of a person is made from the name.
            Some(Meaning::Code) if self.of_people() && self.is_unique() && !self.key => {
                self.picked(Kind::Username, "unique text of a person")
            }
            Some(Meaning::Code) => self.keep_as_seen("a code by its name"),
            Some(Meaning::Serial) => self.keep_as_seen("of a thing by its name"),
            _ if self.lookup && self.verdict.values > 0 => self.keep_as_seen("reference data"),
            Some(Meaning::Url) => undecided("an address may name a person or carry a secret"),
            _ if self.verdict.values >= TELLING_VALUES => keep(&self.verdict.reason),
            Some(Meaning::Name) => undecided("a name, but of what?"),
            _ => undecided("name and type do not tell what it holds"),
        }
    }

    fn free_text(&self) -> Proposed {
        let class = self.column.data_type.class;
        if class == TypeClass::Tsvector {
            return self.gone("search words of other columns: rebuilt by a trigger, perhaps");
        }
        let named = self.meaning == Some(Meaning::FreeText);
        let what = if named { "free text" } else { self.verdict.reason.as_str() };
        let fault = rules::collision(self.catalog, self.table, self.id, &MaskSpec::Lorem);
        undecided(&match fault {
            Some(_) => format!("{what}; unique, so lorem may not do"),
            None => format!("{what}: keep it, or lorem replaces it"),
        })
    }

    /// A name never makes a text clean by itself: its values must have been looked at.
    fn keep_as_seen(&self, reason: &str) -> Proposed {
        match self.verdict.values {
            0 => undecided(&format!("{reason}, but no values were looked at")),
            _ => keep(&format!("{reason}; {}", self.verdict.reason)),
        }
    }

    /// NULL where that is allowed.
    fn gone(&self, reason: &str) -> Proposed {
        if rules::may_be_null(self.catalog, self.table, self.id) { rule("null", reason) } else { undecided(reason) }
    }

    fn of_people(&self) -> bool {
        names::holds_people(&self.table.name.name)
    }

    /// Some unique index would not bear one text for all.
    fn is_unique(&self) -> bool {
        rules::collision(self.catalog, self.table, self.id, &MaskSpec::Lorem).is_some()
    }

    fn is_short(&self) -> bool {
        self.column.data_type.max_chars.is_some_and(|chars| chars <= CODE_CHARS)
    }

    /// A `x_type` stands beside `x_id`.
    fn points_anywhere(&self) -> bool {
        let Some(stem) = self.column.name.strip_suffix("_id") else { return false };
        self.table.columns.iter().any(|column| column.name.strip_suffix("_type") == Some(stem))
    }

    fn lists_its_values(&self) -> bool {
        self.table.checks.iter().any(|check| {
            !check.in_partition
                && check.columns == [self.id]
                && listed::lists_values_of(&self.column.name, &check.definition)
        })
    }
}

/// What replaces what a text or document holds; prose has two rules.
fn replacing(rule: &Rule, class: TypeClass) -> String {
    if class.is_text() && rule.spec != MaskSpec::Lorem {
        format!("lorem replaces it, {} what it finds", rule.plain())
    } else {
        format!("{} replaces it", rule.plain())
    }
}

/// Kinds that a number or day is by its name, whatever its values look like.
fn is_number_of_somebody(kind: Kind) -> bool {
    use Kind::{BirthDate, Card, Geo, Iban, Income, NationalId, Password, Phone, Token};
    matches!(kind, BirthDate | Income | Geo | Card | Iban | NationalId | Phone | Token | Password)
}

/// Numbers, days and the like: what is personal about them is told by a name or by values.
fn is_plain(class: TypeClass) -> bool {
    use TypeClass as C;
    class.is_integer()
        || matches!(class, C::Oid | C::Numeric | C::Float4 | C::Float8 | C::Bool | C::Uuid | C::Enum | C::Range)
        || matches!(class, C::Date | C::Time | C::Timestamp | C::Timestamptz | C::Interval)
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
