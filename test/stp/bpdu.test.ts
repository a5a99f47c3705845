import test from 'ava';
import fc from 'fast-check';
import {
  BPDU_FAULTS,
  type Bpdu,
  byteLength,
  emitBpdu,
  HEADER_LENGTH,
  parseBpdu,
} from '../../src/stp/bpdu.ts';

const SOURCE = Uint8Array.of(0x02, 0, 0, 0, 0, 0x2a);

function frame(hex: string): Uint8Array {
  const bytes = Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (octet) => Number(`0x${octet}`));
  const padded = new Uint8Array(60);
  padded.set(bytes);
  return padded;
}

const RST_FRAME = frame(
  '0180c2000000 02000000002a 0027 424203 0000 02 02 7e 8000020000000001 00004e20 8000020000000002 8003 0100 1400 0200 0f00 00',
);
const RST: Bpdu = {
  kind: 'rst',
  role: 'designated',
  topologyChange: false,
  topologyChangeAcknowledgment: false,
  proposal: true,
  learning: true,
  forwarding: true,
  agreement: true,
  rootBridge: 0x8000020000000001n,
  rootPathCost: 20_000,
  designatedBridge: 0x8000020000000002n,
  designatedPort: 0x8003,
  messageAge: 1,
  maxAge: 20,
  helloTime: 2,
  forwardDelay: 15,
};

const CONFIGURATION_FRAME = frame(
  '0180c2000000 02000000002a 0026 424203 0000 00 00 81 1000020000000001 000000c8 8000020000000002 8003 0180 1400 0200 0f00',
);
const CONFIGURATION: Bpdu = {
  kind: 'configuration',
  topologyChange: true,
  topologyChangeAcknowledgment: true,
  rootBridge: 0x1000020000000001n,
  rootPathCost: 200,
  designatedBridge: 0x8000020000000002n,
  designatedPort: 0x8003,
  messageAge: 1.5,
  maxAge: 20,
  helloTime: 2,
  forwardDelay: 15,
};

const TCN_FRAME = frame('0180c2000000 02000000002a 0007 424203 0000 00 80');
const TCN: Bpdu = { kind: 'tcn' };

for (const [name, bytes, value] of [
  ['an RST BPDU', RST_FRAME, RST],
  ['a Configuration BPDU', CONFIGURATION_FRAME, CONFIGURATION],
  ['a TCN BPDU', TCN_FRAME, TCN],
] as const) {
  test(`deconstructs ${name}`, (t) => {
    t.deepEqual(parseBpdu(bytes), value);
  });

  test(`constructs ${name} over old octets`, (t) => {
    const out = new Uint8Array(80).fill(0xa5);
    t.is(emitBpdu(value, SOURCE, out, 10), 60);
    t.deepEqual(out.subarray(10, 70), bytes);
    t.true(out.subarray(0, 10).every((octet) => octet === 0xa5));
    t.true(out.subarray(70).every((octet) => octet === 0xa5));
  });
}

function changed(bytes: Uint8Array, offset: number, ...octets: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(octets, offset);
  return copy;
}

test('each fault is told by its name', (t) => {
  t.is(parseBpdu(RST_FRAME.subarray(0, HEADER_LENGTH - 1)), 'truncated');
  t.is(parseBpdu(RST_FRAME.subarray(0, 40)), 'truncated');
  t.is(parseBpdu(changed(RST_FRAME, 5, 0x01)), 'not-a-bpdu');
  t.is(parseBpdu(changed(RST_FRAME, 14, 0xaa, 0xaa)), 'not-a-bpdu');
  t.is(parseBpdu(changed(RST_FRAME, 12, 0x08, 0x00)), 'not-a-bpdu');
  t.is(parseBpdu(changed(RST_FRAME, 12, 0, 0x26)), 'length');
  t.is(parseBpdu(changed(CONFIGURATION_FRAME, 12, 0, 0x25)), 'length');
  t.is(parseBpdu(changed(TCN_FRAME, 12, 0, 0x06)), 'length');
  t.is(parseBpdu(changed(RST_FRAME, HEADER_LENGTH, 0, 1)), 'protocol-identifier');
  t.is(parseBpdu(changed(RST_FRAME, HEADER_LENGTH + 2, 1)), 'version');
  t.is(parseBpdu(changed(RST_FRAME, HEADER_LENGTH + 3, 0x7f)), 'type');
  t.is(parseBpdu(changed(CONFIGURATION_FRAME, HEADER_LENGTH + 27, 20, 0)), 'message-age');
});

test('a later version is read as ours, and octets behind are ignored', (t) => {
  const mstp = new Uint8Array(120).fill(0xa5);
  mstp.set(changed(RST_FRAME, HEADER_LENGTH + 2, 3));
  mstp.set([0, 0x69], 12);
  t.deepEqual(parseBpdu(mstp), RST);
});

test('a buffer without room is refused', (t) => {
  t.throws(() => emitBpdu(RST, SOURCE, new Uint8Array(59)), { instanceOf: RangeError });
});

const time = fc.integer({ min: 0, max: 0xffff }).map((units) => units / 256);
const parameters = {
  topologyChange: fc.boolean(),
  topologyChangeAcknowledgment: fc.boolean(),
  rootBridge: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  rootPathCost: fc.integer({ min: 0, max: 0xffffffff }),
  designatedBridge: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  designatedPort: fc.integer({ min: 0, max: 0xffff }),
  messageAge: time,
  maxAge: time,
  helloTime: time,
  forwardDelay: time,
};
const anyBpdu: fc.Arbitrary<Bpdu> = fc.oneof(
  fc.constant(TCN),
  fc
    .record({ kind: fc.constant('configuration' as const), ...parameters })
    .filter((bpdu) => bpdu.messageAge < bpdu.maxAge),
  fc.record({
    kind: fc.constant('rst' as const),
    role: fc.constantFrom('unknown', 'alternate', 'root', 'designated'),
    proposal: fc.boolean(),
    learning: fc.boolean(),
    forwarding: fc.boolean(),
    agreement: fc.boolean(),
    ...parameters,
  }),
);

test('what is emitted is parsed back', (t) => {
  fc.assert(
    fc.property(anyBpdu, (bpdu) => {
      const out = new Uint8Array(byteLength(bpdu)).fill(0xa5);
      emitBpdu(bpdu, SOURCE, out);
      t.deepEqual(parseBpdu(out), bpdu);
    }),
  );
});

test('any octets are a BPDU or a known fault', (t) => {
  const header = CONFIGURATION_FRAME.subarray(0, HEADER_LENGTH);
  fc.assert(
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 80 }), (withHeader, tail) => {
      const bytes = withHeader ? Uint8Array.of(...header, ...tail) : tail;
      const result = parseBpdu(bytes);
      if (typeof result === 'string') t.true(BPDU_FAULTS.includes(result));
      else t.true(['configuration', 'rst', 'tcn'].includes(result.kind));
    }),
  );
});
