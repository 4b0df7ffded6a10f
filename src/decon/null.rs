//! A backend that computes nothing: what remains of a run is everything else. For measurements.

use std::sync::Arc;

use crate::decon::{Backend, Changes, Clamped, Field, FinishedTile, Start, Worked};
use crate::error::Result;
use crate::pixels::Samples;
use crate::tile::Tile;

/// Gives tiles out that are cut from the same samples.
pub struct NullBackend(Arc<Samples>);

impl NullBackend {
    /// Tiles are the first of `samples`, which are of the output's type and as many as the largest tile has.
    pub fn new(samples: Arc<Samples>) -> Self {
        Self(samples)
    }
}

impl Backend for NullBackend {
    type Field = Field;

    fn upload(&mut self, field: Field) -> Result<Field> {
        Ok(field)
    }

    fn release(&mut self, field: Field) {
        field.samples.recycle();
    }

    fn stitch(&mut self, _: usize, _: &Tile, _: &[&Field]) -> Result<()> {
        Ok(())
    }

    fn begin(&mut self, _: usize, _: usize, _: Start) -> Result<()> {
        Ok(())
    }

    fn project(&mut self) -> Result<()> {
        Ok(())
    }

    fn project_and_measure(&mut self) -> Result<f64> {
        Ok(0.0)
    }

    fn back_project(&mut self) -> Result<()> {
        Ok(())
    }

    fn measure_change(&mut self) -> Result<Changes> {
        Ok(Changes::default())
    }

    fn update(&mut self, _: f32) -> Result<()> {
        Ok(())
    }

    fn download(&mut self, _: usize, tile: Tile) -> Result<Option<FinishedTile>> {
        let count = tile.core.area() as usize * tile.planes as usize;
        let mut samples = Samples::unset(self.0.kind(), count);
        let bytes = samples.as_bytes_mut();
        bytes.copy_from_slice(&self.0.as_bytes()[..bytes.len()]);
        Ok(Some(FinishedTile { tile, samples, clamped: Clamped::default(), worked: Worked::default() }))
    }

    fn drain(&mut self) -> Result<Option<FinishedTile>> {
        Ok(None)
    }
}
