//! The cost of a call from Rust: `cargo bench --bench doors`; benchmarks/doors.py reads the output.

use std::hint::black_box;
use std::time::Instant;

use mypackage::fibonacci::small::fibonacci;
use mypackage::hello::add;
use mypackage::sum::sum;

/// Prints the nanoseconds of a call: the best of several runs of about 10 ms.
fn measure(name: &str, mut call: impl FnMut()) {
    let mut run = |times: u32| {
        let start = Instant::now();
        (0..times).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(times)
    };
    let times = (1e7 / run(10).max(1.0)).max(10.0) as u32;
    let best = (0..9).map(|_| run(times)).fold(f64::INFINITY, f64::min);
    println!("{name} {best:.1}");
}

fn main() {
    let few = [0.1; 8];
    let many: Vec<f64> = (0..1_000_000).map(|i| f64::from(i % 1000) + 0.1).collect();
    measure("add", || {
        let _ = black_box(add(black_box(3), black_box(5)));
    });
    measure("fibonacci", || {
        let mut out = [0i64];
        let _ = black_box(fibonacci(black_box(&[50]), &mut out));
        black_box(out);
    });
    measure("sum_few", || {
        black_box(sum(black_box(&few)));
    });
    measure("sum_many", || {
        black_box(sum(black_box(&many)));
    });
}
