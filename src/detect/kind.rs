//! Kinds of personal data and secrets.

use serde::Serialize;

/// What a value is, or holds. In order: of several kinds in one column the first one leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Private keys, certificates, signed tokens, keys of clouds and services.
    Key,
    /// A digest made to keep a password: bcrypt, argon2, crypt(3).
    PasswordHash,
    /// A password, by the column's name.
    Password,
    /// An address with a password or token in it.
    UrlCredentials,
    /// A browser's cookies.
    Cookie,
    /// An opaque secret: much randomness in one word.
    Token,
    /// An account number, mod 97.
    Iban,
    /// A payment card, by issuer and Luhn's digit.
    Card,
    /// A person's number in a state's register.
    NationalId,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A name as people write it.
    FullName,
    /// A given name.
    FirstName,
    /// A family name.
    LastName,
    /// A handle.
    Username,
    /// Street and number.
    Address,
    /// A town.
    City,
    /// A postal code.
    PostalCode,
    /// A day or year of birth.
    BirthDate,
    /// A place on earth.
    Geo,
    /// A network address.
    Ip,
    /// A device's hardware address.
    Mac,
    /// What a browser says of itself.
    UserAgent,
    /// An employer or customer.
    Company,
    /// Somebody's income.
    Income,
    /// Somebody's site.
    Website,
    /// A digest of something, perhaps of an address.
    Digest,
    /// Known under this name to another company.
    OutsideId,
    /// What somebody wrote, or a document: may hold anything.
    FreeText,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 29] = [
        Self::Key,
        Self::PasswordHash,
        Self::Password,
        Self::UrlCredentials,
        Self::Cookie,
        Self::Token,
        Self::Iban,
        Self::Card,
        Self::NationalId,
        Self::Email,
        Self::Phone,
        Self::FullName,
        Self::FirstName,
        Self::LastName,
        Self::Username,
        Self::Address,
        Self::City,
        Self::PostalCode,
        Self::BirthDate,
        Self::Geo,
        Self::Ip,
        Self::Mac,
        Self::UserAgent,
        Self::Company,
        Self::Income,
        Self::Website,
        Self::Digest,
        Self::OutsideId,
        Self::FreeText,
    ];

    /// For people, in the plural.
    pub fn plural(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// As JSON writes it.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].2
    }
}

/// Kind, plural, name; in the order of the kinds.
#[rustfmt::skip]
const NAMES: [(Kind, &str, &str); Kind::ALL.len()] = [
    (Kind::Key, "keys or certificates", "key"),
    (Kind::PasswordHash, "password hashes", "password_hash"),
    (Kind::Password, "passwords", "password"),
    (Kind::UrlCredentials, "links with credentials", "url_credentials"),
    (Kind::Cookie, "cookies", "cookie"),
    (Kind::Token, "tokens", "token"),
    (Kind::Iban, "account numbers (IBAN)", "iban"),
    (Kind::Card, "card numbers", "card"),
    (Kind::NationalId, "national ids", "national_id"),
    (Kind::Email, "e-mail addresses", "email"),
    (Kind::Phone, "phone numbers", "phone"),
    (Kind::FullName, "full names", "full_name"),
    (Kind::FirstName, "first names", "first_name"),
    (Kind::LastName, "last names", "last_name"),
    (Kind::Username, "user names", "username"),
    (Kind::Address, "postal addresses", "address"),
    (Kind::City, "towns", "city"),
    (Kind::PostalCode, "postal codes", "postal_code"),
    (Kind::BirthDate, "dates of birth", "birth_date"),
    (Kind::Geo, "geo points", "geo"),
    (Kind::Ip, "IP addresses", "ip"),
    (Kind::Mac, "MAC addresses", "mac"),
    (Kind::UserAgent, "user agents", "user_agent"),
    (Kind::Company, "companies", "company"),
    (Kind::Income, "incomes", "income"),
    (Kind::Website, "personal sites", "website"),
    (Kind::Digest, "digests", "digest"),
    (Kind::OutsideId, "ids of other services", "outside_id"),
    (Kind::FreeText, "free text", "free_text"),
];

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u32);

impl KindSet {
    pub(super) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u32;
    }

    pub(super) fn add_all(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn remove(&mut self, kinds: &[Kind]) {
        kinds.iter().for_each(|kind| self.0 &= !(1 << *kind as u32));
    }

    /// Has no kind.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Holds the kind.
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Its kinds, in order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        for (position, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!((kind as usize, NAMES[position].0), (position, kind));
            assert_eq!(serde_json::to_string(&kind).expect("a word"), format!("\"{}\"", kind.name()));
        }
    }
}
