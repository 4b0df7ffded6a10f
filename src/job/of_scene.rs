//! What the image of one scene is made with: a PSF and a shading for each of the channels that it has, for its own number of
//! slices.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::psfs;
use crate::dataset::{Dataset, Scene};
use crate::decon::{Camera, Shading};
use crate::error::Result;
use crate::options::Options;
use crate::plan::OutputChannel;
use crate::psf::Psf;
use crate::space::Zyx;

/// See the module.
#[derive(Clone)]
pub struct OfScene {
    /// Whether its planes are deconvolved as one volume.
    pub volumes: bool,
    /// One for each of its output channels; empty when nothing is deconvolved.
    pub psfs: Vec<Psf>,
    /// One for each of its output channels; empty when no flag was given.
    pub shading: Vec<Option<Arc<Shading>>>,
    /// One for each of its output channels; empty where the camera adds nothing.
    pub camera: Vec<Camera>,
}

/// What is the same for all scenes.
pub struct Common<'a> {
    pub options: &'a Options,
    pub dataset: &'a Dataset,
    /// The output channels of all scenes.
    pub channels: &'a [OutputChannel],
    /// One for each of `channels`, or empty.
    pub shading: &'a [Option<Arc<Shading>>],
    /// One for each of `channels`, or empty.
    pub camera: &'a [Camera],
    /// Of the output.
    pub voxel_um: Zyx<Option<f64>>,
}

impl Common<'_> {
    /// One for each of `scenes`, positions in the data set.
    ///
    /// # Errors
    /// Those of the PSFs.
    pub fn for_scenes(&self, scenes: &[usize], notes: &mut Vec<String>) -> Result<Vec<OfScene>> {
        let mut made: BTreeMap<(u32, &[u32]), OfScene> = BTreeMap::new();
        let mut each = Vec::new();
        for &scene in scenes {
            let scene = &self.dataset.scenes[scene];
            let own = match made.entry((scene.slices, &scene.channels)) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(place) => place.insert(self.make(scene, notes)?).clone(),
            };
            each.push(own);
        }
        Ok(each)
    }

    fn make(&self, scene: &Scene, notes: &mut Vec<String>) -> Result<OfScene> {
        let Options { iterations, dimensions, .. } = *self.options;
        let volumes = iterations > 0 && dimensions.map_or(scene.slices > 1, |n| n == 3);
        let has = |channel: &OutputChannel| scene.channels.contains(&channel.source);
        let channels: Vec<_> = self.channels.iter().filter(|channel| has(channel)).cloned().collect();
        let slices = if volumes { scene.slices } else { 1 };
        let psfs = match iterations {
            0 => Vec::new(),
            _ => psfs::for_channels(self.options, self.dataset, &channels, (self.voxel_um, slices), notes)?,
        };
        let shading = self.channels.iter().zip(self.shading).filter(|(channel, _)| has(channel));
        let shading = shading.map(|(_, shading)| shading.clone()).collect();
        let camera = self.channels.iter().zip(self.camera).filter(|(channel, _)| has(channel));
        Ok(OfScene { volumes, psfs, shading, camera: camera.map(|(_, camera)| *camera).collect() })
    }
}
