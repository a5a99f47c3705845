/**
 * Loads the addon and says what it exports. The only place that knows its path.
 *
 * Functions return a descriptor, a count or 0, or a negated errno value. They
 * throw a TypeError for a wrong argument, which is a mistake in Kith itself.
 * Addresses are the canonical 24 octets of contract.ts.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { KithError } from '../errors.ts';
import {
  ADDRESS_LENGTH,
  IV_LENGTH,
  JOB_RECORDS,
  JOB_STRIDE,
  KEY_LENGTH,
  KEY_SLOTS,
  LARGE_SLOT_LENGTH,
  LARGE_SLOTS,
  MAX_DESCRIPTORS,
  MAX_PARTS,
  MAX_SUPER_FRAME_LENGTH,
  PART_RECORDS,
  RECEIVE_BATCH,
  RECEIVE_SLOTS,
  RX_STRIDE,
  SEND_RECORDS,
  SLOT_HEADROOM,
  SLOT_LENGTH,
  TAG_LENGTH,
  TX_STRIDE,
} from './contract.ts';

/** Counters of a poller, as indices into the array given to its constructor. */
export const Counter = {
  polls: 0,
  received: 1,
  sent: 2,
  wouldBlock: 3,
  sendErrors: 4,
  receiveErrors: 5,
} as const;
export const COUNTERS = 6;

/** Octets of SHA-256. */
const HASH_LENGTH = 32;

/** One epoll set. It holds the arrays, whose memory must stay where it is (no transfer). */
export interface NativePoller {
  add(index: number, fd: number, kind: number, areaOffset: number, areaLength: number): number;
  remove(index: number): number;
  watchWritable(index: number): number;
  hold(index: number, held: number): number;
  poll(timeout: number): number;
  flush(count: number): number;
  setKey(slot: number, cipher: number, key: Uint8Array, iv: Uint8Array): number;
  clearKey(slot: number): number;
  seal(count: number): number;
  open(count: number): number;
  segment(
    frame: number,
    length: number,
    offload: number,
    segmentSize: number,
    checksumStart: number,
    checksumOffset: number,
    output: number,
    room: number,
  ): number;
  copyOut(offset: number, length: number, shared: Uint8Array, at: number): number;
  copyIn(shared: Uint8Array, at: number, length: number, offset: number): number;
  close(): void;
}

/** What the poller uses by itself, for tests to call. */
export interface NativeTesting {
  /** The octets of all headers, or 0. The headers must lie in the first `contiguous` octets. */
  checkOffload(
    frame: Uint8Array,
    contiguous: number,
    offload: number,
    segmentSize: number,
    checksumStart: number,
    checksumOffset: number,
  ): number;
  /** 1, or 0 when an offset is off. */
  completeChecksum(frame: Uint8Array, start: number, offset: number): number;
  /**
   * Joins the frames that `spans` names (offset and length each) until one does not continue
   * the run, into `output` (MAX_SUPER_FRAME_LENGTH octets). Fills `fields`: the frames taken,
   * and of a super-frame its type, segment size, checksum start and checksum offset.
   * @returns octets of the super-frame, or 0 when there is none
   */
  coalesce(
    slab: Uint8Array,
    spans: Int32Array,
    count: number,
    output: Uint8Array,
    fields: Int32Array,
  ): number;
}

/**
 * What handshakes need of OpenSSL. Each writes to its last argument, which has the length
 * of the result, and returns 1; or 0, when what a peer chose is no good. Any argument of a wrong
 * length throws. Nothing is kept; copies of secrets are wiped.
 */
export interface NativeHandshake {
  /** X25519: the public key of a private one. */
  x25519Public(privateKey: Uint8Array, publicKey: Uint8Array): number;
  /** X25519: 0 when the result is all zero. The first public key belongs to the private one. */
  x25519(
    privateKey: Uint8Array,
    publicKey: Uint8Array,
    theirPublicKey: Uint8Array,
    shared: Uint8Array,
  ): number;
  /** Ed25519, strictly: 1 or 0. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): number;
  sha256(data: Uint8Array, hash: Uint8Array): number;
  hmacSha256(key: Uint8Array, data: Uint8Array, code: Uint8Array): number;
  /** The result is the plaintext, then TAG_LENGTH octets of tag. */
  sealOnce(
    cipher: number,
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    plaintext: Uint8Array,
    sealed: Uint8Array,
  ): number;
  /** 0 when the tag does not hold; the result is zeros then. */
  openOnce(
    cipher: number,
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    sealed: Uint8Array,
    plaintext: Uint8Array,
  ): number;
}

export interface NativeBinding extends NativeHandshake {
  readonly Poller: new (
    slab: Uint8Array,
    rx: Int32Array,
    tx: Int32Array,
    parts: Int32Array,
    jobs: Int32Array,
    fill: Int32Array,
    counters: Float64Array,
    doorbell: number,
  ) => NativePoller;
  openDoorbell(): number;
  ringDoorbell(doorbell: number): number;
  openUnixDatagram(path: string, peer: string, bufferLength: number): number;
  connectUnixDatagram(fd: number, peer: string): number;
  openUdp(address: Uint8Array): number;
  /** `program`: instructions of classic BPF, for the whole group; `out`: a place for each socket. */
  openUdpGroup(address: Uint8Array, program: Uint8Array, out: Int32Array): number;
  openTcpListener(address: Uint8Array): number;
  openTcpConnection(address: Uint8Array): number;
  openStreamPair(out: Int32Array): number;
  openDatagramPair(out: Int32Array): number;
  localAddress(fd: number, out: Uint8Array): number;
  tryNamespace(namespace: string): number;
  openTap(name: Uint8Array, namespace: string): number;
  adoptTap(fd: number, name: Uint8Array): number;
  askRoutes(namespace: string, request: Uint8Array, answer: Uint8Array): number;
  sendDescriptor(path: string, fd: number, payload: Uint8Array): number;
  receiveDescriptor(fd: number, received: Int32Array, payload: Uint8Array): number;
  peerUser(fd: number, out: Int32Array): number;
  duplicateDescriptor(fd: number): number;
  closeDescriptor(fd: number): number;
  readonly testing: NativeTesting;
  /** The numbers the addon was built with, in the order of EXPECTED_LAYOUT. */
  readonly layout: readonly number[];
}

const EXPECTED_LAYOUT: readonly number[] = [
  MAX_DESCRIPTORS,
  SLOT_LENGTH,
  SLOT_HEADROOM,
  RECEIVE_SLOTS,
  LARGE_SLOT_LENGTH,
  LARGE_SLOTS,
  MAX_SUPER_FRAME_LENGTH,
  RECEIVE_BATCH,
  SEND_RECORDS,
  PART_RECORDS,
  JOB_RECORDS,
  KEY_SLOTS,
  ADDRESS_LENGTH,
  TAG_LENGTH,
  KEY_LENGTH,
  IV_LENGTH,
  RX_STRIDE,
  TX_STRIDE,
  JOB_STRIDE,
  COUNTERS,
  HASH_LENGTH,
  MAX_PARTS,
];

const MEND = 'run "node scripts/build-native.mjs" in its directory';

/** From here to the root of the package: as built (dist/src/io), and as sources (src/io). */
const ROOTS = ['../../..', '../..'] as const;

function load(): NativeBinding {
  const require = createRequire(import.meta.url);
  let cause: unknown;
  for (const root of ROOTS) {
    const addon = fileURLToPath(new URL(`${root}/build/Release/kith_native.node`, import.meta.url));
    if (!existsSync(addon)) continue;
    try {
      return require(addon) as NativeBinding;
    } catch (error) {
      cause = error;
    }
  }
  const what = cause === undefined ? 'is not built' : 'does not load';
  throw new KithError('native', `Kith's native addon ${what}; ${MEND}`, { cause });
}

let binding: NativeBinding | undefined;

/**
 * The addon, loaded at the first call in each thread.
 * @throws KithError 'native' when it is missing, broken or was built from other sources
 */
export function nativeBinding(): NativeBinding {
  if (binding) return binding;
  const loaded = load();
  const same =
    loaded.layout.length === EXPECTED_LAYOUT.length &&
    EXPECTED_LAYOUT.every((value, i) => value === loaded.layout[i]);
  if (!same) {
    throw new KithError('native', `Kith's native addon is of another version; ${MEND}`);
  }
  binding = loaded;
  return loaded;
}
