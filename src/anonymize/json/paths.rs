//! Paths of a profile as places in a document.

/// A place in a document, and what is below it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    keys: Vec<(Vec<u8>, Node)>,
    /// `*`: every key that has no place of its own. Once [`Node::resolved`], what it says of the others is theirs too.
    pub(super) any: Option<Box<Node>>,
    /// `[]`
    pub(super) elements: Option<Box<Node>>,
    pub(super) rule: Option<usize>,
}

impl Node {
    /// `user.email`, `items[].ip`, `*.name`, `[].x`; a `\` takes the character behind it as it is: `user\.email` is one
    /// key.
    pub(super) fn at(&mut self, path: &str) -> Result<&mut Self, String> {
        let mut node = self;
        for (nth, part) in parts(path).into_iter().enumerate() {
            let mut name = part;
            while let Some(shorter) = name.strip_suffix("[]").filter(|shorter| !is_escaped(name, shorter.len())) {
                name = shorter;
            }
            let elements = (part.len() - name.len()) / 2;
            if name.is_empty() && (nth > 0 || elements == 0) {
                return Err(format!("the path {path:?} has a part without a name"));
            }
            if !name.is_empty() {
                node = match name {
                    "*" => node.any.get_or_insert_default(),
                    _ => node.named(key(name).ok_or_else(|| format!("the path {path:?} ends in a \\"))?),
                };
            }
            for _ in 0..elements {
                node = node.elements.get_or_insert_default();
            }
        }
        Ok(node)
    }

    fn named(&mut self, name: Vec<u8>) -> &mut Self {
        let at = self.keys.iter().position(|(own, _)| *own == name).unwrap_or_else(|| {
            self.keys.push((name, Self::default()));
            self.keys.len() - 1
        });
        &mut self.keys[at].1
    }

    /// The place that all of `nodes` describe. What an earlier one says goes before what a later one does, and a key's
    /// own name before `*`.
    pub(super) fn resolved(nodes: &[&Self]) -> Self {
        let all = |part: fn(&Self) -> Option<&Self>| {
            let parts: Vec<&Self> = nodes.iter().filter_map(|node| part(node)).collect();
            (!parts.is_empty()).then(|| Box::new(Self::resolved(&parts)))
        };
        let mut names: Vec<&[u8]> = nodes.iter().flat_map(|node| &node.keys).map(|(name, _)| name.as_slice()).collect();
        names.sort_unstable();
        names.dedup();
        let keys = names.into_iter().map(|name| {
            let places = nodes.iter().flat_map(|node| [node.key(name), node.any.as_deref()]);
            (name.to_vec(), Self::resolved(&places.flatten().collect::<Vec<_>>()))
        });
        Self {
            keys: keys.collect(),
            any: all(|node| node.any.as_deref()),
            elements: all(|node| node.elements.as_deref()),
            rule: nodes.iter().find_map(|node| node.rule),
        }
    }

    pub(super) fn key(&self, name: &[u8]) -> Option<&Self> {
        self.keys.iter().find(|(own, _)| own == name).map(|(_, node)| node)
    }
}

/// A path cut at its dots.
fn parts(path: &str) -> Vec<&str> {
    let dots = path.match_indices('.').map(|(at, _)| at).filter(|at| !is_escaped(path, *at));
    let mut start = 0;
    let mut parts: Vec<&str> = dots.map(|at| &path[std::mem::replace(&mut start, at + 1)..at]).collect();
    parts.push(&path[start..]);
    parts
}

/// An odd number of backslashes stands before that place.
fn is_escaped(text: &str, at: usize) -> bool {
    text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The key that a part of a path names; `None` where its last backslash has nothing behind it.
fn key(name: &str) -> Option<Vec<u8>> {
    let (mut key, mut signs) = (String::with_capacity(name.len()), name.chars());
    while let Some(sign) = signs.next() {
        key.push(if sign == '\\' { signs.next()? } else { sign });
    }
    Some(key.into_bytes())
}
