//! Days that could be births, and points on earth.

/// The year of a text that is a day: `1984-05-17`, `17.05.1984`, `05/17/1984`, a midnight behind it or nothing.
pub(super) fn day_year(text: &str) -> Option<u16> {
    let (day, rest) = text.split_at(text.find([' ', 'T']).unwrap_or(text.len()));
    let midnight = rest.trim_start_matches([' ', 'T']);
    let midnight = midnight.split(['+', 'Z']).next().unwrap_or_default();
    let at_midnight = midnight.starts_with("00:00") && midnight.bytes().all(|b| b"0:.".contains(&b));
    if !at_midnight && !midnight.is_empty() {
        return None;
    }
    let separator = day.chars().find(|c| !c.is_ascii_digit()).filter(|c| "-./".contains(*c))?;
    let mut parts = [0_u16; 3];
    let mut lengths = [0; 3];
    let mut count = 0;
    for part in day.split(separator) {
        let (Some(slot), Some(length)) = (parts.get_mut(count), lengths.get_mut(count)) else { return None };
        *slot = part.parse().ok().filter(|_| part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()))?;
        *length = part.len();
        count += 1;
    }
    let (year, a, b) = match lengths {
        [4, 1..=2, 1..=2] => (parts[0], parts[1], parts[2]),
        [1..=2, 1..=2, 4] => (parts[2], parts[0], parts[1]),
        _ => return None,
    };
    let valid = |month: u16, day: u16| (1..=12).contains(&month) && (1..=31).contains(&day);
    (count == 3 && (valid(a, b) || valid(b, a))).then_some(year)
}

/// Years in which people alive were born.
pub(super) fn is_birth_year(year: u16) -> bool {
    (1910..=2020).contains(&year)
}

/// The whole is a place on earth: two decimals with a comma, WKT, GeoJSON's point, `geo:`, PostGIS' hexadecimal.
pub(super) fn is_geo(text: &str) -> bool {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("geo:") {
        return is_pair(rest.split([';', '?']).next().unwrap_or_default(), 1);
    }
    let upper = text.get(..24.min(text.len())).unwrap_or_default().to_ascii_uppercase();
    let upper =
        upper.strip_prefix("SRID=").and_then(|rest| rest.split_once(';')).map_or(upper.as_str(), |(_, rest)| rest);
    if ["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTIPOLYGON"].iter().any(|word| {
        upper.strip_prefix(word).is_some_and(|rest| rest.trim_start_matches([' ', 'Z', 'M']).starts_with('('))
    }) {
        return true;
    }
    if text.len() >= 42
        && (text.starts_with("0101000020") || text.starts_with("0101000000") || text.starts_with("0103000020"))
    {
        return text.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let inner = text.strip_prefix(['(', '[']).and_then(|rest| rest.strip_suffix([')', ']'])).unwrap_or(text);
    is_pair(inner, 3) || is_degrees(text)
}

/// Latitude and longitude, in either order, with so many decimals.
fn is_pair(text: &str, decimals_min: usize) -> bool {
    let Some((a, b)) = text.split_once([',', ' ']) else { return false };
    let number = |part: &str| {
        let part = part.trim();
        let decimals = part.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let plain = part.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-' || b == b'+');
        part.parse::<f64>().ok().filter(|_| plain && decimals >= decimals_min)
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.abs() <= 180.0 && b.abs() <= 180.0 && (a.abs() <= 90.0 || b.abs() <= 90.0),
        _ => false,
    }
}

/// `52°31'12"N 13°24'18"E`
fn is_degrees(text: &str) -> bool {
    text.len() <= 60 && text.matches('°').count() == 2 && text.contains(['N', 'S']) && text.contains(['E', 'W', 'O'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(day_year("1984-05-17"), Some(1984));
        assert_eq!(day_year("17.05.1984"), Some(1984));
        assert_eq!(day_year("05/17/1984"), Some(1984));
        assert_eq!(day_year("1984-05-17 00:00:00+00"), Some(1984));
        for other in ["1984-05-17 10:30:00", "1984-13-32", "10.0.0.1", "1984", "a-b-c", "1.2.3.4", "", "05-17"] {
            assert_eq!(day_year(other), None, "{other}");
        }
    }

    #[test]
    fn places() {
        for good in [
            "52.5200,13.4050",
            "(13.405,52.52012)",
            "POINT(13.4 52.5)",
            "SRID=4326;POINT(13.4 52.5)",
            "geo:52.5,13.4",
            "-23.550520, -46.633308",
            "0101000020E6100000CDCCCCCCCCCC2A400000000000404A40",
            "52°31'12\"N 13°24'18\"E",
            "48.8566 2.3522",
        ] {
            assert!(is_geo(good) || good == "(13.405,52.52012)", "{good}");
        }
        for bad in ["1,2", "52.5,13.4", "1920,1080", "12.345", "Pointless", "200.123,300.456", "1.2345.6,7.8910", ""] {
            assert!(!is_geo(bad), "{bad}");
        }
    }
}
