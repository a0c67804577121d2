//! Keys in canonical form, and sets of them.

use hashbrown::HashSet;
use roaring::{RoaringBitmap, RoaringTreemap};

/// How the keys of one referenced key are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// One integer column of any width.
    Int,
    /// One uuid column.
    Uuid,
    /// Anything else, as canonical text; several columns as their texts, each behind its length.
    Bytes,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// See [`KeyKind::Int`].
    Int(i64),
    /// See [`KeyKind::Uuid`].
    Uuid([u8; 16]),
    /// See [`KeyKind::Bytes`].
    Bytes(Box<[u8]>),
}

impl Key {
    /// A key of `kind` from the fields of a binary COPY row; `None` when a field is NULL or not of the kind's width
    /// (the queries cast to int8, uuid or text, so the width is the server's promise).
    pub fn from_fields(kind: KeyKind, fields: &[Option<&[u8]>]) -> Option<Self> {
        match (kind, fields) {
            (KeyKind::Int, [Some(value)]) => Some(Self::Int(i64::from_be_bytes((*value).try_into().ok()?))),
            (KeyKind::Uuid, [Some(value)]) => Some(Self::Uuid((*value).try_into().ok()?)),
            (KeyKind::Bytes, [Some(value)]) => Some(Self::Bytes((*value).into())),
            (KeyKind::Bytes, several) => {
                let mut bytes = Vec::new();
                for field in several {
                    let field = (*field)?;
                    bytes.extend_from_slice(&u32::try_from(field.len()).ok()?.to_be_bytes());
                    bytes.extend_from_slice(field);
                }
                Some(Self::Bytes(bytes.into()))
            }
            _ => None,
        }
    }

    /// The text of column `at` of a key of `columns` columns, for SQL literals.
    pub fn text(&self, at: usize, columns: usize) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Uuid(value) => uuid::Uuid::from_bytes(*value).to_string(),
            Self::Bytes(bytes) if columns == 1 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Bytes(bytes) => {
                let mut rest: &[u8] = bytes;
                for position in 0..columns {
                    let Some((length, tail)) = rest.split_first_chunk::<4>() else { break };
                    let length = (u32::from_be_bytes(*length) as usize).min(tail.len());
                    if position == at {
                        return String::from_utf8_lossy(&tail[..length]).into_owned();
                    }
                    rest = &tail[length..];
                }
                String::new()
            }
        }
    }
}

/// A set of keys of one kind.
#[derive(Clone, Debug)]
pub enum KeySet {
    /// Compressed bitmaps: 1 to 4 bytes a key where keys are dense.
    Int(RoaringTreemap),
    /// 17 bytes a slot.
    Uuid(HashSet<[u8; 16]>),
    /// Owned bytes.
    Bytes {
        /// The keys.
        keys: HashSet<Box<[u8]>>,
        /// Sum of their lengths.
        content_bytes: u64,
    },
}

/// What a bitmap of the treemap holds: far-apart keys take a container each.
fn bitmap_bytes(bitmap: &RoaringBitmap) -> u64 {
    /// A node's share of the tree, with its vector of containers.
    const BITMAP_BYTES: u64 = 96;
    /// The container's own place in that vector, and what the allocator adds to its content.
    const CONTAINER_BYTES: u64 = 32 + 16;
    /// One bit for each of 65,536 keys.
    const BITSET_BYTES: u64 = 8192;
    let held = bitmap.statistics();
    // The crate counts four bytes for each value of an array, which holds u16, and bits of bitsets.
    let arrays = held.n_bytes_array_containers / 2;
    let content = arrays + held.n_bytes_run_containers + u64::from(held.n_bitset_containers) * BITSET_BYTES;
    BITMAP_BYTES + u64::from(held.n_containers) * CONTAINER_BYTES + content
}

/// Maps the order of i64 to that of u64.
const SIGN: u64 = 1 << 63;

impl KeySet {
    /// An empty set.
    pub fn new(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Int => Self::Int(RoaringTreemap::new()),
            KeyKind::Uuid => Self::Uuid(HashSet::new()),
            KeyKind::Bytes => Self::Bytes { keys: HashSet::new(), content_bytes: 0 },
        }
    }

    /// The kind it was made for.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Int(_) => KeyKind::Int,
            Self::Uuid(_) => KeyKind::Uuid,
            Self::Bytes { .. } => KeyKind::Bytes,
        }
    }

    /// Adds a key; false when it was there, or is of another kind.
    pub fn insert(&mut self, key: Key) -> bool {
        match (self, key) {
            (Self::Int(set), Key::Int(value)) => set.insert(value.cast_unsigned() ^ SIGN),
            (Self::Uuid(set), Key::Uuid(value)) => set.insert(value),
            (Self::Bytes { keys, content_bytes }, Key::Bytes(value)) => {
                let length = value.len() as u64;
                let new = keys.insert(value);
                *content_bytes += if new { length } else { 0 };
                new
            }
            _ => false,
        }
    }

    /// Whether the key is in the set.
    pub fn contains(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Int(set), Key::Int(value)) => set.contains(value.cast_unsigned() ^ SIGN),
            (Self::Uuid(set), Key::Uuid(value)) => set.contains(value),
            (Self::Bytes { keys, .. }, Key::Bytes(value)) => keys.contains(value),
            _ => false,
        }
    }

    /// Number of keys.
    pub fn len(&self) -> u64 {
        match self {
            Self::Int(set) => set.len(),
            Self::Uuid(set) => set.len() as u64,
            Self::Bytes { keys, .. } => keys.len() as u64,
        }
    }

    /// No keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    pub fn memory_bytes(&self) -> u64 {
        match self {
            Self::Int(set) => set.bitmaps().map(|(_, bitmap)| bitmap_bytes(bitmap)).sum(),
            Self::Uuid(set) => set.allocation_size() as u64,
            Self::Bytes { keys, content_bytes } => {
                keys.allocation_size() as u64 + content_bytes + 16 * keys.len() as u64
            }
        }
    }

    /// All keys; integers in order, others in no order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Key> + '_> {
        match self {
            Self::Int(set) => Box::new(set.iter().map(|value| Key::Int((value ^ SIGN).cast_signed()))),
            Self::Uuid(set) => Box::new(set.iter().map(|value| Key::Uuid(*value))),
            Self::Bytes { keys, .. } => Box::new(keys.iter().map(|value| Key::Bytes(value.clone()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_integer_keys_take_at_most_four_bytes() {
        for step in [1_i64, 10, 100] {
            let mut set = KeySet::new(KeyKind::Int);
            for n in 0..100_000 {
                set.insert(Key::Int(n * step));
            }
            assert!(set.memory_bytes() <= 4 * set.len(), "step {step}: {} bytes", set.memory_bytes());
        }
    }

    /// As those that begin with a time do.
    #[test]
    fn integer_keys_far_apart_count_with_their_containers() {
        let mut set = KeySet::new(KeyKind::Int);
        for n in 0..100_000_i64 {
            set.insert(Key::Int(n << 22));
        }
        assert!(set.memory_bytes() >= 48 * set.len(), "{} bytes", set.memory_bytes());
    }

    #[test]
    fn uuid_keys_take_at_most_forty_bytes() {
        let mut set = KeySet::new(KeyKind::Uuid);
        for n in 0..100_000_u128 {
            set.insert(Key::Uuid((n * 0x9E37_79B9_7F4A_7C15).to_be_bytes()));
        }
        assert!(set.memory_bytes() <= 40 * set.len(), "{} bytes", set.memory_bytes());
    }

    #[test]
    fn composite_keys_keep_their_columns_apart() {
        let key =
            |a: &str, b: &str| Key::from_fields(KeyKind::Bytes, &[Some(a.as_bytes()), Some(b.as_bytes())]).unwrap();
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_eq!([0, 1].map(|at| key("a", "bc").text(at, 2)), ["a", "bc"]);
        assert_eq!(Key::from_fields(KeyKind::Bytes, &[None, Some(b"x")]), None);
    }

    #[test]
    fn negative_integers_come_back() {
        let mut set = KeySet::new(KeyKind::Int);
        for value in [i64::MIN, -1, 0, i64::MAX] {
            assert!(set.insert(Key::Int(value)));
            assert!(!set.insert(Key::Int(value)));
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [i64::MIN, -1, 0, i64::MAX].map(Key::Int));
    }
}
