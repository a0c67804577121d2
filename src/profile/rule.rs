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
    /// permute = { min = 1, max = 999 } - another whole number, each from one only.
    Permute {
        /// Least of the numbers that change places; `None`: see the rule's facts.
        min: Option<i64>,
        /// Most of them.
        max: Option<i64>,
    },
    /// noise = { percent = 10 } or { amount = 5 } - a number nearby.
    Noise {
        /// Percent of the value.
        percent: Option<f64>,
        /// Or as much for all.
        amount: Option<f64>,
    },
    /// bucket = { size = 10 } - the largest multiple of `size` that is not above the number.
    Bucket {
        /// Width.
        size: f64,
    },
    /// date_shift = { days = 30, subject = "user_id" } - a date nearby.
    DateShift {
        /// Days at most, in both directions.
        days: u32,
        /// Column of whom the date belongs to: the same shift for the same subject keeps intervals.
        subject: Option<String>,
    },
    /// date_truncate = { to = "month" } - where its month begins.
    DateTruncate {
        /// Part that remains.
        to: DatePart,
    },
    /// pick = { from = ["a", "b"], weights = [1, 9] } - one of a list.
    Pick {
        /// The list.
        from: Vec<String>,
        /// How often each; empty: all alike.
        weights: Vec<f64>,
    },
    /// postal_code - other digits and letters.
    PostalCode {
        /// Characters at the start that stay.
        keep_first: u32,
    },
    /// mac - a locally administered address.
    Mac,
    /// user_agent
    UserAgent,
    /// url - a digest as path.
    Url {
        /// The host stays.
        keep_host: bool,
    },
    /// file_name - a word and a digest; the ending stays.
    FileName,
    /// job_title
    JobTitle,
    /// iban - check digits hold.
    Iban,
    /// card - check digit holds.
    Card,
    /// geo_jitter = { km = 5 } - a place nearby.
    GeoJitter {
        /// Kilometres at most.
        km: f64,
    },
    /// bytes = { as = "empty" }
    Bytes {
        /// What stands there instead.
        fill: BytesFill,
    },
    /// password_hash - of one known password.
    PasswordHash,
    /// pem - throw-away certificates and keys of the same kinds.
    Pem,
    /// regex = { pattern = "[A-Z]{2}[0-9]{4}" } - a text that matches.
    Regex {
        /// The expression.
        pattern: String,
    },
    /// scramble = { keep_first = 2 } - a token whose ends stay.
    Scramble {
        /// Characters at the start that stay.
        keep_first: u32,
        /// And at the end.
        keep_last: u32,
    },
    /// redact = { subject = ["name"] } - prose without what identifies somebody.
    Redact {
        /// Columns with names of the row's own subject.
        subject: Vec<String>,
    },
    /// json = { paths = { "user.email" = "email" }, default = "keep" } - values inside documents.
    Json {
        /// Rules by path; keys are parted by dots, a dot of a key is written `\.`.
        paths: Vec<(String, MaskRule)>,
        /// Of every other value.
        default: Box<MaskRule>,
    },
    /// hstore = { keys = { email = "email" }, default = "null" }
    Hstore {
        /// Rules by key.
        keys: Vec<(String, MaskRule)>,
        /// Of every other key.
        default: Box<MaskRule>,
    },
    /// composite = { fields = { street = "street" }, default = "keep" }
    Composite {
        /// Rules by field.
        fields: Vec<(String, MaskRule)>,
        /// Of every other field.
        default: Box<MaskRule>,
    },
    /// address = { part = "city", country = "country" } - a part of an address that fits the row's country.
    Address {
        /// Which part.
        part: AddressPart,
        /// Column with the country.
        country: Option<String>,
    },
    /// sql = "expression" - what the source's server makes of the row.
    Sql(String),
    /// rule = …, when = "condition" - the rule where the condition is not false; other rows keep their value.
    When {
        /// SQL.
        condition: String,
        /// The rule.
        rule: Box<MaskSpec>,
    },
    /// A rule whose names are those of another language than English.
    In {
        /// The language.
        locale: Locale,
        /// The rule.
        rule: Box<MaskSpec>,
    },
}

/// Whose names, streets and companies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    /// English
    #[default]
    En,
    /// German
    De,
    /// French
    Fr,
    /// Italian
    It,
    /// Dutch
    Nl,
    /// Portuguese, as in Brazil
    PtBr,
    /// Portuguese, as in Portugal
    PtPt,
    /// Turkish
    Tr,
}

impl Locale {
    /// Each with its name in the profile. The word lists know no Spanish names.
    pub const ALL: &[(&'static str, Self)] = &[
        ("en", Self::En),
        ("de", Self::De),
        ("fr", Self::Fr),
        ("it", Self::It),
        ("nl", Self::Nl),
        ("pt", Self::PtPt),
        ("pt-br", Self::PtBr),
        ("tr", Self::Tr),
    ];
}

/// What is left of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePart {
    /// Hour, in UTC.
    Hour,
    /// Day, in UTC.
    Day,
    /// Monday.
    Week,
    /// First of the month.
    Month,
    /// First of January, April, July or October.
    Quarter,
    /// First of January.
    Year,
    /// First of January of a year that ends in 0.
    Decade,
}

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPart {
    /// House number and street.
    Street,
    /// City.
    City,
    /// Postal code.
    PostalCode,
    /// State, county or the like.
    Region,
    /// Street, postal code and city.
    Full,
}

/// What stands in the place of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytesFill {
    /// None.
    Empty,
    /// As many, at random.
    Random,
    /// An image of one pixel.
    Image,
}

impl MaskSpec {
    /// What is known of the rule.
    pub fn facts(&self) -> &'static RuleFacts {
        // A test goes through all rules; one without facts would be taken for a keyed one that accepts nothing.
        RuleFacts::find(self.name()).unwrap_or(&super::facts::UNKNOWN)
    }

    /// Columns of the same row that the rule looks at.
    pub fn columns_beside(&self) -> Vec<&str> {
        match self {
            Self::DateShift { subject: Some(column), .. } | Self::Address { country: Some(column), .. } => vec![column],
            Self::Redact { subject } => subject.iter().map(String::as_str).collect(),
            Self::When { rule, .. } | Self::In { rule, .. } => rule.columns_beside(),
            _ => Vec::new(),
        }
    }

    /// The rule itself, whatever it depends on.
    pub fn plain(&self) -> &Self {
        match self {
            Self::When { rule, .. } | Self::In { rule, .. } => rule.plain(),
            plain => plain,
        }
    }

    /// The condition under which it applies.
    pub fn condition(&self) -> Option<&str> {
        match self {
            Self::When { condition, .. } => Some(condition),
            Self::In { rule, .. } => rule.condition(),
            _ => None,
        }
    }

    /// The result depends on more of the row than the value, in another way than a template does.
    pub fn depends_on_row(&self) -> bool {
        let plain = self.plain();
        self.condition().is_some() || matches!(plain, Self::Sql(_)) || !plain.columns_beside().is_empty()
    }

    /// Puts `change` to every SQL text of the rule.
    pub fn change_sql(&mut self, change: &impl Fn(&str) -> String) {
        match self {
            Self::Sql(text) => *text = change(text),
            Self::When { condition, rule } => {
                *condition = change(condition);
                rule.change_sql(change);
            }
            Self::In { rule, .. } => rule.change_sql(change),
            _ => {}
        }
    }

    /// The rule, and those inside it, with names of that language.
    pub(super) fn localize(&mut self, locale: Locale) {
        match self {
            Self::Json { paths: parts, default }
            | Self::Hstore { keys: parts, default }
            | Self::Composite { fields: parts, default } => {
                parts
                    .iter_mut()
                    .map(|(_, rule)| rule)
                    .chain([default.as_mut()])
                    .for_each(|rule| rule.spec.localize(locale));
            }
            Self::When { rule, .. } => rule.localize(locale),
            Self::FirstName
            | Self::LastName
            | Self::FullName
            | Self::Street
            | Self::City
            | Self::Company
            | Self::JobTitle
            | Self::Redact { .. } => {
                let rule = Box::new(std::mem::replace(self, Self::Null));
                *self = Self::In { locale, rule };
            }
            _ => {}
        }
    }

    /// Rules for parts of the value.
    pub fn rules_inside(&self) -> Vec<&MaskRule> {
        match self {
            Self::Json { paths: parts, default }
            | Self::Hstore { keys: parts, default }
            | Self::Composite { fields: parts, default } => {
                parts.iter().map(|(_, rule)| rule).chain([default.as_ref()]).collect()
            }
            Self::When { rule, .. } | Self::In { rule, .. } => rule.rules_inside(),
            _ => Vec::new(),
        }
    }

    /// The value may pass, or a part of it, or something near it: the rule keeps it for some rows or keys, leaves some of
    /// its characters, or gives a number, moment or place nearby. A rule for which this is false gives a result that
    /// shows the value's shape at most.
    pub fn may_leave_source(&self) -> bool {
        match self {
            Self::Keep
            | Self::When { .. }
            | Self::Sql(_)
            | Self::Template(_)
            | Self::Redact { .. }
            | Self::Noise { .. }
            | Self::Bucket { .. }
            | Self::DateTruncate { .. }
            | Self::DateShift { .. }
            | Self::GeoJitter { .. } => true,
            Self::Url { keep_host } => *keep_host,
            // Numbers outside the range stay.
            Self::Permute { min, max } => min.or(*max).is_some(),
            Self::PostalCode { keep_first } => *keep_first > 0,
            Self::Scramble { keep_first, keep_last } => *keep_first > 0 || *keep_last > 0,
            Self::In { rule, .. } => rule.may_leave_source(),
            Self::Json { .. } | Self::Hstore { .. } | Self::Composite { .. } => {
                self.rules_inside().iter().any(|rule| rule.spec.may_leave_source())
            }
            Self::Null
            | Self::Constant(_)
            | Self::Hash { .. }
            | Self::Token
            | Self::Uuid
            | Self::Email { .. }
            | Self::Username
            | Self::FirstName
            | Self::LastName
            | Self::FullName
            | Self::Phone
            | Self::Street
            | Self::City
            | Self::Company
            | Self::Ip
            | Self::Lorem
            | Self::EmptyJson
            | Self::Pick { .. }
            | Self::Mac
            | Self::UserAgent
            | Self::FileName
            | Self::JobTitle
            | Self::Iban
            | Self::Card
            | Self::Bytes { .. }
            | Self::PasswordHash
            | Self::Pem
            | Self::Regex { .. }
            | Self::Address { .. } => false,
        }
    }

    /// The keys of documents stay, whatever becomes of the values.
    pub fn keeps_keys(&self) -> bool {
        match self {
            Self::Json { .. } | Self::Hstore { .. } => true,
            Self::Composite { .. } => self.rules_inside().iter().any(|rule| rule.spec.keeps_keys()),
            Self::When { rule, .. } | Self::In { rule, .. } => rule.keeps_keys(),
            _ => false,
        }
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
            Self::Permute { .. } => "permute",
            Self::Noise { .. } => "noise",
            Self::Bucket { .. } => "bucket",
            Self::DateShift { .. } => "date_shift",
            Self::DateTruncate { .. } => "date_truncate",
            Self::Pick { .. } => "pick",
            Self::PostalCode { .. } => "postal_code",
            Self::Mac => "mac",
            Self::UserAgent => "user_agent",
            Self::Url { .. } => "url",
            Self::FileName => "file_name",
            Self::JobTitle => "job_title",
            Self::Iban => "iban",
            Self::Card => "card",
            Self::GeoJitter { .. } => "geo_jitter",
            Self::Bytes { .. } => "bytes",
            Self::PasswordHash => "password_hash",
            Self::Pem => "pem",
            Self::Regex { .. } => "regex",
            Self::Scramble { .. } => "scramble",
            Self::Redact { .. } => "redact",
            Self::Json { .. } => "json",
            Self::Hstore { .. } => "hstore",
            Self::Composite { .. } => "composite",
            Self::Address { .. } => "address",
            Self::Sql(_) => "sql",
            Self::When { rule, .. } | Self::In { rule, .. } => rule.name(),
        }
    }
}
