//! Serialised accumulators: compact, versioned, with a check sum.
//!
//! ```text
//! "MYXS"  version  kind  ndim  dimension * ndim  block * blocks  CRC-32 of all before it (4 bytes)
//! block:  0  cell * length
//!         1  count  high * length  low * length
//!         2  count * length  high * length  low * length
//! cell:   nans  +infinities  -infinities  count  head  [exponent  magnitude bytes]
//! ```
//!
//! `version`, `kind` and `ndim` are a byte each, and so is the first of a block. Integers are
//! LEB128, signed ones with zigzag coding. A block has 1024 cells, the last one the rest. If all
//! sums of a block are `high + low`, where `high` is the sum rounded to binary64 and `low` the
//! rounding error, they are written like that (8 bytes each, lowest first), after their common
//! count or the count of each. Otherwise `head` is twice the number of magnitude bytes, plus 1 if
//! the sum is negative; the value is `±magnitude * 2^exponent`, the magnitude odd, lowest byte
//! first. `kind` is one of [`REALS`], [`COMPLEX`] and [`INTEGERS`], by the numbers that were added, so
//! that a result can be an integer; other kinds are left to callers. Equal sums of a kind have equal
//! bytes.

use super::accumulator::{Accumulator, Canonical};
use super::array::{Block, Cells, Counts, Narrow, block_lengths};
use crate::error::{Error, Result};

const MAGIC: [u8; 4] = *b"MYXS";
const VERSION: u8 = 2;
/// The kind of sums of real numbers.
pub const REALS: u8 = 0;
/// The kind of sums of complex numbers, whose parts are a last axis.
pub const COMPLEX: u8 = 1;
/// The kind of sums of integers.
pub const INTEGERS: u8 = 2;
/// The first byte of a block.
const CELLS: u8 = 0;
const PAIRS: u8 = 1;
const COUNTED_PAIRS: u8 = 2;
/// The size of a sum of products in 2^-2148..2^2112, in bytes.
const LONGEST: usize = 533;

/// Encodes an array of accumulators, whose meaning is `kind`.
///
/// ```
/// use mypackage::sum::{Accumulator, Cells, decode, encode};
///
/// let sums = [[0.5, 1e300], [2.0, 4.0]].map(|cell| cell.into_iter().collect::<Accumulator>());
/// let cells = Cells::from(sums.to_vec());
/// let bytes = encode(7, &[2], &cells);
/// assert_eq!(decode(&bytes), Ok((7, vec![2], cells)));
/// ```
///
/// # Panics
/// If there are more than 255 dimensions, or the shape does not fit the number of cells.
pub fn encode(kind: u8, shape: &[usize], cells: &Cells) -> Vec<u8> {
    let ndim = u8::try_from(shape.len()).expect("an array has at most 255 dimensions");
    assert_eq!(shape.iter().product::<usize>(), cells.len(), "the shape is that of the cells");
    let mut bytes = Vec::with_capacity(32 + 17 * cells.len());
    bytes.extend(MAGIC);
    bytes.extend([VERSION, kind, ndim]);
    for &dimension in shape {
        write_unsigned(&mut bytes, dimension as u64);
    }
    for block in cells.blocks() {
        match block.narrowed() {
            Some(narrow) => write_narrow(&mut bytes, &narrow),
            None => {
                bytes.push(CELLS);
                (0..block.len()).for_each(|index| write_cell(&mut bytes, &block.get(index)));
            }
        }
    }
    let check = crc32fast::hash(&bytes);
    bytes.extend(check.to_le_bytes());
    bytes
}

fn write_narrow(bytes: &mut Vec<u8>, narrow: &Narrow) {
    let first = narrow.counts.get(0);
    if (0..narrow.len()).all(|index| narrow.counts.get(index) == first) {
        bytes.push(PAIRS);
        write_signed(bytes, first);
    } else {
        bytes.push(COUNTED_PAIRS);
        (0..narrow.len()).for_each(|index| write_signed(bytes, narrow.counts.get(index)));
    }
    narrow.numbers().iter().for_each(|x| bytes.extend(x.to_le_bytes()));
}

fn write_cell(bytes: &mut Vec<u8>, cell: &Accumulator) {
    for counter in cell.counters() {
        write_signed(bytes, counter);
    }
    let Canonical { negative, magnitude, exponent } = cell.canonical();
    write_unsigned(bytes, 2 * magnitude.len() as u64 + u64::from(negative));
    if !magnitude.is_empty() {
        write_signed(bytes, exponent.into());
        bytes.extend(magnitude);
    }
}

/// The inverse of [`encode`]: kind, shape and cells.
///
/// ```
/// use mypackage::sum::{Cells, decode, encode};
///
/// let mut bytes = encode(0, &[3, 0], &Cells::new(0));
/// assert_eq!(decode(&bytes), Ok((0, vec![3, 0], Cells::new(0))));
/// bytes[6] ^= 1;
/// assert!(decode(&bytes).unwrap_err().to_string().contains("the check sum does not match"));
/// ```
///
/// # Errors
/// [`Error::Value`] if the bytes are not what [`encode`] of this version makes.
pub fn decode(bytes: &[u8]) -> Result<(u8, Vec<usize>, Cells)> {
    let damaged = |what: &str| Error::Value(format!("these bytes are not an exact sum: {what}"));
    let body = match bytes.split_last_chunk::<4>() {
        _ if !bytes.starts_with(&MAGIC) => Err(damaged("they do not begin with \"MYXS\"")),
        _ if bytes.len() > 4 && bytes[4] != VERSION => Err(damaged(&format!(
            "version {} is not {VERSION}, the one this release reads",
            bytes[4]
        ))),
        Some((body, check)) if crc32fast::hash(body).to_le_bytes() == *check => Ok(body),
        _ => Err(damaged("the check sum does not match; they are cut short or damaged")),
    }?;
    let mut reader = Reader(&body[5..]);
    reader.content(body.len()).ok_or_else(|| damaged("the content is not in canonical form"))
}

fn write_unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn write_signed(bytes: &mut Vec<u8>, value: i64) {
    write_unsigned(bytes, (value << 1 ^ value >> 63) as u64);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 || shift > 0 && byte == 0 {
                return None;
            }
            value |= part << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn counter(&mut self) -> Option<i64> {
        self.signed().filter(|counter| counter.unsigned_abs() <= Accumulator::MOST as u64)
    }

    fn content(&mut self, available: usize) -> Option<(u8, Vec<usize>, Cells)> {
        let kind = self.byte()?;
        let dimensions = self.byte()?;
        let mut shape = Vec::new();
        let mut size = 1usize;
        for _ in 0..dimensions {
            let dimension = usize::try_from(self.unsigned()?).ok()?;
            size = size.checked_mul(dimension)?;
            shape.push(dimension);
        }
        // A cell takes at least five bytes: do not allocate for a false size.
        if size.checked_mul(5)? > available {
            return None;
        }
        let blocks = block_lengths(size).map(|length| self.block(length)).collect::<Option<_>>()?;
        self.0.is_empty().then_some((kind, shape, Cells::of_blocks(size, blocks)))
    }

    fn block(&mut self, length: usize) -> Option<Block> {
        let counts = match self.byte()? {
            CELLS => {
                let cells = (0..length).map(|_| self.cell()).collect::<Option<_>>()?;
                let block = Block::Wide(cells);
                return block.narrowed().is_none().then_some(block);
            }
            PAIRS => Counts::All(self.counter()?),
            COUNTED_PAIRS => {
                let counts = (0..length).map(|_| self.counter()).collect::<Option<Vec<_>>>()?;
                if counts.iter().all(|&count| count == counts[0]) {
                    return None;
                }
                Counts::Each(counts)
            }
            _ => return None,
        };
        let (numbers, rest) = self.0.split_at_checked(16 * length)?;
        self.0 = rest;
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let numbers: Vec<f64> = numbers.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect();
        Narrow::checked(counts, numbers).map(Block::Narrow)
    }

    fn cell(&mut self) -> Option<Accumulator> {
        let mut counters = [0; 4];
        for counter in &mut counters {
            *counter = self.counter()?;
        }
        let head = self.unsigned()?;
        let length = usize::try_from(head / 2).ok().filter(|&length| length <= LONGEST)?;
        let mut value = Canonical { negative: head % 2 == 1, magnitude: Vec::new(), exponent: 0 };
        if length > 0 {
            value.exponent = i32::try_from(self.signed()?).ok()?;
            let (magnitude, rest) = self.0.split_at_checked(length)?;
            self.0 = rest;
            value.magnitude = magnitude.to_vec();
            if magnitude[0] % 2 == 0
                || magnitude[length - 1] == 0
                || value.exponent < Accumulator::LOWEST_EXPONENT
                // Checked first, so that the sum below cannot overflow.
                || value.exponent > Accumulator::HIGHEST_EXPONENT
                || value.top() > Accumulator::HIGHEST_EXPONENT
            {
                return None;
            }
        } else if value.negative {
            return None;
        }
        let mut cell = Accumulator::from_canonical(&value);
        cell.set_counters(counters);
        Some(cell)
    }
}

impl Accumulator {
    /// The sum as bytes: about 20 for ordinary data, at most 550. Equal sums have equal bytes.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let total: Accumulator = [1e300, 1.0, -3e-300].into_iter().collect();
    /// assert_eq!(Accumulator::from_bytes(&total.to_bytes()), Ok(total));
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(REALS, &[], &Cells::from(vec![self.clone()]))
    }

    /// The inverse of [`Accumulator::to_bytes`], of integers, too.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let bytes = [1e300, 1.0].into_iter().collect::<Accumulator>().to_bytes();
    /// assert_eq!(Accumulator::from_bytes(&bytes)?.count(), 2);
    /// assert!(Accumulator::from_bytes(&bytes[1..]).is_err());
    /// # Ok::<(), mypackage::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Value`] if the bytes are damaged, of another version, or hold an array.
    pub fn from_bytes(bytes: &[u8]) -> Result<Accumulator> {
        match decode(bytes)? {
            (REALS | INTEGERS, shape, cells) if shape.is_empty() => Ok(cells.get(0).into_owned()),
            (_, shape, _) => Err(Error::Value(format!(
                "these bytes hold an array of exact sums of shape {shape:?}, not a single one"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_sum_survives(values in prop::collection::vec(prop::num::f64::ANY, 0..40)) {
            let total: Accumulator = values.iter().copied().collect();
            let bytes = total.to_bytes();
            prop_assert_eq!(Accumulator::from_bytes(&bytes), Ok(total));
        }

        #[test]
        fn any_damage_is_found(values in prop::collection::vec(prop::num::f64::ANY, 0..9), at: usize, bit in 0..8) {
            let mut bytes = values.into_iter().collect::<Accumulator>().to_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1u8 << bit;
            prop_assert!(Accumulator::from_bytes(&bytes).is_err());
            prop_assert!(Accumulator::from_bytes(&bytes[..at]).is_err());
        }

        #[test]
        fn rubbish_with_a_right_check_sum_is_refused(rubbish in prop::collection::vec(0u8.., 0..60)) {
            let mut bytes = b"MYXS\x02".to_vec();
            bytes.extend(rubbish);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            if let Ok((kind, shape, cells)) = decode(&bytes) {
                prop_assert_eq!(encode(kind, &shape, &cells), bytes);
            }
        }
    }
}
