//! Variances and norms of arrays, rounded once.

use super::export::export;
use super::foreign::Array;
use super::sums::{exact_dot, exact_sum};
use mypackage::moments::{Ddof, Measure, Question, Sums};
use mypackage::sum::{Accumulator, Format};

/// A moment of an array.
fn moment(values: Array<'_, f64>, measure: Measure, ddof: f64) -> f64 {
    let sum = if measure == Measure::Norm { Accumulator::new() } else { exact_sum(values) };
    let sums = Sums {
        count: values.count() as i64,
        sums: [sum, Accumulator::new()],
        squares: exact_dot(values, values),
    };
    let question = Question { measure, ddof: Ddof::from(ddof), skip_nan: false };
    f64::from_bits(question.round(&sums, None, Format::F64).value)
}

export! {
    fn mypackage_var_f64(
        values: *const f64, count: usize, stride: isize, ddof: f64, out: *mut f64,
    )
    where (values: Array[count, stride], out: Place) {
        out.put(moment(values, Measure::Variance, ddof))
    }

    fn mypackage_std_f64(
        values: *const f64, count: usize, stride: isize, ddof: f64, out: *mut f64,
    )
    where (values: Array[count, stride], out: Place) {
        out.put(moment(values, Measure::Deviation, ddof))
    }

    fn mypackage_norm_f64(values: *const f64, count: usize, stride: isize, out: *mut f64)
    where (values: Array[count, stride], out: Place) {
        out.put(moment(values, Measure::Norm, 0.0))
    }
}
