/**
 * Keccak-256 as Ethereum has it (padding 0x01; SHA3-256 differs in that byte alone).
 *
 * A lane of 64 bits is two numbers of 32: the low half at 2i, the high half at 2i + 1.
 */

const LANES = 25;
const ROUNDS = 24;
/** Bytes of one block. */
const RATE = 136;

/** Rotations of rho, and where pi moves each lane, in the order in which pi visits them. */
const ROTATIONS = [];
const PLACES = [];
for (let t = 0, x = 1, y = 0; t < LANES - 1; t++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  ROTATIONS.push((((t + 1) * (t + 2)) / 2) % 64);
  PLACES.push(x + 5 * y);
}

/** Constants of iota, low and high halves: bits of a shift register. */
const IOTA = new Uint32Array(2 * ROUNDS);
for (let round = 0, register = 1; round < ROUNDS; round++) {
  for (let j = 0; j < 7; j++) {
    const bit = (1 << j) - 1;
    if (register & 1) IOTA[2 * round + (bit >> 5)] ^= 1 << (bit & 31);
    register = register & 0x80 ? ((register << 1) ^ 0x171) : register << 1;
  }
}

function permute(state) {
  const column = new Uint32Array(10);
  for (let round = 0; round < ROUNDS; round++) {
    // theta
    for (let i = 0; i < 10; i++) {
      column[i] = state[i] ^ state[i + 10] ^ state[i + 20] ^ state[i + 30] ^ state[i + 40];
    }
    for (let x = 0; x < 5; x++) {
      const before = 2 * ((x + 4) % 5);
      const after = 2 * ((x + 1) % 5);
      const low = column[before] ^ ((column[after] << 1) | (column[after + 1] >>> 31));
      const high = column[before + 1] ^ ((column[after + 1] << 1) | (column[after] >>> 31));
      for (let i = 2 * x; i < 2 * LANES; i += 10) {
        state[i] ^= low;
        state[i + 1] ^= high;
      }
    }
    // rho and pi; no rotation is by 0 or 32
    let low = state[2];
    let high = state[3];
    for (let t = 0; t < LANES - 1; t++) {
      const place = 2 * PLACES[t];
      const by = ROTATIONS[t] & 31;
      if (ROTATIONS[t] & 32) [low, high] = [high, low];
      const [nextLow, nextHigh] = [state[place], state[place + 1]];
      state[place] = (low << by) | (high >>> (32 - by));
      state[place + 1] = (high << by) | (low >>> (32 - by));
      [low, high] = [nextLow, nextHigh];
    }
    // chi
    for (let row = 0; row < 2 * LANES; row += 10) {
      for (let i = 0; i < 10; i++) column[i] = state[row + i];
      for (let i = 0; i < 10; i++) state[row + i] ^= ~column[(i + 2) % 10] & column[(i + 4) % 10];
    }
    // iota
    state[0] ^= IOTA[2 * round];
    state[1] ^= IOTA[2 * round + 1];
  }
}

/** The sponge over `bytes` with the padding's first byte, 32 bytes out. */
export function sponge(bytes, padding) {
  const padded = new Uint8Array((Math.floor(bytes.length / RATE) + 1) * RATE);
  padded.set(bytes);
  padded[bytes.length] = padding;
  padded[padded.length - 1] |= 0x80;
  const view = new DataView(padded.buffer);
  const state = new Uint32Array(2 * LANES);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let i = 0; i < RATE / 4; i++) state[i] ^= view.getUint32(block + 4 * i, true);
    permute(state);
  }
  const out = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) out.setUint32(4 * i, state[i], true);
  return new Uint8Array(out.buffer);
}

/** Keccak-256 of a Uint8Array, as one. */
export function keccak256(bytes) {
  return sponge(bytes, 0x01);
}
