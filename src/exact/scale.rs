//! Multiples of a sum.

use super::accumulator::Accumulator;

impl Accumulator {
    /// The sum multiplied by an integer, with the same count. `None` if it cannot be represented.
    ///
    /// ```
    /// use mypackage::sum::Accumulator;
    ///
    /// let total: Accumulator = [1e300, 0.5, f64::NEG_INFINITY].into_iter().collect();
    /// let times = total.times(-3).expect("it is in range");
    /// assert_eq!((times.to_f64(), times.count()), (f64::INFINITY, 3));
    /// ```
    pub fn times(&self, factor: i64) -> Option<Accumulator> {
        let mut finite = self.clone();
        let [nans, up, down, count] = self.counters();
        finite.set_counters([0, 0, 0, 0]);
        let (negative, magnitude, exponent) = finite.to_parts()?;
        // No sum has more bits than this, the highest of which is the sign.
        let bits = 8 * magnitude.len() as i32 + exponent;
        if bits + 64 >= Accumulator::HIGHEST_EXPONENT - 16 {
            return None;
        }
        let mut result = Accumulator::new();
        for (index, bytes) in magnitude.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            let product = i128::from(u32::from_le_bytes(word)) * i128::from(factor);
            let product = if negative { -product } else { product };
            result.add_scaled(product, exponent + 32 * index as i32);
        }
        result.set_counters(match factor {
            // 0 times an infinity is NaN.
            0 if up != 0 || down != 0 => [nans, 1, 1, count],
            0 => [nans, 0, 0, count],
            1.. => [nans, up, down, count],
            _ => [nans, down, up, count],
        });
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_exact() {
        for values in [vec![0.1, 1e300, -1e-300], vec![], vec![5e-324], vec![f64::MAX; 3]] {
            let sum: Accumulator = values.iter().copied().collect();
            for factor in [0i64, 1, -1, 3, -7, (1 << 40) + 1, -(1 << 40)] {
                let mut expected = Accumulator::new();
                for bit in 0..41 {
                    if factor.unsigned_abs() >> bit & 1 == 1 {
                        let mut one = sum.clone();
                        for _ in 0..bit {
                            let same = one.clone();
                            one.merge(&same);
                        }
                        expected.merge(&one);
                    }
                }
                if factor < 0 {
                    expected.negate();
                }
                let times = sum.times(factor).expect("in range");
                assert_eq!(times.to_parts(), expected.to_parts(), "{values:?} {factor}");
                assert_eq!(times.count(), values.len() as i64);
            }
        }
    }

    #[test]
    fn specials_change_their_sign_and_too_much_is_none() {
        let up: Accumulator = [f64::INFINITY].into_iter().collect();
        assert_eq!(up.times(2).unwrap().to_f64(), f64::INFINITY);
        assert_eq!(up.times(-2).unwrap().to_f64(), f64::NEG_INFINITY);
        assert!(up.times(0).unwrap().to_f64().is_nan());
        let nan: Accumulator = [f64::NAN].into_iter().collect();
        assert!(nan.times(0).unwrap().to_f64().is_nan());
        let mut huge = Accumulator::new();
        huge.add_scaled(1, 2090);
        assert!(huge.times(1).is_none());
    }
}
