/**
 * The readable twin of Forwarder, without storm control: it parses the frame,
 * writes each egress frame out in full, and learns in a Map.
 */
import type { CounterName } from '../../src/switch/counters.ts';
import { parseFrame } from '../../src/switch/ethernet.ts';
import type { ForwarderSettings } from '../../src/switch/forwarder-settings.ts';
import { formatMac } from '../../src/switch/mac-address.ts';
import { PortState } from '../../src/switch/port.ts';
import { NO_VLAN, type PortVlans } from '../../src/switch/vlan-table.ts';
import { emitTag, parseTag, TAG_LENGTH, type VlanTag } from '../../src/switch/vlan-tag.ts';

export interface NaiveOutcome {
  verdict: 'forward' | 'control' | 'drop';
  reason: CounterName | undefined;
  /** Frame by egress port. */
  frames: Map<number, Uint8Array>;
}

export class NaiveForwarder {
  settings: ForwarderSettings = { portStates: new Uint8Array() };
  vlans: ReadonlyMap<number, PortVlans> | undefined;
  readonly #addresses = new Map<string, number>();

  decide(frame: Uint8Array, port: number): NaiveOutcome {
    const outcome = this.#switch(frame, port);
    const { mirrorTo = 0, mirrorOf = 0 } = this.settings;
    const early = ['dropRunt', 'dropGiant', 'dropGroupSource', 'dropDiscarding'];
    const admitted = outcome.reason === undefined || !early.includes(outcome.reason);
    const passed = admitted && !(outcome.reason === 'dropVlan' && outcome.frames.has(-1));
    outcome.frames.delete(-1);
    if (mirrorTo === 0 || mirrorTo === port || !passed) return outcome;
    if (this.#state(mirrorTo) !== PortState.forwarding || outcome.frames.has(mirrorTo)) {
      return outcome;
    }
    if (mirrorOf === 0 || mirrorOf === port || outcome.frames.has(mirrorOf)) {
      outcome.frames.set(mirrorTo, frame);
    }
    return outcome;
  }

  #switch(frame: Uint8Array, port: number): NaiveOutcome {
    const parsed = parseFrame(frame);
    if (parsed === undefined) return drop('dropRunt');
    if (frame.length > 9216) return drop('dropGiant');
    if (parsed.source[0] & 1) return drop('dropGroupSource');
    const state = this.#state(port);
    if (state === PortState.disabled) return drop('dropDiscarding');
    const destination = formatMac(parsed.destination);
    if (destination.startsWith('01:80:c2:00:00:0')) {
      return { verdict: 'control', reason: undefined, frames: new Map() };
    }
    if (state === PortState.discarding) return drop('dropDiscarding');
    const tag = parseTag(frame);
    const vid = this.#vidOf(tag, port);
    if (!this.#isMember(port, vid)) {
      const refused = drop('dropVlan');
      refused.frames.set(-1, frame); // A mark: it was refused on the way in.
      return refused;
    }
    if (!this.settings.hub) {
      this.#addresses.set(`${formatMac(parsed.source)} ${vid}`, port);
    }
    if (state !== PortState.forwarding) return drop('dropDiscarding');
    const known = this.settings.hub ? undefined : this.#addresses.get(`${destination} ${vid}`);
    if (known !== undefined) {
      if (known === port || this.#state(known) !== PortState.forwarding) {
        return drop('dropFiltered');
      }
      if (!this.#isMember(known, vid)) return drop('dropVlan');
    }
    const frames = new Map<number, Uint8Array>();
    for (const target of known === undefined ? this.settings.portStates.keys() : [known]) {
      if (target === 0 || target === port || !this.#isMember(target, vid)) continue;
      if (this.#state(target) !== PortState.forwarding) continue;
      frames.set(target, this.#rewrite(frame, tag, vid, target));
    }
    return { verdict: 'forward', reason: undefined, frames };
  }

  #state(port: number): number {
    return this.settings.portStates[port] ?? PortState.disabled;
  }

  #vidOf(tag: VlanTag | undefined, port: number): number {
    if (this.vlans === undefined) return 0;
    if (tag !== undefined && tag.vid !== 0) return tag.vid;
    return this.vlans.get(port)?.untagged ?? 0;
  }

  #isMember(port: number, vid: number): boolean {
    if (this.vlans === undefined) return true;
    if (vid === NO_VLAN) return false;
    const { untagged, tagged }: PortVlans = this.vlans.get(port) ?? { untagged: 0, tagged: [] };
    return vid === untagged || (tagged === 'all' ? vid !== 0 : tagged.includes(vid));
  }

  #rewrite(frame: Uint8Array, tag: VlanTag | undefined, vid: number, port: number): Uint8Array {
    if (this.vlans === undefined) return frame;
    const bare = tag === undefined ? frame : cut(frame, 12, 12 + TAG_LENGTH);
    if ((this.vlans.get(port)?.untagged ?? 0) === vid) return bare;
    const tagged = new Uint8Array(bare.length + TAG_LENGTH);
    tagged.set(bare.subarray(0, 12));
    emitTag({ pcp: tag?.pcp ?? 0, dei: tag?.dei ?? false, vid }, tagged, 0);
    tagged.set(bare.subarray(12), 12 + TAG_LENGTH);
    return tagged;
  }
}

function drop(reason: CounterName): NaiveOutcome {
  return { verdict: 'drop', reason, frames: new Map() };
}

function cut(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, from), ...bytes.subarray(to));
}
