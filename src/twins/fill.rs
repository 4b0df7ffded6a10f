//! The plane that fields are painted on, before the first is painted.
//!
//! plane ← no data. One value for each level-0 pixel under a tile.

use crate::constants::NO_DATA;

/// Clears `plane`.
pub fn fill(plane: &mut [f32]) {
    plane.fill(NO_DATA);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays() {
        let mut plane = vec![7.0; 33];
        fill(&mut plane);
        assert_eq!(plane, [NO_DATA; 33]);
    }
}
