//! Nodes: their shapes, reading them from RLP without copying, writing them back.
//!
//! The RLP of a decoded branch or extension stays with it: a child that nobody visited is not copied out of it but remembered as
//! an offset ([`Slot`]), so decoding costs one pass over at most 17 items, and re-encoding copies unvisited
//! references as they are.

use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use alloy_rlp::{EMPTY_LIST_CODE, EMPTY_STRING_CODE, Encodable, Header};

/// Nibbles of a key.
pub(super) const KEY_NIBBLES: usize = 64;
/// Length of a reference by hash: the string header and 32 bytes.
pub(super) const HASH_REFERENCE_BYTES: usize = 33;
/// First byte of a reference by hash.
pub(super) const HASH_REFERENCE_CODE: u8 = EMPTY_STRING_CODE + 32;

/// Nibble `index` of `key`, from the most significant.
pub(super) fn nibble(key: &B256, index: usize) -> usize {
    let byte = key[index / 2];
    usize::from(if index.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0x0f
    })
}

/// Sets nibble `index` of `key`.
pub(super) fn set_nibble(key: &mut B256, index: usize, value: usize) {
    let byte = &mut key[index / 2];
    // A nibble is below 16, so the cast is exact.
    let value = value as u8;
    *byte = if index.is_multiple_of(2) {
        (value << 4) | (*byte & 0x0f)
    } else {
        (*byte & 0xf0) | value
    };
}

/// Number of leading nibbles that two different keys share.
pub(super) fn common_nibbles(a: &B256, b: &B256) -> usize {
    match a.iter().zip(b.iter()).position(|(a, b)| a != b) {
        Some(byte) => 2 * byte + usize::from((a[byte] ^ b[byte]) < 0x10),
        None => KEY_NIBBLES,
    }
}

/// What stands in the place of a child: nothing, a reference in the parent's own RLP, or a node of the arena. One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// A [`Slot`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// No child.
    Empty,
    /// Offset of the reference in the parent's RLP.
    Encoded(usize),
    /// Index in the arena.
    Node(usize),
}

impl Slot {
    pub(super) const EMPTY: Self = Self(0);
    const ENCODED: u32 = 1 << 31;

    /// A reference at `offset` of the parent's RLP (below 2^16).
    pub(super) fn encoded(offset: usize) -> Self {
        Self(Self::ENCODED | offset as u32)
    }

    /// Node `id` of the arena.
    pub(super) fn node(id: usize) -> Self {
        let id = u32::try_from(id + 1).ok().filter(|id| *id < Self::ENCODED);
        Self(id.expect("an arena holds fewer than 2^31 nodes"))
    }

    pub(super) const fn child(self) -> Child {
        match self.0 {
            0 => Child::Empty,
            slot if slot & Self::ENCODED != 0 => Child::Encoded((slot & !Self::ENCODED) as usize),
            slot => Child::Node(slot as usize - 1),
        }
    }
}

/// Shape of a node. Its depth is not stored: whoever holds a node came to it by a path.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Path = nibbles `depth..64` of `key`.
    Leaf { key: B256, value: Bytes },
    /// Path = nibbles `depth..end` of `prefix`; what follows in `prefix` means nothing.
    Extension {
        prefix: B256,
        end: usize,
        child: Slot,
    },
    /// One slot for each nibble.
    Branch { children: [Slot; 16] },
    /// Its content moved into another node.
    Gone,
}

/// A node of the arena.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// RLP: of this node while it is clean; while it is dirty only the bytes to which [`Child::Encoded`] slots point.
    pub(super) rlp: Bytes,
    /// Keccak-256 of `rlp`; set when the node is clean and referred to by hash (or is the root).
    pub(super) hash: B256,
    /// Changed since it was last encoded.
    pub(super) dirty: bool,
}

impl Node {
    /// A new node, dirty.
    pub(super) const fn new(kind: Kind, rlp: Bytes) -> Self {
        Self {
            kind,
            rlp,
            hash: B256::ZERO,
            dirty: true,
        }
    }

    /// Is the node embedded in its parent rather than referred to by hash?
    pub(super) fn is_inline(&self) -> bool {
        self.rlp.len() < 32
    }

    /// Length of the reference to this (clean) node in its parent.
    pub(super) fn reference_bytes(&self) -> usize {
        if self.is_inline() {
            self.rlp.len()
        } else {
            HASH_REFERENCE_BYTES
        }
    }

    /// Writes the reference to this (clean) node.
    pub(super) fn write_reference(&self, out: &mut Vec<u8>) {
        if self.is_inline() {
            out.extend_from_slice(&self.rlp);
        } else {
            out.push(HASH_REFERENCE_CODE);
            out.extend_from_slice(self.hash.as_slice());
        }
    }
}

/// A reference as it stands in a parent's RLP.
pub(super) enum Reference {
    /// To a node of this hash.
    Hash(B256),
    /// The node itself.
    Inline(Bytes),
}

/// Length of the reference at `offset`.
pub(super) fn reference_bytes_at(rlp: &[u8], offset: usize) -> usize {
    match rlp[offset] {
        HASH_REFERENCE_CODE => HASH_REFERENCE_BYTES,
        // Only the two kinds that `is_reference` lets pass get a slot.
        list => 1 + usize::from(list - EMPTY_LIST_CODE),
    }
}

/// Reads the reference at `offset`, which [`decode`] has checked.
pub(super) fn reference_at(rlp: &Bytes, offset: usize) -> Reference {
    let end = offset + reference_bytes_at(rlp, offset);
    if rlp[offset] == HASH_REFERENCE_CODE {
        Reference::Hash(B256::from_slice(&rlp[offset + 1..end]))
    } else {
        Reference::Inline(rlp.slice(offset..end))
    }
}

/// Is this the first byte of a reference: a hash, or a non-empty list shorter than 32 bytes with its header?
const fn is_reference(code: u8) -> bool {
    code == HASH_REFERENCE_CODE || (code > EMPTY_LIST_CODE && code < EMPTY_LIST_CODE + 31)
}

/// Start of the payload of the list that is all of `rlp`; only canonical headers, at most 2^16 bytes.
pub(super) fn list_payload(rlp: &[u8]) -> Option<usize> {
    let (start, length) = match *rlp.first()? {
        short @ 0xc0..=0xf7 => (1, usize::from(short - EMPTY_LIST_CODE)),
        0xf8 => (2, usize::from(*rlp.get(1)?)),
        0xf9 => (
            3,
            usize::from(u16::from_be_bytes([*rlp.get(1)?, *rlp.get(2)?])),
        ),
        _ => return None,
    };
    let is_canonical = matches!((start, length), (1, _) | (2, 56..) | (3, 256..));
    (is_canonical && start + length == rlp.len()).then_some(start)
}

/// Range of the payload of the string at `offset`; only canonical headers, at most 2^16 bytes.
fn string_payload(rlp: &[u8], offset: usize) -> Option<core::ops::Range<usize>> {
    let (start, length) = match *rlp.get(offset)? {
        0..0x80 => return Some(offset..offset + 1),
        short @ 0x80..=0xb7 => (offset + 1, usize::from(short - EMPTY_STRING_CODE)),
        0xb8 => (offset + 2, usize::from(*rlp.get(offset + 1)?)),
        0xb9 => (
            offset + 3,
            usize::from(u16::from_be_bytes([
                *rlp.get(offset + 1)?,
                *rlp.get(offset + 2)?,
            ])),
        ),
        _ => return None,
    };
    let payload = rlp.get(start..start + length)?;
    let is_canonical = match (start - offset, length) {
        (1, 1) => payload[0] >= 0x80,
        (1, _) | (2, 56..) | (3, 256..) => true,
        _ => false,
    };
    is_canonical.then_some(start..start + length)
}

/// Offset behind the item at `offset`, `None` if it is neither a string nor a reference or runs over the end.
fn skip_item(rlp: &[u8], offset: usize) -> Option<usize> {
    let code = *rlp.get(offset)?;
    let end = if is_reference(code) {
        offset + reference_bytes_at(rlp, offset)
    } else {
        string_payload(rlp, offset)?.end
    };
    (end <= rlp.len()).then_some(end)
}

/// Reads a node at `depth` on the path of `key`. Total: whatever is not a canonical node of this trie is `None`.
pub(super) fn decode(rlp: &Bytes, key: &B256, depth: usize) -> Option<Kind> {
    let first = list_payload(rlp)?;
    let second = skip_item(rlp, first)?;
    if skip_item(rlp, second)? == rlp.len() {
        decode_short(rlp, key, depth, first, second)
    } else {
        decode_branch(rlp, depth, first)
    }
}

fn decode_branch(rlp: &[u8], depth: usize, first: usize) -> Option<Kind> {
    let mut children = [Slot::EMPTY; 16];
    let mut offset = first;
    let mut count = 0;
    for child in &mut children {
        match *rlp.get(offset)? {
            EMPTY_STRING_CODE => offset += 1,
            code if is_reference(code) => {
                *child = Slot::encoded(offset);
                offset += reference_bytes_at(rlp, offset);
                count += 1;
            }
            _ => return None,
        }
    }
    let has_no_value = rlp.get(offset..)? == [EMPTY_STRING_CODE];
    (has_no_value && count >= 2 && depth < KEY_NIBBLES).then_some(Kind::Branch { children })
}

/// A leaf or an extension: `first` is the offset of the path in hex-prefix encoding, `second` that of value or child.
fn decode_short(
    rlp: &Bytes,
    key: &B256,
    depth: usize,
    first: usize,
    second: usize,
) -> Option<Kind> {
    let path = &rlp[string_payload(rlp, first)?];
    let flags = *path.first()?;
    let is_odd = flags & 0x10 != 0;
    if flags >= 0x40 || (!is_odd && flags & 0x0f != 0) {
        return None;
    }
    let nibbles = 2 * (path.len() - 1) + usize::from(is_odd);
    let end = depth + nibbles;
    if flags & 0x20 != 0 {
        if end != KEY_NIBBLES {
            return None;
        }
        let mut key = *key;
        if is_odd {
            set_nibble(&mut key, depth, usize::from(flags & 0x0f));
        }
        // All keys are 64 nibbles long, so what is left of a path after its odd nibble is whole bytes of the key.
        key[33 - path.len()..].copy_from_slice(&path[1..]);
        let value = string_payload(rlp, second).filter(|value| !value.is_empty())?;
        return Some(Kind::Leaf {
            key,
            value: rlp.slice(value),
        });
    }
    if nibbles == 0 || end >= KEY_NIBBLES || !is_reference(rlp[second]) {
        return None;
    }
    let mut prefix = *key;
    for index in 0..nibbles {
        let at = index + 2 - usize::from(is_odd);
        let byte = path[at / 2];
        set_nibble(
            &mut prefix,
            depth + index,
            usize::from(if at.is_multiple_of(2) {
                byte >> 4
            } else {
                byte & 0x0f
            }),
        );
    }
    Some(Kind::Extension {
        prefix,
        end,
        child: Slot::encoded(second),
    })
}

/// RLP of the leaf at `depth`.
pub(super) fn encode_leaf(key: &B256, depth: usize, value: &[u8]) -> Bytes {
    let is_odd = !depth.is_multiple_of(2);
    let flags = if is_odd {
        0x30 | nibble(key, depth) as u8
    } else {
        0x20
    };
    let rest = &key[depth.div_ceil(2)..];
    let path_bytes = 1 + rest.len();
    let payload_length = path_bytes + usize::from(path_bytes > 1) + value.length();
    let mut out = list(payload_length);
    if path_bytes > 1 {
        out.push(EMPTY_STRING_CODE + path_bytes as u8);
    }
    out.push(flags);
    out.extend_from_slice(rest);
    value.encode(&mut out);
    out.into()
}

/// RLP of the extension from `depth` to `end`, and the offset of the reference in it.
pub(super) fn encode_extension(
    prefix: &B256,
    depth: usize,
    end: usize,
    child: &[u8],
) -> (Bytes, Slot) {
    let nibbles = end - depth;
    let is_odd = !nibbles.is_multiple_of(2);
    let path_bytes = 1 + nibbles / 2;
    let mut out = list(path_bytes + usize::from(path_bytes > 1) + child.len());
    if path_bytes > 1 {
        out.push(EMPTY_STRING_CODE + path_bytes as u8);
    }
    out.push(if is_odd {
        0x10 | nibble(prefix, depth) as u8
    } else {
        0
    });
    for index in (depth + usize::from(is_odd)..end).step_by(2) {
        out.push((nibble(prefix, index) << 4 | nibble(prefix, index + 1)) as u8);
    }
    let slot = Slot::encoded(out.len());
    out.extend_from_slice(child);
    (out.into(), slot)
}

/// A buffer of the exact size for a list with this payload, with the header in it.
pub(super) fn list(payload_length: usize) -> Vec<u8> {
    let header = Header {
        list: true,
        payload_length,
    };
    let mut out = Vec::with_capacity(header.length() + payload_length);
    header.encode(&mut out);
    out
}
