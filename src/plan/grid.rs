//! How large the tiles are and where they lie.

use crate::dataset::Subblock;
use crate::error::{Error, Result};
use crate::plan::fft_size::fast_length;
use crate::space::{Output, Rect, Tczyx, Zyx};

/// What a backend can hold, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Limits {
    /// Longest Fourier transform along one axis.
    pub fft_length: u32,
    /// Bytes of one volume of complex numbers.
    pub volume_bytes: u64,
    /// Bytes of one stored field, or of one plane of a tile before it is downsampled.
    pub plane_bytes: u64,
    /// Bytes of all volumes together.
    pub memory_bytes: u64,
    /// Bytes of a group's volumes that stay in the backend's cache from pass to pass; 0: groups need not be large.
    pub cache_bytes: u64,
}

/// Bytes of an OTF for each voxel of the transform.
const OTF_BYTES_PER_VOXEL: u64 = 8;

/// What decides the size of a tile.
#[derive(Clone, Copy, Debug)]
pub struct GridRequest {
    /// The whole output plane.
    pub output: Rect<Output>,
    /// Planes that are deconvolved together where they fit: all of a stack, or 1.
    pub planes: u32,
    /// Largest PSF; 1 × 1 × 1 when nothing is deconvolved.
    pub psf: Zyx<u32>,
    /// Output pixels around a core; 0 when nothing is deconvolved.
    pub halo: u32,
    /// Planes above and below a core, where a stack is cut.
    pub halo_z: u32,
    /// Mosaic pixels that one output pixel averages along each axis.
    pub scale: u32,
    /// The core is a multiple of this, unless one tile covers an axis.
    pub chunk: u32,
    /// The core that the user asked for.
    pub core: Option<u32>,
    /// Tiles in one group, at least; see [`GridRequest::lanes_on`].
    pub lanes: u32,
    /// OTFs that are held at once.
    pub otfs: u32,
    /// Bytes that the volumes of a pair of tiles take for each voxel of the transform.
    pub pair_bytes_per_voxel: u64,
    /// The same of a tile that is alone and folded, its halves being the lanes of a pair; `None` where none is.
    pub folded_bytes_per_voxel: Option<u64>,
    /// Bytes that a device keeps of each row of a pair.
    pub bytes_per_row: u64,
    /// Samples of a stored pixel, each of which makes a tile: 1 or 3.
    pub samples: u32,
    /// Of the backend.
    pub limits: Limits,
}

/// The size that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Grid {
    /// Core, the last row and column may be smaller.
    pub core: Zyx<u32>,
    /// Core with halo, at most.
    pub padded: Zyx<u32>,
    /// Shape of the Fourier transform; `padded` when nothing is deconvolved.
    pub fft: Zyx<u32>,
}

/// Most tiles of one scene, however much memory there is: a list of so many takes about 1 GiB.
const MOST_TILES: u64 = 1 << 22;
/// What a tile takes while it is planned.
const TILE_BYTES: u64 = 256;
/// Most fields of all tiles together, each counted with each of its tiles.
const MOST_LAYERS: u64 = 1 << 24;
/// What a field of a tile takes while it is planned.
const LAYER_BYTES: u64 = 64;
/// What a field takes while it is planned, beside the subblock that it is.
const FIELD_BYTES: u64 = 64;
/// Side of a core when nothing is deconvolved.
const CONVERT_CORE: u32 = 2048;
/// Sides of a core that is painted as fields come: low, so that few rows wait for the next row of fields, and not much
/// wider, so that few columns wait for the next field; but a row of it is worth a copy, and a tile the handling.
const AT_ONCE: (u32, u32) = (1024, 128);

impl GridRequest {
    /// The grid with the least work that the limits allow: transform voxels over all tiles. A stack is cut in z where
    /// that is less, or where it does not fit otherwise.
    ///
    /// # Errors
    /// `Limit` when not even the smallest tile fits, `Option` when the tile that was asked for does not.
    pub fn choose(&self) -> Result<Grid> {
        let candidates: Vec<u32> = match self.core {
            Some(core) => vec![core],
            None => (1..=64).map(|k| k * self.chunk).collect(),
        };
        let longest = self.output.width.max(self.output.height);
        let largest = candidates.iter().copied().find(|&c| c >= longest).unwrap_or(u32::MAX);
        candidates
            .iter()
            .filter(|&&core| core <= largest)
            .flat_map(|&core| self.depths().map(move |planes| self.grid(core, planes)))
            .filter(|grid| self.fits(grid))
            .min_by_key(|grid| (self.work(grid), std::cmp::Reverse((grid.core.z, grid.core.x))))
            .ok_or_else(|| self.nothing_fits(candidates[0]))
    }

    /// Planes that a core may have: the stack in equal parts, each number once.
    fn depths(&self) -> impl Iterator<Item = u32> {
        let mut depths: Vec<u32> = (1..=self.planes).map(|parts| self.planes.div_ceil(parts)).collect();
        depths.dedup();
        depths.into_iter()
    }

    fn grid(&self, core: u32, planes: u32) -> Grid {
        let side = |core: u32, halo: u32, length: u32| {
            let core = core.min(length);
            let halo = if core < length { halo } else { 0 };
            (core, (core + 2 * halo).min(length))
        };
        let (core_z, padded_z) = side(planes, self.halo_z, self.planes);
        let (core_y, padded_y) = side(core, self.halo, self.output.height);
        let (core_x, padded_x) = side(core, self.halo, self.output.width);
        let padded = Zyx::new(padded_z, padded_y, padded_x);
        let fft = if self.deconvolves() {
            padded.zip(self.psf).map(|(data, psf)| fast_length(data + psf - 1))
        } else {
            padded
        };
        Grid { core: Zyx::new(core_z, core_y, core_x), padded, fft }
    }

    fn deconvolves(&self) -> bool {
        self.psf.count() > 1
    }

    fn fits(&self, grid: &Grid) -> bool {
        let scale = u64::from(self.scale);
        let plane_bytes = u64::from(grid.padded.x) * u64::from(grid.padded.y) * scale * scale * 4;
        if !self.deconvolves() {
            let side = grid.core.x.max(grid.core.y);
            let limit =
                if self.core.is_some() { u32::MAX } else { (CONVERT_CORE / self.scale).max(self.chunk) };
            return plane_bytes <= self.limits.plane_bytes && side <= limit;
        }
        let longest = grid.fft.x.max(grid.fft.y).max(grid.fft.z);
        longest <= self.limits.fft_length
            && plane_bytes <= self.limits.plane_bytes
            && self.pairs() * 8 * grid.fft.count() as u64 <= self.limits.volume_bytes
            && self.bytes_with(self.least_lanes(grid), grid) <= self.limits.memory_bytes
    }

    /// As asked for; one where a pair does not fit, and one tile takes less.
    fn least_lanes(&self, grid: &Grid) -> u32 {
        let is_pair_too_large = self.bytes_with(self.lanes, grid) > self.limits.memory_bytes;
        if self.folded_bytes_per_voxel.is_some() && is_pair_too_large { 1 } else { self.lanes }
    }

    fn pairs(&self) -> u64 {
        u64::from(self.lanes.div_ceil(2))
    }

    /// Bytes of every volume that the backend holds for this grid.
    pub fn volume_bytes(&self, grid: &Grid) -> u64 {
        self.bytes_with(self.lanes, grid)
    }

    fn bytes_with(&self, lanes: u32, grid: &Grid) -> u64 {
        let otfs = u64::from(self.otfs) * OTF_BYTES_PER_VOXEL;
        let per_voxel = match (lanes, self.folded_bytes_per_voxel) {
            _ if !self.deconvolves() => 8,
            (1, Some(folded)) => folded + otfs,
            _ => u64::from(lanes.div_ceil(2)) * self.pair_bytes_per_voxel + otfs,
        };
        grid.fft.count() as u64 * per_voxel
    }

    /// Tiles in one group on this grid: as many pairs as the cache holds, so that small tiles fill a device without
    /// their volumes going out to memory between passes; at least those that were asked for, at most those that there are
    /// and that the limits allow.
    pub fn lanes_on(&self, grid: &Grid) -> u32 {
        let (voxels, limits) = (grid.fft.count() as u64, self.limits);
        let (otfs, pair) = (u64::from(self.otfs) * OTF_BYTES_PER_VOXEL, self.pair_bytes_per_voxel);
        let pairs = [
            limits.cache_bytes / (voxels * pair),
            limits.volume_bytes / (voxels * 8),
            (limits.memory_bytes / voxels).saturating_sub(otfs) / pair,
            self.tiles(grid) / 2,
        ];
        match pairs.into_iter().min() {
            Some(pairs) if self.deconvolves() && pairs > self.pairs() => 2 * pairs as u32,
            _ => self.least_lanes(grid),
        }
    }

    fn tiles(&self, grid: &Grid) -> u64 {
        u64::from(self.output.width.div_ceil(grid.core.x))
            * u64::from(self.output.height.div_ceil(grid.core.y))
            * u64::from(self.planes.div_ceil(grid.core.z))
    }

    /// A tile that is alone takes an eighth longer than half of a pair.
    fn work(&self, grid: &Grid) -> u64 {
        let tiles = self.tiles(grid);
        let each = if self.least_lanes(grid) < self.lanes { 9 } else { 8 };
        if self.deconvolves() { each * tiles * grid.fft.count() as u64 } else { tiles }
    }

    fn nothing_fits(&self, core: u32) -> Error {
        let grid = self.grid(core, 1);
        let needed = format!(
            "a tile of {} with halo {} and PSF {} needs a Fourier transform of {} and {} MiB of volumes",
            grid.core,
            self.halo,
            self.psf,
            grid.fft,
            self.bytes_with(self.least_lanes(&grid), &grid) >> 20
        );
        match self.core {
            Some(_) => Error::option("--tile", format!("{needed}; the backend has {}", self.limits)),
            None => Error::Limit {
                what: "no tile fits (a smaller --psf-size, --halo or --dimensions 2 needs less; --memory, or --gpu-memory of a GPU, gives more)".into(),
                needed,
                available: self.limits.to_string(),
            },
        }
    }
}

impl std::fmt::Display for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "length {}, {} MiB a volume, {} MiB a plane, {} MiB in all",
            self.fft_length,
            self.volume_bytes >> 20,
            self.plane_bytes >> 20,
            self.memory_bytes >> 20
        )
    }
}

/// What lists of so many fields and tiles take, and of `layers`, each field counted with each of its tiles.
pub(super) fn list_bytes(fields: u64, tiles: u64, layers: u64) -> u64 {
    let field_bytes = size_of::<Subblock>() as u64 + FIELD_BYTES;
    fields * field_bytes + tiles * TILE_BYTES + layers * LAYER_BYTES
}

impl Grid {
    /// Cores that are painted as fields come: as large as asked for, else small.
    pub fn painted_at_once(output: Rect<Output>, asked: Option<u32>) -> Self {
        let (width, height) = asked.map_or(AT_ONCE, |side| (side, side));
        let core = Zyx::new(1, height.min(output.height), width.min(output.width));
        Self { core, padded: core, fft: core }
    }

    /// Cores of `output`, row by row.
    pub fn cores(&self, output: Rect<Output>) -> impl Iterator<Item = Rect<Output>> {
        let (width, height) = (self.core.x, self.core.y);
        (0..output.height.div_ceil(height)).flat_map(move |row| {
            (0..output.width.div_ceil(width)).map(move |column| {
                Rect::new(i64::from(column * width), i64::from(row * height), width, height)
                    .intersect(output)
                    .expect("every core of the grid lies on the output")
            })
        })
    }

    /// First plane and planes of each part that a stack of `slices` is cut into.
    pub fn depths(&self, slices: u32) -> impl Iterator<Item = (u32, u32)> {
        let planes = self.core.z;
        (0..slices).step_by(planes as usize).map(move |z| (z, planes.min(slices - z)))
    }

    /// Whether there are few enough tiles for an output of `shape`, before a list of them is made: it may take a quarter of
    /// `memory_bytes`, beside which what a run holds is planned.
    ///
    /// Says how many.
    ///
    /// # Errors
    /// `Limit` when there are more.
    pub fn check_count(&self, shape: Tczyx<u64>, memory_bytes: u64) -> Result<u64> {
        let Tczyx { t, c, z, y, x } = shape;
        let along = |length: u64, core: u32| u128::from(length.div_ceil(u64::from(core)));
        let cores = along(y, self.core.y) * along(x, self.core.x);
        let tiles = u128::from(t) * u128::from(c) * along(z, self.core.z) * cores;
        let most = MOST_TILES.min(memory_bytes / 4 / TILE_BYTES);
        if tiles <= u128::from(most) {
            return Ok(tiles as u64);
        }
        Err(Error::Limit {
            what: format!(
                "tiles of {} for an output of {} over all times and channels (a larger --tile or --scale needs fewer, more \
                 --memory has room for more)",
                self.core,
                Zyx::new(z, y, x)
            ),
            needed: tiles.to_string(),
            available: most.to_string(),
        })
    }

    /// Whether `layers`, each field counted with each of its tiles, are few enough, before a list of them is made: it may take
    /// half of `memory_bytes`.
    ///
    /// # Errors
    /// `Limit` when there are more.
    pub fn check_layers(&self, layers: u64, memory_bytes: u64) -> Result<()> {
        let most = MOST_LAYERS.min(memory_bytes / 2 / LAYER_BYTES);
        if layers <= most {
            return Ok(());
        }
        Err(Error::Limit {
            what: format!("fields under tiles of {}, each counted with each of its tiles", self.core),
            needed: layers.to_string(),
            available: format!("{most}; a larger --tile needs fewer, more --memory has room for more"),
        })
    }

    /// Whether more than one tile covers the plane.
    pub fn is_tiled(&self, output: Rect<Output>) -> bool {
        self.core.x < output.width || self.core.y < output.height
    }
}

#[cfg(test)]
mod tests;
