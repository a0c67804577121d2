//! Columns of few different values, counted while their rows pass: these need not be read again.

use super::memo::place;

/// More different ones are too many.
const VALUES_MAX: usize = 96;
const TEXT_MAX: usize = 64;
const SLOTS: usize = 256;

/// The different values of a column with how often each stands there, unless there are many or long ones.
#[derive(Debug, Default)]
pub struct Few {
    slots: Vec<Option<(Box<[u8]>, u64)>>,
    values: usize,
    are_many: bool,
}

impl Few {
    /// One row's.
    pub fn add(&mut self, text: &[u8]) {
        self.add_times(text, 1);
    }

    fn add_times(&mut self, text: &[u8], times: u64) {
        if self.are_many {
            return;
        }
        if text.len() > TEXT_MAX {
            return self.give_up();
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let mut at = place(text) % SLOTS;
        loop {
            match &mut self.slots[at] {
                Some((known, count)) if **known == *text => {
                    *count += times;
                    return;
                }
                Some(_) => at = (at + 1) % SLOTS,
                None if self.values == VALUES_MAX => return self.give_up(),
                free => {
                    *free = Some((text.into(), times));
                    self.values += 1;
                    return;
                }
            }
        }
    }

    fn give_up(&mut self) {
        (self.are_many, self.slots) = (true, Vec::new());
    }

    /// Those of other rows of the same column.
    pub fn merge(&mut self, other: &Self) {
        if other.are_many {
            return self.give_up();
        }
        other.slots.iter().flatten().for_each(|(text, times)| self.add_times(text, *times));
    }

    /// `None` where they are too many.
    pub fn values(&self) -> Option<impl Iterator<Item = (&[u8], u64)>> {
        let values = self.slots.iter().flatten().map(|(text, times)| (&**text, *times));
        (!self.are_many).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_and_many_given_up() {
        let (mut few, mut other) = (Few::default(), Few::default());
        for n in 0..1000 {
            few.add(format!("value {}", n % 50).as_bytes());
            other.add(format!("value {}", n % 60).as_bytes());
        }
        few.merge(&other);
        let mut counts: Vec<(String, u64)> = few
            .values()
            .expect("few")
            .map(|(text, times)| (String::from_utf8(text.to_vec()).expect("UTF-8"), times))
            .collect();
        counts.sort();
        assert_eq!((counts.len(), counts[0].clone()), (60, ("value 0".to_owned(), 37)));
        assert_eq!(counts.iter().map(|(_, times)| times).sum::<u64>(), 2000);
        (0..100).for_each(|n| other.add(format!("{n}").as_bytes()));
        assert!(other.values().is_none());
        few.merge(&other);
        assert!(few.values().is_none());
        let mut long = Few::default();
        long.add(&[b'x'; TEXT_MAX + 1]);
        assert!(long.values().is_none());
    }
}
