//! Bytes as exact sums: refused, or the one canonical form of what they hold.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mypackage::sum::{Cells, decode, encode};

fuzz_target!(|data: &[u8]| {
    // With the right beginning and end, or hardly any input would come further.
    let mut bytes = b"MYXS\x02".to_vec();
    bytes.extend(data);
    let check = crc32(&bytes);
    bytes.extend(check.to_le_bytes());
    let _ = decode(data);
    let Ok((kind, shape, cells)) = decode(&bytes) else { return };
    assert_eq!(encode(kind, &shape, &cells), bytes);
    // What can be read can be used.
    let mut sums = Cells::new(cells.len());
    if sums.merge(&[&cells]).is_ok() {
        assert!(sums == cells);
    }
    let mut negated = cells.clone();
    negated.negate();
    if sums.merge(&[&negated]).is_ok() {
        assert!(sums == Cells::new(cells.len()));
    }
    for sum in cells.iter().take(20) {
        let _ = (sum.to_f64(), sum.to_f32(), sum.mean(), sum.to_integer(3), sum.to_parts());
    }
});

/// The check sum of a bytes string (IEEE 802.3), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
