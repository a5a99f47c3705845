/** A node that has nothing to do does nothing. */
import { startFriends } from './support/kith.ts';
import { openPlug } from './support/plug.ts';
import { descriptorCount, processorShare } from './support/process-state.ts';
import { systemTest } from './support/system-test.ts';

/** As a part of one core, with a friend and a guest; keepalives and hellos are a few a second. */
const IDLE = 0.05;
const SECONDS = 5;

systemTest('an idle node with a friend and a guest rests', { needs: [] }, async (t) => {
  const pair = await startFriends(t);
  for (const node of pair) await openPlug(t, node);
  // What was to be learnt and measured at the start is over.
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const pids = pair.map(({ program }) => program.pid!);
  const descriptors = pids.map(descriptorCount);
  const shares = await Promise.all(pids.map((pid) => processorShare(pid, SECONDS)));
  t.true(
    shares.every((share) => share < IDLE),
    `parts of a core: ${shares.join(', ')}`,
  );
  t.deepEqual(pids.map(descriptorCount), descriptors);
});
