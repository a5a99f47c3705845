import test from 'ava';
import fc from 'fast-check';
import {
  parseRelayControl,
  RECEIVERS,
  RELAY_OVERHEAD,
  RelayKind,
  readCircuit,
  relayControl,
  writeCircuit,
} from '../../../src/links/relay/relay-packet.ts';

const CALLEE = '00112233445566778899aabbccddeeff01234567';

test('control packets, octet by octet', (t) => {
  const open = relayControl(RelayKind.open, 0x1234, CALLEE);
  t.is(Buffer.from(open).toString('hex'), `011234${CALLEE}`);
  t.deepEqual(parseRelayControl(open), { kind: RelayKind.open, number: 0x1234, callee: CALLEE });
  const closed = relayControl(RelayKind.closed, RECEIVERS | 3);
  t.deepEqual([...closed], [5, 0x80, 3]);
  t.deepEqual(parseRelayControl(closed), { kind: 5, number: 0x8003, callee: '' });
});

test('the number of a circuit, octet by octet', (t) => {
  const bytes = new Uint8Array(4).fill(0xa5);
  writeCircuit(bytes, 1, 0x8102);
  t.deepEqual([...bytes], [0xa5, 0x81, 0x02, 0xa5]);
  t.is(readCircuit(bytes, 1), 0x8102);
  t.is(RELAY_OVERHEAD, 37);
});

test('malformed control packets are told', (t) => {
  const open = relayControl(RelayKind.open, 1, CALLEE);
  for (let length = 0; length < open.length; length++) {
    t.is(parseRelayControl(open.subarray(0, length)), undefined);
  }
  t.is(parseRelayControl(Uint8Array.of(...open, 0)), undefined);
  for (const kind of [0, 6, 255]) t.is(parseRelayControl(Uint8Array.of(kind, 0, 1)), undefined);
  t.is(parseRelayControl(Uint8Array.of(2, 0, 1, 0)), undefined);
});

test('what is read is what was written', (t) => {
  fc.assert(
    fc.property(fc.nat(7), fc.uint8Array({ maxLength: 24 }), (kind, rest) => {
      const bytes = Uint8Array.of(kind, ...rest);
      const packet = parseRelayControl(bytes);
      const length = kind === RelayKind.open ? 23 : 3;
      t.is(packet !== undefined, kind >= 1 && kind <= 5 && bytes.length === length);
      if (packet === undefined) return;
      t.deepEqual(relayControl(packet.kind, packet.number, packet.callee), bytes);
    }),
  );
});
