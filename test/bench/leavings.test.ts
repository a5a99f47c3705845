import test from 'ava';
import { Leavings } from '../../bench/leavings.ts';

test('each thing is removed once, by hand or at the end, the newest first', async (t) => {
  const log: string[] = [];
  const leavings = new Leavings();
  leavings.add(() => void log.push('first'));
  const removeSecond = leavings.add(() => void log.push('second'));
  leavings.add(async () => void log.push('third'));
  await removeSecond();
  await removeSecond();
  await leavings.removeAll();
  await leavings.removeAll();
  t.deepEqual(log, ['second', 'third', 'first']);
});

test('one that cannot be removed does not spare the others, and nothing is added at the end', async (t) => {
  const log: string[] = [];
  const leavings = new Leavings();
  leavings.add(() => void log.push('first'));
  leavings.add(() => {
    throw new Error('stuck, as this test wants it');
  });
  await leavings.removeAll();
  t.deepEqual(log, ['first']);
  t.throws(() => leavings.add(() => {}), { message: 'the bench is ending' });
});
