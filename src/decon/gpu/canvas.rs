//! Fields on the device, and their way into the observed volume.

use std::sync::Arc;

use crate::decon::{Field, Overlap, Setup};
use crate::error::{Error, Result};
use crate::gpu::{Device, Kernel, Recorder};
use crate::kernels::{NO_SHADING, downsample, feather, fill, sample_code, stitch};
use crate::pixels::PixelType;
use crate::space::{Local, Mosaic, Rect, Zyx};
use crate::tile::{Layer, Tile};

/// A field on the device.
#[derive(Debug)]
pub struct Slot {
    place: usize,
    pixel_type: PixelType,
    width: u32,
    /// The parts that are painted.
    shown: Vec<Rect<Local>>,
    /// Around them.
    bounds: Rect<Local>,
}

/// Holds fields as stored and paints tiles with them, one plane at a time.
#[derive(Debug)]
pub(super) struct Canvas {
    fft: Zyx<u32>,
    scale: u32,
    fill: Kernel<fill::Params>,
    painter: Painter,
    shadings: Shadings,
    /// Of each output channel.
    subtracted: Vec<f32>,
    downsample: Kernel<downsample::Params>,
    fill_plane: wgpu::BindGroup,
    downsample_plane: wgpu::BindGroup,
    plane_pixels: u64,
    places: Vec<Place>,
    free: Vec<usize>,
}

/// What happens where fields overlap.
#[derive(Debug)]
enum Painter {
    Paint(Kernel<stitch::Params>),
    Feather {
        kernel: Kernel<feather::Params>,
        /// Of the fields that are on the plane.
        weights: wgpu::Buffer,
    },
}

impl Painter {
    fn new(device: &Device, overlap: Overlap, plane_pixels: u64) -> Result<Self> {
        Ok(match overlap {
            Overlap::Paint => Self::Paint(Kernel::new(device, &stitch::shader())?),
            Overlap::Feather => Self::Feather {
                kernel: Kernel::new(device, &feather::shader())?,
                weights: device.buffer("weights of a tile's fields", plane_pixels * 4)?,
            },
        })
    }

    fn bind(&self, device: &Device, [field, shadings, plane]: [&wgpu::Buffer; 3]) -> Result<wgpu::BindGroup> {
        match self {
            Self::Paint(kernel) => kernel.bind(device, &[field, shadings, plane]),
            Self::Feather { kernel, weights } => kernel.bind(device, &[field, shadings, plane, weights]),
        }
    }

    /// Paints or blends the part `params` of a field of which `bounds` are shown, and of these `shown` where the part is.
    fn dispatch(
        &self,
        recorder: &mut Recorder,
        buffers: &wgpu::BindGroup,
        params: &stitch::Params,
        (shown, bounds): (Rect<Local>, Rect<Local>),
    ) {
        match self {
            Self::Paint(kernel) => kernel.dispatch(recorder, buffers, params),
            Self::Feather { kernel, .. } => {
                let columns = shown.x as u32..shown.right() as u32;
                let rows = bounds.y as u32..bounds.bottom() as u32;
                let params = feather::Params::of(params, columns, rows);
                kernel.dispatch(recorder, buffers, &params);
            }
        }
    }
}

/// Dark counts and gains of all channels, one after the other.
#[derive(Debug)]
struct Shadings {
    buffer: wgpu::Buffer,
    /// The first pixel of each output channel's.
    first: Vec<Option<u32>>,
}

impl Shadings {
    fn new(device: &Device, setup: &Setup) -> Result<Self> {
        let mut pixels: Vec<[f32; 2]> = Vec::new();
        let mut first: Vec<Option<u32>> = Vec::new();
        for (channel, shading) in setup.shading.iter().enumerate() {
            let Some(shading) = shading else {
                first.push(None);
                continue;
            };
            // The samples of a colour channel may share one.
            let is_same =
                |other: &Option<Arc<_>>| other.as_ref().is_some_and(|other| Arc::ptr_eq(other, shading));
            let known = setup.shading[..channel].iter().position(is_same);
            first.push(known.map_or(Some(pixels.len() as u32), |known| first[known]));
            if known.is_none() {
                pixels.extend(&shading.pixels);
            }
        }
        // A binding is never empty.
        pixels.resize(pixels.len().max(1), [0.0; 2]);
        let buffer = device.buffer("shading", pixels.len() as u64 * 8)?;
        device.write(&buffer, bytemuck::cast_slice(&pixels));
        Ok(Self { buffer, first })
    }

    /// The first pixel of an output channel's.
    fn of(&self, channel: u32) -> Option<u32> {
        *self.first.get(channel as usize)?
    }
}

/// Room for one field.
#[derive(Debug)]
struct Place {
    field: wgpu::Buffer,
    painting: wgpu::BindGroup,
}

impl Canvas {
    pub fn new(device: &Device, setup: &Setup, observed: &wgpu::Buffer) -> Result<Self> {
        let fill = Kernel::new(device, &fill::shader())?;
        let downsample = Kernel::new(device, &downsample::shader())?;
        // The transform is larger than any tile, so this is enough; where it is more than the device can bind, the
        // tiles that the plan allows are smaller.
        let scale = u64::from(setup.scale);
        let pixels = u64::from(setup.fft.y) * u64::from(setup.fft.x) * scale * scale;
        let plane_pixels = pixels.min(device.limits().max_plane_bytes / 4);
        let plane = device.buffer("plane of a tile", plane_pixels * 4)?;
        let painter = Painter::new(device, setup.overlap, plane_pixels)?;
        let shadings = Shadings::new(device, setup)?;
        let place = |_| {
            let field = device.buffer("field", setup.field_bytes)?;
            let painting = painter.bind(device, [&field, &shadings.buffer, &plane])?;
            Ok(Place { field, painting })
        };
        let places = (0..setup.field_slots).map(place).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            fft: setup.fft,
            scale: setup.scale,
            fill_plane: fill.bind(device, &[&plane])?,
            downsample_plane: downsample.bind(device, &[&plane, observed])?,
            fill,
            painter,
            shadings,
            subtracted: setup.camera.iter().map(|camera| camera.subtracted()).collect(),
            downsample,
            plane_pixels,
            free: (0..places.len()).rev().collect(),
            places,
        })
    }

    /// Puts a field into a free place.
    ///
    /// # Errors
    /// `Limit` when every place is taken or too small: the plan foresaw fewer or smaller fields.
    pub fn upload(&mut self, recorder: &mut Recorder, field: Field) -> Result<Slot> {
        let bounds = field.bounds();
        let Field { pixel_type, width, height, shown, samples } = field;
        let stored = u64::from(width) * u64::from(height) * pixel_type.bytes() as u64;
        let shown = shown.unwrap_or_else(|| vec![Rect::new(0, 0, width, height)]);
        let data = samples.as_bytes();
        assert_eq!(data.len() as u64, stored, "a decoded field has the size it claims");
        let full = || Error::Limit {
            what: "fields held on the device".into(),
            needed: format!("{} of {stored} bytes", self.places.len() + 1),
            available: self.places.len().to_string(),
        };
        let place = self.free.pop().ok_or_else(full)?;
        let available = self.places[place].field.size();
        if stored > available {
            self.free.push(place);
            return Err(Error::Limit {
                what: "a field on the device".into(),
                needed: format!("{stored} bytes"),
                available: format!("{available} bytes"),
            });
        }
        recorder.write(&self.places[place].field, data)?;
        samples.recycle();
        Ok(Slot { place, pixel_type, width, shown, bounds })
    }

    pub fn release(&mut self, slot: Slot) {
        self.free.push(slot.place);
    }

    /// Paints `tile` into `lane` of the observed volume, plane by plane.
    pub fn stitch(&self, recorder: &mut Recorder, lane: usize, tile: &Tile, slots: &[&Slot]) {
        assert_eq!(tile.layers.len(), slots.len(), "each layer has its field");
        let scale = self.scale;
        let Zyx { z: planes, y: height, x: width } = tile.padded_shape();
        let pixels = u64::from(width * scale) * u64::from(height * scale);
        assert!(
            planes <= self.fft.z && height <= self.fft.y && width <= self.fft.x,
            "a tile fits its transform"
        );
        assert!(pixels <= self.plane_pixels, "the plan keeps planes within the device's limit");
        for plane in 0..planes {
            self.fill.dispatch(recorder, &self.fill_plane, &fill::Params { count: pixels as u32 });
            for (layer, slot) in tile.layers.iter().zip(slots).filter(|(layer, _)| layer.plane == plane) {
                self.paint(recorder, tile, layer, slot);
            }
            let planes = if plane + 1 == planes { self.fft.z - plane } else { 1 };
            let subtracted = self.subtracted.get(tile.channel as usize).copied().unwrap_or(0.0);
            let params = self.observing(lane, Zyx::new(plane, height, width), planes);
            self.observe(recorder, &downsample::Params { subtracted, ..params });
        }
    }

    /// Leaves no data in `lane`.
    pub fn clear(&mut self, recorder: &mut Recorder, lane: usize) {
        self.observe(recorder, &self.observing(lane, Zyx::default(), self.fft.z));
    }

    fn paint(&self, recorder: &mut Recorder, tile: &Tile, layer: &Layer, slot: &Slot) {
        let scale = i64::from(self.scale);
        let Rect { x, y, width, height, .. } = tile.padded;
        let plane = Rect::<Mosaic>::new(x * scale, y * scale, width * self.scale, height * self.scale);
        let shading = self.shadings.of(tile.channel);
        for &shown in &slot.shown {
            let (x, y) = (layer.rect.x + shown.x, layer.rect.y + shown.y);
            let Some(area) = Rect::<Mosaic>::new(x, y, shown.width, shown.height).intersect(plane) else {
                continue;
            };
            let params = stitch::Params {
                width: area.width,
                height: area.height,
                plane_x: (area.x - plane.x) as u32,
                plane_y: (area.y - plane.y) as u32,
                field_x: (area.x - layer.rect.x) as u32,
                field_y: (area.y - layer.rect.y) as u32,
                plane_width: plane.width,
                field_width: slot.width,
                samples: slot.pixel_type.samples(),
                sample: tile.sample,
                kind: sample_code(slot.pixel_type.sample_type()),
                first_shading: shading.unwrap_or(NO_SHADING),
            };
            let painting = &self.places[slot.place].painting;
            self.painter.dispatch(recorder, painting, &params, (shown, slot.bounds));
        }
    }

    /// Averages the plane of `tile.y` × `tile.x` output pixels into plane `tile.z` of `lane`, and leaves no data in
    /// the rest of `planes` planes.
    fn observing(&self, lane: usize, tile: Zyx<u32>, planes: u32) -> downsample::Params {
        downsample::Params {
            lane: lane as u32,
            first_plane: tile.z,
            planes,
            width: tile.x,
            height: tile.y,
            scale: self.scale,
            fft_z: self.fft.z,
            fft_y: self.fft.y,
            fft_x: self.fft.x,
            subtracted: 0.0,
        }
    }

    fn observe(&self, recorder: &mut Recorder, params: &downsample::Params) {
        self.downsample.dispatch(recorder, &self.downsample_plane, params);
    }
}
