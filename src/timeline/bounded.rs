//! A list that never grows beyond a length: neighbours are merged, and from then on as many newcomers.

/// A list of values in order. Once it is full, each two neighbours become one, and every further value is merged with as
/// many others as the older ones were: the whole is equally coarse.
#[derive(Clone, Debug)]
pub struct Bounded<T> {
    values: Vec<T>,
    most: usize,
    /// Values that were merged into each, and into the last.
    stride: u64,
    in_last: u64,
    merge: fn(&mut T, T),
}

impl<T> Bounded<T> {
    /// Holds up to `most` values; `merge` adds a value to the one before it.
    pub fn new(most: usize, merge: fn(&mut T, T)) -> Self {
        Self { values: Vec::new(), most, stride: 1, in_last: 1, merge }
    }

    /// Adds a value that is later than all before.
    pub fn push(&mut self, value: T) {
        if self.in_last < self.stride
            && let Some(last) = self.values.last_mut()
        {
            (self.merge)(last, value);
            self.in_last += 1;
            return;
        }
        if self.values.len() >= self.most {
            self.halve();
        }
        self.values.push(value);
        self.in_last = 1;
    }

    fn halve(&mut self) {
        let mut halved: Vec<T> = Vec::with_capacity(self.most);
        for (i, value) in self.values.drain(..).enumerate() {
            match halved.last_mut() {
                Some(last) if i % 2 == 1 => (self.merge)(last, value),
                _ => halved.push(value),
            }
        }
        self.values = halved;
        self.stride *= 2;
    }

    /// What is held.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// How many of what was pushed each value stands for, at most.
    pub fn stride(&self) -> u64 {
        self.stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_longer_than_asked_and_loses_nothing() {
        for count in [0, 1, 7, 8, 9, 100, 10_000] {
            let mut list = Bounded::new(8, |a: &mut (u64, u64), b| a.1 += b.1);
            (0..count).for_each(|i| list.push((i, 1)));
            assert!(list.values().len() <= 8);
            assert_eq!(list.values().iter().map(|value| value.1).sum::<u64>(), count);
            assert!(list.values().iter().all(|value| value.1 <= list.stride()), "{list:?}");
            let firsts: Vec<u64> = list.values().iter().map(|value| value.0).collect();
            let expected: Vec<u64> = (0..count).step_by(list.stride() as usize).collect();
            assert_eq!(firsts, expected, "equally coarse from the first to the last of {count}");
        }
    }
}
