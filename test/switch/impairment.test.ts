/** Impairment in virtual time: what chance does in the long run, and what it never does. */
import test from 'ava';
import fc from 'fast-check';
import { Impairment } from '../../src/switch/impairment.ts';
import type { ImpairmentSettings } from '../../src/switch/impairment-settings.ts';

const CAPACITY = 4096;

interface Left {
  readonly frame: number;
  readonly time: number;
}

/** Sends `count` frames, one each `interval` milliseconds, and takes those that are due. */
function run(
  settings: ImpairmentSettings,
  count: number,
  interval = 1,
  length = 1000,
  capacity = CAPACITY,
) {
  const machine = new Impairment({ seed: 7, ...settings }, capacity);
  const left: Left[] = [];
  const lost: boolean[] = [];
  const collect = (until: number): void => {
    for (let time = machine.deadline; time <= until; time = machine.deadline) {
      left.push({ frame: machine.take(time), time });
    }
  };
  for (let frame = 0; frame < count; frame++) {
    const now = frame * interval;
    collect(now);
    lost.push(machine.accept(frame, length, 0, now) === 0);
  }
  collect(Number.MAX_VALUE);
  return { machine, left, lost };
}

const near = (value: number, expected: number, part: number): boolean =>
  Math.abs(value - expected) <= expected * part;

test('without settings a frame leaves at once, once', (t) => {
  const machine = new Impairment({}, 4);
  t.is(machine.deadline, Number.POSITIVE_INFINITY);
  t.is(machine.accept(42, 60, 3, 1000), 1);
  t.is(machine.deadline, 1000);
  t.is(machine.take(999.9), -1);
  t.is(machine.take(1000), 42);
  t.deepEqual([machine.length, machine.kind, machine.isLast], [60, 3, true]);
  t.is(machine.take(1e9), -1);
  t.is(machine.takeAny(), -1);
});

test('a delay is exact, and keeps the order', (t) => {
  const { left } = run({ delay: 20 }, 1000);
  t.deepEqual(
    left,
    left.map((_, frame) => ({ frame, time: frame + 20 })),
  );
});

test('jitter spreads the delay evenly, and keeps the order all the same', (t) => {
  const { left } = run({ delay: 20, jitter: 5 }, 20_000, 100);
  const delays = left.map(({ frame, time }) => time - frame * 100);
  t.true(delays.every((each) => each >= 15 && each <= 25));
  const mean = delays.reduce((sum, each) => sum + each, 0) / delays.length;
  t.true(near(mean, 20, 0.01), `${mean}`);
  for (const edge of [16, 18, 20, 22, 24]) {
    const below = delays.filter((each) => each < edge).length / delays.length;
    t.true(near(below, (edge - 15) / 10, 0.1), `${below} below ${edge}`);
  }
  const crowded = run({ delay: 20, jitter: 20 }, 5000, 0.5).left;
  t.deepEqual(
    crowded.map(({ frame }) => frame),
    crowded.map((_, i) => i),
  );
  t.true(crowded.every(({ time }, i) => i === 0 || time >= (crowded[i - 1]?.time ?? 0)));
  const early = run({ delay: 1, jitter: 50 }, 2000, 200).left;
  t.true(early.every(({ frame, time }) => time >= frame * 200));
});

test('losses come as often as they should, and do not know one another', (t) => {
  for (const loss of [0.01, 0.1, 0.5]) {
    const { lost } = run({ loss }, 100_000);
    const part = lost.filter(Boolean).length / lost.length;
    t.true(near(part, loss, 0.1), `${part}`);
    const pairs = lost.filter((each, i) => each && lost[i + 1]).length / lost.length;
    t.true(near(pairs, loss * loss, 0.4), `${pairs}`);
  }
  t.true(run({ loss: 1 }, 100).lost.every(Boolean));
  t.false(run({ loss: 0 }, 100).lost.some(Boolean));
});

test('bursts begin and end as Gilbert and Elliott say', (t) => {
  const begin = 0.01;
  const end = 0.2;
  const { lost, machine } = run({ burst: { begin, end, loss: 1 } }, 200_000);
  const part = lost.filter(Boolean).length / lost.length;
  t.true(near(part, begin / (begin + end), 0.1), `${part}`);
  t.is(machine.counters.lost, lost.filter(Boolean).length);
  const bursts = lost.filter((each, i) => each && !lost[i - 1]).length;
  t.true(near(lost.filter(Boolean).length / bursts, 1 / end, 0.1));

  const soft = run({ loss: 0.02, burst: { begin, end, loss: 0.6 } }, 200_000).lost;
  const inBursts = begin / (begin + end);
  const expected = inBursts * 0.6 + (1 - inBursts) * 0.02;
  t.true(near(soft.filter(Boolean).length / soft.length, expected, 0.1));
});

test('duplicates come as often as they should, and memory is free with the second', (t) => {
  const { left, machine } = run({ duplicate: 0.25, delay: 3, jitter: 2 }, 40_000);
  t.true(near(left.length, 50_000, 0.02));
  t.is(machine.counters.duplicated, left.length - 40_000);
  const twice = new Impairment({ duplicate: 1 }, 4);
  t.is(twice.accept(9, 60, 0, 0), 2);
  t.deepEqual([twice.take(0), twice.isLast], [9, false]);
  t.deepEqual([twice.take(0), twice.isLast], [9, true]);
});

test('what is reordered overtakes what waits', (t) => {
  const { left, machine } = run({ delay: 50, reorder: 0.1 }, 50_000);
  const prompt = left.filter(({ frame, time }) => time === frame);
  t.is(prompt.length, machine.counters.reordered);
  t.true(near(prompt.length, 5000, 0.1));
  t.true(left.every(({ frame, time }) => time === frame || time === frame + 50));
});

test('the rate is what it should be, and what does not fit the queue is lost', (t) => {
  // 1,000 octets at 8 Mbit/s take a millisecond; twice as many come.
  const { left, machine } = run({ rate: 8_000_000, queue: 10_000 }, 20_000, 0.5);
  const last = left.at(-1)?.time ?? 0;
  t.true(near(left.length, last, 0.001));
  t.true(near(machine.counters.overflowed, 10_000, 0.01));
  t.true(left.every(({ frame, time }) => time - frame * 0.5 <= 11));
  const idle = run({ rate: 8_000_000, queue: 2000 }, 100, 5).left;
  t.deepEqual(
    idle.map(({ time }) => time),
    idle.map((_, frame) => frame * 5 + 1),
  );
  // A frame longer than the queue passes when nothing is in front of it.
  t.is(run({ rate: 8_000_000, queue: 1514 }, 10, 10, 9000).left.length, 10);
});

test('the same seed gives the same, another something else', (t) => {
  const settings = { loss: 0.2, duplicate: 0.1, delay: 10, jitter: 8, reorder: 0.1 };
  t.deepEqual(run(settings, 2000).left, run(settings, 2000).left);
  t.notDeepEqual(run(settings, 2000).left, run({ ...settings, seed: 8 }, 2000).left);
});

const part = fc.double({ min: 0, max: 1, noNaN: true });
const settings: fc.Arbitrary<ImpairmentSettings> = fc.record(
  {
    delay: fc.double({ min: 0, max: 100, noNaN: true }),
    jitter: fc.double({ min: 0, max: 100, noNaN: true }),
    loss: part,
    burst: fc.record({ begin: part, end: part, loss: part }),
    duplicate: part,
    reorder: part,
    rate: fc.integer({ min: 1000, max: 1_000_000_000 }),
    queue: fc.integer({ min: 1514, max: 100_000 }),
    seed: fc.nat(0xffff_ffff),
  },
  { requiredKeys: [] },
);
const step = fc.record({
  pass: fc.double({ min: 0, max: 20, noNaN: true }),
  length: fc.integer({ min: 14, max: 9216 }),
  take: fc.nat(3),
});

test('no frame is handed out more often than was said, none is forgotten, none comes early', (t) => {
  fc.assert(
    fc.property(
      settings,
      fc.array(step, { maxLength: 80 }),
      fc.integer({ min: 1, max: 20 }),
      (chosen, steps, capacity) => {
        const machine = new Impairment(chosen, capacity);
        const due = new Map<number, { times: number; since: number; length: number }>();
        let now = 0;
        const given = (frame: number): void => {
          const entry = due.get(frame);
          if (entry === undefined) throw new Error(`frame ${frame} was not there`);
          t.true(now >= entry.since);
          t.is(machine.length, entry.length);
          t.is(machine.kind, frame % 3);
          entry.times--;
          t.is(machine.isLast, entry.times === 0);
          if (entry.times === 0) due.delete(frame);
        };
        for (const [frame, { pass, length, take }] of steps.entries()) {
          now += pass;
          const times = machine.accept(frame, length, frame % 3, now);
          if (times > 0) due.set(frame, { times, since: now, length });
          for (let i = 0; i < take; i++) {
            const { deadline } = machine;
            const got = machine.take(now);
            t.is(got >= 0, deadline <= now);
            if (got >= 0) {
              given(got);
            }
          }
          t.is(
            machine.waiting,
            [...due.values()].reduce((sum, each) => sum + each.times, 0),
          );
          t.true(machine.waiting <= capacity);
        }
        now = Number.MAX_VALUE;
        for (let got = machine.takeAny(); got >= 0; got = machine.takeAny()) given(got);
        t.is(due.size, 0);
        const { accepted, lost } = machine.counters;
        t.is(accepted, steps.length);
        t.true(lost <= accepted);
      },
    ),
    { numRuns: 300 },
  );
});
