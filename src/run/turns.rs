//! Whose turn it is where several threads finish numbered pieces of work in any order.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Pieces of work from 0 on.
#[derive(Default)]
pub struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    /// All before are done, and were handed out.
    next: usize,
    done: BTreeSet<usize>,
}

impl Turns {
    /// Piece `number` is done. Says whose turn it is now: nobody's while one before is missing, else that of `number` and of
    /// those after it that are done already. So each has its turn once, and in order.
    pub fn done(&self, number: usize) -> Range<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.done.insert(number);
        let first = state.next;
        while state.done.first() == Some(&state.next) {
            state.done.pop_first();
            state.next += 1;
        }
        first..state.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_once_when_all_before_are_done() {
        let turns = Turns::default();
        let said: Vec<_> = [1, 0, 2, 5, 4, 3].map(|number| turns.done(number)).into();
        assert_eq!(said, [0..0, 0..2, 2..3, 3..3, 3..3, 3..6]);
    }
}
