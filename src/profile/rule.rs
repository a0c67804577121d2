//! Rules for columns, as the profile states them.

use super::facts::RuleFacts;

/// What the profile says of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnRule {
    /// Listed, but not decided: stops a run.
    Undecided,
    /// Decided.
    Decided {
        /// For members, and for support rows unless they have their own.
        member: MaskRule,
        /// `support = …`: stricter rule for rows brought only because a chosen row refers to them.
        support: Option<MaskRule>,
    },
}

/// A transformer with the domain it masks in.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskRule {
    /// The transformer.
    pub spec: MaskSpec,
    /// Equal values in the same domain mask equally; `None`: the rule's own name.
    pub domain: Option<String>,
}

/// A transformer. Its name in the profile stands before the dash.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskSpec {
    /// keep - bytes pass unchanged.
    Keep,
    /// null - NULL.
    Null,
    /// constant = "text" - the same text for every row that is not NULL.
    Constant(String),
    /// template = "user{id}@dev.example" - text with other columns of the row, as they arrive in the target.
    Template(String),
    /// hash = { length = 32 } - hexadecimal keyed digest, `length` characters (8 to 64).
    Hash {
        /// Characters.
        length: u32,
    },
    /// token - same length; letters become letters of the same case, digits digits, other characters stay.
    Token,
    /// uuid - another version 4 uuid.
    Uuid,
    /// email = { host = "example.com" } - an address that reads like one.
    Email {
        /// Host part.
        host: String,
    },
    /// username - a lower-case handle.
    Username,
    /// first_name
    FirstName,
    /// last_name
    LastName,
    /// full_name
    FullName,
    /// phone - digits replaced, country prefix and punctuation kept.
    Phone,
    /// street
    Street,
    /// city
    City,
    /// company
    Company,
    /// ip - an address of the same family in the ranges kept for documentation and private use.
    Ip,
    /// lorem - filler text of the same number of characters.
    Lorem,
    /// empty_json - `{}`, or `[]` where an array stood.
    EmptyJson,
}

impl MaskSpec {
    /// What is known of the rule.
    pub fn facts(&self) -> &'static RuleFacts {
        // A test goes through all rules; one without facts would be taken for a keyed one that accepts nothing.
        RuleFacts::find(self.name()).unwrap_or(&super::facts::UNKNOWN)
    }

    /// The rule's name in the profile.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Null => "null",
            Self::Constant(_) => "constant",
            Self::Template(_) => "template",
            Self::Hash { .. } => "hash",
            Self::Token => "token",
            Self::Uuid => "uuid",
            Self::Email { .. } => "email",
            Self::Username => "username",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::FullName => "full_name",
            Self::Phone => "phone",
            Self::Street => "street",
            Self::City => "city",
            Self::Company => "company",
            Self::Ip => "ip",
            Self::Lorem => "lorem",
            Self::EmptyJson => "empty_json",
        }
    }
}
