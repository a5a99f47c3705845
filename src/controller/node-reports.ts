/**
 * What a running node tells and does when asked: NodeApi over the parts of a node. What
 * belongs together is in a file of its own: friends, groups, ports, the spanning tree, the switch.
 */
import type { Readable } from 'node:stream';
import { monotonicClock } from '../clock.ts';
import { kithVersion } from '../version.ts';
import { FriendReports } from './friend-reports.ts';
import { GroupReports } from './group-reports.ts';
import type { NodeApi, NodeStatus, RotatedIdentity } from './node-api.ts';
import type {
  FriendStatus,
  InviteOptions,
  LinkStatus,
  MissingLink,
  WhyReport,
} from './node-api-friends.ts';
import type {
  AddGroup,
  ChangedGroup,
  GroupStatus,
  PlaintextFloor,
  RotateGroup,
} from './node-api-groups.ts';
import type {
  CaptureRequest,
  ImpairmentStatus,
  ImpairRequest,
  MacStatus,
  PortStatus,
  StpPortRequest,
  StpStatus,
} from './node-api-ports.ts';
import type {
  AddressRequest,
  MirrorRequest,
  StormRequest,
  SwitchChanges,
  SwitchStatus,
} from './node-api-switch.ts';
import type {
  TapAttachment,
  TapEvent,
  TapHoldRequest,
  TapRequest,
  TapStatus,
} from './node-api-taps.ts';
import { nodeCounters } from './node-counters.ts';
import type { NodeParts } from './node-parts.ts';
import { PortReports } from './port-reports.ts';
import { StpReports } from './stp-reports.ts';
import { SwitchReports } from './switch-reports.ts';

export class NodeReports implements NodeApi {
  readonly #parts: NodeParts;
  readonly #friends: FriendReports;
  readonly #groups: GroupReports;
  readonly #ports: PortReports;
  readonly #stp: StpReports;
  readonly #switch: SwitchReports;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#friends = new FriendReports(parts);
    this.#groups = new GroupReports(parts);
    this.#ports = new PortReports(parts);
    this.#stp = new StpReports(parts.bridge, this.#ports);
    this.#switch = new SwitchReports(parts, this.#ports);
  }

  async status(): Promise<NodeStatus> {
    const { identity, config, home, dataPlane, core, groups, startedAt } = this.#parts;
    const { console: consoleConfig } = config;
    const addresses = await dataPlane.addresses();
    const friends = core.friends;
    return {
      name: config.name,
      uid: identity.uid,
      pid: process.pid,
      version: kithVersion(),
      uptime: monotonicClock.now() - startedAt,
      home,
      switchDirectory: config.switch.directory,
      consoleSocket: consoleConfig.path,
      listening: core.listening,
      told: this.#parts.addresses().everywhere,
      friends: {
        known: friends.length,
        connected: friends.filter(({ current }) => current !== undefined).length,
      },
      ports: this.#ports.ports().length,
      addresses: addresses.length,
      taps: this.#parts.taps.list().map(({ name }) => name),
      groups: groups.entries.map(({ name }) => name),
      plaintext: groups.floor,
      dataPlane: dataPlane.implementation,
      memory: { resident: process.memoryUsage.rss() },
      counters: await nodeCounters(this.#parts),
    };
  }

  // ---- friends

  friends(): Promise<readonly FriendStatus[]> {
    return this.#friends.friends();
  }

  links(): Promise<readonly LinkStatus[]> {
    return this.#friends.links();
  }

  async missingLinks(): Promise<readonly MissingLink[]> {
    return this.#friends.missingLinks();
  }

  why(friend: string): Promise<WhyReport> {
    return this.#friends.why(friend);
  }

  invite(options: InviteOptions): Promise<{ ticket: string; expiresAt: string }> {
    return this.#friends.invite(options);
  }

  join(ticket: string): Promise<{ uid: string; name: string }> {
    return this.#friends.join(ticket);
  }

  removeFriend(friend: string): Promise<{ uid: string }> {
    return this.#friends.removeFriend(friend);
  }

  async rotateIdentity(): Promise<RotatedIdentity> {
    const { uid: formerUid } = this.#parts.identity;
    await this.#parts.rotateIdentity();
    const { uid, publicKey } = this.#parts.identity;
    return { uid, publicKey: Buffer.from(publicKey).toString('hex'), formerUid };
  }

  // ---- groups

  async groups(): Promise<readonly GroupStatus[]> {
    return this.#groups.status();
  }

  addGroup(group: AddGroup): Promise<ChangedGroup> {
    return this.#groups.add(group);
  }

  removeGroup(name: string): Promise<ChangedGroup> {
    return this.#groups.remove(name);
  }

  rotateGroup(request: RotateGroup): Promise<ChangedGroup> {
    return this.#groups.rotate(request);
  }

  setPlaintext(floor: PlaintextFloor): Promise<{ plaintext: PlaintextFloor }> {
    return this.#groups.setPlaintext(floor);
  }

  // ---- host interfaces

  async taps(): Promise<readonly TapStatus[]> {
    return this.#parts.taps.list();
  }

  async addTap(request: TapRequest): Promise<TapStatus> {
    return this.#parts.taps.add(request);
  }

  async removeTap(name: string): Promise<{ name: string }> {
    return await this.#parts.taps.remove(name);
  }

  async openTapAttachment(): Promise<{ path: string }> {
    return this.#parts.taps.openAttachment();
  }

  async completeTapAttachment(attachment: TapAttachment): Promise<TapStatus> {
    return this.#parts.taps.completeAttachment(attachment);
  }

  async holdTap(name: string, request: TapHoldRequest): Promise<AsyncIterable<TapEvent>> {
    return this.#parts.taps.hold(name, request);
  }

  // ---- the switch

  async ports(): Promise<readonly PortStatus[]> {
    return this.#ports.ports();
  }

  mac(): Promise<readonly MacStatus[]> {
    return this.#ports.mac();
  }

  async stp(): Promise<StpStatus> {
    return this.#stp.status();
  }

  async setStpPort(request: StpPortRequest): Promise<{ port: number; name: string }> {
    return this.#stp.setPort(request);
  }

  switch(): Promise<SwitchStatus> {
    return this.#switch.status();
  }

  changeSwitch(changes: SwitchChanges): Promise<SwitchStatus> {
    return this.#switch.change(changes);
  }

  mirror(request: MirrorRequest): Promise<SwitchStatus> {
    return this.#switch.mirror(request);
  }

  limitStorms(request: StormRequest): Promise<SwitchStatus> {
    return this.#switch.limitStorms(request);
  }

  setAddress(request: AddressRequest): Promise<SwitchStatus> {
    return this.#switch.setAddress(request);
  }

  saveSwitch(): Promise<SwitchStatus> {
    return this.#switch.save();
  }

  forgetSwitch(): Promise<SwitchStatus> {
    return this.#switch.forget();
  }

  impairments(): Promise<readonly ImpairmentStatus[]> {
    return this.#ports.impairments();
  }

  impair(request: ImpairRequest): Promise<{ port: number; name: string }> {
    return this.#ports.impair(request);
  }

  async capture(request: CaptureRequest): Promise<Readable> {
    return this.#ports.capture(request);
  }

  async down(): Promise<void> {
    // The answer has to be out before the socket goes.
    setImmediate(() => this.#parts.end());
  }
}
