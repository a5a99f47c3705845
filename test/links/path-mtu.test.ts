/** Path MTU discovery against simulated paths, in virtual time. */
import test from 'ava';
import fc from 'fast-check';
import { BASE_PATH_MTU, PathMtu } from '../../src/links/path-mtu.ts';

const SIZES = [1232, 1372, 1424, 1452, 1472, 8952, 9280];
const STEP = 50;

interface Path {
  /** Octets that pass. */
  mtu: number;
  /** Octets that our own interface lets out: larger is EMSGSIZE. */
  local?: number;
  /** Milliseconds there and back. */
  rtt?: number;
  /** Whether the probe sent now is lost. */
  lost?: () => boolean;
}

/** Drives a PathMtu over a path, as the engine does. */
class Simulation {
  readonly pathMtu: PathMtu;
  now: number;
  path: Path;
  /** Sizes probed, with their times. */
  readonly probes: { at: number; size: number }[] = [];
  #answers: { at: number; size: number }[] = [];

  constructor(path: Path, start = 1000) {
    this.path = path;
    this.now = start;
    this.pathMtu = new PathMtu(start);
  }

  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (; this.now < end; this.now += STEP) {
      const due = this.#answers.filter(({ at }) => at <= this.now);
      this.#answers = this.#answers.filter(({ at }) => at > this.now);
      for (const { size } of due) {
        this.pathMtu.acknowledged(size, this.now);
        this.#tick();
      }
      this.#tick();
    }
  }

  #tick(): void {
    const sizes: number[] = [];
    for (let size = this.pathMtu.tick(this.now); size > 0; size = this.pathMtu.tick(this.now)) {
      sizes.push(size);
    }
    // They leave at the end of the turn, and are refused then.
    for (const size of sizes) {
      this.probes.push({ at: this.now, size });
      const { mtu, local = Number.POSITIVE_INFINITY, rtt = 20, lost = () => false } = this.path;
      if (size > local) this.pathMtu.tooLarge(size, this.now);
      else if (size <= mtu && !lost()) this.#answers.push({ at: this.now + rtt, size });
    }
  }
}

/** The largest size that we try and that a path lets through. */
function best(mtu: number): number {
  return SIZES.findLast((size) => size <= mtu) ?? BASE_PATH_MTU;
}

/** All that is to be probed now. */
function due(pathMtu: PathMtu, now: number): number[] {
  const sizes: number[] = [];
  for (let size = pathMtu.tick(now); size > 0; size = pathMtu.tick(now)) sizes.push(size);
  return sizes;
}

const LARGEST_FIRST = SIZES.toReversed();

test('it begins with what passes everywhere and has all probes to send at once', (t) => {
  const pathMtu = new PathMtu(77);
  t.is(pathMtu.current, BASE_PATH_MTU);
  t.is(pathMtu.deadline, 77);
  t.is(pathMtu.tick(76), 0);
  t.deepEqual(due(pathMtu, 77), LARGEST_FIRST);
  t.is(pathMtu.tick(78), 0);
});

test('the first answer says what passes, and smaller ones behind it change nothing', (t) => {
  const pathMtu = new PathMtu(0);
  due(pathMtu, 0);
  pathMtu.acknowledged(1452, 30);
  t.is(pathMtu.current, 1452);
  for (const size of [1424, 1372, 1232]) pathMtu.acknowledged(size, 30);
  t.is(pathMtu.current, 1452);
  pathMtu.acknowledged(1472, 31); // overtaken
  t.is(pathMtu.current, 1472);
  // What was not answered is asked for again, and nothing else.
  t.deepEqual(due(pathMtu, 499), []);
  t.deepEqual(due(pathMtu, 500), [9280, 8952]);
  t.deepEqual(due(pathMtu, 1000), [9280, 8952]);
  t.deepEqual(due(pathMtu, 1500), []);
  t.is(pathMtu.current, 1472);
  t.deepEqual(due(pathMtu, 11_500), [1472]);
});

test('an answer in the middle of a round ends what is smaller of it', (t) => {
  const pathMtu = new PathMtu(0);
  t.is(pathMtu.tick(0), 9280);
  t.is(pathMtu.tick(0), 8952);
  t.is(pathMtu.tick(0), 1472);
  pathMtu.acknowledged(1472, 0);
  t.is(pathMtu.tick(0), 0);
  t.is(pathMtu.current, 1472);
});

test('until somebody answers a usual path is hoped for, one round long', (t) => {
  const answered = new PathMtu(0);
  t.is(answered.hoped, 1452);
  due(answered, 0);
  t.is(answered.hoped, 1452);
  answered.acknowledged(1372, 30);
  t.is(answered.hoped, 1372);
  answered.acknowledged(9280, 31);
  t.is(answered.hoped, 9280);

  const silent = new PathMtu(0);
  due(silent, 0);
  t.is(silent.hoped, 1452);
  due(silent, 500);
  t.is(silent.hoped, BASE_PATH_MTU);
  due(silent, 1000);
  due(silent, 1500);
  t.is(silent.hoped, BASE_PATH_MTU);

  const refused = new PathMtu(0);
  due(refused, 0);
  refused.tooLarge(1232, 0);
  t.is(refused.hoped, BASE_PATH_MTU);
  const relayed = new PathMtu(0, 37);
  t.is(relayed.hoped, 1452 - 37);
});

test('probes that came before the other end had the session are sent again when it has', (t) => {
  const pathMtu = new PathMtu(0);
  due(pathMtu, 0);
  pathMtu.prompted(25);
  t.is(pathMtu.hoped, 1452);
  t.deepEqual(due(pathMtu, 25), LARGEST_FIRST);
  pathMtu.prompted(26); // once only
  t.deepEqual(due(pathMtu, 26), []);
  pathMtu.acknowledged(1472, 45);
  t.is(pathMtu.current, 1472);

  const answered = new PathMtu(0);
  due(answered, 0);
  answered.acknowledged(1472, 20);
  answered.prompted(21);
  t.deepEqual(due(answered, 21), []);
  t.is(answered.current, 1472);

  const found = new PathMtu(0);
  due(found, 0);
  found.acknowledged(9280, 20);
  found.prompted(21);
  t.deepEqual(due(found, 21), []);
});

for (const mtu of [
  1200, 1231, 1232, 1400, 1452, 1471, 1472, 1500, 8951, 8952, 9279, 9280, 65_000,
]) {
  test(`a path of ${mtu} is found within three seconds`, (t) => {
    const simulation = new Simulation({ mtu });
    simulation.run(3000);
    t.is(simulation.pathMtu.current, best(mtu));
  });
}

for (const mtu of SIZES) {
  test(`one round trip to know that ${mtu} pass`, (t) => {
    const simulation = new Simulation({ mtu, rtt: 100 });
    simulation.run(100);
    t.is(simulation.pathMtu.current, BASE_PATH_MTU);
    simulation.run(50);
    t.is(simulation.pathMtu.current, mtu);
    t.deepEqual(
      simulation.probes.map(({ size }) => size),
      LARGEST_FIRST,
    );
  });
}

test('EMSGSIZE ends the search at once', (t) => {
  const simulation = new Simulation({ mtu: 9280, local: 1472 });
  simulation.run(500);
  t.is(simulation.pathMtu.current, 1472);
  t.is(simulation.probes.filter(({ size }) => size === 8952).length, 1);
});

test('EMSGSIZE for the size in use falls back at once and searches anew', (t) => {
  const simulation = new Simulation({ mtu: 9280 });
  simulation.run(2000);
  t.is(simulation.pathMtu.current, 9280);
  simulation.path = { mtu: 9280, local: 1472 };
  simulation.pathMtu.tooLarge(9000, simulation.now);
  t.is(simulation.pathMtu.current, BASE_PATH_MTU);
  simulation.run(1000);
  t.is(simulation.pathMtu.current, 1472);
});

test('EMSGSIZE for less than the base, or for what is not tried, changes nothing', (t) => {
  const simulation = new Simulation({ mtu: 1472 });
  simulation.run(2000);
  const { now, pathMtu } = simulation;
  const { deadline } = pathMtu;
  for (const size of [0, 100, 1200, 1500, 8952, 65_535]) pathMtu.tooLarge(size, now);
  t.is(pathMtu.current, 1472);
  t.is(pathMtu.deadline, deadline);
});

test('a single loss delays, and does not end, the search', (t) => {
  let sent = 0;
  const simulation = new Simulation({ mtu: 1472, lost: () => sent++ % 2 === 0 });
  simulation.run(6000);
  t.is(simulation.pathMtu.current, 1472);
});

test('answers to what was not asked change nothing', (t) => {
  const pathMtu = new PathMtu(0);
  for (const size of SIZES) pathMtu.acknowledged(size, 0);
  t.is(pathMtu.current, BASE_PATH_MTU);
  t.is(pathMtu.tick(0), 9280);
  t.is(pathMtu.tick(0), 8952);
  for (const size of [0, 1, 1200, 1231, 1372, 1472, 65_535]) pathMtu.acknowledged(size, 1);
  t.is(pathMtu.current, BASE_PATH_MTU);
  pathMtu.acknowledged(8952, 1);
  t.is(pathMtu.current, 8952);
  pathMtu.acknowledged(8952, 1); // twice is no more
  t.is(pathMtu.current, 8952);
});

test('a black hole is noticed and fallen back from', (t) => {
  const simulation = new Simulation({ mtu: 9280 });
  simulation.run(3000);
  simulation.path = { mtu: 1400 };
  simulation.run(20_000);
  t.is(simulation.pathMtu.current, 1372);
});

test('congestion is no black hole', (t) => {
  const simulation = new Simulation({ mtu: 1472 });
  simulation.run(3000);
  let sent = 0;
  simulation.path = { mtu: 1472, lost: () => sent++ % 4 !== 0 };
  for (let i = 0; i < 60; i++) {
    simulation.run(1000);
    t.is(simulation.pathMtu.current, 1472);
  }
});

test('the path is looked at again after ten minutes', (t) => {
  const simulation = new Simulation({ mtu: 1400 });
  simulation.run(5000);
  t.is(simulation.pathMtu.current, 1372);
  simulation.path = { mtu: 9280 };
  simulation.run(590_000);
  t.is(simulation.pathMtu.current, 1372);
  simulation.run(30_000);
  t.is(simulation.pathMtu.current, 9280);
});

test('the base is not confirmed, but raised after ten minutes too', (t) => {
  const simulation = new Simulation({ mtu: 1200 });
  simulation.run(5000);
  const { length } = simulation.probes;
  simulation.run(500_000);
  t.is(simulation.probes.length, length);
  simulation.path = { mtu: 1472 };
  simulation.run(130_000);
  t.is(simulation.pathMtu.current, 1472);
});

test('a session that moved begins anew', (t) => {
  const simulation = new Simulation({ mtu: 9280 });
  simulation.run(3000);
  simulation.path = { mtu: 1424 };
  simulation.pathMtu.pathChanged(simulation.now);
  t.is(simulation.pathMtu.current, BASE_PATH_MTU);
  simulation.run(3000);
  t.is(simulation.pathMtu.current, 1424);
});

test('a quiet path costs one probe in ten seconds', (t) => {
  const simulation = new Simulation({ mtu: 1472 });
  simulation.run(10_000);
  simulation.probes.length = 0;
  simulation.run(100_000);
  t.true(simulation.probes.length <= 11, `${simulation.probes.length}`);
  t.true(simulation.probes.every(({ size }) => size === 1472));
});

test('never above what passes for longer than it takes to notice, whatever the path does', (t) => {
  const phase = fc.record({
    mtu: fc.integer({ min: 1200, max: 10_000 }),
    local: fc.option(fc.integer({ min: 1200, max: 10_000 }), { nil: 65_535 }),
    rtt: fc.integer({ min: 0, max: 400 }),
    loss: fc.integer({ min: 0, max: 30 }),
    duration: fc.integer({ min: 1000, max: 30_000 }),
    moved: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(phase, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat(99)),
      (phases, dice) => {
        const simulation = new Simulation({ mtu: 1200 });
        for (const { mtu, local, rtt, loss, duration, moved } of phases) {
          const lost = (): boolean => dice.next().value < loss;
          simulation.path = { mtu, local, rtt, lost };
          if (moved) simulation.pathMtu.pathChanged(simulation.now);
          simulation.run(duration);
          t.true(simulation.pathMtu.current >= BASE_PATH_MTU);
        }
        const { path } = simulation;
        const most = Math.min(path.mtu, path.local ?? Number.POSITIVE_INFINITY);
        simulation.run(20_000);
        t.true(simulation.pathMtu.current <= most, `${simulation.pathMtu.current} over ${most}`);
        // Without loss, the next round finds exactly what the path has.
        path.lost = () => false;
        simulation.run(650_000);
        t.is(simulation.pathMtu.current, best(most));
      },
    ),
    { numRuns: 30 },
  );
});
