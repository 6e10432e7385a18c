//! Small contracts that do one thing often, so that its cost can be told from everything else's.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use k256::ecdsa::SigningKey;
use rollmill_protocol::prover_gas::power_products;

use crate::batch::{Call, Scenario, contract};

/// Calls [`CALLEE`] as often as calldata says.
const CALLER: Address = Address::repeat_byte(0x61);
const CALLEE: Address = Address::repeat_byte(0x62);
/// Calls the address in its second word with what follows, as often as its first word says.
const FORWARDER: Address = Address::repeat_byte(0x63);
/// Of a transaction that probes: what the rules let it have.
const GAS_LIMIT: u64 = 16_000_000;

/// On the stack of each call when its probe begins, the last pushed first: numbers of full length for arithmetic.
const OPERANDS: [[u8; 32]; 3] = [
    hex!("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff1"),
    hex!("00000000000000000123456789abcdef0123456789abcdeffedcba9876543211"),
    hex!("f123456789abcdeffedcba98765432100123456789abcdeffedcba9876543210"),
];

/// One instruction among others of known cost, repeated.
pub struct OpcodeProbe {
    pub opcode: u8,
    /// Code in which the instruction stands once, and which leaves the stack as it was; for jumps, by its place in the code.
    body: Body,
    /// Bodies in a call.
    pub repeats: u64,
    pub calls: u64,
}

enum Body {
    Code(Vec<u8>),
    /// Pushes the place of the `JUMPDEST` at the end of this body.
    Jump,
    JumpIf,
    /// Ends the call: once, in place of `STOP`.
    End(Vec<u8>),
    /// Pushes that are left on the stack.
    Pushes,
}

impl OpcodeProbe {
    fn new(opcode: u8, body: Body) -> Self {
        let (repeats, calls) = match body {
            Body::End(_) => (1, 600),
            Body::Pushes => (900, 20),
            Body::Code(_) | Body::Jump | Body::JumpIf => (20, 300),
        };
        Self {
            opcode,
            body,
            repeats,
            calls,
        }
    }

    /// The code of the callee.
    pub fn code(&self) -> Vec<u8> {
        let mut code = prefix();
        for _ in 0..self.repeats {
            match &self.body {
                Body::Code(body) | Body::End(body) => code.extend(body),
                Body::Pushes => code.push(self.opcode),
                Body::Jump => {
                    let at = place(code.len() + 4);
                    code.extend([0x61, at[0], at[1], 0x56, 0x5b]);
                }
                Body::JumpIf => {
                    let at = place(code.len() + 5);
                    // The operand on top is not zero.
                    code.extend([0x80, 0x61, at[0], at[1], 0x57, 0x5b]);
                }
            }
        }
        code.push(0);
        code
    }

    /// The other instructions of one body.
    pub fn others(&self) -> Vec<u8> {
        match &self.body {
            Body::Pushes => Vec::new(),
            Body::Jump => vec![0x61, 0x5b],
            Body::JumpIf => vec![0x80, 0x61, 0x5b],
            Body::Code(body) | Body::End(body) => {
                let mut opcodes = opcodes(body);
                let own = opcodes.iter().position(|opcode| *opcode == self.opcode);
                opcodes.remove(own.expect("a body has its instruction"));
                opcodes
            }
        }
    }

    /// Whether it stands where `STOP` stands in the code that it is compared with.
    pub fn ends(&self) -> bool {
        matches!(self.body, Body::End(_))
    }
}

fn place(at: usize) -> [u8; 2] {
    u16::try_from(at).expect("probes are short").to_be_bytes()
}

/// Opcodes of a code, without what pushes push.
fn opcodes(code: &[u8]) -> Vec<u8> {
    let mut opcodes = Vec::new();
    let mut bytes = code.iter().copied();
    while let Some(opcode) = bytes.next() {
        opcodes.push(opcode);
        let pushed = if opcode <= 0x7f {
            opcode.saturating_sub(0x5f)
        } else {
            0
        };
        for _ in 0..pushed {
            bytes.next();
        }
    }
    opcodes
}

fn prefix() -> Vec<u8> {
    OPERANDS
        .iter()
        .flat_map(|operand| [&[0x7f][..], operand].concat())
        .collect()
}

/// What all others are compared with: a call that does nothing.
pub fn idle_code() -> Vec<u8> {
    [prefix(), vec![0]].concat()
}

/// One for each instruction, those first that others need: pushes without data, POP, JUMPDEST, DUP1, PUSH1, PUSH2.
pub fn opcode_probes() -> Vec<OpcodeProbe> {
    let code = |opcode: u8, body: Vec<u8>| OpcodeProbe::new(opcode, Body::Code(body));
    let mut probes = vec![
        OpcodeProbe::new(0x5f, Body::Pushes),
        code(0x50, vec![0x5f, 0x50]),
        code(0x5b, vec![0x5b]),
        code(0x80, vec![0x80, 0x50]),
    ];
    let push = |length: u8| {
        let data = OPERANDS[2].iter().copied().take(usize::from(length));
        [0x5f + length]
            .into_iter()
            .chain(data)
            .chain([0x50])
            .collect()
    };
    probes.extend((1..=32).map(|length| code(0x5f + length, push(length))));
    probes.push(code(0x90, vec![0x90]));
    probes.push(OpcodeProbe::new(0x56, Body::Jump));
    probes.push(OpcodeProbe::new(0x57, Body::JumpIf));
    let none = [0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d]
        .into_iter()
        .chain(0x41..=0x48)
        .chain([0x4a, 0x58, 0x59, 0x5a]);
    probes.extend(none.map(|opcode| code(opcode, vec![opcode, 0x50])));
    // What takes one and leaves one, two and one, three and one.
    let one = [0x15, 0x19, 0x1e, 0x35, 0x49, 0x51, 0x5c];
    probes.extend(one.map(|opcode| code(opcode, from_place(opcode, vec![0x80, opcode, 0x50]))));
    let two = (0x01..=0x07).chain(0x10..=0x14).chain(0x16..=0x18);
    probes.extend(two.map(|opcode| code(opcode, vec![0x81, 0x81, opcode, 0x50])));
    // By a number of bits, or of a byte, that is in range.
    let shifts = [0x0b, 0x1a, 0x1b, 0x1c, 0x1d];
    probes.extend(shifts.map(|opcode| code(opcode, vec![0x80, 0x60, 0x0d, opcode, 0x50])));
    probes.extend([0x08, 0x09].map(|opcode| code(opcode, vec![0x82, 0x82, 0x82, opcode, 0x50])));
    // Of slots and accounts that were not looked at before: what remains of the gas is another number each time.
    let first = [0x31, 0x3b, 0x3f, 0x54];
    probes.extend(first.map(|opcode| OpcodeProbe {
        repeats: 5,
        calls: 100,
        ..code(opcode, vec![0x5a, opcode, 0x50])
    }));
    probes.push(code(0x40, vec![0x5f, 0x40, 0x50]));
    // What a bit of the exponent costs is measured apart.
    probes.push(code(0x0a, vec![0x5f, 0x81, 0x0a, 0x50]));
    // What copies nothing; what a word costs is measured apart.
    probes.extend([0x20].map(|opcode| code(opcode, vec![0x5f, 0x5f, opcode, 0x50])));
    probes.extend(
        [0x37, 0x39, 0x3e, 0x5e].map(|opcode| code(opcode, vec![0x5f, 0x5f, 0x5f, opcode])),
    );
    probes.push(OpcodeProbe {
        repeats: 5,
        calls: 100,
        ..code(0x3c, vec![0x5f, 0x5f, 0x5f, 0x5a, 0x3c])
    });
    probes.extend([0x52, 0x53].map(|opcode| code(opcode, vec![0x80, 0x60, 0x01, opcode])));
    probes.push(code(0x55, vec![0x81, 0x5f, 0x55]));
    probes.push(code(0x5d, vec![0x80, 0x5a, 0x5d]));
    probes.extend((0..=4u8).map(|topics| {
        let body = [
            vec![0x80; usize::from(topics)],
            vec![0x5f, 0x5f, 0xa0 + topics],
        ]
        .concat();
        OpcodeProbe {
            repeats: 5,
            calls: 60,
            ..code(0xa0 + topics, body)
        }
    }));
    probes.extend(calls());
    let end = |opcode, body| OpcodeProbe::new(opcode, Body::End(body));
    probes.push(end(0xf3, vec![0x5f, 0x5f, 0xf3]));
    probes.push(end(0xfd, vec![0x5f, 0x5f, 0xfd]));
    probes.push(end(0xff, vec![0x30, 0xff]));
    probes
}

/// `MLOAD` and `CALLDATALOAD` where bytes are and no word begins, `TLOAD` of another slot each time; the others as they are.
fn from_place(opcode: u8, body: Vec<u8>) -> Vec<u8> {
    match opcode {
        0x35 | 0x51 => vec![0x60, 0x01, opcode, 0x50],
        0x49 => vec![0x5f, opcode, 0x50],
        0x5c => vec![0x5a, opcode, 0x50],
        _ => body,
    }
}

/// Calls of what returns at once, with a frame, and creations of what has no code.
fn calls() -> impl Iterator<Item = OpcodeProbe> {
    let call = |opcode: u8, arguments: usize| {
        let to = [&[0x73][..], idle_callee().as_slice()].concat();
        let body = [vec![0x5f; arguments], to, vec![0x5a, opcode, 0x50]].concat();
        OpcodeProbe {
            repeats: 5,
            calls: 100,
            ..OpcodeProbe::new(opcode, Body::Code(body))
        }
    };
    let create = |opcode: u8, body: Vec<u8>| OpcodeProbe {
        repeats: 5,
        calls: 4,
        ..OpcodeProbe::new(opcode, Body::Code(body))
    };
    [
        call(0xf1, 5),
        call(0xf2, 5),
        call(0xf4, 4),
        call(0xfa, 4),
        create(0xf0, vec![0x5f, 0x5f, 0x5f, 0xf0, 0x50]),
        // The salt is what remains of the gas: another each time.
        create(0xf5, vec![0x5a, 0x5f, 0x5f, 0x5f, 0xf5, 0x50]),
    ]
    .into_iter()
}

/// Has code that stops.
fn idle_callee() -> Address {
    Address::repeat_byte(0x64)
}

/// `body` behind code that takes `bytes` bytes of memory and more, and copies as much data there: a first byte that stops, and then the
/// bytes on which the look for jump destinations takes longest.
pub fn over_data(body: &[u8], bytes: u16) -> Vec<u8> {
    // MSTORE at 0x2000; CODECOPY from behind the code.
    let mut code = hex!("5f612000" "52" "61").to_vec();
    let data_at = u16::try_from(code.len() + 8 + body.len()).expect("probes are short");
    code.extend(bytes.to_be_bytes());
    code.push(0x61);
    code.extend(data_at.to_be_bytes());
    code.extend([0x5f, 0x39]);
    code.extend(body);
    code.extend([0x00, 0x00]);
    code.extend(vec![0x5b; usize::from(bytes) - 1]);
    code
}

/// A transaction that calls this code so many times, with bytes of calldata.
pub fn calling(code: Vec<u8>, calls: u64) -> Scenario {
    // JUMPDEST PUSH0 PUSH0 PUSH2 0x1200 PUSH0 PUSH0 PUSH20 CALLEE GAS CALL POP, and the loop around it.
    let caller = [
        &hex!("5f355b" "5f5f6112005f5f73")[..],
        CALLEE.as_slice(),
        &hex!("5af150" "60019003" "80" "6002" "57" "00"),
    ]
    .concat();
    Scenario {
        senders: 1,
        contracts: vec![
            contract(CALLER, caller.into(), Vec::new()),
            contract(CALLEE, code.into(), vec![(U256::ZERO, U256::ONE)]),
            contract(idle_callee(), Bytes::from_static(&[0]), Vec::new()),
        ],
        transactions: vec![to_contract(CALLER, U256::from(calls).to_be_bytes_vec(), 0)],
        ..Scenario::default()
    }
}

/// So many transactions that call this address with this input so many times each.
pub fn forwarding(address: Address, input: &[u8], calls: u64, transactions: u64) -> Scenario {
    forwarding_behind(&[], address, input, calls, transactions)
}

/// The same, once, behind what uses more gas than L1 asks at least for a transaction's input (EIP-7623): what the call uses is seen.
pub fn forwarding_once(address: Address, input: &[u8], transactions: u64) -> Scenario {
    // MLOAD at 256 KiB.
    let spend = hex!("62040000" "51" "50");
    forwarding_behind(&spend, address, input, 1, transactions)
}

fn forwarding_behind(
    before: &[u8],
    address: Address,
    input: &[u8],
    calls: u64,
    transactions: u64,
) -> Scenario {
    // Input to memory; then STATICCALL with it, and the loop around.
    let forwarder = [
        before,
        &hex!("60403603" "60405f37" "5f35" "5b" "5f5f" "60403603" "5f" "602035" "5afa50" "60019003" "80" "60"),
        &[0x0a + u8::try_from(before.len()).expect("short")],
        &hex!("57" "00"),
    ]
    .concat();
    let words = [B256::from(U256::from(calls)), address.into_word()];
    let code = Bytes::from(forwarder);
    let data = [words.concat().as_slice(), input].concat();
    Scenario {
        senders: 1,
        contracts: vec![contract(FORWARDER, code, Vec::new())],
        transactions: (0..transactions)
            .map(|nonce| to_contract(FORWARDER, data.clone(), nonce))
            .collect(),
        ..Scenario::default()
    }
}

fn to_contract(to: Address, input: Vec<u8>, nonce: u64) -> Bytes {
    Call {
        to,
        input: input.into(),
        gas_limit: GAS_LIMIT,
        ..Call::default()
    }
    .sign(0, nonce)
}

/// By what a precompile is priced.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Call,
    Bytes,
    /// Of BLAKE2: the rounds with which its input begins.
    Gas,
    /// Of modular powers.
    Products,
}

impl By {
    /// How much of it this input is.
    pub fn amount(self, input: &[u8]) -> u64 {
        match self {
            Self::Call => 0,
            Self::Bytes => input.len() as u64,
            Self::Gas => {
                let rounds = input.first_chunk().expect("BLAKE2's input");
                u32::from_be_bytes(*rounds).into()
            }
            Self::Products => power_products(input),
        }
    }
}

/// Inputs that a precompile works on, of which the first is the least.
pub struct PrecompileProbe {
    pub address: Address,
    pub by: By,
    pub inputs: Vec<Vec<u8>>,
}

/// One for each precompile.
pub fn precompile_probes() -> Vec<PrecompileProbe> {
    let bytes = |length: usize| vec![0xa5; length];
    let scalar = [0xf7; 32];
    let g1_scalar = [&G1[..], &scalar].concat();
    let g2_scalar = [&G2[..], &scalar].concat();
    let pair = [&G1[..], &G2].concat();
    let field = [vec![0u8; 16], vec![0x11; 48]].concat();
    let once = |address, input: Vec<u8>| (address, By::Call, vec![input]);
    let by_bytes = |address, item: Vec<u8>, times: usize| {
        let inputs = vec![item.clone(), item.repeat(times)];
        (address, By::Bytes, inputs)
    };
    let all = [
        once(0x01, signature()),
        by_bytes(0x02, bytes(32), 64),
        by_bytes(0x03, bytes(32), 64),
        by_bytes(0x04, bytes(32), 64),
        (0x05, By::Products, powers()),
        once(0x06, [BN_G1, BN_G1].concat()),
        once(0x07, [&BN_G1[..], &scalar].concat()),
        by_bytes(0x08, bn_pairs(1), 3),
        (0x09, By::Gas, vec![blake2f(12), blake2f(2_000)]),
        once(0x0a, POINT_EVALUATION.to_vec()),
        once(0x0b, G1.repeat(2)),
        by_bytes(0x0c, g1_scalar, 4),
        once(0x0d, G2.repeat(2)),
        by_bytes(0x0e, g2_scalar, 4),
        by_bytes(0x0f, pair, 2),
        once(0x10, field.clone()),
        once(0x11, field.repeat(2)),
        once(0x100, P256_SIGNATURE.to_vec()),
    ];
    let probe = |(address, by, inputs)| PrecompileProbe {
        address: precompile(address),
        by,
        inputs,
    };
    all.into_iter().map(probe).collect()
}

/// The address of this number.
pub fn precompile(number: u16) -> Address {
    Address::from_word(U256::from(number).into())
}

/// Pairs of generators of BN254: with four, what verifies a Groth16 proof.
pub fn bn_pairs(count: usize) -> Vec<u8> {
    [&BN_G1[..], &BN_G2].concat().repeat(count)
}

fn signature() -> Vec<u8> {
    let hash = keccak256("a message");
    let key = SigningKey::from_slice(B256::repeat_byte(7).as_slice()).expect("a key");
    let (signature, id) = key
        .sign_prehash_recoverable(hash.as_slice())
        .expect("a 32-byte hash can be signed");
    let v = U256::from(27 + u8::from(id.is_y_odd())).to_be_bytes_vec();
    [&hash[..], &v, &signature.to_bytes()].concat()
}

/// Modular powers: first what is only looked through, then each way in which they are computed, where it takes longest.
fn powers() -> Vec<Vec<u8>> {
    let full = |length: usize| vec![0xff; length];
    let zeros = |length: usize| vec![0; length];
    // `length` bytes, and zeros behind.
    let even = |length: usize, zero: usize| [full(length), zeros(zero)].concat();
    let last_one = |length: usize| [zeros(length - 1), vec![1]].concat();
    let least = |length: usize| [vec![0x80], last_one(length - 1)].concat();
    let power_of_two = |length: usize| [vec![1], zeros(length - 1)].concat();
    vec![
        power(&zeros(1_024), &last_one(32), &zeros(1_024)),
        power_of_ones(32, 32),
        power_of_ones(256, 32),
        power_of_ones(256, 3),
        power_of_ones(1_024, 1),
        power(&zeros(1_024), &last_one(32), &last_one(1_024)),
        // A modulus of one word; a base that is longer than the modulus.
        power(&full(8), &full(1_024), &full(8)),
        power(&full(1_024), &[1], &full(8)),
        power(&full(1_024), &[1], &least(8)),
        power(&full(1_024), &[1], &least(16)),
        power(&full(1_024), &[1], &full(16)),
        power(&full(1_024), &[1], &full(512)),
        power(&full(256), &[1], &full(256)),
        power(&full(32), &[1], &full(32)),
        power(&full(256), &[1, 0, 1], &full(256)),
        power(&full(256), &power_of_two(32), &full(256)),
        // An even modulus: the inverse of a long and of a short odd factor; powers of two.
        power(&full(1_024), &[1], &even(512, 512)),
        power(&full(512), &[1], &even(8, 504)),
        power(&full(256), &full(32), &even(128, 128)),
        power(&full(256), &full(32), &power_of_two(256)),
        power(&[0xfe; 256], &full(128), &power_of_two(256)),
        power(&[0xfe; 8], &full(1_024), &power_of_two(8)),
        power(&full(1_024), &[1], &power_of_two(1_024)),
    ]
}

/// Base and modulus of this length, full and odd, and an exponent of ones.
pub fn power_of_ones(length: usize, exponent: usize) -> Vec<u8> {
    power(
        &vec![0xfe; length],
        &vec![0xff; exponent],
        &vec![0xff; length],
    )
}

fn power(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let lengths =
        [base, exponent, modulus].map(|number| U256::from(number.len()).to_be_bytes_vec());
    [&lengths.concat(), base, exponent, modulus].concat()
}

fn blake2f(rounds: u32) -> Vec<u8> {
    [&rounds.to_be_bytes()[..], &[0x5a; 64 + 128 + 16], &[1]].concat()
}

/// The generators, as the precompiles read them.
const BN_G1: [u8; 64] = hex!(
    "0000000000000000000000000000000000000000000000000000000000000001"
    "0000000000000000000000000000000000000000000000000000000000000002"
);
const BN_G2: [u8; 128] = hex!(
    "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa"
);
const G1: [u8; 128] = hex!(
    "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    "0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
);
const G2: [u8; 256] = hex!(
    "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
    "0000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
    "000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
    "000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be"
);
/// Of c-kzg-4844's vectors: correct proof 4_4.
const POINT_EVALUATION: [u8; 192] = hex!(
    "01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b"
    "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000000"
    "1522a4a7f34e1ea350ae07c29c96c7e79655aa926122e95fe69fcbd932ca49e9"
    "8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7"
    "a62ad71d14c5719385c0686f1871430475bf3a00f0aa3f7b8dd99a9abc2160744faf0070725e00b60ad9a026a15b1a8c"
);
const P256_SIGNATURE: [u8; 160] = hex!(
    "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d"
    "a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac"
    "36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60"
    "4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3"
    "7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e"
);
