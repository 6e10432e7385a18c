//! The field that blobs are made of: the integers modulo the order r of BLS12-381's groups, as far as blobs need them.
//!
//! Products are Montgomery's, by `ruint`: a [`Factor`] is a scalar times 2^256, so that a scalar times a factor, divided by 2^256, is a
//! scalar again and nothing has to be converted.

use core::ops::{Add, Mul, Sub};

use alloy_primitives::{B256, U256, uint};

/// r, a prime of 255 bits.
const MODULUS: U256 =
    uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
/// -1/r modulo 2^64.
const NEGATIVE_INVERSE: u64 = 0xffff_fffe_ffff_ffff;
/// 2^512 modulo r.
const SQUARE: U256 = uint!(0x0748d9d99f59ff1105d314967254398f2b6cedcb87925c23c999e990f3f29c6d_U256);

/// A number below r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scalar(U256);

impl Scalar {
    pub(super) const ZERO: Self = Self(U256::ZERO);

    /// `None` for what is not below r.
    pub(super) fn new(number: U256) -> Option<Self> {
        (number < MODULUS).then_some(Self(number))
    }

    /// A number that is known to be below r.
    pub(super) const fn below_modulus(number: U256) -> Self {
        Self(number)
    }

    /// The number.
    pub(super) const fn number(self) -> U256 {
        self.0
    }

    /// The remainder of any number.
    pub(super) fn reduced(number: U256) -> Self {
        Self(number % MODULUS)
    }
}

/// Big-endian, as in EIP-4844.
impl From<Scalar> for B256 {
    fn from(scalar: Scalar) -> Self {
        scalar.0.into()
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        // Both have 255 bits.
        let sum = self.0.wrapping_add(other.0);
        let (reduced, below) = sum.overflowing_sub(MODULUS);
        Self(if below { sum } else { reduced })
    }
}

impl Sub for Scalar {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        let (difference, negative) = self.0.overflowing_sub(other.0);
        Self(if negative {
            difference.wrapping_add(MODULUS)
        } else {
            difference
        })
    }
}

/// A scalar that others are multiplied by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor(U256);

impl From<Scalar> for Factor {
    fn from(scalar: Scalar) -> Self {
        Self(product(scalar.0, SQUARE))
    }
}

impl Mul<Factor> for Scalar {
    type Output = Self;

    fn mul(self, factor: Factor) -> Self {
        Self(product(self.0, factor.0))
    }
}

impl Mul for Factor {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(product(self.0, other.0))
    }
}

/// `a * b / 2^256` modulo r, of numbers below r.
fn product(a: U256, b: U256) -> U256 {
    a.mul_redc(b, MODULUS, NEGATIVE_INVERSE)
}
