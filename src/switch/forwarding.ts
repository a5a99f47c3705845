/**
 * The forwarding decision: which ports does this frame leave by?
 *
 * Read first: IEEE 802.1D-2004, 7.7 (the Forwarding Process) and 7.8 (learning);
 * IEEE 802.1Q-2018, 8.6 (the same with VLANs) and 6.9 (classification).
 *
 *   frame -> length -> source -> Port State -> reserved address? ---> control side
 *                                    |
 *                                    v
 *          VLAN ingress -> learn -> state forwarding? -> look up -> egress list
 *                                                          |            ^
 *                                                    unknown, group     |
 *                                                          +-> storm control
 *
 * Where friends claim addresses for their own hosts (port-trust.ts), a frame of ours goes
 * straight to the friend, whatever the state of its port (`straight`), and a link in the
 * clear does not get what is not for its friend's hosts.
 *
 * A Forwarder touches no descriptor and allocates nothing per frame. It belongs
 * to one thread; its settings are replaced whole between batches. Its output
 * (`count`, `egress`, `tagAction`, `tci`, `reason`) is valid until the next
 * `decide`. It counts what comes in and what it drops; what goes out is counted
 * by whoever sends.
 *
 * With snooping, what goes to a group that is known goes to those who want it only
 * (snooping/snooper.ts).
 *
 * The list of ports is in egress-list.ts, what leaves in the clear in confinement.ts.
 *
 * Without VLAN tables (`vlans: undefined`) the switch is transparent to tags:
 * all addresses are learned in VLAN 0 and no frame is changed. Membership in a
 * VLAN is checked on the way in for every port (802.1Q "ingress filtering").
 */
import { Confinement } from './confinement.ts';
import { Counter, type CounterWriter } from './counters.ts';
import { EgressList } from './egress-list.ts';
import { HEADER_LENGTH, MAX_FRAME_LENGTH, SOURCE_OFFSET } from './ethernet.ts';
import { type FilteringDatabase, Learned } from './filtering-database.ts';
import type { ForwarderSettings } from './forwarder-settings.ts';
import { isMulticast, isReservedParts, readHigh32, readLow16 } from './mac-address.ts';
import { NO_PORT, PORT_TABLE_LENGTH, PortState } from './port.ts';
import { type HostClaims, NO_CLAIMS, Origin, PortTrust } from './port-trust.ts';
import { Route, Snooper } from './snooping/snooper.ts';
import { applyStatics, NO_STATICS } from './static-addresses.ts';
import { StormClass, StormControl } from './storm-control.ts';
import { TagAction } from './tag-action.ts';
import { Verdict } from './verdict.ts';
import { hasPort, NO_VLAN, rowOffset, type VlanTables, vlansOf } from './vlan-table.ts';
import { isTagged, PRIORITY_VID, readTci, vidOf, withVid } from './vlan-tag.ts';

export class Forwarder extends EgressList {
  /** Tag Control Information for `insert` and `replace`. */
  tci = 0;
  /** The first egress port is a friend's who owns the destination, and is to deliver it. */
  straight = false;
  /** PortTrust by port; `setTrust` changes it. */
  readonly trust: Uint8Array;
  /** The counter that rose when the verdict was `drop`. */
  reason: Counter = Counter.dropRunt;

  readonly #database: FilteringDatabase;
  readonly #counters: CounterWriter;
  readonly #claims: HostClaims;
  readonly #confinement: Confinement;
  readonly #storm = new StormControl();
  readonly #states = new Uint8Array(PORT_TABLE_LENGTH);
  #hub = false;
  #snooper: Snooper | undefined;
  #statics: Int32Array = NO_STATICS;
  #mirrorTo = NO_PORT;
  #mirrorOf = NO_PORT;

  /** Keeps both; the caller may use the database between frames (flush, age). */
  constructor(
    database: FilteringDatabase,
    counters: CounterWriter,
    claims: HostClaims = NO_CLAIMS,
  ) {
    super();
    this.#database = database;
    this.#counters = counters;
    this.#claims = claims;
    this.#confinement = new Confinement(claims, database);
    this.trust = this.#confinement.trust;
  }

  /** Says what hangs on a port. Call it between frames only. */
  setTrust(port: number, trust: PortTrust): void {
    this.#confinement.setTrust(port, trust);
  }

  /** Takes over new settings, copied where they may change. Call it between batches only. */
  applySettings(settings: ForwarderSettings, now: number): void {
    const { portStates, stormRates, stormLimits } = settings;
    this.#states.fill(PortState.disabled);
    this.#states.set(portStates.subarray(1, PORT_TABLE_LENGTH), 1);
    this.setFloodPorts(this.#states);
    this.#storm.configure(stormRates, stormLimits, now);
    this.#hub = settings.hub ?? false;
    this.vlans = settings.vlans;
    if (settings.snooping === undefined) this.#snooper = undefined;
    else {
      this.#snooper ??= new Snooper();
      this.#snooper.apply(settings.snooping, vlansOf(settings.vlans), portStates, now);
    }
    this.#mirrorTo = settings.mirrorTo ?? NO_PORT;
    this.#mirrorOf = settings.mirrorOf ?? NO_PORT;
    this.#database.configure(settings);
    this.#statics = applyStatics(
      this.#database,
      this.#statics,
      settings.statics ?? NO_STATICS,
      now,
    );
  }

  /**
   * Decides on the frame at `offset` of `slab`, which is only read.
   * @param port the port it came in by, 1 … MAX_PORT
   * @param now milliseconds
   * @param longest octets of the longest frame that will come of it, for a super-frame
   * @param origin how it came in
   */
  decide(
    slab: Uint8Array,
    offset: number,
    length: number,
    port: number,
    now: number,
    longest = length,
    origin: Origin = Origin.local,
  ): Verdict {
    this.count = 0;
    this.straight = false;
    this.#counters.frameIn(port, length);
    if (length < HEADER_LENGTH) return this.#drop(port, Counter.dropRunt);
    if (longest > MAX_FRAME_LENGTH) return this.#drop(port, Counter.dropGiant);
    if (isMulticast(slab, offset + SOURCE_OFFSET)) {
      return this.#drop(port, Counter.dropGroupSource);
    }
    const state = this.#states[port];
    if (state === PortState.disabled) return this.#drop(port, Counter.dropDiscarding);
    const high = readHigh32(slab, offset);
    const low = readLow16(slab, offset);
    if (isReservedParts(high, low)) {
      this.#counters.add(port, Counter.controlIn, 1);
      if (this.#mirrorTo !== NO_PORT) this.#mirror(port);
      return Verdict.control;
    }
    if (state === PortState.discarding) return this.#drop(port, Counter.dropDiscarding);

    let vid = 0;
    if (this.vlans !== undefined) {
      vid = this.#classify(this.vlans, slab, offset, length, port);
      if (vid === NO_VLAN) return this.#drop(port, Counter.dropVlan);
    }
    let learns = !this.#hub;
    if (origin === Origin.clear) {
      const owner = this.#confinement.pretended(slab, offset + SOURCE_OFFSET, vid, port);
      if (owner !== NO_PORT) {
        // What members send to all may come around through others; nothing else of theirs does.
        if (this.trust[owner] === PortTrust.local || !isMulticast(slab, offset)) {
          return this.#drop(port, Counter.dropSpoofed);
        }
        learns = false;
      }
    }
    if (learns) this.#learn(slab, offset + SOURCE_OFFSET, vid, port, now);
    if (state !== PortState.forwarding) return this.#drop(port, Counter.dropDiscarding);

    const verdict = this.#select(high, low, isMulticast(slab, offset), vid, port, now, origin);
    const snooper = this.#snooper;
    if (snooper !== undefined && verdict === Verdict.forward && isMulticast(slab, offset)) {
      const route = snooper.inspect(slab, offset, length, vid, port, now);
      if (route !== Route.everywhere && !this.#hub) this.#keepWanted(snooper);
    }
    if (this.#mirrorTo !== NO_PORT) this.#mirror(port);
    return verdict;
  }

  /**
   * Decides on a frame that a friend sent straight to us, because its destination is a host of
   * ours: it goes to local ports and nowhere else, so that no loop can come of it, and whatever
   * the state of the friend's port. Nothing is learnt from it. Otherwise like `decide`.
   */
  deliver(
    slab: Uint8Array,
    offset: number,
    length: number,
    port: number,
    now: number,
    longest: number,
    origin: Origin,
  ): Verdict {
    this.count = 0;
    this.straight = false;
    this.#counters.frameIn(port, length);
    if (length < HEADER_LENGTH) return this.#drop(port, Counter.dropRunt);
    if (longest > MAX_FRAME_LENGTH) return this.#drop(port, Counter.dropGiant);
    if (isMulticast(slab, offset + SOURCE_OFFSET)) {
      return this.#drop(port, Counter.dropGroupSource);
    }
    if (this.#states[port] === PortState.disabled) return this.#drop(port, Counter.dropDiscarding);
    if (isMulticast(slab, offset)) return this.#drop(port, Counter.dropFiltered);
    let vid = 0;
    if (this.vlans !== undefined) {
      vid = this.#classify(this.vlans, slab, offset, length, port);
      if (vid === NO_VLAN) return this.#drop(port, Counter.dropVlan);
    }
    if (
      origin === Origin.clear &&
      this.#confinement.pretended(slab, offset + SOURCE_OFFSET, vid, port) !== NO_PORT
    ) {
      return this.#drop(port, Counter.dropSpoofed);
    }
    const target = this.#database.lookup(readHigh32(slab, offset), readLow16(slab, offset), vid);
    let verdict: Verdict = Verdict.forward;
    if (target === NO_PORT) {
      if (!this.#storm.take(port, StormClass.unknown, now)) {
        return this.#drop(port, Counter.dropStorm);
      }
      this.#counters.add(port, Counter.floodedIn, 1);
      this.flood(vid, port);
      this.#keepTrusted(NO_PORT, PortTrust.local);
    } else if (this.trust[target] === PortTrust.local) {
      verdict = this.#sendTo(target, vid, port);
    } else {
      return this.#drop(port, Counter.dropFiltered);
    }
    if (this.#mirrorTo !== NO_PORT) this.#mirror(port);
    return verdict;
  }

  /** What listens to IGMP and MLD, if anything does. */
  get snooper(): Snooper | undefined {
    return this.#snooper;
  }

  /**
   * Where a frame of the switch's own goes: to all members of a VLAN, which count as told by
   * `decide`. The frame has no tag.
   * @param only the one port that it is for; NO_PORT for all
   */
  originate(vid: number, only: number): void {
    this.tci = vid;
    this.taggedAction = TagAction.insert;
    this.untaggedAction = TagAction.keep;
    this.flood(vid, NO_PORT);
    if (only !== NO_PORT) this.retainOnly(only);
  }

  #select(
    high: number,
    low: number,
    group: boolean,
    vid: number,
    port: number,
    now: number,
    origin: Origin,
  ): Verdict {
    // Everybody on the Ethernet gets what is for a group; what came in the clear was read already.
    const secret = !group && origin !== Origin.clear && this.#confinement.active;
    let owner = NO_PORT;
    if (!group && !this.#hub) {
      const target = this.#database.lookup(high, low, vid);
      if (secret && (target === NO_PORT || this.trust[target] !== PortTrust.local)) {
        owner = this.#claims.lookup(high, low, vid);
        if (origin === Origin.local && this.trust[owner] >= PortTrust.sealed && owner !== port) {
          return this.#sendStraight(owner, vid, port);
        }
        if (target !== NO_PORT && target !== owner && this.trust[target] === PortTrust.confined) {
          this.#counters.add(target, Counter.dropConfined, 1);
          this.reason = Counter.dropConfined;
          return Verdict.drop;
        }
      }
      if (target !== NO_PORT) return this.#sendTo(target, vid, port);
    }
    // A hub floods known addresses too, and those are no storm.
    if (
      (group || !this.#hub) &&
      !this.#storm.take(port, group ? classOfGroup(high, low) : StormClass.unknown, now)
    ) {
      return this.#drop(port, Counter.dropStorm);
    }
    this.#counters.add(port, Counter.floodedIn, 1);
    this.flood(vid, port);
    if (secret && this.#confinement.confines) this.#keepTrusted(owner, PortTrust.clear);
    return Verdict.forward;
  }

  /** To the friend who owns the destination. */
  #sendStraight(owner: number, vid: number, port: number): Verdict {
    if (!this.sendOnlyTo(owner, vid)) return this.#drop(port, Counter.dropVlan);
    this.straight = true;
    return Verdict.forward;
  }

  #sendTo(target: number, vid: number, port: number): Verdict {
    if (target === port || this.#states[target] !== PortState.forwarding) {
      return this.#drop(port, Counter.dropFiltered);
    }
    if (!this.sendOnlyTo(target, vid)) return this.#drop(port, Counter.dropVlan);
    return Verdict.forward;
  }

  /** Leaves those egress ports that want what was inspected. */
  #keepWanted(snooper: Snooper): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (snooper.wants(this.egress[i])) this.retain(i, kept++);
    }
    this.count = kept;
  }

  /** Leaves the egress ports up to a PortTrust, and the one of the owner of the destination. */
  #keepTrusted(owner: number, most: PortTrust): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      const target = this.egress[i];
      const trust = this.trust[target];
      if (trust <= most || target === owner) this.retain(i, kept++);
      else if (trust === PortTrust.confined && most === PortTrust.clear) {
        this.#counters.add(target, Counter.dropConfined, 1);
      }
    }
    this.count = kept;
  }

  /** The VLAN of a frame, or NO_VLAN when its port is not in it; notes what egress will need. */
  #classify(
    vlans: VlanTables,
    slab: Uint8Array,
    offset: number,
    length: number,
    port: number,
  ): number {
    let vid = vlans.pvid[port];
    if (isTagged(slab, offset, length)) {
      const tci = readTci(slab, offset);
      if (vidOf(tci) === PRIORITY_VID) {
        this.tci = withVid(tci, vid);
        this.taggedAction = TagAction.replace;
      } else {
        vid = vidOf(tci);
        this.tci = tci;
        this.taggedAction = TagAction.keep;
      }
      this.untaggedAction = TagAction.strip;
    } else {
      this.tci = vid;
      this.taggedAction = TagAction.insert;
      this.untaggedAction = TagAction.keep;
    }
    return hasPort(vlans.members, rowOffset(vlans, vid), port) ? vid : NO_VLAN;
  }

  #learn(slab: Uint8Array, source: number, vid: number, port: number, now: number): void {
    const high = readHigh32(slab, source);
    const low = readLow16(slab, source);
    const learned = this.#database.learn(high, low, vid, port, now);
    if (learned === Learned.refreshed) return;
    if (learned === Learned.added || learned === Learned.moved) {
      this.#claims.learned(high, low, vid, port);
      return;
    }
    if (learned === Learned.moveRefused || learned === Learned.fixed) {
      this.#counters.add(port, Counter.moveRefused, 1);
    }
    if (learned === Learned.portFull || learned === Learned.tableFull) {
      this.#counters.add(port, Counter.learnRefused, 1);
    }
  }

  /** Adds the mirror port to the list, unless it is served already or the frame came from it. */
  #mirror(port: number): void {
    const to = this.#mirrorTo;
    const of = this.#mirrorOf;
    // Where the tree keeps a port closed, a copy could go round in circles.
    if (port === to || this.#states[to] !== PortState.forwarding) return;
    if (this.trust[to] === PortTrust.confined) return;
    let wanted = of === NO_PORT || of === port;
    for (let i = 0; i < this.count; i++) {
      if (this.egress[i] === to) return;
      if (this.egress[i] === of) wanted = true;
    }
    if (!wanted) return;
    this.add(to);
  }

  #drop(port: number, reason: Counter): Verdict {
    this.reason = reason;
    this.#counters.add(port, reason, 1);
    return Verdict.drop;
  }
}

/** Broadcast or another group. */
function classOfGroup(high: number, low: number): StormClass {
  return high === -1 && low === 0xffff ? StormClass.broadcast : StormClass.multicast;
}
