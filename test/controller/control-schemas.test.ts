/** What the control socket takes and what it does not, where that is more than a type. */
import test from 'ava';
import type { z } from 'zod';
import {
  inviteRequest,
  LONGEST_OVERLAP,
  LONGEST_TICKET_LIFE,
  rotateGroupRequest,
} from '../../src/controller/control-friend-schemas.ts';
import {
  addressRequest,
  captureRequest,
  impairRequest,
  mirrorRequest,
  switchChanges,
} from '../../src/controller/control-switch-schemas.ts';
import { tapAttachment, tapRequest } from '../../src/controller/control-tap-schemas.ts';

const takes = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success;

test('a port is no mirror of itself', (t) => {
  t.true(takes(mirrorRequest, { to: 3, of: 4 }));
  t.true(takes(mirrorRequest, { to: null }));
  t.false(takes(mirrorRequest, { to: 'bob', of: 'bob' }));
});

test('frames overtake others only where there is a delay', (t) => {
  t.true(takes(impairRequest, { port: 1, impair: { reorder: 0.5, delay: 5 } }));
  t.true(takes(impairRequest, { port: 1, impair: null }));
  t.false(takes(impairRequest, { port: 1, impair: { reorder: 0.5 } }));
});

test('times of the switch are milliseconds, within the seconds of the configuration', (t) => {
  t.true(takes(switchChanges, { ageing: 10_000, minPersistence: 0, collection: 1000 }));
  t.false(takes(switchChanges, { ageing: 9999 }));
  t.false(takes(switchChanges, { minPersistence: 60_001 }));
  t.false(takes(switchChanges, { age: 10_000 }), 'a key that is none');
});

test('an address is that of a station, in one spelling', (t) => {
  const given = addressRequest.parse({ mac: '02:AB:00:00:00:01', port: null });
  t.deepEqual(given, { mac: '02:ab:00:00:00:01', port: null });
  t.false(takes(addressRequest, { mac: '01:00:5e:00:00:01', port: 1 }), 'a group');
});

test('a capture is of a port or of a link, and a query holds numbers as text', (t) => {
  t.deepEqual(captureRequest.parse({ port: '7', count: '10' }), { port: 7, count: 10 });
  t.false(takes(captureRequest, { port: '7', link: 'bob' }));
  t.false(takes(captureRequest, { port: '0' }));
});

test('host interfaces by name, addresses and namespace', (t) => {
  t.true(takes(tapRequest, {}));
  t.true(takes(tapRequest, { name: 'k%d', ip: ['dhcp', '10.0.0.1/8', 'fd00::1/64'] }));
  t.false(takes(tapRequest, { ip: ['10.0.0.1'] }));
  t.false(takes(tapRequest, { name: 'a/b' }));
  t.false(takes(tapRequest, { mac: 'ff:ff:ff:ff:ff:ff' }));
  const sent = { path: '/s', name: 'kith0', mac: '02:00:00:00:00:01', mtu: 1500 };
  t.true(takes(tapAttachment, sent));
  t.false(takes(tapAttachment, { ...sent, path: '/'.repeat(108) }), 'no path of a socket');
});

test('what is kept for long is kept for a year at most', (t) => {
  t.true(takes(inviteRequest, { expiresInMs: LONGEST_TICKET_LIFE }));
  t.false(takes(inviteRequest, { expiresInMs: LONGEST_TICKET_LIFE + 1 }));
  t.true(takes(rotateGroupRequest, { name: 'g', overlapMs: LONGEST_OVERLAP }));
  t.false(takes(rotateGroupRequest, { name: 'g', overlapMs: LONGEST_OVERLAP + 1 }));
});
