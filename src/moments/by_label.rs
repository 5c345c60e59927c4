//! Variances by label, most of them from integer tables.
//!
//! All numbers are centred at one number and cut at one scale (`tiles` has the centring): with
//! `|d| < 2^e`, `d` is a multiple of `2^(e-42)`, one of `2^(e-84)` and a rest of at most `2^(e-85)`, and
//! so is `d^2` in units of `2^(2e-42)` and `2^(2e-84)`. The multiples of a group are added as
//! integers; the omitted rests bound the error. Groups whose result this does not decide are read
//! again.

use super::covariance::Variable;
use super::finish::{Near, Pair, estimate};
use super::groups::add_products_by_label;
use super::moment::{Answer, Moment, Remark, Sums};
use super::tiles::{Range, has_fma, two_product};
use crate::array::view::View;
use crate::binary64::power_of_two;
use crate::cpu::{self, dispatch};
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;

/// The number of elements read at once.
const PIECE: usize = 512;
/// The number of bits of each of the two integers that a number is cut into.
const BITS: i32 = 42;
/// How many numbers can be added in 64 bits.
const EMPTIED_AFTER: usize = 1 << 20;

/// A number's two integers and its square's.
type Cut = [i64; 4];

/// The variance or its root for each label below `groups`, and the number of elements.
///
/// ```
/// use mypackage::moments::{Ddof, Measure, Moment, Variable, moments_by_label};
/// use mypackage::sum::{Format, View};
///
/// let x = Variable { view: View::of(&[1e9, 5.0, 1e9 + 1.0]), complex: false };
/// let moment =
///     Moment { measure: Measure::Variance, ddof: Ddof::from(1.0), skip_nan: false };
/// let (answers, counts) = moments_by_label(&x, &[0, -1, 0], 1, &moment, Format::F64);
/// assert_eq!((f64::from_bits(answers[0].value), counts), (0.5, vec![2]));
/// ```
///
/// # Panics
/// If there are fewer elements than labels.
pub fn moments_by_label(
    x: &Variable<'_>,
    labels: &[i64],
    groups: usize,
    moment: &Moment,
    format: Format,
) -> (Vec<Answer<u64>>, Vec<i64>) {
    let mut counts = vec![0i64; groups];
    for &label in labels {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    let interrupt = Interrupt::of_call(labels.len());
    // (Estimates use floating-point arithmetic.)
    let near = if x.complex || !moment.has_sums() || !environment::is_default() {
        None
    } else {
        near(x, labels, &counts, &interrupt)
    };
    let answer = |group: usize| {
        let (near, n) = (near.as_ref()?, counts[group]);
        let degrees = moment.ddof.degrees_near(n)?;
        if n == 1 {
            return Some(Answer { value: 0, remark: Remark::None });
        }
        let root = moment.root();
        let value = estimate(near.of(group, n), n as f64, degrees, root).round(format)?;
        Some(Answer { value, remark: Remark::None })
    };
    let mut answers: Vec<_> = (0..groups).map(answer).collect();
    // The other groups, from exact sums, except empty ones.
    let mut slots = vec![-1i64; groups];
    let mut doubtful = Vec::new();
    for (group, answer) in answers.iter().enumerate() {
        if answer.is_none() {
            slots[group] = doubtful.len() as i64;
            doubtful.push(group);
        }
    }
    if !doubtful.is_empty() {
        let of_some: Vec<i64> =
            labels.iter().map(|&label| slots.get(label as usize).copied().unwrap_or(-1)).collect();
        let sums = exact(x, &of_some, doubtful.len());
        for (group, mut sums) in doubtful.into_iter().zip(sums) {
            sums.count = counts[group];
            answers[group] = Some(moment.round(&sums, None, format));
        }
    }
    let nan = Answer { value: format.nan(), remark: Remark::None };
    (answers.into_iter().map(|answer| answer.unwrap_or(nan)).collect(), counts)
}

/// The exact sums of groups.
fn exact(x: &Variable<'_>, labels: &[i64], groups: usize) -> Vec<Sums> {
    let one = Variable { view: View::repeated(&1.0, &[labels.len()]), complex: false };
    let empty = || vec![Accumulator::new(); groups];
    let (mut squares, mut parts) = (empty(), [empty(), empty()]);
    for part in 0..x.parts() {
        add_products_by_label((x, part), (x, part), labels, &mut squares);
        add_products_by_label((&one, 0), (x, part), labels, &mut parts[part]);
    }
    let [real, imaginary] = parts;
    let sums = squares.into_iter().zip(real.into_iter().zip(imaginary));
    sums.map(|(squares, (real, imaginary))| Sums { count: 0, sums: [real, imaginary], squares })
        .collect()
}

/// The sums of groups, in units of `2^(e-84)` and `2^(2e-84)`.
struct Table {
    exponent: i32,
    /// Whether nothing was omitted.
    is_exact: bool,
    sums: Vec<[i128; 2]>,
}

impl Table {
    fn of(&self, group: usize, n: i64) -> Near {
        let [sum, square] = self.sums[group];
        let units = [self.exponent - 2 * BITS, 2 * self.exponent - 2 * BITS].map(power_of_two);
        // Half a unit for each, and the rounding of a multiplication.
        let error = if self.is_exact { 0.0 } else { 0.51 * n as f64 };
        Near::new(
            Pair::of_integer(square, units[1]),
            error * units[1],
            Pair::of_integer(sum, units[0]),
            error * units[0],
        )
    }
}

/// The tables; `None` if the numbers have no common scale.
fn near(x: &Variable<'_>, labels: &[i64], counts: &[i64], interrupt: &Interrupt) -> Option<Table> {
    let isa = cpu::isa();
    let mut stage = [0.0; PIECE];
    let mut range = Range::new();
    for start in (0..labels.len()).step_by(PIECE).take_while(|_| !interrupt.is_set()) {
        let values = &mut stage[..PIECE.min(labels.len() - start)];
        if x.read_rest(0, start, values) {
            return None;
        }
        x.read(0, start, values);
        range.extend(isa, values);
    }
    let centred = range.centred(x.dtype());
    let (centre, exponent) = (centred.centre?, centred.exponent);
    let mut sums = vec![[0i128; 2]; counts.len()];
    let mut table = vec![[0i64; 4]; counts.len()];
    let mut cuts = [[0; 4]; PIECE];
    let mut empty = |table: &mut Vec<Cut>| {
        for (sum, part) in sums.iter_mut().zip(table) {
            let [first, second, high, low] = std::mem::take(part);
            sum[0] += (i128::from(first) << BITS) + i128::from(second);
            sum[1] += (i128::from(high) << BITS) + i128::from(low);
        }
    };
    let mut room = EMPTIED_AFTER;
    for (piece, labels) in labels.chunks(PIECE).enumerate().take_while(|_| !interrupt.is_set()) {
        let values = &mut stage[..labels.len()];
        x.read(0, piece * PIECE, values);
        cut(isa, values, centre, exponent, &mut cuts);
        if room < labels.len() {
            empty(&mut table);
            room = EMPTIED_AFTER;
        }
        room -= labels.len();
        for (&label, cut) in labels.iter().zip(&cuts) {
            if let Some(sum) = table.get_mut(label as usize) {
                for part in 0..4 {
                    sum[part] += cut[part];
                }
            }
        }
    }
    empty(&mut table);
    Some(Table { exponent, is_exact: centred.last_bit >= exponent - BITS, sums })
}

#[inline(always)]
fn cut_body<const W: usize>(
    values: &mut [f64],
    centre: f64,
    exponent: i32,
    cuts: &mut [Cut; PIECE],
) {
    // The last bit of the first is 2^(e-42), that of the second 2^(e-84).
    let bias = |exponent: i32| {
        [1.5 * power_of_two(exponent + 52 - BITS), 1.5 * power_of_two(exponent + 52 - 2 * BITS)]
    };
    let (of_numbers, of_squares) = (bias(exponent), bias(2 * exponent));
    let part = |s: f64, bias: f64| s.to_bits().wrapping_sub(bias.to_bits()) as i64;
    for (x, cut) in values.iter().zip(cuts) {
        let d = x - centre;
        let first = of_numbers[0] + d;
        let second = of_numbers[1] + (d - (first - of_numbers[0]));
        let (high, low);
        if has_fma::<W>() {
            high = d.mul_add(d, of_squares[0]);
            low = of_squares[1] + d.mul_add(d, -(high - of_squares[0]));
        } else {
            let (square, error) = two_product(d, d);
            high = of_squares[0] + square;
            low = of_squares[1] + (square - (high - of_squares[0]) + error);
        }
        *cut = [
            part(first, of_numbers[0]),
            part(second, of_numbers[1]),
            part(high, of_squares[0]),
            part(low, of_squares[1]),
        ];
    }
}

dispatch! {
    /// Centres numbers, and cuts them and their squares into two integers each.
    fn cut(values: &mut [f64], centre: f64, exponent: i32, cuts: &mut [Cut; PIECE])
        = cut_body::<{W}>
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Ddof;
    use crate::moments::Measure;
    use crate::testing::{numbers, pseudo_random};

    #[test]
    fn tables_agree_with_exact_sums() {
        let mut next = pseudo_random(5);
        let labels: Vec<i64> = (0..4000).map(|_| (next() % 41) as i64 - 1).collect();
        let far = numbers(4000, 0, 2, 9).into_iter().map(|x| 1e9 + x).collect();
        let whole = (0..4000).map(|index| f64::from(index % 7)).collect();
        let constant = vec![0.1; 4000];
        let mut spoilt = numbers(4000, 0, 2, 3);
        spoilt[77] = f64::NAN;
        let kinds = [numbers(4000, 0, 3, 1), numbers(4000, 9, 60, 2), far, whole, constant, spoilt];
        for (values, root, format) in kinds.iter().flat_map(|values| {
            [(values, false, Format::F64), (values, true, Format::F64), (values, true, Format::F32)]
        }) {
            let x = Variable { view: View::of(values), complex: false };
            let measure = if root { Measure::Deviation } else { Measure::Variance };
            let moment = Moment { measure, ddof: Ddof::from(1.0), skip_nan: false };
            let (answers, counts) = moments_by_label(&x, &labels, 41, &moment, format);
            let sums = exact(&x, &labels, 41);
            for (group, mut sums) in sums.into_iter().enumerate() {
                sums.count = counts[group];
                assert_eq!(answers[group], moment.round(&sums, None, format));
            }
        }
    }
}
