//! Short texts seen lately: columns of few different values need no second search.

/// Longer texts are not remembered: a SHA-256 in hexadecimal is.
const TEXT_MAX: usize = 64;
const SLOTS: usize = 256;

/// How often each was seen, until another text takes its slot.
pub(super) struct Memo(Box<[Slot]>);

#[derive(Clone, Copy)]
struct Slot {
    text: [u8; TEXT_MAX],
    length: u8,
    seen: u8,
}

impl Default for Memo {
    fn default() -> Self {
        let slot = Slot { text: [0; TEXT_MAX], length: 0, seen: 0 };
        Self(vec![slot; SLOTS].into_boxed_slice())
    }
}

impl Memo {
    /// The count of this text, 0 where it was not seen lately; `None` where it is too long.
    pub(super) fn seen(&mut self, text: &[u8]) -> Option<&mut u8> {
        let length = u8::try_from(text.len()).ok().filter(|_| text.len() <= TEXT_MAX)?;
        let slot = &mut self.0[place(text) % SLOTS];
        if slot.length != length || slot.text[..text.len()] != *text {
            slot.text[..text.len()].copy_from_slice(text);
            (slot.length, slot.seen) = (length, 0);
        }
        Some(&mut slot.seen)
    }
}

/// A number below 256 that texts of a column mostly have to themselves.
pub(super) fn place(text: &[u8]) -> usize {
    let number = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(32),
        _ => text.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    ((number ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_and_counted() {
        let mut memo = Memo::default();
        for round in 0..3 {
            for text in ["", "a", "mobile", "desktop", "0123456789abcdef"] {
                let seen = memo.seen(text.as_bytes()).expect("short");
                assert_eq!(*seen, round, "{text}");
                *seen += 1;
            }
        }
        assert!(memo.seen(&[b'x'; TEXT_MAX]).is_some_and(|seen| *seen == 0));
        assert!(memo.seen(&[b'x'; TEXT_MAX + 1]).is_none());
        let other = (0..10_000_u32).find(|n| place(n.to_string().as_bytes()) == place(b"mobile")).expect("some");
        assert_eq!(memo.seen(other.to_string().as_bytes()), Some(&mut 0));
        assert_eq!(memo.seen(b"mobile"), Some(&mut 0));
    }
}
