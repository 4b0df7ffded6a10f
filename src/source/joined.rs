//! Several files as if they lay one behind the other, for formats that spread one image over some.

use std::path::Path;

use super::{Identity, ReadAt};
use crate::error::Result;

/// Files, the first at byte 0.
pub struct Joined {
    /// With the byte where each begins.
    files: Vec<(u64, Box<dyn ReadAt>)>,
    size: u64,
}

impl Joined {
    /// Of one file.
    pub fn new(first: Box<dyn ReadAt>) -> Self {
        Self { size: first.size(), files: vec![(0, first)] }
    }

    /// Puts `file` behind the others; the byte where it begins.
    pub fn push(&mut self, file: Box<dyn ReadAt>) -> u64 {
        let start = self.size;
        self.size = start.saturating_add(file.size());
        self.files.push((start, file));
        start
    }

    /// The file that was put in as number `index`.
    pub fn file(&self, index: usize) -> &dyn ReadAt {
        &*self.files[index].1
    }
}

impl ReadAt for Joined {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let mut index = self.files.partition_point(|(start, _)| *start <= offset) - 1;
        let (mut offset, mut rest) = (offset, buffer);
        loop {
            let (start, file) = &self.files[index];
            let is_last = index + 1 == self.files.len();
            // What passes the end of all is the last file's to complain of.
            let here = if is_last { rest.len() as u64 } else { (start + file.size()).saturating_sub(offset) };
            let (now, later) = rest.split_at_mut(here.min(rest.len() as u64) as usize);
            if !now.is_empty() {
                file.read_exact_at(offset - start, now)?;
            }
            if later.is_empty() {
                return Ok(());
            }
            (offset, rest, index) = (offset + here, later, index + 1);
        }
    }

    fn is_near(&self) -> bool {
        self.files.iter().all(|(_, file)| file.is_near())
    }

    fn path(&self) -> &Path {
        self.files[0].1.path()
    }

    /// Changes when any of the files does.
    fn identity(&self) -> Identity {
        let [(_, only)] = &self.files[..] else {
            let each = self.files.iter().map(|(_, file)| file.identity());
            let each = each
                .map(|Identity { size, version }| format!("{size} bytes {}", version.unwrap_or_default()));
            return Identity { size: self.size, version: Some(each.collect::<Vec<_>>().join("; ")) };
        };
        only.identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileSource;

    #[test]
    fn bytes_of_several_files_follow_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| -> Box<dyn ReadAt> {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            Box::new(FileSource::open(folder.path().join(name)).unwrap())
        };
        let mut joined = Joined::new(file("a", &[0, 1, 2]));
        let alone = joined.identity();
        assert_eq!([joined.push(file("b", &[])), joined.push(file("c", &[3, 4]))], [3, 3]);
        assert_eq!(joined.push(file("d", &[5, 6, 7])), 5);
        for first in 0..8 {
            for end in first..=8 {
                let mut bytes = vec![99; end - first];
                joined.read_exact_at(first as u64, &mut bytes).unwrap();
                assert_eq!(bytes, (first as u8..end as u8).collect::<Vec<_>>());
            }
        }
        let error = joined.read_exact_at(6, &mut [0; 3]).unwrap_err().to_string();
        assert!(error.contains("/d"), "{error}");
        assert_eq!((joined.size(), joined.path()), (8, folder.path().join("a").as_path()));
        assert!(joined.identity() != alone && joined.identity().version.unwrap().contains("3 bytes"));
    }
}
