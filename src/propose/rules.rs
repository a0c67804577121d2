//! Rules that suit a kind of data, in one table: what a draft says, and what a scan suggests.
//!
//! Of a kind's rules the first one is taken that the column's type takes, that fits in it, and with which the plan
//! would still see every unique index hold.

use super::strength::is_found_by_redact;
use crate::anonymize::{Uniqueness, uniqueness};
use crate::detect::{Kind, Place};
use crate::plan;
use crate::profile::facts::RuleFacts;
use crate::profile::{BytesFill, DatePart, MaskRule, MaskSpec};
use crate::schema::{Catalog, ColumnType, Table, TypeClass};
use crate::types::ColumnId;

/// Characters of a keyed digest, where the column has room; fewer than the least tell too many values alike.
const HASH_CHARS: u32 = 32;
const HASH_CHARS_MIN: u32 = 8;
/// Percent up or down that leave an income's order of magnitude.
const NOISE_PERCENT: u32 = 10;
/// Kilometres that lead away from a house.
const JITTER_KM: u32 = 5;

/// A rule as a profile writes it, and as it is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// TOML.
    pub(super) toml: String,
    /// The rule.
    pub(super) spec: MaskSpec,
}

impl Rule {
    /// For prose: without the quotes of a word.
    pub(super) fn plain(&self) -> String {
        self.toml.trim_matches('"').to_owned()
    }
}

/// What was found for a column.
#[derive(Debug)]
pub(super) struct Pick {
    /// The rule, where one does.
    pub(super) rule: Option<Rule>,
    /// Why a rule that comes first for the kind does not do.
    pub(super) passed_over: Option<String>,
}

/// A way to write a rule.
#[derive(Clone, Copy)]
enum Form {
    /// Its name alone.
    Word(&'static str),
    /// One text for all.
    Text(&'static str),
    /// 0 for all.
    Zero,
    /// One day, or time, for all.
    Day,
    Hash,
    Year,
    Noise,
    Jitter,
    RandomBytes,
    Permute,
    Uuid,
    Null,
}

/// The table.
fn forms(kind: Kind, place: Place) -> &'static [Form] {
    use Form::{Day, Hash, Jitter, Noise, Null, Permute, RandomBytes, Text, Uuid, Word, Year, Zero};
    match (kind, place) {
        (kind, Place::Within) if is_found_by_redact(kind) => &[Word("redact"), Word("empty_json"), Null],
        (_, Place::Within) | (Kind::FreeText, _) => &[Word("lorem"), Word("empty_json"), Null],
        (Kind::Key, _) => &[Word("pem"), Hash, Null, RandomBytes],
        (Kind::PasswordHash | Kind::Password, _) => {
            &[Word("password_hash"), Hash, Uuid, Null, Zero, Permute, RandomBytes]
        }
        (Kind::UrlCredentials, _) => &[Word("url"), Hash],
        (Kind::Cookie | Kind::Token, _) => &[Text("!"), Hash, Uuid, Null, Word("token"), Zero, Permute, RandomBytes],
        (Kind::Iban, _) => &[Word("iban"), Hash, Null, Zero, Permute],
        (Kind::Card, _) => &[Word("card"), Hash, Null, Zero, Permute],
        (Kind::NationalId, _) => &[Word("token"), Hash, Null, Zero, Permute],
        (Kind::Email, _) => &[Word("email"), Hash, RandomBytes],
        (Kind::Phone, _) => &[Word("phone"), Hash, Null, Zero, Permute],
        (Kind::FullName, _) => &[Word("full_name"), Hash],
        (Kind::FirstName, _) => &[Word("first_name"), Hash],
        (Kind::LastName, _) => &[Word("last_name"), Hash],
        (Kind::Username, _) => &[Word("username"), Hash, Word("token")],
        (Kind::Address, _) => &[Word("street"), Hash],
        (Kind::City, _) => &[Word("city"), Hash],
        (Kind::PostalCode, _) => &[Word("postal_code"), Hash],
        (Kind::BirthDate, _) => &[Year, Null, Day, Zero, Text("1970-01-01")],
        (Kind::Geo, _) => &[Jitter, Null, Zero],
        (Kind::Ip, _) => &[Word("ip"), Hash],
        (Kind::Mac, _) => &[Word("mac"), Hash, Null],
        (Kind::UserAgent, _) => &[Word("user_agent"), Hash],
        (Kind::Company, _) => &[Word("company"), Hash],
        (Kind::Income, _) => &[Noise, Null, Text("0")],
        (Kind::Website, _) => &[Word("url"), Hash],
        (Kind::Digest | Kind::OutsideId, _) => &[Hash, Null, Word("token"), RandomBytes],
    }
}

/// The rule for a column of that kind.
pub(super) fn pick(catalog: &Catalog, table: &Table, id: ColumnId, kind: Kind, place: Place) -> Pick {
    let data_type = &table.column(id).data_type;
    // A list's elements are masked one by one.
    let element = data_type.inside.first().filter(|_| data_type.class == TypeClass::Array);
    let own = element.map_or(data_type, |(_, element)| element);
    let mut passed_over = None;
    for rule in forms(kind, place).iter().filter_map(|form| form.rule(own)) {
        let facts = rule.spec.facts();
        if !facts.takes(own) || (rule.spec == MaskSpec::Null && !may_be_null(catalog, table, id)) {
            continue;
        }
        match collision(catalog, table, id, &rule.spec) {
            None => return Pick { rule: Some(rule), passed_over },
            Some(reason) => passed_over = passed_over.or(Some(reason)),
        }
    }
    Pick { rule: None, passed_over }
}

/// Why two rows, or two keys, could get the same value that must differ, as the plan would say it.
pub(super) fn collision(catalog: &Catalog, table: &Table, id: ColumnId, spec: &MaskSpec) -> Option<String> {
    let rule = MaskRule { spec: spec.clone(), domain: None };
    plan::unique_fault(table, id, &rule).or_else(|| {
        let (apart, why) = uniqueness(spec, &table.column(id).data_type);
        let met = is_referenced(catalog, table, id) && apart == Uniqueness::No;
        met.then(|| format!("others refer to it, and {} may give two rows the same: {why}", spec.name()))
    })
}

/// Some reference points at it.
pub(super) fn is_referenced(catalog: &Catalog, table: &Table, id: ColumnId) -> bool {
    catalog.references_to(table.id).any(|reference| reference.parent_columns.contains(&id))
}

/// Nothing is known to forbid NULL.
pub(super) fn may_be_null(catalog: &Catalog, table: &Table, id: ColumnId) -> bool {
    let column = table.column(id);
    let needed = column.not_null || column.data_type.domain || table.partition_key.contains(&id);
    !needed && !is_referenced(catalog, table, id)
}

impl Form {
    /// The rule for a type; `None` where it cannot be written for it.
    fn rule(self, data_type: &ColumnType) -> Option<Rule> {
        let class = data_type.class;
        let room = data_type.max_chars.unwrap_or(u32::MAX);
        let constant = |text: &str| {
            let fits = text.chars().count() <= room as usize;
            let spec = MaskSpec::Constant(text.to_owned());
            fits.then(|| Rule { toml: format!("{{ constant = \"{text}\" }}"), spec })
        };
        let written = |toml: String, spec: MaskSpec| Some(Rule { toml, spec });
        match self {
            Self::Word(name) => word(name),
            Self::Null => word("null"),
            Self::Permute => word("permute"),
            // Texts are masked otherwise.
            Self::Uuid => word("uuid").filter(|_| class == TypeClass::Uuid),
            Self::Text(text) => constant(text).filter(|_| class.is_text()),
            Self::Zero if class.is_integer() || is_fraction(class) => constant("0"),
            Self::Day if matches!(class, TypeClass::Date | TypeClass::Timestamp | TypeClass::Timestamptz) => {
                constant("1970-01-01")
            }
            Self::Day if class == TypeClass::Time => constant("00:00"),
            Self::Zero | Self::Day => None,
            Self::Hash => {
                let length = room.min(HASH_CHARS);
                let hash =
                    Rule { toml: format!("{{ hash = {{ length = {length} }} }}"), spec: MaskSpec::Hash { length } };
                Some(hash).filter(|_| length >= HASH_CHARS_MIN)
            }
            Self::Year => written(
                "{ date_truncate = { to = \"year\" } }".to_owned(),
                MaskSpec::DateTruncate { to: DatePart::Year },
            ),
            Self::Noise => written(
                format!("{{ noise = {{ percent = {NOISE_PERCENT} }} }}"),
                MaskSpec::Noise { percent: Some(f64::from(NOISE_PERCENT)), amount: None },
            ),
            Self::Jitter => written(
                format!("{{ geo_jitter = {{ km = {JITTER_KM} }} }}"),
                MaskSpec::GeoJitter { km: f64::from(JITTER_KM) },
            ),
            Self::RandomBytes => {
                written("{ bytes = { as = \"random\" } }".to_owned(), MaskSpec::Bytes { fill: BytesFill::Random })
            }
        }
    }
}

fn word(name: &str) -> Option<Rule> {
    let spec = RuleFacts::find(name)?.with_defaults()?;
    Some(Rule { toml: format!("\"{name}\""), spec })
}

fn is_fraction(class: TypeClass) -> bool {
    matches!(class, TypeClass::Numeric | TypeClass::Float4 | TypeClass::Float8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A misspelt name would be passed over without a word.
    #[test]
    fn every_form_is_a_rule() {
        let text = ColumnType::plain(TypeClass::Text, "text");
        for kind in Kind::ALL {
            for place in [Place::Whole, Place::Within] {
                for form in forms(kind, place) {
                    if let Form::Word(name) = form {
                        assert!(form.rule(&text).is_some(), "{name}");
                    }
                }
            }
        }
    }
}
