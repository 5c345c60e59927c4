//! Variances and norms of arrays, rounded once.

use super::export::export;
use super::foreign::Array;
use mypackage::moments::{Ddof, Measure, Moment, moment_of_all};
use mypackage::sum::Format;

/// A moment of an array.
fn moment(values: Array<'_, f64>, measure: Measure, ddof: f64) -> f64 {
    let moment = Moment { measure, ddof: Ddof::from(ddof), skip_nan: false };
    f64::from_bits(moment_of_all(&values.view(), false, &moment, Format::F64).value)
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
