import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import {
  type BatchedIo,
  CipherId,
  JOB_RECORDS,
  JOB_STRIDE,
  Job,
  KEY_SLOTS,
  SLAB_LENGTH,
  SlabLayout,
  TAG_LENGTH,
} from '../../src/io/contract.ts';
import { octets, Rig } from './rig.ts';

const NONE = new Uint8Array(0);
const AAD = SlabLayout.free;
const INPUT = SlabLayout.free + (1 << 20);
const OUTPUT = SlabLayout.free + (2 << 20);
const MORE = SlabLayout.free + (3 << 20);
const MAKERS = { native: Rig.native, memory: Rig.memory };

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

interface Task {
  readonly slot?: number;
  readonly aad?: Uint8Array;
  readonly input: Uint8Array;
  /** Plaintext that lies elsewhere. */
  readonly more?: Uint8Array;
  readonly inPlace?: boolean;
  readonly high?: number;
  readonly low?: number;
}

/** Runs one job; undefined when it failed. */
function run(io: BatchedIo, what: 'seal' | 'open', task: Task): Uint8Array | undefined {
  const { slot = 0, aad = NONE, input, more = NONE, inPlace = false, high = 0, low = 0 } = task;
  const output = inPlace ? INPUT : OUTPUT;
  io.slab.set(aad, AAD);
  io.slab.set(input, INPUT);
  io.slab.set(more, MORE);
  const number = [high, low];
  const pieces = [INPUT, input.length, output, ...number, 99, MORE, more.length];
  io.jobs.set([slot, AAD, aad.length, ...pieces]);
  const failed = io[what](1) ?? 0;
  const result = io.jobs[Job.result];
  if (what === 'open' && failed !== (result < 0 ? 1 : 0))
    throw new Error('wrong count of failures');
  return result < 0 ? undefined : io.slab.slice(output, output + result);
}

for (const [name, makeRig] of Object.entries(MAKERS)) {
  const check = (title: string, body: (t: ExecutionContext, io: BatchedIo) => void) =>
    test(`${name}: ${title}`, (t) => {
      body(t, makeRig(t).io);
    });

  check('the example of RFC 8439 section 2.8.2', (t, io) => {
    const input = new TextEncoder().encode(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const sealed = hex(
      'd31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6' +
        '3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36' +
        '92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc' +
        '3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691',
    );
    const aad = hex('50515253c0c1c2c3c4c5c6c7');
    const key = octets(32, 0x80);
    io.setKey(0, CipherId.chacha20poly1305, key, hex('070000004041424344454647'));
    t.deepEqual(run(io, 'seal', { aad, input }), sealed);
    t.deepEqual(run(io, 'open', { aad, input: sealed }), input);
    // The packet number is XORed into the last 8 octets, big-endian.
    io.setKey(0, CipherId.chacha20poly1305, key, hex('070000000000000000000000'));
    t.deepEqual(run(io, 'seal', { aad, input, high: 0x40414243, low: 0x44454647 }), sealed);
  });

  check('test case 16 of the GCM specification', (t, io) => {
    const input = hex(
      'd9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72' +
        '1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39',
    );
    const sealed = hex(
      '522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa' +
        '8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662' +
        '76fc6ece0f4e1768cddf8853bb2d551b',
    );
    const aad = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
    const key = hex('feffe9928665731c6d6a8f9467308308'.repeat(2));
    io.setKey(KEY_SLOTS - 1, CipherId.aes256gcm, key, hex('cafebabefacedbaddecaf888'));
    const task = { slot: KEY_SLOTS - 1, aad, inPlace: true };
    t.deepEqual(run(io, 'seal', { ...task, input }), sealed);
    t.deepEqual(run(io, 'open', { ...task, input: sealed }), input);
  });

  check('a seal with one bit turned does not open and leaves zeros', (t, io) => {
    io.setKey(0, CipherId.aes256gcm, octets(32), octets(12));
    const sealed = run(io, 'seal', { aad: octets(5), input: octets(50), low: 9 }) as Uint8Array;
    for (const at of [0, 49, 50, 65]) {
      const turned = sealed.slice();
      turned[at] ^= 0x10;
      for (const inPlace of [true, false]) {
        t.is(run(io, 'open', { aad: octets(5), input: turned, low: 9, inPlace }), undefined);
        const output = inPlace ? INPUT : OUTPUT;
        t.true(io.slab.subarray(output, output + 50).every((octet) => octet === 0));
      }
    }
    t.is(run(io, 'open', { aad: octets(5, 1), input: sealed, low: 9 }), undefined);
    t.is(run(io, 'open', { aad: octets(5), input: sealed, low: 8 }), undefined);
    t.is(run(io, 'open', { aad: octets(5), input: sealed, low: 9, high: -1 }), undefined);
    t.deepEqual(run(io, 'open', { aad: octets(5), input: sealed, low: 9 }), octets(50));
  });

  check('an empty text is a tag; less than a tag is nothing', (t, io) => {
    io.setKey(0, CipherId.chacha20poly1305, octets(32), octets(12));
    const tag = run(io, 'seal', { input: NONE }) as Uint8Array;
    t.is(tag.length, TAG_LENGTH);
    t.deepEqual(run(io, 'open', { input: tag }), NONE);
    t.is(run(io, 'open', { input: tag.slice(1) }), undefined);
    t.is(run(io, 'open', { input: NONE }), undefined);
  });

  check('empty key slots and keys of the wrong size', (t, io) => {
    t.is(run(io, 'seal', { input: octets(1) }), undefined);
    t.is(run(io, 'seal', { slot: -1, input: octets(1) }), undefined);
    t.is(run(io, 'seal', { slot: KEY_SLOTS, input: octets(1) }), undefined);
    io.setKey(3, CipherId.aes256gcm, octets(32), octets(12));
    t.truthy(run(io, 'seal', { slot: 3, input: octets(1) }));
    io.clearKey(3);
    t.is(run(io, 'seal', { slot: 3, input: octets(1) }), undefined);
    io.clearKey(3);
    t.throws(() => io.setKey(0, CipherId.aes256gcm, octets(31), octets(12)));
    t.throws(() => io.setKey(0, CipherId.aes256gcm, octets(32), octets(13)));
    t.throws(() => io.setKey(KEY_SLOTS, CipherId.aes256gcm, octets(32), octets(12)));
    t.throws(() => io.setKey(-1, CipherId.aes256gcm, octets(32), octets(12)));
    t.throws(() => io.seal(JOB_RECORDS + 1));
    t.throws(() => io.open(-1));
  });

  check('jobs that are off fail one by one and touch nothing', (t, io) => {
    io.setKey(0, CipherId.aes256gcm, octets(32), octets(12));
    const good = [0, AAD, 0, INPUT, 32, OUTPUT, 0, 0, 0, 0, 0];
    const bad = [
      [0, SLAB_LENGTH, 1, INPUT, 32, OUTPUT],
      [0, -1, 4, INPUT, 32, OUTPUT],
      [0, AAD, -1, INPUT, 32, OUTPUT],
      [0, AAD, 0, SLAB_LENGTH - 31, 32, OUTPUT],
      [0, AAD, 0, -32, 32, OUTPUT],
      [0, AAD, 0, INPUT, -1, OUTPUT],
      [0, AAD, 0, INPUT, 0x7fffffff, OUTPUT],
      [0, AAD, 0, INPUT, 32, SLAB_LENGTH - 47],
      [0, AAD, 0, INPUT, 32, -1],
      [0, AAD, 0, INPUT, 32, INPUT + 1],
      [0, AAD, 0, INPUT, 32, INPUT - 8],
    ];
    bad.forEach((job, i) => {
      io.jobs.set([...job, 0, 0, 0, 0, 0], 2 * i * JOB_STRIDE);
      io.jobs.set(good, (2 * i + 1) * JOB_STRIDE);
    });
    io.seal(2 * bad.length);
    bad.forEach((_, i) => {
      t.is(io.jobs[2 * i * JOB_STRIDE + Job.result], -1);
      t.is(io.jobs[(2 * i + 1) * JOB_STRIDE + Job.result], 48);
    });
    t.is(io.open(2 * bad.length), 2 * bad.length, 'nothing there was sealed');
    // The last octet of the slab is still inside.
    io.jobs.set([0, SLAB_LENGTH - 1, 1, INPUT, 32, SLAB_LENGTH - 48, 0, 0, 0, 0, 0]);
    io.seal(1);
    t.is(io.jobs[Job.result], 48);
  });

  check('plaintext in two places is sealed as one', (t, io) => {
    const whole = octets(100);
    for (const cipher of [CipherId.aes256gcm, CipherId.chacha20poly1305]) {
      io.setKey(0, cipher, octets(32), octets(12));
      const sealed = run(io, 'seal', { aad: octets(5), input: whole, low: 9 });
      for (const at of [0, 1, 15, 16, 17, 64, 65, 99, 100]) {
        for (const inPlace of [true, false]) {
          const task = { aad: octets(5), input: whole.slice(0, at), low: 9, inPlace };
          t.deepEqual(run(io, 'seal', { ...task, more: whole.slice(at) }), sealed, `${at}`);
        }
      }
      t.deepEqual(run(io, 'open', { aad: octets(5), input: sealed as Uint8Array, low: 9 }), whole);
    }
  });

  check('more plaintext that is off, or where the output is, fails', (t, io) => {
    io.setKey(0, CipherId.aes256gcm, octets(32), octets(12));
    const seal = (more: number, moreLength: number, output = OUTPUT) => {
      io.jobs.set([0, AAD, 0, INPUT, 32, output, 0, 0, 99, more, moreLength]);
      io.seal(1);
      return io.jobs[Job.result];
    };
    t.is(seal(MORE, 32), 80);
    t.is(seal(OUTPUT + 80, 32), 80, 'right behind');
    t.is(seal(OUTPUT - 32, 32), 80, 'right before');
    t.is(seal(INPUT, 32), 80, 'the same again');
    t.is(seal(INPUT + 80, 32, INPUT), 80, 'in place');
    t.is(seal(SLAB_LENGTH - 32, 32), 80);
    t.is(seal(-1, 0), 48, 'nothing lies nowhere');
    for (const [more, moreLength, output] of [
      [MORE, -1],
      [MORE, -32],
      [-1, 32],
      [SLAB_LENGTH - 31, 32],
      [MORE, 0x7fffffff],
      [OUTPUT + 79, 32],
      [OUTPUT - 31, 32],
      [OUTPUT, 32],
      [OUTPUT + 32, 32],
      [INPUT, 32, INPUT],
      [INPUT + 32, 32, INPUT],
      [MORE, 32, SLAB_LENGTH - 79],
      [MORE, 32, INPUT + 1],
    ]) {
      t.is(seal(more, moreLength, output), -1, `${more} ${moreLength} ${output}`);
    }
    const sealed = run(io, 'seal', { input: octets(32) }) as Uint8Array;
    t.is(run(io, 'open', { input: sealed, more: octets(1) }), undefined, 'an open has one input');
    t.deepEqual(run(io, 'open', { input: sealed }), octets(32));
  });
}

test('the addon and the reference agree on everything', (t) => {
  const { io } = Rig.native(t);
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(
      fc.constantFrom(CipherId.aes256gcm, CipherId.chacha20poly1305),
      bytes(32),
      bytes(12),
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 1600 }),
      word,
      word,
      fc.boolean(),
      (cipher, key, iv, aad, input, high, low, inPlace) => {
        const nonce = iv.slice();
        const number = Buffer.alloc(8);
        number.writeInt32BE(high, 0);
        number.writeInt32BE(low, 4);
        number.forEach((octet, i) => {
          nonce[4 + i] ^= octet;
        });
        const reference = cipher === CipherId.aes256gcm ? gcm : chacha20poly1305;
        const expected = reference(key, nonce, aad).encrypt(input);
        io.setKey(5, cipher, key, iv);
        const task = { slot: 5, aad, high, low, inPlace };
        const sealed = run(io, 'seal', { ...task, input });
        t.deepEqual(sealed, Uint8Array.from(expected));
        // The same slot in the other direction, and back.
        t.deepEqual(run(io, 'open', { ...task, input: expected }), Uint8Array.from(input));
        t.deepEqual(run(io, 'seal', { ...task, input }), sealed);
        const half = input.length >> 1;
        const [front, more] = [input.slice(0, half), input.slice(half)];
        t.deepEqual(run(io, 'seal', { ...task, input: front, more }), sealed);
      },
    ),
    { numRuns: 200 },
  );
});
