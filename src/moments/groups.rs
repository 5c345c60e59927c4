//! Exact sums of products by label, for grouped variances and weighted means.

use super::covariance::Variable;
use crate::array::dtype::Dtype;
use crate::exact::accumulator::Accumulator;
use crate::interrupt::Interrupt;

/// The number of elements read at once.
const PIECE: usize = 512;

/// Adds the products of a part of each element of `x` and a part of that of `y` to the sum of its
/// label, without counting them; returns the highest label beyond the sums, or -1.
///
/// Element `i` belongs to the group `labels[i]`, or to no group if that is negative.
///
/// ```
/// use mypackage::moments::{Variable, add_products_by_label};
/// use mypackage::sum::{Accumulator, View};
///
/// let x = Variable { view: View::of(&[3.0, 1e200, 4.0, -1e200]), complex: false };
/// let mut sums = vec![Accumulator::new(); 2];
/// let stray = add_products_by_label((&x, 0), (&x, 0), &[0, -1, 0, 7], &mut sums);
/// assert_eq!((sums[0].to_f64(), sums[1].to_f64(), stray), (25.0, 0.0, 7));
/// ```
///
/// # Panics
/// If there are fewer elements than labels.
pub fn add_products_by_label(
    (x, part_of_x): (&Variable<'_>, usize),
    (y, part_of_y): (&Variable<'_>, usize),
    labels: &[i64],
    sums: &mut [Accumulator],
) -> i64 {
    let interrupt = Interrupt::of_call(labels.len());
    let mut stray = -1;
    let mut pieces = [[0.0; PIECE]; 4];
    let whole = |variable: &Variable<'_>| !matches!(variable.dtype(), Dtype::I64 | Dtype::U64);
    for (piece, labels) in labels.chunks(PIECE).enumerate().take_while(|_| !interrupt.is_set()) {
        let start = piece * PIECE;
        let [xs, ys, x_rests, y_rests] = pieces.each_mut().map(|piece| &mut piece[..labels.len()]);
        x.read(part_of_x, start, xs);
        y.read(part_of_y, start, ys);
        let x_rest = !whole(x) && x.read_rest(part_of_x, start, x_rests);
        let y_rest = !whole(y) && y.read_rest(part_of_y, start, y_rests);
        for (index, &label) in labels.iter().enumerate() {
            let Ok(group) = usize::try_from(label) else { continue };
            let Some(sum) = sums.get_mut(group) else {
                stray = stray.max(label);
                continue;
            };
            sum.add_product(xs[index], ys[index]);
            let mut terms = 1;
            if x_rest && x_rests[index] != 0.0 && ys[index].is_finite() {
                sum.add_product(x_rests[index], ys[index]);
                terms += 1;
            }
            if y_rest && y_rests[index] != 0.0 && xs[index].is_finite() {
                sum.add_product(xs[index], y_rests[index]);
                terms += 1;
                if x_rest && x_rests[index] != 0.0 {
                    sum.add_product(x_rests[index], y_rests[index]);
                    terms += 1;
                }
            }
            sum.add_zeros(-terms);
        }
    }
    stray
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::view::View;

    #[test]
    fn integers_of_64_bits_are_exact() {
        let x = [i64::MAX, i64::MIN, 3, (1 << 53) + 1];
        let y = [u64::MAX, 1, 2, (1 << 53) + 1];
        let x_line = Variable { view: View::of(&x), complex: false };
        let y_line = Variable { view: View::of(&y), complex: false };
        let mut sums = vec![Accumulator::new(); 4];
        add_products_by_label((&x_line, 0), (&y_line, 0), &[0, 1, 2, 3], &mut sums);
        for (index, sum) in sums.iter().enumerate() {
            let mut expected = Accumulator::new();
            expected.add_scaled(i128::from(x[index]) * i128::from(y[index] >> 1), 1);
            expected.add_scaled(i128::from(x[index]) * i128::from(y[index] & 1), 0);
            assert_eq!(sum, &expected);
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let line = Variable { view: View::of(&[f64::INFINITY, f64::NAN, 2.0]), complex: false };
        let mut sums = vec![Accumulator::new(); 3];
        let stray = add_products_by_label((&line, 0), (&line, 0), &[0, 1, 2], &mut sums);
        let values: Vec<f64> = sums.iter().map(Accumulator::to_f64).collect();
        assert!(values[0] == f64::INFINITY && values[1].is_nan() && values[2] == 4.0);
        assert!(stray == -1 && sums.iter().all(|sum| sum.count() == 0));
    }
}
