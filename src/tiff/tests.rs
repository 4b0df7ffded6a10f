mod chunks;
mod descriptions;
mod kinds;
mod levels;
mod ome;
mod raw;
mod sizes;
mod vendors;
mod written;

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use tempfile::NamedTempFile;
use tiff::encoder::{Compression as Packing, TiffEncoder, TiffValue, colortype, compression};
use tiff::tags::Tag;

use super::*;
use crate::dataset::Plane;
use crate::pixels::PixelType;
use crate::space::{Rect, Zyx};

const WIDTH: u32 = 37;
const HEIGHT: u32 = 29;
const COUNT: usize = (WIDTH * HEIGHT) as usize;

/// Page `p` of a test file.
fn values(page: usize, samples: usize) -> impl Iterator<Item = u32> {
    (0..COUNT * samples).map(move |i| ((i * 31 + i / 97 + page * 7) % 251) as u32)
}

/// Writes `pages` pages with `description` in the first.
fn write<C: colortype::ColorType>(
    pages: usize,
    samples: usize,
    description: &str,
    packing: Packing,
    convert: impl Fn(u32) -> C::Inner,
) -> NamedTempFile
where
    [C::Inner]: TiffValue,
{
    let file = tempfile::Builder::new().suffix(".tif").tempfile().unwrap();
    let mut encoder = TiffEncoder::new(File::create(file.path()).unwrap()).unwrap().with_compression(packing);
    for page in 0..pages {
        let data: Vec<C::Inner> = values(page, samples).map(&convert).collect();
        let mut image = encoder.new_image::<C>(WIDTH, HEIGHT).unwrap();
        if page == 0 && !description.is_empty() {
            image.encoder().write_tag(Tag::ImageDescription, description).unwrap();
        }
        image.rows_per_strip(8).unwrap();
        image.write_data(&data).unwrap();
    }
    file
}

fn gray16(pages: usize, description: &str) -> NamedTempFile {
    write::<colortype::Gray16>(pages, 1, description, Packing::Uncompressed, |v| (v * 257) as u16)
}

fn decoded(stack: &TiffStack) -> Vec<Samples> {
    let scene = &stack.dataset().scenes[0];
    let all: Vec<usize> = (0..scene.fields.len()).collect();
    let raw = stack.read(scene, &all).unwrap();
    raw.iter()
        .map(|raw| {
            assert_eq!(raw.bytes.len() as u64, scene.fields[raw.field].extent);
            stack.decode(&scene.fields[raw.field], raw).unwrap()
        })
        .collect()
}

fn failure(path: &Path) -> Error {
    TiffStack::open(path).err().expect("an error")
}

#[test]
fn gray_pages_come_back_in_every_type_and_packing() {
    for (name, packing) in [
        ("uncompressed", Packing::Uncompressed),
        ("lzw", Packing::Lzw),
        ("packbits", Packing::Packbits),
        ("deflate", Packing::Deflate(compression::DeflateLevel::Fast)),
    ] {
        let u8 = write::<colortype::Gray8>(3, 1, "", packing, |v| v as u8);
        let u16 = write::<colortype::Gray16>(3, 1, "", packing, |v| (v * 257) as u16);
        let f32 = write::<colortype::Gray32Float>(3, 1, "", packing, |v| v as f32 / 3.0 - 9.0);
        for (page, samples) in decoded(&TiffStack::open(u8.path()).unwrap()).into_iter().enumerate() {
            assert_eq!(samples, Samples::U8(values(page, 1).map(|v| v as u8).collect()), "{name} {page}");
        }
        for (page, samples) in decoded(&TiffStack::open(u16.path()).unwrap()).into_iter().enumerate() {
            let expected = Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect());
            assert_eq!(samples, expected, "{name} {page}");
        }
        for (page, samples) in decoded(&TiffStack::open(f32.path()).unwrap()).into_iter().enumerate() {
            let expected = Samples::F32(values(page, 1).map(|v| v as f32 / 3.0 - 9.0).collect());
            assert_eq!(samples, expected, "{name} {page}");
        }
    }
}

#[test]
fn rgb_pages_come_out_blue_first() {
    let u8 = write::<colortype::RGB8>(2, 3, "", Packing::Lzw, |v| v as u8);
    let u16 = write::<colortype::RGB16>(2, 3, "", Packing::Uncompressed, |v| (v * 257) as u16);
    for (file, pixel_type) in [(u8, PixelType::Bgr24), (u16, PixelType::Bgr48)] {
        let stack = TiffStack::open(file.path()).unwrap();
        assert_eq!(stack.dataset().channels[0].pixel_type, Some(pixel_type));
        for (page, samples) in decoded(&stack).into_iter().enumerate() {
            let rgb: Vec<u32> = values(page, 3).collect();
            let bgr = rgb.chunks(3).flat_map(|p| [p[2], p[1], p[0]]);
            let expected = match pixel_type {
                PixelType::Bgr24 => Samples::U8(bgr.map(|v| v as u8).collect()),
                _ => Samples::U16(bgr.map(|v| (v * 257) as u16).collect()),
            };
            assert_eq!(samples, expected, "{pixel_type:?} {page}");
        }
    }
}

#[test]
fn a_plain_stack_is_a_z_stack() {
    let file = gray16(4, "made by hand");
    let stack = TiffStack::open(file.path()).unwrap();
    let dataset = stack.dataset();
    assert_eq!((dataset.scenes[0].slices, dataset.scenes[0].times, dataset.channels.len()), (4, 1, 1));
    assert_eq!(dataset.voxel_um, Zyx::default());
    let planes: Vec<u32> = dataset.scenes[0].fields.iter().map(|f| f.plane.z).collect();
    assert_eq!(planes, [0, 1, 2, 3]);
    assert_eq!(dataset.scenes[0].rect, Rect::new(0, 0, WIDTH, HEIGHT));
}

const IMAGEJ: &str = "ImageJ=1.53t\nimages=12\nchannels=2\nslices=3\nframes=2\nhyperstack=true\nunit=micron\n\
                      spacing=-0.25\nfinterval=1.5\nloop=false\n";

/// A big-endian TIFF of one directory, `planes` planes of u16 behind one another: an ImageJ file of over 4 GB, small.
fn single_directory(description: &str, planes: usize, width: u32) -> NamedTempFile {
    let pixels: Vec<u8> =
        (0..planes).flat_map(|p| values(p, 1)).flat_map(|v| (v as u16 * 257).to_be_bytes()).collect();
    let text_at = 8 + pixels.len() as u32;
    let directory_at = text_at + description.len() as u32 + 1;
    let mut bytes = b"MM\0\x2a".to_vec();
    bytes.extend(directory_at.to_be_bytes());
    bytes.extend(&pixels);
    bytes.extend(description.as_bytes());
    bytes.push(0);
    let short = |v: u32| v << 16;
    let entries = [
        (256u16, 4u16, 1, width),
        (257, 4, 1, HEIGHT),
        (258, 3, 1, short(16)),
        (259, 3, 1, short(1)),
        (262, 3, 1, short(1)),
        (270, 2, description.len() as u32 + 1, text_at),
        (273, 4, 1, 8),
        (277, 3, 1, short(1)),
        (278, 4, 1, HEIGHT),
        (279, 4, 1, COUNT as u32 * 2),
    ];
    bytes.extend((entries.len() as u16).to_be_bytes());
    for (tag, kind, count, value) in entries {
        bytes.extend(tag.to_be_bytes());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u32::to_be_bytes(count));
        bytes.extend(u32::to_be_bytes(value));
    }
    bytes.extend([0; 4]);
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

#[test]
fn imagej_stacks_with_a_single_directory_have_all_their_planes() {
    let file = single_directory("ImageJ=1.53t\nimages=5\nslices=5\nunit=um\nspacing=0.5\n", 5, WIDTH);
    let stack = TiffStack::open(file.path()).unwrap();
    assert_eq!((stack.dataset().scenes[0].slices, stack.dataset().voxel_um.z), (5, Some(0.5)));
    for (page, samples) in decoded(&stack).into_iter().enumerate() {
        assert_eq!(
            samples,
            Samples::U16(values(page, 1).map(|v| (v * 257) as u16).collect()),
            "plane {page}"
        );
    }
    let short = single_directory("ImageJ=1.53t\nimages=50\nslices=50\n", 5, WIDTH);
    let cut = TiffStack::from_source(Box::new(FileSource::open(short.path()).unwrap()), None, &|_| Ok(None));
    let cut = cut.unwrap();
    let scene = &cut.dataset().scenes[0];
    let slices = |planes: Vec<Plane>| planes.into_iter().map(|plane| plane.z).collect::<Vec<_>>();
    assert_eq!(slices(scene.fields.iter().map(|field| field.plane).collect()), [0, 1, 2, 3, 4]);
    let lost: Vec<u32> = slices(scene.unreadable.iter().map(|field| field.plane).collect());
    assert_eq!(lost, (5..50).collect::<Vec<_>>());
    assert!(failure(short.path()).to_string().contains("beyond the end of the file"));
    let bomb = single_directory("ImageJ=1.53t\nimages=4000000000\nslices=4000000000\n", 5, WIDTH);
    assert!(failure(bomb.path()).to_string().contains("promises 4000000000 planes"));
}

const OME: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
<Instrument ID="Instrument:0"><Objective ID="Objective:0" LensNA="0.5"/>
<Objective ID="Objective:1" LensNA="1.4" Immersion="Oil" NominalMagnification="63.0" Model="Plan"/></Instrument>
<Image ID="Image:0"><ObjectiveSettings ID="Objective:1" RefractiveIndex="1.518"/>
<Pixels ID="Pixels:0" DimensionOrder="XYZTC" Type="uint16" SizeX="37" SizeY="29" SizeZ="3" SizeC="2" SizeT="1"
 PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.07" PhysicalSizeZ="0.3" SignificantBits="12"
 TimeIncrement="250" TimeIncrementUnit="ms">
<Channel ID="Channel:0:0" Name="DAPI" Color="65535" EmissionWavelength="461" AcquisitionMode="WideField"/>
<Channel ID="Channel:0:1" Name="GFP" EmissionWavelength="0.509" EmissionWavelengthUnit="&#181;m"/>
<TiffData/></Pixels></Image></OME>"#;

#[test]
fn pages_that_differ_are_unsupported() {
    let file = NamedTempFile::new().unwrap();
    let mut encoder = TiffEncoder::new(File::create(file.path()).unwrap()).unwrap();
    encoder.write_image::<colortype::Gray8>(2, 2, &[0; 4]).unwrap();
    encoder.write_image::<colortype::Gray8>(2, 3, &[0; 6]).unwrap();
    drop(encoder);
    let message = failure(file.path()).to_string();
    assert!(message.contains("number 2 has 2 × 3 pixels of uint8"), "{message}");
}

#[test]
fn a_size_that_the_file_cannot_hold_is_refused() {
    let file = single_directory("", 1, 1_000_000_000);
    assert!(failure(file.path()).to_string().contains("cannot be stored"), "{}", failure(file.path()));
    let mut text = NamedTempFile::new().unwrap();
    text.write_all(b"no TIFF at all").unwrap();
    assert!(matches!(failure(text.path()), Error::Format { .. }));
}

#[test]
fn volumes_are_read_from_any_number_type_and_axis() {
    let f64 = write::<colortype::Gray64Float>(3, 1, "", Packing::Lzw, |v| f64::from(v) / 4.0);
    let volume = read_volume(f64.path()).unwrap();
    assert_eq!(volume.shape, Zyx::new(3, HEIGHT, WIDTH));
    let expected: Vec<f32> = (0..3).flat_map(|p| values(p, 1)).map(|v| v as f32 / 4.0).collect();
    assert_eq!(volume.data, expected);

    let time = gray16(3, "ImageJ=1.53t\nimages=3\nframes=3\nunit=nm\nspacing=200\n");
    let volume = read_volume(time.path()).unwrap();
    assert_eq!((volume.shape.z, volume.voxel_um.z), (3, Some(0.2)));

    for description in [IMAGEJ, "ImageJ=1.53t\nimages=12\nslices=6\nframes=2\n"] {
        let hyperstack = gray16(12, description);
        assert!(matches!(read_volume(hyperstack.path()), Err(Error::Unsupported { .. })));
    }
    let rgb = write::<colortype::RGB8>(2, 3, "", Packing::Uncompressed, |v| v as u8);
    assert!(matches!(read_volume(rgb.path()), Err(Error::Unsupported { .. })));
}

#[test]
fn threads_read_and_decode_side_by_side() {
    let file = write::<colortype::Gray16>(16, 1, "", Packing::Lzw, |v| (v * 257) as u16);
    let stack = TiffStack::open(file.path()).unwrap();
    let scene = &stack.dataset().scenes[0];
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let stack = &stack;
            scope.spawn(move || {
                for field in (thread..16).step_by(4) {
                    let raw = &stack.read(scene, &[field]).unwrap()[0];
                    let samples = stack.decode(&scene.fields[field], raw).unwrap();
                    assert_eq!(samples, Samples::U16(values(field, 1).map(|v| (v * 257) as u16).collect()));
                }
            });
        }
    });
}

/// Any answer will do but a panic or a wrong length.
#[test]
fn mutated_files_never_panic() {
    let files = [
        gray16(3, IMAGEJ),
        gray16(6, OME),
        single_directory("ImageJ=1.53t\nimages=5\nslices=5\n", 5, WIDTH),
        write::<colortype::RGB8>(2, 3, "", Packing::Lzw, |v| v as u8),
        write::<colortype::Gray32Float>(2, 1, "", Packing::Deflate(compression::DeflateLevel::Fast), |v| {
            v as f32
        }),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut refused = 0;
    for round in 0..500 {
        let mut bytes = std::fs::read(files[round % files.len()].path()).unwrap();
        for _ in 0..1 + random(6) {
            // The directories lie behind the pixels.
            let at = if random(2) == 0 { random(bytes.len()) } else { bytes.len() - 1 - random(600) };
            bytes[at] = [0, 255, bytes[at] ^ 1 << random(8), random(256) as u8][random(4)];
        }
        if round % 7 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let Ok(stack) = TiffStack::open(file.path()) else {
            refused += 1;
            continue;
        };
        let scene = &stack.dataset().scenes[0];
        for (field, subblock) in scene.fields.iter().enumerate() {
            let raw = stack.read(scene, &[field]).unwrap();
            if let Ok(samples) = stack.decode(subblock, &raw[0]) {
                assert_eq!(samples.as_bytes().len() as u64, subblock.decoded_bytes(), "round {round}");
            }
        }
    }
    assert!(refused > 50, "only {refused} of 500 were noticed");
}

/// Shapes and sums by tifffile and numpy.
#[test]
#[ignore = "reads the real files of ../shared/data"]
fn real_files_have_the_shape_and_sum_that_tifffile_finds() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/decon");
    for (name, z, y, x, sum, voxel_um) in [
        ("deconwolf/dapi_001.tif", 40, 201, 101, 5_512_459_388.0, None),
        ("flowdec/bars-25pct_actual.tif", 32, 64, 64, 31_456_800.0, None),
        ("flowdec/bars-25pct_data.tif", 32, 64, 64, 763_671_203.375, None),
        ("flowdec/bars-25pct_kernel.tif", 32, 64, 64, 500_193.625, None),
        ("flowdec/bead-25pct_data.tif", 64, 64, 64, 88_932_418.375, None),
        ("flowdec/bead-25pct_kernel.tif", 64, 64, 64, 1_997_730.375, None),
        ("flowdec/psfs_psfgen1.tif", 8, 16, 16, 64.903_202_302_753_93, Some((0.25, 0.1))),
        ("redlionfish/PSF_RFI_8bit.tif", 61, 32, 32, 1_094_998.0, Some((0.3, 1e3 / 3333.0))),
        ("redlionfish/gendata_psfconv_poiss.tif", 160, 160, 160, 18_409_407.0, None),
        ("redlionfish/test.tif", 160, 160, 160, 567_348.0, None),
    ] {
        let path = folder.join(name);
        let volume = read_volume(&path).unwrap();
        assert_eq!(volume.shape, Zyx::new(z, y, x), "{name}");
        // Summed in f64 in the same order; the file's values are exact in f32.
        let total: f64 = volume.data.iter().map(|&v| f64::from(v)).sum();
        assert!((total - sum).abs() <= 1e-9 * sum, "{name}: {total}");
        assert_eq!(volume.voxel_um.z, voxel_um.map(|(z, _)| z), "{name}");
        let x_um = voxel_um.map_or(0.0, |(_, x)| x);
        assert!((volume.voxel_um.x.unwrap_or(0.0) - x_um).abs() < 1e-12, "{name}: {:?}", volume.voxel_um);
        let stack = TiffStack::open(&path).unwrap();
        assert_eq!(decoded(&stack).len(), z as usize, "{name}");
    }
}
