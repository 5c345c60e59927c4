//! The kernels from another crate: `cargo run` in this directory, no Python needed.

use mypackage::fibonacci::modular::{Member, fibonacci as fibonacci_mod};
use mypackage::fibonacci::small::fibonacci;
use mypackage::sum::{Accumulator, sum};

fn main() -> mypackage::Result<()> {
    println!("{}", mypackage::hello::greet("Jan"));
    println!("3 + 5 = {}", mypackage::hello::add(3, 5)?);

    let mut numbers = [0; 3];
    fibonacci(&[10i64, -6, 92], &mut numbers)?;
    println!("F(92) = {}", numbers[2]);
    let mut residues = [0u64; 1];
    fibonacci_mod(Member::U, &[1_000_000_000_000_000_000u64], &[1_000_000_007], &mut residues)?;
    println!("F(10^18) mod (10^9 + 7) = {}", residues[0]);

    println!("1e16 + 1 - 1e16 = {}", sum(&[1e16, 1.0, -1e16]));
    let mut left: Accumulator = [1e16, 1.0].into_iter().collect();
    let mut right = Accumulator::from_bytes(&left.to_bytes())?;
    right.add_f64(-1e16);
    left.merge(&right);
    println!("merged: {}", left.to_f64());

    let error = fibonacci(&[93i64], &mut [0]).expect_err("F(93) needs 64 bits without a sign");
    println!("{error}");
    Ok(())
}
