//! How much work a modular power is: the precompile at address 5, whose gas tells it badly.
//!
//! Model: the program computes with words of 64 bits, as `aurora-engine-modexp` does. Modulo an odd number each bit of the exponent takes
//! a square and each window of some bits a product, both after Montgomery; modulo a power of two each takes a plain product; and modulo
//! what is neither, both are done, one for each factor, and the inverse of the odd factor is found bit by bit. Before that the base is
//! divided by the modulus. All are counted in products of two words.

/// Longest base, exponent and modulus (EIP-7823); what is longer fails.
const LENGTH_MAX: usize = 1_024;
/// Bytes of the input before the base: three lengths.
const HEADER: usize = 96;
const WORD_BITS: u64 = 64;
/// What one digit of a quotient takes beside its product with each word of the divisor: two divisions of 128 bits.
const DIGIT_PRODUCTS: u64 = 100;
/// What one bit of an inverse takes for each of its words: to be shifted, and added to.
const INVERSE_PRODUCTS: u64 = 1;

/// A number of the input: bytes, the most significant first, and zero bytes that the input lacks.
struct Number<'a> {
    bytes: &'a [u8],
    lacking: usize,
}

impl Number<'_> {
    fn bits(&self) -> u64 {
        let first = self.bytes.iter().position(|byte| *byte != 0);
        first.map_or(0, |at| {
            let bytes = (self.bytes.len() - at + self.lacking) as u64;
            bytes * 8 - u64::from(self.bytes[at].leading_zeros())
        })
    }

    fn ones(&self) -> u64 {
        let ones = |byte: &u8| u64::from(byte.count_ones());
        self.bytes.iter().map(ones).sum()
    }

    /// Zero bits behind the last that is one, if there is one.
    fn trailing_zeros(&self) -> u64 {
        let last = self.bytes.iter().rposition(|byte| *byte != 0);
        last.map_or(0, |at| {
            let bytes = (self.bytes.len() - 1 - at + self.lacking) as u64;
            bytes * 8 + u64::from(self.bytes[at].trailing_zeros())
        })
    }
}

/// Products of words that the modular power of this input takes; none where it fails, or where the modulus or the exponent is zero.
/// Below 2^30, whatever the input.
pub fn power_products(input: &[u8]) -> u64 {
    let Some([base, exponent, modulus]) = numbers(input) else {
        return 0;
    };
    let (exponent_bits, modulus_bits) = (exponent.bits(), modulus.bits());
    if exponent_bits == 0 || modulus_bits == 0 {
        return 0;
    }
    let zeros = modulus.trailing_zeros();
    let odd_bits = modulus_bits - zeros;
    let odd_words = odd_bits.div_ceil(WORD_BITS);
    // Of the power of two: one word more than the words that are zero.
    let even_words = zeros / WORD_BITS + 1;
    let steps = steps(exponent_bits, exponent.ones());
    let square = |words: u64| (words + 1).pow(2);

    let (is_odd, is_power_of_two) = (zeros == 0, odd_bits == 1);
    let mut products = 0;
    if !is_power_of_two {
        let digits = base.bits().div_ceil(WORD_BITS).max(odd_words) + 1;
        products += steps * 2 * square(odd_words) + digits * (odd_words + DIGIT_PRODUCTS);
    }
    if is_power_of_two || !is_odd {
        products += steps * square(even_words);
    }
    if !is_power_of_two && !is_odd {
        products += zeros * even_words * INVERSE_PRODUCTS;
    }
    products
}

/// Squares and products of an exponent of so many bits, and so many ones among them: a square for each bit; a product for each one, but
/// where they are many for windows of some bits, of whose powers a table is made first; and three to begin and to end.
fn steps(bits: u64, ones: u64) -> u64 {
    let windows = bits / 4 + bits.min(16);
    bits + ones.min(windows) + 3
}

/// Base, exponent and modulus; `None` when one is too long.
fn numbers(input: &[u8]) -> Option<[Number<'_>; 3]> {
    let mut at = HEADER;
    let mut number = |index: usize| {
        let length = length(input, index).filter(|length| *length <= LENGTH_MAX)?;
        let from = input.get(at..).unwrap_or_default();
        let bytes = from.get(..length).unwrap_or(from);
        at += length;
        Some(Number {
            bytes,
            lacking: length - bytes.len(),
        })
    };
    Some([number(0)?, number(1)?, number(2)?])
}

/// The length at this place of the header, of which zeros may be lacking; `None` beyond 32 bits.
fn length(input: &[u8], index: usize) -> Option<usize> {
    let mut word = [0u8; 32];
    let from = input.get(index * 32..).unwrap_or_default();
    let bytes = from.get(..32).unwrap_or(from);
    word[..bytes.len()].copy_from_slice(bytes);
    let (high, low) = word.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*low)).ok()?;
    high.iter().all(|byte| *byte == 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// An input with these lengths, and what follows them.
    fn input(lengths: [usize; 3], numbers: &[&[u8]]) -> Vec<u8> {
        let mut input = Vec::new();
        for length in lengths {
            input.extend([0; 24]);
            input.extend((length as u64).to_be_bytes());
        }
        input.extend(numbers.concat());
        input
    }

    fn products(base: &[u8], exponent: &[u8], modulus: &[u8]) -> u64 {
        let lengths = [base.len(), exponent.len(), modulus.len()];
        power_products(&input(lengths, &[base, exponent, modulus]))
    }

    #[test]
    fn an_odd_modulus_takes_squares_of_its_words_for_each_bit() {
        // 2 words, 8 bits.
        let by_hand = (8 + 8 + 3) * 2 * 9 + 3 * (2 + DIGIT_PRODUCTS);
        assert_eq!(products(&[5], &[0xff], &[0xff; 16]), by_hand);
        let long_base = products(&[5; 32], &[0xff], &[0xff; 16]);
        assert_eq!(long_base - by_hand, 2 * (2 + DIGIT_PRODUCTS));
    }

    #[test]
    fn an_even_modulus_is_counted_by_its_factors() {
        let steps = 8 + 8 + 3;
        let power_of_two = [&[1][..], &[0; 16]].concat();
        assert_eq!(products(&[5], &[0xff], &power_of_two), steps * 16);
        assert_eq!(products(&[5], &[0xff], &[1]), steps * 4);
        let even = [[0xff; 8], [0; 8]].concat();
        let odd = products(&[5], &[0xff], &[0xff; 8]);
        let inverse = 64 * 2 * INVERSE_PRODUCTS;
        assert_eq!(products(&[5], &[0xff], &even), odd + steps * 9 + inverse);
    }

    #[test]
    fn few_ones_take_few_products() {
        let square = 2 * 5 * 5;
        let modulus = [0xff; 32];
        let [rsa, full] = [[1, 0, 1], [0x1, 0xff, 0xff]].map(|e| products(&[5], &e, &modulus));
        assert_eq!(full - rsa, 15 * square);
    }

    #[test]
    fn leading_zeros_count_for_nothing() {
        let padded = |bytes: &[u8]| [&[0; 100][..], bytes].concat();
        assert_eq!(
            products(&padded(&[5]), &padded(&[3]), &padded(&[0xff; 16])),
            products(&[5], &[3], &[0xff; 16])
        );
    }

    #[test]
    fn bytes_that_the_input_lacks_are_zeros() {
        let exponent = [0xff, 0, 0];
        let modulus = [0xff, 0, 0, 0];
        let short = input([1, 3, 4], &[&[5], &exponent, &[0xff]]);
        assert_eq!(power_products(&short), products(&[5], &exponent, &modulus));
        let no_modulus = input([1, 3, 4], &[&[5], &[0xff]]);
        assert_eq!(power_products(&no_modulus), 0);
        assert_eq!(power_products(&[]), 0);
        // The last length is a byte short: 1 << 8.
        let short_header = &input([0, 0, 1], &[])[1..];
        assert_eq!(length(short_header, 2), Some(1 << 8));
    }

    #[test]
    fn what_is_not_computed_is_not_counted() {
        assert_eq!(products(&[5], &[0, 0], &[7]), 0);
        assert_eq!(products(&[5], &[3], &[0, 0]), 0);
        assert_eq!(products(&[5], &[], &[7]), 0);
        assert_eq!(products(&[], &[], &[]), 0);
        for at in 0..3 {
            for length in [LENGTH_MAX + 1, usize::MAX] {
                let mut lengths = [1; 3];
                lengths[at] = length;
                assert_eq!(power_products(&input(lengths, &[&[7; 3]])), 0);
            }
        }
    }

    #[test]
    fn no_input_is_counted_beyond_its_bound() {
        let full = [0xff; LENGTH_MAX];
        let mut even = full;
        let most = [0, 8, 512, 1_000, 1_016, 1_023].map(|zeros| {
            even[LENGTH_MAX - zeros..].fill(0);
            products(&full, &full, &even)
        });
        assert!(most.iter().all(|products| *products < 1 << 30), "{most:?}");
    }
}
