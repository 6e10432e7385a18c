//! From coefficients to values at the roots of unity and back: the fast Fourier transform over the field, on the host only.
//!
//! EIP-4844 has the values in *bit-reversed* order: element i is the value at the root whose exponent is i with its 12 bits reversed.
//! That is how a transform that goes from long to short intervals leaves them, and what one that goes from short to long begins with; so
//! nothing is ever reordered.

use alloc::vec::Vec;
use alloy_primitives::uint;

use super::{
    ELEMENTS,
    field::{Factor, Scalar},
};

/// A primitive 4,096th root of unity, 7^((r - 1) / 4096), as in EIP-4844; its inverse; and the inverse of 4,096.
const ROOT: Scalar = Scalar::below_modulus(uint!(
    0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306_U256
));
const ROOT_INVERSE: Scalar = Scalar::below_modulus(uint!(
    0x391b2856c609b4784ae25ffab9dc59865046d17864183203961a252dd8543362_U256
));
const COUNT_INVERSE: Scalar = Scalar::below_modulus(uint!(
    0x73e66878b46ae3705eb6a46a89213de7d3686828bfce5c19400fffff00100001_U256
));

/// Replaces coefficients, from that of the lowest power on, by values in the order of EIP-4844.
pub(super) fn values(elements: &mut [Scalar]) {
    let powers = powers(ROOT);
    let mut length = ELEMENTS;
    while length > 1 {
        for interval in elements.chunks_exact_mut(length) {
            let (low, high) = interval.split_at_mut(length / 2);
            let factors = powers.iter().step_by(ELEMENTS / length);
            for ((low, high), factor) in low.iter_mut().zip(high).zip(factors) {
                (*low, *high) = (*low + *high, (*low - *high) * *factor);
            }
        }
        length /= 2;
    }
}

/// Undoes [`values`].
pub(super) fn coefficients(elements: &mut [Scalar]) {
    let powers = powers(ROOT_INVERSE);
    let mut length = 2;
    while length <= ELEMENTS {
        for interval in elements.chunks_exact_mut(length) {
            let (low, high) = interval.split_at_mut(length / 2);
            let factors = powers.iter().step_by(ELEMENTS / length);
            for ((low, high), factor) in low.iter_mut().zip(high).zip(factors) {
                let turned = *high * *factor;
                (*low, *high) = (*low + turned, *low - turned);
            }
        }
        length *= 2;
    }
    let scale = Factor::from(COUNT_INVERSE);
    for element in elements {
        *element = *element * scale;
    }
}

/// The first half of the powers of a root, from the zeroth on.
fn powers(root: Scalar) -> Vec<Factor> {
    let root = Factor::from(root);
    let one = Factor::from(Scalar::below_modulus(uint!(1_U256)));
    let next = |power: &Factor| Some(*power * root);
    core::iter::successors(Some(one), next)
        .take(ELEMENTS / 2)
        .collect()
}
