//! The cost of a call from Rust: `cargo bench --bench interfaces`; benchmarks/interfaces.py reads the output.

use std::hint::black_box;

use mypackage::fibonacci::small::fibonacci;
use mypackage::hello::add;
use mypackage::sum::sum;

mod timing;

fn measure(name: &str, call: impl FnMut()) {
    println!("{name} {:.1}", timing::nanoseconds(call));
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
