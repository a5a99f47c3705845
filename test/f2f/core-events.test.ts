import test from 'ava';
import { CoreEvents, type IncomingPacket } from '../../src/f2f/core-events.ts';
import { alice } from '../links/handshake/handshake-driver.ts';

const UP = { uid: alice.uid, port: 513 };

test('listeners are called in the order in which they came', (t) => {
  const events = new CoreEvents();
  const calls: string[] = [];
  events.on('connecting', ({ port }) => calls.push(`first ${port}`));
  events.on('connecting', () => calls.push('second'));
  events.on('disconnected', () => calls.push('of another event'));
  events.emit('connecting', UP);
  t.deepEqual(calls, ['first 513', 'second']);
});

test('a listener is taken away once, and alone', (t) => {
  const events = new CoreEvents();
  const calls: number[] = [];
  const same = () => void calls.push(0);
  const off = events.on('connecting', same);
  events.on('connecting', same);
  off();
  events.emit('connecting', UP);
  off();
  events.emit('connecting', UP);
  t.is(calls.length, 2, 'the second registration of the same listener stays');
});

test('listeners that come and go during an event have their turn at the next', (t) => {
  const events = new CoreEvents();
  const calls: string[] = [];
  const off = events.on('connecting', () => {
    calls.push('a');
    off();
    events.on('connecting', () => calls.push('late'));
  });
  events.on('connecting', () => calls.push('b'));
  events.emit('connecting', UP);
  t.deepEqual(calls, ['a', 'b']);
  events.emit('connecting', UP);
  t.deepEqual(calls, ['a', 'b', 'b', 'late']);
});

test('a packet shows later listeners that it is claimed', (t) => {
  const events = new CoreEvents();
  const seen: boolean[] = [];
  events.on('read-write', ({ packet }) => {
    if (packet?.type === 99) packet.claimed = true;
  });
  events.on('read-write', ({ packet }) => seen.push(packet?.claimed ?? false));
  const packet: IncomingPacket = { type: 99, payload: Uint8Array.of(1), claimed: false };
  events.emit('read-write', { uid: alice.uid, packet });
  events.emit('read-write', { uid: alice.uid });
  t.deepEqual(seen, [true, false]);
});
