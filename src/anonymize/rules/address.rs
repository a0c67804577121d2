//! address: a part of an address that fits the row's country.

use crate::digest::{DomainKey, Stream};
use crate::profile::AddressPart;

use super::{codes, names};

/// What addresses of a country look like.
struct Country {
    /// ISO 3166 codes and names, in lower case.
    known_as: &'static [&'static str],
    cities: &'static [&'static str],
    /// Digits and letters stand for others of their kind.
    postal_code: &'static str,
    regions: &'static [&'static str],
    streets: &'static [&'static str],
    number_last: bool,
}

const COUNTRIES: &[Country] = &[
    Country {
        known_as: &["us", "usa", "united states", "united states of america"],
        cities: &["Springfield", "Franklin", "Clinton", "Madison", "Georgetown", "Arlington", "Salem", "Fairview"],
        postal_code: "00000",
        regions: &["OH", "IL", "TX", "OR", "VT", "IA", "NM", "WI"],
        streets: &["Oak Street", "Maple Avenue", "Park Road", "Cedar Lane", "Hill Street", "Lake Drive"],
        number_last: false,
    },
    Country {
        known_as: &["gb", "uk", "gbr", "united kingdom", "great britain", "england"],
        cities: &["Ashford", "Bradford", "Newport", "Richmond", "Milton", "Preston", "Wells", "Ely"],
        postal_code: "AA0 0AA",
        regions: &["Kent", "Essex", "Devon", "Surrey", "Norfolk", "Dorset"],
        streets: &["High Street", "Station Road", "Church Lane", "Mill Road", "Green Lane", "Victoria Road"],
        number_last: false,
    },
    Country {
        known_as: &["de", "deu", "germany", "deutschland"],
        cities: &["Neustadt", "Altdorf", "Hausen", "Steinbach", "Rosenheim", "Bergen", "Neuenkirchen", "Weiler"],
        postal_code: "00000",
        regions: &["Bayern", "Hessen", "Sachsen", "Niedersachsen", "Brandenburg", "Saarland"],
        streets: &["Hauptstraße", "Bahnhofstraße", "Gartenweg", "Schulstraße", "Lindenallee", "Am Markt"],
        number_last: true,
    },
    Country {
        known_as: &["fr", "fra", "france", "frankreich"],
        cities: &["Villeneuve", "Saint-Martin", "Beaumont", "Montfort", "Chaumont", "Clermont"],
        postal_code: "00000",
        regions: &["Bretagne", "Normandie", "Occitanie", "Grand Est", "Corse"],
        streets: &["rue de la Gare", "rue des Écoles", "place du Marché", "avenue de la Paix", "chemin Vert"],
        number_last: false,
    },
    Country {
        known_as: &["es", "esp", "spain", "españa", "spanien"],
        cities: &["Villanueva", "Santa Cruz", "Alcalá", "Puebla", "Torrejón", "Aranda"],
        postal_code: "00000",
        regions: &["Aragón", "Galicia", "Murcia", "Navarra", "Extremadura"],
        streets: &["Calle Mayor", "Calle Real", "Plaza Nueva", "Avenida del Sol", "Calle de la Fuente"],
        number_last: true,
    },
    Country {
        known_as: &["br", "bra", "brazil", "brasil", "brasilien"],
        cities: &["Vila Nova", "Santa Maria", "São João", "Boa Vista", "Campo Grande", "Porto Alegre"],
        postal_code: "00000-000",
        regions: &["Bahia", "Paraná", "Goiás", "Ceará", "Pará"],
        streets: &["Rua Direita", "Rua das Flores", "Avenida Central", "Travessa do Sol", "Rua Nova"],
        number_last: true,
    },
    Country {
        known_as: &["pt", "prt", "portugal"],
        cities: &["Vila Nova", "Santa Maria", "São João", "Aldeia Nova", "Ponte Nova", "Póvoa"],
        postal_code: "0000-000",
        regions: &["Norte", "Centro", "Alentejo", "Algarve", "Açores"],
        streets: &["Rua Direita", "Rua das Flores", "Avenida Central", "Travessa do Sol", "Rua Nova"],
        number_last: true,
    },
];

/// Appends a part that fits the country of the row; an unknown one, or none, counts as the first.
pub(in crate::anonymize) fn write(
    key: &DomainKey,
    part: AddressPart,
    country: Option<&[u8]>,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    let country = country.map(|name| String::from_utf8_lossy(name).trim().to_lowercase()).unwrap_or_default();
    let known = COUNTRIES.iter().find(|known| known.known_as.contains(&country.as_str()));
    let known = known.unwrap_or(&COUNTRIES[0]);
    // With the country: the same text is another place elsewhere.
    let mut stream = key.stream(&[country.as_bytes(), b"\0", value].concat());
    match part {
        AddressPart::City => names::push(out, &[stream.pick(known.cities)]),
        AddressPart::Region => names::push(out, &[stream.pick(known.regions)]),
        AddressPart::PostalCode => codes::shape(&mut stream, known.postal_code.as_bytes(), out),
        AddressPart::Street => street(&mut stream, known, out),
        AddressPart::Full => {
            street(&mut stream, known, out);
            names::push(out, &[", "]);
            codes::shape(&mut stream, known.postal_code.as_bytes(), out);
            names::push(out, &[" ", stream.pick(known.cities)]);
        }
    }
}

fn street(stream: &mut Stream, country: &Country, out: &mut Vec<u8>) {
    let number = (1 + stream.below(199)).to_string();
    let street = stream.pick(country.streets);
    let parts = if country.number_last { [street, " ", &number] } else { [&number, " ", street] };
    names::push(out, &parts);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::MaskKey;

    #[test]
    fn parts_fit_their_country() {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough").domain("address");
        let run = |part, country: Option<&str>, value: &str| {
            let mut out = Vec::new();
            write(&key, part, country.map(str::as_bytes), value.as_bytes(), &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        for (country, at) in
            [(Some("Germany"), 2), (Some(" de "), 2), (Some("FR"), 3), (None, 0), (Some("Atlantis"), 0)]
        {
            let known = &COUNTRIES[at];
            for value in ["Rome", "", "𝄞"] {
                assert!(known.cities.contains(&run(AddressPart::City, country, value).as_str()));
                assert!(known.regions.contains(&run(AddressPart::Region, country, value).as_str()));
                let code = run(AddressPart::PostalCode, country, value);
                assert!(code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
                let full = run(AddressPart::Full, country, value);
                assert!(known.cities.iter().any(|city| full.ends_with(city)), "{full}");
                let street = run(AddressPart::Street, country, value);
                assert!(known.streets.iter().any(|name| street.contains(name)), "{street}");
            }
        }
        assert_eq!(run(AddressPart::City, Some("de"), "Rome"), run(AddressPart::City, Some("de"), "Rome"));
        for (country, shape) in [("UK", "AA0 0AA"), ("Portugal", "0000-000"), ("BR", "00000-000"), ("es", "00000")] {
            let code = run(AddressPart::PostalCode, Some(country), "x");
            let kind = |sign: char| {
                if sign.is_ascii_digit() { '0' } else { if sign.is_ascii_uppercase() { 'A' } else { sign } }
            };
            assert_eq!(code.chars().map(kind).collect::<String>(), shape, "{country}");
        }
    }
}
