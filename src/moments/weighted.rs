//! Exact sums of weighted observations, by big integers.
//!
//! A product of two weights and two numbers has up to 256 bits and any of 8,000 exponents. The
//! products' integers are added up by exponent, and these sums at the end.

use std::collections::HashMap;

use dashu_int::IBig;

use super::covariance::Variable;
use super::dyadic::Dyadic;
use crate::binary64::decompose;

/// A number as `integer * 2^exponent`; `None` if it is infinite or NaN.
type Term = Option<(IBig, i32)>;

/// The number of elements read at once.
const PIECE: usize = 512;

/// The weights of all observations, and those that occur twice in products.
pub(super) struct Weights {
    frequencies: Vec<Term>,
    importances: Vec<Term>,
    products: Vec<Term>,
}

impl Weights {
    /// Reads them.
    pub fn new(
        frequencies: Option<&Variable<'_>>,
        importances: Option<&Variable<'_>>,
        count: usize,
    ) -> Weights {
        let read = |weights: Option<&Variable<'_>>| match weights {
            Some(weights) => {
                let mut all = Vec::with_capacity(count);
                for_terms(weights, 0, count, |_, term| all.push(term));
                all
            }
            None => vec![Some((IBig::ONE, 0)); count],
        };
        let (frequencies, importances) = (read(frequencies), read(importances));
        let products = frequencies.iter().zip(&importances).map(|(x, y)| product(x, y)).collect();
        Weights { frequencies, importances, products }
    }

    pub fn are_finite(&self) -> bool {
        self.products.iter().all(Option::is_some)
    }

    /// The sums of f a and of f a^2; 0 if these are not finite.
    pub fn totals(&self) -> (Dyadic, Dyadic) {
        let (mut total, mut squares) = (Total::default(), Total::default());
        for ((frequency, importance), both) in
            self.frequencies.iter().zip(&self.importances).zip(&self.products)
        {
            debug_assert!(frequency.is_none() || importance.is_none() || both.is_some());
            total.add(both.clone(), false);
            squares.add(product(both, importance), false);
        }
        let value = |total: Total| total.value().unwrap_or(Dyadic::ZERO);
        (value(total), value(squares))
    }

    /// The sums of w x, by parts.
    pub fn sum(&self, variable: &Variable<'_>) -> Option<[Dyadic; 2]> {
        let mut totals = [Total::default(), Total::default()];
        for (part, total) in totals.iter_mut().enumerate().take(variable.parts()) {
            for_terms(variable, part, self.products.len(), |index, term| {
                total.add(product(&self.products[index], &term), false);
            });
        }
        let [real, imag] = totals.map(Total::value);
        Some([real?, imag?])
    }

    /// The sums of w x y*, by parts.
    pub fn products(&self, x: &Variable<'_>, y: &Variable<'_>) -> Option<[Dyadic; 2]> {
        let mut totals = [Total::default(), Total::default()];
        // (a + bi)(c - di) = (ac + bd) + (bc - ad)i
        for of_x in 0..x.parts() {
            let mut weighted = Vec::with_capacity(self.products.len());
            for_terms(x, of_x, self.products.len(), |index, term| {
                weighted.push(product(&self.products[index], &term));
            });
            for of_y in 0..y.parts() {
                let total = &mut totals[usize::from(of_x != of_y)];
                for_terms(y, of_y, self.products.len(), |index, term| {
                    total.add(product(&weighted[index], &term), (of_x, of_y) == (0, 1));
                });
            }
        }
        let [real, imag] = totals.map(Total::value);
        Some([real?, imag?])
    }
}

fn product(x: &Term, y: &Term) -> Term {
    let ((x, above), (y, below)) = (x.as_ref()?, y.as_ref()?);
    Some((x * y, above + below))
}

/// A sum of terms, by exponent.
#[derive(Default)]
struct Total {
    by_exponent: HashMap<i32, IBig>,
    is_lost: bool,
}

impl Total {
    fn add(&mut self, term: Term, negative: bool) {
        let Some((integer, exponent)) = term else {
            self.is_lost = true;
            return;
        };
        let sum = self.by_exponent.entry(exponent).or_default();
        if negative {
            *sum -= integer;
        } else {
            *sum += integer;
        }
    }

    fn value(self) -> Option<Dyadic> {
        let terms = self.by_exponent.into_iter();
        let add = |sum: Dyadic, (exponent, integer)| sum.plus(&Dyadic::new(integer, exponent));
        (!self.is_lost).then(|| terms.fold(Dyadic::ZERO, add))
    }
}

/// Calls `visit(index, term)` for a part of each observation.
fn for_terms(
    variable: &Variable<'_>,
    part: usize,
    count: usize,
    mut visit: impl FnMut(usize, Term),
) {
    let (mut nearest, mut rest) = ([0.0; PIECE], [0.0; PIECE]);
    for start in (0..count).step_by(PIECE) {
        let length = PIECE.min(count - start);
        let (nearest, rest) = (&mut nearest[..length], &mut rest[..length]);
        variable.read(part, start, nearest);
        variable.read_rest(part, start, rest);
        for (index, (&x, &rest)) in nearest.iter().zip(&*rest).enumerate() {
            let term = if !x.is_finite() {
                None
            } else if rest != 0.0 {
                Some((IBig::from(x as i128 + rest as i128), 0))
            } else {
                let (significand, exponent) = decompose(x);
                let integer = IBig::from(significand);
                Some((if x < 0.0 { -integer } else { integer }, exponent))
            };
            visit(start + index, term);
        }
    }
}
