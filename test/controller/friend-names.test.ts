import test from 'ava';
import { nameOf, relayOf } from '../../src/controller/friend-names.ts';

const ADA = { uid: 'ada1'.repeat(10), name: 'ada' };
const NOBODY = { uid: '0123456789'.repeat(4), name: '' };

test('who has no name goes by the beginning of the UID', (t) => {
  t.deepEqual([nameOf(ADA), nameOf(NOBODY)], ['ada', '01234567']);
});

test('a relayed link names its relay, or its address when that is no friend any more', (t) => {
  const through = (uid: string) => ({ provider: 'relay', remote: `relay://${uid}` });
  t.is(relayOf(through(ADA.uid), [NOBODY, ADA]), 'ada');
  t.is(relayOf(through(NOBODY.uid), [NOBODY, ADA]), '01234567');
  t.is(relayOf(through(ADA.uid), []), `relay://${ADA.uid}`);
  t.is(relayOf({ provider: 'udp', remote: 'udp://h:1' }, [ADA]), undefined);
  t.is(relayOf(undefined, [ADA]), undefined);
});
