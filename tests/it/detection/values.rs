//! Values for the labelled columns: made up, the same for the same column, none of them anybody's.
//!
//! Names come from the `fake` crate and from lists here, not from the lists that the program looks names up in.

use fake::locales::{DE_DE, Data, EN, FR_FR, PT_BR};

/// A stream of numbers that depends on a text only.
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: &str) -> Self {
        Self(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    fn of(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    fn digits(&mut self, length: usize) -> String {
        self.of("0123456789", length)
    }
}

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const WORDS: &[&str] = &[
    "the", "order", "was", "late", "again", "please", "check", "delivery", "today", "blue", "window", "seems", "fine",
    "for", "now", "thanks", "morning", "they", "asked", "about", "refund", "and", "size", "small", "next", "week",
    "called", "back", "parcel",
];
const SPANISH_FIRST: &[&str] = &[
    "Lucía", "Martín", "Sofía", "Hugo", "Julia", "Mateo", "Paula", "Álvaro", "Daniela", "Adrián", "Carmen", "Javier",
    "Rocío", "Íñigo", "Nerea", "Joaquín", "Begoña", "Andrés", "Marta", "Sergio",
];
const SPANISH_LAST: &[&str] = &[
    "García",
    "Fernández",
    "González",
    "Rodríguez",
    "López",
    "Martínez",
    "Sánchez",
    "Pérez",
    "Gómez",
    "Martín",
    "Jiménez",
    "Ruiz",
    "Hernández",
    "Díaz",
    "Moreno",
    "Echevarría",
    "Zubizarreta",
    "Iturralde",
    "Navarro",
    "Torres",
];
const RUSSIAN_FIRST: &[&str] = &[
    "Aleksandr",
    "Dmitry",
    "Sergey",
    "Olga",
    "Natalya",
    "Tatyana",
    "Vladimir",
    "Irina",
    "Yelena",
    "Mikhail",
    "Svetlana",
    "Pavel",
    "Ksenia",
    "Gennady",
    "Zinaida",
];
const RUSSIAN_LAST: &[&str] = &[
    "Ivanov",
    "Smirnova",
    "Kuznetsov",
    "Popova",
    "Sokolov",
    "Lebedeva",
    "Novikov",
    "Morozova",
    "Petrov",
    "Volkova",
    "Solovyov",
    "Zaytsev",
    "Pavlova",
    "Golubev",
    "Vinogradova",
];
const ASIAN_FIRST: &[&str] = &[
    "Wei", "Li", "Hiroshi", "Yuki", "Priya", "Rahul", "Amit", "Mei", "Kenji", "Ananya", "Raj", "Xiaoming", "Sunita",
    "Takashi", "Jun",
];
const ASIAN_LAST: &[&str] = &[
    "Wang", "Zhang", "Tanaka", "Suzuki", "Sharma", "Patel", "Singh", "Chen", "Liu", "Kumar", "Nakamura", "Gupta",
    "Yamamoto", "Zhao", "Huang",
];
const TOWNS: &[&str] = &[
    "Berlin",
    "München",
    "Köln",
    "Leipzig",
    "Paris",
    "Lyon",
    "Toulouse",
    "Madrid",
    "Sevilla",
    "Bilbao",
    "Lisboa",
    "Porto",
    "São Paulo",
    "Curitiba",
    "London",
    "Leeds",
    "Chicago",
    "Boston",
    "Denver",
    "Gotham Falls",
    "Kleinmachnow",
    "Vichy",
];
const STREETS_EN: &[&str] = &["Maple", "Oak", "High", "Station", "Church", "Park View", "Elm", "Victoria"];
const STREETS_DE: &[&str] = &["Garten", "Bahnhof", "Schiller", "Linden", "Ring", "Berg", "Mühlen"];
const STREETS_FR: &[&str] = &["de la République", "Victor Hugo", "des Lilas", "du Moulin", "Pasteur", "de l'Église"];
const STREETS_ES: &[&str] = &["Mayor", "del Sol", "Cervantes", "de la Luna", "Real", "San Juan"];
const STREETS_PT: &[&str] = &["das Flores", "XV de Novembro", "do Comércio", "Augusta", "São Bento"];

/// A value of the named kind of generator.
pub(super) fn value(generator: &str, draw: &mut Draw, row: u64) -> String {
    let (name, variant) = generator.split_once(':').unwrap_or((generator, ""));
    match name {
        "email" => email(draw),
        "phone" => phone(draw, variant),
        "first" => first(draw, variant),
        "last" => last(draw, variant),
        "full" => full(draw, variant),
        "username" => {
            format!("{}{}{}", draw.pick(EN::NAME_FIRST_NAME).to_lowercase(), draw.pick(&["", "_", "."]), draw.below(99))
        }
        "street" => street(draw, variant),
        "address" => format!("{}, {} {}", street(draw, variant), draw.range(10_000, 99_999), draw.pick(TOWNS)),
        "town" => draw.pick(TOWNS).to_owned(),
        "postal" => match variant {
            "uk" => format!(
                "{}{} {}{}",
                draw.pick(&["SW", "LS", "EH", "M", "B"]),
                draw.range(1, 20),
                draw.range(1, 9),
                draw.of("ABDEFGHJLNPQRSTUWXYZ", 2)
            ),
            "nl" => format!("{} {}", draw.range(1000, 9999), draw.of("ABCDEFGHJKLMNPRSTVWXZ", 2)),
            "br" => format!("{:05}-{}", draw.range(1000, 99_999), draw.digits(3)),
            _ => format!("{:05}", draw.range(1000, 99_999)),
        },
        "ip4" => format!("{}.{}.{}.{}", draw.range(1, 223), draw.below(256), draw.below(256), draw.range(1, 254)),
        "ip6" => format!("2001:db8:{:x}:{:x}::{:x}", draw.below(65_536), draw.below(65_536), draw.range(1, 65_535)),
        "mac" => {
            let separator = if variant == "dash" { "-" } else { ":" };
            (0..6).map(|_| draw.of(HEX, 2)).collect::<Vec<_>>().join(separator)
        }
        "urlcred" => match draw.below(3) {
            0 => format!("postgres://app{}:{}@db.internal:5432/shop", row, draw.of(ALNUM, 10)),
            1 => format!("https://files.example.org/x/{row}?access_token={}", draw.of(ALNUM, 20) + "7"),
            _ => format!("ftp://backup:{}@ftp.example.net/in", draw.of(ALNUM, 8)),
        },
        "iban" => iban(draw, variant),
        "card" => card(draw, variant),
        "id" => national(draw, variant),
        "birth" => {
            let (year, month, day) = (draw.range(1940, 2006), draw.range(1, 12), draw.range(1, 28));
            match variant {
                "de" => format!("{day:02}.{month:02}.{year}"),
                "us" => format!("{month:02}/{day:02}/{year}"),
                "year" => year.to_string(),
                _ => format!("{year}-{month:02}-{day:02}"),
            }
        }
        "geo" => {
            let (lat, lon) = (
                draw.range(35_000, 60_000) as f64 / 1000.0 + 0.0007,
                draw.range(1000, 25_000) as f64 / 1000.0 + 0.0003,
            );
            match variant {
                "wkt" => format!("POINT({lon:.4} {lat:.4})"),
                "lat" => format!("{lat:.4}"),
                "json" => format!(r#"{{"type":"Point","coordinates":[{lon:.4},{lat:.4}]}}"#),
                _ => format!("{lat:.4},{lon:.4}"),
            }
        }
        "agent" => format!(
            "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
            draw.pick(&["X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"]),
            draw.range(80, 130)
        ),
        "token" => match variant {
            "url" => draw.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 43),
            "lower" => draw.of("abcdefghijklmnopqrstuvwxyz0123456789", 32),
            "short" => draw.of(ALNUM, 12),
            _ => draw.of(ALNUM, 32),
        },
        "key" => key(draw, variant),
        "hash" => match variant {
            "md5" => draw.of(HEX, 32),
            "sha1" => draw.of(HEX, 40),
            _ => draw.of(HEX, 64),
        },
        "pwhash" => match variant {
            "argon2" => format!("$argon2id$v=19$m=65536,t=3,p=4${}${}", draw.of(ALNUM, 22), draw.of(ALNUM, 43)),
            "django" => format!("pbkdf2_sha256$600000${}${}=", draw.of(ALNUM, 22), draw.of(ALNUM, 43)),
            _ => format!("$2b$12${}", draw.of(ALNUM, 53)),
        },
        "cookie" => format!("sessionid={}; theme=dark; csrftoken={}", draw.of(ALNUM, 24), draw.of(ALNUM, 16)),
        "password" => format!("{}{}{}", draw.pick(WORDS), draw.of("!?#$", 1), draw.range(10, 9999)),
        "company" => {
            format!("{} {}", draw.pick(EN::NAME_LAST_NAME), draw.pick(&["Ltd", "GmbH", "Inc", "SARL", "S.L."]))
        }
        "salary" => draw.range(18_000, 180_000).to_string(),
        "outside" => format!("{}_{}", draw.pick(&["cus", "acct", "sub"]), draw.of(ALNUM, 14)),
        "prose" => prose(draw, variant, row),
        "json" => json(draw, variant, row),
        "site" => format!("https://{}{}.example.net", draw.pick(WORDS), draw.below(999)),
        _ => harmless(name, variant, draw, row),
    }
}

fn first(draw: &mut Draw, variant: &str) -> String {
    draw.pick(match variant {
        "de" => DE_DE::NAME_FIRST_NAME,
        "fr" => FR_FR::NAME_FIRST_NAME,
        "pt" => PT_BR::NAME_FIRST_NAME,
        "es" => SPANISH_FIRST,
        "ru" => RUSSIAN_FIRST,
        "as" => ASIAN_FIRST,
        _ => EN::NAME_FIRST_NAME,
    })
    .to_owned()
}

fn last(draw: &mut Draw, variant: &str) -> String {
    draw.pick(match variant {
        "de" => DE_DE::NAME_LAST_NAME,
        "fr" => FR_FR::NAME_LAST_NAME,
        "pt" => PT_BR::NAME_LAST_NAME,
        "es" => SPANISH_LAST,
        "ru" => RUSSIAN_LAST,
        "as" => ASIAN_LAST,
        _ => EN::NAME_LAST_NAME,
    })
    .to_owned()
}

fn full(draw: &mut Draw, variant: &str) -> String {
    let (first, last) = (first(draw, variant), last(draw, variant));
    match draw.below(6) {
        0 if variant == "es" => format!("{first} {last} {}", self::last(draw, variant)),
        0 => format!("{last}, {first}"),
        _ => format!("{first} {last}"),
    }
}

fn email(draw: &mut Draw) -> String {
    let host =
        draw.pick(&["gmail.com", "web.de", "orange.fr", "uol.com.br", "correo.es", "mail.example.org", "proton.me"]);
    match draw.below(3) {
        0 => format!("{}.{}@{host}", draw.pick(EN::NAME_FIRST_NAME).to_lowercase(), draw.of("abcdefghij", 6)),
        1 => format!("{}{}+shop@{host}", draw.of("klmnopqrst", 5), draw.below(99)),
        _ => format!("{}@{host}", draw.of("abcdefghijklmno", 9)),
    }
}

fn phone(draw: &mut Draw, variant: &str) -> String {
    match variant {
        "us" => format!(
            "({}{}) {}{}-{}",
            draw.range(2, 9),
            draw.range(20, 99),
            draw.range(2, 9),
            draw.range(20, 99),
            draw.digits(4)
        ),
        "de" => format!("0{}/{}", draw.range(30, 999), draw.range(100_000, 9_999_999)),
        "fr" => {
            format!("0{} {} {} {} {}", draw.range(1, 9), draw.digits(2), draw.digits(2), draw.digits(2), draw.digits(2))
        }
        "es" => format!("6{} {} {}", draw.digits(2), draw.digits(3), draw.digits(3)),
        "br" => format!("({}) 9{}-{}", draw.range(11, 99), draw.digits(4), draw.digits(4)),
        "uk" => format!("020 {} {}", draw.range(7000, 8999), draw.digits(4)),
        "digits" => format!("01{}{}", draw.range(50, 79), draw.digits(7)),
        "bigint" => format!("49{}{}", draw.range(150, 179), draw.digits(7)),
        _ => format!(
            "+{} {} {}",
            draw.pick(&["49", "33", "34", "351", "55", "1", "44"]),
            draw.range(100, 999),
            draw.range(100_000, 9_999_999)
        ),
    }
}

fn street(draw: &mut Draw, variant: &str) -> String {
    let number = draw.range(1, 180);
    match variant {
        "de" => format!(
            "{}{} {number}{}",
            draw.pick(STREETS_DE),
            draw.pick(&["straße", "str.", "weg", "allee"]),
            draw.pick(&["", "", "a"])
        ),
        "fr" => format!("{number} {} {}", draw.pick(&["rue", "avenue", "boulevard", "place"]), draw.pick(STREETS_FR)),
        "es" => format!("{} {}, {number}", draw.pick(&["Calle", "Avenida", "Plaza", "C/"]), draw.pick(STREETS_ES)),
        "pt" => format!("{} {}, {number}", draw.pick(&["Rua", "Avenida", "Travessa"]), draw.pick(STREETS_PT)),
        _ => format!("{number} {} {}", draw.pick(STREETS_EN), draw.pick(&["Street", "Road", "Ave", "Lane", "Drive"])),
    }
}

fn mod97(text: &str) -> u32 {
    text.chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, d| if d > 9 { (rest * 100 + d) % 97 } else { (rest * 10 + d) % 97 })
}

fn iban(draw: &mut Draw, country: &str) -> String {
    let (country, grouped) = country.strip_suffix('_').map_or((country, false), |country| (country, true));
    let bank = match country {
        "GB" => format!("{}{}", draw.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4), draw.digits(14)),
        "NL" => format!("{}{}", draw.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4), draw.digits(10)),
        "FR" => draw.digits(23),
        "ES" => draw.digits(20),
        "PT" => draw.digits(21),
        _ => draw.digits(18),
    };
    let country = if country.is_empty() { "DE" } else { country };
    let check = 98 - mod97(&format!("{bank}{country}00"));
    let iban = format!("{country}{check:02}{bank}");
    if !grouped {
        return iban;
    }
    iban.as_bytes().chunks(4).map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect::<Vec<_>>().join(" ")
}

fn luhn(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, byte)| match (at % 2, u32::from(byte - b'0') * 2) {
            (0, doubled) if doubled > 9 => doubled - 9,
            (0, doubled) => doubled,
            (_, doubled) => doubled / 2,
        })
        .sum();
    (10 - sum % 10) % 10
}

fn card(draw: &mut Draw, variant: &str) -> String {
    let number = match variant {
        "amex" => format!("37{}", draw.digits(12)),
        _ => format!("{}{}", draw.pick(&["4", "51", "55", "4"]), draw.digits(14)).chars().take(15).collect(),
    };
    let number = format!("{number}{}", luhn(&number));
    if variant == "grouped" {
        return number
            .as_bytes()
            .chunks(4)
            .map(|chunk| String::from_utf8_lossy(chunk).into_owned())
            .collect::<Vec<_>>()
            .join(" ");
    }
    number
}

fn weighted(digits: &str, weights: &[u32]) -> u32 {
    digits.bytes().zip(weights).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum()
}

fn national(draw: &mut Draw, register: &str) -> String {
    match register {
        "dni" => {
            let number = draw.range(10_000_000, 99_999_999);
            format!("{number}{}", char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]))
        }
        "nie" => {
            let number = draw.range(0, 9_999_999);
            format!("X{number:07}{}", char::from(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize]))
        }
        "steuerid" => {
            // Nine different digits, one of them twice, in any order that does not begin with 0.
            let mut digits: Vec<u8> = b"1234567890".to_vec();
            for at in (1..10).rev() {
                digits.swap(at, draw.below(at as u64 + 1) as usize);
            }
            digits[9] = digits[0];
            if digits[0] == b'0' {
                (digits[0], digits[9]) = (b'7', b'0');
                return national(draw, register);
            }
            let product = digits.iter().fold(10_u32, |product, digit| {
                let sum = (u32::from(digit - b'0') + product) % 10;
                (if sum == 0 { 10 } else { sum }) * 2 % 11
            });
            format!("{}{}", String::from_utf8_lossy(&digits), (11 - product) % 10)
        }
        "nir" => {
            let number = format!(
                "{}{:02}{:02}{:02}{}{}",
                draw.range(1, 2),
                draw.below(100),
                draw.range(1, 12),
                draw.range(1, 95),
                draw.digits(3),
                draw.digits(3)
            );
            let value: u64 = number.parse().unwrap();
            format!("{number}{:02}", 97 - value % 97)
        }
        "nif" => {
            let number = format!("{}{}", draw.pick(&["1", "2"]), draw.digits(7));
            let rest = weighted(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            format!("{number}{}", if rest < 2 { 0 } else { 11 - rest })
        }
        "cpf" | "cpf_plain" => {
            let mut number = draw.digits(9);
            for length in [9_u32, 10] {
                let weights: Vec<u32> = (2..=length + 1).rev().collect();
                number += &((weighted(&number, &weights) * 10 % 11) % 10).to_string();
            }
            if register == "cpf_plain" {
                return number;
            }
            format!("{}.{}.{}-{}", &number[..3], &number[3..6], &number[6..9], &number[9..])
        }
        "cf" => {
            const ODD: [u32; 26] =
                [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
            let letters = "BCDFGLMNPRSTVZ";
            let body = format!(
                "{}{:02}{}{:02}{}{}",
                draw.of(letters, 6),
                draw.range(40, 99),
                draw.of("ABCDEHLMPRST", 1),
                draw.range(1, 28),
                draw.of("ABCDEFGHL", 1),
                draw.digits(3)
            );
            let sum: u32 = body
                .bytes()
                .enumerate()
                .map(|(at, byte)| {
                    let value = u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' });
                    if at % 2 == 0 { ODD[value as usize] } else { value }
                })
                .sum();
            format!("{body}{}", char::from(b'A' + (sum % 26) as u8))
        }
        "bsn" => loop {
            let number = draw.range(10_000_000, 99_999_999).to_string();
            let rest = weighted(&number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            if rest < 10 {
                return format!("{number}{rest}");
            }
        },
        "pesel" => {
            let number =
                format!("{:02}{:02}{:02}{}", draw.below(100), draw.range(1, 12), draw.range(1, 28), draw.digits(4));
            format!("{number}{}", (10 - weighted(&number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10)
        }
        "personnummer" => {
            let number =
                format!("{:02}{:02}{:02}{}", draw.below(100), draw.range(1, 12), draw.range(1, 28), draw.digits(3));
            format!("{}-{}{}", &number[..6], &number[6..], luhn(&number))
        }
        "ssn" => format!("{:03}-{:02}-{:04}", draw.range(1, 665), draw.range(1, 99), draw.range(1, 9999)),
        "nino" => format!("{}{}{}", draw.pick(&["AB", "CE", "JK", "PR", "SX"]), draw.digits(6), draw.of("ABCD", 1)),
        other => panic!("no register {other}"),
    }
}

/// Put together here, so that no scanner of secrets takes the source for one.
fn key(draw: &mut Draw, variant: &str) -> String {
    match variant {
        "pem" => format!("-----BEGIN {} KEY-----\n{}\n{}\n-----END", "PRIVATE", draw.of(ALNUM, 64), draw.of(ALNUM, 64)),
        "cert" => format!("-----BEGIN {}-----\nMII{}\n-----END", "CERTIFICATE", draw.of(ALNUM, 61)),
        "jwt" => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", draw.of(ALNUM, 40), draw.of(ALNUM, 43)),
        "aws" => format!("{}{}", ["AK", "IA"].concat(), draw.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        "github" => format!("{}_{}", "ghp", draw.of(ALNUM, 36)),
        "slack" => format!("{}-{}-{}", "xoxb", draw.digits(12), draw.of(ALNUM, 24)),
        _ => format!("{}_live_{}", "sk", draw.of(ALNUM, 24)),
    }
}

fn prose(draw: &mut Draw, holding: &str, row: u64) -> String {
    let mut words: Vec<String> = (0..draw.range(8, 24)).map(|_| draw.pick(WORDS).to_owned()).collect();
    // Most prose holds nothing; every fifth value does.
    if !holding.is_empty() && row.is_multiple_of(5) {
        let secret = match holding {
            "email" => email(draw),
            "phone" => phone(draw, ""),
            "iban" => iban(draw, "DE_"),
            "card" => card(draw, "grouped"),
            "name" => format!(
                "{} {}",
                draw.pick(&["Thomas", "Maria", "Julia", "Peter", "Laura"]),
                draw.pick(&["Schmidt", "Garcia", "Martin", "Silva", "Taylor"])
            ),
            "ip" => value("ip4", draw, row).replace(".1.", ".201."),
            "address" => street(draw, "de"),
            "id" => national(draw, "dni"),
            "key" => key(draw, ""),
            "urlcred" => value("urlcred", draw, row),
            other => panic!("no prose with {other}"),
        };
        let at = draw.below(words.len() as u64) as usize;
        words.insert(at, secret);
    }
    words.join(" ") + "."
}

fn json(draw: &mut Draw, holding: &str, row: u64) -> String {
    match holding {
        "" => format!(
            r#"{{"theme":"{}","size":{},"open":true,"items":[{},2]}}"#,
            draw.pick(&["dark", "light"]),
            draw.below(90),
            row
        ),
        "email" => format!(r#"{{"a":{{"b":{{"c":[{{"d":"{}"}}]}}}},"n":{row}}}"#, email(draw)),
        "phone" => format!(r#"{{"contact":{{"value":"{}"}},"n":{row}}}"#, phone(draw, "")),
        "names" => {
            format!(r#"{{"shipping":{{"first_name":"{}","last_name":"{}"}}}}"#, first(draw, "de"), last(draw, "de"))
        }
        "ip" => format!(r#"{{"request":{{"remote":"{}","ms":{}}}}}"#, value("ip4", draw, row), draw.below(900)),
        "token" => format!(r#"{{"auth":[["x",{{"v":"{}"}}]]}}"#, key(draw, "github")),
        "iban" => format!(r#"{{"payee":{{"no":"{}"}}}}"#, iban(draw, "ES")),
        other => panic!("no document with {other}"),
    }
}

/// What looks like personal data and is none, and what does not even look so.
fn harmless(name: &str, variant: &str, draw: &mut Draw, row: u64) -> String {
    match name {
        "order" => match variant {
            "dashed" => format!("{}-{:07}-{:07}", draw.range(100, 999), draw.below(9_999_999), draw.below(9_999_999)),
            "digits10" => format!("45{}", draw.digits(8)),
            "digits9" => draw.digits(9),
            "digits11" => format!("7{}", draw.digits(10)),
            "digits16" => format!("4{}", draw.digits(15)),
            "zeros" => format!("{:012}", 1000 + row * 7),
            _ => format!("ORD-2024-{:06}", row * 13 + 7),
        },
        "version" => match variant {
            "four" => format!("{}.{}.{}.{}", draw.range(1, 12), draw.below(20), draw.below(40), draw.below(60)),
            _ => format!("{}.{}.{}", draw.range(1, 12), draw.below(20), draw.below(40)),
        },
        "slug" => (0..4).map(|_| draw.pick(WORDS)).collect::<Vec<_>>().join("-"),
        "product" => format!(
            "{} {} {}",
            draw.pick(&["Classic", "Urban", "Alpine", "Nordic", "Ultra"]),
            draw.pick(&["Oak", "Steel", "Cotton", "Velvet", "Bamboo"]),
            draw.pick(&["Table", "Lamp", "Jacket", "Mug", "Chair", "Rug"])
        ),
        "uuid" => format!(
            "{}-{}-4{}-a{}-{}",
            draw.of(HEX, 8),
            draw.of(HEX, 4),
            draw.of(HEX, 3),
            draw.of(HEX, 3),
            draw.of(HEX, 12)
        ),
        "time" => format!(
            "20{}-{:02}-{:02} {:02}:{:02}:{:02}+00",
            draw.range(19, 25),
            draw.range(1, 12),
            draw.range(1, 28),
            draw.below(24),
            draw.below(60),
            draw.below(60)
        ),
        "day" => format!("20{}-{:02}-{:02}", draw.range(19, 25), draw.range(1, 12), draw.range(1, 28)),
        "colour" => {
            if variant == "names" {
                draw.pick(&["red", "navy", "olive", "ruby", "amber", "teal"]).to_owned()
            } else {
                format!("#{}", draw.of(HEX, 6))
            }
        }
        "code" => draw.pick(&["active", "paused", "closed", "draft"]).to_owned(),
        "sku" => format!("{}-{}-{}", draw.of("ABCDEFGH", 3), draw.digits(4), draw.of("XYZ", 1)),
        "isbn" => format!("978-3-16-{}-{}", draw.digits(6), draw.digits(1)),
        "ean" => format!("40{}", draw.digits(11)),
        "mime" => draw.pick(&["image/png", "text/html", "application/pdf"]).to_owned(),
        "path" => format!("/srv/files/{}/{}.png", draw.of(HEX, 2), draw.of(HEX, 12)),
        "url" => format!("https://www.example.com/{}/{}", draw.pick(WORDS), draw.below(9999)),
        "zone" => draw.pick(&["Europe/Berlin", "America/New_York", "Asia/Tokyo"]).to_owned(),
        "money" => format!("{}.{:02}", draw.below(9999), draw.below(100)),
        "ulid" => format!("01{}", draw.of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24)),
        "objectid" => draw.of(HEX, 24),
        "size" => format!("{}x{}", draw.range(300, 3000), draw.range(300, 3000)),
        "cron" => format!("{} {} * * {}", draw.below(60), draw.below(24), draw.below(7)),
        "host" => format!("db-{:02}.internal", draw.below(40)),
        "count" => draw.below(10_000).to_string(),
        "decimal" => format!("{:.3}", draw.below(99_999) as f64 / 1000.0),
        "month" => draw.pick(&["January", "March", "May", "July", "October"]).to_owned(),
        "airport" => draw.pick(&["BER", "CDG", "MAD", "LIS", "GRU"]).to_owned(),
        "locale" => draw.pick(&["de_DE", "fr_FR", "pt_BR"]).to_owned(),
        "duration" => format!("{:02}:{:02}:{:02}", draw.below(10), draw.below(60), draw.below(60)),
        "ref" => format!("refs/heads/feature-{}", draw.below(999)),
        "blurhash" => {
            draw.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789#$%*+,-.:;=?@[]^_{|}~", 28)
        }
        "image" => format!("icon-{}@2x.png", draw.below(999)),
        "package" => {
            format!("{}-{}@{}.{}.{}", draw.pick(WORDS), draw.pick(WORDS), draw.below(9), draw.below(20), draw.below(20))
        }
        "tags" => format!(r#"["{}","{}"]"#, draw.pick(WORDS), draw.pick(WORDS)),
        "bool" => draw.pick(&["true", "false"]).to_owned(),
        other => panic!("no generator {other}"),
    }
}
