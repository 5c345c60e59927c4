//! How the benchmarks measure.

use std::time::Instant;

/// The nanoseconds of a call: the best of several runs of about 10 ms.
pub fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let mut run = |times: u32| {
        let start = Instant::now();
        (0..times).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    let times = (1e7 / run(10).max(1.0)).max(10.0) as u32;
    (0..9).map(|_| run(times)).fold(f64::INFINITY, f64::min)
}
