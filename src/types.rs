//! Small value types shared by every stage: identifiers without behaviour.

use std::fmt;

use serde::Serialize;

macro_rules! dense_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Position in the catalog's list.
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The identifier of position `index` of the catalog's list.
            pub fn from_index(index: usize) -> Self {
                Self(u32::try_from(index).expect("a catalog holds fewer than 2^32 entries"))
            }
        }
    };
}

dense_id! {
    /// A table of the catalog; dense, in catalog order (schema, name).
    TableId
}
dense_id! {
    /// A reference (foreign key or virtual) of the catalog; dense.
    RefId
}
dense_id! {
    /// A column of a table: its position in [`crate::schema::Table::columns`], not its attribute number.
    ColumnId
}

/// A schema-qualified name as PostgreSQL stores it (not quoted).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QualifiedName {
    /// Schema.
    pub schema: String,
    /// Name within the schema.
    pub name: String,
}

impl QualifiedName {
    /// Builds the pair.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }
}

/// For people and profiles: `users` in schema `public`, `other.users` elsewhere. Never for SQL.
impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema == "public" { f.write_str(&self.name) } else { write!(f, "{}.{}", self.schema, self.name) }
    }
}
