//! date_shift, date_truncate: on PostgreSQL's own counts of days and microseconds since 2000, so that every date it has
//! can be masked.

use std::io::Write;

use crate::anonymize::{Fault, MALFORMED, codec, constant};
use crate::copyfmt::Format;
use crate::digest::Stream;
use crate::profile::DatePart;
use crate::schema::{ColumnType, TypeClass};

const DAY: i128 = 86_400_000_000;
const HOUR: i128 = 3_600_000_000;
/// Days from 0000-03-01 to 2000-01-01 of the calendar without gaps.
const DAYS_BEFORE: i64 = 730_425;

/// Microseconds since 2000-01-01; for dates, which reach further than 64 bits of those, a whole number of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::anonymize) struct Moment(i128);

impl Moment {
    /// `None` for the infinities.
    pub(in crate::anonymize) fn read(
        data_type: &ColumnType,
        format: Format,
        value: &[u8],
    ) -> Result<Option<Self>, Fault> {
        if format == Format::Text {
            let text = std::str::from_utf8(value).map_err(|_| MALFORMED)?;
            if matches!(text, "infinity" | "-infinity") {
                return Ok(None);
            }
            let binary =
                constant::encode(text, data_type).ok_or(Fault("only years 1 to 9999 can be masked in a text copy"))?;
            return Self::read(data_type, Format::Binary, &binary);
        }
        Ok(if data_type.class == TypeClass::Date {
            let days = i32::from_be_bytes(codec::exactly(value)?);
            (days != i32::MAX && days != i32::MIN).then(|| Self(i128::from(days) * DAY))
        } else {
            let count = i64::from_be_bytes(codec::exactly(value)?);
            (count != i64::MAX && count != i64::MIN).then_some(Self(i128::from(count)))
        })
    }

    pub(in crate::anonymize) fn write(self, class: TypeClass, format: Format, out: &mut Vec<u8>) {
        let days = self.days();
        match (class, format) {
            // Both kinds were kept within the calendar, so the casts cut nothing.
            (TypeClass::Date, Format::Binary) => out.extend_from_slice(&(days as i32).to_be_bytes()),
            (_, Format::Binary) => out.extend_from_slice(&(self.0 as i64).to_be_bytes()),
            (_, Format::Text) => {
                // Writing to a Vec cannot fail.
                let (year, month, day) = civil(days);
                let _ = write!(out, "{year:04}-{month:02}-{day:02}");
                if class != TypeClass::Date {
                    let rest = self.0.rem_euclid(DAY);
                    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
                    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
                    let _ = write!(out, " {hours:02}:{minutes:02}:{seconds:02}");
                    if micros > 0 {
                        let _ = write!(out, ".{micros:06}");
                    }
                    if class == TypeClass::Timestamptz {
                        out.extend_from_slice(b"+00");
                    }
                }
            }
        }
    }

    /// The text that masks are derived from: a date and the timestamp of its midnight are equal.
    pub(in crate::anonymize) fn canonical(self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{}", self.0);
    }

    fn days(self) -> i64 {
        self.0.div_euclid(DAY) as i64
    }

    /// Up to `days` days earlier or later, never the same day. What would leave PostgreSQL's calendar goes the other
    /// way.
    pub(super) fn shifted(self, class: TypeClass, stream: &mut Stream, days: u32) -> Self {
        let latest = if class == TypeClass::Date { LATEST_DATE } else { LATEST };
        let drawn = i128::from(stream.below(2 * days));
        let days = i128::from(days);
        let by = if drawn < days { drawn - days } else { drawn - days + 1 };
        let moved = |by: i128| Some(self.0 + by * DAY).filter(|moved| (EARLIEST..latest).contains(moved));
        Self(moved(by).or_else(|| moved(-by)).unwrap_or(self.0))
    }

    /// The beginning of the part it is in, in UTC.
    pub(super) fn truncated(self, part: DatePart) -> Self {
        let days = self.days();
        let (year, month, day) = civil(days);
        let months = |wanted: i64| days - (day - 1) - days_back(year, month, wanted);
        let start = match part {
            DatePart::Hour => return Self(self.0.div_euclid(HOUR) * HOUR),
            DatePart::Day => days,
            // 2000-01-01 was a Saturday; weeks begin on Monday.
            DatePart::Week => days - (days + 5).rem_euclid(7),
            DatePart::Month => days - (day - 1),
            DatePart::Quarter => months((month - 1) / 3 * 3 + 1),
            DatePart::Year => months(1),
            DatePart::Decade => days_of(year - year.rem_euclid(10), 1, 1),
        };
        // Only the first days of the calendar have a beginning before it.
        Self((i128::from(start) * DAY).max(EARLIEST))
    }
}

/// 4713-11-24 BC, where PostgreSQL's dates and timestamps begin.
const EARLIEST: i128 = -211_813_488_000_000_000;
/// 294277-01-01, where its timestamps end.
const LATEST: i128 = 9_223_371_331_200_000_000;
/// 5874898-01-01, where its dates end.
const LATEST_DATE: i128 = 2_145_031_949 * DAY;

/// Days from the first of `wanted` to the first of `month` in the same year.
fn days_back(year: i64, month: i64, wanted: i64) -> i64 {
    days_of(year, month, 1) - days_of(year, wanted, 1)
}

/// Year, month and day of a count of days since 2000-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The other way.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_BEFORE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(civil(0), (2000, 1, 1));
        assert_eq!(civil(-1), (1999, 12, 31));
        assert_eq!(civil(59), (2000, 2, 29));
        for days in (-2_400_000..100_000_000).step_by(99_991) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn parts_begin_where_they_should() {
        let moment = |year, month, day| Moment(i128::from(days_of(year, month, day)) * DAY);
        let late = Moment(moment(2024, 8, 15).0 + 13 * HOUR + 5);
        for (part, expected) in [
            (DatePart::Hour, Moment(moment(2024, 8, 15).0 + 13 * HOUR)),
            (DatePart::Day, moment(2024, 8, 15)),
            (DatePart::Week, moment(2024, 8, 12)),
            (DatePart::Month, moment(2024, 8, 1)),
            (DatePart::Quarter, moment(2024, 7, 1)),
            (DatePart::Year, moment(2024, 1, 1)),
            (DatePart::Decade, moment(2020, 1, 1)),
        ] {
            assert_eq!(late.truncated(part), expected, "{part:?}");
        }
        let _ = Moment(EARLIEST).truncated(DatePart::Decade);
    }
}
