//! Moments of float32 numbers, rounded to float32 or float16: plain float64 sums with an error
//! bound.

use super::block::{Ask, Real};
use super::finish::{Near, Pair};
use super::run::Wide;
use crate::array::memory::prefetch;
use crate::cpu::{Isa, dispatch};

/// The number of additions in a lane before its sum is moved elsewhere.
const DEPTH: usize = 256;

/// A bound on the relative error of a block's sums of squares: at most 256 additions in a lane, up
/// to 35 to add the lanes, and three operations on a difference and its square; for sums, it is
/// relative to the sum of the magnitudes.
const DOUBT: f64 = (DEPTH + 48) as f64 * 1.12e-16;

/// Bounds of the errors of a sum of squares and of the sum of as many numbers. (No sum of magnitudes is
/// larger than the root of `n Q`.)
#[inline(always)]
pub(super) fn errors(squares: f64, count: i64) -> [f64; 2] {
    [squares * (DOUBT * 1.01), (squares * count as f64).sqrt() * (DOUBT * 1.01)]
}

/// Sums of `d = x - c` and of `d^2`, rounded on the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Narrow {
    shift: [f64; 2],
    squares: Pair,
    sums: [Pair; 2],
    /// The number of elements included.
    pub count: i64,
}

/// The plain sums of a block.
#[derive(Debug, Clone, Copy)]
struct Plain {
    squares: f64,
    sums: [f64; 2],
    count: i64,
}

const fn streams<const W: usize>() -> usize {
    4
}

#[inline(always)]
fn body<const W: usize, const S: usize, const SUMS: bool, const SKIP: bool>(
    values: &[f32],
    shift: [f64; 2],
    ahead: usize,
) -> Plain {
    let mut squares = [[0.0; W]; S];
    let mut sums = [[0.0; W]; S];
    let mut nans = [[0i64; W]; S];
    let mut shifts = [0.0; W];
    for lane in 0..W {
        shifts[lane] = shift[lane % 2];
    }
    let mut add = |s: usize, x: [f64; W]| {
        for lane in 0..W {
            let mut d = x[lane] - shifts[lane];
            if SKIP {
                let nan = d.is_nan();
                d = if nan { 0.0 } else { d };
                nans[s][lane] += i64::from(nan);
            }
            let squares = &mut squares[s][lane];
            *squares = if W > 2 { f64::mul_add(d, d, *squares) } else { *squares + d * d };
            if SUMS {
                sums[s][lane] += d;
            }
        }
    };
    let (vectors, rest) = values.as_chunks::<W>();
    let (steps, single) = vectors.as_chunks::<S>();
    for step in steps {
        if ahead > 0 {
            prefetch(step.as_ptr().wrapping_byte_add(ahead));
        }
        for s in 0..S {
            add(s, step[s].map(f64::from));
        }
    }
    for vector in single {
        add(0, vector.map(f64::from));
    }
    if !rest.is_empty() {
        let mut vector = shifts;
        for (lane, x) in rest.iter().enumerate() {
            vector[lane] = x.widen();
        }
        add(S - 1, vector);
    }
    // (As values in memory; otherwise the compiler splits the vectors of the loop.)
    let (squares, sums, nans) = std::hint::black_box((squares, sums, nans));
    let mut total = Plain { squares: 0.0, sums: [0.0; 2], count: values.len() as i64 };
    for lane in 0..W {
        let mut lanes = [0.0; 2];
        for s in 0..S {
            lanes[0] += squares[s][lane];
            lanes[1] += sums[s][lane];
            total.count -= nans[s][lane];
        }
        total.squares += lanes[0];
        total.sums[lane % 2] += lanes[1];
    }
    total
}

#[inline(always)]
fn add_body<const W: usize>(values: &[f32], shift: [f64; 2], ask: Ask, ahead: usize) -> Plain {
    match (ask.sums, ask.skip_nan) {
        (false, _) => body::<W, 4, false, false>(values, shift, ahead),
        (true, false) => body::<W, 4, true, false>(values, shift, ahead),
        (true, true) => body::<W, 4, true, true>(values, shift, ahead),
    }
}

dispatch! {
    fn add(values: &[f32], shift: [f64; 2], ask: Ask, ahead: usize) -> Plain = add_body::<{W}>
}

#[inline(always)]
fn length_body<const W: usize>() -> usize {
    (DEPTH - 5) * W * streams::<W>()
}

dispatch! {
    /// The largest number of elements in a block; a multiple of 8.
    fn length() -> usize = length_body::<{W}>
}

impl Narrow {
    /// Empty sums about a shift that is guessed from some numbers.
    #[inline]
    pub fn guess(values: &[f32], parts: usize, ask: Ask) -> Narrow {
        let units = values.len() / parts;
        let taken = units.clamp(1, 16);
        let step = units / taken * parts;
        let mut shift = [0.0; 2];
        if ask.sums {
            for part in 0..parts {
                let (mut sum, mut count) = (0.0, 0.0);
                for index in 0..taken {
                    let x = values.get(index * step + part).map_or(f64::NAN, |x| x.widen());
                    if !x.is_nan() {
                        (sum, count) = (sum + x, count + 1.0);
                    }
                }
                let mean = (sum / f64::max(count, 1.0)) as f32;
                shift[part] = if mean.is_finite() { mean.into() } else { 0.0 };
            }
            if parts == 1 {
                shift[1] = shift[0];
            }
        }
        Narrow { shift, squares: Pair::default(), sums: [Pair::default(); 2], count: 0 }
    }

    /// Adds numbers, all of which are included, except NaNs where these are left out.
    #[inline]
    pub fn add(&mut self, isa: Isa, values: &[f32], ask: Ask, ahead: usize) {
        for block in values.chunks(length(isa)) {
            let plain = add(isa, block, self.shift, ask, ahead);
            self.squares.take(plain.squares);
            for (sum, x) in self.sums.iter_mut().zip(plain.sums) {
                sum.take(x);
            }
            self.count += plain.count;
        }
    }

    /// Whether all numbers are certainly equal to the shift. (No difference of float32 numbers is so small
    /// that its square vanishes.)
    #[inline]
    pub fn is_constant(&self) -> bool {
        self.squares == Pair::default()
    }

    /// The sums with their error bounds.
    #[inline]
    fn sums(&self, parts: usize) -> ([Pair; 2], [f64; 2]) {
        let errors = errors(self.squares.high, self.count);
        let [x, y] = self.sums;
        let sum = Pair::sum(x.high, y.high);
        let together = [Pair { low: sum.low + (x.low + y.low), ..sum }, Pair::default()];
        (if parts == 1 { together } else { self.sums }, errors)
    }

    /// The sums with error bounds.
    #[inline]
    pub fn near(&self, parts: usize) -> Near {
        let (sums, [squares_error, sums_error]) = self.sums(parts);
        if parts == 1 {
            Near::new(self.squares, squares_error, sums[0], sums_error)
        } else {
            Near::complex(self.squares, squares_error, sums, sums_error)
        }
    }

    /// The same in numbers of any length; `None` if anything is not finite.
    pub fn into_wide(self, parts: usize) -> Option<Wide> {
        let (sums, errors) = self.sums(parts);
        let shift = [self.shift[0], if parts == 1 { 0.0 } else { self.shift[1] }];
        Wide::of_pairs(shift, self.count / parts as i64, self.squares, sums, errors)
    }
}
