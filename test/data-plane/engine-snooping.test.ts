/** Snooping in the data plane: queries of the switch's own, and who gets what. */
import test from 'ava';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { RouterPort } from '../../src/switch/snooping/snooper.ts';
import { buildVlanTables, type PortVlans } from '../../src/switch/vlan-table.ts';
import { data, report2 } from '../switch/snooping/messages.ts';
import { LINK_PORT, type Node, prints, TAP_PORT } from './node.ts';
import { Pair } from './pair.ts';

const CLIENT = 1;
const GROUP = '239.1.2.3';
const address = Uint8Array.of(2, 0, 0, 0, 0, 9);

function configure(
  node: Node,
  { snooping = true, vlans = undefined as ReadonlyMap<number, PortVlans> | undefined, hub = false },
): void {
  const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
  const routerPorts = new Uint8Array(PORT_TABLE_LENGTH);
  routerPorts[LINK_PORT] = RouterPort.always;
  node.post({
    op: 'configure',
    settings: {
      portStates,
      hub,
      ...(snooping && { snooping: { routerPorts, address } }),
      ...(vlans && { vlans: buildVlanTables(vlans) }),
    },
  });
}

/** The types of what asks for membership among frames: 4 and 6, and the VLAN where tagged. */
function queriesOf(frames: readonly Uint8Array[]): string[] {
  return frames.map((frame) => {
    const tagged = frame[12] === 0x81;
    const vlan = tagged ? ` in ${frame[15]}` : '';
    const four = frame[tagged ? 16 : 12] === 0x08;
    return `${four ? 4 : 6}${vlan}`;
  });
}

test('the switch asks, on all ports and over links, and then knows who wants what', (t) => {
  const pair = new Pair();
  const tap = pair.left.addTap(5);
  const { free } = pair.left;
  configure(pair.left, {});
  pair.pass(400);
  const first = queriesOf(pair.leftClient.receive());
  // To all, and because the port came up.
  t.deepEqual(first.sort(), ['4', '4', '6', '6']);
  t.is(tap.receive().length, 4);
  t.is(pair.rightClient.receive().length, 4);
  const two = pair.left.addClient(6, 6);
  two.send(report2(GROUP, { mac: 6 }));
  pair.rightClient.send(data(GROUP));
  pair.settle();
  t.is(pair.leftClient.receive().length, 2, 'not yet');
  pair.pass(12_500);
  for (const each of [two, tap, pair.leftClient, pair.rightClient]) each.receive();
  pair.rightClient.send(data(GROUP));
  pair.rightClient.send(data('239.1.2.4'));
  pair.settle();
  t.deepEqual(prints(two.receive()), prints([data(GROUP), data('239.1.2.4')]));
  t.deepEqual(prints(pair.leftClient.receive()), prints([data('239.1.2.4')]));
  t.is(tap.receive().length, 1);
  two.send(report2('239.9.9.9', { mac: 6 }));
  pair.settle();
  t.deepEqual([pair.leftClient.receive(), tap.receive()], [[], []], 'reports go to routers');
  t.is(pair.rightClient.receive().length, 1);
  t.deepEqual(pair.left.free, free);
});

test('it asks in each VLAN, tagged where it is tagged', (t) => {
  const pair = new Pair();
  const trunk = pair.left.addClient(6, 6);
  configure(pair.left, {
    vlans: new Map([
      [CLIENT, { untagged: 10, tagged: [] }],
      [6, { untagged: 0, tagged: 'all' as const }],
      [LINK_PORT, { untagged: 0, tagged: 'all' as const }],
    ]),
  });
  pair.pass(400);
  t.deepEqual([...new Set(queriesOf(pair.leftClient.receive()))], ['4', '6']);
  t.deepEqual([...new Set(queriesOf(trunk.receive()))].sort(), ['4', '4 in 10', '6', '6 in 10']);
});

test('a hub does not hold back, and when it is off all is as ever', (t) => {
  const pair = new Pair();
  for (const settings of [{ hub: true }, { snooping: false }]) {
    configure(pair.left, settings);
    pair.pass(400);
    pair.left.addTap(7 + Object.keys(settings).length, TAP_PORT);
    pair.pass(12_500);
    const two = pair.left.addClient(10 + Number(settings.hub ?? false), 6);
    two.send(report2(GROUP, { mac: 6 }));
    pair.settle();
    pair.leftClient.receive();
    pair.rightClient.send(data(GROUP));
    pair.settle();
    t.deepEqual(prints(pair.leftClient.receive()), prints([data(GROUP)]));
  }
  pair.pass(200_000, 400);
  t.deepEqual(pair.leftClient.receive(), []);
});

test('when the tree has news of a port, its members are asked again', (t) => {
  const pair = new Pair();
  configure(pair.left, {});
  pair.pass(400);
  pair.leftClient.send(report2(GROUP));
  pair.pass(13_000);
  pair.leftClient.receive();
  let answer: unknown;
  pair.left.thread.onAnswer = (_id, told) => {
    answer = told;
  };
  const members = (): unknown => {
    pair.left.post({ op: 'query', id: 1, what: 'io' });
    return (answer as Record<string, number>).snoopingMembers;
  };
  t.is(members(), 1);
  pair.left.post({ op: 'flush-port', port: CLIENT });
  t.is(members(), 0);
  pair.pass(400);
  t.deepEqual(queriesOf(pair.leftClient.receive()).sort(), ['4', '6']);
});
