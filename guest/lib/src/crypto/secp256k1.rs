//! ECDSA public-key recovery on secp256k1 with the zkVM's modular and curve instructions.
//!
//! The order of the moduli and of the curve below is the order in the VM's configuration (`zkvm::config`): an
//! instruction names its modulus by index.
//!
//! The zkVM's field elements are only *congruent* to their value: a result need not be below the modulus unless that
//! is asserted, because a dishonest host chooses the representation. Every place that reads bytes asserts it.

use core::ops::Neg;

use openvm_algebra_guest::{DivUnsafe, IntMod};
use openvm_ecc_guest::{
    weierstrass::{CachedMulTable, IntrinsicCurve, WeierstrassPoint},
    Group,
};

openvm_algebra_guest::moduli_macros::moduli_declare! {
    Secp256k1Coord { modulus = "0xFFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFE FFFFFC2F" },
    Secp256k1Scalar { modulus = "0xFFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFE BAAEDCE6 AF48A03B BFD25E8C D0364141" },
}

const SEVEN: Secp256k1Coord = Secp256k1Coord::from_const_u8(7);

openvm_ecc_guest::sw_macros::sw_declare! {
    Secp256k1Point { mod_type = Secp256k1Coord, b = SEVEN },
}

#[cfg(target_os = "zkvm")]
openvm_algebra_guest::moduli_macros::moduli_init! {
    "0xFFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFE FFFFFC2F",
    "0xFFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFE BAAEDCE6 AF48A03B BFD25E8C D0364141"
}
#[cfg(target_os = "zkvm")]
openvm_ecc_guest::sw_macros::sw_init! { "Secp256k1Point" }

/// The curve's base point, coordinates little-endian.
const GENERATOR_X: [u8; 32] = [
    0x98, 0x17, 0xf8, 0x16, 0x5b, 0x81, 0xf2, 0x59, 0xd9, 0x28, 0xce, 0x2d, 0xdb, 0xfc, 0x9b, 0x02,
    0x07, 0x0b, 0x87, 0xce, 0x95, 0x62, 0xa0, 0x55, 0xac, 0xbb, 0xdc, 0xf9, 0x7e, 0x66, 0xbe, 0x79,
];
const GENERATOR_Y: [u8; 32] = [
    0xb8, 0xd4, 0x10, 0xfb, 0x8f, 0xd0, 0x47, 0x9c, 0x19, 0x54, 0x85, 0xa6, 0x48, 0xb4, 0x17, 0xfd,
    0xa8, 0x08, 0x11, 0x0e, 0xfc, 0xfb, 0xa4, 0x5d, 0x65, 0xc4, 0xa3, 0x26, 0x77, 0xda, 0x3a, 0x48,
];

struct Secp256k1;

impl IntrinsicCurve for Secp256k1 {
    type Scalar = Secp256k1Scalar;
    type Point = Secp256k1Point;

    fn msm(coeffs: &[Self::Scalar], bases: &[Self::Point]) -> Self::Point {
        CachedMulTable::<Self>::new_with_prime_order(bases, WINDOW_BITS).windowed_mul(coeffs)
    }
}

/// Width of the scalar multiplication's window: 4 needs the fewest instructions for two bases.
const WINDOW_BITS: usize = 4;

/// Recovers the public key (x ++ y, big-endian) that signed `message_hash` with signature `rs` (r ++ s, big-endian)
/// and the parity of the nonce point's y coordinate. `None` where no such key exists, or the signature is out of range.
///
/// Ethereum never signs with a nonce point whose x exceeds the group order, so recovery ids 2 and 3 are refused.
/// High `s` is allowed, as in the `ecrecover` precompile; transactions check EIP-2 before they come here.
pub fn recover_public_key(rs: &[u8; 64], parity: u8, message_hash: &[u8; 32]) -> Option<[u8; 64]> {
    if parity > 1 {
        return None;
    }
    // `from_be_bytes` refuses values that are not below the modulus.
    let r = Secp256k1Scalar::from_be_bytes(&rs[..32])?;
    let s = Secp256k1Scalar::from_be_bytes(&rs[32..])?;
    if r == Secp256k1Scalar::ZERO || s == Secp256k1Scalar::ZERO {
        return None;
    }
    let nonce_point = lift_x(Secp256k1Coord::from_be_bytes(&rs[..32])?, parity)?;
    // Arithmetic is up to congruence, so the hash need not be reduced.
    let z = Secp256k1Scalar::from_be_bytes_unchecked(message_hash);
    // SOUNDNESS: `div_unsafe` is undefined for a zero divisor; r is not zero, checked above.
    let u1 = -(z.div_unsafe(&r));
    let u2 = s.div_unsafe(&r);
    let generator = point(
        Secp256k1Coord::from_const_bytes(GENERATOR_X),
        Secp256k1Coord::from_const_bytes(GENERATOR_Y),
    );
    let public_key = Secp256k1::msm(&[u1, u2], &[generator, nonce_point]);
    if public_key.is_identity() {
        return None;
    }
    Some(encode(&public_key))
}

/// The curve point with this x and this parity of y.
fn lift_x(x: Secp256k1Coord, parity: u8) -> Option<Secp256k1Point> {
    let y_squared = &x * &x * &x + &SEVEN;
    let root = square_root(&y_squared)?;
    let y = if root.as_le_bytes()[0] & 1 == parity {
        root
    } else {
        -root
    };
    // SOUNDNESS: the parity of an unreduced representation says nothing.
    y.assert_reduced();
    // No point of this curve has y = 0 (-7 is not a cube), so one of the two roots has the wanted parity.
    (y.as_le_bytes()[0] & 1 == parity).then(|| point(x, y))
}

#[cfg(target_os = "zkvm")]
fn square_root(value: &Secp256k1Coord) -> Option<Secp256k1Coord> {
    // Hinted and proven: a root of the value, or of the value times a proven non-residue. The root is reduced.
    openvm_algebra_guest::Sqrt::sqrt(value)
}

#[cfg(not(target_os = "zkvm"))]
fn square_root(value: &Secp256k1Coord) -> Option<Secp256k1Coord> {
    use openvm_algebra_guest::ExpBytes;
    // p = 3 mod 4, so a root is value^((p + 1) / 4).
    let mut exponent = [0xff; 32];
    exponent[0] = 0x3f;
    exponent[28..].copy_from_slice(&[0xbf, 0xff, 0xff, 0x0c]);
    let root = value.exp_bytes(true, &exponent);
    (&(&root * &root) == value).then_some(root)
}

fn point(x: Secp256k1Coord, y: Secp256k1Coord) -> Secp256k1Point {
    // SAFETY: callers pass the coordinates of a point on the curve: the generator, or a solved curve equation.
    #[allow(unsafe_code)]
    unsafe {
        Secp256k1Point::from_xy_unchecked(x, y)
    }
}

fn encode(point: &Secp256k1Point) -> [u8; 64] {
    // SOUNDNESS: the bytes become an address; only the reduced representation is unique.
    point.x().assert_reduced();
    point.y().assert_reduced();
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&point.x().to_be_bytes());
    bytes[32..].copy_from_slice(&point.y().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::recover_public_key;
    use k256::ecdsa::SigningKey;

    fn signed(key: u8, message: u8) -> ([u8; 64], u8, [u8; 32], [u8; 64]) {
        let key = SigningKey::from_slice(&[key; 32]).expect("key");
        let hash = [message; 32];
        let (signature, id) = key.sign_prehash_recoverable(&hash).expect("signs");
        let point = key.verifying_key().to_encoded_point(false);
        let public_key = point.as_bytes()[1..].try_into().expect("64 bytes");
        (signature.to_bytes().into(), id.to_byte(), hash, public_key)
    }

    #[test]
    fn recovers_what_k256_signed() {
        for (key, message) in [(1, 0), (7, 0xff), (0x42, 3), (0xfe, 200)] {
            let (rs, parity, hash, public_key) = signed(key, message);
            assert_eq!(recover_public_key(&rs, parity, &hash), Some(public_key));
            assert_ne!(recover_public_key(&rs, parity ^ 1, &hash), Some(public_key));
        }
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        let (rs, parity, hash, _) = signed(9, 9);
        let order: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c,
            0xd0, 0x36, 0x41, 0x41,
        ];
        for half in [[0; 32], order, [0xff; 32]] {
            for at in [0, 32] {
                let mut bad = rs;
                bad[at..at + 32].copy_from_slice(&half);
                assert_eq!(recover_public_key(&bad, parity, &hash), None);
            }
        }
        assert_eq!(recover_public_key(&rs, 2, &hash), None);
        assert_eq!(recover_public_key(&rs, 27, &hash), None);
    }

    #[test]
    fn refuses_an_x_that_is_on_no_point() {
        // 5^3 + 7 is not a square modulo the field's prime.
        let mut rs = [0; 64];
        rs[31] = 5;
        rs[63] = 1;
        assert_eq!(recover_public_key(&rs, 0, &[1; 32]), None);
    }
}
