/**
 * The one message a VDE client sends on the control socket.
 *
 * Read first: docs/protocol/vde.md.
 *
 *   version 3                                version 1
 *    0      4      8      12                  0      4      8     14
 *   +------+------+------+----------+-----   +------+------+-----+----------+-----
 *   |magic |  3   | type |sockaddr  |descr   |magic | type | MAC |sockaddr  |descr
 *   |      |      |      |   110    |≤ 128   |      |      |  6  |   110    |≤ 128
 *   +------+------+------+----------+-----   +------+------+-----+----------+-----
 *
 * Integers are host-endian. The word at 4 tells the two apart: 3 is version 3;
 * 2 or more than 3 is a version nobody speaks; anything else is the type of
 * version 1. The low octet of `type` is the kind, the rest the wanted port.
 * The MAC of version 1 is ignored. A description ends with the message or at a
 * zero octet; longer ones than 128 octets make the request oversized.
 */
import {
  emitSockaddr,
  HOST_LITTLE_ENDIAN,
  parseSockaddr,
  SOCKADDR_LENGTH,
  type SockaddrFault,
} from './sockaddr.ts';

const MAGIC = 0xfeedface;
const VERSION = 3;

const MAGIC_OFFSET = 0;
const VERSION_OFFSET = 4;
const TYPE_OFFSET = 8;
const SOCKADDR_OFFSET = 12;
const DESCRIPTION_OFFSET = SOCKADDR_OFFSET + SOCKADDR_LENGTH;

const V1_TYPE_OFFSET = 4;
const V1_SOCKADDR_OFFSET = 14;
const V1_DESCRIPTION_OFFSET = V1_SOCKADDR_OFFSET + SOCKADDR_LENGTH;

/** Octets of the reply: the switch's own address and nothing else. */
export const REPLY_LENGTH = SOCKADDR_LENGTH;

export const MAX_DESCRIPTION_LENGTH = 128;

/** The most octets a request can have; vde_switch reads 256. */
export const MAX_REQUEST_LENGTH = 256;

const KIND_MASK = 0xff;
const PORT_SHIFT = 8;

/** The greatest port number that a request can ask for. */
export const MAX_WANTED_PORT = 0xffffff;

export const RequestKind = {
  /** A port of the switch: the wanted one, or any. */
  newControl: 0,
  /** The management port, port 0. */
  newPort0: 1,
} as const;
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind];

/** Why a request was refused. */
export type RequestFault = SockaddrFault | 'oversized' | 'magic' | 'version' | 'kind';

export interface VdeRequest {
  readonly version: 1 | 3;
  readonly kind: RequestKind;
  /** 0 for any. */
  readonly wantedPort: number;
  /** The client's data socket. */
  readonly path: string;
  /** What the client calls itself, as it sent it: not fit for a terminal. */
  readonly description: string;
}

/** Reads one whole request. @returns the fault, a word, when it is none */
export function parseRequest(bytes: Uint8Array): VdeRequest | RequestFault {
  if (bytes.length > MAX_REQUEST_LENGTH) return 'oversized';
  if (bytes.length < SOCKADDR_OFFSET) return 'truncated';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(MAGIC_OFFSET, HOST_LITTLE_ENDIAN) !== MAGIC) return 'magic';
  const version = view.getUint32(VERSION_OFFSET, HOST_LITTLE_ENDIAN);
  if (version === VERSION) {
    const type = view.getUint32(TYPE_OFFSET, HOST_LITTLE_ENDIAN);
    return readBody(bytes, 3, type, SOCKADDR_OFFSET, DESCRIPTION_OFFSET);
  }
  if (version === 2 || version > VERSION) return 'version';
  const type = view.getUint32(V1_TYPE_OFFSET, HOST_LITTLE_ENDIAN);
  return readBody(bytes, 1, type, V1_SOCKADDR_OFFSET, V1_DESCRIPTION_OFFSET);
}

function readBody(
  bytes: Uint8Array,
  version: 1 | 3,
  type: number,
  sockaddrOffset: number,
  descriptionOffset: number,
): VdeRequest | RequestFault {
  const kind = type & KIND_MASK;
  if (kind !== RequestKind.newControl && kind !== RequestKind.newPort0) return 'kind';
  const address = parseSockaddr(bytes, sockaddrOffset);
  if (typeof address === 'string') return address;
  if (bytes.length > descriptionOffset + MAX_DESCRIPTION_LENGTH) return 'oversized';
  const text = bytes.subarray(descriptionOffset);
  const zero = text.indexOf(0);
  return {
    version,
    kind,
    wantedPort: type >>> PORT_SHIFT,
    path: address.path,
    description: Buffer.from(zero < 0 ? text : text.subarray(0, zero)).toString('utf8'),
  };
}

/** Octets that `emitRequest` will write. */
export function requestLength(request: VdeRequest): number {
  const offset = request.version === 3 ? DESCRIPTION_OFFSET : V1_DESCRIPTION_OFFSET;
  return offset + describe(request).length;
}

/**
 * Writes a request at `offset` of `out`; a description is cut at 128 octets.
 * RangeError for a path or port that does not fit. @returns octets written
 */
export function emitRequest(request: VdeRequest, out: Uint8Array, offset: number): number {
  if (!(request.wantedPort >= 0 && request.wantedPort <= MAX_WANTED_PORT)) {
    throw new RangeError('a wanted port has 24 bits');
  }
  const length = requestLength(request);
  const view = new DataView(out.buffer, out.byteOffset + offset, length);
  const type = ((request.wantedPort << PORT_SHIFT) | request.kind) >>> 0;
  view.setUint32(MAGIC_OFFSET, MAGIC, HOST_LITTLE_ENDIAN);
  if (request.version === 3) {
    view.setUint32(VERSION_OFFSET, VERSION, HOST_LITTLE_ENDIAN);
    view.setUint32(TYPE_OFFSET, type, HOST_LITTLE_ENDIAN);
    emitSockaddr(request, out, offset + SOCKADDR_OFFSET);
    out.set(describe(request), offset + DESCRIPTION_OFFSET);
  } else {
    if (type >= 2) throw new RangeError('version 1 cannot ask for a port');
    view.setUint32(V1_TYPE_OFFSET, type, HOST_LITTLE_ENDIAN);
    out.fill(0, offset + V1_TYPE_OFFSET + 4, offset + V1_SOCKADDR_OFFSET);
    emitSockaddr(request, out, offset + V1_SOCKADDR_OFFSET);
    out.set(describe(request), offset + V1_DESCRIPTION_OFFSET);
  }
  return length;
}

function describe(request: VdeRequest): Uint8Array {
  return Buffer.from(request.description).subarray(0, MAX_DESCRIPTION_LENGTH);
}
