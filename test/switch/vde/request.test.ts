import test from 'ava';
import fc from 'fast-check';
import {
  emitRequest,
  MAX_REQUEST_LENGTH,
  parseRequest,
  RequestKind,
  requestLength,
  type VdeRequest,
} from '../../../src/switch/vde/request.ts';
import { fitsSockaddr, HOST_LITTLE_ENDIAN } from '../../../src/switch/vde/sockaddr.ts';

/** A host-endian word of 32 bits, written with its lowest octet first. */
const word = (...octets: number[]) => (HOST_LITTLE_ENDIAN ? octets : octets.reverse());
const half = (...octets: number[]) => (HOST_LITTLE_ENDIAN ? octets : octets.reverse());

const MAGIC = word(0xce, 0xfa, 0xed, 0xfe);
const SOCKADDR = [...half(1, 0), 0x2f, 0x61, ...new Array(106).fill(0)];
const V3 = Uint8Array.of(
  ...MAGIC,
  ...word(3, 0, 0, 0),
  ...word(0, 5, 0, 0),
  ...SOCKADDR,
  0x68,
  0x69,
);
const V1 = Uint8Array.of(...MAGIC, ...word(1, 0, 0, 0), 1, 2, 3, 4, 5, 6, ...SOCKADDR, 0x68, 0x69);

const V3_REQUEST: VdeRequest = {
  version: 3,
  kind: RequestKind.newControl,
  wantedPort: 5,
  path: '/a',
  description: 'hi',
};
const V1_REQUEST: VdeRequest = {
  version: 1,
  kind: RequestKind.newPort0,
  wantedPort: 0,
  path: '/a',
  description: 'hi',
};

function emitted(request: VdeRequest): Uint8Array {
  const out = new Uint8Array(requestLength(request) + 2).fill(0xa5);
  const written = emitRequest(request, out, 1);
  return written === requestLength(request) && out[0] === 0xa5 && out.at(-1) === 0xa5
    ? out.slice(1, -1)
    : new Uint8Array();
}

test('deconstruct version 3', (t) => {
  t.deepEqual(parseRequest(V3), V3_REQUEST);
});

test('construct version 3', (t) => {
  t.deepEqual(emitted(V3_REQUEST), V3);
});

test('deconstruct version 1', (t) => {
  t.deepEqual(parseRequest(V1), V1_REQUEST);
});

test('construct version 1', (t) => {
  const bytes = V1.slice();
  bytes.fill(0, 8, 14);
  t.deepEqual(emitted(V1_REQUEST), bytes);
});

test('says what is wrong with a request', (t) => {
  t.is(parseRequest(new Uint8Array()), 'truncated');
  for (const length of [4, 11, 12, 121]) t.is(parseRequest(V3.subarray(0, length)), 'truncated');
  t.is(parseRequest(V1.subarray(0, 123)), 'truncated');
  t.is(parseRequest(new Uint8Array(MAX_REQUEST_LENGTH + 1)), 'oversized');
  t.is(parseRequest(new Uint8Array(200)), 'magic');
  const version = (...octets: number[]) => {
    const bytes = V3.slice();
    bytes.set(word(...octets), 4);
    return parseRequest(bytes);
  };
  t.is(version(2, 0, 0, 0), 'version');
  t.is(version(4, 0, 0, 0), 'version');
  t.is(version(0, 5, 0, 0), 'version');
  t.is(version(0xff, 0xff, 0xff, 0xff), 'version');
  const kind = V3.slice();
  kind.set(word(2, 0, 0, 0), 8);
  t.is(parseRequest(kind), 'kind');
});

test('a description may be missing, ended by a zero, or of 128 octets, not more', (t) => {
  const describe = (text: number[]) => {
    const request = parseRequest(Uint8Array.of(...V3.subarray(0, 122), ...text));
    return typeof request === 'string' ? request : request.description;
  };
  t.is(describe([]), '');
  t.is(describe([0x68, 0, 0x69]), 'h');
  t.is(describe(new Array(128).fill(0x68)), 'h'.repeat(128));
  t.is(describe(new Array(129).fill(0x68)), 'oversized');
});

test('nothing that comes in can throw', (t) => {
  const noise = fc.uint8Array({ maxLength: 300, size: 'max' });
  const likely = fc.tuple(noise, fc.nat(255), fc.constantFrom(V1, V3)).map(([bytes, at, base]) => {
    const mixed = base.slice();
    mixed.set(bytes.subarray(0, Math.max(0, mixed.length - at)), Math.min(at, mixed.length));
    return mixed;
  });
  fc.assert(
    fc.property(fc.oneof(noise, likely), (bytes) => t.notThrows(() => parseRequest(bytes))),
  );
});

test('what is written can be read', (t) => {
  const path = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 100, size: 'max' })
    .filter((text) => !text.includes('\0') && fitsSockaddr(text));
  const request: fc.Arbitrary<VdeRequest> = fc.record({
    version: fc.constant(3 as const),
    kind: fc.constantFrom(RequestKind.newControl, RequestKind.newPort0),
    wantedPort: fc.integer({ min: 0, max: 0xffffff }),
    path,
    description: fc.string({ unit: 'grapheme-ascii', maxLength: 128, size: 'max' }),
  });
  fc.assert(fc.property(request, (value) => t.deepEqual(parseRequest(emitted(value)), value)));
});

test('what cannot be written is a mistake', (t) => {
  const out = new Uint8Array(300);
  t.throws(() => emitRequest({ ...V3_REQUEST, wantedPort: 2 ** 24 }, out, 0));
  t.throws(() => emitRequest({ ...V1_REQUEST, wantedPort: 1 }, out, 0));
  t.throws(() => emitRequest({ ...V3_REQUEST, path: 'a'.repeat(108) }, out, 0));
});
