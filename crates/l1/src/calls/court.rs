//! Calls of Court beside [`super::judge`]: optimistic accusations, which verifiers need that cannot reject, and their answers.

use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolValue,
};
use rollmill_protocol::PublicValues;

use crate::{
    Call,
    artifacts::court_selector,
    contracts::Court::{
        Submission, SubmissionReceipt, VerdictReceipt, accuseCall, convictCall, defendCall,
        defendExpiredCall,
    },
};

/// The seat that is accused: task, round, roller.
pub type Seat = (B256, u32, Address);

/// `accuse`: needs an allowance of the bond on the SCR token.
pub fn accuse(court: Address, batch: u64, (s, signature): (Submission, Bytes)) -> Call {
    let call = accuseCall {
        batch,
        s,
        signature,
    };
    Call::new(court, &call)
}

/// `rebut`: with the accused bytes, which the verifier accepts.
pub fn rebut(
    court: Address,
    (task, round, roller): Seat,
    values: &PublicValues,
    proof: Bytes,
) -> Call {
    let arguments = (task, round, roller, values.words(), proof);
    super::call(
        court,
        court_selector("rebut"),
        &arguments.abi_encode_params(),
    )
}

/// `defend`: with the operator's verdict `valid`.
pub fn defend(court: Address, batch: u64, (r, signature): (VerdictReceipt, Bytes)) -> Call {
    let call = defendCall {
        batch,
        r,
        signature,
    };
    Call::new(court, &call)
}

/// `defendExpired`: with the receipt of a submission that is too old to be accused.
pub fn defend_expired(court: Address, (r, signature): (SubmissionReceipt, Bytes)) -> Call {
    Call::new(court, &defendExpiredCall { r, signature })
}

/// `convict`: ends an accusation that nobody answered.
pub fn convict(court: Address, (task, round, roller): Seat) -> Call {
    let call = convictCall {
        task,
        round,
        roller,
    };
    Call::new(court, &call)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{calls::tests::decoded, contracts::Evidence};

    #[test]
    fn a_rebuttal_decodes_under_the_real_abi() {
        let values = PublicValues {
            roller: Address::repeat_byte(9),
            ..Default::default()
        };
        let seat = (B256::repeat_byte(1), 3, Address::repeat_byte(9));
        let call = rebut(Address::ZERO, seat, &values, Bytes::from_static(&[7, 7]));
        let arguments = decoded(3, "rebut", &call.input);
        assert_eq!(arguments[0].as_fixed_bytes().unwrap().0, seat.0.as_slice());
        assert_eq!(arguments[1].as_uint().unwrap().0.to::<u32>(), 3);
        assert_eq!(arguments[2].as_address().unwrap(), seat.2);
        let fields = arguments[3].as_tuple().unwrap();
        assert_eq!(fields[6].as_address().unwrap(), seat.2);
        assert_eq!(arguments[4].as_bytes().unwrap(), [7, 7]);
    }

    #[test]
    fn a_receipt_is_the_same_in_every_binding() {
        let receipt = Evidence::VerdictReceipt {
            task: B256::repeat_byte(1),
            round: 2,
            roller: Address::repeat_byte(3),
            proofDigest: B256::repeat_byte(4),
            valid: true,
            onTime: false,
        };
        let here: VerdictReceipt = crate::calls::same(&receipt);
        assert_eq!(
            (here.task, here.round, here.roller, here.proofDigest),
            (
                receipt.task,
                receipt.round,
                receipt.roller,
                receipt.proofDigest
            )
        );
        assert_eq!((here.valid, here.onTime), (true, false));
    }

    #[test]
    #[should_panic(expected = "other structs")]
    fn a_struct_of_another_name_is_another_struct() {
        let submission = Submission {
            task: B256::ZERO,
            round: 0,
            roller: Address::ZERO,
            publicValuesHash: B256::ZERO,
            proofDigest: B256::ZERO,
        };
        let _: Evidence::VerdictReceipt = crate::calls::same(&submission);
    }
}
