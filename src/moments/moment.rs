//! What to compute from exact sums, and the correctly rounded result from them.

use super::ddof::{Ddof, Degrees};
use super::dyadic::Dyadic;
use super::finish::Pair;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;

/// The kind of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The mean of the squared distances from the mean.
    Variance,
    /// Its square root.
    Deviation,
    /// The sum of squares.
    Squares,
    /// Its root.
    Norm,
}

/// A moment, and its divisor.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Which one.
    pub measure: Measure,
    /// Ignored for [`Measure::Squares`] and [`Measure::Norm`].
    pub ddof: Ddof,
    /// Whether NaNs were left out: then a result without degrees of freedom is NaN, whatever the
    /// numerator.
    pub skip_nan: bool,
}

/// A condition to be reported about a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// Nothing.
    None,
    /// No degrees of freedom.
    Degrees,
    /// An element is infinite, so its distance from the mean is undefined.
    Invalid,
    /// A finite result beyond the format.
    Overflow,
}

/// A result, as the bits of a format or as an integer, and a remark about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T> {
    /// The result.
    pub value: T,
    /// The remark.
    pub remark: Remark,
}

/// The exact sums of numbers and of their squares, and their count.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// The number of numbers.
    pub count: i64,
    /// Their sum; for complex numbers, the sums of the real and of the imaginary parts.
    pub sums: [Accumulator; 2],
    /// The sum of their squares; for complex numbers, of both parts.
    pub squares: Accumulator,
}

impl Sums {
    /// Adds another one.
    pub fn merge(&mut self, other: &Sums) {
        self.count += other.count;
        self.squares.merge(&other.squares);
        for (mine, theirs) in self.sums.iter_mut().zip(&other.sums) {
            mine.merge(theirs);
        }
    }
}

/// A result before it is rounded.
enum Exact {
    /// A quotient of numbers, or its root.
    Quotient(Dyadic, Dyadic),
    /// An infinity, NaN or 0.
    Special(f64, Remark),
}

impl Moment {
    /// Whether numbers are summed besides their squares.
    pub(crate) fn has_sums(&self) -> bool {
        matches!(self.measure, Measure::Variance | Measure::Deviation)
    }

    pub(crate) fn root(&self) -> bool {
        matches!(self.measure, Measure::Deviation | Measure::Norm)
    }

    /// The moment of numbers with these sums, about a given mean or else their own, rounded once, half
    /// to even; its bits.
    pub fn round(&self, sums: &Sums, mean: Option<[Pair; 2]>, format: Format) -> Answer<u64> {
        let (value, remark) = match self.exact(sums, mean) {
            Exact::Quotient(above, below) => {
                let bits = above.round_quotient(&below, self.root(), format);
                let beyond = bits == format.infinity();
                (bits, if beyond { Remark::Overflow } else { Remark::None })
            }
            Exact::Special(value, remark) if value.is_nan() => (format.nan(), remark),
            Exact::Special(0.0, remark) => (0, remark),
            Exact::Special(_, remark) => (format.infinity(), remark),
        };
        Answer { value, remark }
    }

    /// The same, rounded to an integer; or a float, if there is no integer.
    pub fn round_to_integer(
        &self,
        sums: &Sums,
        mean: Option<[Pair; 2]>,
    ) -> Answer<Result<i128, f64>> {
        let (value, remark) = match self.exact(sums, mean) {
            Exact::Quotient(above, below) => {
                let float =
                    || f64::from_bits(above.round_quotient(&below, self.root(), Format::F64));
                let integer = above.round_to_integer(&below, self.root());
                (integer.ok_or_else(float), Remark::None)
            }
            Exact::Special(0.0, remark) => (Ok(0), remark),
            Exact::Special(value, remark) => (Err(value), remark),
        };
        Answer { value, remark }
    }

    fn exact(&self, all: &Sums, mean: Option<[Pair; 2]>) -> Exact {
        let n = all.count;
        if !self.has_sums() {
            return match Dyadic::of(&all.squares) {
                Some(squares) => Exact::Quotient(squares, Dyadic::from(1)),
                None => Exact::Special(all.squares.to_f64(), Remark::None),
            };
        }
        let degrees = self.ddof.degrees(n);
        let lacking = n == 0 || degrees == Degrees::NotPositive;
        if lacking && (self.skip_nan || n == 0) {
            return Exact::Special(f64::NAN, Remark::Degrees);
        }
        // (The squares of infinities are infinite, and those of NaNs are NaN, and so may be the
        // sums.)
        let numerator = match mean {
            None => scatter(n, all).ok_or((
                f64::NAN,
                if all.squares.to_f64().is_nan() { Remark::None } else { Remark::Invalid },
            )),
            Some(mean) => scatter_about(mean, n, all),
        };
        match (numerator, degrees) {
            (_, Degrees::Nan) => Exact::Special(f64::NAN, Remark::None),
            (Err((value, _)), Degrees::NotPositive) => Exact::Special(value, Remark::Degrees),
            (Err((value, remark)), Degrees::Ratio(..)) => Exact::Special(value, remark),
            (Err(_), Degrees::Infinite) => Exact::Special(f64::NAN, Remark::Invalid),
            (Ok(_), Degrees::Infinite) => Exact::Special(0.0, Remark::None),
            (Ok(above), Degrees::NotPositive) => {
                let value = if above.is_zero() { f64::NAN } else { f64::INFINITY };
                Exact::Special(value, Remark::Degrees)
            }
            (Ok(above), Degrees::Ratio(degrees, unit)) => {
                let below = degrees.times(&Dyadic::from(i128::from(n)));
                Exact::Quotient(above.times(&unit), below)
            }
        }
    }
}

/// `n sum x^2 - |sum x|^2`, `n^2` times the variance; `None` if a number is not finite.
fn scatter(n: i64, all: &Sums) -> Option<Dyadic> {
    let squares = Dyadic::of(&all.squares)?.times(&Dyadic::from(i128::from(n)));
    all.sums.iter().try_fold(squares, |rest, sum| Some(rest.minus(&Dyadic::of(sum)?.squared())))
}

/// `n sum |x - mean|^2`, or the value if that is not finite.
fn scatter_about(mean: [Pair; 2], n: i64, all: &Sums) -> Result<Dyadic, (f64, Remark)> {
    let count = Dyadic::from(i128::from(n));
    let squares = all.squares.to_f64();
    if squares.is_nan() || mean.iter().any(|mean| mean.high.is_nan()) {
        return Err((f64::NAN, Remark::None));
    }
    // An infinity minus one of its sign is NaN; minus anything else, it is infinite.
    let meets = |(sum, mean): (&Accumulator, Pair)| {
        mean.high.is_infinite() && sum.has_infinity(mean.high < 0.0)
    };
    if all.sums.iter().zip(mean).any(meets) {
        return Err((f64::NAN, Remark::Invalid));
    }
    let (Some(mut total), [Some(real), Some(imaginary)]) =
        (Dyadic::of(&all.squares), mean.map(exactly))
    else {
        return Err((f64::INFINITY, Remark::None));
    };
    let two = Dyadic::from(2);
    for (sum, mean) in all.sums.iter().zip([real, imaginary]) {
        let Some(sum) = Dyadic::of(sum) else { return Err((f64::INFINITY, Remark::None)) };
        total = total.minus(&two.times(&mean).times(&sum)).plus(&count.times(&mean.squared()));
    }
    Ok(total.times(&count))
}

/// The number that a pair is; `None` if that is infinite or NaN.
fn exactly(pair: Pair) -> Option<Dyadic> {
    Some(Dyadic::from_f64(pair.high)?.plus(&Dyadic::from_f64(pair.low)?))
}
