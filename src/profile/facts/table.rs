//! The facts of every rule, in the order messages list them.

use super::Default::{Is, Nothing, Required};
use super::{Example, Form, Kind, Parameter, RuleFacts, TypeSet};
use crate::profile::{AddressPart, BytesFill, DatePart, MaskSpec as S};
use crate::schema::TypeClass as C;

/// Where a rule is as plain as most.
const PLAIN: RuleFacts = RuleFacts {
    name: "",
    meaning: "",
    form: Form::Parameters(&[]),
    accepts: &[TypeSet::Text],
    keyed: true,
    deterministic: true,
    injective: "",
    keeps_length: false,
    keeps_format: false,
    example: Example { rule: "", class: C::Text, value: "" },
    build: |_| Err(String::new()),
};

/// What takes the place of facts that are missing: accepted by no column.
pub(in crate::profile) const UNKNOWN: RuleFacts = RuleFacts { accepts: &[], ..PLAIN };

const fn text(rule: &'static str, value: &'static str) -> Example {
    Example { rule, class: C::Text, value }
}

const fn parameter(name: &'static str, kind: Kind, default: super::Default, meaning: &'static str) -> Parameter {
    Parameter { name, kind, default, meaning }
}

/// 64 bits of a keyed digest or more: about one collision in 37 million runs over a million values.
const DIGEST: &str = "all but surely, where 64 bits of its digest fit the column";
const WHOLE: Kind = Kind::Integer(i64::MIN, i64::MAX);
const SHAPE: &str = "always: a keyed permutation of the values of one shape";

/// Every rule.
pub const RULES: &[RuleFacts] = &[
    RuleFacts {
        name: "keep",
        meaning: "the value passes unchanged",
        accepts: &[TypeSet::Any],
        keyed: false,
        injective: "always",
        keeps_length: true,
        keeps_format: true,
        example: text("\"keep\"", "Ann"),
        build: |_| Ok(S::Keep),
        ..PLAIN
    },
    RuleFacts {
        name: "null",
        meaning: "NULL",
        accepts: &[TypeSet::Any],
        keyed: false,
        example: text("\"null\"", "Ann"),
        build: |_| Ok(S::Null),
        ..PLAIN
    },
    RuleFacts {
        name: "constant",
        meaning: "the same value for every row that is not NULL",
        form: Form::Direct(parameter("constant", Kind::Scalar, Required, "the value")),
        accepts: &[TypeSet::Constant],
        keyed: false,
        example: text("{ constant = \"!\" }", "Ann"),
        build: |values| Ok(S::Constant(values.text("constant").unwrap_or_default())),
        ..PLAIN
    },
    RuleFacts {
        name: "template",
        meaning: "a text in which {column} stands for a column of the row, as it arrives in the target",
        form: Form::Direct(parameter(
            "template",
            Kind::Template,
            Required,
            "Text in which {column} stands for a column of the row.",
        )),
        keyed: false,
        deterministic: false,
        injective: "where it inserts a unique column that is kept apart itself",
        example: text("{ template = \"user{id}@dev.example\" }", "ann@home.org"),
        build: |values| Ok(S::Template(values.text("template").unwrap_or_default())),
        ..PLAIN
    },
    RuleFacts {
        name: "hash",
        meaning: "hexadecimal digits of a keyed digest",
        form: Form::Parameters(&[parameter("length", Kind::Integer(8, 64), Is("32"), "characters")]),
        injective: "all but surely, from 16 characters",
        example: text("{ hash = { length = 20 } }", "Ann"),
        build: |values| Ok(S::Hash { length: values.small("length") }),
        ..PLAIN
    },
    RuleFacts {
        name: "token",
        meaning: "letters become letters of the same case and script, digits digits, other characters stay",
        injective: SHAPE,
        keeps_length: true,
        keeps_format: true,
        example: text("\"token\"", "Ab-12 é/Ж"),
        build: |_| Ok(S::Token),
        ..PLAIN
    },
    RuleFacts {
        name: "uuid",
        meaning: "another uuid, of version 4, in the spelling of the value",
        accepts: &[TypeSet::One(C::Uuid, "uuid"), TypeSet::Text],
        injective: DIGEST,
        keeps_format: true,
        example: text("\"uuid\"", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        build: |_| Ok(S::Uuid),
        ..PLAIN
    },
    RuleFacts {
        name: "email",
        meaning: "an address that reads like one; addresses that differ in case only become such, by the case of some ten \
                  letters",
        form: Form::Parameters(&[parameter("host", Kind::Host, Is("example.com"), "what stands after the @")]),
        injective: "all but surely, where 64 bits of its digest fit the column; of addresses that differ in case only, \
                    one pair in about a thousand may become the same",
        keeps_format: true,
        example: text("\"email\"", "ann@home.org"),
        build: |values| Ok(S::Email { host: values.text("host").unwrap_or_default() }),
        ..PLAIN
    },
    RuleFacts {
        name: "username",
        meaning: "a handle of lower-case letters and digits",
        injective: DIGEST,
        example: text("\"username\"", "ann"),
        build: |_| Ok(S::Username),
        ..PLAIN
    },
    RuleFacts {
        name: "first_name",
        meaning: "a first name",
        keeps_format: true,
        example: text("\"first_name\"", "Ann"),
        build: |_| Ok(S::FirstName),
        ..PLAIN
    },
    RuleFacts {
        name: "last_name",
        meaning: "a last name",
        keeps_format: true,
        example: text("\"last_name\"", "Nobody"),
        build: |_| Ok(S::LastName),
        ..PLAIN
    },
    RuleFacts {
        name: "full_name",
        meaning: "first and last name",
        keeps_format: true,
        example: text("\"full_name\"", "Ann Nobody"),
        build: |_| Ok(S::FullName),
        ..PLAIN
    },
    RuleFacts {
        name: "phone",
        meaning: "other digits; the country's prefix and punctuation stay",
        injective: SHAPE,
        keeps_length: true,
        keeps_format: true,
        example: text("\"phone\"", "+49 (30) 123-45"),
        build: |_| Ok(S::Phone),
        ..PLAIN
    },
    RuleFacts {
        name: "street",
        meaning: "house number and street",
        example: text("\"street\"", "Home 1"),
        build: |_| Ok(S::Street),
        ..PLAIN
    },
    RuleFacts {
        name: "city",
        meaning: "a city that does not exist",
        example: text("\"city\"", "Rome"),
        build: |_| Ok(S::City),
        ..PLAIN
    },
    RuleFacts {
        name: "company",
        meaning: "a company",
        example: text("\"company\"", "Ann's"),
        build: |_| Ok(S::Company),
        ..PLAIN
    },
    RuleFacts {
        name: "ip",
        meaning: "an address of the same family in 10.0.0.0/8 or 2001:db8::/32, with the netmask it had",
        accepts: &[TypeSet::One(C::Inet, "inet"), TypeSet::One(C::Cidr, "cidr"), TypeSet::Text],
        keeps_format: true,
        example: Example { rule: "\"ip\"", class: C::Inet, value: "192.0.2.7/24" },
        build: |_| Ok(S::Ip),
        ..PLAIN
    },
    RuleFacts {
        name: "lorem",
        meaning: "filler words of the same number of characters",
        keeps_length: true,
        example: text("\"lorem\"", "Dear Ann, your order has come"),
        build: |_| Ok(S::Lorem),
        ..PLAIN
    },
    RuleFacts {
        name: "empty_json",
        meaning: "{}, or [] where an array stood",
        accepts: &[TypeSet::One(C::Json, "json"), TypeSet::One(C::Jsonb, "jsonb"), TypeSet::Text],
        keyed: false,
        example: Example { rule: "\"empty_json\"", class: C::Jsonb, value: "{\"a\": 1}" },
        build: |_| Ok(S::EmptyJson),
        ..PLAIN
    },
    RuleFacts {
        name: "permute",
        meaning: "a whole number, and every number from one other only, few from themselves; a number that needs 16, 32 or 64 \
                  bits stays among those, so that it is replaced alike in columns of every width; with `min` or `max`, \
                  numbers from one to the other change places and all others stay",
        form: Form::Parameters(&[
            parameter("min", WHOLE, Nothing, "least of the numbers that change places; beside `max` alone, 1"),
            parameter("max", WHOLE, Nothing, "most of them; beside `min` alone, 2147483647"),
        ]),
        accepts: &[TypeSet::Integer],
        injective: "always: a keyed permutation of the numbers of a range",
        keeps_format: true,
        example: Example { rule: "{ permute = { min = 1, max = 999 } }", class: C::Int4, value: "7" },
        build: |values| {
            let (min, max) = (values.integer("min"), values.integer("max"));
            match (min, max) {
                (Some(min), Some(max)) if min >= max => Err(format!("has a min of {min}, which is not below its max")),
                _ => Ok(S::Permute { min, max }),
            }
        },
        ..PLAIN
    },
    RuleFacts {
        name: "noise",
        meaning: "a number nearby, of as many digits as its type or the value shows, within what the column takes; never the \
                  same one, unless a percentage of it is 0 or nothing else fits",
        form: Form::Parameters(&[
            parameter("percent", Kind::Number(0.001, 100.0), Nothing, "of the value, in both directions"),
            parameter("amount", Kind::Number(0.0, 1e15), Nothing, "or as much for every value"),
        ]),
        accepts: &[TypeSet::Number],
        keeps_format: true,
        example: Example { rule: "{ noise = { percent = 10 } }", class: C::Numeric, value: "1999.00" },
        build: |values| match (values.number("percent"), values.number("amount")) {
            (Some(_), Some(_)) => Err("states a percent and an amount; one of them is needed".to_owned()),
            (None, None) => Err("needs `percent` or `amount`".to_owned()),
            (None, Some(amount)) if amount <= 0.0 => Err("has an amount that is not above 0".to_owned()),
            (percent, amount) => Ok(S::Noise { percent, amount }),
        },
        ..PLAIN
    },
    RuleFacts {
        name: "bucket",
        meaning: "the largest multiple of `size` that is not above the number, with the digits of `size` where it has more; \
                  nearer to 0 where it does not fit the column",
        form: Form::Parameters(&[parameter("size", Kind::Number(1e-9, 1e15), Required, "width of a bucket")]),
        accepts: &[TypeSet::Number],
        keyed: false,
        keeps_format: true,
        example: Example { rule: "{ bucket = { size = 10 } }", class: C::Int4, value: "37" },
        build: |values| Ok(S::Bucket { size: values.number("size").unwrap_or(1.0) }),
        ..PLAIN
    },
    RuleFacts {
        name: "date_shift",
        meaning: "up to `days` days earlier or later, never the same day; with a subject all its dates by the same number of \
                  days, so that intervals stay",
        form: Form::Parameters(&[
            parameter("days", Kind::Integer(1, 100_000), Required, "days at most"),
            parameter("subject", Kind::Column, Nothing, "column that tells whose date it is"),
        ]),
        accepts: &[TypeSet::Date],
        keeps_format: true,
        example: Example { rule: "{ date_shift = { days = 30 } }", class: C::Date, value: "1984-05-06" },
        build: |values| Ok(S::DateShift { days: values.small("days"), subject: values.text("subject") }),
        ..PLAIN
    },
    RuleFacts {
        name: "date_truncate",
        meaning: "the beginning of the hour, day, week (Monday), month, quarter, year or decade, in UTC",
        form: Form::Parameters(&[parameter(
            "to",
            Kind::Word(&["hour", "day", "week", "month", "quarter", "year", "decade"]),
            Required,
            "what remains",
        )]),
        accepts: &[TypeSet::Date],
        keyed: false,
        keeps_format: true,
        example: Example { rule: "{ date_truncate = { to = \"month\" } }", class: C::Date, value: "1984-05-06" },
        build: |values| {
            Ok(S::DateTruncate {
                to: match values.text("to").as_deref() {
                    Some("hour") => DatePart::Hour,
                    Some("day") => DatePart::Day,
                    Some("week") => DatePart::Week,
                    Some("month") => DatePart::Month,
                    Some("quarter") => DatePart::Quarter,
                    Some("year") => DatePart::Year,
                    _ => DatePart::Decade,
                },
            })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "pick",
        meaning: "one of a list, each as often as its weight says",
        form: Form::Parameters(&[
            parameter("from", Kind::Texts, Required, "the list, as texts"),
            parameter("weights", Kind::Numbers, Nothing, "a weight for each; without them all are alike"),
        ]),
        accepts: &[TypeSet::Scalar],
        example: text("{ pick = { from = [\"red\", \"green\"], weights = [1, 9] } }", "blue"),
        build: |values| {
            let (from, weights) = (values.texts("from"), values.numbers("weights"));
            if !weights.is_empty() && weights.len() != from.len() {
                return Err(format!("has {} weights for a list of {}", weights.len(), from.len()));
            }
            if !weights.is_empty() && weights.iter().sum::<f64>() <= 0.0 {
                return Err("has only weights of 0".to_owned());
            }
            Ok(S::Pick { from, weights })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "postal_code",
        meaning: "other digits and letters; the first characters, which are the region, may stay",
        form: Form::Parameters(&[parameter("keep_first", Kind::Integer(0, 4), Is("0"), "characters that stay")]),
        injective: SHAPE,
        keeps_length: true,
        keeps_format: true,
        example: text("{ postal_code = { keep_first = 2 } }", "10115"),
        build: |values| Ok(S::PostalCode { keep_first: values.small("keep_first") }),
        ..PLAIN
    },
    RuleFacts {
        name: "mac",
        meaning: "an address that is administered locally, in the spelling of the value",
        accepts: &[TypeSet::One(C::Macaddr, "macaddr"), TypeSet::Text],
        keeps_format: true,
        example: Example { rule: "\"mac\"", class: C::Macaddr, value: "08:00:2b:01:02:03" },
        build: |_| Ok(S::Mac),
        ..PLAIN
    },
    RuleFacts {
        name: "user_agent",
        meaning: "a browser of today",
        keeps_format: true,
        example: text("\"user_agent\"", "Mozilla/5.0 (X11; Ubuntu; rv:1.2) Somebody/3"),
        build: |_| Ok(S::UserAgent),
        ..PLAIN
    },
    RuleFacts {
        name: "url",
        meaning: "the scheme, the host if the rule says so, a digest, and the path's ending where it is a kind of file; user, \
                  password, path, query and fragment go; of what has no known scheme a digest and the ending are left",
        form: Form::Parameters(&[parameter("keep_host", Kind::Boolean, Is("false"), "the host stays")]),
        injective: "all but surely, in columns without a limit of characters",
        keeps_format: true,
        example: text("{ url = { keep_host = true } }", "https://ann:pw@home.example/pictures/ann.jpg?s=1"),
        build: |values| Ok(S::Url { keep_host: values.boolean("keep_host") }),
        ..PLAIN
    },
    RuleFacts {
        name: "file_name",
        meaning: "a word, a digest and the name's own ending where it is a kind of file; folders go",
        injective: DIGEST,
        keeps_format: true,
        example: text("\"file_name\"", "scans/ann-passport.pdf"),
        build: |_| Ok(S::FileName),
        ..PLAIN
    },
    RuleFacts {
        name: "job_title",
        meaning: "a profession",
        example: text("\"job_title\"", "Royal Cook"),
        build: |_| Ok(S::JobTitle),
        ..PLAIN
    },
    RuleFacts {
        name: "iban",
        meaning: "an account of the same country and length with check digits that hold, at a bank of zeros",
        keeps_length: true,
        keeps_format: true,
        example: text("\"iban\"", "DE89 3704 0044 0532 0130 00"),
        build: |_| Ok(S::Iban),
        ..PLAIN
    },
    RuleFacts {
        name: "card",
        meaning: "a number of the same network and length with a check digit that holds, in its range for tests",
        keeps_length: true,
        keeps_format: true,
        example: text("\"card\"", "4111 1111 1111 1111"),
        build: |_| Ok(S::Card),
        ..PLAIN
    },
    RuleFacts {
        name: "geo_jitter",
        meaning: "a place nearby: a point of longitude and latitude in any direction, a single coordinate to one side, \
                  within 90 or 180 degrees where it was; a numeric moves by one in its last digit at least, which may \
                  be further",
        form: Form::Parameters(&[parameter("km", Kind::Number(0.001, 5_000.0), Required, "kilometres at most")]),
        accepts: &[
            TypeSet::One(C::Numeric, "numeric"),
            TypeSet::One(C::Float4, "real"),
            TypeSet::One(C::Float8, "double precision"),
            TypeSet::Named("point"),
        ],
        keeps_format: true,
        example: Example { rule: "{ geo_jitter = { km = 5 } }", class: C::Numeric, value: "52.520008" },
        build: |values| Ok(S::GeoJitter { km: values.number("km").unwrap_or(1.0) }),
        ..PLAIN
    },
    RuleFacts {
        name: "bytes",
        meaning: "no bytes, as many at random, or an image of one pixel",
        form: Form::Parameters(&[parameter("as", Kind::Word(&["empty", "random", "image"]), Required, "what remains")]),
        accepts: &[TypeSet::One(C::Bytea, "bytea")],
        example: Example { rule: "{ bytes = { as = \"random\" } }", class: C::Bytea, value: "\\x416e6e" },
        build: |values| {
            Ok(S::Bytes {
                fill: match values.text("as").as_deref() {
                    Some("random") => BytesFill::Random,
                    Some("image") => BytesFill::Image,
                    _ => BytesFill::Empty,
                },
            })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "password_hash",
        meaning: "the hash of `tithe-dev-password` in the value's own form: bcrypt, argon2 (also as Django writes it), PBKDF2 \
                  with SHA-256 and scrypt as Django and Werkzeug write them, crypt's SHA-512; of other forms `!`, which no password fits",
        keeps_format: true,
        example: text("\"password_hash\"", "$2b$12$7uVxW9l0cJ8sGqkOe1nLMeJc3vQyG0pWz5r4t6y8u0i2o4p6a8s0d"),
        build: |_| Ok(S::PasswordHash),
        ..PLAIN
    },
    RuleFacts {
        name: "pem",
        meaning: "each certificate or key becomes a throw-away one of its kind; what stands around goes",
        keeps_format: true,
        example: text("\"pem\"", "none"),
        build: |_| Ok(S::Pem),
        ..PLAIN
    },
    RuleFacts {
        name: "regex",
        meaning: "a text that the expression matches; of a class such as `\\d`, `\\w` or `.` that has printable ASCII characters, \
                  only those",
        form: Form::Parameters(&[parameter("pattern", Kind::Pattern, Required, "the expression")]),
        injective: "all but surely, where the expression has no choices of length and 64 bits",
        example: text("{ regex = { pattern = \"[A-Z]{2}-[0-9]{4}\" } }", "AB-1234"),
        build: |values| Ok(S::Regex { pattern: values.text("pattern").unwrap_or_default() }),
        ..PLAIN
    },
    RuleFacts {
        name: "scramble",
        meaning: "as token, but characters at the ends may stay",
        form: Form::Parameters(&[
            parameter("keep_first", Kind::Integer(0, 1_000), Is("0"), "characters at the start that stay"),
            parameter("keep_last", Kind::Integer(0, 1_000), Is("0"), "characters at the end that stay"),
        ]),
        injective: SHAPE,
        keeps_length: true,
        keeps_format: true,
        example: text("{ scramble = { keep_last = 4 } }", "4111-1111-1111-1234"),
        build: |values| {
            Ok(S::Scramble { keep_first: values.small("keep_first"), keep_last: values.small("keep_last") })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "redact",
        meaning: "prose in which addresses, links, numbers of 7 digits or more (also in groups), machines' addresses, tokens of \
                  20 letters and digits or more, and the row's own names are replaced, each as the rule of its kind without \
                  parameters would in a column (names in lower case); dates stay",
        form: Form::Parameters(&[parameter(
            "subject",
            Kind::Columns,
            Nothing,
            "columns with names of the row's subject, of three characters or more, or two with a capital or in a script \
             without cases, where they are also found within words",
        )]),
        example: text("\"redact\"", "Write to ann@home.org or call +49 30 1234567."),
        build: |values| Ok(S::Redact { subject: values.texts("subject") }),
        ..PLAIN
    },
    RuleFacts {
        name: "json",
        meaning: "the document with its values masked by path: `user.email`, `items[].ip`, `*` for any key, also where \
                  others are named; a name goes before `*`; rules for texts mask strings and numbers, rules for numbers \
                  and dates those (dates as ISO 8601 writes them) and make all others null; `\\` takes the next character as it is, so that \
                  `'user\\.email'` is one key with a dot; a path stands for all values below it; booleans become false, \
                  keys stay",
        form: Form::Parameters(&[
            parameter("paths", Kind::Rules, Nothing, "a rule for each path"),
            parameter("default", Kind::Rule, Required, "what becomes of values that no path names"),
        ]),
        accepts: &[TypeSet::One(C::Json, "json"), TypeSet::One(C::Jsonb, "jsonb"), TypeSet::Text],
        keyed: false,
        keeps_format: true,
        example: Example {
            rule: "{ json = { paths = { \"user.email\" = \"email\", \"visits[].ip\" = \"ip\" }, default = \"keep\" } }",
            class: C::Jsonb,
            value: "{\"user\": {\"email\": \"ann@home.org\"}, \"visits\": [{\"n\": 1, \"ip\": \"192.0.2.7\"}]}",
        },
        build: |values| {
            let default = values.rule("default").ok_or("needs `default`")?;
            Ok(S::Json { paths: values.rules("paths"), default })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "hstore",
        meaning: "the values masked by key; keys stay",
        form: Form::Parameters(&[
            parameter("keys", Kind::Rules, Nothing, "a rule for each key"),
            parameter("default", Kind::Rule, Required, "what becomes of values of other keys"),
        ]),
        accepts: &[TypeSet::Named("hstore")],
        keyed: false,
        keeps_format: true,
        example: Example {
            rule: "{ hstore = { keys = { email = \"email\" }, default = \"null\" } }",
            class: C::Other,
            value: "\"email\"=>\"ann@home.org\", \"note\"=>\"x\"",
        },
        build: |values| {
            let default = values.rule("default").ok_or("needs `default`")?;
            Ok(S::Hstore { keys: values.rules("keys"), default })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "address",
        meaning: "a part of an address that fits the country which another column of the row names, by its ISO code or name: \
                  Brazil, France, Germany, Portugal, Spain, the United Kingdom and, for all others, the United States",
        form: Form::Parameters(&[
            parameter("part", Kind::Word(&["street", "city", "postal_code", "region", "full"]), Required, "which part"),
            parameter("country", Kind::Column, Nothing, "column with the country"),
        ]),
        keeps_format: true,
        example: text("{ address = { part = \"full\" } }", "1 Home Street, Rome"),
        build: |values| {
            Ok(S::Address {
                part: match values.text("part").as_deref() {
                    Some("street") => AddressPart::Street,
                    Some("city") => AddressPart::City,
                    Some("postal_code") => AddressPart::PostalCode,
                    Some("region") => AddressPart::Region,
                    _ => AddressPart::Full,
                },
                country: values.text("country"),
            })
        },
        ..PLAIN
    },
    RuleFacts {
        name: "sql",
        meaning: "what an expression over the row's columns gives, evaluated on the source in the copy's own query, which only \
                  reads; {run_time} stands for the moment of the run",
        form: Form::Direct(parameter("sql", Kind::Expression, Required, "SQL expression over columns of the row")),
        accepts: &[TypeSet::Any],
        keyed: false,
        deterministic: false,
        example: text("{ sql = \"left(c, 1) || '.'\" }", "Ann"),
        build: |values| Ok(S::Sql(values.text("sql").unwrap_or_default())),
        ..PLAIN
    },
    RuleFacts {
        name: "composite",
        meaning: "the fields masked by name",
        form: Form::Parameters(&[
            parameter("fields", Kind::Rules, Nothing, "a rule for each field"),
            parameter("default", Kind::Rule, Required, "what becomes of other fields"),
        ]),
        accepts: &[TypeSet::One(C::Composite, "composite types")],
        keyed: false,
        keeps_format: true,
        example: Example {
            rule: "{ composite = { fields = { street = \"street\" }, default = \"keep\" } }",
            class: C::Composite,
            value: "(Home 1,10115)",
        },
        build: |values| {
            let default = values.rule("default").ok_or("needs `default`")?;
            Ok(S::Composite { fields: values.rules("fields"), default })
        },
        ..PLAIN
    },
];
