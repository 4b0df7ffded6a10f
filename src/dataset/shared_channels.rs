//! Channels of several images of one file: what images have in common is counted once.

use std::ops::Range;

use super::Channel;

/// Where the channels `own` of an image are in `all`, which takes in those that it lacks.
pub fn share_channels(own: &[Channel], all: &mut Vec<Channel>) -> Range<u32> {
    let first = match all.windows(own.len().max(1)).position(|known| known == own) {
        Some(first) => first,
        // More of the same.
        None if own.starts_with(all) => 0,
        None => all.len(),
    };
    let known = all.len() - first;
    all.extend(own.iter().skip(known).cloned());
    first as u32..(first + own.len()) as u32
}
