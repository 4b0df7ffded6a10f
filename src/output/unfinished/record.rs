//! What of an output is finished: a file of JSON lines beside the pixels, appended to while they are written.
//!
//! The first line says what makes the output; a line follows for each shard, once its file has its name, and for each
//! note of the caller. A line stands for itself: one that was torn by a crash costs no other.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::output::range::ShardRange;
use crate::space::Tczyx;
use crate::timeline::{Write, WriteLog};
use crate::written::FileId;

/// Raised when lines change their meaning.
const FORMAT: u32 = 3;

/// A shard: image, level, position in the level's grid.
pub(in crate::output) type ShardKey = (usize, usize, Tczyx<u64>);

/// What is known of a shard that is stored.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::output) struct Stored {
    /// Of its file; 0 when it holds zeros only and has none.
    pub bytes: u64,
    /// Of a shard of level 0.
    pub range: Option<ShardRange>,
    /// Where it is in a file that has many.
    pub in_file: Option<InFile>,
}

/// Where the pieces of a shard lie, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::output) struct InFile {
    /// Byte of the file where the first one begins.
    pub offset: u64,
    /// Bytes of each.
    pub lengths: Vec<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Record {
        format: u32,
        identity: Value,
    },
    /// `at`: image, level, t, c, z, y, x.
    Shard {
        at: [u64; 7],
        bytes: u64,
        range: Option<RangeLine>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_file: Option<InFile>,
    },
    Note(Value),
}

/// A [`ShardRange`].
#[derive(Debug, Serialize, Deserialize)]
struct RangeLine {
    /// As bits, which no reader of decimals rounds.
    ends: [u64; 2],
    /// Of each bin: its distance from the one before, its pixels.
    counts: Vec<(u16, u32)>,
}

impl RangeLine {
    fn of(range: &ShardRange) -> Self {
        let mut before = 0;
        let counts =
            range.counts.iter().map(|&(bin, count)| (bin - std::mem::replace(&mut before, bin), count));
        Self { ends: range.ends.map(f64::to_bits), counts: counts.collect() }
    }

    fn range(self) -> ShardRange {
        let mut bin = 0_u16;
        let mut next = |(distance, count)| {
            bin = bin.wrapping_add(distance);
            (bin, count)
        };
        ShardRange {
            ends: self.ends.map(f64::from_bits),
            counts: self.counts.into_iter().map(&mut next).collect(),
        }
    }
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(in crate::output) struct Past {
    /// As it was given; `None` when the record has no beginning.
    pub identity: Option<Value>,
    pub shards: HashMap<ShardKey, Stored>,
    pub notes: Vec<Value>,
    /// Whether there are bytes that this version does not understand.
    pub is_foreign: bool,
}

/// An open record, which no other process has open.
#[derive(Debug)]
pub(in crate::output) struct Record {
    path: PathBuf,
    id: Option<FileId>,
    file: Mutex<File>,
    writes: Arc<WriteLog>,
}

impl Record {
    /// Opens the record at `path`, or makes an empty one, and says what it holds.
    ///
    /// # Errors
    /// `Io`; also when another process has it open.
    pub fn open(path: &Path, writes: &Arc<WriteLog>) -> Result<(Self, Past)> {
        let io = |error| Error::io(path, error);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another run is writing this output; wait for it or choose another --output",
                )));
            }
            // Some network file systems have no locks: two runs at once are then the user's to avoid.
            Err(TryLockError::Error(_)) => {}
        }
        let id = FileId::of(&file.metadata().map_err(io)?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        if bytes.last().is_some_and(|&last| last != b'\n') {
            // A torn line: what is appended begins a new one.
            file.write_all(b"\n").map_err(io)?;
        }
        let record = Self { path: path.to_owned(), id, file: Mutex::new(file), writes: Arc::clone(writes) };
        Ok((record, Past::parse(&bytes)))
    }

    /// Refuses when what has the record's name is no longer this one: someone has removed its folder.
    ///
    /// # Errors
    /// `Io`.
    pub fn check_there(&self) -> Result<()> {
        let io = |error| Error::io(&self.path, error);
        let look = || self.path.symlink_metadata();
        let there = self.writes.time(Write::Look, &self.path, look).map_err(io)?;
        if FileId::of(&there) == self.id {
            return Ok(());
        }
        let what =
            "is another run's: the folder in which this run stored what it finished was removed meanwhile";
        Err(io(io::Error::other(what)))
    }

    /// Forgets everything, and begins anew.
    pub fn restart(&self, identity: &Value) -> Result<()> {
        self.write(|file| {
            file.set_len(0)?;
            file.rewind()
        })?;
        self.append(&Line::Record { format: FORMAT, identity: identity.clone() })
    }

    /// A shard has its name.
    pub fn stored(&self, (image, level, at): ShardKey, stored: Stored) -> Result<()> {
        let [t, c, z, y, x] = at.to_array();
        self.append(&Line::Shard {
            at: [image as u64, level as u64, t, c, z, y, x],
            bytes: stored.bytes,
            range: stored.range.as_ref().map(RangeLine::of),
            in_file: stored.in_file,
        })
    }

    /// Something that the caller wants to know when it goes on.
    pub fn note(&self, note: &Value) -> Result<()> {
        self.append(&Line::Note(note.clone()))
    }

    /// One call for one line, so that no other thread's line ends up in it.
    fn append(&self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line).expect("plain data has a JSON form");
        text.push(b'\n');
        self.write(|file| file.write_all(&text))
    }

    fn write(&self, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
        // Who waits for another's line waits for the storage, too.
        let written = self.writes.time(Write::Bytes, &self.path, || {
            write(&mut self.file.lock().expect("no thread panics while it writes a line"))
        });
        written.map_err(|error| Error::io(&self.path, error))
    }
}

impl Past {
    fn parse(bytes: &[u8]) -> Self {
        let mut past = Self::default();
        let lines = bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        for line in lines {
            match line {
                Line::Record { format: FORMAT, identity } => past.identity = Some(identity),
                // Of a version that means something else by its lines.
                Line::Record { .. } => return Self { is_foreign: true, ..Self::default() },
                Line::Note(note) => past.notes.push(note),
                Line::Shard { at: [image, level, t, c, z, y, x], bytes, range, in_file } => {
                    let key = (image as usize, level as usize, Tczyx::new(t, c, z, y, x));
                    let range = range.map(RangeLine::range);
                    past.shards.insert(key, Stored { bytes, range, in_file });
                }
            }
        }
        // Without a beginning, nobody knows what the lines are about.
        if past.identity.is_some() { past } else { Self { is_foreign: !bytes.is_empty(), ..Self::default() } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(x: u64) -> ShardKey {
        (1, 2, Tczyx::new(3, 4, 5, 6, x))
    }

    fn stored() -> Stored {
        let counts = vec![(0, 7), (1, 1), (300, 4_000_000_000), (u16::MAX, 2)];
        let range = Some(ShardRange { ends: [-0.1, 1.0 / 3.0], counts });
        Stored { bytes: 17, range, in_file: Some(InFile { offset: 1 << 60, lengths: vec![3, 0, 14] }) }
    }

    fn open(path: &Path) -> Result<(Record, Past)> {
        Record::open(path, &Arc::default())
    }

    fn written(path: &Path) -> Past {
        let (record, _) = open(path).unwrap();
        record.restart(&json!({ "a": 1 })).unwrap();
        record.stored(key(0), stored()).unwrap();
        record.note(&json!("n")).unwrap();
        record.stored(key(1), Stored { bytes: 0, range: None, in_file: None }).unwrap();
        drop(record);
        open(path).unwrap().1
    }

    #[test]
    fn what_was_written_is_read() {
        let home = tempfile::tempdir().unwrap();
        let past = written(&home.path().join("record"));
        assert_eq!(past.identity, Some(json!({ "a": 1 })));
        assert_eq!(past.notes, [json!("n")]);
        assert_eq!(
            past.shards,
            HashMap::from([(key(0), stored()), (key(1), Stored { bytes: 0, range: None, in_file: None })])
        );
    }

    #[test]
    fn cut_off_anywhere_only_the_torn_line_is_lost_and_the_next_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("record");
        written(&path);
        let whole = std::fs::read(&path).unwrap();
        let first_line = whole.iter().position(|&byte| byte == b'\n').unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (record, past) = open(&path).unwrap();
            assert_eq!(past.identity.is_some(), length >= first_line, "{length} bytes");
            let left = past.shards.len();
            record.stored(key(9), stored()).unwrap();
            drop(record);
            let again = open(&path).unwrap().1.shards.len();
            assert_eq!(again, if past.identity.is_some() { left + 1 } else { 0 }, "{length} bytes");
        }
    }

    #[test]
    fn two_processes_do_not_write_one_record() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("record");
        let _held = open(&path).unwrap();
        let error = open(&path).unwrap_err();
        assert!(error.to_string().contains("another run"), "{error}");
    }

    #[test]
    fn a_record_of_another_format_or_of_anything_else_says_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("record");
        for text in ["{\"record\":{\"format\":99,\"identity\":{}}}\n{\"note\":1}\n", "hello\n", "\0\0\0\0"] {
            std::fs::write(&path, text).unwrap();
            let past = open(&path).unwrap().1;
            assert!(past.is_foreign && past.identity.is_none() && past.notes.is_empty(), "{text:?}");
        }
    }
}
