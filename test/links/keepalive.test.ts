/** Liveness of a session: pings, round trips, loss, and when it is over. */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_KEEPALIVE, Keepalive } from '../../src/links/keepalive.ts';

const START = 5000;
const { interval, failAfter } = DEFAULT_KEEPALIVE;

const alive = (): Keepalive => new Keepalive(DEFAULT_KEEPALIVE, START);

test('dead after so much silence, not before, and alive again when heard', (t) => {
  const keepalive = alive();
  t.false(keepalive.isDead(START + failAfter - 1));
  t.true(keepalive.isDead(START + failAfter));
  t.is(keepalive.silence(START + failAfter), failAfter);
  keepalive.heard(START + failAfter);
  t.false(keepalive.isDead(START + failAfter));
  t.true(keepalive.isDead(START + 2 * failAfter));
});

test('the default finds out within three intervals', (t) => {
  t.true(failAfter < 3 * interval);
  t.true(
    failAfter >= 2 * interval + 500,
    'a ping may be lost, and the answer to the next take its time',
  );
});

test('unanswered pings do not kill a session that still hears', (t) => {
  const keepalive = alive();
  for (let now = START; now < START + 60_000; now += interval) {
    if (keepalive.isPingDue(now)) keepalive.ping(now);
    keepalive.heard(now);
    t.false(keepalive.isDead(now + interval));
  }
  t.true(keepalive.loss > 0.9);
});

test('pings are due at the interval, the first at once', (t) => {
  const keepalive = alive();
  t.true(keepalive.isPingDue(START));
  t.is(keepalive.deadline(), START);
  t.is(keepalive.ping(START), 1);
  t.false(keepalive.isPingDue(START + interval - 1));
  t.true(keepalive.isPingDue(START + interval));
  t.is(keepalive.deadline(), START + interval);
  t.is(keepalive.ping(START + interval), 2);
});

test('the deadline is death when that comes first', (t) => {
  const keepalive = new Keepalive({ interval: 10_000, failAfter: 4000 }, START);
  keepalive.ping(START);
  t.is(keepalive.deadline(), START + 4000);
  keepalive.heard(START + 1000);
  t.is(keepalive.deadline(), START + 5000);
});

test('the round trip: the first sample whole, then an eighth of each (RFC 6298)', (t) => {
  const keepalive = alive();
  t.is(keepalive.rtt, Number.NaN);
  keepalive.pong(keepalive.ping(START), START, START + 80);
  t.is(keepalive.rtt, 80);
  keepalive.pong(keepalive.ping(START + 100), START + 100, START + 260);
  t.is(keepalive.rtt, 90);
  t.is(keepalive.minimumRtt, 80);
  keepalive.pong(keepalive.ping(START + 300), START + 300, START + 310);
  t.is(keepalive.rtt, 80);
  t.is(keepalive.minimumRtt, 10);
});

test('an old answer tells the time, but makes good no loss', (t) => {
  const keepalive = alive();
  keepalive.ping(START - interval);
  const first = keepalive.ping(START);
  keepalive.ping(START + interval);
  const { loss } = keepalive;
  t.true(loss > 0);
  keepalive.pong(first, START, START + 900);
  t.is(keepalive.rtt, 900);
  t.is(keepalive.loss, loss);
});

test('an answer that comes twice counts once against the loss', (t) => {
  const keepalive = alive();
  keepalive.ping(START - 1);
  keepalive.ping(START);
  const sequence = keepalive.ping(START + 1);
  keepalive.pong(sequence, START + 1, START + 2);
  const { loss } = keepalive;
  t.true(loss > 0);
  keepalive.pong(sequence, START + 1, START + 2);
  t.is(keepalive.loss, loss);
});

test('the first ping may come before the other end has the session: it is no loss', (t) => {
  const keepalive = alive();
  keepalive.ping(START);
  keepalive.ping(START + interval);
  t.is(keepalive.loss, 0);
  keepalive.ping(START + 2 * interval);
  t.is(keepalive.loss, 1 / 16);
});

test('nonsense in a pong changes nothing', (t) => {
  const keepalive = alive();
  const sequence = keepalive.ping(START);
  for (const sentAt of [Number.NaN, START + 1, START - 60_001, Number.POSITIVE_INFINITY, -1e300]) {
    keepalive.pong(sequence, sentAt, START);
  }
  t.is(keepalive.rtt, Number.NaN);
  t.is(keepalive.minimumRtt, Number.NaN);
});

test('sequence numbers wrap at 32 bits', (t) => {
  const keepalive = alive();
  const numbers = new Set(Array.from({ length: 1000 }, (_, i) => keepalive.ping(START + i)));
  t.is(numbers.size, 1000);
  for (const number of numbers) t.is(number, number >>> 0);
});

test('the loss estimate follows the loss of the path', (t) => {
  const lossAfter = (lost: (i: number) => boolean): number => {
    const keepalive = alive();
    for (let i = 0; i < 400; i++) {
      const now = START + i * interval;
      const sequence = keepalive.ping(now);
      if (!lost(i)) keepalive.pong(sequence, now, now + 20);
    }
    return keepalive.loss;
  };
  t.is(
    lossAfter(() => false),
    0,
  );
  t.true(lossAfter(() => true) > 0.99);
  const half = lossAfter((i) => i % 2 === 0);
  t.true(half > 0.4 && half < 0.6, `${half}`);
  const tenth = lossAfter((i) => i % 10 === 0);
  t.true(tenth > 0.04 && tenth < 0.2, `${tenth}`);
});

test('whatever happens, loss and round trip stay sensible', (t) => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 3000 }),
    what: fc.constantFrom('ping', 'pong', 'old', 'heard', 'nothing'),
    rtt: fc.integer({ min: 0, max: 2000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const keepalive = alive();
      let now = START;
      let heard = START;
      let sequence = 0;
      const samples: number[] = [];
      for (const { wait, what, rtt } of steps) {
        now += wait;
        if (what === 'ping') sequence = keepalive.ping(now);
        if (what === 'heard') {
          keepalive.heard(now);
          heard = now;
        }
        if (what === 'pong' || what === 'old') {
          keepalive.pong(what === 'old' ? sequence - 1 : sequence, now - rtt, now);
          samples.push(rtt);
        }
        t.true(keepalive.loss >= 0 && keepalive.loss <= 1);
        t.is(keepalive.isDead(now), now - heard >= failAfter);
        if (samples.length > 0) {
          t.true(keepalive.rtt >= Math.min(...samples) && keepalive.rtt <= Math.max(...samples));
          t.is(keepalive.minimumRtt, Math.min(...samples));
        }
      }
    }),
  );
});
