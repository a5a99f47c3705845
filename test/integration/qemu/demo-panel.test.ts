import test from 'ava';
import {
  emptyFacts,
  HISTORY,
  remember,
  renderPanel,
  sparkline,
} from '../../../integration/qemu/demo-panel.ts';
import type { LinkStatus } from '../../../src/controller/node-api-friends.ts';

const link: LinkStatus = {
  state: 'up',
  port: 1,
  friend: 'ab'.repeat(20),
  friendName: 'bob',
  provider: 'udp',
  remote: '127.0.0.1:4000',
  security: 'sealed',
  cipher: 'aes-256-gcm',
  sharedGroups: ['default'],
  role: 'initiator',
  since: 0,
  rtt: 0.25,
  loss: 0,
  pathMtu: 1452,
  framesIn: 0,
  framesOut: 0,
  octetsIn: 0,
  octetsOut: 0,
  clearOctetsIn: 0,
  clearOctetsOut: 0,
  clearSince: '2026-01-31T12:00:00.000Z',
  keyUpdates: 0,
  dropped: {},
};

test('a chart goes from nothing to the largest value', (t) => {
  t.is(sparkline([]), '');
  t.is(sparkline([0, 1, 2, 4, 8]), '▁▂▃▅█');
  t.is(sparkline([0, 0]), '▁▁');
});

test('history is bounded', (t) => {
  const values: number[] = [];
  for (let value = 0; value < 2 * HISTORY; value++) remember(values, value);
  t.is(values.length, HISTORY);
  t.is(values.at(-1), 2 * HISTORY - 1);
});

test('the panel says what is known, and fits', (t) => {
  const facts = { ...emptyFacts(), phase: 'booting two guests' };
  const early = renderPanel(facts, 65_000, 60).join('\n');
  t.regex(early, /01:05 {2}booting two guests/);
  t.regex(early, /link +none yet/);

  const full = {
    ...facts,
    link,
    why: 'the link is sealed because both are members of the group default and neither wants it otherwise',
    nodes: [{ name: 'alice', uid: 'cd'.repeat(20), switchDirectory: '/tmp/a/switch' }],
    guests: [{ name: 'tux', address: '10.0.0.1/24', node: 'alice', bootTime: 3210 }],
    roundTrips: [1, 2],
    rates: [100, 200],
  };
  const lines = renderPanel(full, 0, 60);
  const text = lines.join('\n');
  t.true(lines.every((line) => line.length <= 60));
  t.regex(text, /security +sealed with aes-256-gcm; shared security/);
  t.regex(text, /tux {2}10\.0\.0\.1\/24 on alice's switch, up after 3\.2 s/);
  t.regex(text, /neither/);
  t.regex(text, /iperf3 +200 Mb\/s/);
});
