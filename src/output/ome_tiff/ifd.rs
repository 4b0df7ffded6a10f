//! A directory of a BigTIFF as bytes: tags in ascending order, and behind them the values that do not fit into a tag.

/// The values of a tag.
#[derive(Debug)]
pub(super) enum Value {
    /// Bytes of a text; the 0 at its end is added.
    Ascii(Vec<u8>),
    /// 16 bits.
    Short(Vec<u16>),
    /// 32 bits.
    Long(Vec<u32>),
    /// Numerator and denominator.
    Rational(u32, u32),
    /// 64 bits.
    Long8(Vec<u64>),
    /// Where other directories are.
    Ifd8(Vec<u64>),
}

impl Value {
    /// The kind's number, how many values there are, and their bytes.
    fn stored(&self) -> (u16, u64, Vec<u8>) {
        fn bytes<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N]) -> (u64, Vec<u8>) {
            (values.len() as u64, values.iter().flat_map(|&value| bytes(value)).collect())
        }
        let (kind, (count, bytes)) = match self {
            Self::Ascii(text) => (2, (text.len() as u64 + 1, [text.as_slice(), &[0]].concat())),
            Self::Short(values) => (3, bytes(values, u16::to_ne_bytes)),
            Self::Long(values) => (4, bytes(values, u32::to_ne_bytes)),
            Self::Rational(numerator, denominator) => {
                (5, (1, bytes(&[*numerator, *denominator], u32::to_ne_bytes).1))
            }
            Self::Long8(values) => (16, bytes(values, u64::to_ne_bytes)),
            Self::Ifd8(values) => (18, bytes(values, u64::to_ne_bytes)),
        };
        (kind, count, bytes)
    }
}

/// Tags and their values, and where those lie that do not fit.
#[derive(Debug, Default)]
pub(super) struct Ifd {
    tags: Vec<(u16, Value)>,
}

impl Ifd {
    /// Bytes of a value that stands in its tag.
    const FIELD_BYTES: usize = 8;
    /// Bytes of a tag.
    const TAG_BYTES: usize = 20;

    /// Adds a tag.
    ///
    /// # Panics
    /// When it does not come after those that are there.
    pub fn add(&mut self, tag: u16, value: Value) {
        assert!(self.tags.last().is_none_or(|(last, _)| *last < tag), "tags ascend");
        self.tags.push((tag, value));
    }

    /// Its bytes at byte `at` of the file, where the next directory is at `next`; 0: there is none.
    pub fn bytes(&self, at: u64, next: u64) -> Vec<u8> {
        let mut head = (self.tags.len() as u64).to_ne_bytes().to_vec();
        let mut behind = Vec::new();
        let head_bytes = (8 + self.tags.len() * Self::TAG_BYTES + 8).next_multiple_of(Self::FIELD_BYTES);
        let behind_at = at + head_bytes as u64;
        for (tag, value) in &self.tags {
            let (kind, count, mut bytes) = value.stored();
            head.extend(tag.to_ne_bytes());
            head.extend(kind.to_ne_bytes());
            head.extend(count.to_ne_bytes());
            if bytes.len() <= Self::FIELD_BYTES {
                bytes.resize(Self::FIELD_BYTES, 0);
                head.extend(bytes);
            } else {
                head.extend((behind_at + behind.len() as u64).to_ne_bytes());
                bytes.resize(bytes.len().next_multiple_of(Self::FIELD_BYTES), 0);
                behind.extend(bytes);
            }
        }
        head.extend(next.to_ne_bytes());
        head.resize(head_bytes, 0);
        head.extend(behind);
        head
    }
}
