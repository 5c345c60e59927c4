//! Fibonacci numbers, exact or an error.
