//! The compute stage: fields in, finished tiles out, on whichever backend.
//!
//! Follows the plan's batches; decides nothing.

use std::collections::HashMap;

use crate::decon::{Backend, Course, Decided, Field, FinishedTile, Method, Start, iterate};
use crate::error::{Error, Result};
use crate::plan::{Group, Tile};

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

    /// How `course` went when the tiles of `sample` were deconvolved together, all of output channel `channel`. Holds the fields
    /// of one batch at a time. `None` when it was over before.
    ///
    /// # Errors
    /// The backend's, and those of `sample`.
    pub fn decide(
        &mut self,
        channel: usize,
        sample: Vec<DecodedBatch>,
        course: &Course<'_>,
    ) -> Result<Option<Decided>> {
        let mut lanes = 0;
        for batch in sample {
            self.take_in(batch.fields)?;
            for group in batch.groups {
                self.stitch(lanes, &group.tiles)?;
                self.release(&group.releases);
                lanes += group.tiles.len();
            }
        }
        let Recipe { method, start } = self.recipe;
        self.backend.begin(channel, lanes, start)?;
        iterate(&mut self.backend, method, course)
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
