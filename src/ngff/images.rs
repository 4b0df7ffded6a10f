//! The images of a folder, as scenes.

use std::ops::Range;

use serde_json::{Map, Value};

use super::array::PlaneArray;
use super::documents::Documents;
use super::multiscale::{Level, Multiscale};
use super::transform::Transform;
use crate::dataset::{
    Channel, Compression, Dataset, MOST_CHANNELS, Optics, Plane, Scene, Subblock, believed, is_alike,
    share_channels,
};
use crate::error::{Error, Result};
use crate::pixels::{PixelType, SampleType};
use crate::source::{Identity, Storage};
use crate::space::{Rect, Stored, Tczyx, Zyx};

/// Fields of all levels of all images, at most, however much memory there is.
const MOST_FIELDS: u64 = 1 << 21;
/// Levels above the first that are looked at: a pyramid of halves has no more.
const MOST_LEVELS: usize = 32;
/// Chunks of one plane, at most, where they are small: each takes a file or a request for hardly any pixels.
const MOST_SMALL_CHUNKS: u64 = 1 << 16;
/// Pixels of a small chunk's plane, fewer than.
const SMALL_CHUNK_PX: u64 = 1 << 10;

const OTHER_TRANSFORMATIONS: &str = "coordinateTransformations other than scale and translation are not understood: voxel sizes and positions are without them";
const LABELS: &str = "a label image: means of labels are no labels, so only the output's level 0, without --scale and iterations, holds labels";

/// What a folder holds.
pub(super) struct Opened {
    pub dataset: Dataset,
    pub arrays: Vec<PlaneArray>,
    pub identity: Identity,
}

/// Reads the metadata of all images below `storage`.
pub(super) fn open(storage: &Storage) -> Result<Opened> {
    let documents = Documents::new(storage);
    let list_bytes = storage.access().list_bytes;
    let mut reader = Reader { documents, arrays: Vec::new(), next: 0, list_bytes, notes: Vec::new() };
    let Some(root) = reader.documents.attributes("")? else { return Err(reader.documents.no_image()) };
    let mut images = Vec::new();
    for path in reader.image_paths(&root)? {
        images.extend(reader.image(&path)?);
    }
    let mut dataset = reader.combine(images)?;
    about_the_optics(&root, &mut dataset);
    let Reader { documents, arrays, notes, .. } = reader;
    dataset.notes = notes;
    Ok(Opened { dataset, arrays, identity: documents.identity() })
}

/// Seconds along t; micrometres along z, y and x; where the file says.
type Measured = (Option<f64>, Zyx<Option<f64>>);

/// One image.
struct Image {
    path: String,
    name: Option<String>,
    shape: Tczyx<u64>,
    sample: SampleType,
    /// Between samples.
    step: Measured,
    /// Of the first sample.
    origin: Measured,
    channels: Vec<Channel>,
    fields: Vec<Subblock>,
    pyramid: Vec<Subblock>,
}

struct Reader<'a> {
    documents: Documents<'a>,
    arrays: Vec<PlaneArray>,
    /// Number of the next field.
    next: u64,
    /// What the list of all fields may take.
    list_bytes: u64,
    notes: Vec<String>,
}

impl Reader<'_> {
    /// Folders of the images below the root.
    fn image_paths(&self, root: &Map<String, Value>) -> Result<Vec<String>> {
        let attributes = in_ome(root);
        let unsupported = |what: &str| Err(Error::unsupported(self.documents.name(""), what));
        if attributes.contains_key("multiscales") {
            return Ok(vec![String::new()]);
        }
        if attributes.contains_key("plate") || attributes.contains_key("well") {
            return unsupported(
                "a plate; give the folder of one of its fields, such as plate.ome.zarr/A/1/0",
            );
        }
        if !attributes.contains_key("bioformats2raw.layout") {
            return Err(self.documents.no_image());
        }
        let series = self.documents.attributes("OME")?.unwrap_or_default();
        if let Some(series) = in_ome(&series).get("series").and_then(Value::as_array) {
            return Ok(series.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        // Without a list, they are numbered.
        let mut paths = Vec::new();
        while self.documents.attributes(&paths.len().to_string())?.is_some() {
            paths.push(paths.len().to_string());
        }
        Ok(paths)
    }

    /// The image in folder `path`; `None` where there is none.
    fn image(&mut self, path: &str) -> Result<Option<Image>> {
        let name = self.documents.name(path);
        let broken = |what: String| Error::format(&name, what, None);
        let attributes =
            self.documents.attributes(path)?.ok_or_else(|| broken("no image is there".into()))?;
        let parsed =
            Multiscale::parse(in_ome(&attributes)).map_err(|what| broken(format!("multiscales: {what}")))?;
        let Some(told) = parsed else {
            self.notes.push(format!("{path} is no image and is left out"));
            return Ok(None);
        };
        let base = self.array(path, &told, &told.levels[0])?;
        let (shape, sample) = (base.shape, base.element.sample);
        if shape.c > MOST_CHANNELS as u64 {
            let what = format!("{} channels; up to {MOST_CHANNELS} are read", shape.c);
            return Err(Error::unsupported(name, what));
        }
        let transform = told.levels[0].transform;
        let is_label = in_ome(&attributes).contains_key("image-label");
        let said = [
            base.element.note(),
            transform.has_others.then(|| OTHER_TRANSFORMATIONS.to_owned()),
            is_label.then(|| LABELS.to_owned()),
            without_unit(told.axes.in_um_or_secs(), transform.scale),
        ];
        for note in said.into_iter().flatten() {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        let fields = self.add(base, 1)?;
        let pyramid = self.pyramid(path, &told, shape, sample)?;
        let Transform { scale, translation, .. } = transform;
        let units = told.axes.in_um_or_secs();
        let mut channels = told.channels;
        channels.resize(shape.c as usize, Channel::default());
        let (path, name) = (path.to_owned(), told.name);
        let (step, origin) = (in_um_or_secs(units, scale), in_um_or_secs(units, translation));
        Ok(Some(Image { path, name, shape, sample, step, origin, channels, fields, pyramid }))
    }

    fn array(&self, image: &str, told: &Multiscale, level: &Level) -> Result<PlaneArray> {
        let path =
            [image, &level.path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        let name = self.documents.name(&path);
        let document = self.documents.array(&path)?;
        let array = PlaneArray::new(&path, document, &told.axes, self.next as usize);
        array.map_err(|what| Error::unsupported(name, what))
    }

    /// The levels above the first that hold means of its pixels, at a whole ratio.
    fn pyramid(
        &mut self,
        path: &str,
        told: &Multiscale,
        shape: Tczyx<u64>,
        sample: SampleType,
    ) -> Result<Vec<Subblock>> {
        let mut pyramid = Vec::new();
        let is_mean =
            told.method.as_deref().is_some_and(|method| method.to_ascii_lowercase().contains("mean"));
        if told.levels.len() > 1 && !is_mean {
            let method = told.method.as_deref().unwrap_or("not said");
            self.notes.push(format!(
                "the stored pyramid is not used: its levels are not said to be means (type: {method})"
            ));
            return Ok(pyramid);
        }
        for level in told.levels[1..].iter().take(MOST_LEVELS) {
            let Some(ratio) = ratio(told.levels[0].transform.scale, level.transform.scale) else { continue };
            let array = self.array(path, told, level)?;
            let is_whole = |side: u64, small: u64| {
                side.div_ceil(u64::from(ratio)) == small || side / u64::from(ratio) == small
            };
            let Tczyx { t, c, z, y, x } = array.shape;
            let is_of_image =
                (t, c, z) == (shape.t, shape.c, shape.z) && is_whole(shape.y, y) && is_whole(shape.x, x);
            if is_of_image && array.element.sample == sample {
                pyramid.extend(self.add(array, ratio)?);
            }
        }
        Ok(pyramid)
    }

    /// The fields of `array`, each of whose pixels is `ratio` × `ratio` of level 0.
    fn add(&mut self, mut array: PlaneArray, ratio: u32) -> Result<Vec<Subblock>> {
        let count = array.fields();
        let all = self.next.saturating_add(count);
        let most = MOST_FIELDS.min(self.list_bytes / size_of::<Subblock>() as u64);
        if all > most {
            return Err(Error::Limit {
                what: format!(
                    "{}: chunks of all levels, plane by plane (more --memory has room for more, up to {MOST_FIELDS})",
                    self.documents.name("").display()
                ),
                needed: all.to_string(),
                available: most.to_string(),
            });
        }
        let (pieces, Tczyx { y, x, .. }) = (array.pieces(), array.piece);
        if pieces.y * pieces.x > MOST_SMALL_CHUNKS && y * x < SMALL_CHUNK_PX {
            return Err(Error::Limit {
                what: format!("{}: chunks of {y} × {x} pixels in a plane", self.documents.name("").display()),
                needed: (pieces.y * pieces.x).to_string(),
                available: MOST_SMALL_CHUNKS.to_string(),
            });
        }
        let gap = self.documents.gap();
        let fields = (0..count as usize).map(|place| field(&array, place, ratio, gap)).collect();
        let planes = array.piece.t * array.piece.c * array.piece.z;
        if ratio == 1 && planes > 1 && array.shape.t * array.shape.c * array.shape.z > 1 {
            self.notes.push(format!(
                "a chunk holds {planes} planes; it is read again for those that are not worked on together"
            ));
        }
        self.next = all;
        array.first_file = self.arrays.last().map_or(0, |before| before.first_file + before.files());
        self.arrays.push(array);
        Ok(fields)
    }

    /// All images with the voxels of the first, as one data set.
    fn combine(&mut self, images: Vec<Image>) -> Result<Dataset> {
        let Some(first) = images.first() else {
            return Err(Error::unsupported(self.documents.name(""), "a collection without images"));
        };
        let step = first.step;
        let mut dataset = Dataset {
            scenes: Vec::new(),
            channels: Vec::new(),
            voxel_um: believed(step.1, &mut self.notes),
            interval_secs: step.0,
            optics: Optics::default(),
            notes: Vec::new(),
        };
        for (index, image) in (0..).zip(images) {
            if is_like(image.step, step) {
                let pixel_type = Some(gray(image.sample));
                let typed = |channel: &Channel| Channel { pixel_type, ..channel.clone() };
                let own: Vec<_> = image.channels.iter().map(typed).collect();
                let channels = share_channels(&own, &mut dataset.channels);
                dataset.scenes.push(scene(index, image, channels));
                continue;
            }
            self.notes.push(format!(
                "image {} is left out: it has other voxel sizes than the first; give its own folder to read it",
                image.path
            ));
        }
        Ok(dataset)
    }
}

fn scene(index: u32, image: Image, channels: Range<u32>) -> Scene {
    let Image { name, shape, origin: (origin_secs, origin_um), mut fields, mut pyramid, .. } = image;
    for subblock in fields.iter_mut().chain(&mut pyramid) {
        subblock.plane.c += channels.start;
    }
    Scene {
        index,
        name,
        rect: Rect::new(0, 0, shape.x as u32, shape.y as u32),
        slices: shape.z as u32,
        times: shape.t as u32,
        origin_um,
        origin_secs,
        channels: channels.collect(),
        fields: fields.into(),
        pyramid: pyramid.into(),
        unreadable: Vec::new(),
    }
}

/// But for what is lost when a number is written.
fn is_like((a_secs, a_um): Measured, (b_secs, b_um): Measured) -> bool {
    let of_time = |secs| Zyx::new(secs, None, None);
    is_alike(of_time(a_secs), of_time(b_secs)) && is_alike(a_um, b_um)
}

/// `values` in `units`, as far as both are known.
fn in_um_or_secs(units: Tczyx<Option<f64>>, values: Option<Tczyx<f64>>) -> Measured {
    let along = |unit: Option<f64>, value: fn(Tczyx<f64>) -> f64| Some(unit? * value(values?));
    let um = Zyx::new(along(units.z, |v| v.z), along(units.y, |v| v.y), along(units.x, |v| v.x));
    (along(units.t, |v| v.t), um)
}

/// What is told of a scale that may or may not be in micrometres.
fn without_unit(units: Tczyx<Option<f64>>, scale: Option<Tczyx<f64>>) -> Option<String> {
    let Tczyx { z, y, x, .. } = scale?;
    let is_lost = |unit: Option<f64>, scale: f64| unit.is_none() && scale != 1.0;
    (is_lost(units.z, z) || is_lost(units.y, y) || is_lost(units.x, x)).then(|| {
        format!(
            "axes without a unit of length: whether their scale of {z},{y},{x} (z, y, x) is in micrometres is not known; --voxel-um {z},{y},{x} says so"
        )
    })
}

/// The attributes of OME-Zarr: 0.5 puts them under `ome`.
fn in_ome(attributes: &Map<String, Value>) -> &Map<String, Value> {
    attributes.get("ome").and_then(Value::as_object).unwrap_or(attributes)
}

/// Level-0 pixels across one of a level, the same along y and x, where that is a whole number.
fn ratio(base: Option<Tczyx<f64>>, level: Option<Tczyx<f64>>) -> Option<u32> {
    let (base, level) = base.zip(level)?;
    let (y, x, z) = (level.y / base.y, level.x / base.x, level.z / base.z);
    let is_like = |a: f64, b: f64| (a - b).abs() < 1e-6 * b;
    let whole = y.round();
    let is_whole =
        (2.0..65536.0).contains(&whole) && is_like(y, whole) && is_like(x, whole) && is_like(z, 1.0);
    is_whole.then_some(whole as u32)
}

fn gray(sample: SampleType) -> PixelType {
    match sample {
        SampleType::U8 => PixelType::Gray8,
        SampleType::U16 => PixelType::Gray16,
        SampleType::F32 => PixelType::Gray32Float,
    }
}

fn field(array: &PlaneArray, place: usize, ratio: u32, gap: u64) -> Subblock {
    let at = array.at(place);
    let (x, y) = (at.x * array.piece.x, at.y * array.piece.y);
    let (width, height) = (array.piece.x.min(array.shape.x - x), array.piece.y.min(array.shape.y - y));
    let step = u64::from(ratio);
    let rect = Rect::<Stored>::new(
        (x * step) as i64,
        (y * step) as i64,
        (width * step) as u32,
        (height * step) as u32,
    );
    Subblock {
        number: array.first + place,
        plane: Plane { t: at.t as u32, c: at.c as u32, z: at.z as u32 },
        m: None,
        rect,
        stored_width: width as u32,
        stored_height: height as u32,
        shown: None,
        pixel_type: gray(array.element.sample),
        compression: Compression::Zarr,
        offset: array.nominal_offset(place, gap),
        extent: array.plane_bytes(),
    }
}

/// What this program, when it wrote the image, kept of the microscope.
fn about_the_optics(root: &Map<String, Value>, dataset: &mut Dataset) {
    let told = root.get("decon-gpu").unwrap_or(&Value::Null);
    if let Ok(optics) = serde_json::from_value::<Optics>(told["optics"].clone()) {
        dataset.optics = optics;
    }
    let emission = told["emission_nm"].as_array().into_iter().flatten();
    for (channel, nm) in dataset.channels.iter_mut().zip(emission) {
        channel.emission_nm = nm.as_f64();
    }
}
