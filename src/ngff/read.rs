//! Fetches the stored bytes of fields: each piece once for all of its planes that are asked for together.

use std::collections::BTreeSet;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::Ngff;
use super::array::{File, PlaneArray};
use crate::dataset::{Fetched, RawSubblock, Scene};
use crate::error::{Error, Result};
use crate::source::{FileRead, Merging, ReadAt, SharedBytes, merge};
use crate::threads::spawn_in;

/// A field: its array, by that array's first field; where its piece is stored; its position in the scene.
type Place = (usize, File, usize);

/// The stored bytes of `fields` of `scene`; none for a field of which nothing is stored. Files are asked for at the same
/// time where it takes long until the first byte comes: each may hold one small chunk only.
///
/// # Errors
/// `Io`, also when the array is not there any more: then it is not known what was stored; `Format` for a file that is not
/// what its array's metadata says.
pub(super) fn fetch(input: &Ngff, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
    let place = |&field: &usize| {
        let number = scene.fields[field].number;
        let (array, place) = input.find(number);
        (array.first, array.file(place), field)
    };
    let mut places: Vec<Place> = fields.iter().map(place).collect();
    places.sort_unstable();
    let files: Vec<&[Place]> = places.chunk_by(|a, b| (a.0, &a.1.key) == (b.0, &b.1.key)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut fetched = Fetched::default();
        let mut lacks = BTreeSet::new();
        while let Some(&in_file) = files.get(next.fetch_add(1, Relaxed)) {
            let (array, _) = input.find(in_file[0].0);
            if !fetch_file(input, array, in_file, &mut fetched)? {
                lacks.insert(array.document());
            }
        }
        // Afterwards, and once for all: what goes away takes its files with it.
        lacks.iter().try_for_each(|document| check_there(input, document))?;
        Ok(fetched)
    };
    let threads = input.storage.files_at_once().min(files.len());
    if threads <= 1 {
        return work();
    }
    let parts: Vec<Result<Fetched>> = std::thread::scope(|scope| {
        // As many as the system gives, and this one.
        let others: Vec<_> = (1..threads).map_while(|_| spawn_in(scope, "files", work).ok()).collect();
        let own = work();
        let others =
            others.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(own).chain(others).collect()
    });
    let mut all = Fetched { subblocks: Vec::with_capacity(fields.len()), ..Fetched::default() };
    for part in parts {
        let part = part?;
        all.subblocks.extend(part.subblocks);
        all.files.extend(part.files);
        (all.requests, all.bytes) = (all.requests + part.requests, all.bytes + part.bytes);
    }
    Ok(all)
}

/// A file that is not stored holds the fill value, as long as its array is there.
pub(super) fn check_there(input: &Ngff, document: &str) -> Result<()> {
    if input.storage.file_below(document, 1)?.is_some() {
        return Ok(());
    }
    let gone = std::io::Error::new(std::io::ErrorKind::NotFound, "disappeared while its chunks were read");
    Err(Error::io(input.storage.name().join(document), gone))
}

/// The pieces of one file; `false` when it is not there.
fn fetch_file(input: &Ngff, array: &PlaneArray, places: &[Place], fetched: &mut Fetched) -> Result<bool> {
    let File { key, number, .. } = &places[0].1;
    let number = *number;
    match &array.shard {
        None => {
            let most = input.storage.access().merging.most.max(1);
            let source = input.storage.file_below(key, most)?;
            let bytes = match &source {
                Some(source) => {
                    fetched.requests += 1;
                    fetched.bytes += source.size();
                    whole(&**source)?
                }
                None => Vec::new().into(),
            };
            let version = source.as_ref().map(|source| source.identity().checksum());
            fetched.files.push(FileRead { number, version });
            fetched
                .subblocks
                .extend(places.iter().map(|&(.., field)| RawSubblock { field, bytes: bytes.clone() }));
            Ok(source.is_some())
        }
        Some(format) => {
            let (shard, requests, bytes) = input.shards.open(&input.storage, key, format)?;
            fetched.requests += requests;
            fetched.bytes += bytes;
            let version = shard.as_ref().map(|shard| shard.source.identity().checksum());
            fetched.files.push(FileRead { number, version });
            let range =
                |inner: usize| shard.as_ref().and_then(|shard| shard.pieces.get(inner).cloned().flatten());
            let (mut stored, mut missing) = (Vec::new(), Vec::new());
            for &(_, ref file, field) in places {
                match range(file.inner) {
                    Some(range) => stored.push((range, field)),
                    None => missing.push(RawSubblock { field, bytes: Vec::new().into() }),
                }
            }
            fetched.subblocks.extend(missing);
            let Some(shard) = shard else { return Ok(false) };
            fetch_pieces(&*shard.source, stored, input.storage.access().merging, fetched)?;
            Ok(true)
        }
    }
}

fn whole(source: &dyn ReadAt) -> Result<SharedBytes> {
    if source.size() == 0 {
        return Err(Error::format(source.path(), "a chunk of no bytes", None));
    }
    SharedBytes::fetch(source, 0..source.size())
}

/// Pieces of a shard in the order in which they lie there, neighbours together.
fn fetch_pieces(
    source: &dyn ReadAt,
    mut stored: Vec<(Range<u64>, usize)>,
    merging: Merging,
    fetched: &mut Fetched,
) -> Result<()> {
    stored.sort_by_key(|(range, _)| (range.start, range.end));
    let ranges: Vec<_> = stored.iter().map(|(range, _)| range.clone()).collect();
    for request in merge(&ranges, merging) {
        fetched.requests += 1;
        fetched.bytes += request.length();
        let first = request.bytes.start;
        let bytes = SharedBytes::fetch(source, request.bytes)?;
        for (range, field) in &stored[request.serves] {
            let bytes = bytes.part((range.start - first) as usize..(range.end - first) as usize);
            fetched.subblocks.push(RawSubblock { field: *field, bytes });
        }
    }
    Ok(())
}
