//! Of the rules that leave a part of a value, or something near it: which of them are enough for what was found.

use crate::detect::{Kind, Place, Verdict};
use crate::profile::{DatePart, MaskSpec};

/// Less leaves an income what it was.
const NOISE_PERCENT_MIN: f64 = 5.0;
const INCOME_BUCKET_MIN: f64 = 1000.0;
/// Years of birth, five at least in one.
const YEARS_BUCKET_MIN: f64 = 5.0;
/// A day of birth is told apart from others of the month.
const SHIFT_DAYS_MIN: u32 = 30;
/// Nearer is the house.
const JITTER_KM_MIN: f64 = 1.0;

/// What was found cannot be told from what is left. A rule that is wider than any kind needs is not asked for here.
pub(super) fn is_enough(spec: &MaskSpec, verdict: &Verdict) -> bool {
    let Some(kind) = verdict.kind else { return true };
    match spec {
        MaskSpec::In { rule, .. } => is_enough(rule, verdict),
        MaskSpec::Redact { .. } => {
            kind == Kind::FreeText || (verdict.place == Place::Within && is_found_by_redact(kind))
        }
        MaskSpec::Noise { percent: Some(percent), .. } => kind == Kind::Income && *percent >= NOISE_PERCENT_MIN,
        MaskSpec::Bucket { size } => {
            (kind == Kind::Income && *size >= INCOME_BUCKET_MIN)
                || (kind == Kind::BirthDate && *size >= YEARS_BUCKET_MIN)
        }
        MaskSpec::DateTruncate { to } => {
            kind == Kind::BirthDate && !matches!(to, DatePart::Hour | DatePart::Day | DatePart::Week)
        }
        MaskSpec::DateShift { days, .. } => kind == Kind::BirthDate && *days >= SHIFT_DAYS_MIN,
        MaskSpec::GeoJitter { km } => kind == Kind::Geo && *km >= JITTER_KM_MIN,
        MaskSpec::PostalCode { .. } => kind == Kind::PostalCode,
        // The host is whose service it is; what opens it is gone.
        MaskSpec::Url { .. } => kind == Kind::UrlCredentials,
        _ => false,
    }
}

/// What `redact` finds in prose by its form; names and addresses it does not.
pub(super) fn is_found_by_redact(kind: Kind) -> bool {
    use Kind::{Card, Email, Ip, Phone, Token, UrlCredentials};
    matches!(kind, Email | Phone | UrlCredentials | Ip | Card | Token)
}

/// A rule that replaces digits replaces it.
pub(super) fn is_of_digits(kind: Option<Kind>) -> bool {
    use Kind::{BirthDate, Card, Ip, NationalId, Phone, PostalCode};
    matches!(kind, None | Some(Phone | Card | NationalId | PostalCode | BirthDate | Ip))
}
