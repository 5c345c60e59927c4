//! A request as kernels like it: axes sorted by stride, turned forward and merged.
//!
//! An exact sum may take its numbers in any order, so the axes that are summed over are sorted by
//! stride, turned forward and merged where memory allows, and so are the axes that are kept.

#![allow(unsafe_code)] // Addresses from strides.

use crate::array::request::{Axis, Request};
use crate::array::walk::{Line, Operand, Reading};
use crate::cpu::{self, Isa};
use crate::interrupt::Interrupt;

/// Fewer terms than this make a short sum.
pub(super) const SHORT: usize = 32;

/// An axis that is kept, and the distance between the results along it; or one summed over (0).
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub size: usize,
    pub stride: isize,
    pub mask_stride: isize,
    pub result_stride: usize,
}

/// A part of the work: axes sorted from the sparsest to the densest.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub isa: Isa,
    pub data: *const u8,
    pub mask: *const u8,
    pub reading: Reading,
    pub result: usize,
    pub kept: Vec<Step>,
    pub reduced: Vec<Step>,
    pub interrupt: Interrupt,
}

// SAFETY: as for `Request`.
unsafe impl Send for Plan {}
// SAFETY: as above.
unsafe impl Sync for Plan {}

impl Plan {
    pub fn new(request: &Request) -> Plan {
        let (mut data, mut mask) = (request.data, request.mask.unwrap_or(std::ptr::null()));
        let (mut kept, mut reduced) = (Vec::new(), Vec::new());
        let mut results = 1;
        for axis in request.axes.iter().rev().filter(|axis| axis.size > 1) {
            let Axis { size, mut stride, mut mask_stride, .. } = *axis;
            if axis.reduced && stride < 0 {
                // Forward through memory: the order does not matter.
                data = data.wrapping_offset((size as isize - 1) * stride);
                mask = mask.wrapping_offset((size as isize - 1) * mask_stride);
                (stride, mask_stride) = (-stride, -mask_stride);
            }
            let result_stride = if axis.reduced { 0 } else { results };
            let step = Step { size, stride, mask_stride, result_stride };
            if axis.reduced {
                reduced.push(step);
            } else {
                results *= size;
                kept.push(step);
            }
        }
        let reading = Reading {
            swapped: request.swapped,
            masked: request.mask.is_some(),
            skip_nan: request.skip_nan && request.dtype.is_floating(),
        };
        Plan {
            isa: cpu::isa(),
            data,
            mask,
            reading,
            result: 0,
            interrupt: Interrupt::of_call(request.axes.iter().map(|axis| axis.size).product()),
            kept: merge(kept),
            reduced: merge(reduced),
        }
    }

    pub fn size(&self) -> usize {
        self.kept.iter().chain(&self.reduced).map(|step| step.size).product()
    }

    pub fn split_kept(&self, axis: usize, parts: usize) -> impl Iterator<Item = Plan> {
        chunks(self.kept[axis].size, parts).map(move |(start, size)| {
            let mut plan = self.moved(&self.kept[axis], start);
            plan.kept[axis].size = size;
            plan
        })
    }

    pub fn split_reduced(&self, axis: usize, parts: usize) -> impl Iterator<Item = Plan> {
        chunks(self.reduced[axis].size, parts).map(move |(start, size)| {
            let mut plan = self.moved(&self.reduced[axis], start);
            plan.reduced[axis].size = size;
            plan
        })
    }

    fn moved(&self, step: &Step, by: usize) -> Plan {
        let mut plan = self.clone();
        plan.data = plan.data.wrapping_offset(by as isize * step.stride);
        plan.mask = plan.mask.wrapping_offset(by as isize * step.mask_stride);
        plan.result += by * step.result_stride;
        plan
    }

    /// Calls `visit(data, mask, result)` at every position of the axes, the densest fastest, unless
    /// the call is interrupted.
    pub fn for_each(
        &self,
        steps: &[Step],
        data: *const u8,
        mask: *const u8,
        result: usize,
        mut visit: impl FnMut(*const u8, *const u8, usize),
    ) {
        let mut position = vec![0; steps.len()];
        let (mut data, mut mask, mut result) = (data, mask, result);
        while !self.interrupt.is_set() {
            visit(data, mask, result);
            let mut axis = steps.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                let step = &steps[axis];
                position[axis] += 1;
                data = data.wrapping_offset(step.stride);
                mask = mask.wrapping_offset(step.mask_stride);
                result += step.result_stride;
                if position[axis] < step.size {
                    break;
                }
                position[axis] = 0;
                data = data.wrapping_offset(-step.stride * step.size as isize);
                mask = mask.wrapping_offset(-step.mask_stride * step.size as isize);
                result -= step.result_stride * step.size;
            }
        }
    }

    /// Whether values can be read where they are, and adjacent ones are a slice.
    pub fn is_direct<O: Operand>(&self) -> bool {
        // SAFETY: the promise of `sum_axes`; nothing is read.
        unsafe { Line::of(self.data, size_of::<O>() as isize, 1).as_slice::<O>(self.reading) }
            .is_some()
            && self.kept.iter().chain(&self.reduced).all(|step| {
                let align = align_of::<O::Value>() as isize;
                step.stride % align == 0
            })
    }
}

/// `parts` ranges `(start, size)` that cover `0..size`.
fn chunks(size: usize, parts: usize) -> impl Iterator<Item = (usize, usize)> {
    let share = size.div_ceil(parts);
    (0..size).step_by(share).map(move |start| (start, share.min(size - start)))
}

/// Sorts from the sparsest to the densest, and makes one of two that are one in memory.
fn merge(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| std::cmp::Reverse(step.stride.unsigned_abs()));
    let mut merged: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        match merged.last_mut() {
            Some(outer)
                if outer.stride == step.stride * step.size as isize
                    && outer.mask_stride == step.mask_stride * step.size as isize
                    && outer.result_stride == step.result_stride * step.size =>
            {
                *outer = Step { size: outer.size * step.size, ..step };
            }
            _ => merged.push(step),
        }
    }
    merged
}
