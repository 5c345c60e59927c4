//! The exact sum as an opaque object.

use super::export::export;
use super::sums::exact_sum;
use mypackage::error::Error;
use mypackage::sum::Accumulator;

export! {
    fn mypackage_accumulator_new(out: *mut *mut Accumulator) where (out: Handle) {
        out(Accumulator::new())
    }

    fn mypackage_accumulator_add_f64(
        accumulator: *mut Accumulator, values: *const f64, count: usize, stride: isize,
    )
    where (values: Array[count, stride], accumulator: Unique) {
        Ok(accumulator.try_merge(&exact_sum(values))?)
    }

    fn mypackage_accumulator_merge(accumulator: *mut Accumulator, other: *const Accumulator)
    where (other: Copied, accumulator: Unique) {
        Ok(accumulator.try_merge(&other)?)
    }

    fn mypackage_accumulator_value_f64(accumulator: *const Accumulator, out: *mut f64)
    where (accumulator: Shared, out: Place) {
        out.put(accumulator.to_f64())
    }

    fn mypackage_accumulator_count(accumulator: *const Accumulator, out: *mut i64)
    where (accumulator: Shared, out: Place) {
        out.put(accumulator.count())
    }

    fn mypackage_accumulator_to_bytes(
        accumulator: *const Accumulator, buffer: *mut u8, capacity: usize, length: *mut usize,
    )
    where (accumulator: Shared, length: Place, buffer: Buffer[capacity]) {
        let bytes = accumulator.to_bytes();
        length.put(bytes.len())?;
        if buffer.is_null() {
            return Ok(());
        }
        if capacity < bytes.len() {
            return Err(Error::Value(format!(
                "the accumulator needs a buffer of {} bytes, not {capacity}",
                bytes.len()
            ))
            .into());
        }
        buffer.write(&bytes)
    }

    fn mypackage_accumulator_from_bytes(
        bytes: *const u8, length: usize, out: *mut *mut Accumulator,
    )
    where (bytes: Bytes[length], out: Handle) {
        out(Accumulator::from_bytes(bytes)?)
    }
}

export! {
    void fn mypackage_accumulator_free(accumulator: *mut Accumulator) where (owned: Owned) {
        drop(owned);
        Ok(())
    }
}
