//! Fibonacci numbers, exact or modulo m, computed block by block.

use super::export::export;
use super::foreign::{Array, ArrayMut, BLOCK};
use super::status::Outcome;
use mypackage::error::Error;
use mypackage::fibonacci::modular::{self, Member, SharedRing};
use mypackage::fibonacci::small;

/// Computes `out` from `n` block by block. Blocks are copied, so the two may be the same array.
fn map_blocks<T: Copy + Default>(
    n: Array<'_, T>,
    out: ArrayMut<'_, T>,
    kernel: impl Fn(usize, &[T], &mut [T]) -> Outcome,
) -> Outcome {
    // So that a single number does not clear a large block.
    match n.count() {
        ..=FEW => map_blocks_of::<T, FEW>(n, out, kernel),
        _ => map_blocks_of::<T, BLOCK>(n, out, kernel),
    }
}

const FEW: usize = 8;

fn map_blocks_of<T: Copy + Default, const BLOCK: usize>(
    n: Array<'_, T>,
    out: ArrayMut<'_, T>,
    kernel: impl Fn(usize, &[T], &mut [T]) -> Outcome,
) -> Outcome {
    let (mut inputs, mut results) = ([T::default(); BLOCK], [T::default(); BLOCK]);
    for start in (0..n.count()).step_by(BLOCK) {
        let length = BLOCK.min(n.count() - start);
        let (inputs, results) = (&mut inputs[..length], &mut results[..length]);
        n.read(start, inputs);
        kernel(start, inputs, results)?;
        out.write(start, results);
    }
    Ok(())
}

export! {
    fn mypackage_fibonacci_i64(
        n: *const i64, count: usize, stride: isize, out: *mut i64, out_stride: isize,
    )
    where (n: Array[count, stride], out: ArrayMut[count, out_stride]) {
        map_blocks(n, out, |_, n, out| Ok(small::fibonacci(n, out)?))
    }

    fn mypackage_fibonacci_u64(
        n: *const u64, count: usize, stride: isize, out: *mut u64, out_stride: isize,
    )
    where (n: Array[count, stride], out: ArrayMut[count, out_stride]) {
        map_blocks(n, out, |_, n, out| Ok(small::fibonacci(n, out)?))
    }

    fn mypackage_fibonacci_mod_u64(
        n: *const u64, m: *const u64, count: usize, n_stride: isize, m_stride: isize,
        out: *mut u64, out_stride: isize,
    )
    where (n: Array[count, n_stride], m: Array[count, m_stride], out: ArrayMut[count, out_stride]) {
        let zero = || Error::Value("fibonacci_mod needs a modulus m other than 0".into());
        if m_stride == 0 && count >= SharedRing::PAYS_FROM {
            let mut modulus = [0];
            m.read(0, &mut modulus);
            let [modulus] = modulus;
            if modulus == 0 {
                return Err(zero().into());
            }
            let ring = SharedRing::fibonacci(modulus);
            return map_blocks(n, out, |_, n, out| Ok(ring.members(Member::U, n, modulus, out)?));
        }
        map_blocks(n, out, |start, n, out| {
            // In short parts, since the kernel works in groups of this size.
            for (part, (n, out)) in n.chunks(FEW).zip(out.chunks_mut(FEW)).enumerate() {
                let mut moduli = [0; FEW];
                let moduli = &mut moduli[..n.len()];
                m.read(start + part * FEW, moduli);
                if modular::fibonacci(Member::U, n, moduli, out)? {
                    return Err(zero().into());
                }
            }
            Ok(())
        })
    }
}
