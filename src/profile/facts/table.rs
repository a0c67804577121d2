//! The facts of every rule, in the order messages list them.

use super::Default::Is;
use super::{Example, Form, Kind, Parameter, RuleFacts, TypeSet};
use crate::profile::MaskSpec as S;
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
        form: Form::Direct(parameter("constant", Kind::Scalar, super::Default::Required, "the value")),
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
            super::Default::Required,
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
        meaning: "another uuid, of version 4",
        accepts: &[TypeSet::One(C::Uuid, "uuid"), TypeSet::Text],
        injective: DIGEST,
        keeps_format: true,
        example: text("\"uuid\"", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        build: |_| Ok(S::Uuid),
        ..PLAIN
    },
    RuleFacts {
        name: "email",
        meaning: "an address that reads like one",
        form: Form::Parameters(&[parameter("host", Kind::Host, Is("example.com"), "what stands after the @")]),
        injective: DIGEST,
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
];
