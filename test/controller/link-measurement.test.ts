import test, { type ExecutionContext } from 'ava';
import { LinkMeasurement } from '../../src/controller/link-measurement.ts';
import type { SessionReport } from '../../src/data-plane/report.ts';
import { Friend } from '../../src/f2f/friend.ts';
import { fakeCarrier, fakeSession } from '../f2f/fake-session.ts';
import { bob } from '../links/handshake/handshake-driver.ts';

/** A friend whose link has this session, over a provider. */
function linked(port: number, localIndex: number, provider = 'udp'): Friend {
  const friend = new Friend({ uid: bob.uid, source: 'config', name: '', addresses: [], port });
  const [session, carrier] = [fakeSession({ localIndex }), fakeCarrier({ provider })];
  friend.current = { session, carrier, preference: 10, used: true, since: 0, bulkQueued: false };
  return friend;
}

function measurement(t: ExecutionContext, friends: Friend[], reports: Partial<SessionReport>[]) {
  const measured: unknown[] = [];
  let looks = 0;
  const made = new LinkMeasurement({
    core: { friends },
    bridge: {
      measured: (port, { roundTripTime, loss, relayed }) =>
        void measured.push([port, roundTripTime, loss, relayed]),
    },
    plaintext: {
      look: () => {
        looks++;
        return Promise.resolve(reports as SessionReport[]);
      },
    },
  });
  t.teardown(() => made.stop());
  return { made, measured, looks: () => looks };
}

test('links that have measured are told, with whether they are relayed', async (t) => {
  const friends = [linked(513, 1), linked(514, 2, 'relay'), linked(515, 3)];
  const { made, measured } = measurement(t, friends, [
    { localIndex: 1, rtt: 4, loss: 0 },
    { localIndex: 2, rtt: 9, loss: 0.5 },
    { localIndex: 3, loss: 0 },
    { localIndex: 77, rtt: 1, loss: 0 },
  ]);
  await made.look();
  t.deepEqual(measured, [
    [513, 4, 0, false],
    [514, 9, 0.5, true],
  ]);
});

test('without a link nobody is asked', async (t) => {
  const alone = linked(513, 1);
  alone.current = undefined;
  const { made, looks } = measurement(t, [alone], []);
  await made.look();
  t.is(looks(), 0);
});
