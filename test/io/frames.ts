/**
 * TCP and UDP frames of all sorts, written the slow way: what segmentation and joining are
 * held against.
 */
import fc from 'fast-check';
import { Offload } from '../../src/io/contract.ts';
import { octets } from './rig.ts';

export interface ExtensionHeader {
  readonly type: number;
  /** What follows the first two octets; 6 octets more than a multiple of 8. */
  readonly content: Uint8Array;
}

export interface FrameOptions {
  readonly six?: boolean;
  readonly udp?: boolean;
  /** Tag Protocol Identifiers. */
  readonly tags?: readonly number[];
  /** Of IPv4, a multiple of four octets. */
  readonly ipOptions?: Uint8Array;
  readonly extensions?: readonly ExtensionHeader[];
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly identification?: number;
  /** Flags and fragment offset of IPv4. */
  readonly fragment?: number;
  readonly hopLimit?: number;
  readonly sourceHost?: number;
  readonly sourcePort?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** The flags of TCP, with the bits that are left of them in the octet before. */
  readonly flags?: number;
  readonly window?: number;
  readonly urgent?: number;
  /** Of TCP, a multiple of four octets. */
  readonly tcpOptions?: Uint8Array;
  readonly payload?: Uint8Array;
  /** Leaves the sum of the pseudo-header in the checksum field. */
  readonly partial?: boolean;
}

export interface Frame {
  readonly bytes: Uint8Array;
  /** Octets of all headers. */
  readonly headers: number;
  readonly offload: Offload;
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

export const ACK = 0x10;
export const PSH = 0x08;
export const DONT_FRAGMENT = 0x4000;

/** One's complement sum of a list of octets, word by word. */
export function slowSum(...pieces: readonly Uint8Array[]): number {
  let total = 0n;
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i += 2) {
      total += BigInt(piece[i] * 256 + (piece[i + 1] ?? 0));
    }
  }
  return total === 0n ? 0 : Number(((total - 1n) % 0xffffn) + 1n);
}

const u16 = (...values: readonly number[]): number[] =>
  values.flatMap((value) => [(value >>> 8) & 0xff, value & 0xff]);
const u32 = (value: number): number[] => u16(value >>> 16, value);

function bytesOf(...pieces: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

function tcpHeader(options: FrameOptions): Uint8Array {
  const { tcpOptions = [], flags = ACK } = options;
  const words = 5 + tcpOptions.length / 4;
  return bytesOf(
    u16(options.sourcePort ?? 40_000, 5001),
    u32(options.sequence ?? 0x01020304),
    u32(options.acknowledgement ?? 0x0a0b0c0d),
    u16((words << 12) | flags, options.window ?? 512, 0, options.urgent ?? 0),
    tcpOptions,
  );
}

function ipv4Header(options: FrameOptions, protocol: number, length: number): Uint8Array {
  const { ipOptions = [] } = options;
  const header = bytesOf(
    [0x45 + ipOptions.length / 4, options.trafficClass ?? 0],
    u16(20 + ipOptions.length + length, options.identification ?? 0x1234),
    u16(options.fragment ?? 0),
    [options.hopLimit ?? 64, protocol, 0, 0],
    [10, 0, 0, options.sourceHost ?? 1, 10, 0, 0, 2],
    ipOptions,
  );
  header.set(u16(~slowSum(header)), 10);
  return header;
}

function ipv6Header(options: FrameOptions, protocol: number, length: number): Uint8Array {
  const { extensions = [], trafficClass = 0, flowLabel = 0 } = options;
  const types = [...extensions.map(({ type }) => type), protocol];
  const all = extensions.map(({ content }, i) =>
    bytesOf([types[i + 1], (content.length + 2) / 8 - 1], content),
  );
  const extended = all.reduce((sum, { length: octets }) => sum + octets, 0);
  return bytesOf(
    u32(((6 << 28) | (trafficClass << 20) | flowLabel) >>> 0),
    u16(extended + length),
    [types[0], options.hopLimit ?? 64],
    [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, options.sourceHost ?? 1],
    [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
    ...all,
  );
}

export function buildFrame(options: FrameOptions): Frame {
  const { six = false, udp = false, tags = [], payload = new Uint8Array(0) } = options;
  const protocol = udp ? 17 : 6;
  const checksumOffset = udp ? 6 : 16;
  const transport = udp
    ? bytesOf(u16(options.sourcePort ?? 40_000, 5001, 8 + payload.length, 0))
    : tcpHeader(options);
  const length = transport.length + payload.length;
  const ip = (six ? ipv6Header : ipv4Header)(options, protocol, length);
  const ethernet = bytesOf(
    [0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a],
    ...tags.map((tpid, i) => u16(tpid, 100 + i)),
    u16(six ? 0x86dd : 0x0800),
  );
  const addresses = six ? ip.subarray(8, 40) : ip.subarray(12, 20);
  const pseudoHeader = bytesOf(addresses, u32(length), u32(protocol));
  const complete = ~slowSum(pseudoHeader, transport, payload) & 0xffff;
  const checksum = options.partial ? slowSum(pseudoHeader) : udp ? complete || 0xffff : complete;
  transport.set(u16(checksum), checksumOffset);
  const headers = ethernet.length + ip.length + transport.length;
  const tcp = six ? Offload.tcp6 : Offload.tcp4;
  return {
    bytes: bytesOf(ethernet, ip, transport, payload),
    headers,
    offload: udp ? Offload.udp : tcp,
    checksumStart: headers - transport.length,
    checksumOffset,
  };
}

/** The frames that a super-frame of these options stands for. */
export function piecesOf(options: FrameOptions, segmentSize: number): FrameOptions[] {
  const { payload = new Uint8Array(0), flags = ACK } = options;
  const count = Math.ceil(payload.length / segmentSize);
  return Array.from({ length: count }, (_, i) => ({
    ...options,
    partial: false,
    payload: payload.slice(i * segmentSize, (i + 1) * segmentSize),
    identification: ((options.identification ?? 0x1234) + i) & 0xffff,
    sequence: ((options.sequence ?? 0x01020304) + i * segmentSize) >>> 0,
    flags: flags & ~(i > 0 ? 0x80 : 0) & ~(i < count - 1 ? 0x09 : 0),
  }));
}

/** A plain TCP/IPv4 super-frame with 54 octets of headers, and the fields for it. */
export function tcp4SuperFrame(payloadLength: number): Uint8Array {
  return buildFrame({ payload: octets(payloadLength), partial: true }).bytes;
}

export function tcp4Offload(segmentSize: number) {
  return { offload: Offload.tcp4, segmentSize, checksumStart: 34, checksumOffset: 16 };
}

// ---- random ones

const octet = fc.nat(0xff);
const word = fc.nat(0xffff);
const long = fc.nat(0xffffffff);

const multipleOf4 = (most: number) =>
  fc.nat(most).chain((words) => fc.uint8Array({ minLength: words * 4, maxLength: words * 4 }));

const extension = fc.record({
  type: fc.constantFrom(43, 60),
  content: fc
    .nat(3)
    .chain((units) => fc.uint8Array({ minLength: units * 8 + 6, maxLength: units * 8 + 6 })),
});

/** One PadN option (RFC 8200 section 4.2): a kernel on the way looks into these. */
const hopByHop = extension.map(({ content: { length } }) => ({
  type: 0,
  content: bytesOf([1, length - 2], new Uint8Array(length - 2)),
}));

export const extensions = fc
  .tuple(fc.array(hopByHop, { maxLength: 1 }), fc.array(extension, { maxLength: 3 }))
  .map(([first, rest]) => [...first, ...rest]);

/** Everything that a super-frame may have. */
export const superFrameOptions = (mostPayload: number): fc.Arbitrary<FrameOptions> =>
  fc.record({
    six: fc.boolean(),
    udp: fc.boolean(),
    tags: fc.array(fc.constantFrom(0x8100, 0x88a8), { maxLength: 2 }),
    ipOptions: multipleOf4(10),
    extensions,
    trafficClass: octet,
    flowLabel: fc.nat(0xfffff),
    identification: word,
    fragment: fc.constantFrom(0, DONT_FRAGMENT, 0x8000),
    hopLimit: octet,
    sourceHost: octet,
    sourcePort: word,
    sequence: long,
    acknowledgement: long,
    flags: fc.nat(0xfff),
    window: word,
    urgent: word,
    tcpOptions: multipleOf4(10),
    payload: fc.uint8Array({ minLength: 1, maxLength: mostPayload, size: 'max' }),
    partial: fc.constant(true),
  });

/** What a run of frames that can be joined may have. */
export const joinableOptions = (mostPayload: number): fc.Arbitrary<FrameOptions> =>
  superFrameOptions(mostPayload).map((options) => ({
    ...options,
    ipOptions: new Uint8Array(0),
    // Routing headers may lead elsewhere, and too many headers are not kept.
    extensions: (options.extensions ?? []).filter(({ type }) => type === 60).slice(0, 1),
    tcpOptions: (options.tcpOptions ?? new Uint8Array(0)).subarray(0, 12),
    fragment: options.fragment === DONT_FRAGMENT ? DONT_FRAGMENT : 0,
    flags: ACK | ((options.flags ?? 0) & PSH),
  }));
