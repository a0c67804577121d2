//! How far masked values stay different where the source's values are: what `plan` asks before it lets a mask onto a
//! unique index.

use super::rules;
use crate::profile::MaskSpec;
use crate::schema::{ColumnType, TypeClass};

/// What becomes of different values under a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// They stay different, always.
    Preserved,
    /// They stay different but for the chance that 64 bits or more of a keyed digest agree: about one in 37 million
    /// for a million values. Of `email` this holds for addresses that differ in more than case: see
    /// `plan::unique::unproven`.
    Negligible,
    /// They may well become equal.
    No,
}

/// Judges a rule on a column of that type, with the reason in words. A template is `No` by itself: with a placeholder
/// of a column that is a unique key and is kept it is as unique as that key, which only the plan can see (see
/// [`super::template_columns`]).
pub fn uniqueness(spec: &MaskSpec, data_type: &ColumnType) -> (Uniqueness, &'static str) {
    use Uniqueness::{Negligible, No, Preserved};
    // An array is as different as its elements are, unless the rule takes arrays themselves.
    if let ([(_, element)], false) = (data_type.inside.as_slice(), spec.facts().takes(data_type)) {
        return uniqueness(spec, element);
    }
    let limit = limit(data_type);
    let digest = |chars: usize, needed: usize, reason| {
        if chars >= needed { (Negligible, reason) } else { (No, "its digest is shorter than 64 bits here") }
    };
    match spec {
        MaskSpec::In { rule, .. } => uniqueness(rule, data_type),
        MaskSpec::When { rule, .. } if **rule == MaskSpec::Keep => uniqueness(rule, data_type),
        MaskSpec::When { rule, .. } => match uniqueness(rule, data_type) {
            (Preserved, _) => (No, "a masked value may meet one that the condition keeps"),
            judged => judged,
        },
        MaskSpec::Sql(_) => (No, "only the server knows what the expression gives"),
        MaskSpec::Keep => (Preserved, "values stay as they are"),
        MaskSpec::Null => (No, "every value becomes NULL"),
        MaskSpec::Constant(_) => (No, "every value becomes the same"),
        MaskSpec::Template(_) => (No, "only a placeholder of a kept unique column would keep values apart"),
        MaskSpec::Hash { length } => digest(limit.min(*length as usize), 16, "4 bits of a keyed digest a character"),
        MaskSpec::Token | MaskSpec::Phone => (Preserved, "a keyed permutation of the values of one shape"),
        MaskSpec::Uuid => (Negligible, "122 bits of a keyed digest, and spellings of one uuid stay apart"),
        MaskSpec::Email { host } => {
            let chars = limit.saturating_sub(1 + host.chars().count());
            digest(chars, rules::DIGEST_CHARS, "64 bits of a keyed digest in the local part")
        }
        MaskSpec::Username => digest(limit, rules::DIGEST_CHARS, "64 bits of a keyed digest at the end"),
        MaskSpec::Ip => (No, "IPv4 addresses have 24 bits of a keyed digest"),
        MaskSpec::FirstName | MaskSpec::LastName | MaskSpec::FullName => (No, "there are few names"),
        MaskSpec::Street | MaskSpec::City | MaskSpec::Company => (No, "there are few such names"),
        MaskSpec::Lorem => (No, "short texts have few possible results"),
        MaskSpec::EmptyJson => (No, "every value becomes an empty object or array"),
        MaskSpec::Permute { .. } => (Preserved, "a keyed permutation of the numbers of its range"),
        MaskSpec::Scramble { .. } | MaskSpec::PostalCode { .. } => {
            (Preserved, "a keyed permutation of the values with the same ends")
        }
        MaskSpec::Noise { .. } | MaskSpec::GeoJitter { .. } => (No, "two numbers may come to the same place"),
        MaskSpec::Bucket { .. } | MaskSpec::DateTruncate { .. } => (No, "values of one span become the same"),
        MaskSpec::DateShift { .. } => (No, "two dates may come to the same day"),
        MaskSpec::Pick { .. } => (No, "there are as many values as the list has"),
        MaskSpec::Mac => (No, "46 bits of a keyed digest"),
        MaskSpec::UserAgent | MaskSpec::JobTitle | MaskSpec::Address { .. } => (No, "there are few such texts"),
        MaskSpec::Url { .. } => digest(
            // A host that stays takes room of its own.
            if data_type.max_chars.is_some() { 0 } else { limit },
            rules::DIGEST_CHARS,
            "64 bits of a keyed digest in the path",
        ),
        MaskSpec::FileName => digest(
            limit.saturating_sub(rules::ENDING_CHARS),
            rules::DIGEST_CHARS,
            "64 bits of a keyed digest before the ending",
        ),
        MaskSpec::Redact { .. } => (No, "what is found in two texts may be all that told them apart"),
        MaskSpec::Json { .. } | MaskSpec::Hstore { .. } | MaskSpec::Composite { .. } => {
            (No, "parts that are masked may be all that told two values apart")
        }
        MaskSpec::Iban | MaskSpec::Card => (No, "account numbers have fewer than 64 bits"),
        MaskSpec::Bytes { .. } => (No, "short values have few possible results, and other fills only one"),
        MaskSpec::PasswordHash => (No, "every value becomes the hash of one password"),
        MaskSpec::Pem => (No, "every value becomes one of a few"),
        MaskSpec::Regex { pattern } => match rules::Pattern::compile(pattern) {
            Ok(pattern) if pattern.bits(data_type.class == TypeClass::Citext) >= 64.0 => {
                (Negligible, "64 bits of a keyed digest or more")
            }
            _ => (No, "the pattern has fewer than 64 bits, or draws that give the same text"),
        },
    }
}

/// Most characters a column of that type takes.
pub(super) fn limit(data_type: &ColumnType) -> usize {
    // A `name` is at most 63 bytes; what masks make up is ASCII, so characters do.
    let own = if data_type.class == TypeClass::Name { 63 } else { usize::MAX };
    data_type.max_chars.map_or(own, |chars| own.min(chars as usize))
}
