//! What leaves: ether, or a token that the bridge holds on L1.

use alloy::{
    primitives::{Address, Bytes, U256, utils::parse_ether},
    sol_types::SolCall,
};
use eyre::bail;
use rollmill_engine::Chain;
use rollmill_l1::contracts::{L2TokenBridge, TokenBridge, WithdrawalQueue};
use rollmill_protocol::{
    L1Message, Withdrawal,
    l2::{L2_TOKEN_BRIDGE, WITHDRAWAL_QUEUE},
};
use rollmill_sequencer::tokens;

/// What leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    /// Amounts are wei.
    Ether,
    /// An ERC-20 token by its address on L1; amounts are its smallest units.
    Token(Address),
}

impl Asset {
    /// Who gets how much on L1, if this is what a withdrawal takes out. A message that calls somebody is nothing of ours: its
    /// recipient may refuse it for ever.
    pub(super) fn in_withdrawal(self, withdrawal: &Withdrawal) -> Option<(Address, U256)> {
        match self {
            Self::Ether => {
                let is_plain = withdrawal.data.is_empty();
                is_plain.then_some((withdrawal.recipient, withdrawal.amount_wei))
            }
            Self::Token(token) => {
                let call = TokenBridge::finalizeWithdrawalCall::abi_decode(&withdrawal.data).ok();
                let call = call
                    .filter(|call| withdrawal.sender == L2_TOKEN_BRIDGE && call.token == token)?;
                Some((call.to, call.amount))
            }
        }
    }

    /// Whether a message from L1 orders such a withdrawal.
    pub(super) fn is_ordered_by(self, message: &L1Message) -> bool {
        match self {
            Self::Ether => {
                let selector = WithdrawalQueue::initiateWithdrawalCall::SELECTOR;
                message.to == WITHDRAWAL_QUEUE && message.data.starts_with(&selector)
            }
            Self::Token(token) => {
                let call = L2TokenBridge::withdrawCall::abi_decode(&message.data);
                message.to == L2_TOKEN_BRIDGE && call.is_ok_and(|call| call.l1Token == token)
            }
        }
    }

    /// The transaction on L2 that orders it: whom it calls, with how much ether, and with what.
    pub(super) fn order(self, recipient: Address, amount: U256) -> (Address, U256, Bytes) {
        match self {
            Self::Ether => {
                let call = WithdrawalQueue::initiateWithdrawalCall { recipient };
                (WITHDRAWAL_QUEUE, amount, call.abi_encode().into())
            }
            Self::Token(token) => {
                let call = L2TokenBridge::withdrawCall {
                    l1Token: token,
                    to: recipient,
                    amount,
                };
                (L2_TOKEN_BRIDGE, U256::ZERO, call.abi_encode().into())
            }
        }
    }

    /// What the account will have on L2 when the messages that wait are executed.
    pub(super) fn held(
        self,
        chain: &Chain,
        l1_bridge: Address,
        account: Address,
        waiting: &[L1Message],
    ) -> eyre::Result<U256> {
        let Self::Token(token) = self else {
            return ether(chain, account, waiting);
        };
        let balance = tokens::balance_of(chain, token, account)?;
        let arriving = tokens::arriving(chain, (l1_bridge, token), account, waiting)?;
        Ok(balance.saturating_add(arriving))
    }

    /// Fails if it is named by the address of its twin on L2, of which L1 knows nothing.
    pub(super) fn check(self, chain: &Chain) -> eyre::Result<()> {
        let Self::Token(token) = self else {
            return Ok(());
        };
        match tokens::l1_token_of(chain, token)? {
            Some(l1_token) => bail!(
                "{token} is the twin on L2 of the token {l1_token} on L1: that one leaves, by --token {l1_token}"
            ),
            None => Ok(()),
        }
    }

    /// An amount that somebody wrote down; none if it is no number, or nothing.
    pub(super) fn amount(self, text: &str) -> Option<U256> {
        let amount = match self {
            // It takes what is less than nothing for very much.
            Self::Ether => parse_ether(text).ok().filter(|_| !text.starts_with('-')),
            Self::Token(_) => U256::from_str_radix(text, 10).ok(),
        };
        amount.filter(|amount| !amount.is_zero())
    }

    /// An amount in words.
    pub(super) fn in_words(self, amount: U256) -> String {
        match self {
            Self::Ether => rollmill_l1::ether(amount),
            Self::Token(token) => format!("{amount} units of the token {token}"),
        }
    }

    /// Its name.
    pub(super) fn name(self) -> String {
        match self {
            Self::Ether => "ether".to_owned(),
            Self::Token(token) => format!("the token {token}"),
        }
    }
}

fn ether(chain: &Chain, account: Address, waiting: &[L1Message]) -> eyre::Result<U256> {
    let mut state = chain.state_at(&chain.head())?;
    let mut wei = state.account(account)?.unwrap_or_default().balance;
    for message in waiting {
        if message.sender == account {
            wei = wei
                .saturating_add(message.mint)
                .saturating_sub(message.value);
        }
        if message.to == account {
            wei = wei.saturating_add(message.value);
        }
    }
    Ok(wei)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TOKEN: Address = Address::repeat_byte(0x70);
    const OTHER: Address = Address::repeat_byte(0x71);
    const HARBOUR: Address = Address::repeat_byte(0xa7);

    fn message(to: Address, data: Bytes) -> L1Message {
        L1Message {
            to,
            data,
            ..L1Message::default()
        }
    }

    #[test]
    fn amounts_are_ether_or_smallest_units() {
        let quarter = U256::from(250_000_000_000_000_000u64);
        assert_eq!(Asset::Ether.amount("0.25"), Some(quarter));
        let token = Asset::Token(TOKEN);
        assert_eq!(token.amount("25"), Some(U256::from(25)));
        for nothing in ["", "0", "many", "-1"] {
            assert_eq!(Asset::Ether.amount(nothing), None, "{nothing}");
            assert_eq!(token.amount(nothing), None, "{nothing}");
        }
        assert_eq!(token.amount("0.25"), None);
        assert_eq!(Asset::Ether.in_words(quarter), "0.25 ether");
    }

    #[test]
    fn an_order_is_recognised_as_one_of_its_asset() {
        let assets = [Asset::Ether, Asset::Token(TOKEN), Asset::Token(OTHER)];
        for asset in assets {
            let (to, value, data) = asset.order(HARBOUR, U256::from(5));
            let is_ether = asset == Asset::Ether;
            assert_eq!(value, U256::from(if is_ether { 5 } else { 0 }));
            for other in assets {
                let ordered = other.is_ordered_by(&message(to, data.clone()));
                assert_eq!(ordered, other == asset, "{asset:?} {other:?}");
                assert!(!other.is_ordered_by(&message(HARBOUR, data.clone())));
            }
        }
        let calls = WithdrawalQueue::sendMessageCall {
            recipient: HARBOUR,
            data: Bytes::from_static(b"data"),
        };
        let calls = message(WITHDRAWAL_QUEUE, calls.abi_encode().into());
        assert!(!Asset::Ether.is_ordered_by(&calls));
    }

    #[test]
    fn a_withdrawal_takes_out_one_asset_or_none() {
        let plain = Withdrawal {
            sender: HARBOUR,
            recipient: HARBOUR,
            amount_wei: U256::from(5),
            ..Withdrawal::default()
        };
        let taken = Some((HARBOUR, U256::from(5)));
        assert_eq!(Asset::Ether.in_withdrawal(&plain), taken);
        assert_eq!(Asset::Token(TOKEN).in_withdrawal(&plain), None);

        let call = TokenBridge::finalizeWithdrawalCall {
            token: TOKEN,
            to: HARBOUR,
            amount: U256::from(5),
        };
        let tokens = Withdrawal {
            sender: L2_TOKEN_BRIDGE,
            recipient: OTHER,
            data: call.abi_encode().into(),
            ..Withdrawal::default()
        };
        assert_eq!(Asset::Token(TOKEN).in_withdrawal(&tokens), taken);
        assert_eq!(Asset::Token(OTHER).in_withdrawal(&tokens), None);
        assert_eq!(Asset::Ether.in_withdrawal(&tokens), None);
        // The same words of somebody else.
        let forged = Withdrawal {
            sender: HARBOUR,
            ..tokens
        };
        assert_eq!(Asset::Token(TOKEN).in_withdrawal(&forged), None);
    }
}
