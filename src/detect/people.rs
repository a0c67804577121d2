//! Names of people and towns, by lists of common ones; postal addresses, by their form.
//!
//! The lists hold what is common in Europe, the Americas and, transliterated, in Russia and Asia. No list is complete:
//! a column counts by the share of its values that are found.

use std::collections::HashSet;
use std::sync::LazyLock;

static FIRST_NAMES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("lists/first_names.txt").split_whitespace().collect());
static LAST_NAMES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("lists/last_names.txt").split_whitespace().collect());
static TOWNS: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("lists/towns.txt").trim().split('|').collect());

/// Longer texts are no names.
const NAME_MAX_BYTES: usize = 60;

/// What the words of a text say of people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) first: bool,
    pub(super) last: bool,
    pub(super) full: bool,
    pub(super) town: bool,
}

/// Words of firms, streets and things: a name beside one of them is not a person's.
const NOT_PEOPLE: &[&str] = &[
    "gmbh",
    "ag",
    "inc",
    "llc",
    "ltd",
    "co",
    "corp",
    "company",
    "group",
    "sa",
    "sl",
    "srl",
    "kg",
    "bv",
    "plc",
    "sons",
    "the",
    "and",
    "und",
    "et",
    "y",
    "street",
    "st",
    "road",
    "rd",
    "avenue",
    "ave",
    "strasse",
    "str",
    "platz",
    "weg",
    "calle",
    "rua",
    "rue",
    "via",
    "plaza",
    "school",
    "university",
    "hotel",
    "club",
    "team",
    "edition",
    "series",
    "collection",
    "project",
    "of",
    "for",
    "with",
    "in",
    "on",
    "at",
    "no",
    "new",
    "city",
    "park",
    "island",
    "bay",
    "beach",
    "lake",
    "mount",
    "river",
    "shirt",
    "table",
    "chair",
    "lamp",
    "bag",
    "shoes",
    "set",
    "pack",
    "pro",
    "mini",
    "plus",
    "max",
];

/// Particles within family names.
const PARTICLES: &[&str] = &[
    "de", "da", "do", "dos", "das", "del", "della", "di", "la", "le", "el", "al", "bin", "ibn", "ben", "van", "von",
    "der", "den", "ter", "zu", "zum", "af", "av", "y", "e", "du", "des", "st", "mc", "jr", "sr", "ii", "iii", "iv",
    "dr", "prof", "mr", "mrs", "ms", "miss", "herr", "frau", "sra", "dra", "mme", "mlle", "md", "phd", "dds", "dvm",
];

/// Looks a text up, whole.
pub(super) fn named(text: &str) -> Named {
    let mut named = Named::default();
    let plain = |c: char| c.is_alphabetic() || " '’-.,".contains(c);
    if text.len() < 2
        || text.len() > NAME_MAX_BYTES
        || !text.starts_with(char::is_alphabetic)
        || !text.chars().all(plain)
    {
        return named;
    }
    let folded = fold(text);
    let capital = text.starts_with(char::is_uppercase);
    named.town = capital && TOWNS.contains(folded.trim());
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let blanks = text.split_whitespace().count();
    if blanks == 1 {
        // Jean-Pierre, Garcia-Lopez; a list written in small letters may hold names as well, but words do, too.
        named.first = capital && words.iter().take(2).any(|word| FIRST_NAMES.contains(word));
        named.last = capital
            && (words.iter().any(|word| LAST_NAMES.contains(word)) || LAST_NAMES.contains(words.concat().as_str()));
        return named;
    }
    if blanks > 6 || words.iter().any(|word| NOT_PEOPLE.contains(word) && !PARTICLES.contains(word)) {
        return named;
    }
    let written = text.split_whitespace().all(|word| {
        let folded = fold(word);
        word.starts_with(char::is_uppercase) || PARTICLES.contains(&folded.trim_end_matches(['.', ',']))
    });
    let telling: Vec<&str> = words.into_iter().filter(|word| word.len() > 1 && !PARTICLES.contains(word)).collect();
    let first = telling.iter().any(|word| FIRST_NAMES.contains(word));
    let last = telling.iter().any(|word| LAST_NAMES.contains(word));
    if (2..=5).contains(&telling.len()) && written {
        named.full = first || last;
        // Two given names, or two family names as in Spain and Portugal.
        named.first = blanks == 2 && telling.iter().all(|word| FIRST_NAMES.contains(word));
        named.last = blanks == 2 && telling.iter().all(|word| LAST_NAMES.contains(word));
    }
    // One word and a particle: `da Silva`, `van Berg`.
    if telling.len() == 1 {
        named.last = last;
    }
    named
}

/// A given name and a family name, one behind the other.
pub(super) fn are_names(first: &str, last: &str) -> bool {
    let capital = |word: &str| word.starts_with(char::is_uppercase) && word.chars().count() > 2;
    capital(first)
        && capital(last)
        && FIRST_NAMES.contains(fold(first).as_str())
        && LAST_NAMES.contains(fold(last).trim_end_matches("'s"))
}

/// Street's words that stand by themselves, before or after the name.
const STREETS: &[&str] = &[
    "street",
    "st",
    "avenue",
    "ave",
    "av",
    "avda",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "dr",
    "boulevard",
    "blvd",
    "court",
    "ct",
    "way",
    "square",
    "sq",
    "terrace",
    "place",
    "pl",
    "parkway",
    "pkwy",
    "highway",
    "hwy",
    "crescent",
    "close",
    "rue",
    "chemin",
    "allee",
    "allée",
    "impasse",
    "quai",
    "calle",
    "c",
    "avenida",
    "plaza",
    "paseo",
    "carrera",
    "rua",
    "travessa",
    "praca",
    "largo",
    "via",
    "viale",
    "piazza",
    "corso",
    "ulica",
    "ul",
    "ulitsa",
    "prospekt",
    "strasse",
    "str",
    "platz",
    "gasse",
    "weg",
    "straat",
    "gatan",
    "apt",
    "apartment",
    "suite",
    "circle",
    "trail",
    "alley",
    "row",
    "gardens",
    "grove",
    "hill",
    "mews",
    "cours",
    "passage",
    "alameda",
    "estrada",
    "rodovia",
    "cam",
    "sok",
    "cad",
    "mahallesi",
    "marg",
    "nagar",
    "jalan",
    "jl",
    "lu",
    "jie",
];

/// Of these, those that follow their number at once.
const AFTER_NUMBER: &[&str] =
    &["rue", "avenue", "boulevard", "chemin", "allee", "impasse", "quai", "cours", "passage", "place", "bd", "av"];

/// Endings of streets' names.
const STREET_ENDINGS: &[&str] = &[
    "strasse", "str", "straat", "weg", "gasse", "platz", "allee", "ufer", "damm", "ring", "gatan", "vagen", "vej",
    "gade", "laan", "plein", "kade", "steig", "pfad", "chaussee", "markt",
];

/// Longer texts are prose.
const ADDRESS_MAX_WORDS: usize = 10;

/// The whole is a street with a number, perhaps with a town behind it.
pub(super) fn is_address(text: &str) -> bool {
    const BOXES: [&str; 6] = ["po box ", "p.o. box ", "postfach ", "apartado ", "caixa postal ", "bp "];
    let words = text.split_whitespace().count();
    let sentence = words > 6 && text.starts_with(char::is_lowercase) && !text.contains(',');
    if !(6..=200).contains(&text.len()) || words > ADDRESS_MAX_WORDS || sentence {
        return false;
    }
    let folded = fold(text);
    let boxed = BOXES.iter().any(|word| folded.starts_with(word)) && folded.bytes().any(|b| b.is_ascii_digit());
    boxed || has_street(text, ADDRESS_MAX_WORDS, false)
}

/// A street with a number stands in prose; its words are written with capitals there.
pub(super) fn holds_address(text: &str) -> bool {
    has_street(text, 256, true)
}

/// A number of at most five digits stands near a word of streets, with a word of letters between or before:
/// `12 Main Street`, `Calle Mayor 5`, `Hauptstr. 7a`, `14 rue de la Paix`.
fn has_street(text: &str, words_max: usize, in_prose: bool) -> bool {
    let parted = |c: char| c.is_whitespace() || ",;".contains(c);
    let written: Vec<&str> = text.split(parted).filter(|word| !word.is_empty()).take(words_max).collect();
    let words: Vec<String> = written.iter().map(|word| fold(word)).collect();
    let capital = |at: usize| !in_prose || written.get(at).is_some_and(|word| word.starts_with(char::is_uppercase));
    // Between a number and its street's word stands a name.
    let part = |at: usize| {
        capital(at) && !["in", "the", "of", "to", "a", "is", "are", "for", "by"].contains(&words[at].as_str())
    };
    let number = |at: usize| words.get(at).is_some_and(|word| is_house_number(word));
    words.iter().enumerate().any(|(at, word)| {
        let bare = word.trim_end_matches(['.', '/']);
        let bare = bare.strip_prefix("c/").unwrap_or(bare);
        let ended = STREET_ENDINGS.iter().any(|ending| bare.len() > ending.len() + 2 && bare.ends_with(ending));
        if ended && capital(at) {
            return number(at + 1) || (at > 0 && number(at - 1));
        }
        if AFTER_NUMBER.contains(&bare) && at > 0 && number(at - 1) && words.len() > at + 1 {
            return true;
        }
        if !STREETS.contains(&bare) || !capital(at) {
            return false;
        }
        let before = (2..=4).any(|back| at >= back && number(at - back) && (at - back + 1..at).all(part));
        let behind = capital(at + 1) && !number(at + 1) && (2..=5).any(|ahead| number(at + ahead));
        before || behind
    })
}

/// `12`, `7a`, `#5`, `120-122`
fn is_house_number(word: &str) -> bool {
    let word = word.trim_start_matches(['#', 'n', 'º', '°']).trim_end_matches(['.', '!', '?', ')']);
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=5).contains(&digits) && word.len() <= digits + 4 && !word[digits..].contains([':', '%', '.'])
}

/// Lower case without accents.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' | 'ă' | 'ā' => folded.push('a'),
            'ç' | 'ć' | 'č' => folded.push('c'),
            'ď' | 'đ' => folded.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' | 'ē' => folded.push('e'),
            'ğ' => folded.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ı' | 'ī' => folded.push('i'),
            'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ň' => folded.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' | 'ō' => folded.push('o'),
            'ř' => folded.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => folded.push('s'),
            'ß' => folded.push_str("ss"),
            'ť' | 'ț' | 'ţ' => folded.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ů' | 'ű' | 'ū' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            // What lower-casing leaves of a dotted capital I.
            '\u{307}' => {}
            c => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for full in [
            "Anna Müller",
            "José García López",
            "Garcia, Maria",
            "Jean-Pierre Dupont",
            "Ludwig van Beethoven",
            "DR. PETER KLEIN",
            "Ivan Petrov",
        ] {
            assert!(named(full).full, "{full}");
        }
        for other in [
            "Oak Table",
            "Müller GmbH",
            "anna loves it",
            "The Grace",
            "Red Shirt",
            "x",
            "Anna 2",
            "Main Street",
            "Long Beach Hotel",
        ] {
            assert!(!named(other).full, "{other}");
        }
        assert!(named("Anna").first && named("Jean-Luc").first && named("Müller").last && named("O'Brien").last);
        assert!(!named("anna").first && !named("Table").first);
        assert!(named("São Paulo").town && named("München").town && !named("Tables").town);
    }

    #[test]
    fn addresses() {
        for good in [
            "12 Main Street",
            "Hauptstr. 7a",
            "Hauptstraße 12, 10115 Berlin",
            "Calle Mayor 5, 2º",
            "Rua das Flores 120",
            "14 rue de la Paix",
            "1600 Pennsylvania Ave NW",
            "C/ Gran Vía 28",
            "Postfach 1234",
            "P.O. Box 99",
            "ul. Lenina 14",
            "Avenida Paulista, 1578",
            "221B Baker Street",
            "Musterweg 3",
        ] {
            assert!(is_address(good), "{good}");
        }
        assert!(holds_address("bring it to 12 Baker Street now") && holds_address("er wohnt in der Gartenstraße 5."));
        assert!(
            !holds_address("they made 5 people go out of the way") && !holds_address("close to the 10 or 12 of them")
        );
        for bad in [
            "Main Street",
            "10 apples a day",
            "2 ways to win",
            "Section 12.4",
            "Street art",
            "version 3 of it",
            "in first place",
            "5 people in the way",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
