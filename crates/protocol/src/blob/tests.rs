#![allow(clippy::unwrap_used)]

use alloc::{vec, vec::Vec};
use alloy_primitives::{B256, U256, keccak256, uint};
use proptest::{collection, prelude::*};

use super::*;

/// The value of the polynomial with these coefficients, without Montgomery's products: `ruint`'s general ones.
fn plain_value(coefficients: &[U256], at: U256) -> U256 {
    let modulus = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
    let terms = coefficients.iter().rev();
    terms.fold(U256::ZERO, |sum, coefficient| {
        sum.mul_mod(at, modulus).add_mod(*coefficient, modulus)
    })
}

fn numbers(data: &[u8]) -> Vec<U256> {
    coefficients(data).unwrap().map(Scalar::number).collect()
}

fn binding(data: &[u8]) -> BlobBinding {
    BlobBinding::new(B256::repeat_byte(1), data, keccak256(data)).unwrap()
}

/// A blob with these coefficients.
fn blob_of(coefficients: &[U256]) -> Vec<u8> {
    let known = coefficients.iter().map(|c| Scalar::new(*c).unwrap());
    let mut elements: Vec<Scalar> = known.collect();
    elements.resize(ELEMENTS, Scalar::ZERO);
    transform::values(&mut elements);
    let words = elements.into_iter().map(|element| B256::from(element).0);
    words.flatten().collect()
}

fn scalar() -> impl Strategy<Value = U256> {
    any::<[u8; 32]>().prop_map(|bytes| Scalar::reduced(U256::from_le_bytes(bytes)).number())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_packed_is_unpacked(data in collection::vec(any::<u8>(), 0..3_000)) {
        let blob = pack(&data).unwrap();
        prop_assert_eq!(blob.len(), BLOB_BYTES);
        prop_assert_eq!(unpack(&blob).unwrap(), data);
    }

    #[test]
    fn whatever_unpacks_packs_to_the_same_blob(
        mut coefficients in collection::vec(scalar(), 1..20),
        length in 0u32..600,
        keep: bool,
    ) {
        if keep {
            coefficients.iter_mut().for_each(|c| *c >>= 8usize);
            coefficients[0] = ((coefficients[0] >> 32usize) << 32usize) | U256::from(length);
        }
        let blob = blob_of(&coefficients);
        if let Ok(data) = unpack(&blob) {
            prop_assert_eq!(pack(&data).unwrap(), blob);
        }
    }

    #[test]
    fn any_bytes_unpack_or_are_refused(seed in any::<u64>(), changed in 0usize..BLOB_BYTES, to: u8) {
        let mut blob = pack(&seed.to_le_bytes()).unwrap();
        blob[changed] ^= to;
        prop_assert_eq!(unpack(&blob).is_ok(), to == 0);
    }

    #[test]
    fn sums_differences_and_products_are_those_of_the_integers(a in scalar(), b in scalar()) {
        let modulus = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
        let (x, y) = (Scalar::new(a).unwrap(), Scalar::new(b).unwrap());
        prop_assert_eq!((x + y).number(), a.add_mod(b, modulus));
        prop_assert_eq!((x - y).number(), a.add_mod(modulus - b, modulus));
        prop_assert_eq!((x * Factor::from(y)).number(), a.mul_mod(b, modulus));
    }

    #[test]
    fn the_binding_is_the_value_of_the_datas_polynomial(data in collection::vec(any::<u8>(), 0..3_000)) {
        let BlobBinding { z, y, versioned_hash } = binding(&data);
        prop_assert_eq!(z, point(versioned_hash, keccak256(&data)));
        prop_assert_eq!(U256::from_be_bytes(y.0), plain_value(&numbers(&data), z.into()));
    }
}

#[test]
fn elements_are_values_at_the_roots_of_unity_in_reversed_order() {
    let root = uint!(0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306_U256);
    let modulus = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
    let generator = (modulus - U256::ONE) / U256::from(4_096);
    assert_eq!(U256::from(7).pow_mod(generator, modulus), root);
    let data: Vec<u8> = (0..1_000u32).map(|n| (n * n) as u8).collect();
    let blob = pack(&data).unwrap();
    for index in [0u16, 1, 2, 3, 77, 2_048, 4_094, 4_095] {
        let exponent = index.reverse_bits() >> 4;
        let at = root.pow_mod(U256::from(exponent), modulus);
        let element = &blob[usize::from(index) * 32..][..32];
        let value = plain_value(&numbers(&data), at);
        assert_eq!(U256::from_be_slice(element), value, "{index}");
    }
}

#[test]
fn a_blob_is_filled_to_its_last_byte() {
    let data = vec![0xff; BLOB_DATA_BYTES_MAX];
    assert_eq!(unpack(&pack(&data).unwrap()).unwrap(), data);
    let longer = vec![0xff; BLOB_DATA_BYTES_MAX + 1];
    let refused = BlobError::TooLong(longer.len());
    assert_eq!(pack(&longer), Err(refused.clone()));
    assert_eq!(
        BlobBinding::new(B256::ZERO, &longer, B256::ZERO),
        Err(refused)
    );
}

#[test]
fn coefficients_are_counted_as_they_are_made() {
    for bytes in [0, 1, 26, 27, 28, 57, 58, 59, 1_000, BLOB_DATA_BYTES_MAX] {
        let made = coefficients(&vec![1; bytes]).unwrap().count();
        assert_eq!(made, coefficient_count(bytes), "{bytes}");
    }
    assert_eq!(coefficient_count(BLOB_DATA_BYTES_MAX), ELEMENTS);
}

/// Zeros at the end are data, too: no two data have one polynomial.
#[test]
fn data_that_differ_in_zeros_at_the_end_differ_in_their_blobs() {
    let blobs = [0, 1, 27, 28, 31].map(|length| pack(&vec![0; length]).unwrap());
    for (index, blob) in blobs.iter().enumerate() {
        assert!(!blobs[..index].contains(blob));
    }
}

#[test]
fn other_data_another_blob_and_another_point_have_other_values() {
    let honest = binding(b"the data of a batch");
    let data = b"the date of a batch";
    let other = BlobBinding::new(honest.versioned_hash, data, keccak256(data)).unwrap();
    assert_ne!((honest.z, honest.y), (other.z, other.y));
    let data = b"the data of a batch";
    let other = BlobBinding::new(B256::repeat_byte(2), data, keccak256(data)).unwrap();
    assert_ne!((honest.z, honest.y), (other.z, other.y));
    assert_ne!(
        point(B256::ZERO, B256::repeat_byte(1)),
        point(B256::repeat_byte(1), B256::ZERO)
    );
}

#[test]
fn what_is_no_blob_of_data_is_refused() {
    assert_eq!(unpack(&[]), Err(BlobError::Size(0)));
    let blob = pack(b"data").unwrap();
    assert_eq!(unpack(&blob[1..]), Err(BlobError::Size(BLOB_BYTES - 1)));
    // The modulus itself is no element, and neither is anything above it.
    let mut blob = pack(b"data").unwrap();
    let modulus = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
    blob[64..96].copy_from_slice(&modulus.to_be_bytes::<32>());
    assert_eq!(unpack(&blob), Err(BlobError::Element(2)));
    let mut blob = pack(b"data").unwrap();
    blob[BLOB_BYTES - 32] = 0xff;
    assert_eq!(unpack(&blob), Err(BlobError::Element(ELEMENTS - 1)));
}

#[test]
fn polynomials_of_no_data_are_refused() {
    let length = |bytes: u32| U256::from(bytes);
    let long = U256::ONE << 248usize;
    assert_eq!(
        unpack(&blob_of(&[length(40), long])),
        Err(BlobError::Coefficient(1))
    );
    assert_eq!(unpack(&blob_of(&[long])), Err(BlobError::Coefficient(0)));
    let claimed = BLOB_DATA_BYTES_MAX as u32 + 1;
    assert_eq!(
        unpack(&blob_of(&[length(claimed)])),
        Err(BlobError::Length(claimed))
    );
    assert_eq!(
        unpack(&blob_of(&[length(u32::MAX)])),
        Err(BlobError::Length(u32::MAX))
    );
    // The data ends with the first piece; the second has a byte.
    let second = [length(27), U256::from(256)];
    assert_eq!(unpack(&blob_of(&second)), Err(BlobError::Trailing(1)));
}
