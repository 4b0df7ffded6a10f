//! What was decoded last, where one piece of a file holds several fields.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Filled by the thread that comes first; others wait for it.
type Slot<V> = Arc<Mutex<Option<Arc<V>>>>;

/// What each thread decoded last. The fields of a piece are asked for one after the other, by one thread or by several at the
/// same time: all but the first find it here.
pub struct LastDecoded<K, V>(Mutex<Vec<(ThreadId, K, Slot<V>)>>);

impl<K, V> Default for LastDecoded<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, V> LastDecoded<K, V> {
    /// The piece `key`, decoded by `decode` where no thread has it.
    ///
    /// # Errors
    /// Those of `decode`.
    pub fn get<E>(&self, key: K, decode: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let slot = self.slot(key);
        let mut value = locked(&slot);
        if let Some(known) = &*value {
            return Ok(Arc::clone(known));
        }
        let decoded = Arc::new(decode()?);
        *value = Some(Arc::clone(&decoded));
        Ok(decoded)
    }

    fn slot(&self, key: K) -> Slot<V> {
        let own = thread::current().id();
        let mut all = locked(&self.0);
        if let Some((.., slot)) = all.iter().find(|(_, known, _)| *known == key) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        let entry = (own, key, Arc::clone(&slot));
        match all.iter_mut().find(|(thread, ..)| *thread == own) {
            Some(last) => *last = entry,
            None => all.push(entry),
        }
        slot
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[test]
    fn threads_that_need_the_same_piece_decode_it_once() {
        let (last, decoded, start) = (LastDecoded::default(), AtomicUsize::new(0), Barrier::new(4));
        let decode = |piece: usize| {
            decoded.fetch_add(1, Relaxed);
            Ok::<_, Infallible>(piece * 10)
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for piece in 0..50 {
                        start.wait();
                        assert_eq!(*last.get(piece, || decode(piece)).unwrap(), piece * 10);
                    }
                });
            }
        });
        assert_eq!(decoded.into_inner(), 50);
        assert!(locked(&last.0).len() <= 4, "one for each thread");
    }

    #[test]
    fn what_failed_is_tried_again() {
        let last = LastDecoded::default();
        assert_eq!(last.get(1, || Err::<u8, _>("broken")), Err("broken"));
        assert_eq!(*last.get(1, || Ok::<u8, &str>(7)).unwrap(), 7);
        assert_eq!(*last.get(1, || Err::<u8, _>("not asked")).unwrap(), 7);
    }
}
