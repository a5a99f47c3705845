/** What IGMP and MLD messages say, and what is not believed. */
import test from 'ava';
import fc from 'fast-check';
import { hearIgmp } from '../../../src/switch/snooping/igmp.ts';
import {
  EVERYBODY,
  Family,
  Found,
  familyOf,
  keyOf4,
  keyOf6,
  keyOfAddress,
  networkOffset,
} from '../../../src/switch/snooping/internet.ts';
import { hearMld } from '../../../src/switch/snooping/mld.ts';
import {
  IGMP_QUERY_LENGTH,
  MLD_QUERY_LENGTH,
  writeQuery,
} from '../../../src/switch/snooping/query-frames.ts';
import * as messages from './messages.ts';

const OFFSET = 5;

/** What a frame says, in short words. */
function heard(frame: Uint8Array): { found: Found; said: string[] } {
  const bytes = new Uint8Array(OFFSET + frame.length);
  bytes.set(frame, OFFSET);
  const said: string[] = [];
  const word = (family: Family, key: number): string => `${family === Family.four ? 4 : 6} ${key}`;
  const ip = networkOffset(bytes, OFFSET, frame.length);
  if (ip === 0) return { found: Found.other, said };
  const hear = frame[12 + (ip - 14)] === 0x08 ? hearIgmp : hearMld;
  const found = hear(bytes, OFFSET + ip, frame.length - ip, {
    join: (family, key) => void said.push(`join ${word(family, key)}`),
    leave: (family, key) => void said.push(`leave ${word(family, key)}`),
    query: ({ family, key, anonymous, response, interval }) =>
      void said.push(
        `query ${word(family, key)} ${response} ${interval}${anonymous ? ' anonymous' : ''}`,
      ),
  });
  return { found, said };
}

const { report, query, malformed, other } = Found;
const K4 = 0x010203;
const K6 = 0x00010003;

test('an IGMPv2 report, octet by octet', (t) => {
  const frame = Uint8Array.of(
    ...[0x01, 0x00, 0x5e, 0x01, 0x02, 0x03, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00],
    ...[0x46, 0xc0, 0x00, 0x20, 0, 0, 0, 0, 1, 2, 0x38, 0x13],
    ...[10, 0, 0, 1, 224, 1, 2, 3, 0x94, 4, 0, 0],
    ...[0x16, 0, 0x07, 0xfb, 224, 1, 2, 3],
  );
  t.deepEqual([...messages.report2('224.1.2.3')], [...frame]);
  t.deepEqual(heard(frame), { found: report, said: [`join 4 ${K4}`] });
});

test('an MLDv1 report, octet by octet', (t) => {
  const group = [0xff, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3];
  const frame = Uint8Array.of(
    ...[0x33, 0x33, 0, 1, 0, 3, 0x02, 0, 0, 0, 0, 1, 0x86, 0xdd],
    ...[0x60, 0, 0, 0, 0, 32, 0, 1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ...[...group, 58, 0, 5, 2, 0, 0, 1, 0],
    ...[131, 0, 0x80, 0x17, 0, 0, 0, 0, ...group],
  );
  t.deepEqual([...messages.listener1('ff05::1:3')], [...frame]);
  t.deepEqual(heard(frame), { found: report, said: [`join 6 ${K6}`] });
});

test('every message of every version', (t) => {
  const cases: readonly [Uint8Array, Found, string[]][] = [
    [messages.report1('224.1.2.3'), report, [`join 4 ${K4}`]],
    [messages.report2('239.129.2.3'), report, [`join 4 ${K4}`]],
    [messages.leave2('224.1.2.3'), report, [`leave 4 ${K4}`]],
    [messages.report2('224.0.0.251'), report, []],
    [messages.query2(0), query, [`query 4 -1 10000 0`]],
    [messages.query2(25), query, [`query 4 -1 2500 0`]],
    [messages.query2(10, '224.1.2.3'), query, [`query 4 ${K4} 1000 0`]],
    [messages.query2(100, undefined, { from: '0.0.0.0' }), query, ['query 4 -1 10000 0 anonymous']],
    [messages.query2(10, '224.0.0.9'), query, []],
    [messages.query3(100, 125), query, ['query 4 -1 10000 260000']],
    [messages.query3(0x8f, 0x9a), query, [`query 4 -1 24800 ${2 * 416_000 + 24_800}`]],
    [
      messages.report3([
        { type: 1, group: '224.1.2.3' },
        { type: 1, group: '224.1.2.4', sources: ['10.0.0.1'] },
        { type: 2, group: '224.1.2.5', aux: 2 },
        { type: 3, group: '224.1.2.6' },
        { type: 3, group: '224.1.2.7', sources: ['10.0.0.1', '10.0.0.2'], aux: 1 },
        { type: 4, group: '224.1.2.8', sources: ['10.0.0.1'] },
        { type: 5, group: '224.1.2.9', sources: ['10.0.0.1'] },
        { type: 5, group: '224.1.2.10' },
        { type: 6, group: '224.1.2.11', sources: ['10.0.0.1'] },
        { type: 77, group: '224.1.2.12' },
        { type: 4, group: '224.0.0.5' },
      ]),
      report,
      [
        ...['leave 4 66051', 'join 4 66052', 'join 4 66053', 'leave 4 66054', 'join 4 66055'],
        ...['join 4 66056', 'join 4 66057'],
      ],
    ],
    [messages.igmp([0x13, 0, 0, 0, 0, 0, 0, 0], '224.0.0.4'), other, []],
    [messages.listener1('ff02::1:ff00:3'), report, [`join 6 ${0xff000003 | 0}`]],
    [messages.listener1('ff02::1'), report, []],
    [messages.listener1('ff05::1:3', { from: '::' }), report, [`join 6 ${K6}`]],
    [messages.done1('ff05::1:3'), report, [`leave 6 ${K6}`]],
    [messages.listenerQuery1(2500), query, ['query 6 -1 2500 0']],
    [messages.listenerQuery1(1000, 'ff05::1:3'), query, [`query 6 ${K6} 1000 0`]],
    [messages.listenerQuery2(10_000, 125), query, ['query 6 -1 10000 260000']],
    [messages.listenerQuery2(0x9001, 125), query, [`query 6 -1 ${65_552} ${250_000 + 65_552}`]],
    [
      messages.listener2([
        { type: 4, group: 'ff05::1:3', aux: 3 },
        { type: 3, group: 'ff05::1:4' },
        { type: 1, group: 'ff05::1:5', sources: ['fd00::1'] },
        { type: 2, group: 'ff02::2' },
      ]),
      report,
      ['join 6 65539', 'leave 6 65540', 'join 6 65541'],
    ],
    [messages.data('224.1.2.3'), other, []],
    [messages.data('ff05::1:3'), other, []],
  ];
  for (const [frame, found, said] of cases) {
    for (const more of [frame, Uint8Array.of(...frame, 0, 0, 0)]) {
      t.deepEqual(heard(more), { found, said });
    }
    const tagged = Uint8Array.of(...frame.slice(0, 12), 0x81, 0, 0, 9, ...frame.slice(12));
    t.deepEqual(heard(tagged), { found, said });
  }
});

test('what is damaged or not of this link is not believed', (t) => {
  const changed = (frame: Uint8Array, at: number, value: number): Uint8Array => {
    const copy = frame.slice();
    copy[at] = value;
    return copy;
  };
  const good4 = messages.report2('224.1.2.3');
  for (let at = 14; at < good4.length; at++) {
    const { found, said } = heard(changed(good4, at, (good4[at] ?? 0) ^ 0x10));
    t.deepEqual(said, [], `octet ${at}`);
    t.true(found === malformed || found === other);
  }
  const good6 = messages.listener1('ff05::1:3');
  // The traffic class and the flow label are in no checksum.
  for (let at = 18; at < good6.length; at++) {
    if (at >= 56 && at < 62) continue; // nor is Router Alert
    const { said } = heard(changed(good6, at, (good6[at] ?? 0) ^ 0x04));
    t.deepEqual(said, [], `octet ${at}`);
  }
  t.is(heard(messages.listener1('ff05::1:3', { from: 'fd00::1' })).found, malformed);
  t.is(heard(messages.listenerQuery1(1000, '::', { from: '::' })).found, malformed);
  t.is(heard(messages.report2('10.1.2.3', { to: '224.1.2.3' })).found, malformed);
  t.is(heard(messages.listener1('fd00::1', { to: 'ff05::1' })).found, malformed);
  t.is(heard(messages.igmp([0x11, 0, 0, 0, 0, 0, 0, 0, 2, 9], '224.0.0.1')).found, malformed);
  const tooMany = messages.igmp(
    [0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 224, 1, 2, 3],
    '224.0.0.22',
  );
  t.deepEqual(heard(tooMany), { found: malformed, said: [] });
  const tooLong = messages.igmp(
    [0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 9, 9, 224, 1, 2, 3],
    '224.0.0.22',
  );
  t.deepEqual(heard(tooLong), { found: malformed, said: [] });
});

test('cut anywhere, it says nothing', (t) => {
  for (const frame of [
    messages.report2('224.1.2.3'),
    messages.report3([{ type: 4, group: '224.1.2.3', sources: ['10.0.0.1'] }]),
    messages.listener2([{ type: 4, group: 'ff05::1:3', sources: ['fd00::1'] }]),
    messages.listenerQuery2(1000, 125),
  ]) {
    for (let length = 0; length < frame.length; length++) {
      t.deepEqual(heard(frame.subarray(0, length)).said, []);
    }
  }
});

test('whatever comes, nothing throws, and nothing is read beyond the end', (t) => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .tuple(
        fc.constantFrom(
          messages.report3([{ type: 4, group: '224.1.2.3' }]),
          messages.listener2([{ type: 4, group: 'ff05::1:3' }]),
          messages.query3(10, 125),
        ),
        fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { maxLength: 6 }),
      )
      .map(([frame, changes]) => {
        const copy = frame.slice();
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy;
      }),
  );
  fc.assert(
    fc.property(anything, (frame) => {
      for (const hear of [hearIgmp, hearMld]) {
        const touched: number[] = [];
        const guarded = new Proxy(frame, {
          get(target, name) {
            if (typeof name === 'string' && /^\d+$/.test(name)) touched.push(Number(name));
            return Reflect.get(target, name, target);
          },
        });
        const sink = { join: () => {}, leave: () => {}, query: () => {} };
        hear(guarded, 0, frame.length, sink);
        t.true(touched.every((at) => at < frame.length));
      }
    }),
    { numRuns: 1000 },
  );
});

test('keys: those that everybody gets have none', (t) => {
  t.is(keyOf4(0xe0000001 | 0), EVERYBODY);
  t.is(keyOf4(0xef8000ff | 0), EVERYBODY);
  t.is(keyOf4(0xe0000100 | 0), 0x100);
  t.is(keyOf6(1), EVERYBODY);
  t.is(keyOf6(2), EVERYBODY);
  t.is(keyOf6(0xfb), 0xfb);
  t.is(familyOf(0x01005e7f), Family.four);
  t.is(familyOf(0x01005e80), undefined);
  t.is(familyOf(0x3333ff00), Family.six);
  t.is(familyOf(-1), undefined);
  t.is(keyOfAddress(Family.four, 0x01005e01, 0x0203), K4);
  t.is(keyOfAddress(Family.six, 0x33330001, 0x0003), K6);
  t.is(keyOfAddress(Family.six, 0x3333ff00, 0x0003), 0xff000003 | 0);
});

test('own queries, octet by octet, and as they are heard', (t) => {
  const address = Uint8Array.of(0x02, 0x11, 0x22, 0x33, 0x44, 0x55);
  const write = (family: Family, length: number): Uint8Array => {
    const out = new Uint8Array(length + 8).fill(0xa5);
    t.is(writeQuery(out, 3, family, 10_000, address), length);
    t.true([...out.subarray(0, 3), ...out.subarray(3 + length)].every((each) => each === 0xa5));
    return out.slice(3, 3 + length);
  };
  const igmp = write(Family.four, IGMP_QUERY_LENGTH);
  t.deepEqual(
    [...igmp],
    [
      ...[0x01, 0x00, 0x5e, 0, 0, 1, ...address, 0x08, 0x00],
      ...[0x46, 0xc0, 0, 0x24, 0, 0, 0, 0, 1, 2, 0x44, 0x13],
      ...[0, 0, 0, 0, 224, 0, 0, 1, 0x94, 4, 0, 0],
      ...[0x11, 100, 0xec, 0x1e, 0, 0, 0, 0, 2, 125, 0, 0],
    ],
  );
  t.deepEqual(heard(igmp), { found: query, said: ['query 4 -1 10000 260000 anonymous'] });
  const mld = write(Family.six, MLD_QUERY_LENGTH);
  const expected = messages.listenerQuery2(10_000, 125, '::', { from: 'fe80::11:22ff:fe33:4455' });
  expected.set(address, 6);
  t.deepEqual([...mld], [...expected]);
  t.deepEqual(heard(mld), { found: query, said: ['query 6 -1 10000 260000'] });
});
