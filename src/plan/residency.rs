//! Which fields are held when: every field is read before the first group that needs it and released after the
//! last, and when the budget is too small, the field that is needed last goes first (Belady's rule; the whole
//! schedule is known) and is read again.

use std::collections::{BTreeSet, VecDeque};

use crate::dataset::Scene;
use crate::error::{Error, Result};
use crate::stop::Stop;
use crate::tile::{Batch, Group, fields_of};

/// Groups, with their reads and releases.
#[derive(Clone, Debug, Default)]
pub struct Residency {
    /// In the order of work.
    pub batches: Vec<Batch>,
    /// Fields held at once, at most.
    pub peak_fields: u32,
    /// Bytes held at once, at most.
    pub peak_bytes: u64,
    /// Fields read, those read again counted again.
    pub reads: u64,
    /// Bytes of the largest batch, stored or decoded, whichever are more.
    pub largest_batch: u64,
}

/// What the fields may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    /// Bytes held at once.
    pub budget: u64,
    /// Decoded bytes of a batch, about.
    pub batch_bytes: u64,
    /// Stored bytes of a batch, about: of one request, so that readers who share a line do not bring a batch's second
    /// request while the batch before waits for its own.
    pub request_bytes: u64,
    /// Bytes of a field's place where all places are as large; `None`: a field takes what it has.
    pub place_bytes: Option<u64>,
}

/// Plans reads and releases for `groups` in `room`.
///
/// # Errors
/// `Limit` when one group alone needs more than the budget; `Interrupted` when `stop` is set before.
pub fn schedule(scene: &Scene, groups: Vec<Group>, room: Room, stop: &Stop) -> Result<Residency> {
    let Room { budget, place_bytes, .. } = room;
    let needs: Vec<Vec<usize>> = groups.iter().map(|group| fields_of(&group.tiles)).collect();
    let mut uses: Vec<VecDeque<usize>> = vec![VecDeque::new(); scene.fields.len()];
    for (index, fields) in needs.iter().enumerate() {
        for &field in fields {
            uses[field].push_back(index);
        }
    }
    let bytes = |field: usize| place_bytes.unwrap_or_else(|| scene.fields[field].decoded_bytes());
    // By the group that needs them next.
    let mut held: BTreeSet<(usize, usize)> = BTreeSet::new();
    let mut held_bytes = 0;
    let mut result = Residency::default();

    for (now, (mut group, needed)) in groups.into_iter().zip(&needs).enumerate() {
        stop.check()?;
        let missing: Vec<usize> = needed.iter().copied().filter(|&field| held.insert((now, field))).collect();
        held_bytes += missing.iter().map(|&field| bytes(field)).sum::<u64>();
        while held_bytes > budget {
            let last = held.pop_last().filter(|&(next, _)| next > now);
            let (_, victim) = last.ok_or_else(|| too_small(held_bytes, room))?;
            held_bytes -= bytes(victim);
            release_before(&mut result.batches, victim);
        }
        result.peak_fields = result.peak_fields.max(held.len() as u32);
        result.peak_bytes = result.peak_bytes.max(held_bytes);
        result.reads += missing.len() as u64;

        for field in needed {
            uses[*field].pop_front();
            held.remove(&(now, *field));
            match uses[*field].front() {
                Some(&next) => {
                    held.insert((next, *field));
                }
                None => {
                    held_bytes -= bytes(*field);
                    group.releases.push(*field);
                }
            }
        }
        append(&mut result.batches, missing, group, scene, room);
    }
    let size = |batch: &Batch| {
        let fields = batch.reads.iter().map(|&field| &scene.fields[field]);
        let stored: u64 = fields.clone().map(|field| field.extent).sum();
        stored.max(fields.map(|field| field.decoded_bytes()).sum())
    };
    result.largest_batch = result.batches.iter().map(size).max().unwrap_or(0);
    Ok(result)
}

fn release_before(batches: &mut [Batch], field: usize) {
    let group = batches.last_mut().and_then(|batch| batch.groups.last_mut());
    group.expect("a held field was read for an earlier group").releases.push(field);
}

/// A group that needs nothing new joins the last batch; reads beyond the size of a batch go ahead in batches of their own.
fn append(batches: &mut Vec<Batch>, missing: Vec<usize>, group: Group, scene: &Scene, room: Room) {
    if missing.is_empty()
        && let Some(last) = batches.last_mut()
    {
        last.groups.push(group);
        return;
    }
    let mut batch = Batch::default();
    let (mut decoded, mut stored) = (0, 0);
    for field in missing {
        let subblock = &scene.fields[field];
        decoded += subblock.decoded_bytes();
        stored += subblock.extent;
        if !batch.reads.is_empty() && (decoded > room.batch_bytes || stored > room.request_bytes) {
            batches.push(std::mem::take(&mut batch));
            (decoded, stored) = (subblock.decoded_bytes(), subblock.extent);
        }
        batch.reads.push(field);
    }
    batch.groups.push(group);
    batches.push(batch);
}

fn too_small(needed: u64, Room { budget, place_bytes, .. }: Room) -> Error {
    let flag = if place_bytes.is_some() { "--gpu-memory" } else { "--memory" };
    Error::Limit {
        what: format!("memory for the fields under one group of tiles ({flag}; a smaller --tile needs less)"),
        needed: format!("{} MiB", needed.div_ceil(1 << 20)),
        available: format!("{} MiB", budget >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{field, scene_of};
    use crate::space::Rect;
    use crate::tile::{Layer, Tile};

    const FIELD_BYTES: u64 = 100 * 100 * 2;

    fn schedule(scene: &Scene, groups: Vec<Group>, room: Room) -> Result<Residency> {
        super::schedule(scene, groups, room, &Stop::default())
    }

    fn group(fields: &[usize]) -> Group {
        let layers = fields.iter().map(|&field| Layer { field, rect: Rect::new(0, 0, 100, 100), plane: 0 });
        let tile = Tile::alone(Rect::new(0, 0, 100, 100), 1, layers.collect());
        Group { tiles: vec![tile], releases: Vec::new() }
    }

    fn room(budget: u64, batch_bytes: u64) -> Room {
        Room { budget, batch_bytes, request_bytes: u64::MAX, place_bytes: None }
    }

    fn scene() -> Scene {
        scene_of((0..6).map(|m| field(m, i64::from(m) * 90, 0)).collect())
    }

    /// Walks the schedule and checks that every group finds its fields and nothing is held at the end.
    fn walk(residency: &Residency) {
        let mut held = BTreeSet::new();
        for batch in &residency.batches {
            for &field in &batch.reads {
                assert!(held.insert(field), "field {field} is read while it is held");
            }
            for group in &batch.groups {
                assert!(
                    fields_of(&group.tiles).iter().all(|f| held.contains(f)),
                    "a field is missing from {held:?}"
                );
                for field in &group.releases {
                    assert!(held.remove(field), "field {field} is released twice");
                }
            }
        }
        assert_eq!(held, BTreeSet::new());
    }

    #[test]
    fn with_room_each_field_is_read_once_and_released_at_its_last_use() {
        let groups = (0..5).map(|i| group(&[i, i + 1])).collect();
        let residency = schedule(&scene(), groups, room(u64::MAX, u64::MAX)).unwrap();
        walk(&residency);
        assert_eq!((residency.reads, residency.peak_fields, residency.peak_bytes), (6, 2, 2 * FIELD_BYTES));
        assert_eq!(residency.batches.len(), 5);
    }

    #[test]
    fn without_room_the_field_needed_last_goes_and_is_read_again() {
        let groups = vec![group(&[0, 1]), group(&[2, 3]), group(&[1]), group(&[0])];
        let residency = schedule(&scene(), groups, room(3 * FIELD_BYTES, u64::MAX)).unwrap();
        walk(&residency);
        assert_eq!(residency.reads, 5, "only field 0 is read twice");
        assert_eq!(residency.batches[0].groups[0].releases, [0]);
    }

    #[test]
    fn long_reads_are_split_and_the_group_waits_for_the_last() {
        let room = room(u64::MAX, 2 * FIELD_BYTES);
        let residency = schedule(&scene(), vec![group(&[0, 1, 2, 3, 4])], room).unwrap();
        walk(&residency);
        let sizes: Vec<_> = residency.batches.iter().map(|b| (b.reads.len(), b.groups.len())).collect();
        assert_eq!(sizes, [(2, 0), (2, 0), (1, 1)]);
    }

    #[test]
    fn a_batch_is_not_longer_than_a_request_but_a_field_is_whole() {
        let sizes = |fields: u64| {
            let request_bytes = fields * scene().fields[0].extent;
            let room = Room { request_bytes, ..room(u64::MAX, u64::MAX) };
            let residency = schedule(&scene(), vec![group(&[0, 1, 2, 3, 4])], room).unwrap();
            walk(&residency);
            residency.batches.iter().map(|batch| batch.reads.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(2), [2, 2, 1]);
        assert_eq!(sizes(0), [1; 5]);
    }

    #[test]
    fn a_group_beyond_the_budget_is_refused() {
        let room = room(2 * FIELD_BYTES, u64::MAX);
        let error = schedule(&scene(), vec![group(&[0, 1, 2])], room).unwrap_err();
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }

    #[test]
    fn places_of_one_size_take_as_much_as_the_largest_field() {
        let room = Room { place_bytes: Some(3 * FIELD_BYTES), ..room(6 * FIELD_BYTES, u64::MAX) };
        let residency = schedule(&scene(), vec![group(&[0, 1]), group(&[2, 1])], room).unwrap();
        walk(&residency);
        assert_eq!((residency.peak_fields, residency.peak_bytes), (2, 6 * FIELD_BYTES));
        let three = schedule(&scene(), vec![group(&[0, 1, 2])], room);
        assert!(matches!(three, Err(Error::Limit { .. })), "three small fields take three large places");
    }
}
