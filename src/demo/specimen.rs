//! What is on the slide: nuclei with bright grains in one channel, fibres with vesicles in the other.

use rand::RngExt;
use rand::rngs::StdRng;

use super::Image;

/// Light between the structures.
const HAZE: f32 = 5.0;
/// Pixels between nuclei, on average, along each axis.
const NUCLEUS_SPACING: u32 = 110;

/// Draws the specimen of a channel, in photons a pixel.
pub fn draw(channel: u32, width: u32, height: u32, rng: &mut StdRng) -> Image {
    let mut image = Image { pixels: vec![HAZE; width as usize * height as usize], width: width as usize };
    let area = width * height;
    if channel == 0 {
        for _ in 0..area / NUCLEUS_SPACING.pow(2) {
            nucleus(&mut image, rng);
        }
    } else {
        for _ in 0..area / 12_000 {
            fibre(&mut image, rng);
        }
        for _ in 0..area / 1_500 {
            let (x, y) = place(&image, rng);
            disc(&mut image, (x, y), 1.2, 900.0);
        }
    }
    image
}

fn place(image: &Image, rng: &mut StdRng) -> (f32, f32) {
    let height = image.pixels.len() / image.width;
    (rng.random_range(0.0..image.width as f32), rng.random_range(0.0..height as f32))
}

/// An ellipse with a rim, dark gaps and bright grains.
fn nucleus(image: &mut Image, rng: &mut StdRng) {
    let centre = place(image, rng);
    let (a, b) = (rng.random_range(18.0..30.0_f32), rng.random_range(14.0..22.0_f32));
    let (sin, cos) = rng.random_range(0.0..std::f32::consts::PI).sin_cos();
    let brightness = rng.random_range(150.0..350.0_f32);
    for_pixels_near(image, centre, a.max(b) + 1.0, |pixel, dx, dy| {
        let (u, v) = ((dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b);
        let r = u.hypot(v);
        if r < 1.0 {
            *pixel += if r > 0.9 { 1.6 * brightness } else { brightness };
        }
    });
    for _ in 0..14 {
        let (angle, r) = (rng.random_range(0.0..std::f32::consts::TAU), rng.random_range(0.0..0.8_f32));
        let (u, v) = (r * angle.cos() * a, r * angle.sin() * b);
        let grain = (centre.0 + u * cos - v * sin, centre.1 + u * sin + v * cos);
        disc(image, grain, 1.5, 4.0 * brightness);
    }
}

/// A wavy line, two pixels wide.
fn fibre(image: &mut Image, rng: &mut StdRng) {
    let (mut x, mut y) = place(image, rng);
    let mut angle = rng.random_range(0.0..std::f32::consts::TAU);
    let brightness = rng.random_range(60.0..160.0);
    for _ in 0..500 {
        disc(image, (x, y), 1.0, brightness);
        angle += rng.random_range(-0.06..0.06);
        x += angle.cos();
        y += angle.sin();
    }
}

fn disc(image: &mut Image, centre: (f32, f32), radius: f32, brightness: f32) {
    for_pixels_near(image, centre, radius, |pixel, dx, dy| {
        if dx.hypot(dy) <= radius {
            *pixel += brightness;
        }
    });
}

/// Calls `paint` with each pixel of a square around `centre`, and its distance from there along x and y.
fn for_pixels_near(
    image: &mut Image,
    centre: (f32, f32),
    radius: f32,
    mut paint: impl FnMut(&mut f32, f32, f32),
) {
    let height = image.pixels.len() / image.width;
    let range = |middle: f32, length: usize| {
        let first = (middle - radius).floor().max(0.0) as usize;
        first..((middle + radius).ceil().max(0.0) as usize + 1).min(length)
    };
    for y in range(centre.1, height) {
        for x in range(centre.0, image.width) {
            paint(&mut image.pixels[y * image.width + x], x as f32 - centre.0, y as f32 - centre.1);
        }
    }
}
