//! Names of people, places and companies, from the word lists of the `fake` crate.
//!
//! Its lists are used rather than its generators: those draw through several layers of `rand` and allocate per part.

use fake::locales::{Data, EN};

use crate::digest::Stream;

pub(super) fn first_name(stream: &mut Stream) -> &'static str {
    stream.pick(EN::NAME_FIRST_NAME)
}

pub(super) fn first(stream: &mut Stream, out: &mut Vec<u8>) {
    push(out, &[first_name(stream)]);
}

pub(super) fn last(stream: &mut Stream, out: &mut Vec<u8>) {
    push(out, &[stream.pick(EN::NAME_LAST_NAME)]);
}

pub(super) fn full(stream: &mut Stream, out: &mut Vec<u8>) {
    push(out, &[first_name(stream), " ", stream.pick(EN::NAME_LAST_NAME)]);
}

/// `482 Abbott Crossing`
pub(super) fn street(stream: &mut Stream, out: &mut Vec<u8>) {
    let number = 1 + stream.below(999);
    let name = if stream.below(2) == 0 { first_name(stream) } else { stream.pick(EN::NAME_LAST_NAME) };
    push(out, &[&number.to_string(), " ", name, " ", stream.pick(EN::ADDRESS_STREET_SUFFIX)]);
}

/// `Abbottville`, `Port Amberton`
pub(super) fn city(stream: &mut Stream, out: &mut Vec<u8>) {
    if stream.below(5) == 0 {
        push(out, &[stream.pick(EN::ADDRESS_CITY_PREFIX), " "]);
    }
    let name = if stream.below(2) == 0 { first_name(stream) } else { stream.pick(EN::NAME_LAST_NAME) };
    push(out, &[name, stream.pick(EN::ADDRESS_CITY_SUFFIX)]);
}

/// `Abbott and Zulauf LLC`
pub(super) fn company(stream: &mut Stream, out: &mut Vec<u8>) {
    push(out, &[stream.pick(EN::NAME_LAST_NAME)]);
    if stream.below(2) == 0 {
        push(out, &[" and ", stream.pick(EN::NAME_LAST_NAME)]);
    }
    push(out, &[" ", stream.pick(EN::COMPANY_SUFFIX)]);
}

/// `Senior Accounting Associate`
pub(super) fn job_title(stream: &mut Stream, out: &mut Vec<u8>) {
    push(out, &[stream.pick(EN::JOB_SENIORITY), " ", stream.pick(EN::JOB_FIELD), " ", stream.pick(EN::JOB_POSITION)]);
}

fn push(out: &mut Vec<u8>, parts: &[&str]) {
    parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}
