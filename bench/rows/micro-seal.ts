/**
 * Sealing one record, header and all, in this process: the addon in batches as
 * the data plane uses it, and the record layer's reference on node:crypto and
 * on @noble, a record at a time.
 */

import {
  CipherId,
  IV_LENGTH,
  JOB_STRIDE,
  Job,
  KEY_LENGTH,
  SlabLayout,
  TAG_LENGTH,
} from '../../src/io/contract.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import type { CryptoSuite } from '../../src/links/handshake/crypto-suite.ts';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import {
  LINK_HEADER_LENGTH,
  LinkMessageType,
  RECORD_HEADER_LENGTH,
  writeRecordHeader,
} from '../../src/links/link-message.ts';
import { sealRecord } from '../../src/links/record-layer.ts';
import type { Contender, Measurement, Row } from '../row.ts';
import { IN_PROCESS_SHARE, nanosecondsEach } from '../stopwatch.ts';

/** Records sealed in one batch: about what one turn of a busy data plane seals. */
const BATCH = 64;

/** Octets from one record to the next in the slab. */
const SPACING = 2048;

const KEY_SLOT = 0;
const RECEIVER = 1;

const CASES = [
  { cipher: CipherId.aes256gcm, length: 64, metric: 'AES-256-GCM, 64 octets' },
  { cipher: CipherId.aes256gcm, length: 1400, metric: 'AES-256-GCM, 1400 octets' },
  { cipher: CipherId.chacha20poly1305, length: 64, metric: 'ChaCha20-Poly1305, 64 octets' },
  { cipher: CipherId.chacha20poly1305, length: 1400, metric: 'ChaCha20-Poly1305, 1400 octets' },
] as const;

/** Makes a batch that seals BATCH records of `length` octets. */
type MakeBatch = (cipher: CipherId, length: number) => () => number;

export const microSealRows: readonly Row[] = [
  {
    name: 'micro-seal',
    title: 'Seal one record, in process',
    metrics: CASES.map(({ metric }) => ({
      name: metric,
      unit: 'µs',
      better: 'less' as const,
      digits: 2,
    })),
    targets: [],
    ratios: [
      ['native', 'node:crypto'],
      ['native', 'noble'],
    ],
    contenders: ({ seconds }) => [
      native(seconds),
      { name: 'node:crypto', measure: async () => measure(seconds, reference(nodeSuite)) },
      { name: 'noble', measure: async () => measure(seconds, reference(nobleSuite)) },
    ],
  },
];

function measure(seconds: number, makeBatch: MakeBatch): Measurement {
  const entries = CASES.map(({ cipher, length, metric }) => {
    const batch = makeBatch(cipher, length);
    return [
      metric,
      nanosecondsEach(batch, BATCH, (seconds * IN_PROCESS_SHARE) / CASES.length) / 1000,
    ];
  });
  return Object.fromEntries(entries);
}

function native(seconds: number): Contender {
  try {
    new NativeIo({ doorbell: -1 }).close();
  } catch (error) {
    const missing = error instanceof Error ? error.message : String(error);
    return { name: 'native', missing, measure: () => Promise.reject(error) };
  }
  return {
    name: 'native',
    async measure() {
      const io = new NativeIo({ doorbell: -1 });
      try {
        return measure(seconds, nativeBatch(io));
      } finally {
        io.close();
      }
    },
  };
}

function nativeBatch(io: NativeIo): MakeBatch {
  return (cipher, length) => {
    io.setKey(KEY_SLOT, cipher, new Uint8Array(KEY_LENGTH).fill(1), new Uint8Array(IV_LENGTH));
    const body = RECORD_HEADER_LENGTH - LINK_HEADER_LENGTH + length + TAG_LENGTH;
    const { jobs, slab } = io;
    const { sealedRecord } = LinkMessageType;
    let number = 0;
    return () => {
      for (let record = 0; record < BATCH; record++) {
        const header = SlabLayout.arena + record * SPACING;
        const job = record * JOB_STRIDE;
        writeRecordHeader(slab, header, sealedRecord, body, 0, RECEIVER, 0, ++number);
        jobs[job + Job.keySlot] = KEY_SLOT;
        jobs[job + Job.aadOffset] = header;
        jobs[job + Job.aadLength] = RECORD_HEADER_LENGTH;
        jobs[job + Job.inputOffset] = header + RECORD_HEADER_LENGTH;
        jobs[job + Job.inputLength] = length;
        jobs[job + Job.outputOffset] = header + RECORD_HEADER_LENGTH;
        jobs[job + Job.numberHigh] = 0;
        jobs[job + Job.numberLow] = number;
      }
      io.seal(BATCH);
      const result = jobs[(BATCH - 1) * JOB_STRIDE + Job.result];
      if (result !== length + TAG_LENGTH) throw new Error(`the addon sealed nothing (${result})`);
      return result;
    };
  };
}

function reference(suite: CryptoSuite): MakeBatch {
  return (cipher, length) => {
    const key = { key: new Uint8Array(KEY_LENGTH).fill(1), iv: new Uint8Array(IV_LENGTH) };
    const packets = new Uint8Array(length);
    let numberLow = 0;
    return () => {
      let octets = 0;
      for (let record = 0; record < BATCH; record++) {
        numberLow++;
        const address = { epoch: 0, receiver: RECEIVER, numberHigh: 0, numberLow };
        octets += sealRecord(suite, cipher, key, address, packets).length;
      }
      return octets;
    };
  };
}
