//! Narrows what a file holds to what is asked for, before anything is planned: the plan and the run see a smaller file.
//!
//! Slices and times are counted anew from the first that is taken. Channels keep the file's numbers, so that options
//! for one channel mean the same with and without a selection.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::dataset::{Dataset, Fault, Plane, Scene, Subblock};
use crate::error::{Error, Result};
use crate::options::{Indices, Options};
use crate::pixels::PixelType;
use crate::space::{Mosaic, Rect, Stored, Zyx};

/// What is left of a file.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The file as the plan sees it.
    pub dataset: Dataset,
    /// Positions of the chosen scenes in `Dataset::scenes`.
    pub scenes: Vec<usize>,
    /// Where it begins in the file.
    pub origin: Origin,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// The first sample that is taken, from the first that the scene has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Origin {
    /// Time point.
    pub t: u32,
    /// Slice.
    pub z: u32,
    /// Row of level 0.
    pub y: i64,
    /// Column of level 0.
    pub x: i64,
}

/// The part of `dataset` that `options` ask for.
///
/// # Errors
/// `Option` naming the flag, and what the file has.
pub fn select(options: &Options, dataset: &Dataset) -> Result<Selected> {
    let scenes = chosen_scenes(dataset, options.scene)?;
    let mut selected =
        Selected { dataset: dataset.clone(), scenes, origin: Origin::default(), notes: Vec::new() };
    let before = selected.subblocks();
    if let Some(channels) = &options.channels {
        selected.take_channels(channels)?;
    }
    selected.leave_out_channels();
    if let Some(slices) = &options.slices {
        let first = *slices.span().start();
        selected.take_part("--slices", "slices", slices, |scene| &mut scene.slices)?;
        selected.origin.z = first;
        selected.take_planes(|plane| slices.has(plane.z).then(|| Plane { z: plane.z - first, ..plane }));
    }
    if let Some(times) = &options.times {
        let first = *times.span().start();
        selected.take_part("--times", "times", times, |scene| &mut scene.times)?;
        selected.origin.t = first;
        selected.take_planes(|plane| times.has(plane.t).then(|| Plane { t: plane.t - first, ..plane }));
    }
    if let Some(region) = options.region {
        let voxel_um = options.voxel_um.map_or(dataset.voxel_um, |voxel| voxel.map(Some));
        selected.take_region(region.to_px(voxel_um)?)?;
    }
    selected.check_readable(options)?;
    selected.share_types(&options.input.name())?;
    selected.say(options, before);
    Ok(selected)
}

fn chosen_scenes(dataset: &Dataset, wanted: Option<u32>) -> Result<Vec<usize>> {
    let Some(wanted) = wanted else { return Ok((0..dataset.scenes.len()).collect()) };
    match dataset.scenes.iter().position(|scene| scene.index == wanted) {
        Some(position) => Ok(vec![position]),
        None => {
            let known: Vec<_> = dataset.scenes.iter().map(|scene| scene.index.to_string()).collect();
            Err(Error::option("--scene", format!("{wanted} is not there; the file has {}", known.join(", "))))
        }
    }
}

impl Selected {
    fn subblocks(&self) -> usize {
        self.scenes.iter().map(|&scene| self.dataset.scenes[scene].fields.len()).sum()
    }

    fn take_channels(&mut self, channels: &Indices) -> Result<()> {
        channels.check("--channels", "the file", "channels", self.dataset.channels.len() as u32)?;
        for scene in &mut self.dataset.scenes {
            scene.channels.retain(|&channel| channels.has(channel));
        }
        self.take_planes(|plane| channels.has(plane.c).then_some(plane));
        let (taken, empty): (Vec<usize>, Vec<usize>) =
            self.scenes.iter().partition(|&&scene| !self.dataset.scenes[scene].channels.is_empty());
        let indices: Vec<_> =
            empty.iter().map(|&scene| self.dataset.scenes[scene].index.to_string()).collect();
        let scenes = if empty.len() == 1 { "scene" } else { "scenes" };
        let none = format!("{scenes} {}: none of these channels is there", indices.join(", "));
        if taken.is_empty() {
            return Err(Error::option("--channels", none));
        }
        if !empty.is_empty() {
            self.notes.push(format!("{none} (--channels): left out"));
        }
        self.scenes = taken;
        Ok(())
    }

    /// Channels that no chosen scene has.
    fn leave_out_channels(&mut self) {
        let Self { dataset, scenes, .. } = self;
        let of_scenes = |c: u32| scenes.iter().any(|&scene| dataset.scenes[scene].channels.contains(&c));
        let left_out: Vec<bool> = (0..dataset.channels.len() as u32).map(|c| !of_scenes(c)).collect();
        for (channel, left_out) in dataset.channels.iter_mut().zip(left_out) {
            channel.left_out = left_out;
        }
    }

    /// Checks that each chosen scene has the indices that `flag` asks for, and makes their span its new count.
    fn take_part(
        &mut self,
        flag: &str,
        what: &str,
        indices: &Indices,
        count_of: fn(&mut Scene) -> &mut u32,
    ) -> Result<()> {
        let (first, last) = indices.span().into_inner();
        let is_one_of_several = self.scenes.len() > 1;
        for &scene in &self.scenes {
            let scene = &mut self.dataset.scenes[scene];
            let index = scene.index;
            let count = count_of(scene);
            let owner = if is_one_of_several { format!("scene {index}") } else { "the file".into() };
            indices.check(flag, &owner, what, *count).map_err(|error| match error {
                Error::Option { flag, reason } if is_one_of_several => {
                    Error::option(flag, format!("{reason}; choose scenes one at a time with --scene"))
                }
                other => other,
            })?;
            *count = last - first + 1;
        }
        Ok(())
    }

    /// Keeps the subblocks of planes that `renumbered` keeps, in all scenes.
    fn take_planes(&mut self, renumbered: impl Fn(Plane) -> Option<Plane>) {
        let take = |subblock: &mut Subblock| match renumbered(subblock.plane) {
            Some(plane) => {
                subblock.plane = plane;
                true
            }
            None => false,
        };
        for scene in &mut self.dataset.scenes {
            scene.fields.retain_mut(take);
            scene.pyramid.retain_mut(take);
            scene.unreadable.retain_mut(|unreadable| match renumbered(unreadable.plane) {
                Some(plane) => {
                    unreadable.plane = plane;
                    true
                }
                None => false,
            });
        }
    }

    /// Damaged ones may be left out.
    ///
    /// # Errors
    /// Why a field that is needed cannot be read.
    fn check_readable(&self, options: &Options) -> Result<()> {
        let scenes = || self.scenes.iter().map(|&scene| &self.dataset.scenes[scene]);
        let has_fields = scenes().any(|scene| !scene.fields.is_empty());
        let may_lack =
            |fault: &Fault| options.skip_damaged && has_fields && matches!(fault, Fault::Broken(_));
        let mut needed = scenes().flat_map(|scene| &scene.unreadable).filter(|field| !field.is_pyramid);
        let Some(first) = needed.find(|field| !may_lack(&field.fault)) else { return Ok(()) };
        let way_on = match (&first.fault, has_fields) {
            (Fault::Broken(_), true) => {
                "; --skip-damaged leaves it out and fills its place, --channels, --scene, --slices, --times and --region \
                 can do without it"
            }
            (Fault::Unsupported(_), true) => {
                "; --channels, --scene, --slices, --times and --region can leave it out"
            }
            (_, false) => "",
        };
        Err(match first.fault.clone() {
            Fault::Broken(what) => Fault::Broken(what + way_on),
            Fault::Unsupported(what) => Fault::Unsupported(what + way_on),
        }
        .to_error(&options.input.name()))
    }

    /// Gives each channel the type that it has in the chosen scenes.
    ///
    /// # Errors
    /// `Unsupported` where that differs.
    fn share_types(&mut self, path: &Path) -> Result<()> {
        let Self { dataset, scenes, .. } = self;
        let mut first: BTreeMap<u32, (PixelType, u32)> = BTreeMap::new();
        for &scene in scenes.iter() {
            let Scene { index, fields, .. } = &dataset.scenes[scene];
            for field in fields {
                let (c, own) = (field.plane.c, field.pixel_type);
                let &mut (known, scene) = first.entry(c).or_insert((own, *index));
                if known != own {
                    let what = format!(
                        "channel {c} is {known:?} in scene {scene} and {own:?} in scene {index}: choose one with --scene"
                    );
                    return Err(Error::unsupported(path, what));
                }
            }
        }
        for (c, (pixel_type, _)) in first {
            dataset.channels[c as usize].pixel_type = Some(pixel_type);
        }
        Ok(())
    }

    fn take_region(&mut self, region: Rect<Mosaic>) -> Result<()> {
        (self.origin.x, self.origin.y) = (region.x, region.y);
        for &scene in &self.scenes {
            let Scene { index, rect, fields, pyramid, unreadable, .. } = &mut self.dataset.scenes[scene];
            let whole = Rect::<Mosaic>::new(0, 0, rect.width, rect.height);
            if region.intersect(whole) != Some(region) {
                let hint = if self.scenes.len() > 1 { "; choose one with --scene" } else { "" };
                let Rect { width, height, .. } = whole;
                let reason =
                    format!("{region} px reaches beyond scene {index}, which has {width} × {height}{hint}");
                return Err(Error::option("--region", reason));
            }
            *rect = Rect::<Stored>::new(rect.x + region.x, rect.y + region.y, region.width, region.height);
            let touches = |subblock: &Subblock| subblock.rect.intersect(*rect).is_some();
            fields.retain_mut(|subblock| touches(subblock));
            pyramid.retain_mut(|subblock| touches(subblock));
            unreadable.retain(|unreadable| unreadable.rect.intersect(*rect).is_some());
        }
        Ok(())
    }

    /// What was taken, and what a deconvolution does not know of the rest.
    fn say(&mut self, options: &Options, before: usize) {
        let Options { region, channels, slices, times, .. } = options;
        if region.is_none() && channels.is_none() && slices.is_none() && times.is_none() {
            return;
        }
        self.notes
            .push(format!("{} of {before} subblocks are needed for what is selected", self.subblocks()));
        if options.iterations == 0 {
            return;
        }
        if region.is_some() {
            self.notes.push("light from outside the region is not known to the deconvolution; a region larger by the halo keeps its effect out of the middle".into());
        }
        let has_stack = self.scenes.iter().any(|&scene| self.dataset.scenes[scene].slices > 1);
        if slices.is_some() && has_stack && options.dimensions != Some(2) {
            self.notes.push(
                "light from slices that are not taken is not known to the deconvolution: the outermost slices differ from those of the whole stack".into(),
            );
        }
    }
}

impl Origin {
    /// The centre of the first output sample, in output samples from the centre of the scene's first: a row of the output is
    /// the mean of `scale` rows of level 0.
    pub fn in_output(&self, scale: u32) -> (f64, Zyx<f64>) {
        let scale = f64::from(scale);
        let centre = |first: i64| (first as f64 + (scale - 1.0) / 2.0) / scale;
        (f64::from(self.t), Zyx::new(f64::from(self.z), centre(self.y), centre(self.x)))
    }
}
