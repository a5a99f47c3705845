import test from 'ava';
import fc from 'fast-check';
import { EgressList } from '../../src/switch/egress-list.ts';
import { PortState } from '../../src/switch/port.ts';
import { TagAction } from '../../src/switch/tag-action.ts';
import {
  buildVlanTables,
  hasPort,
  rowOffset,
  type VlanTables,
} from '../../src/switch/vlan-table.ts';

const { discarding, forwarding, learning, disabled } = PortState;
const { keep, insert, strip } = TagAction;

/** The list as a forwarder has it in hand. */
class Opened extends EgressList {
  constructor(states: readonly number[], vlans?: VlanTables) {
    super();
    this.setFloodPorts(Uint8Array.from(states));
    this.vlans = vlans;
  }

  actions(untagged: TagAction, tagged: TagAction): void {
    this.untaggedAction = untagged;
    this.taggedAction = tagged;
  }

  override flood(vid: number, port: number): void {
    super.flood(vid, port);
  }

  override sendOnlyTo(target: number, vid: number): boolean {
    return super.sendOnlyTo(target, vid);
  }

  override add(port: number): void {
    super.add(port);
  }

  override retainOnly(port: number): void {
    super.retainOnly(port);
  }

  get all(): [number, number][] {
    return Array.from({ length: this.count }, (_, i) => [this.egress[i], this.tagAction[i]]);
  }
}

const FIVE = [disabled, forwarding, forwarding, learning, discarding, forwarding];

/** Port 1 is an access port of VLAN 10, port 2 a trunk of it, port 5 an access port of VLAN 20. */
const VLANS = buildVlanTables(
  new Map([
    [1, { untagged: 10, tagged: [] }],
    [2, { untagged: 0, tagged: [10] }],
    [5, { untagged: 20, tagged: [] }],
  ]),
);

test('a flood goes to the ports in state forwarding, but not back', (t) => {
  const list = new Opened(FIVE);
  list.flood(0, 2);
  t.deepEqual(list.all, [
    [1, keep],
    [5, keep],
  ]);
  list.flood(0, 0);
  t.deepEqual(list.all, [
    [1, keep],
    [2, keep],
    [5, keep],
  ]);
});

test('without VLANs no tag is touched, whatever was said of tags', (t) => {
  const list = new Opened(FIVE);
  list.actions(strip, insert);
  list.flood(10, 1);
  t.deepEqual(list.all, [
    [2, keep],
    [5, keep],
  ]);
  t.true(list.sendOnlyTo(5, 10));
  t.deepEqual(list.all, [[5, keep]]);
});

test('a flood stays in its VLAN, and each member gets what its set says', (t) => {
  const list = new Opened(FIVE, VLANS);
  list.actions(strip, insert);
  list.flood(10, 0);
  t.deepEqual(list.all, [
    [1, strip],
    [2, insert],
  ]);
  list.flood(20, 5);
  t.deepEqual(list.all, []);
});

test('one port: in its VLAN or not at all', (t) => {
  const list = new Opened(FIVE, VLANS);
  list.actions(strip, insert);
  t.true(list.sendOnlyTo(2, 10));
  t.deepEqual(list.all, [[2, insert]]);
  t.false(list.sendOnlyTo(5, 10));
  t.deepEqual(list.all, [[2, insert]], 'nothing has changed');
});

test('a port that is added gets the frame as it is, behind the others', (t) => {
  const list = new Opened(FIVE, VLANS);
  list.actions(strip, insert);
  list.flood(10, 2);
  list.add(5);
  t.deepEqual(list.all, [
    [1, strip],
    [5, keep],
  ]);
});

test('one port that is retained keeps its tag action; one that is not there leaves none', (t) => {
  const list = new Opened(FIVE, VLANS);
  list.actions(strip, insert);
  list.flood(10, 0);
  list.retainOnly(2);
  t.deepEqual(list.all, [[2, insert]]);
  list.flood(10, 2);
  list.retainOnly(2); // what lies behind `count` is of an earlier frame
  t.deepEqual(list.all, []);
});

test('new states replace all the old ones', (t) => {
  class Changed extends Opened {
    change(states: readonly number[]): void {
      this.setFloodPorts(Uint8Array.from(states));
    }
  }
  const list = new Changed(FIVE);
  list.change([disabled, discarding, forwarding]);
  list.flood(0, 0);
  t.deepEqual(list.all, [[2, keep]]);
});

test('any flood is the filter over the ports that it says it is', (t) => {
  const states = fc.array(fc.constantFrom(disabled, discarding, learning, forwarding), {
    minLength: 6,
    maxLength: 6,
  });
  fc.assert(
    fc.property(
      states,
      fc.integer({ min: 0, max: 5 }),
      fc.constantFrom(0, 10, 20),
      fc.boolean(),
      (each, from, vid, aware) => {
        const list = new Opened(each, aware ? VLANS : undefined);
        list.actions(strip, insert);
        list.flood(vid, from);
        const row = rowOffset(VLANS, vid);
        const expected: [number, number][] = [];
        for (let port = 1; port < each.length; port++) {
          if (each[port] !== forwarding || port === from) continue;
          if (!aware) expected.push([port, keep]);
          else if (hasPort(VLANS.untagged, row, port)) expected.push([port, strip]);
          else if (hasPort(VLANS.members, row, port)) expected.push([port, insert]);
        }
        t.deepEqual(list.all, expected);
      },
    ),
  );
});
