//! The subblocks of a scene. A file may have millions, and the file, what is selected of it and the image that is planned have
//! mostly the same: they share one list until one of them needs another.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Subblock;

/// A list that its clones share; whoever changes it gets one of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subblocks(Arc<Vec<Subblock>>);

impl Subblocks {
    /// Leaves those that `keep` keeps, as it changes them. A list that is shared is not copied first.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(&mut Subblock) -> bool) {
        if let Some(own) = Arc::get_mut(&mut self.0) {
            own.retain_mut(keep);
            return;
        }
        let kept = self.0.iter().filter_map(|subblock| {
            let mut subblock = subblock.clone();
            keep(&mut subblock).then_some(subblock)
        });
        *self = kept.collect();
    }
}

impl Deref for Subblocks {
    type Target = Vec<Subblock>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Subblocks {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Vec<Subblock>> for Subblocks {
    fn from(mut subblocks: Vec<Subblock>) -> Self {
        subblocks.shrink_to_fit();
        Self(Arc::new(subblocks))
    }
}

impl FromIterator<Subblock> for Subblocks {
    fn from_iter<I: IntoIterator<Item = Subblock>>(subblocks: I) -> Self {
        subblocks.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a> IntoIterator for &'a Subblocks {
    type Item = &'a Subblock;
    type IntoIter = std::slice::Iter<'a, Subblock>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Serialize for Subblocks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::field;

    #[test]
    fn clones_share_their_list_until_one_changes() {
        let all: Subblocks = (0..4).map(|m| field(m, 0, 0)).collect();
        let mut some = all.clone();
        assert!(Arc::ptr_eq(&all.0, &some.0));
        some.retain_mut(|subblock| {
            subblock.offset += 1;
            subblock.m != Some(2)
        });
        let known = |list: &Subblocks| list.iter().map(|s| (s.m.unwrap(), s.offset)).collect::<Vec<_>>();
        let offset = field(0, 0, 0).offset;
        assert_eq!(known(&all), [0, 1, 2, 3].map(|m| (m, field(m, 0, 0).offset)));
        assert_eq!(known(&some), [0, 1, 3].map(|m| (m, field(m, 0, 0).offset + 1)));
        some[0].offset = offset;
        assert_eq!(some.len(), 3);
    }
}
