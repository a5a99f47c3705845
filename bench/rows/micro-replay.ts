/** The replay window, in this process, against a Set that forgets what fell out. */

import { ReplayWindow } from '../../src/links/replay-window.ts';
import type { Contender, Row } from '../row.ts';
import { IN_PROCESS_SHARE, nanosecondsEach } from '../stopwatch.ts';

const NUMBERS = 4096;
const WINDOW = 4096;

/** Late numbers trade places with one this far behind. */
const LATENESS = 7;

/** Takes a packet number; returns 1 when it is new. */
type Accept = (high: number, low: number) => number;

export const microReplayRows: readonly Row[] = [
  {
    name: 'micro-replay',
    title: 'Check and commit one packet number, in process',
    metrics: [
      { name: 'in order', unit: 'ns', better: 'less', digits: 1 },
      { name: 'reordered', unit: 'ns', better: 'less', digits: 1 },
    ],
    targets: [],
    ratios: [['kith', 'Set']],
    contenders: ({ seconds }) => [
      contender('kith', seconds, replayWindow),
      contender('Set', seconds, setOfNumbers),
    ],
  },
];

function contender(name: string, seconds: number, make: () => Accept): Contender {
  return {
    name,
    async measure() {
      const half = (seconds * IN_PROCESS_SHARE) / 2;
      const inOrder = Int32Array.from({ length: NUMBERS }, (_, index) => index);
      return {
        'in order': measure(make(), inOrder, half),
        reordered: measure(make(), reorder(inOrder), half),
      };
    },
  };
}

function measure(accept: Accept, numbers: Int32Array, seconds: number): number {
  let base = 1;
  const batch = () => {
    let accepted = 0;
    for (let index = 0; index < NUMBERS; index++) accepted += accept(0, base + numbers[index]);
    base += NUMBERS;
    return accepted;
  };
  return nanosecondsEach(batch, NUMBERS, seconds);
}

function reorder(numbers: Int32Array): Int32Array {
  const late = numbers.slice();
  for (let index = LATENESS; index < late.length; index += 2 * LATENESS) {
    [late[index], late[index - LATENESS]] = [late[index - LATENESS], late[index]];
  }
  return late;
}

function replayWindow(): Accept {
  const window = new ReplayWindow();
  return (high, low) => {
    if (!window.check(high, low)) return 0;
    window.commit(high, low);
    return 1;
  };
}

function setOfNumbers(): Accept {
  const seen = new Set<number>();
  return (high, low) => {
    const number = high * 2 ** 32 + low;
    if (seen.has(number)) return 0;
    seen.add(number);
    seen.delete(number - WINDOW);
    return 1;
  };
}
