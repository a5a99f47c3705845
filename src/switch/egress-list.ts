/**
 * The ports that a frame leaves by, and for each what is to be done about its tag.
 *
 * Read first: IEEE 802.1Q-2018, 8.6.1 (active topology enforcement: who is in state
 * forwarding), 8.6.4 (egress: who is in the member set, and in the untagged set).
 *
 * One list, filled anew for each frame. The forwarder extends it, because the list is what a
 * decision is.
 */
import { PORT_TABLE_LENGTH, PortState } from './port.ts';
import { TagAction } from './tag-action.ts';
import { hasPort, rowOffset, type VlanTables } from './vlan-table.ts';

export class EgressList {
  /** Egress ports of the last frame; the first `count` are valid. */
  readonly egress = new Uint16Array(PORT_TABLE_LENGTH);
  /** TagAction for each of them. */
  readonly tagAction = new Uint8Array(PORT_TABLE_LENGTH);
  count = 0;

  /** Absent: tags mean nothing, and every port is in the one network. */
  protected vlans: VlanTables | undefined;
  /** What an untagged and a tagged member get of the frame in hand. */
  protected untaggedAction: TagAction = TagAction.keep;
  protected taggedAction: TagAction = TagAction.keep;
  /** Ports in state forwarding, in order. */
  readonly #floodPorts = new Uint16Array(PORT_TABLE_LENGTH);
  #floodCount = 0;

  /** @param states PortState by port */
  protected setFloodPorts(states: Uint8Array): void {
    this.#floodCount = 0;
    for (let port = 1; port < states.length; port++) {
      if (states[port] === PortState.forwarding) this.#floodPorts[this.#floodCount++] = port;
    }
  }

  /** The one port. @returns false, with nothing changed, when it is not in the VLAN */
  protected sendOnlyTo(target: number, vid: number): boolean {
    let action: TagAction = TagAction.keep;
    const { vlans } = this;
    if (vlans !== undefined) {
      const row = rowOffset(vlans, vid);
      if (!hasPort(vlans.members, row, target)) return false;
      action = hasPort(vlans.untagged, row, target) ? this.untaggedAction : this.taggedAction;
    }
    this.egress[0] = target;
    this.tagAction[0] = action;
    this.count = 1;
    return true;
  }

  /** Every forwarding port of the VLAN, but for the one that the frame came in by. */
  protected flood(vid: number, port: number): void {
    if (this.vlans === undefined) this.#floodAll(port);
    else this.#floodVlan(this.vlans, vid, port);
  }

  #floodAll(port: number): void {
    const flood = this.#floodPorts;
    const { egress, tagAction } = this;
    let count = 0;
    for (let i = 0; i < this.#floodCount; i++) {
      if (flood[i] === port) continue;
      egress[count] = flood[i];
      tagAction[count] = TagAction.keep;
      count++;
    }
    this.count = count;
  }

  #floodVlan(vlans: VlanTables, vid: number, port: number): void {
    const flood = this.#floodPorts;
    const { egress, tagAction } = this;
    const row = rowOffset(vlans, vid);
    let count = 0;
    for (let i = 0; i < this.#floodCount; i++) {
      const target = flood[i];
      if (target === port || !hasPort(vlans.members, row, target)) continue;
      egress[count] = target;
      tagAction[count] = hasPort(vlans.untagged, row, target)
        ? this.untaggedAction
        : this.taggedAction;
      count++;
    }
    this.count = count;
  }

  /** One port more, which gets the frame as it is. */
  protected add(port: number): void {
    this.egress[this.count] = port;
    this.tagAction[this.count] = TagAction.keep;
    this.count++;
  }

  /** Where ports are left out: the one at `from` stays, at `to`. */
  protected retain(from: number, to: number): void {
    this.egress[to] = this.egress[from];
    this.tagAction[to] = this.tagAction[from];
  }

  /** Leaves out all others. */
  protected retainOnly(port: number): void {
    const at = this.egress.subarray(0, this.count).indexOf(port);
    if (at >= 0) this.retain(at, 0);
    this.count = at < 0 ? 0 : 1;
  }
}
