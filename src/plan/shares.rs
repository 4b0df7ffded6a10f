//! Which device computes which group, and so which fields go where.

use std::collections::HashMap;

use crate::tile::Batch;

/// Of one image: groups in turn, so that all devices are busy at the same time and hold neighbouring fields; a field goes to
/// those devices that need it before it is released.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    devices: usize,
    batches: Vec<Share>,
}

#[derive(Clone, Debug, Default)]
struct Share {
    /// For each read of the batch, a bit for each device.
    reads: Vec<u64>,
    /// Groups in the batches before.
    groups_before: usize,
}

impl Shares {
    /// Most devices: one has a bit.
    pub const MOST_DEVICES: usize = 64;

    /// The shares of `devices` devices in `batches`.
    ///
    /// # Panics
    /// With no device, or more than [`Self::MOST_DEVICES`].
    pub fn new(batches: &[Batch], devices: usize) -> Self {
        assert!((1..=Self::MOST_DEVICES).contains(&devices), "{devices} devices");
        let mut groups_after = batches.iter().map(|batch| batch.groups.len()).sum::<usize>();
        let mut needed: HashMap<usize, u64> = HashMap::new();
        // From the end: what is needed after a read is needed until its release.
        let share = |batch: &Batch| {
            groups_after -= batch.groups.len();
            for (group, number) in batch.groups.iter().zip(groups_after..) {
                for layer in group.tiles.iter().flat_map(|tile| &tile.layers) {
                    *needed.entry(layer.field).or_default() |= 1 << (number % devices);
                }
            }
            let reads = batch.reads.iter().map(|field| needed.remove(field).unwrap_or(0)).collect();
            Share { reads, groups_before: groups_after }
        };
        let mut shares: Vec<Share> = batches.iter().rev().map(share).collect();
        shares.reverse();
        Self { devices, batches: shares }
    }

    /// The device of group `group` of batch `batch`.
    pub fn device_of(&self, batch: usize, group: usize) -> usize {
        (self.batches[batch].groups_before + group) % self.devices
    }

    /// The devices that get field `read` of those that batch `batch` reads: a bit for each.
    pub fn needed_by(&self, batch: usize, read: usize) -> u64 {
        self.batches[batch].reads[read]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::residency::{Room, schedule};
    use crate::plan::tests::field;
    use crate::plan::tests::scene_of;
    use crate::space::Rect;
    use crate::stop::Stop;
    use crate::tile::{Group, Layer, Tile};

    fn group(fields: &[usize]) -> Group {
        let rect = Rect::new(0, 0, 100, 100);
        let layers = fields.iter().map(|&field| Layer { field, rect, plane: 0 }).collect();
        let tile = Tile::alone(Rect::new(0, 0, 100, 100), 1, layers);
        Group { tiles: vec![tile], releases: Vec::new() }
    }

    /// Walks what each device gets: it has what its groups need, and was given nothing in vain.
    #[test]
    fn a_device_has_the_fields_of_its_groups_and_no_other() {
        let scene = scene_of((0..40).map(|m| field(m, i64::from(m) * 90, 0)).collect());
        // A little memory, so that fields are read again.
        let bytes = scene.fields[0].decoded_bytes();
        for (devices, budget) in [(1, 5), (2, 5), (3, 4), (2, 100)] {
            let far = |i: usize| group(&[i, i + 1, (i * 7) % 40]);
            let groups: Vec<Group> = (0..38).map(far).collect();
            let room = Room {
                budget: budget * bytes,
                batch_bytes: 2 * bytes,
                request_bytes: u64::MAX,
                place_bytes: None,
            };
            let batches = schedule(&scene, groups, room, &Stop::default()).unwrap().batches;
            let shares = Shares::new(&batches, devices);
            let mut held = vec![BTreeSet::new(); devices];
            let mut used = vec![BTreeSet::new(); devices];
            let mut computed = vec![0; devices];
            for (b, batch) in batches.iter().enumerate() {
                for (r, &field) in batch.reads.iter().enumerate() {
                    for device in (0..devices).filter(|d| shares.needed_by(b, r) >> d & 1 == 1) {
                        assert!(held[device].insert(field));
                    }
                }
                for (g, group) in batch.groups.iter().enumerate() {
                    let device = shares.device_of(b, g);
                    computed[device] += 1;
                    for layer in &group.tiles[0].layers {
                        assert!(held[device].contains(&layer.field), "{devices} devices");
                        used[device].insert(layer.field);
                    }
                    for field in &group.releases {
                        for device in 0..devices {
                            assert_eq!(held[device].remove(field), used[device].remove(field), "in vain");
                        }
                    }
                }
            }
            assert!(held.iter().all(BTreeSet::is_empty));
            assert!(computed.iter().max().unwrap() - computed.iter().min().unwrap() <= 1, "in turn");
        }
    }
}
