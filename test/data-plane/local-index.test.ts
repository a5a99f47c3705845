/** What a local index says, to the kernel, to the main thread and to the workers alike. */
import test from 'ava';
import fc from 'fast-check';
import type { Command } from '../../src/data-plane/commands.ts';
import {
  localIndex,
  MOST_WORKERS,
  RECORD_STEERING,
  SESSION_TABLE_LENGTH,
  workerOf,
} from '../../src/data-plane/local-index.ts';
import { route } from '../../src/data-plane/routes.ts';
import { workerCount } from '../../src/data-plane/worker-count.ts';
import { steer } from '../../src/io/steering.ts';
import { LinkMessageType, writeRecordHeader } from '../../src/links/link-message.ts';
import { openSession } from './node.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const workerCounts = fc.integer({ min: 1, max: MOST_WORKERS });

test('literal indices', (t) => {
  t.is(localIndex(0xffff_ffff, 0, 0, 1), 0xffff_fc00);
  t.is(localIndex(0xffff_ffff, 0, 0x3ff, 1), 0xffff_ffff);
  t.is(localIndex(0xffff_ffff, 0, 1, 4), 0xffff_e001);
  t.is(localIndex(0xffff_ffff, 3, 1, 4), 0xffff_ec01);
  t.is(localIndex(0, 7, 0, 8), 0x0000_1c00);
  t.is(workerOf(0xffff_ec01, 4), 3);
  t.is(workerOf(0xffff_ec01, 3), 0, 'there is no such worker');
  t.is(workerOf(0xffff_ffff, 1), 0);
});

test('an index names its worker and its place, and is 32 bits', (t) => {
  fc.assert(
    fc.property(word, workerCounts, fc.nat(), fc.nat(1023), (random, workers, some, place) => {
      const worker = some % workers;
      const index = localIndex(random, worker, place, workers);
      const fixed = workers > 1 ? 13 : 10;
      return (
        index >= 0 &&
        index <= 0xffff_ffff &&
        workerOf(index, workers) === worker &&
        index % SESSION_TABLE_LENGTH === place &&
        index >>> fixed === random >>> fixed
      );
    }),
  );
  t.pass();
});

test('a record goes to the socket of the worker that has its session, a handshake to the first', (t) => {
  const { sealedRecord, clearRecord, ...others } = LinkMessageType;
  fc.assert(
    fc.property(word, workerCounts, (index, workers) => {
      const record = new Uint8Array(40);
      for (const type of [sealedRecord, clearRecord]) {
        writeRecordHeader(record, 0, type, 37, 0, index, 0, 1);
        if (steer(RECORD_STEERING, record, workers) !== workerOf(index, workers)) return false;
      }
      return Object.values(others).every((type) => {
        record[0] = type;
        return steer(RECORD_STEERING, record, workers) === 0;
      });
    }),
  );
  t.pass();
});

test('how many workers there are', (t) => {
  const auto = (processors: number): number => workerCount('auto', processors);
  t.deepEqual([1, 2, 3, 4, 5, 6, 7, 64].map(auto), [1, 1, 1, 2, 3, 4, 4, 4]);
  t.is(workerCount(3, 1), 3);
  t.is(workerCount(1, 64), 1);
  t.is(workerCount(99, 64), MOST_WORKERS);
});

/** Where commands go: `worker op`. */
function routes(command: Command, workers: number): string[] {
  const all: string[] = [];
  route(command, workers, (worker, { op }) => all.push(`${worker} ${op}`));
  return all;
}

test('a command goes to whom it concerns, in the order in which they should know', (t) => {
  const there = openSession({ localIndex: 2 << 10 });
  t.deepEqual(routes(there, 3), ['0 open-remote-session', '2 open-session']);
  t.deepEqual(routes(there, 2), ['0 open-session']);
  t.deepEqual(routes(openSession({ localIndex: 5 }), 3), ['0 open-session']);
  t.deepEqual(routes({ op: 'close-session', localIndex: 1 << 10 }, 3), [
    '1 close-session',
    '0 close-session',
  ]);
  t.deepEqual(routes({ op: 'close-session', localIndex: 7 }, 3), ['0 close-session']);
  const packet = { op: 'send-packet', type: 9, payload: new Uint8Array(1) } as const;
  t.deepEqual(routes({ ...packet, localIndex: 1 << 10, priority: 'bulk' }, 3), ['1 send-packet']);
  t.deepEqual(routes({ op: 'remove-descriptor', descriptor: 4 }, 3), [
    '0 remove-descriptor',
    '1 remove-descriptor',
    '2 remove-descriptor',
  ]);
  t.deepEqual(routes({ op: 'flush-port', port: 4 }, 3), ['0 flush-port']);
  t.deepEqual(routes({ op: 'use-session', port: 4, localIndex: 1 << 10 }, 3), ['0 use-session']);
});

test('the worker of the ports learns no secret of a session that it does not have', (t) => {
  const open = openSession({
    localIndex: 1 << 10,
    mode: 'clear',
    confined: true,
    superFrames: true,
  });
  route(open, 2, (worker, command) => {
    if (worker !== 0) {
      t.is(command, open);
      return;
    }
    t.deepEqual(command, {
      op: 'open-remote-session',
      worker: 1,
      localIndex: 1 << 10,
      descriptor: open.descriptor,
      port: open.port,
      mode: 'clear',
      confined: true,
      superFrames: true,
    });
  });
});
