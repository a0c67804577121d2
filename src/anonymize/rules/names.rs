//! Names of people, places and companies, from the word lists of the `fake` crate.
//!
//! Its lists are used rather than its generators: those draw through several layers of `rand` and allocate per part.

use fake::locales::{DE_DE, Data, EN, FR_FR, IT_IT, NL_NL, PT_BR, PT_PT, TR_TR};

use crate::digest::Stream;
use crate::profile::Locale;

/// Word lists of one language.
struct Lists {
    first_names: &'static [&'static str],
    last_names: &'static [&'static str],
    street_suffixes: &'static [&'static str],
    city_prefixes: &'static [&'static str],
    city_suffixes: &'static [&'static str],
    company_suffixes: &'static [&'static str],
    job_seniorities: &'static [&'static str],
    job_fields: &'static [&'static str],
    job_positions: &'static [&'static str],
    /// The street's name stands first, the house number last.
    number_last: bool,
}

/// What the library does not know of a language it says in English.
const fn lists<L: Data>(number_last: bool) -> Lists {
    Lists {
        first_names: L::NAME_FIRST_NAME,
        last_names: L::NAME_LAST_NAME,
        street_suffixes: L::ADDRESS_STREET_SUFFIX,
        city_prefixes: L::ADDRESS_CITY_PREFIX,
        city_suffixes: L::ADDRESS_CITY_SUFFIX,
        company_suffixes: L::COMPANY_SUFFIX,
        job_seniorities: L::JOB_SENIORITY,
        job_fields: L::JOB_FIELD,
        job_positions: L::JOB_POSITION,
        number_last,
    }
}

const fn of(locale: Locale) -> Lists {
    match locale {
        Locale::En => lists::<EN>(false),
        Locale::De => lists::<DE_DE>(true),
        Locale::Fr => lists::<FR_FR>(false),
        Locale::It => lists::<IT_IT>(true),
        Locale::Nl => lists::<NL_NL>(true),
        Locale::PtBr => lists::<PT_BR>(true),
        Locale::PtPt => lists::<PT_PT>(true),
        Locale::Tr => lists::<TR_TR>(true),
    }
}

/// Characters of the longest first name in English.
pub(super) const FIRST_NAME_CHARS: usize = longest(EN::NAME_FIRST_NAME);

const fn longest(words: &[&str]) -> usize {
    let (mut at, mut longest) = (0, 0);
    while at < words.len() {
        if words[at].len() > longest {
            longest = words[at].len();
        }
        at += 1;
    }
    longest
}

/// A first name in English: ASCII, as handles want it.
pub(super) fn first_name(stream: &mut Stream) -> &'static str {
    stream.pick(EN::NAME_FIRST_NAME)
}

pub(super) fn first(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    push(out, &[stream.pick(of(locale).first_names)]);
}

pub(super) fn last(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    push(out, &[stream.pick(of(locale).last_names)]);
}

pub(super) fn full(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    let lists = of(locale);
    push(out, &[stream.pick(lists.first_names), " ", stream.pick(lists.last_names)]);
}

/// `482 Abbott Crossing`, `Abbott Allee 482`
pub(super) fn street(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    let lists = of(locale);
    let number = (1 + stream.below(999)).to_string();
    let name = stream.below(2) == 0;
    let name = stream.pick(if name { lists.first_names } else { lists.last_names });
    let suffix = stream.pick(lists.street_suffixes);
    if lists.number_last {
        push(out, &[name, " ", suffix, " ", &number]);
    } else {
        push(out, &[&number, " ", name, " ", suffix]);
    }
}

/// `Abbottville`, `Port Amberton`
pub(super) fn city(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    let lists = of(locale);
    if stream.below(5) == 0 {
        push(out, &[stream.pick(lists.city_prefixes), " "]);
    }
    let name = stream.below(2) == 0;
    let name = stream.pick(if name { lists.first_names } else { lists.last_names });
    push(out, &[name, stream.pick(lists.city_suffixes)]);
}

/// `Abbott and Zulauf LLC`
pub(super) fn company(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    let lists = of(locale);
    push(out, &[stream.pick(lists.last_names)]);
    if stream.below(2) == 0 {
        push(out, &[if locale == Locale::En { " and " } else { " & " }, stream.pick(lists.last_names)]);
    }
    push(out, &[" ", stream.pick(lists.company_suffixes)]);
}

/// `Senior Accounting Associate`
pub(super) fn job_title(stream: &mut Stream, locale: Locale, out: &mut Vec<u8>) {
    let lists = of(locale);
    let parts = [lists.job_seniorities, lists.job_fields, lists.job_positions].map(|list| stream.pick(list));
    push(out, &[parts[0], " ", parts[1], " ", parts[2]]);
}

pub(super) fn push(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}
