//! `ddof`: any real number, exactly.

use dashu_int::{IBig, UBig};

use super::dyadic::Dyadic;
use super::finish::Pair;

/// Delta degrees of freedom: it is subtracted from the number of elements in the divisor.
///
/// ```
/// use mypackage::moments::Ddof;
///
/// assert_eq!(Ddof::from(1.0), Ddof::from_ratio(&[1], &[1], false).unwrap());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Ddof {
    /// A rational number.
    Finite(Ratio),
    /// An infinity: the negative one, if `true`.
    Infinite(bool),
    /// Not a number; neither is any result.
    Nan,
}

/// `numerator / denominator`, the latter positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratio {
    numerator: IBig,
    denominator: IBig,
    /// The number, if it is one of binary64.
    number: Option<f64>,
}

impl From<f64> for Ddof {
    fn from(ddof: f64) -> Ddof {
        if ddof.is_nan() {
            return Ddof::Nan;
        }
        if ddof.is_infinite() {
            return Ddof::Infinite(ddof < 0.0);
        }
        if ddof.fract() == 0.0 && ddof.abs() < 2f64.powi(53) {
            let numerator = IBig::from(ddof as i64);
            return Ddof::Finite(Ratio { numerator, denominator: IBig::ONE, number: Some(ddof) });
        }
        let (significand, exponent) = crate::binary64::decompose(ddof);
        let significand = if ddof < 0.0 { -IBig::from(significand) } else { significand.into() };
        let (up, down) = (exponent.max(0) as usize, (-exponent).max(0) as usize);
        let zeros = significand.trailing_zeros().unwrap_or(0).min(down);
        Ddof::Finite(Ratio {
            numerator: (significand >> zeros) << up,
            denominator: IBig::ONE << (down - zeros),
            number: Some(ddof),
        })
    }
}

impl Ddof {
    /// `±numerator / denominator`, given as bytes, lowest first; `None` if the latter is 0.
    pub fn from_ratio(numerator: &[u8], denominator: &[u8], negative: bool) -> Option<Ddof> {
        let numerator = IBig::from(UBig::from_le_bytes(numerator));
        let denominator = IBig::from(UBig::from_le_bytes(denominator));
        let numerator = if negative { -numerator } else { numerator };
        if denominator == IBig::ZERO {
            return None;
        }
        let small = i64::try_from(&numerator).ok().filter(|n| n.unsigned_abs() < 1 << 53);
        let number = small.filter(|_| denominator == IBig::ONE).map(|n| n as f64);
        Some(Ddof::Finite(Ratio { numerator, denominator, number }))
    }

    /// The degrees of freedom of `n` elements.
    pub(crate) fn degrees(&self, n: i64) -> Degrees {
        self.degrees_of(&Dyadic::from(i128::from(n)))
    }

    /// The degrees of freedom of weights with a sum.
    pub(crate) fn degrees_of(&self, total: &Dyadic) -> Degrees {
        match self {
            Ddof::Nan => Degrees::Nan,
            Ddof::Infinite(true) => Degrees::Infinite,
            Ddof::Infinite(false) => Degrees::NotPositive,
            Ddof::Finite(Ratio { numerator, denominator, .. }) => {
                let denominator = Dyadic::new(denominator.clone(), 0);
                let degrees = total.times(&denominator).minus(&Dyadic::new(numerator.clone(), 0));
                if degrees.is_zero() || degrees.is_negative() {
                    return Degrees::NotPositive;
                }
                Degrees::Ratio(degrees, denominator)
            }
        }
    }

    /// `n - ddof` as a pair, if that is positive and exact.
    #[inline(always)]
    pub(crate) fn degrees_near(&self, n: i64) -> Option<Pair> {
        match self {
            Ddof::Finite(Ratio { number: Some(ddof), .. }) if n < 1 << 53 => {
                let pair = Pair::sum(n as f64, -ddof);
                // (Not for a `ddof` that is far below 0 or far beyond any count.)
                (pair.high > 0.0 && ddof.abs() < 1e100).then_some(pair)
            }
            _ => None,
        }
    }
}

/// `n - ddof`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Degrees {
    /// A positive number: numerator and denominator.
    Ratio(Dyadic, Dyadic),
    /// 0 or less.
    NotPositive,
    Infinite,
    Nan,
}
