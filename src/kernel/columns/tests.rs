use proptest::prelude::*;

use super::*;
use crate::exact::bulk;
use crate::exact::round::Format;
use crate::testing::{Oracle, beside_a_midpoint, numbers, pseudo_random};

const ORDERS: [Order; 3] = [Order::Groups, Order::Prefetched, Order::Rows];

/// A matrix by its columns.
struct Matrix {
    values: Vec<f64>,
    width: usize,
}

impl Matrix {
    fn of_columns(columns: &[Vec<f64>]) -> Matrix {
        let rows = columns[0].len();
        let values = (0..rows).flat_map(|row| columns.iter().map(move |column| column[row]));
        Matrix { values: values.collect(), width: columns.len() }
    }

    fn rows(&self) -> Rows<'_, f64> {
        Rows::of(&self.values, self.width)
    }

    fn column(&self, column: usize, period: usize) -> impl Iterator<Item = f64> {
        let values = self.values[column..].iter();
        values.step_by(period).copied()
    }
}

/// A panel that took all rows, some at a time.
fn panel(isa: Isa, matrix: &Matrix, period: usize, mode: Mode, order: Order) -> Panel {
    let mut panel = Panel::new(isa);
    panel.start(matrix.width, period, false, mode, order);
    add(isa, matrix, &mut panel);
    panel
}

fn add(isa: Isa, matrix: &Matrix, panel: &mut Panel) {
    let rows = matrix.rows();
    panel.add_floating(isa, rows.truncate(300));
    if rows.len() > 300 {
        panel.add_floating(isa, rows.skip(300));
    }
}

/// What is decided by any of the kernels is right, and what is proved is exact; how many results of bounds were
/// not decided, of all.
fn check(matrix: &Matrix, period: usize) -> (usize, usize) {
    let exact: Vec<Accumulator> =
        (0..period).map(|column| matrix.column(column, period).collect()).collect();
    let doubles: Vec<Option<u64>> = (0..period)
        .map(|column| {
            let mut oracle = Oracle::new();
            if matrix.column(column, period).any(|x| !x.is_finite()) {
                return None;
            }
            matrix.column(column, period).for_each(|x| oracle.add(x));
            Some(oracle.to_f64().to_bits())
        })
        .collect();
    let (mut undecided, mut all) = (0, 0);
    for (isa, order) in
        Isa::available().into_iter().flat_map(|isa| ORDERS.map(|order| (isa, order)))
    {
        let count = (matrix.values.len() / period) as i64;
        let careful = panel(isa, matrix, period, Mode::Exact, order);
        for (column, exact) in exact.iter().enumerate() {
            let mut sum = careful.interval(column);
            assert!(sum.is_exact());
            sum.total.add_zeros(count);
            assert_eq!(&sum.total, exact, "{isa:?} {order:?} {column}");
        }
        let mut certified = panel(isa, matrix, period, Mode::Certified, order);
        let mut pairs = Pairs::new();
        for (format, divisor) in [Format::F64, Format::F32]
            .into_iter()
            .flat_map(|format| [1, 3, count].map(|n| (format, n)))
        {
            for (column, exact) in exact.iter().enumerate() {
                all += 1;
                match certified.interval(column).round_quotient(divisor, format) {
                    Some(bits) => {
                        assert_eq!(bits, exact.round_quotient(divisor, format), "{isa:?} {column}");
                        if let (Format::F64, 1, Some(double)) = (format, divisor, doubles[column]) {
                            assert!(bits == double, "{isa:?} {column}");
                        }
                    }
                    None => undecided += 1,
                }
            }
            if certified.pairs(isa, &mut pairs) {
                let (mut rounded, mut bounds) = ([0.0; WIDTH], [0.0; WIDTH]);
                certified.bounds(isa, &mut bounds);
                let (rounded, bounds) = (&mut rounded[..period], &bounds[..period]);
                let sums = pairs.first(period);
                bulk::round_within(isa, sums, bounds, divisor as f64, format, rounded);
                for (x, exact) in rounded.iter().zip(&exact).filter(|(x, _)| !x.is_nan()) {
                    let single = u64::from((*x as f32).to_bits());
                    let bits = if format == Format::F64 { x.to_bits() } else { single };
                    assert_eq!(bits, exact.round_quotient(divisor, format), "{isa:?} {order:?}");
                }
            }
        }
        if certified.prove() {
            add(isa, matrix, &mut certified);
            for (column, exact) in exact.iter().enumerate() {
                let mut sum = certified.interval(column);
                assert!(sum.is_exact());
                sum.total.add_zeros(count);
                assert_eq!(&sum.total, exact, "proved: {isa:?} {order:?} {column}");
            }
        }
    }
    (undecided, all)
}

/// Columns of all kinds.
fn mixed(width: usize, rows: usize, spread: u64, seed: u64) -> Matrix {
    let columns: Vec<_> = (0..width)
        .map(|column| {
            let centre = [0, -30, 7, 900, -1000, 0, 300][column % 7];
            let mut values = numbers(rows, centre, spread, seed + column as u64);
            match column % 11 {
                3 => values.fill(0.0),
                5 => values.iter_mut().skip(1).step_by(3).for_each(|x| *x = -0.0),
                8 => {
                    let (ones, others) = values.split_at_mut(rows / 2);
                    ones.iter().zip(others).for_each(|(x, other)| *other = -x);
                }
                _ => {}
            }
            values
        })
        .collect();
    Matrix::of_columns(&columns)
}

#[test]
fn every_width_and_height() {
    for (index, (width, rows)) in [
        (1, 700),
        (3, 31),
        (7, 300),
        (8, 8),
        (9, 257),
        (23, 256),
        (40, 1000),
        (100, 30),
        (1024, 18),
    ]
    .into_iter()
    .enumerate()
    {
        for spread in [0, 3, 20, 120] {
            check(&mixed(width, rows, spread, index as u64 * 1000), width);
        }
    }
}

#[test]
fn rows_side_by_side() {
    for (width, period) in [(12, 3), (40, 10), (250, 1), (16, 2)] {
        for spread in [2, 30] {
            check(&mixed(width, 270, spread, width as u64), period);
        }
    }
}

#[test]
fn most_are_decided() {
    let columns: Vec<_> = (0..50).map(|column| numbers(1000, 0, 10, column)).collect();
    let (undecided, all) = check(&Matrix::of_columns(&columns), 50);
    assert!(undecided * 50 < all, "{undecided} of {all}");
}

/// Sums next to points half way between two numbers, which the second level's roundings hide.
#[test]
fn midpoints_are_decided_rightly_or_not_at_all() {
    for first in [-300, 0, 500] {
        for digits in [53, 24] {
            let columns: Vec<_> = (-15..=15)
                .flat_map(|sixteenths| [false, true].map(|up| (sixteenths, up)))
                .map(|(sixteenths, up)| {
                    // The first rows, by which the scale is chosen.
                    let mut values =
                        vec![2f64.powi(first - HEADROOM), -2f64.powi(first - HEADROOM)];
                    values.extend(beside_a_midpoint(first, 242, digits, sixteenths, up));
                    values
                })
                .collect();
            let mut matrix = Matrix::of_columns(&columns);
            let (undecided, _) = check(&matrix, columns.len());
            // (Two of them are no numbers of binary32.)
            assert!(undecided > 0 || digits == 24 && first != 0);
            // Four rows side by side.
            matrix.width *= 4;
            check(&matrix, columns.len());
        }
    }
}

/// Numbers that leave their column's scale in any block, and ones that never come back.
#[test]
fn what_leaves_its_scale_is_added_exactly() {
    for place in [0, 5, 9, 255, 256, 300, 511, 699] {
        for x in [2f64.powi(20), 1e300, f64::MAX, f64::INFINITY, f64::NAN, 1e-300] {
            let mut matrix = mixed(19, 700, 4, place as u64);
            for column in [0, 13, 18] {
                matrix.values[place * 19 + column] = x;
            }
            check(&matrix, 19);
        }
    }
}

/// When the columns' 64-bit sums are emptied, scales stay as they are, even if a number leaves its own there.
#[test]
fn scales_never_fall() {
    let rows = BLOCKS as usize * ROWS + 300;
    let mut columns = vec![vec![1.0; rows + 2]];
    // The last block before they are emptied.
    columns[0][BLOCKS as usize * ROWS - 9] = 1e30;
    for sixteenths in [-12, -5, -1, 0, 1, 5, 12] {
        let mut values = vec![2f64.powi(-HEADROOM), -2f64.powi(-HEADROOM)];
        values.extend(beside_a_midpoint(0, rows, 53, sixteenths, false));
        // The large ones first.
        values.rotate_right(3);
        columns.push(values);
    }
    let matrix = Matrix::of_columns(&columns);
    let isa = Isa::available()[0];
    let mut panel = Panel::new(isa);
    panel.start(columns.len(), columns.len(), false, Mode::Certified, Order::Groups);
    panel.add_floating(isa, matrix.rows());
    for (column, values) in columns.iter().enumerate() {
        let exact: Accumulator = values.iter().copied().collect();
        let result = panel.interval(column).round_quotient(1, Format::F64);
        assert!(result.is_none_or(|bits| bits == exact.to_f64().to_bits()), "{column}");
    }
}

/// A second pass finds numbers below the second level, in one block only or in all.
#[test]
fn small_numbers_are_proved() {
    for small in [2f64.powi(-90), 1.5 * 2f64.powi(-70), f64::from_bits(3)] {
        for places in [vec![299], vec![2, 280, 600], (0..700).collect()] {
            let mut matrix = mixed(21, 700, 2, 77);
            for place in places {
                matrix.values[place * 21 + place % 21] = small;
                matrix.values[place * 21 + 20] = -small;
            }
            let isa = Isa::available()[0];
            let mut certified = panel(isa, &matrix, 21, Mode::Certified, Order::Groups);
            assert!(certified.prove());
            check(&matrix, 21);
        }
    }
}

proptest! {
    #[test]
    fn any_columns(seed: u64, width in 1..70usize, rows in 1..600usize, spread in 0..200u64, folded in 1..4usize) {
        let mut next = pseudo_random(seed);
        let columns: Vec<_> = (0..width * folded)
            .map(|_| {
                let centre = (next() % 2000) as i32 - 1000;
                numbers(rows, centre, spread, next())
            })
            .collect();
        check(&Matrix::of_columns(&columns), width);
    }
}
