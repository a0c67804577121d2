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

/// Endings of streets' names.
const STREET_ENDINGS: &[&str] = &[
    "strasse", "str", "straat", "weg", "gasse", "platz", "allee", "ufer", "damm", "ring", "gatan", "vagen", "vej",
    "gade", "laan", "plein", "kade", "steig", "pfad", "chaussee", "markt",
];

/// The whole is a street with a number, perhaps with a town behind it.
pub(super) fn is_address(text: &str) -> bool {
    if !(6..=200).contains(&text.len()) {
        return false;
    }
    let folded = fold(text);
    let boxed = ["po box ", "p.o. box ", "postfach ", "apartado ", "caixa postal ", "bp "]
        .iter()
        .any(|word| folded.starts_with(word));
    (boxed && folded.bytes().any(|b| b.is_ascii_digit())) || near(&folded, 8)
}

/// A street with a number stands in prose.
pub(super) fn holds_address(text: &str) -> bool {
    near(&fold(text), 256)
}

/// A number of at most five digits stands within three words of a word of streets, with a word of letters between or
/// before: `12 Main Street`, `Calle Mayor 5`, `Hauptstr. 7a`.
fn near(folded: &str, words_max: usize) -> bool {
    let words: Vec<&str> = folded
        .split(|c: char| c.is_whitespace() || ",;".contains(c))
        .filter(|w| !w.is_empty())
        .take(words_max)
        .collect();
    let is_number = |word: &str| {
        let word = word.trim_start_matches(['#', 'n', 'º']);
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        (1..=5).contains(&digits) && word.len() <= digits + 4 && !word[digits..].contains([':', '%'])
    };
    words.iter().enumerate().any(|(at, word)| {
        let bare = word.trim_end_matches('.').trim_end_matches('/');
        let bare = bare.strip_prefix("c/").unwrap_or(bare);
        let number_within = |from: usize, to: usize| {
            words[from.min(words.len())..to.min(words.len())].iter().any(|word| is_number(word))
        };
        let ended = STREET_ENDINGS.iter().any(|ending| bare.len() > ending.len() + 2 && bare.ends_with(ending));
        if ended {
            return number_within(at + 1, at + 2) || (at > 0 && number_within(at - 1, at));
        }
        // The word alone is common in prose ("place", "way"): number, one to three words, then it; or it, then a number.
        (STREETS.contains(&bare) || *word == "c/")
            && ((at >= 2 && number_within(at.saturating_sub(4), at - 1))
                || (at + 2 < words.len() + 1 && number_within(at + 2, at + 5)))
    })
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
            "Keizersgracht 5 straat 7",
            "Musterweg 3",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "Main Street",
            "10 apples a day",
            "2 ways to win",
            "Section 12.4",
            "Street art",
            "version 3 of it",
            "in first place",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
