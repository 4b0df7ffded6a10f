//! The processor's backend: the twins of all shaders, on as many cores as it is given.
//!
//! `volumes` holds what is deconvolved and runs the passes, `paint` brings fields into it. When nothing is to be
//! deconvolved there are no volumes: a tile goes from its fields to the output a few rows at a time; and where nothing is
//! averaged or converted either, `open` paints each field as it comes.

mod copy;
mod layout;
mod open;
mod paint;
mod volume;
mod volumes;

pub use open::{OpenTiles, Painter};

use rayon::ThreadPool;

use crate::decon::{Backend, Changes, Field, FinishedTile, Setup, Start};
use crate::error::Result;
use crate::threads;
use crate::tile::Tile;
use paint::Canvas;
use volumes::Volumes;

/// Deconvolves and converts on the processor. Takes no time to move anything: what is downloaded is there.
pub struct CpuBackend {
    setup: Setup,
    pool: ThreadPool,
    /// `None` when nothing is to be deconvolved.
    volumes: Option<Volumes>,
    /// What was stitched and is waiting to be downloaded, for each lane; only when nothing is deconvolved.
    converted: Vec<Option<FinishedTile>>,
}

impl CpuBackend {
    /// Makes every buffer and every OTF. The `count` threads are called `compute-0`, `compute-1`…
    ///
    /// # Errors
    /// `Limit` when a PSF is larger than the transform, `Threads` when the system gives none.
    pub fn new(setup: &Setup, count: usize) -> Result<Self> {
        let pool = threads::pool(count, "compute")?;
        let volumes = match setup.channels.is_empty() {
            true => None,
            false => Some(pool.install(|| Volumes::new(setup))?),
        };
        let converted = (0..setup.lanes).map(|_| None).collect();
        Ok(Self { setup: setup.clone(), pool, volumes, converted })
    }

    fn volumes(&mut self) -> (&ThreadPool, &mut Volumes) {
        (&self.pool, self.volumes.as_mut().expect("the setup has channels to deconvolve"))
    }
}

impl Backend for CpuBackend {
    type Field = Field;

    fn upload(&mut self, field: Field) -> Result<Field> {
        let stored = field.width as usize * field.height as usize * field.pixel_type.bytes();
        assert_eq!(field.samples.as_bytes().len(), stored, "a decoded field has the size it claims");
        Ok(field)
    }

    fn release(&mut self, field: Field) {
        field.samples.recycle();
    }

    fn stitch(&mut self, lane: usize, tile: &Tile, fields: &[&Field]) -> Result<()> {
        let Setup { scale, overlap, .. } = self.setup;
        let shading = self.setup.shading_of(tile.channel);
        let subtracted = self.setup.subtracted(tile.channel);
        let canvas = Canvas { tile, fields, scale, overlap, shading, subtracted };
        match &mut self.volumes {
            Some(volumes) => self.pool.install(|| volumes.stitch(lane, &canvas)),
            None => {
                let finished =
                    self.pool.install(|| canvas.convert(self.setup.output, self.setup.fill_of(tile.channel)));
                self.converted[lane] = Some(finished);
            }
        }
        Ok(())
    }

    fn begin(&mut self, channel: usize, lanes: usize, start: Start) -> Result<()> {
        let (pool, volumes) = self.volumes();
        pool.install(|| volumes.begin(channel, lanes, start));
        Ok(())
    }

    fn project(&mut self) -> Result<()> {
        let (pool, volumes) = self.volumes();
        pool.install(|| volumes.project());
        Ok(())
    }

    fn project_and_measure(&mut self) -> Result<f64> {
        let (pool, volumes) = self.volumes();
        Ok(pool.install(|| volumes.project_and_measure()))
    }

    fn back_project(&mut self) -> Result<()> {
        let (pool, volumes) = self.volumes();
        pool.install(|| volumes.back_project());
        Ok(())
    }

    fn measure_change(&mut self) -> Result<Changes> {
        let (pool, volumes) = self.volumes();
        Ok(pool.install(|| volumes.measure_change()))
    }

    fn update(&mut self, alpha: f32) -> Result<()> {
        let (pool, volumes) = self.volumes();
        pool.install(|| volumes.update(alpha));
        Ok(())
    }

    fn download(&mut self, lane: usize, tile: Tile) -> Result<Option<FinishedTile>> {
        let finished = match &self.volumes {
            Some(volumes) => self.pool.install(|| volumes.finish(lane, tile, &self.setup)),
            None => self.converted[lane].take().expect("a tile is stitched before it is downloaded"),
        };
        Ok(Some(finished))
    }

    fn drain(&mut self) -> Result<Option<FinishedTile>> {
        Ok(None)
    }
}
