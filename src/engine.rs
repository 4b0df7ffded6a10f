//! The compute stage: fields in, finished tiles out, on whichever backend.
//!
//! Follows the plan's batches; decides nothing.

use std::collections::HashMap;

use crate::decon::{Backend, Course, Decided, Field, FinishedTile, Method, Start, Until, iterate};
use crate::error::{Error, Result};
use crate::pipeline::Stop;
use crate::plan::{Group, Shares, Tile};

/// The fields of one batch, decoded, and what to do once they are there.
#[derive(Debug)]
pub struct DecodedBatch {
    /// Position in `Scene::fields`, and its pixels; `None` where a damaged subblock is left out.
    pub fields: Vec<(usize, Option<Field>)>,
    /// Complete now.
    pub groups: Vec<Group>,
}

/// How to deconvolve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Algorithm.
    pub method: Method,
    /// First estimate.
    pub start: Start,
}

/// Where a finished tile goes.
pub type Emit<'e> = &'e mut dyn FnMut(FinishedTile) -> Result<(), Stop<Error>>;

/// Which batch of an image, and which devices share its groups.
#[derive(Clone, Copy)]
pub struct BatchAt<'a> {
    /// Its number in the plan.
    pub number: usize,
    /// Of the image; one device has all.
    pub shares: &'a Shares,
}

/// What computes the groups of an image, one after the other: one backend, or several.
pub trait Compute {
    /// Takes the fields of batch `at` in.
    ///
    /// # Errors
    /// The backend's.
    fn take(&mut self, at: BatchAt<'_>, fields: Vec<(usize, Option<Field>)>) -> Result<()>;

    /// Computes group `nth` of batch `at` as was `decided`, and gives tiles that are finished to `emit`, in the order of the plan.
    ///
    /// # Errors
    /// The backend's, and those of `emit`.
    fn compute(
        &mut self,
        at: (BatchAt<'_>, usize),
        group: Group,
        decided: &Decided,
        emit: Emit<'_>,
    ) -> Result<(), Stop<Error>>;

    /// See [`Engine::start`].
    ///
    /// # Errors
    /// The backend's.
    fn start(&mut self, batch: DecodedBatch) -> Result<Vec<FinishedTile>>;

    /// See [`Engine::decide`]; over when `stop` is set.
    ///
    /// # Errors
    /// The backend's.
    fn decide(&mut self, sample: Sample, stop: &crate::stop::Stop) -> Result<Option<Decided>>;

    /// The oldest tile still on its way.
    ///
    /// # Errors
    /// The backend's.
    fn drain(&mut self) -> Result<Option<FinishedTile>>;
}

/// Tiles of one output channel on which is decided how all of it is deconvolved.
#[derive(Debug)]
pub struct Sample {
    /// Output channel.
    pub channel: usize,
    /// Read and decoded.
    pub batches: Vec<DecodedBatch>,
    /// Iterations, at most.
    pub most: u32,
    /// Where to end before.
    pub until: Option<Until>,
}

/// A backend and the fields that it holds.
pub struct Engine<B: Backend> {
    backend: B,
    recipe: Recipe,
    held: HashMap<usize, Option<B::Field>>,
}

impl<B: Backend> Engine<B> {
    /// Holds nothing yet.
    pub fn new(backend: B, recipe: Recipe) -> Self {
        Self { backend, recipe, held: HashMap::new() }
    }

    /// Takes the fields of a batch in, computes its groups as was `decided`, and gives finished tiles to `emit`, oldest first.
    /// No iterations stitch only.
    ///
    /// # Errors
    /// The backend's, and those of `emit`.
    pub fn compute<E: From<Error>>(
        &mut self,
        batch: DecodedBatch,
        decided: &Decided,
        mut emit: impl FnMut(FinishedTile) -> Result<(), E>,
    ) -> Result<(), E> {
        let Recipe { method, start } = self.recipe;
        let deconvolve = |backend: &mut B, channel, lanes| -> Result<()> {
            if decided.iterations > 0 {
                backend.begin(channel, lanes, start)?;
                let course = Course { weights: decided.weights.as_deref(), ..Course::of(decided.iterations) };
                iterate(backend, method, &course)?;
            }
            Ok(())
        };
        self.take_in(batch.fields)?;
        for group in batch.groups {
            if group.tiles.iter().any(|tile| !tile.layers.is_empty()) {
                let alone = DecodedBatch { fields: Vec::new(), groups: vec![group] };
                self.each_group(alone, deconvolve, &mut emit)?;
                continue;
            }
            // Nothing is computed where no field lies. What is on its way comes first.
            self.release(&group.releases);
            while let Some(finished) = self.backend.drain()? {
                emit(finished)?;
            }
            group.tiles.into_iter().map(FinishedTile::bare).try_for_each(&mut emit)?;
        }
        Ok(())
    }

    /// How it went when the tiles of `sample` were deconvolved together. Holds the fields of one batch at a time. `None` when it
    /// `is_over` before.
    ///
    /// # Errors
    /// The backend's.
    pub fn decide(&mut self, sample: Sample, is_over: &dyn Fn() -> bool) -> Result<Option<Decided>> {
        let Sample { channel, batches, most, until } = sample;
        let mut lanes = 0;
        for batch in batches {
            self.take_in(batch.fields)?;
            for group in batch.groups {
                self.stitch(lanes, &group.tiles)?;
                self.release(&group.releases);
                lanes += group.tiles.len();
            }
        }
        let Recipe { method, start } = self.recipe;
        self.backend.begin(channel, lanes, start)?;
        iterate(&mut self.backend, method, &Course { until, is_over, ..Course::of(most) })
    }

    /// The tiles of `batch` as they are when nothing was iterated: what was observed above the background.
    ///
    /// # Errors
    /// The backend's.
    pub fn start(&mut self, batch: DecodedBatch) -> Result<Vec<FinishedTile>> {
        let mut started = Vec::new();
        let begin = |backend: &mut B, channel, lanes| backend.begin(channel, lanes, Start::Observed);
        self.each_group(batch, begin, &mut |tile| -> Result<()> {
            started.push(tile);
            Ok(())
        })?;
        while let Some(tile) = self.backend.drain()? {
            started.push(tile);
        }
        Ok(started)
    }

    /// The oldest tile still on its way.
    ///
    /// # Errors
    /// The backend's.
    pub fn drain(&mut self) -> Result<Option<FinishedTile>> {
        self.backend.drain()
    }

    /// Stitches each group of `batch`, has `work` done on it (channel, lanes), and brings its tiles out.
    fn each_group<E: From<Error>>(
        &mut self,
        batch: DecodedBatch,
        work: impl Fn(&mut B, usize, usize) -> Result<()>,
        emit: &mut impl FnMut(FinishedTile) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take_in(batch.fields)?;
        for group in batch.groups {
            self.stitch(0, &group.tiles)?;
            self.release(&group.releases);
            work(&mut self.backend, group.tiles[0].channel as usize, group.tiles.len())?;
            for (lane, tile) in group.tiles.into_iter().enumerate() {
                if let Some(finished) = self.backend.download(lane, tile)? {
                    emit(finished)?;
                }
            }
        }
        Ok(())
    }

    fn take_in(&mut self, fields: Vec<(usize, Option<Field>)>) -> Result<()> {
        for (index, field) in fields {
            let field = field.map(|field| self.backend.upload(field)).transpose()?;
            self.held.insert(index, field);
        }
        Ok(())
    }

    /// Paints `tiles` into the lanes from `first` on.
    fn stitch(&mut self, first: usize, tiles: &[Tile]) -> Result<()> {
        for (lane, tile) in (first..).zip(tiles) {
            let mut tile = tile.clone();
            tile.layers.retain(|layer| self.held[&layer.field].is_some());
            let fields: Vec<_> =
                tile.layers.iter().filter_map(|layer| self.held[&layer.field].as_ref()).collect();
            self.backend.stitch(lane, &tile, &fields)?;
        }
        Ok(())
    }

    /// Gives the places of `fields` back, of those that are held.
    pub fn release(&mut self, fields: &[usize]) {
        for index in fields {
            if let Some(field) = self.held.remove(index).flatten() {
                self.backend.release(field);
            }
        }
    }
}

impl<B: Backend> Compute for Engine<B> {
    fn take(&mut self, _: BatchAt<'_>, fields: Vec<(usize, Option<Field>)>) -> Result<()> {
        self.take_in(fields)
    }

    fn compute(
        &mut self,
        _: (BatchAt<'_>, usize),
        group: Group,
        decided: &Decided,
        emit: Emit<'_>,
    ) -> Result<(), Stop<Error>> {
        Self::compute(self, DecodedBatch { fields: Vec::new(), groups: vec![group] }, decided, emit)
    }

    fn start(&mut self, batch: DecodedBatch) -> Result<Vec<FinishedTile>> {
        Self::start(self, batch)
    }

    fn decide(&mut self, sample: Sample, stop: &crate::stop::Stop) -> Result<Option<Decided>> {
        Self::decide(self, sample, &|| stop.is_set())
    }

    fn drain(&mut self) -> Result<Option<FinishedTile>> {
        Self::drain(self)
    }
}
