//! Rules for values that are no texts: numbers, dates, points, bytes, addresses of devices; and pick, for all of them.

use crate::anonymize::{Fault, MALFORMED, codec, constant};
use crate::copyfmt::Format;
use crate::digest::{DomainKey, Stream};
use crate::profile::{BytesFill, DatePart, MaskSpec};
use crate::schema::{ColumnType, TypeClass};

use super::nearby::{self, Reach, Size};
use super::numbers::{Bounds, Number};
use super::permutation::{self, Permutation};
use super::times::Moment;
use super::web;

/// Kilometres of a degree of latitude, and of longitude at the equator.
const DEGREE_KM: f64 = 111.32;
/// The smallest valid image: one transparent pixel.
const IMAGE: &[u8] = include_bytes!("pixel.png");

/// A rule over values of one type.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Typed {
    data_type: ColumnType,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Permute(Permutation),
    Noise(DomainKey, Reach, Bounds),
    Bucket(Size, Bounds),
    DateShift(DomainKey, u32),
    DateTruncate(DatePart),
    Pick(DomainKey, Choice),
    Jitter(DomainKey, f64, Bounds),
    Bytes(DomainKey, BytesFill),
    Mac(DomainKey),
}

/// Values in the forms of the wire, and the draws below which each is taken.
#[derive(Clone, Debug)]
struct Choice {
    values: Vec<(Vec<u8>, Vec<u8>)>,
    bounds: Vec<u64>,
}

impl Typed {
    /// The rule of that specification on a column of that type; `None` where it is none of these.
    pub(in crate::anonymize) fn new(
        spec: &MaskSpec,
        data_type: &ColumnType,
        key: impl Fn() -> Result<DomainKey, String>,
    ) -> Result<Option<Self>, String> {
        let rule = match spec {
            MaskSpec::Permute { min, max } => {
                Rule::Permute(Permutation::new(&key()?, permutation::range_of(*min, *max, data_type)?))
            }
            MaskSpec::Noise { percent, amount } => {
                let reach = match (percent, amount) {
                    (Some(percent), _) => Reach::Percent(*percent),
                    (None, amount) => Reach::Amount(amount.unwrap_or_default()),
                };
                Rule::Noise(key()?, reach, Bounds::of(data_type))
            }
            MaskSpec::Bucket { size } => Rule::Bucket(Size::of(*size, data_type)?, Bounds::of(data_type)),
            MaskSpec::DateShift { days, .. } => Rule::DateShift(key()?, *days),
            MaskSpec::DateTruncate { to: DatePart::Hour | DatePart::Day } if data_type.class == TypeClass::Date => {
                return Err("a date has no hours; only a longer part changes it".to_owned());
            }
            MaskSpec::DateTruncate { to } => Rule::DateTruncate(*to),
            MaskSpec::Pick { from, weights } => Rule::Pick(key()?, Choice::new(from, weights, data_type)?),
            MaskSpec::GeoJitter { km } => Rule::Jitter(key()?, *km, Bounds::of(data_type)),
            MaskSpec::Bytes { fill } => Rule::Bytes(key()?, *fill),
            MaskSpec::Mac if data_type.class == TypeClass::Macaddr => Rule::Mac(key()?),
            _ => return Ok(None),
        };
        Ok(Some(Self { data_type: data_type.clone(), rule }))
    }

    /// Appends the mask of a value; `subject` is the canonical text of whom it belongs to, where the rule asks.
    pub(in crate::anonymize) fn apply(
        &self,
        value: &[u8],
        format: Format,
        subject: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let class = self.data_type.class;
        match &self.rule {
            Rule::Permute(permutation) => match Number::read(class, format, value)? {
                Some(Number::Whole(number)) => Number::Whole(permutation.apply(number)).write(class, format, out),
                _ => return Err(MALFORMED),
            },
            Rule::Noise(key, reach, bounds) => {
                self.number(value, format, out, |number| {
                    nearby::noise(&mut number_stream(key, number, class), class, *reach, bounds, number)
                })?;
            }
            Rule::Bucket(size, bounds) => {
                self.number(value, format, out, |number| nearby::bucket(size, class, bounds, number))?;
            }
            Rule::DateShift(key, days) => match Moment::read(&self.data_type, format, value)? {
                Some(moment) => {
                    let mut own = Vec::new();
                    let identity = subject.unwrap_or_else(|| {
                        moment.canonical(&mut own);
                        &own
                    });
                    moment.shifted(class, &mut key.stream(identity), *days).write(class, format, out);
                }
                None => out.extend_from_slice(value),
            },
            Rule::DateTruncate(part) => match Moment::read(&self.data_type, format, value)? {
                Some(moment) => moment.truncated(*part).write(class, format, out),
                None => out.extend_from_slice(value),
            },
            Rule::Pick(key, choice) => {
                if class.is_text() && codec::canonical(class, value).is_empty() {
                    return Ok(());
                }
                let (binary, text) = choice.draw(&mut key.stream(&codec::identity(class, format, value)?));
                out.extend_from_slice(if format == Format::Binary { binary } else { text });
            }
            Rule::Jitter(key, km, _) if class == TypeClass::Other => point(key, *km, value, format, out)?,
            Rule::Jitter(key, km, bounds) => {
                self.number(value, format, out, |number| {
                    let mut stream = number_stream(key, number, class);
                    // At least a tenth of the way, so that no place stays where it is.
                    let far = 0.1 + 0.9 * fraction(&mut stream);
                    let share = if stream.below(2) == 0 { far } else { -far };
                    nearby::moved(number, class, bounds, share, km / DEGREE_KM)
                })?;
            }
            Rule::Bytes(key, fill) => bytes(key, *fill, value, format, out)?,
            Rule::Mac(key) => {
                let mut address = [0; 6];
                match format {
                    Format::Binary => address = codec::exactly(value)?,
                    Format::Text => hex(value, &mut address)?,
                }
                // As in a text: see `Keyed::identity`.
                let identity: String = address.iter().map(|byte| format!("{byte:02X}")).collect();
                let masked = web::mac(&mut key.stream(identity.as_bytes()));
                match format {
                    Format::Binary => out.extend_from_slice(&masked),
                    Format::Text => {
                        let text: Vec<String> = masked.iter().map(|byte| format!("{byte:02x}")).collect();
                        out.extend_from_slice(text.join(":").as_bytes());
                    }
                }
            }
        }
        Ok(())
    }

    fn number(
        &self,
        value: &[u8],
        format: Format,
        out: &mut Vec<u8>,
        change: impl FnOnce(Number) -> Number,
    ) -> Result<(), Fault> {
        match Number::read(self.data_type.class, format, value)? {
            Some(number) => change(number).write(self.data_type.class, format, out),
            // NaN and the infinities say nothing about anybody.
            None => out.extend_from_slice(value),
        }
        Ok(())
    }
}

impl Choice {
    fn new(from: &[String], weights: &[f64], data_type: &ColumnType) -> Result<Self, String> {
        let encode = |text: &String| {
            let binary = constant::encode(text, data_type)
                .filter(|_| text.chars().count() <= crate::anonymize::uniqueness::limit(data_type));
            let place = from.iter().position(|other| other == text).unwrap_or_default() + 1;
            let binary = binary.ok_or_else(|| format!("value {place} of `from` is no {}", data_type.sql_name))?;
            Ok((binary, text.clone().into_bytes()))
        };
        let values = from.iter().map(encode).collect::<Result<Vec<_>, String>>()?;
        let equal = vec![1.0; from.len()];
        let weights = if weights.is_empty() { &equal } else { weights };
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let bounds = weights.iter().map(|weight| {
            sum += weight;
            (sum / total * 2_f64.powi(64)) as u64
        });
        Ok(Self { bounds: bounds.collect(), values })
    }

    fn draw(&self, stream: &mut Stream) -> (&[u8], &[u8]) {
        let drawn = stream.next_u64();
        let at = self.bounds.partition_point(|bound| *bound <= drawn).min(self.values.len() - 1);
        (&self.values[at].0, &self.values[at].1)
    }
}

fn number_stream(key: &DomainKey, number: Number, class: TypeClass) -> Stream {
    let mut canonical = Vec::with_capacity(24);
    number.canonical(class, &mut canonical);
    key.stream(&canonical)
}

/// In [0, 1).
fn fraction(stream: &mut Stream) -> f64 {
    (stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A point of longitude and latitude, moved in any direction.
fn point(key: &DomainKey, km: f64, value: &[u8], format: Format, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (x, y) = match format {
        Format::Binary => {
            let (x, y) = value.split_first_chunk().ok_or(MALFORMED)?;
            (f64::from_be_bytes(*x), f64::from_be_bytes(codec::exactly(y)?))
        }
        Format::Text => {
            let text = std::str::from_utf8(value).map_err(|_| MALFORMED)?.trim_matches(['(', ')']);
            let (x, y) = text.split_once(',').ok_or(MALFORMED)?;
            (x.trim().parse().map_err(|_| MALFORMED)?, y.trim().parse().map_err(|_| MALFORMED)?)
        }
    };
    let mut stream = key.stream(format!("{x},{y}").as_bytes());
    let far = (0.1 + 0.9 * fraction(&mut stream).sqrt()) * km / DEGREE_KM;
    let angle = fraction(&mut stream) * std::f64::consts::TAU;
    // Degrees of longitude shrink towards the poles.
    let shrink = y.to_radians().cos().abs().max(0.01);
    let moved = (x + far * angle.cos() / shrink, y + far * angle.sin());
    let moved = if (-90.0..=90.0).contains(&y) { (moved.0, moved.1.clamp(-90.0, 90.0)) } else { moved };
    match format {
        Format::Binary => {
            out.extend_from_slice(&moved.0.to_be_bytes());
            out.extend_from_slice(&moved.1.to_be_bytes());
        }
        Format::Text => out.extend_from_slice(format!("({},{})", moved.0, moved.1).as_bytes()),
    }
    Ok(())
}

fn bytes(key: &DomainKey, fill: BytesFill, value: &[u8], format: Format, out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    match fill {
        BytesFill::Empty => {}
        BytesFill::Image => out.extend_from_slice(IMAGE),
        BytesFill::Random => {
            let (length, mut stream) = match format {
                Format::Binary => (value.len(), key.stream(value)),
                Format::Text => {
                    let digits = value.strip_prefix(b"\\x").ok_or(MALFORMED)?;
                    let mut binary = vec![0; digits.len() / 2];
                    hex(digits, &mut binary)?;
                    (binary.len(), key.stream(&binary))
                }
            };
            out.reserve(length);
            for at in (0..length).step_by(64) {
                let block: [u8; 64] = stream.bytes();
                out.extend_from_slice(&block[..64.min(length - at)]);
            }
        }
    }
    if format == Format::Text {
        let binary = out.split_off(start);
        out.extend_from_slice(b"\\x");
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.extend(binary.iter().flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]));
    }
    Ok(())
}

/// Reads pairs of hexadecimal digits, whatever stands between them.
fn hex(text: &[u8], into: &mut [u8]) -> Result<(), Fault> {
    let mut digits = text.iter().filter_map(|byte| char::from(*byte).to_digit(16));
    for byte in into {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else { return Err(MALFORMED) };
        *byte = (high << 4 | low) as u8;
    }
    Ok(())
}
