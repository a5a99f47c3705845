import test from 'ava';
import fc from 'fast-check';
import { describeMachine, machineSentence, parseCpuList } from '../../bench/machine.ts';

test("the kernel's lists of processors", (t) => {
  t.deepEqual(parseCpuList('0'), [0]);
  t.deepEqual(parseCpuList('0-3,7,9-10'), [0, 1, 2, 3, 7, 9, 10]);
  t.deepEqual(parseCpuList(''), []);
  t.deepEqual(parseCpuList('x,1,-2'), [1]);
});

test('a list of processors survives being written and read', (t) => {
  const cpus = fc.uniqueArray(fc.nat(4095), { minLength: 1 });
  fc.assert(
    fc.property(cpus, (list) => {
      const read = parseCpuList(list.join(','));
      return read.length === list.length && read.every((cpu, index) => cpu === list[index]);
    }),
  );
  t.pass();
});

test('this machine can be described', (t) => {
  const machine = describeMachine();
  t.true(machine.cores >= 1);
  t.true(machine.allowedCpus.length >= 1);
  t.is(machine.load.length, 3);
  t.true(machineSentence(machine).includes(`Node ${process.versions.node}`));
});
