//! Sets of pixels that are made of rectangles: what fields cover together, what a mask shows.

use std::ops::Range;

use super::{Rect, Space};

/// A set of pixels. Two areas with the same pixels are equal: neighbouring rows that look alike are one band, columns
/// that touch are one range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    bands: Vec<Band>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Band {
    rows: Range<i64>,
    columns: Vec<Range<i64>>,
}

impl Area {
    /// What `rects` cover together.
    pub fn of<S: Space>(rects: impl IntoIterator<Item = Rect<S>>) -> Self {
        let mut rects: Vec<_> = rects.into_iter().filter(|rect| rect.area() > 0).collect();
        rects.sort_by_key(|rect| rect.y);
        let mut edges: Vec<i64> = rects.iter().flat_map(|rect| [rect.y, rect.bottom()]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut waiting = rects.into_iter().peekable();
        let mut open: Vec<Rect<S>> = Vec::new();
        let mut area = Self::default();
        for edge in edges.windows(2) {
            let rows = edge[0]..edge[1];
            open.retain(|rect| rect.bottom() > rows.start);
            while let Some(rect) = waiting.next_if(|rect| rect.y <= rows.start) {
                open.push(rect);
            }
            area.push(rows, open.iter().map(|rect| rect.x..rect.right()).collect());
        }
        area
    }

    /// Adds rows below all others, with these columns, in any order.
    pub fn push(&mut self, rows: Range<i64>, mut columns: Vec<Range<i64>>) {
        columns.sort_by_key(|range| range.start);
        columns.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        if columns.is_empty() {
            return;
        }
        match self.bands.last_mut() {
            Some(last) if last.rows.end == rows.start && last.columns == columns => last.rows.end = rows.end,
            _ => self.bands.push(Band { rows, columns }),
        }
    }

    /// The area as rectangles that do not overlap, from the top down.
    pub fn rects<S: Space>(&self) -> Vec<Rect<S>> {
        let of_band = |band: &Band| {
            let rows = band.rows.clone();
            let rect = move |columns: &Range<i64>| {
                Rect::between((columns.start, rows.start), (columns.end, rows.end))
            };
            band.columns.iter().filter_map(rect).collect::<Vec<_>>()
        };
        self.bands.iter().flat_map(of_band).collect()
    }

    /// How many rectangles it is made of.
    pub fn parts(&self) -> usize {
        self.bands.iter().map(|band| band.columns.len()).sum()
    }

    /// Pixels inside.
    pub fn count(&self) -> u64 {
        let columns =
            |band: &Band| band.columns.iter().map(|range| (range.end - range.start) as u64).sum::<u64>();
        self.bands.iter().map(|band| (band.rows.end - band.rows.start) as u64 * columns(band)).sum()
    }

    /// Pixels of `rect` inside.
    pub fn covered<S: Space>(&self, rect: Rect<S>) -> u64 {
        let within =
            |range: &Range<i64>, from: i64, to: i64| (range.end.min(to) - range.start.max(from)) as u64;
        let first = self.bands.partition_point(|band| band.rows.end <= rect.y);
        let bands = self.bands[first..].iter().take_while(|band| band.rows.start < rect.bottom());
        let of_band = |band: &Band| {
            let first = band.columns.partition_point(|range| range.end <= rect.x);
            let ranges = band.columns[first..].iter().take_while(|range| range.start < rect.right());
            let columns: u64 = ranges.map(|range| within(range, rect.x, rect.right())).sum();
            columns * within(&band.rows, rect.y, rect.bottom())
        };
        bands.map(of_band).sum()
    }

    /// Whether its outline lies on multiples of `step`.
    pub fn is_on_grid(&self, step: u32) -> bool {
        let step = i64::from(step);
        let on_grid = |range: &Range<i64>| range.start % step == 0 && range.end % step == 0;
        self.bands.iter().all(|band| on_grid(&band.rows) && band.columns.iter().all(on_grid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Mosaic;

    fn rect(x: i64, y: i64, width: u32, height: u32) -> Rect<Mosaic> {
        Rect::new(x, y, width, height)
    }

    #[test]
    fn the_same_pixels_are_the_same_area() {
        let whole = Area::of([rect(0, 0, 10, 10)]);
        assert_eq!(Area::of([rect(0, 0, 6, 10), rect(4, 0, 6, 4), rect(5, 3, 5, 7)]), whole);
        assert_eq!((whole.count(), whole.rects::<Mosaic>()), (100, vec![rect(0, 0, 10, 10)]));
        let ring = [rect(0, 0, 9, 3), rect(0, 3, 3, 3), rect(6, 3, 3, 3), rect(0, 6, 9, 3)];
        assert_eq!(Area::of(ring).rects::<Mosaic>(), ring);
        assert_eq!(Area::of(ring).count(), 72);
        assert_eq!(Area::of([rect(0, 0, 5, 5), rect(0, 20, 5, 5)]).count(), 50);
        assert_eq!(Area::of::<Mosaic>([]).count(), 0);
    }

    #[test]
    fn what_is_covered_is_what_a_count_of_pixels_finds() {
        let parts = [rect(2, 1, 5, 9), rect(9, 4, 6, 2), rect(0, 12, 20, 3), rect(4, 0, 1, 20)];
        let area = Area::of(parts);
        for (x, y, width, height) in
            [(0, 0, 20, 20), (3, 2, 9, 4), (7, 0, 2, 12), (4, 0, 1, 20), (16, 5, 9, 9)]
        {
            let pixels = (y..y + height).flat_map(|y| (x..x + width).map(move |x| rect(x, y, 1, 1)));
            let inside = pixels.filter(|pixel| parts.iter().any(|part| part.intersect(*pixel).is_some()));
            assert_eq!(area.covered(rect(x, y, width as u32, height as u32)), inside.count() as u64);
        }
    }

    #[test]
    fn only_the_outline_must_lie_on_the_grid() {
        assert!(Area::of([rect(0, 0, 5, 8), rect(3, 0, 9, 8)]).is_on_grid(4));
        assert!(!Area::of([rect(0, 0, 5, 8), rect(3, 0, 8, 8)]).is_on_grid(4));
        assert!(!Area::of([rect(0, 0, 8, 8), rect(0, 0, 4, 9)]).is_on_grid(4));
    }
}
