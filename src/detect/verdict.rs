//! A column's verdict: what its values showed beside what its name, type and comment say.

use serde::Serialize;

use super::names::{self, Meaning, Told};
use super::{Kind, Seen};
use crate::schema::TypeClass;

/// What is known of a column beside its values.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The table's name.
    pub table: &'a str,
    /// The column's name.
    pub column: &'a str,
    /// Its comment.
    pub comment: Option<&'a str>,
    /// Its type's class.
    pub class: TypeClass,
    /// Its type as SQL, for types that have no class.
    pub sql_type: &'a str,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A hint.
    Low,
    /// By its name alone, or by values whose form proves little.
    Medium,
    /// By its type, by values with a form or check digits of their own, or by name and values.
    High,
}

/// Where in its values a kind was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The values are of the kind.
    Whole,
    /// The values hold it among other things.
    Within,
}

/// A kind with the number of values that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The kind.
    pub kind: Kind,
    /// Values that are of it.
    pub whole: u32,
    /// Values that hold it.
    pub within: u32,
}

/// What a column holds, as far as can be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The kind that leads; `None`: no sign of personal data, which proves nothing.
    pub kind: Option<Kind>,
    /// Where.
    pub place: Place,
    /// What the values showed, counted.
    pub found: Vec<Found>,
    /// Values looked at.
    pub values: u32,
    /// How sure.
    pub confidence: Confidence,
    /// In words, with numbers and no value.
    pub reason: String,
}

/// One value says it: the form is too particular for chance.
const UNMISTAKABLE: [Kind; 6] =
    [Kind::Key, Kind::PasswordHash, Kind::UrlCredentials, Kind::Email, Kind::Iban, Kind::UserAgent];

/// Fewer values refute nothing that a name says.
const REFUTING_VALUES: u32 = 20;

/// Years between the oldest and youngest of people; other days lie closer together.
const BIRTH_SPAN_YEARS: u16 = 25;

/// Judges a column; `seen` is `None` where no values were read.
pub fn judge(subject: &Subject<'_>, seen: Option<&Seen>) -> Verdict {
    let nothing = Seen::default();
    let seen = seen.unwrap_or(&nothing);
    if let Some(kind) = by_type(subject) {
        return verdict(seen, Some(kind), Place::Whole, Confidence::High, format!("{} by its type", kind.plural()));
    }
    let told = names::told(subject.table, subject.column, subject.comment);
    let meaning = told.map(|(meaning, _)| meaning);
    let named = meaning.and_then(Meaning::kind).filter(|kind| holds(subject.class, *kind));
    let whole = whole_kind(subject, seen, meaning, named);
    let within = within_kind(seen);
    match (whole, named) {
        (Some(kind), Some(named)) if kind == named || yields(named, kind) => {
            let reason =
                format!("{}, and {}", by(told, kind), counted(seen, kind).trim_start_matches(kind.plural()).trim());
            verdict(seen, Some(kind), Place::Whole, Confidence::High, reason)
        }
        (Some(kind), _) => {
            let sure = UNMISTAKABLE.contains(&kind)
                || matches!(kind, Kind::Card | Kind::NationalId | Kind::Mac | Kind::Cookie);
            let confidence = if sure { Confidence::High } else { Confidence::Medium };
            verdict(seen, Some(kind), Place::Whole, confidence, counted(seen, kind))
        }
        (None, Some(named)) if refuted(named, seen) => {
            let reason = format!("{}, but {} values do not look so", by(told, named), seen.values);
            match within {
                Some(kind) => verdict(seen, Some(kind), Place::Within, Confidence::Medium, counted(seen, kind)),
                None => Some(no_sign(subject, seen, meaning))
                    .filter(|verdict| verdict.kind.is_some())
                    .unwrap_or_else(|| verdict(seen, None, Place::Whole, Confidence::Low, reason)),
            }
        }
        (None, Some(named))
            if within.is_none_or(|_| !matches!(named, Kind::FreeText | Kind::Website | Kind::OutsideId)) =>
        {
            verdict(seen, Some(named), Place::Whole, Confidence::Medium, by(told, named))
        }
        (None, _) => match within {
            Some(kind) => {
                let confidence = if UNMISTAKABLE.contains(&kind) { Confidence::High } else { Confidence::Medium };
                verdict(seen, Some(kind), Place::Within, confidence, counted(seen, kind))
            }
            None => no_sign(subject, seen, meaning),
        },
    }
}

fn no_sign(subject: &Subject<'_>, seen: &Seen, meaning: Option<Meaning>) -> Verdict {
    let textual = holds(subject.class, Kind::FreeText);
    let prose = seen.values >= REFUTING_VALUES && seen.share(seen.prose) >= 0.5;
    if textual && prose && meaning != Some(Meaning::Code) {
        let reason = format!("prose in {} of {} values", seen.prose, seen.values);
        return verdict(seen, Some(Kind::FreeText), Place::Whole, Confidence::Medium, reason);
    }
    if seen.too_deep > 0 {
        let reason = format!("{} of {} values are nested deeper than they were followed", seen.too_deep, seen.values);
        return verdict(seen, Some(Kind::FreeText), Place::Within, Confidence::Low, reason);
    }
    let reason = match seen.values {
        0 => "no values were looked at".to_owned(),
        1 => "no sign in the one value looked at".to_owned(),
        values => format!("no sign in {values} values looked at"),
    };
    verdict(seen, None, Place::Whole, Confidence::Low, reason)
}

fn verdict(seen: &Seen, kind: Option<Kind>, place: Place, confidence: Confidence, reason: String) -> Verdict {
    let found = Kind::ALL
        .into_iter()
        .map(|kind| Found { kind, whole: seen.whole(kind), within: seen.within(kind) })
        .filter(|found| found.whole + found.within > 0)
        .collect();
    Verdict { kind, place, found, values: seen.values, confidence, reason }
}

fn by(told: Option<(Meaning, Told)>, kind: Kind) -> String {
    let what = kind.plural();
    match told {
        Some((_, Told::Comment)) => format!("{what} by its comment"),
        Some((_, Told::Table)) => format!("{what} by its table's name"),
        _ => format!("{what} by its name"),
    }
}

fn counted(seen: &Seen, kind: Kind) -> String {
    let (what, values) = (kind.plural(), seen.values);
    match kind {
        Kind::BirthDate => format!("{} of {values} values are days over {} years", seen.birth_days, seen.birth_span()),
        _ if seen.whole(kind) * 2 >= seen.within(kind) && seen.whole(kind) > 0 => {
            format!("{what} in {} of {values} values", seen.whole(kind).max(seen.within(kind)))
        }
        _ => format!("{what} within {} of {values} values", seen.within(kind).max(seen.whole(kind))),
    }
}

fn by_type(subject: &Subject<'_>) -> Option<Kind> {
    match subject.class {
        TypeClass::Inet | TypeClass::Cidr => Some(Kind::Ip),
        TypeClass::Macaddr => Some(Kind::Mac),
        TypeClass::Other => {
            let name = subject.sql_type.rsplit('.').next().unwrap_or_default().trim_matches('"');
            match name.split('(').next().unwrap_or_default() {
                "geometry" | "geography" | "point" | "polygon" | "path" | "circle" => Some(Kind::Geo),
                "macaddr8" => Some(Kind::Mac),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Columns of that class can hold the kind.
fn holds(class: TypeClass, kind: Kind) -> bool {
    match class {
        TypeClass::Bool
        | TypeClass::Enum
        | TypeClass::Time
        | TypeClass::Interval
        | TypeClass::Range
        | TypeClass::Oid => false,
        TypeClass::Int2 | TypeClass::Int4 => {
            matches!(
                kind,
                Kind::Phone
                    | Kind::NationalId
                    | Kind::BirthDate
                    | Kind::Income
                    | Kind::Geo
                    | Kind::Password
                    | Kind::Token
            )
        }
        TypeClass::Int8 | TypeClass::Numeric | TypeClass::Float4 | TypeClass::Float8 => matches!(
            kind,
            Kind::Phone
                | Kind::NationalId
                | Kind::BirthDate
                | Kind::Income
                | Kind::Geo
                | Kind::Card
                | Kind::Password
                | Kind::Token
        ),
        TypeClass::Date | TypeClass::Timestamp | TypeClass::Timestamptz => kind == Kind::BirthDate,
        TypeClass::Uuid => matches!(kind, Kind::Token | Kind::Password | Kind::OutsideId),
        TypeClass::Tsvector => kind == Kind::FreeText,
        TypeClass::Bytea => matches!(
            kind,
            Kind::Password | Kind::PasswordHash | Kind::Token | Kind::Key | Kind::Digest | Kind::Cookie | Kind::Email
        ),
        _ => true,
    }
}

/// Names that stand for the same as what the values are, less exactly.
fn yields(named: Kind, seen: Kind) -> bool {
    matches!(
        (named, seen),
        (Kind::Password | Kind::Digest, Kind::PasswordHash)
            | (Kind::Token | Kind::Password | Kind::Cookie, Kind::Key)
            | (Kind::Website, Kind::UrlCredentials)
            | (Kind::FullName, Kind::FirstName | Kind::LastName)
    )
}

/// The kind that the values are as a whole, by the share of those that show it.
fn whole_kind(subject: &Subject<'_>, seen: &Seen, meaning: Option<Meaning>, named: Option<Kind>) -> Option<Kind> {
    if seen.values == 0 {
        return None;
    }
    let fits = |kind: Kind| holds(subject.class, kind) && shows(subject, seen, kind, meaning);
    if let Some(named) = named.filter(|kind| fits(*kind)) {
        return Some(named);
    }
    let candidate = Kind::ALL
        .into_iter()
        .filter(|kind| fits(*kind))
        .max_by(|a, b| strength(seen, *a).total_cmp(&strength(seen, *b)))?;
    // What cannot be proved by its form gives way to what the name says.
    let provable = UNMISTAKABLE.contains(&candidate)
        || matches!(
            candidate,
            Kind::Card | Kind::NationalId | Kind::Ip | Kind::Mac | Kind::Cookie | Kind::Phone | Kind::Geo
        );
    let free = named.is_none_or(|named| {
        refuted(named, seen)
            || matches!(named, Kind::FreeText | Kind::OutsideId | Kind::Website)
            || yields(named, candidate)
    });
    (provable || free).then_some(candidate)
}

/// Of several kinds that fit, the one that more values show; of names the fuller one.
fn strength(seen: &Seen, kind: Kind) -> f64 {
    let bonus = match kind {
        _ if UNMISTAKABLE.contains(&kind) => 0.3,
        Kind::Card | Kind::NationalId | Kind::Cookie => 0.2,
        Kind::FullName | Kind::City | Kind::Address => 0.1,
        _ => 0.0,
    };
    let count = if kind == Kind::BirthDate { seen.birth_days } else { seen.whole(kind) };
    seen.share(count) + bonus
}

/// Enough values are of the kind. What a name says to the contrary asks for more of them, or rules the kind out.
fn shows(subject: &Subject<'_>, seen: &Seen, kind: Kind, meaning: Option<Meaning>) -> bool {
    let share = seen.share(seen.whole(kind));
    let contrary = matches!(meaning, Some(Meaning::Code | Meaning::Serial));
    let differ = seen.distinct() >= 3 || seen.values < 10;
    match kind {
        Kind::Email | Kind::Key | Kind::PasswordHash | Kind::UrlCredentials | Kind::Iban | Kind::UserAgent => {
            share >= 0.3
        }
        Kind::Cookie => share >= 0.3,
        Kind::Card => share >= if contrary { 0.9 } else { 0.5 },
        Kind::NationalId => share >= if contrary { 0.9 } else { 0.6 },
        Kind::Phone => share >= if contrary { 0.9 } else { 0.4 },
        Kind::Ip => {
            let with_small = seen.share(seen.whole(kind) + seen.or_version);
            let versions = meaning == Some(Meaning::Serial) || meaning == Some(Meaning::Code);
            with_small >= 0.6 && share >= if versions { 0.6 } else { 0.2 }
        }
        Kind::Mac | Kind::Geo => share >= 0.5,
        Kind::Token | Kind::Digest => match meaning {
            // Files and versions are numbered so.
            Some(Meaning::Serial | Meaning::OutsideId | Meaning::Url | Meaning::FreeText) => false,
            // `access_code`, `promo_code`: the name says little against so much randomness. Of random base64 one in
            // ten has too few digits to be told by itself.
            Some(Meaning::Code) => share >= 0.8 && differ,
            _ => share >= 0.6 && differ,
        },
        Kind::FullName => !contrary && differ && share >= 0.3,
        Kind::FirstName => !contrary && differ && share >= 0.35,
        Kind::LastName => !contrary && differ && share >= 0.25,
        Kind::City => !contrary && differ && share >= 0.5,
        Kind::Address => share >= 0.4,
        Kind::PostalCode => !contrary && share >= 0.8,
        Kind::Username => share >= 0.8,
        Kind::BirthDate => {
            let days = seen.share(seen.birth_days) >= 0.9
                && seen.birth_span() >= BIRTH_SPAN_YEARS
                && seen.values >= REFUTING_VALUES;
            days && (meaning == Some(Meaning::BirthDate) || (meaning.is_none() && !names::is_moment(subject.column)))
        }
        _ => false,
    }
}

/// A kind that stands in enough of the values: one for those that are unmistakable, else more than chance brings.
fn within_kind(seen: &Seen) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| {
        let count = seen.within(*kind).max(if UNMISTAKABLE.contains(kind) { seen.whole(*kind) } else { 0 });
        let enough = if seen.values < 20 { 1 } else { 2 };
        match kind {
            kind if UNMISTAKABLE.contains(kind) => count >= 1,
            Kind::Token => count >= enough && seen.share(count) >= 0.05,
            Kind::FreeText | Kind::Digest => false,
            _ => count >= enough && seen.share(count) >= 0.01,
        }
    })
}

/// The values cannot be what the name says.
fn refuted(kind: Kind, seen: &Seen) -> bool {
    if seen.values < REFUTING_VALUES {
        return false;
    }
    let few = |count: u32| seen.share(count) < 0.05;
    // `email_body` is prose, `ip_data` a document: what they hold is told apart from what they are.
    if seen.share(seen.documents) >= 0.5 {
        return within_kind(seen).is_some();
    }
    let short =
        !matches!(kind, Kind::FreeText | Kind::Address | Kind::UserAgent | Kind::Company | Kind::Cookie | Kind::Key);
    if short && seen.share(seen.prose) >= 0.5 && few(seen.whole(kind)) {
        return true;
    }
    match kind {
        Kind::Email => few(seen.with_at),
        Kind::Phone => few(seen.whole(kind) + seen.dialled) && few(seen.with_digits),
        Kind::Iban | Kind::Card | Kind::NationalId | Kind::PostalCode | Kind::BirthDate | Kind::Geo | Kind::Income => {
            few(seen.with_digits)
        }
        Kind::Ip => few(seen.whole(kind) + seen.or_version),
        Kind::Mac | Kind::UserAgent => seen.whole(kind) + seen.within(kind) == 0,
        Kind::FirstName | Kind::LastName | Kind::FullName | Kind::City | Kind::Company => few(seen.with_letters),
        Kind::FreeText => few(seen.prose) && within_kind(seen).is_none(),
        _ => false,
    }
}
