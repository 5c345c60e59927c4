//! The exact kernels on their own, one thread: `cargo bench --bench sums [-- TEXT]`.
//!
//! Nanoseconds per element, for each instruction set in a process of its own, or for that of
//! `MYPACKAGE_ISA` only; with TEXT, the kernels that have it in their name. benchmarks/sums.py has
//! the whole functions beside their peers.

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use mypackage::cpu::{self, Isa};
use mypackage::sum::{Accumulator, cumsum, dot, dot_f32, sum, sum_f32};

mod timing;

const SIZES: [usize; 5] = [8, 32, 1_000, 10_000, 100_000];

/// A kernel and what it does to the numbers: all of one kind, float64 and float32.
type Kernel = (&'static str, fn(&[f64], &[f32]));

const KERNELS: [Kernel; 8] = [
    ("sum", |x, _| keep(sum(x))),
    ("sum_f32", |_, x| keep(sum_f32(x))),
    ("add_slice", |x, _| add(|total| total.add_slice(x))),
    ("add_slice_f32", |_, x| add(|total| total.add_slice_f32(x))),
    ("add_f64", |x, _| add(|total| x.iter().for_each(|&x| total.add_f64(x)))),
    ("dot", |x, _| keep(dot(x, x))),
    ("dot_f32", |_, x| keep(dot_f32(x, x))),
    ("cumsum", |x, _| keep(cumsum(x))),
];

fn keep<T>(value: T) {
    black_box(value);
}

fn add(fill: impl FnOnce(&mut Accumulator)) {
    let mut total = Accumulator::new();
    fill(&mut total);
    keep(total);
}

/// Random bits: xorshift (Marsaglia, 2003).
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Numbers between -1 and 1, and such times 2^-30 to 2^30, which float32 holds too.
fn numbers(kind: &str, size: usize) -> Vec<f64> {
    let mut state = 1;
    let mut unit = || random(&mut state) as i64 as f64 / 2f64.powi(63);
    match kind {
        "ordinary" => (0..size).map(|_| unit()).collect(),
        _ => (0..size).map(|_| unit() * 2f64.powi((unit() * 30.0) as i32)).collect(),
    }
}

fn measure_all(only: &str) {
    println!("{}, ns per element", cpu::isa().name());
    for kind in ["ordinary", "wide exponents"] {
        println!("  {kind:20}{}", SIZES.map(|size| format!("{size:>10}")).concat());
        for (name, kernel) in KERNELS.iter().filter(|(name, _)| name.contains(only)) {
            let times = SIZES.map(|size| {
                let doubles = numbers(kind, size);
                let singles: Vec<f32> = doubles.iter().map(|&x| x as f32).collect();
                let time = timing::nanoseconds(|| kernel(black_box(&doubles), black_box(&singles)));
                format!("{:>10.3}", time / size as f64)
            });
            println!("  {name:20}{}", times.concat());
        }
    }
}

fn main() -> ExitCode {
    // Cargo itself passes `--bench`.
    let only = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if env::var_os("MYPACKAGE_ISA").is_some() {
        if let Err(error) = cpu::initialise() {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        measure_all(&only.unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    let program = env::current_exe().expect("the system knows what it runs");
    let done = Isa::available().into_iter().rev().all(|isa| {
        let run = Command::new(&program).args(&only).env("MYPACKAGE_ISA", isa.name()).status();
        run.is_ok_and(|status| status.success())
    });
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
