import test from 'ava';
import fc from 'fast-check';
import { KithError } from '../../../src/errors.ts';
import { PORT_ZERO, PortTable } from '../../../src/switch/vde/port-table.ts';

const ANN = 1000;
const BOB = 1001;
const nobody = () => false;

test('any port is the lowest free one', (t) => {
  const table = new PortTable(3);
  t.is(table.claim(0, ANN, nobody), 1);
  t.is(table.claim(0, ANN, nobody), 2);
  table.release(1);
  t.is(table.claim(0, BOB, nobody), 1);
  t.is(table.claim(0, ANN, nobody), 3);
  t.is(table.claim(0, ANN, nobody), 'ports-full');
  t.is(table.claim(4, ANN, nobody), 'no-such-port');
});

test('a port may be shared by one user, and by root', (t) => {
  const table = new PortTable();
  t.is(table.claim(5, ANN, nobody), 5);
  t.is(table.claim(5, ANN, nobody), 5);
  t.is(table.claim(5, BOB, nobody), 'busy');
  t.is(table.claim(5, 0, nobody), 5);
  t.like(table.list(), [{ port: 5, endpoints: 3, currentUser: ANN }]);
  for (let i = 0; i < 3; i++) table.release(5);
  t.deepEqual(table.list(), []);
  t.is(table.claim(5, BOB, nobody), 5);
});

test('a port may be kept for a user or a group', (t) => {
  const table = new PortTable();
  table.setUser(1, ANN);
  t.is(table.claim(1, BOB, nobody), 'kept');
  t.is(table.claim(0, BOB, nobody), 2);
  t.is(table.claim(0, ANN, nobody), 1);
  table.setGroup(3, 200);
  t.is(table.claim(3, ANN, nobody), 'kept');
  t.is(
    table.claim(3, BOB, (uid, gid) => uid === BOB && gid === 200),
    3,
  );
  t.is(table.claim(1, 0, nobody), 1);
  table.setUser(1, undefined);
  t.is(table.claim(1, BOB, nobody), 'busy');
});

test('what the node reserves no client gets', (t) => {
  const table = new PortTable(2);
  t.is(table.reserve(), 1);
  t.is(table.claim(1, 0, nobody), 'busy');
  t.is(table.claim(0, ANN, nobody), 2);
  t.is(table.reserve(2), undefined);
  t.is(table.reserve(), undefined);
  t.is(table.reserve(PORT_ZERO), undefined);
  table.unreserve(1);
  t.is(table.claim(0, ANN, nobody), 1);
  t.throws(() => table.unreserve(1));
});

test('ports by hand', (t) => {
  const table = new PortTable(4);
  table.create(1);
  t.throws(() => table.create(1), { instanceOf: KithError });
  t.is(table.claim(0, ANN, nobody), 2);
  t.is(table.claim(1, ANN, nobody), 1);
  t.throws(() => table.remove(1), { instanceOf: KithError });
  table.release(1);
  t.like(table.list(), [{ port: 1, endpoints: 0, allocatable: false }, { port: 2 }]);
  table.setAllocatable(1, true);
  t.is(table.claim(0, ANN, nobody), 1);
  table.release(1);
  table.remove(1);
  t.throws(() => table.remove(1), { code: 'not-found' });
  t.throws(() => table.setUser(5, ANN), { code: 'not-found' });
  t.throws(() => table.setPortCount(1), { code: 'usage' });
  table.setPortCount(2);
  t.is(table.claim(3, ANN, nobody), 'no-such-port');
});

test('port 0 of VDE is beyond those that are given away', (t) => {
  const table = new PortTable(1);
  t.is(table.claim(PORT_ZERO, ANN, nobody), PORT_ZERO);
  t.is(table.claim(PORT_ZERO, ANN, nobody), PORT_ZERO);
  table.setPortCount(1);
});

test('a number of ports out of range is a mistake', (t) => {
  for (const count of [0, -1, 1.5, 1023, Number.NaN]) {
    t.throws(() => new PortTable(count), { code: 'config' });
  }
});

test('claims and releases always add up', (t) => {
  const claim = fc.record({
    wanted: fc.integer({ min: 0, max: 6 }),
    uid: fc.constantFrom(0, ANN, BOB),
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(claim, fc.nat(20)), { maxLength: 100, size: 'max' }), (steps) => {
      const table = new PortTable(4);
      const held: { port: number; uid: number }[] = [];
      for (const step of steps) {
        if (typeof step === 'number') {
          const [gone] = held.splice(step, 1);
          if (gone !== undefined) table.release(gone.port);
          continue;
        }
        const port = table.claim(step.wanted, step.uid, nobody);
        const others = held.filter((one) => one.port === step.wanted);
        if (typeof port === 'number') {
          if (step.wanted === 0) t.false(held.some((one) => one.port === port));
          else t.is(port, step.wanted);
          held.push({ port, uid: step.uid });
        } else if (port === 'busy') {
          t.true(others.some((one) => one.uid !== step.uid));
        } else {
          t.is(port, step.wanted === 0 ? 'ports-full' : 'no-such-port');
        }
      }
      const counts = new Map<number, number>();
      for (const { port } of held) counts.set(port, (counts.get(port) ?? 0) + 1);
      const listed = table.list().map((entry) => [entry.port, entry.endpoints]);
      t.deepEqual(
        listed,
        [...counts].sort(([a], [b]) => a - b),
      );
    }),
  );
});
