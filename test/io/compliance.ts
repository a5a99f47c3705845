/** What every BatchedIo must do: run over the real one and the one in memory. */
import type { ExecutionContext, TestFn } from 'ava';
import type { Check } from './compliance/check.ts';
import { checkLoop } from './compliance/loop.ts';
import { checkMistakes } from './compliance/mistakes.ts';
import { checkParts } from './compliance/parts.ts';
import { checkSlab } from './compliance/slab.ts';
import { checkStreams } from './compliance/streams.ts';
import { checkUdp } from './compliance/udp.ts';
import { checkUnixDatagrams } from './compliance/unix-datagrams.ts';
import type { Rig } from './rig.ts';

export function batchedIoCompliance(test: TestFn, makeRig: (t: ExecutionContext) => Rig): void {
  const check: Check = (title, body) =>
    test(title, (t) => {
      body(t, makeRig(t));
    });
  checkLoop(check);
  checkUnixDatagrams(check);
  checkUdp(check);
  checkParts(check);
  checkSlab(check);
  checkStreams(check);
  checkMistakes(check);
}
