//! The compute stage: fields in, finished tiles out, on whichever backend.
//!
//! Follows the plan's batches; decides nothing.

use std::collections::HashMap;

use crate::decon::{Backend, Field, FinishedTile, Method, Start, deconvolve};
use crate::error::Result;
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
    /// Iterations; 0 stitches only.
    pub iterations: u32,
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

    /// Takes the fields of a batch in, computes its groups, and gives finished tiles to `emit`, oldest first.
    ///
    /// # Errors
    /// The backend's, and those of `emit`.
    pub fn compute<E: From<crate::error::Error>>(
        &mut self,
        batch: DecodedBatch,
        mut emit: impl FnMut(FinishedTile) -> Result<(), E>,
    ) -> Result<(), E> {
        for (index, field) in batch.fields {
            let field = field.map(|field| self.backend.upload(field)).transpose()?;
            self.held.insert(index, field);
        }
        for group in batch.groups {
            self.stitch(&group.tiles)?;
            self.release(&group.releases);
            if self.recipe.iterations > 0 {
                let channel = group.tiles[0].channel as usize;
                self.backend.begin(channel, group.tiles.len(), self.recipe.start)?;
                deconvolve(&mut self.backend, self.recipe.method, self.recipe.iterations)?;
            }
            for (lane, tile) in group.tiles.into_iter().enumerate() {
                if let Some(finished) = self.backend.download(lane, tile)? {
                    emit(finished)?;
                }
            }
        }
        Ok(())
    }

    /// The oldest tile still on its way.
    ///
    /// # Errors
    /// The backend's.
    pub fn drain(&mut self) -> Result<Option<FinishedTile>> {
        self.backend.drain()
    }

    fn stitch(&mut self, tiles: &[Tile]) -> Result<()> {
        for (lane, tile) in tiles.iter().enumerate() {
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
