//! Column types, as far as moving, comparing and masking need to know them.

/// A column's type with domains resolved.
#[derive(Clone, Debug)]
pub struct ColumnType {
    /// `pg_type.oid` of the declared type (a domain's own oid).
    pub oid: u32,
    /// Declared type as SQL, schema-qualified where needed, with its modifier: `character varying(50)`.
    pub sql_name: String,
    /// The base type as SQL without modifier, for casts: `character varying`.
    pub base_sql_name: String,
    /// Class of the base type.
    pub class: TypeClass,
    /// For `varchar(n)` and `char(n)`: n, in characters.
    pub max_chars: Option<u32>,
    /// For `numeric(p,s)`: p digits, s of them behind the point (below 0: that many before it are always 0).
    pub precision: Option<(i32, i32)>,
    /// Labels of an enum, in order.
    pub enum_labels: Vec<String>,
    /// The type is a domain; its constraints are checked by the target.
    pub domain: bool,
    /// `pg_get_constraintdef` of the domain's CHECKs and of those of the domains under it.
    pub domain_checks: Vec<String>,
    /// Binary send and receive functions exist for it and for everything inside it.
    pub has_binary: bool,
    /// Its binary form carries object identifiers of this database (reg* types, and what contains them): must go
    /// as text.
    pub sends_oids: bool,
    /// Its binary form carries element type OIDs (arrays and composites of types this database defines): accepted by
    /// servers from 14, and left out of checksums that compare two databases.
    pub carries_type_oids: bool,
    /// What stands inside: an array's element (without a name), the fields of a composite in order.
    pub inside: Vec<(String, ColumnType)>,
}

impl ColumnType {
    /// A base type without a modifier.
    pub fn plain(class: TypeClass, name: &str) -> Self {
        Self {
            oid: 0,
            sql_name: name.to_owned(),
            base_sql_name: name.to_owned(),
            class,
            max_chars: None,
            precision: None,
            enum_labels: Vec::new(),
            domain: false,
            domain_checks: Vec::new(),
            has_binary: true,
            sends_oids: false,
            carries_type_oids: false,
            inside: Vec::new(),
        }
    }

    /// What its equality takes for equal may be written in several ways, in text and in bytes: 24 hours and 1 day, -0
    /// and 0, `{"a": 1}` and `{"a": 1.0}`. Not so a plain `numeric`, `character` or `citext`: keys of these have one
    /// canonical form. Types of extensions may do so.
    pub fn has_equal_spellings(&self) -> bool {
        use TypeClass as C;
        let inside =
            |part: &Self| part.has_equal_spellings() || matches!(part.class, C::Numeric | C::Bpchar | C::Citext);
        match self.class {
            C::Float4 | C::Float8 | C::Interval | C::Jsonb | C::Range => true,
            C::Other => self.base_sql_name.contains('.'),
            _ => self.inside.iter().any(|(_, part)| inside(part)),
        }
    }

    /// It is a domain, or one stands inside.
    pub fn has_domain(&self) -> bool {
        self.domain || self.inside.iter().any(|(_, part)| part.has_domain())
    }
}

/// What a base type is, in the classes that masks and keys treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TypeClass {
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `oid`
    Oid,
    /// `numeric`
    Numeric,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `boolean`
    Bool,
    /// `text`
    Text,
    /// `character varying`
    Varchar,
    /// `character(n)`
    Bpchar,
    /// `name`
    Name,
    /// `citext` (extension)
    Citext,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// `xml`
    Xml,
    /// `inet`
    Inet,
    /// `cidr`
    Cidr,
    /// `macaddr`
    Macaddr,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    Timestamptz,
    /// `interval`
    Interval,
    /// An enum
    Enum,
    /// A composite
    Composite,
    /// An array; its element's type is in [`ColumnType::inside`]
    Array,
    /// A range or multirange
    Range,
    /// `tsvector`
    Tsvector,
    /// Anything else
    Other,
}

impl TypeClass {
    /// Holds characters whose binary form is their text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar | Self::Bpchar | Self::Citext | Self::Name)
    }

    /// `smallint`, `integer` or `bigint`.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// A date, with a time or without: comparable with each other.
    pub fn is_moment(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::Timestamptz)
    }

    /// `real` or `double precision`.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    /// Can hold what somebody typed or what identifies somebody: never kept by default.
    pub fn may_hold_personal_data(self) -> bool {
        !matches!(
            self,
            Self::Bool
                | Self::Int2
                | Self::Int4
                | Self::Int8
                | Self::Oid
                | Self::Numeric
                | Self::Float4
                | Self::Float8
                | Self::Enum
        )
    }
}
