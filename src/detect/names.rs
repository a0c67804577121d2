//! What a column is likely to hold, judged by its name, its table's name and its comment.
//!
//! A guess and nothing more: it chooses what is proposed and what a look at values is compared with.

use super::Kind;
use super::words::{CODES, CONTENTS, FLEETING, GENERIC, GLUED, LOGS, MOMENTS, PEOPLE, STEMS, WORDS};

/// A class of contents that a name can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they say it themselves")]
pub enum Meaning {
    Email,
    Phone,
    FirstName,
    LastName,
    FullName,
    Username,
    Street,
    City,
    PostalCode,
    Company,
    Ip,
    Mac,
    Password,
    Token,
    Key,
    Cookie,
    Digest,
    UserAgent,
    BirthDate,
    Money,
    Location,
    PaymentCard,
    Iban,
    NationalId,
    Website,
    Url,
    FreeText,
    Code,
    /// Numbers and names of things: orders, versions, products.
    Serial,
    OutsideId,
    /// `name`, `title`: of whom or what, the table must say.
    Name,
}

impl Meaning {
    /// The kind of personal data that it is; `None` for things, codes, and names of nobody knows what.
    pub fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Email => Kind::Email,
            Self::Phone => Kind::Phone,
            Self::FirstName => Kind::FirstName,
            Self::LastName => Kind::LastName,
            Self::FullName => Kind::FullName,
            Self::Username => Kind::Username,
            Self::Street => Kind::Address,
            Self::City => Kind::City,
            Self::PostalCode => Kind::PostalCode,
            Self::Company => Kind::Company,
            Self::Ip => Kind::Ip,
            Self::Mac => Kind::Mac,
            Self::Password => Kind::Password,
            Self::Token => Kind::Token,
            Self::Key => Kind::Key,
            Self::Cookie => Kind::Cookie,
            Self::Digest => Kind::Digest,
            Self::UserAgent => Kind::UserAgent,
            Self::BirthDate => Kind::BirthDate,
            Self::Money => Kind::Income,
            Self::Location => Kind::Geo,
            Self::PaymentCard => Kind::Card,
            Self::Iban => Kind::Iban,
            Self::NationalId => Kind::NationalId,
            Self::Website => Kind::Website,
            Self::OutsideId => Kind::OutsideId,
            Self::FreeText => Kind::FreeText,
            Self::Url | Self::Code | Self::Serial | Self::Name => return None,
        })
    }

    /// The meaning under which a kind that was seen is treated.
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Email => Self::Email,
            Kind::Phone => Self::Phone,
            Kind::FirstName => Self::FirstName,
            Kind::LastName => Self::LastName,
            Kind::FullName => Self::FullName,
            Kind::Username => Self::Username,
            Kind::Address => Self::Street,
            Kind::City => Self::City,
            Kind::PostalCode => Self::PostalCode,
            Kind::Company => Self::Company,
            Kind::Ip => Self::Ip,
            Kind::Mac => Self::Mac,
            Kind::Password | Kind::PasswordHash => Self::Password,
            Kind::Token | Kind::UrlCredentials => Self::Token,
            Kind::Key => Self::Key,
            Kind::Cookie => Self::Cookie,
            Kind::Digest => Self::Digest,
            Kind::UserAgent => Self::UserAgent,
            Kind::BirthDate => Self::BirthDate,
            Kind::Income => Self::Money,
            Kind::Geo => Self::Location,
            Kind::Card => Self::PaymentCard,
            Kind::Iban => Self::Iban,
            Kind::NationalId => Self::NationalId,
            Kind::Website => Self::Website,
            Kind::OutsideId => Self::OutsideId,
            Kind::FreeText => Self::FreeText,
        }
    }
}

/// Where a meaning was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The column's name.
    Name,
    /// The table's name, the column's own telling nothing.
    Table,
    /// The column's comment.
    Comment,
}

/// Words of a comment that are read.
const COMMENT_WORDS: usize = 40;

/// The meaning of a column by its name, and where that tells nothing by its table's name and its comment.
pub fn told(table: &str, column: &str, comment: Option<&str>) -> Option<(Meaning, Told)> {
    let named = meaning(column);
    match named {
        Some(Meaning::Digest) if of_contents(table, column) => return Some((Meaning::Serial, Told::Name)),
        Some(Meaning::Name) if holds_people(table) => return Some((Meaning::FullName, Told::Table)),
        None | Some(Meaning::Name | Meaning::FreeText | Meaning::Digest | Meaning::Street) => {}
        Some(meaning) => return Some((meaning, Told::Name)),
    }
    if tokens(column).last().is_some_and(|last| has_word(std::slice::from_ref(last), GENERIC))
        && let Some(meaning) = meaning(table).filter(|meaning| {
            use Meaning::{Email, Iban, Ip, NationalId, PaymentCard, Phone};
            matches!(meaning, Email | Phone | Iban | PaymentCard | NationalId | Ip | Meaning::Mac)
        })
        && !matches!(named, Some(Meaning::Name))
    {
        return Some((meaning, Told::Table));
    }
    let commented = comment.filter(|_| matches!(named, None | Some(Meaning::Name))).and_then(of_comment);
    commented.map(|meaning| (meaning, Told::Comment)).or(named.map(|meaning| (meaning, Told::Name)))
}

/// A digest of a file or the like, by the words beside it.
fn of_contents(table: &str, column: &str) -> bool {
    tokens(column).iter().any(|word| listed(CONTENTS, word))
        || tokens(table).last().is_some_and(|word| listed(CONTENTS, word))
}

/// The day of an event, by its name: none of birth.
pub(super) fn is_moment(column: &str) -> bool {
    tokens(column).iter().any(|word| listed(MOMENTS, word))
}

/// Words of prose tell less than a name's: only those count that mean one thing.
fn of_comment(comment: &str) -> Option<Meaning> {
    use Meaning::{
        BirthDate, Email, FirstName, FullName, Iban, Ip, LastName, NationalId, Password, PaymentCard, Phone, Street,
        Username,
    };
    let mut words = tokens(comment);
    words.truncate(COMMENT_WORDS);
    WORDS.iter().map(|(meaning, words)| (*meaning, *words)).find_map(|(meaning, list)| {
        let clear = matches!(
            meaning,
            Email
                | Phone
                | FirstName
                | LastName
                | FullName
                | BirthDate
                | Iban
                | PaymentCard
                | NationalId
                | Ip
                | Password
                | Street
                | Username
        );
        (clear && has_clear_word(&words, list)).then_some(meaning)
    })
}

/// As [`has_word`], for runs of up to three words, none of them short or common in prose.
fn has_clear_word(words: &[String], list: &str) -> bool {
    const COMMON: [&str; 16] = [
        "card", "cell", "portable", "handle", "born", "login", "sender", "birth", "nick", "voie", "clave", "mobile",
        "fixe", "line1", "line2", "rut",
    ];
    (0..words.len()).any(|from| {
        let mut joined = String::new();
        words[from..].iter().take(3).any(|word| {
            joined.push_str(word);
            (joined.len() >= 4 || matches!(joined.as_str(), "dob" | "ssn" | "ip" | "dni" | "cpf" | "nif"))
                && !COMMON.contains(&singular(&joined))
                && listed(list, &joined)
        })
    })
}

/// The meaning of a column's name, if it tells one.
pub fn meaning(column: &str) -> Option<Meaning> {
    use Meaning::{Code, Company, FreeText, Name, OutsideId, Serial, Url};
    let tokens = tokens(column);
    // Many tokens make no name that is listed, and would cost the square of their number.
    let tokens = &tokens[..tokens.len().min(12)];
    let last = tokens.last()?;
    if tokens.len() > 1 && CODES.split_whitespace().any(|code| code == last) {
        return Some(Code);
    }
    let listed = WORDS.iter().find(|(_, words)| has_word(tokens, words)).map(|(meaning, _)| *meaning);
    let listed = listed.or_else(|| {
        let stem = |token: &String| STEMS.iter().find(|(_, stem)| token.contains(stem)).map(|(meaning, _)| *meaning);
        tokens.iter().find_map(stem)
    });
    match listed {
        Some(FreeText | Name | Company) if tokens.len() > 1 && last == "code" => Some(Code),
        // `stripe_customer_id`, `provider_user_id`, `external_ref`: known to somebody outside. A name that says more
        // (`session_id`, `tax_id`) has been found already.
        None | Some(Name | Code | FreeText | Company | Url | Serial)
            if tokens.len() > 1 && matches!(last.as_str(), "id" | "uid" | "ref") =>
        {
            Some(OutsideId)
        }
        other => other,
    }
}

/// The table's name says that its rows are people.
pub fn holds_people(table: &str) -> bool {
    // The last word says what a row is: `user_settings` are settings, `app_users` are users.
    tokens(table).last().is_some_and(|last| listed(PEOPLE, last))
}

/// The table's name speaks of secrets or sessions.
pub fn is_fleeting(table: &str) -> bool {
    has_word(&tokens(table), FLEETING)
}

/// The table's name speaks of records of what happened.
pub fn is_log(table: &str) -> bool {
    has_word(&tokens(table), LOGS)
}

/// A run of tokens, written together, is one of the words; a plural counts, and so does a number behind it.
fn has_word(tokens: &[String], words: &str) -> bool {
    let glued = |token: &String| {
        GLUED
            .split_whitespace()
            .any(|before| token.strip_prefix(before).is_some_and(|rest| rest.len() >= 4 && listed(words, rest)))
    };
    (0..tokens.len()).any(|from| {
        let mut joined = String::new();
        tokens[from..].iter().any(|token| {
            joined.push_str(token);
            listed(words, &joined)
        })
    }) || tokens.iter().any(glued)
}

/// One of the words, or its plural, or with a number behind it.
fn listed(words: &str, word: &str) -> bool {
    let stem = singular(word);
    let unnumbered = Some(word.trim_end_matches(|c: char| c.is_ascii_digit())).filter(|bare| bare.len() > 2);
    words.split_whitespace().any(|listed| listed == word || listed == stem || Some(listed) == unnumbered)
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s')).unwrap_or(word)
}

/// Lower-case words of a name in snake_case, camelCase or anything else; accents folded; digits stay with their word
/// (`address1`).
fn tokens(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            c.to_lowercase().for_each(|c| fold(c, word));
        }
        lower_before = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn fold(c: char, word: &mut String) {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' => word.push('a'),
        'ä' => word.push_str("ae"),
        'ç' => word.push('c'),
        'è' | 'é' | 'ê' | 'ë' => word.push('e'),
        'ì' | 'í' | 'î' | 'ï' => word.push('i'),
        'ñ' => word.push('n'),
        'ò' | 'ó' | 'ô' | 'õ' => word.push('o'),
        'ö' => word.push_str("oe"),
        'ù' | 'ú' | 'û' => word.push('u'),
        'ü' => word.push_str("ue"),
        'ß' => word.push_str("ss"),
        c => word.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Meaning::{
        BirthDate, City, Code, Digest, Email, FirstName, FullName, Iban, Ip, LastName, Name, NationalId, OutsideId,
        Password, Phone, PostalCode, Serial, Street, Token, Url, Username, Website,
    };

    #[test]
    fn tables_and_comments_tell_where_the_name_does_not() {
        for (table, column, comment, expected) in [
            ("phone_numbers", "number", None, Some((Phone, Told::Table))),
            ("email_addresses", "value", None, Some((Email, Told::Table))),
            ("customers", "name", None, Some((FullName, Told::Table))),
            ("files", "sha256", None, Some((Serial, Told::Name))),
            ("visitors", "c12", Some("Telefonnummer des Kunden"), Some((Phone, Told::Comment))),
            ("visitors", "c13", Some("holds the date of birth, if known"), Some((BirthDate, Told::Comment))),
            ("visitors", "c14", Some("number of cards in the deck"), None),
            ("products", "name", None, Some((Name, Told::Name))),
        ] {
            assert_eq!(told(table, column, comment), expected, "{table}.{column}");
        }
    }

    #[test]
    fn names_tell() {
        for (name, expected) in [
            ("email", Some(Email)),
            ("emailAddress", Some(Email)),
            ("contact_e_mail", Some(Email)),
            ("E-Mail", Some(Email)),
            ("email_status", Some(Code)),
            ("phone_type", Some(Code)),
            ("firstName", Some(FirstName)),
            ("user_first_name", Some(FirstName)),
            ("Prénom", Some(FirstName)),
            ("handle_normalized", Some(Username)),
            ("display_name", Some(FullName)),
            ("name", Some(Name)),
            ("password_hash", Some(Password)),
            ("ip_hash", Some(Digest)),
            ("viewer_ip_hash", Some(Digest)),
            ("author_ip", Some(Ip)),
            ("clip", None),
            ("flat", None),
            ("Straße", Some(Street)),
            ("address2", Some(Street)),
            ("postal_code", Some(PostalCode)),
            ("country_code", Some(Code)),
            ("date_of_birth", Some(BirthDate)),
            ("avatar_url", Some(Url)),
            ("website", Some(Website)),
            ("provider_user_id", Some(OutsideId)),
            ("reason_code", Some(Code)),
            ("otp_code", Some(Token)),
            ("stripe_charge_id", Some(OutsideId)),
            ("session_id", Some(Token)),
            ("tax_id", Some(NationalId)),
            ("hashtags", Some(Code)),
            ("useremail", Some(Email)),
            ("workPhone2", Some(Phone)),
            ("KundenVorname", Some(FirstName)),
            ("apellido_paterno", Some(LastName)),
            ("data_nascimento", Some(BirthDate)),
            ("kontonummer", Some(Iban)),
            ("lieu_naissance", Some(City)),
            ("date_naissance", Some(BirthDate)),
            ("ville", Some(City)),
            ("motDePasse", Some(Password)),
            ("email_verified_at", Some(Code)),
            ("order_number", Some(Serial)),
            ("app_version", Some(Serial)),
            ("xyzzy", None),
            ("", None),
            ("___", None),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    #[test]
    fn tables_tell() {
        for table in ["users", "app_users", "Customers", "people", "accounts"] {
            assert!(holds_people(table), "{table}");
        }
        assert!(!holds_people("user_settings"));
        for table in ["refresh_tokens", "sessions", "email_verification_tokens", "password_resets", "otps"] {
            assert!(is_fleeting(table), "{table}");
        }
        assert!(!is_fleeting("posts"));
        assert!(is_log("audit_logs") && is_log("site_events") && !is_log("blogs"));
    }

    proptest! {
        #[test]
        fn never_panics(name in any::<String>()) {
            let _ = (meaning(&name), holds_people(&name), is_fleeting(&name), is_log(&name));
        }
    }
}
