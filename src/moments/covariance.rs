//! Covariance and correlation matrices, each entry the exact number rounded once.
//!
//! With weights w = f a (1 where none are given), S = sum(w) and T = sum(f a^2), an entry is
//!
//! ```text
//! cov_jk = (S sum(w x_j x_k*) - sum(w x_j) sum(w x_k)*) / (S^2 - ddof T)
//! r_jk   = A_jk / sqrt(A_jj A_kk)                          of the numerators A
//! ```
//!
//! Real variables without weights are centred and multiplied block by block in [`super::tiles`], which
//! certifies most entries; what it does not, and everything else, is computed here from exact sums, by
//! big integers.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::dyadic::Dyadic;
use super::tiles::Tiles;
use super::weighted::Weights;
use crate::array::dtype::Dtype;
use crate::array::element::{Piece, read_numbers};
use crate::array::view::{Axis, Line, View};
use crate::cpu;
use crate::environment;
use crate::exact::accumulator::Accumulator;
use crate::exact::round::Format;
use crate::interrupt::Interrupt;
use crate::products::vecdot::{Vectors, vecdot};
use crate::threads;

/// The observations of one variable.
///
/// ```
/// use mypackage::moments::Variable;
/// use mypackage::sum::View;
///
/// let variable = Variable { view: View::of(&[1.0, 2.0, 4.0]), complex: false };
/// assert_eq!(variable.parts(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct Variable<'a> {
    /// The elements along one axis; complex ones have their parts along another one, the last.
    pub view: View<'a>,
    /// Whether an element is a real part followed by an imaginary one.
    pub complex: bool,
}

impl<'a> Variable<'a> {
    /// Numbers in an observation: 2 if it is complex.
    ///
    /// ```
    /// # use mypackage::{moments::Variable, sum::View};
    /// let view = View::of(&[1.0, 2.0, 3.0, 4.0]).reshaped(&[2, 2]);
    /// assert_eq!(Variable { view, complex: true }.parts(), 2);
    /// ```
    pub fn parts(&self) -> usize {
        if self.complex { 2 } else { 1 }
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.view.dtype()
    }

    /// The observations, if they are binary64 numbers that are adjacent in memory.
    pub(super) fn numbers(&self) -> Option<&'a [f64]> {
        if self.complex { None } else { self.view.as_slice() }
    }

    /// Reads a part of the observations from `start` on as binary64 numbers, the nearest ones.
    pub(super) fn read(&self, part: usize, start: usize, into: &mut [f64]) {
        read_numbers(cpu::isa(), self.line(part, start, into.len()), Piece::Nearest, into);
    }

    /// Reads the differences of the elements from the nearest numbers; returns whether any is not
    /// 0.
    pub(super) fn read_rest(&self, part: usize, start: usize, into: &mut [f64]) -> bool {
        if !matches!(self.dtype(), Dtype::I64 | Dtype::U64) {
            into.fill(0.0);
            return false;
        }
        read_numbers(cpu::isa(), self.line(part, start, into.len()), Piece::Rest, into);
        into.iter().any(|&rest| rest != 0.0)
    }

    fn line(&self, part: usize, start: usize, count: usize) -> Line<'a> {
        let Axis { stride, .. } = self.view.axes()[0];
        let part = self.view.axes().get(1).map_or(0, |parts| part as isize * parts.stride);
        self.view.line(start as isize * stride + part, stride, count)
    }

    fn vectors(&self) -> Vectors<'a> {
        Vectors { view: self.view.clone(), complex: self.complex }
    }
}

/// Which matrix to compute.
///
/// ```
/// use mypackage::moments::{CovarianceRequest, Variable, covariance};
/// use mypackage::sum::{Format, View};
///
/// let (x, y) = ([0.0, 1.0, 2.0], [2.0, 1.0, 0.0]);
/// let variables = [&x, &y].map(|values| Variable { view: View::of(values), complex: false });
/// let request = CovarianceRequest {
///     variables: variables.to_vec(),
///     count: 3,
///     frequencies: None,
///     importances: None,
///     ddof: 1,
///     correlation: false,
///     format: Format::F64,
/// };
/// let matrix = covariance(&request);
/// let values: Vec<f64> = matrix.bits.into_iter().map(f64::from_bits).collect();
/// assert_eq!(values, [1.0, -1.0, -1.0, 1.0]);
/// ```
#[derive(Debug, Clone)]
pub struct CovarianceRequest<'a> {
    /// The variables, which are the rows and columns of the matrix.
    pub variables: Vec<Variable<'a>>,
    /// The observations of each.
    pub count: usize,
    /// Real weights, one for each observation: its frequency (`fweights`).
    pub frequencies: Option<Variable<'a>>,
    /// Real weights, one for each observation: its importance (`aweights`).
    pub importances: Option<Variable<'a>>,
    /// Delta degrees of freedom; ignored for correlations.
    pub ddof: i64,
    /// Whether to divide by the standard deviations.
    pub correlation: bool,
    /// What each part of an entry is rounded to.
    pub format: Format,
}

/// A matrix of covariances or correlations, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covariances {
    /// The bits of the entries; of complex ones, of both parts.
    pub bits: Vec<u64>,
    /// Whether a finite entry is beyond the format.
    pub overflow: bool,
    /// Whether a variable of finite numbers is constant, and has no correlations.
    pub constant: bool,
    /// Whether the weights leave no degree of freedom.
    pub degenerate: bool,
}

/// The covariances of each pair of variables, rounded once.
///
/// Those of a variable with an infinite number or a NaN are NaN, and so are correlations of a constant.
/// Without degrees of freedom, covariances are infinite or, where the numerator is 0, NaN.
///
/// # Panics
/// If a variable has fewer observations than the request says.
pub fn covariance(request: &CovarianceRequest<'_>) -> Covariances {
    let matrix = Matrix::new(request);
    matrix.compute()
}

/// The numerator of an entry: real and imaginary part.
type Numerator = [Dyadic; 2];

struct Matrix<'a> {
    request: &'a CovarianceRequest<'a>,
    interrupt: Interrupt,
    weights: Option<Weights>,
    tiles: Option<Tiles>,
    /// The sum of the weights.
    total: Dyadic,
    /// The divisor of numerators: 0 without degrees of freedom.
    divisor: Dyadic,
    /// The sum of each variable, by parts, and the numerator of its variance, once they were needed;
    /// `None` if it is not finite.
    sums: Vec<OnceLock<Option<Numerator>>>,
    variances: Vec<OnceLock<Option<Dyadic>>>,
}

impl<'a> Matrix<'a> {
    fn new(request: &'a CovarianceRequest<'a>) -> Matrix<'a> {
        let CovarianceRequest { variables, count, frequencies, importances, .. } = request;
        let pairs = variables.len().saturating_mul(variables.len() + 1) / 2;
        let interrupt = Interrupt::of_call(pairs.saturating_mul(*count));
        let weights = (frequencies.is_some() || importances.is_some())
            .then(|| Weights::new(frequencies.as_ref(), importances.as_ref(), *count));
        // (Tiles use floating-point arithmetic.)
        let in_tiles = weights.is_none()
            && variables.iter().all(|variable| !variable.complex)
            && environment::is_default();
        let tiles = if in_tiles { Tiles::of(cpu::isa(), request, &interrupt) } else { None };
        let count = Dyadic::from(*count as i128);
        let (total, squares) = match &weights {
            None => (count.clone(), count),
            Some(weights) => weights.totals(),
        };
        let ddof = Dyadic::from(i128::from(request.ddof));
        let divisor = total.squared().minus(&ddof.times(&squares));
        let divisor = if divisor.is_negative() { Dyadic::ZERO } else { divisor };
        Matrix {
            request,
            interrupt,
            weights,
            tiles,
            total,
            divisor,
            sums: variables.iter().map(|_| OnceLock::new()).collect(),
            variances: variables.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    fn sum(&self, index: usize) -> Option<&Numerator> {
        let sum = || {
            if self.interrupt.is_set() {
                return None;
            }
            let variable = &self.request.variables[index];
            if let Some(weights) = &self.weights {
                return weights.sum(variable);
            }
            let one = View::repeated(&1.0, &[self.request.count]);
            self.dot(Vectors { view: one, complex: false }, variable.vectors())
        };
        self.sums[index].get_or_init(sum).as_ref()
    }

    /// The exact product of two vectors, the left one conjugated.
    fn dot(&self, left: Vectors<'_>, right: Vectors<'_>) -> Option<Numerator> {
        let parts = Mutex::new([Some(Dyadic::ZERO), Some(Dyadic::ZERO)]);
        vecdot(&left, &right, &|part, sum: &Accumulator| {
            parts.lock().unwrap_or_else(PoisonError::into_inner)[part] = Dyadic::of(sum);
        });
        let [real, imag] = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some([real?, imag?])
    }

    /// Whether a variable has finite covariances.
    fn is_finite(&self, index: usize) -> bool {
        let known = self.tiles.as_ref().and_then(|tiles| tiles.is_finite(index));
        known.unwrap_or_else(|| self.sum(index).is_some())
    }

    /// The exact numerator of an entry; `None` if it has none.
    fn numerator(&self, row: usize, column: usize) -> Option<Numerator> {
        if let Some(real) = self.tiles.as_ref().and_then(|tiles| tiles.numerator(row, column)) {
            return Some([real, Dyadic::ZERO]);
        }
        let (x, y) = (self.sum(row)?, self.sum(column)?);
        if self.interrupt.is_set() {
            return None;
        }
        let (left, right) = (&self.request.variables[row], &self.request.variables[column]);
        let [real, imag] = match &self.weights {
            Some(weights) => weights.products(left, right),
            None => self.dot(right.vectors(), left.vectors()),
        }?;
        // (a + bi)(c - di) = (ac + bd) + (bc - ad)i
        let product = [
            x[0].times(&y[0]).plus(&x[1].times(&y[1])),
            x[1].times(&y[0]).minus(&x[0].times(&y[1])),
        ];
        Some([
            self.total.times(&real).minus(&product[0]),
            self.total.times(&imag).minus(&product[1]),
        ])
    }

    fn variance(&self, index: usize) -> Option<&Dyadic> {
        let variance = || self.numerator(index, index).map(|[real, _]| real);
        self.variances[index].get_or_init(variance).as_ref()
    }

    /// Whether a variable is constant, if it is finite.
    fn is_constant(&self, index: usize) -> bool {
        let known = self.tiles.as_ref().and_then(|tiles| tiles.is_constant(index));
        known.unwrap_or_else(|| self.variance(index).is_some_and(Dyadic::is_zero))
    }

    /// The parts of an entry; `None` for NaN.
    fn entry(&self, row: usize, column: usize) -> Option<[u64; 2]> {
        let CovarianceRequest { correlation, format, .. } = *self.request;
        if let Some(bits) = self.tiles.as_ref().and_then(|tiles| tiles.entry(row, column)) {
            return Some([bits, 0]);
        }
        if !correlation {
            let parts = self.numerator(row, column)?;
            return Some(parts.map(|part| part.round_quotient(&self.divisor, false, format)));
        }
        if row == column {
            let one = Dyadic::from(1);
            return Some([one.round_quotient(&one, false, format), 0]);
        }
        let both = self.variance(row)?.times(self.variance(column)?);
        Some(self.numerator(row, column)?.map(|part| {
            let sign = if part.is_negative() { format.sign_bit() } else { 0 };
            part.squared().round_quotient(&both, true, format) | sign
        }))
    }

    fn compute(&self) -> Covariances {
        let CovarianceRequest { variables, correlation, format, .. } = self.request;
        let size = variables.len();
        let parts = if variables.iter().any(|variable| variable.complex) { 2 } else { 1 };
        let weighted = self.weights.as_ref().is_none_or(Weights::are_finite);
        let ordinary = weighted && !self.total.is_zero();
        let finite = each(size, |index| ordinary && self.is_finite(index));
        let constant = each(size, |index| *correlation && finite[index] && self.is_constant(index));
        let entry = |row: usize, column: usize| {
            let lost = self.interrupt.is_set()
                || !(finite[row] && finite[column])
                || constant[row]
                || constant[column];
            if lost { None } else { self.entry(row, column) }
        };
        let rows =
            each(size, |row| (row..size).map(|column| entry(row, column)).collect::<Vec<_>>());
        let mut bits = vec![format.nan(); size * size * parts];
        let mut overflow = false;
        for (row, entries) in rows.into_iter().enumerate() {
            for (column, entry) in (row..).zip(entries) {
                let Some(entry) = entry else { continue };
                for (part, value) in entry.into_iter().enumerate().take(parts) {
                    overflow |= value & !format.sign_bit() == format.infinity();
                    // The matrix is Hermitian; zeros and NaNs have no sign.
                    let turned = part == 1 && value != 0 && value != format.nan();
                    let other = if turned { value ^ format.sign_bit() } else { value };
                    bits[(column * size + row) * parts + part] = other;
                    bits[(row * size + column) * parts + part] = value;
                }
            }
        }
        Covariances {
            bits,
            overflow: overflow && !self.divisor.is_zero(),
            constant: constant.contains(&true),
            degenerate: self.divisor.is_zero() && weighted,
        }
    }
}

/// The results of a function for each index, computed by all threads.
pub(super) fn each<R: Send>(count: usize, of: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let parts = threads::split(count, 1, |ranges| {
        ranges.flatten().map(|index| (index, of(index))).collect::<Vec<_>>()
    });
    let mut all: Vec<_> = parts.into_iter().flatten().collect();
    all.sort_unstable_by_key(|&(index, _)| index);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary64::power_of_two;
    use crate::cpu::Isa;
    use crate::testing::{numbers, pseudo_random};

    fn request(columns: &[Vec<f64>], correlation: bool, format: Format) -> CovarianceRequest<'_> {
        let variable = |values| Variable { view: View::of(values), complex: false };
        CovarianceRequest {
            variables: columns.iter().map(Vec::as_slice).map(variable).collect(),
            count: columns[0].len(),
            frequencies: None,
            importances: None,
            ddof: 1,
            correlation,
            format,
        }
    }

    /// Columns that are hard to certify.
    fn columns(length: usize) -> Vec<Vec<f64>> {
        let mut next = pseudo_random(length as u64);
        let mut small = |range: u64| (next() % range) as f64;
        let mut all = vec![
            numbers(length, 0, 3, 1),
            numbers(length, 0, 40, 2),
            (0..length).map(|_| small(7)).collect(),
            (0..length).map(|_| 1e9 + small(1 << 20) / 1024.0).collect(),
            (0..length).map(|_| -1e9 - small(1 << 40) * 1e-9).collect(),
            vec![0.1; length],
            (0..length).map(|index| index as f64).collect(),
            (0..length).map(|index| 3.0 - index as f64 / 1024.0).collect(),
            numbers(length, -600, 3, 3),
            numbers(length, 500, 3, 4),
            (0..length).map(|_| small(3) - 1.0).collect(),
            vec![1.0; length],
        ];
        all[11][length / 2] = 1.0 + f64::EPSILON;
        // Nearly the first, and a multiple of the third.
        let alike = all[0].iter().map(|x| x * (1.0 + power_of_two(-40))).collect();
        let multiple = all[2].iter().map(|x| x * 0.1).collect();
        all.extend([alike, multiple]);
        all
    }

    #[test]
    fn certified_entries_are_the_exact_ones() {
        let mut certified = 0;
        for length in [1, 2, 3, 7, 60, 255, 256, 257, 1000, 3001] {
            let columns = columns(length);
            for (correlation, format) in [
                (false, Format::F64),
                (true, Format::F64),
                (false, Format::F32),
                (true, Format::F32),
            ] {
                let request = request(&columns, correlation, format);
                let exact = Matrix { tiles: None, ..Matrix::new(&request) }.compute();
                for isa in Isa::available() {
                    let mut matrix = Matrix::new(&request);
                    matrix.tiles = Tiles::of(isa, &request, &Interrupt::default());
                    assert_eq!(matrix.compute(), exact, "{isa:?}, {length} observations");
                    let tiles = matrix.tiles.as_ref().unwrap();
                    certified += (0..columns.len())
                        .flat_map(|row| (row..columns.len()).map(move |column| (row, column)))
                        .filter(|&(row, column)| tiles.entry(row, column).is_some())
                        .count();
                }
            }
        }
        assert!(certified > 1000, "{certified}");
    }

    #[test]
    fn what_is_not_finite_spoils_its_own_row_and_column() {
        let mut columns = vec![numbers(300, 0, 3, 1), numbers(300, 0, 3, 2), numbers(300, 0, 3, 3)];
        columns[1][299] = f64::INFINITY;
        let matrix = covariance(&request(&columns, false, Format::F64));
        let nan = |index: usize| f64::from_bits(matrix.bits[index]).is_nan();
        let expected = [false, true, false, true, true, true, false, true, false];
        assert_eq!(std::array::from_fn(nan), expected);
        assert!(!matrix.overflow && !matrix.degenerate);
    }

    #[test]
    fn without_degrees_of_freedom() {
        let columns = [vec![1.0], vec![2.0]];
        let matrix = covariance(&request(&columns, false, Format::F64));
        assert!(matrix.degenerate && !matrix.overflow);
        assert!(matrix.bits.iter().all(|&bits| f64::from_bits(bits).is_nan()));
        let columns = [vec![1.0, 2.0], vec![2.0, 1.0]];
        let request = CovarianceRequest { ddof: 2, ..request(&columns, false, Format::F64) };
        let matrix = covariance(&request);
        let values: Vec<f64> = matrix.bits.into_iter().map(f64::from_bits).collect();
        assert_eq!(values, [f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY]);
    }
}
