//! Rectangles and short texts, as SVG or as PNG.

use std::fmt::Write;

/// Pixels of the drawing that a character is high.
pub(super) const GLYPH_HEIGHT: f64 = 10.0;
/// From one character to the next.
const ADVANCE: f64 = 8.0;
/// Pixels of the drawing for a dot of a character.
const DOT: f64 = 2.0;
/// Rows of three dots, the leftmost in the highest of the bits.
const GLYPHS: [(char, [u8; 5]); 15] = [
    ('0', [0b111, 0b101, 0b101, 0b101, 0b111]),
    ('1', [0b010, 0b110, 0b010, 0b010, 0b111]),
    ('2', [0b111, 0b001, 0b111, 0b100, 0b111]),
    ('3', [0b111, 0b001, 0b111, 0b001, 0b111]),
    ('4', [0b101, 0b101, 0b111, 0b001, 0b001]),
    ('5', [0b111, 0b100, 0b111, 0b001, 0b111]),
    ('6', [0b111, 0b100, 0b111, 0b101, 0b111]),
    ('7', [0b111, 0b001, 0b010, 0b010, 0b010]),
    ('8', [0b111, 0b101, 0b111, 0b101, 0b111]),
    ('9', [0b111, 0b101, 0b111, 0b001, 0b111]),
    ('.', [0b000, 0b000, 0b000, 0b000, 0b010]),
    ('µ', [0b000, 0b101, 0b101, 0b111, 0b100]),
    ('m', [0b000, 0b111, 0b111, 0b101, 0b101]),
    ('p', [0b000, 0b111, 0b101, 0b111, 0b100]),
    ('x', [0b000, 0b101, 0b010, 0b010, 0b101]),
];

/// A rectangle in pixels of the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// Shapes, the last on top, on white.
#[derive(Debug)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    shapes: Vec<Shape>,
}

#[derive(Debug)]
enum Shape {
    Fill { frame: Frame, color: [u8; 3], opacity: f64 },
    Outline { frame: Frame, color: [u8; 3] },
    Text { x: f64, y: f64, text: String, color: [u8; 3] },
}

/// Pixels of the drawing that `text` takes.
pub(super) fn text_width(text: &str) -> f64 {
    ADVANCE * text.chars().count() as f64
}

impl Drawing {
    pub fn new(width: f64, height: f64) -> Self {
        Self { width: width.ceil(), height: height.ceil(), shapes: Vec::new() }
    }

    pub fn fill(&mut self, frame: Frame, color: [u8; 3], opacity: f64) {
        self.shapes.push(Shape::Fill { frame, color, opacity });
    }

    /// One pixel wide.
    pub fn outline(&mut self, frame: Frame, color: [u8; 3]) {
        self.shapes.push(Shape::Outline { frame, color });
    }

    /// `x`, `y` is its top left corner.
    pub fn text(&mut self, x: f64, y: f64, text: &str, color: [u8; 3]) {
        self.shapes.push(Shape::Text { x, y, text: text.to_owned(), color });
    }

    pub fn svg(&self) -> String {
        let Self { width, height, .. } = self;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let place = |Frame { x, y, width, height }: Frame| {
            let [x, y, width, height] = [x, y, width, height].map(|v| (v * 100.0).round() / 100.0);
            format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
        };
        for shape in &self.shapes {
            // Writing to a string cannot fail.
            let _ = match shape {
                Shape::Fill { frame, color: [r, g, b], opacity } => {
                    let rect = place(*frame);
                    writeln!(svg, "{rect} fill=\"rgb({r},{g},{b})\" fill-opacity=\"{opacity}\"/>")
                }
                Shape::Outline { frame, color: [r, g, b] } => {
                    writeln!(svg, "{} fill=\"none\" stroke=\"rgb({r},{g},{b})\"/>", place(*frame))
                }
                Shape::Text { x, y, text, color: [r, g, b] } => writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" font-family=\"monospace\" font-size=\"13\" \
                     fill=\"rgb({r},{g},{b})\">{text}</text>",
                    y + GLYPH_HEIGHT
                ),
            };
        }
        svg + "</svg>\n"
    }

    /// # Errors
    /// The encoder's.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut raster = Raster::white(self.width as usize, self.height as usize);
        for shape in &self.shapes {
            match shape {
                Shape::Fill { frame, color, opacity } => raster.blend(*frame, *color, *opacity),
                Shape::Outline { frame, color } => raster.outline(*frame, *color),
                Shape::Text { x, y, text, color } => raster.text(*x, *y, text, *color),
            }
        }
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&raster.rgb)?;
        Ok(bytes)
    }
}

/// The pixels of a PNG.
struct Raster {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Raster {
    fn white(width: usize, height: usize) -> Self {
        Self { width, height, rgb: vec![255; width * height * 3] }
    }

    fn blend(&mut self, frame: Frame, color: [u8; 3], opacity: f64) {
        let range = |start: f64, length: f64, most: usize| {
            let first = (start.round().max(0.0) as usize).min(most);
            first..((start + length).round().max(0.0) as usize).clamp(first, most)
        };
        let columns = range(frame.x, frame.width, self.width);
        for y in range(frame.y, frame.height, self.height) {
            let row = &mut self.rgb[y * self.width * 3..][columns.start * 3..columns.end * 3];
            for (i, part) in row.iter_mut().enumerate() {
                *part =
                    (f64::from(*part) * (1.0 - opacity) + f64::from(color[i % 3]) * opacity).round() as u8;
            }
        }
    }

    fn outline(&mut self, frame: Frame, color: [u8; 3]) {
        let Frame { x, y, width, height } = frame;
        let sides = [
            Frame { height: 1.0, ..frame },
            Frame { width: 1.0, ..frame },
            Frame { y: y + height - 1.0, height: 1.0, ..frame },
            Frame { x: x + width - 1.0, width: 1.0, ..frame },
        ];
        sides.into_iter().for_each(|side| self.blend(side, color, 1.0));
    }

    fn text(&mut self, x: f64, y: f64, text: &str, color: [u8; 3]) {
        for (i, character) in text.chars().enumerate() {
            let Some((_, rows)) = GLYPHS.iter().find(|(known, _)| *known == character) else { continue };
            let left = x + ADVANCE * i as f64;
            for (row, bits) in rows.iter().enumerate() {
                for column in (0..3).filter(|column| bits & (0b100 >> column) != 0) {
                    let (x, y) = (left + DOT * f64::from(column), y + DOT * row as f64);
                    self.blend(Frame { x, y, width: DOT, height: DOT }, color, 1.0);
                }
            }
        }
    }
}
