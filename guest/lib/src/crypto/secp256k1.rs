//! ECDSA public-key recovery on secp256k1 with the zkVM's modular and curve instructions.
//!
//! The order of the moduli and of the curve below is the order in the VM's configuration (`zkvm::config`): an
//! instruction names its modulus by index.
//!
//! The zkVM's field elements are only *congruent* to their value: a result need not be below the modulus unless that
//! is asserted, because a dishonest host chooses the representation. Every place that reads bytes asserts it.

use alloc::boxed::Box;
use core::ops::Neg;

use openvm_algebra_guest::{DivUnsafe, IntMod};
use openvm_ecc_guest::{once_cell::race::OnceBox, weierstrass::WeierstrassPoint, Group};

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

/// Bits of a scalar that are added at once: 4 need the fewest instructions.
const WINDOW_BITS: usize = 4;

/// A point times 1, 2, 3 and so on: one for each window that is not zero.
type Multiples = [Secp256k1Point; (1 << WINDOW_BITS) - 1];

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
    linear_combination(&u1, &u2, &nonce_point).map(|public_key| encode(&public_key))
}

/// `u1 * G + u2 * point`, `None` if that is the identity. `point` is on the curve and not the identity. The scalars need not be
/// reduced: what is congruent gives the same sum.
fn linear_combination(
    u1: &Secp256k1Scalar,
    u2: &Secp256k1Scalar,
    point: &Secp256k1Point,
) -> Option<Secp256k1Point> {
    Secp256k1Point::set_up_once();
    let (of_generator, of_point) = (generator_multiples(), &multiples(point));
    let mut sum = Sum {
        point: point.clone(),
        is_identity: true,
    };
    for (byte1, byte2) in u1.as_le_bytes().iter().zip(u2.as_le_bytes()).rev() {
        for shift in [WINDOW_BITS, 0] {
            sum.shift_window();
            sum.add_multiple(of_generator, byte1 >> shift);
            sum.add_multiple(of_point, byte2 >> shift);
        }
    }
    (!sum.is_identity).then_some(sum.point)
}

fn generator_multiples() -> &'static Multiples {
    static MULTIPLES: OnceBox<Multiples> = OnceBox::new();
    MULTIPLES.get_or_init(|| {
        Box::new(multiples(&point(
            Secp256k1Coord::from_const_bytes(GENERATOR_X),
            Secp256k1Coord::from_const_bytes(GENERATOR_Y),
        )))
    })
}

/// SOUNDNESS: the curve has a prime number of points, far above 16. So a multiple below that of a point that is not the identity is
/// neither the identity nor, from 2 on, the point or its negative, which is all that the two instructions demand.
fn multiples(point: &Secp256k1Point) -> Multiples {
    let mut multiple = point.clone();
    core::array::from_fn(|index| {
        let this = multiple.clone();
        // SAFETY: the caller has set up the curve.
        #[allow(unsafe_code)]
        unsafe {
            if index == 0 {
                multiple.double_assign_nonidentity::<false>();
            } else {
                multiple.add_ne_assign_nonidentity::<false>(point);
            }
        }
        this
    })
}

/// A sum of points of the curve, in place. All of it after the curve was set up.
///
/// SOUNDNESS: the instructions add points of different x, and double points of which y is not zero; of anything else a dishonest host
/// chooses the result. So every other case is told apart before. Comparing proves that both sides are reduced.
struct Sum {
    /// Means nothing while the sum is the identity.
    point: Secp256k1Point,
    is_identity: bool,
}

impl Sum {
    /// Multiplies by 2^[`WINDOW_BITS`].
    #[inline(always)]
    fn shift_window(&mut self) {
        if self.is_identity {
            return;
        }
        for _ in 0..WINDOW_BITS {
            // SOUNDNESS: the number of points is odd, so that none but the identity is its own negative.
            #[allow(unsafe_code)]
            unsafe {
                self.point.double_assign_nonidentity::<false>();
            }
        }
    }

    /// Adds the multiple that the low [`WINDOW_BITS`] of `window` tell.
    #[inline(always)]
    fn add_multiple(&mut self, multiples: &Multiples, window: u8) {
        let window = usize::from(window) % (1 << WINDOW_BITS);
        if window != 0 {
            self.add(&multiples[window - 1]);
        }
    }

    /// Adds a point that is not the identity.
    #[inline(always)]
    fn add(&mut self, other: &Secp256k1Point) {
        if self.is_identity {
            self.point = other.clone();
            self.is_identity = false;
            return;
        }
        // SAFETY: the modulus is set up with the curve.
        #[allow(unsafe_code)]
        let is_same_x = unsafe { IntMod::eq_impl::<false>(self.point.x(), other.x()) };
        if is_same_x {
            self.add_same_x(other);
        } else {
            // SAFETY: neither is the identity, and they differ in x.
            #[allow(unsafe_code)]
            unsafe {
                self.point.add_ne_assign_nonidentity::<false>(other);
            }
        }
    }

    /// Adds the same point, or its negative: never by chance.
    #[cold]
    fn add_same_x(&mut self, other: &Secp256k1Point) {
        self.point.add_assign_impl::<false>(other);
        self.is_identity = self.point.is_identity();
    }
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
    use super::{recover_public_key, GENERATOR_X};
    use alloy_primitives::keccak256;
    use k256::{
        ecdsa::SigningKey,
        elliptic_curve::{group::Group, sec1::ToEncodedPoint, PrimeField},
        ProjectivePoint, Scalar,
    };

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
    fn recovers_what_k256_signed_at_random() {
        for index in 0..100u64 {
            let key = keccak256((2 * index).to_be_bytes());
            let hash = keccak256((2 * index + 1).to_be_bytes());
            let key = SigningKey::from_slice(key.as_slice()).expect("key");
            let (signature, id) = key
                .sign_prehash_recoverable(hash.as_slice())
                .expect("signs");
            let point = key.verifying_key().to_encoded_point(false);
            let rs: [u8; 64] = signature.to_bytes().into();
            let recovered = recover_public_key(&rs, id.to_byte(), &hash.0).expect("recovers");
            assert_eq!(recovered, point.as_bytes()[1..]);
            // The same key signs with the opposite nonce.
            let high = (-*signature.s()).to_repr();
            let rs = [&rs[..32], &high[..]].concat();
            let rs: [u8; 64] = rs.try_into().expect("64 bytes");
            assert_eq!(
                recover_public_key(&rs, id.to_byte() ^ 1, &hash.0),
                Some(recovered)
            );
        }
    }

    /// Signatures with the nonce 1, so that both sums run over multiples of the generator and meet: in the same point, which must be doubled,
    /// or in the opposite one, which makes the identity in the middle or at the end.
    #[test]
    fn sums_that_meet_are_told_apart() {
        let mut x = GENERATOR_X;
        x.reverse();
        let r = Scalar::from_repr(x.into()).expect("below the order");
        let check = |z: Scalar, s: Scalar, parity: u8| {
            let nonce_point = match parity {
                0 => ProjectivePoint::GENERATOR,
                _ => -ProjectivePoint::GENERATOR,
            };
            let key =
                (nonce_point * s - ProjectivePoint::GENERATOR * z) * r.invert().expect("not zero");
            let expected = (!bool::from(key.is_identity()))
                .then(|| key.to_affine().to_encoded_point(false).as_bytes()[1..].to_vec());
            let mut rs = [0; 64];
            rs[..32].copy_from_slice(&x);
            rs[32..].copy_from_slice(&s.to_repr());
            let recovered = recover_public_key(&rs, parity, &z.to_repr().into());
            assert_eq!(recovered.map(|key| key.to_vec()), expected);
            recovered.is_some()
        };
        for z in [1u64, 2, 15, 16, 17, 0x1234_5678_9abc].map(Scalar::from) {
            // r times a small number: windows that are zero, but for the last.
            for z in [z, -z, z * r, -(z * r)] {
                assert!(!check(z, z, 0), "opposite scalars, the same points");
                assert!(check(z, -z, 0), "the same scalars and points");
                assert!(check(z, z, 1));
                assert!(!check(z, -z, 1), "opposite points in every window");
                for s in [z + z, z + Scalar::from(5u64), Scalar::ONE, -Scalar::ONE] {
                    for parity in [0, 1] {
                        check(z, s, parity);
                    }
                }
            }
        }
        assert!(
            check(Scalar::ZERO, Scalar::ONE, 0),
            "nothing of the generator"
        );
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
