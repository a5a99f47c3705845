import test from 'ava';
import fc from 'fast-check';
import {
  ClaimKind,
  claimCount,
  claimHigh,
  claimKind,
  claimList,
  claimLow,
  claimPart,
  claimParts,
  claimVid,
  ENTRIES_PER_CLAIM,
  entryOffset,
  MAX_CLAIMS,
  MAX_PARTS,
  writeClaimEntry,
  writeClaimHeader,
} from '../../src/links/claim.ts';

// prettier-ignore
const LIST = Uint8Array.of(
  1,
  9,
  0,
  2, // a list, number 9, the first of 2 parts
  0x00,
  0x00,
  0x02,
  0x00,
  0x00,
  0x00,
  0x00,
  0x01,
  0x0f,
  0xfe,
  0xfe,
  0xdc,
  0xba,
  0x98,
  0x76,
  0x54,
);

test('a claim is taken apart', (t) => {
  const bytes = Uint8Array.of(0xa5, 0xa5, ...LIST, 0xa5);
  t.is(claimCount(bytes, 2, LIST.length), 2);
  t.is(claimKind(bytes, 2), ClaimKind.list);
  t.deepEqual([claimList(bytes, 2), claimPart(bytes, 2), claimParts(bytes, 2)], [9, 0, 2]);
  const [one, other] = [entryOffset(2, 0), entryOffset(2, 1)];
  t.deepEqual(
    [claimVid(bytes, one), claimHigh(bytes, one), claimLow(bytes, one)],
    [0, 0x02000000, 1],
  );
  t.deepEqual(
    [claimVid(bytes, other), claimHigh(bytes, other), claimLow(bytes, other)],
    [4094, 0xfedcba98 | 0, 0x7654],
  );
});

test('a claim is put together', (t) => {
  const bytes = new Uint8Array(LIST.length).fill(0xa5);
  writeClaimHeader(bytes, ClaimKind.list, 9, 0, 2);
  writeClaimEntry(bytes, 0, 0x02000000, 1, 0);
  writeClaimEntry(bytes, 1, 0xfedcba98 | 0, 0x7654, 4094);
  t.deepEqual(bytes, LIST);
});

test('malformed claims are told', (t) => {
  const changed = (at: number, value: number) => {
    const bytes = LIST.slice();
    bytes[at] = value;
    return claimCount(bytes, 0, bytes.length);
  };
  for (let length = 0; length < LIST.length; length++) {
    t.is(claimCount(LIST, 0, length), length === 4 ? 0 : length === 12 ? 1 : -1);
  }
  t.is(changed(0, 0), -1);
  t.is(changed(0, 4), -1);
  t.is(changed(2, 2), -1, 'the third of two parts');
  t.is(changed(3, 0), -1);
  t.is(changed(3, MAX_PARTS + 1), -1);
  t.is(changed(4, 0x0f), 2);
  t.is(changed(4, 0x10), -1, 'a VLAN id above 4,094');
  t.is(changed(6, 0x01), -1, 'a group address');
  t.is(changed(0, ClaimKind.added), 2, 'the other fields do not count');
});

test('all claims fit into the parts of a list', (t) => {
  t.true(Math.ceil(MAX_CLAIMS / ENTRIES_PER_CLAIM) <= MAX_PARTS);
});

test('whatever comes is counted or refused, and nothing behind it is read', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const count = claimCount(bytes, 0, bytes.length);
      t.true(count === -1 || entryOffset(0, count) === bytes.length);
    }),
  );
});
