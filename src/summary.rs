//! The conditioning of a sum, and the errors of the usual orders of summation.

use crate::exact::accumulator::Accumulator;

/// NumPy's PW_BLOCKSIZE: longer runs are halved.
const PAIRWISE_BLOCK: usize = 128;
/// The number of elements added exactly at once: enough for the fast kernels, and still in the
/// cache.
const STAGE: usize = 4096;

/// The exact sum of binary64 numbers, with the errors of inexact orders of summation.
///
/// NaNs are counted and left out; the two inexact sums treat them as 0, as `np.nansum` does.
///
/// ```
/// let summary = mypackage::sum::summarize(3, |into| {
///     into.copy_from_slice(&[2.0, f64::NAN, -1.0]);
///     Ok::<(), ()>(())
/// })?;
/// assert_eq!((summary.count, summary.nan_count), (3, 1));
/// assert_eq!((summary.sum, summary.mean), (1.0, 0.5));
/// assert_eq!((summary.min, summary.max), (Some(-1.0), Some(2.0)));
/// assert_eq!(summary.condition_number, Some(3.0));
/// assert_eq!((summary.naive_ulps, summary.pairwise_ulps), (Some(0), Some(0)));
/// # Ok::<(), ()>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The number of elements, including NaNs.
    pub count: usize,
    /// The number of NaNs.
    pub nan_count: usize,
    /// The exact sum, rounded once.
    pub sum: f64,
    /// The exact mean, rounded once; NaN without numbers.
    pub mean: f64,
    /// The smallest number.
    pub min: Option<f64>,
    /// The largest number.
    pub max: Option<f64>,
    /// The sum of the magnitudes divided by the magnitude of the sum: the factor by which relative
    /// errors of the numbers are amplified. Infinite for a sum of 0; `None` if all numbers are 0,
    /// or one is infinite.
    pub condition_number: Option<f64>,
    /// The sum rounded after every addition, from left to right.
    pub naive_sum: f64,
    /// The distance of `naive_sum` from `sum`, counted in binary64 numbers, if both are finite.
    pub naive_ulps: Option<u64>,
    /// The sum in the order of `np.sum` for a contiguous array (NumPy 2.3 and later; earlier
    /// versions took 8192 numbers at a time).
    pub pairwise_sum: f64,
    /// The distance of `pairwise_sum` from `sum`, counted in binary64 numbers, if both are finite.
    pub pairwise_ulps: Option<u64>,
}

/// Summarises `count` numbers that `read` delivers in order, filling the slice it is given.
///
/// # Errors
/// Those of `read`.
///
/// ```
/// let mut numbers = [1e16, 1.0, -1e16, 1.0].into_iter();
/// let summary = mypackage::sum::summarize(4, |into| {
///     into.fill_with(|| numbers.next().unwrap());
///     Ok::<(), ()>(())
/// })?;
/// assert_eq!((summary.sum, summary.naive_sum), (2.0, 1.0));
/// assert_eq!(summary.condition_number, Some(1e16 + 1.0));
/// # Ok::<(), ()>(())
/// ```
pub fn summarize<E>(
    count: usize,
    read: impl FnMut(&mut [f64]) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut state = Running {
        read,
        sum: Accumulator::new(),
        magnitudes: Accumulator::new(),
        stage: Vec::with_capacity(STAGE),
        naive: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        nans: 0,
    };
    // NumPy adds the array's sum to the identity, which turns -0.0 into 0.0.
    let pairwise_sum = 0.0 + state.pairwise(count)?;
    state.add_exactly();
    state.sum.add_zeros(-(state.nans as i64));
    let sum = state.sum.to_f64();
    Ok(Summary {
        count,
        nan_count: state.nans,
        sum,
        mean: state.sum.mean(),
        min: (state.nans < count).then_some(state.min),
        max: (state.nans < count).then_some(state.max),
        condition_number: condition_number(&state.magnitudes, &state.sum),
        naive_sum: state.naive,
        naive_ulps: distance(state.naive, sum),
        pairwise_sum,
        pairwise_ulps: distance(pairwise_sum, sum),
    })
}

struct Running<R> {
    read: R,
    sum: Accumulator,
    magnitudes: Accumulator,
    /// Numbers not yet added to the exact sums.
    stage: Vec<f64>,
    naive: f64,
    min: f64,
    max: f64,
    nans: usize,
}

impl<E, R: FnMut(&mut [f64]) -> Result<(), E>> Running<R> {
    /// Takes the next `count` numbers and returns their sum in NumPy's order.
    fn pairwise(&mut self, count: usize) -> Result<f64, E> {
        if count > PAIRWISE_BLOCK {
            let half = count / 2;
            let left = half - half % 8;
            return Ok(self.pairwise(left)? + self.pairwise(count - left)?);
        }
        let mut block = [0.0; PAIRWISE_BLOCK];
        let block = &mut block[..count];
        (self.read)(block)?;
        self.take(block);
        Ok(pairwise_block(block))
    }

    /// Updates the statistics for a block, and sets its NaNs to 0.
    fn take(&mut self, block: &mut [f64]) {
        // One pass: the three chains of dependent operations hide each other's latency.
        for x in block.iter_mut() {
            // NaN is neither less nor greater.
            self.min = if *x < self.min { *x } else { self.min };
            self.max = if *x > self.max { *x } else { self.max };
            if x.is_nan() {
                self.nans += 1;
                *x = 0.0;
            }
            self.naive += *x;
        }
        self.stage.extend_from_slice(block);
        if self.stage.len() > STAGE - PAIRWISE_BLOCK {
            self.add_exactly();
        }
    }

    /// Adds the buffered numbers to the exact sums.
    fn add_exactly(&mut self) {
        self.sum.add_slice(&self.stage);
        self.stage.iter_mut().for_each(|x| *x = x.abs());
        self.magnitudes.add_slice(&self.stage);
        self.stage.clear();
    }
}

/// The sum of at most [`PAIRWISE_BLOCK`] numbers as `np.sum` adds them: eight partial sums.
fn pairwise_block(block: &[f64]) -> f64 {
    let (rows, rest) = block.as_chunks::<8>();
    let Some((first, rows)) = rows.split_first() else {
        return rest.iter().fold(-0.0, |sum, x| sum + x);
    };
    let mut r = *first;
    for row in rows {
        for (sum, x) in r.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, x| sum + x)
}

/// How many steps from one finite binary64 number to the next lead from `a` to `b`.
fn distance(a: f64, b: f64) -> Option<u64> {
    // In this order of integers neighbours differ by 1, and the two zeros are equal.
    let ordinal = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    (a.is_finite() && b.is_finite()).then(|| ordinal(a).abs_diff(ordinal(b)))
}

fn condition_number(magnitudes: &Accumulator, sum: &Accumulator) -> Option<f64> {
    let leading = |total: &Accumulator| {
        let (_, bytes, exponent) = total.to_parts()?;
        let skipped = bytes.len().saturating_sub(16);
        let head =
            bytes[skipped..].iter().rev().fold(0u128, |head, &byte| head << 8 | u128::from(byte));
        Some((head as f64, exponent + 8 * skipped as i32))
    };
    let ((numerator, high), (denominator, low)) = (leading(magnitudes)?, leading(sum)?);
    match (numerator, denominator) {
        (0.0, _) => None,
        (_, 0.0) => Some(f64::INFINITY),
        // The scale in two steps: one alone may overflow where the quotient does not.
        _ => {
            let half = (high - low) / 2;
            let scale = |exponent: i32| f64::from(exponent).exp2();
            Some(numerator / denominator * scale(half) * scale(high - low - half))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(numbers: &[f64]) -> Summary {
        let mut rest = numbers;
        let outcome = summarize(numbers.len(), |into| {
            let (now, later) = rest.split_at(into.len());
            into.copy_from_slice(now);
            rest = later;
            Ok::<(), ()>(())
        });
        assert!(rest.is_empty());
        outcome.unwrap()
    }

    #[test]
    fn every_number_is_taken_once() {
        for count in (0..700).chain([1000, 4096, 10_007]) {
            let numbers: Vec<f64> = (1..=count).map(f64::from).collect();
            let summary = summary(&numbers);
            let expected = f64::from(count) * f64::from(count + 1) / 2.0;
            assert_eq!(summary.sum, expected);
            assert_eq!((summary.naive_sum, summary.pairwise_sum), (expected, expected));
            assert_eq!((summary.naive_ulps, summary.pairwise_ulps), (Some(0), Some(0)));
            assert_eq!((summary.count, summary.nan_count), (count as usize, 0));
            assert_eq!(summary.condition_number, (count > 0).then_some(1.0));
        }
    }

    #[test]
    fn nans_are_left_out_and_counted() {
        let summary = summary(&[f64::NAN, 3.0, f64::NAN, -1.0]);
        assert_eq!((summary.count, summary.nan_count), (4, 2));
        assert_eq!((summary.sum, summary.mean), (2.0, 1.0));
        assert_eq!((summary.min, summary.max), (Some(-1.0), Some(3.0)));
        assert_eq!(summary.condition_number, Some(2.0));
    }

    #[test]
    fn the_ends_of_the_range() {
        let most = summary(&[f64::MAX, f64::MAX, -f64::MAX]);
        assert_eq!((most.sum, most.naive_sum, most.naive_ulps), (f64::MAX, f64::INFINITY, None));
        assert_eq!(most.condition_number, Some(3.0));
        let least = f64::from_bits(1);
        assert_eq!(summary(&[1.0, -1.0, least]).condition_number, Some(f64::INFINITY));
        assert_eq!(summary(&[1.0, -1.0]).condition_number, Some(f64::INFINITY));
        assert_eq!(summary(&[least, -2.0 * least]).condition_number, Some(3.0));
        assert_eq!(summary(&[f64::INFINITY, 1.0]).condition_number, None);
        assert_eq!(summary(&[0.0, -0.0]).condition_number, None);
    }

    #[test]
    fn distances_cross_zero() {
        let least = f64::from_bits(1);
        assert_eq!(distance(0.0, -0.0), Some(0));
        assert_eq!(distance(-least, least), Some(2));
        assert_eq!(distance(1.0, 1.0 + f64::EPSILON), Some(1));
        assert_eq!(distance(f64::MIN, f64::MAX), Some(2 * (f64::MAX.to_bits())));
        assert_eq!(distance(f64::NAN, 0.0), None);
    }
}
