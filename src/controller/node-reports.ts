/** What a running node tells and does when asked: NodeApi over the parts of a node. */
import { monotonicClock } from '../clock.ts';
import type { SessionReport } from '../data-plane/report.ts';
import { KithError } from '../errors.ts';
import type { Friend } from '../f2f/friend.ts';
import type { Carrier } from '../links/contract.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';
import { RELAY_SCHEME } from '../links/relay/relay-provider.ts';
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { kithVersion } from '../version.ts';
import { CaptureStream, WHOLE_FRAMES } from './capture.ts';
import { weakKeyWarning } from './config.ts';
import type { GroupEntry } from './group-book.ts';
import { missingLink } from './missing-links.ts';
import type { NodeParts } from './node.ts';
import type {
  AddGroup,
  AddressRequest,
  CaptureRequest,
  ChangedGroup,
  FriendStatus,
  GroupStatus,
  ImpairmentStatus,
  ImpairRequest,
  InviteOptions,
  LinkStatus,
  MacStatus,
  MirrorRequest,
  MissingLink,
  NodeApi,
  NodeStatus,
  PlaintextFloor,
  PortStatus,
  RotatedIdentity,
  RotateGroup,
  StormRequest,
  StpPortRequest,
  StpStatus,
  SwitchChanges,
  SwitchStatus,
  TapAttachment,
  TapEvent,
  TapHoldRequest,
  TapRequest,
  TapStatus,
  WhyReport,
} from './node-api.ts';
import { ticketAddresses } from './own-addresses.ts';
import type { ClearAccount } from './plaintext-audit.ts';
import { portNamed } from './port-names.ts';
import { mendOf } from './refusal-mend.ts';
import { SwitchReports } from './switch-reports.ts';
import { explain, troubleOf } from './why.ts';

/** Milliseconds: a ticket is good for a day unless somebody says otherwise. */
const TICKET_LIFETIME = 24 * 60 * 60 * 1000;
/** Milliseconds: so long both keys of a group count unless somebody says otherwise. */
const OVERLAP = 24 * 60 * 60 * 1000;

export class NodeReports implements NodeApi {
  readonly #parts: NodeParts;
  readonly #switch: SwitchReports;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.#switch = new SwitchReports(parts, {
      resolve: (reference) => this.#resolve(reference),
      find: (reference) => this.#portOf(reference),
    });
  }

  async status(): Promise<NodeStatus> {
    const { identity, config, home, dataPlane, core, groups, vde, startedAt } = this.#parts;
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
      ports: (await this.ports()).length,
      addresses: addresses.length,
      taps: this.#parts.taps.list().map(({ name }) => name),
      groups: groups.entries.map(({ name }) => name),
      plaintext: groups.floor,
      dataPlane: dataPlane.implementation,
      memory: { resident: process.memoryUsage.rss() },
      counters: await this.#counters(vde.refusals()),
    };
  }

  async friends(): Promise<readonly FriendStatus[]> {
    const { core, plaintext } = this.#parts;
    await plaintext.look();
    return core.friends.map((friend) => friendStatus(friend, plaintext.accountOf(friend)));
  }

  async links(): Promise<readonly LinkStatus[]> {
    const { core, plaintext } = this.#parts;
    const reports = new Map<number, SessionReport>();
    for (const report of await plaintext.look()) reports.set(report.localIndex, report);
    const links: LinkStatus[] = [];
    for (const friend of core.friends) {
      const report = reports.get(friend.current?.session.localIndex ?? -1);
      if (report !== undefined) links.push(this.#linkStatus(friend, report));
    }
    return links;
  }

  async missingLinks(): Promise<readonly MissingLink[]> {
    const now = monotonicClock.now();
    return this.#parts.core.friends
      .filter(({ current }) => current === undefined)
      .map((friend) => missingLink(friend, now));
  }

  async ports(): Promise<readonly PortStatus[]> {
    const { vde, core, taps } = this.#parts;
    const ports: PortStatus[] = [];
    const descriptions = new Map<number, string[]>();
    for (const { port, description } of vde.list()) {
      descriptions.set(port, [...(descriptions.get(port) ?? []), description]);
    }
    for (const [port, texts] of descriptions) {
      ports.push(this.#portStatus(port, 'vde', texts.join(', '), texts.length));
    }
    for (const { port, name } of taps.list()) ports.push(this.#portStatus(port, 'tap', name, 1));
    for (const friend of core.friends) {
      if (friend.current === undefined) continue;
      ports.push(this.#portStatus(friend.port, 'link', nameOf(friend), 1));
    }
    return ports;
  }

  async mac(): Promise<readonly MacStatus[]> {
    const entries = await this.#parts.dataPlane.addresses();
    return entries
      .map(({ mac, vlan, port, ageMs, static: fixed }) => ({
        mac,
        vlan,
        port,
        age: ageMs,
        static: fixed,
      }))
      .sort((a, b) => a.port - b.port || a.mac.localeCompare(b.mac));
  }

  async stp(): Promise<StpStatus> {
    const snapshot = this.#parts.bridge.snapshot();
    if (snapshot === undefined) {
      return {
        enabled: false,
        bridgeId: '',
        rootId: '',
        isRoot: false,
        rootPathCost: 0,
        rootPort: 0,
        topologyChanges: 0,
        ports: [],
      };
    }
    return {
      enabled: true,
      bridgeId: snapshot.bridgeIdentifier,
      rootId: snapshot.rootIdentifier,
      isRoot: snapshot.isRoot,
      rootPathCost: snapshot.rootPathCost,
      rootPort: snapshot.rootPort ?? 0,
      topologyChanges: snapshot.topologyChangeCount,
      ports: snapshot.ports.map((each) => ({
        port: each.port,
        role: each.role,
        state: each.state,
        pathCost: each.pathCost,
        measuredCost: this.#parts.bridge.measuredCost(each.port),
        edge: each.edge,
        designatedBridge: each.designatedBridge,
        guard: each.guard,
        bpduGuard: each.bpduGuard,
        rootGuard: each.rootGuard,
        changeGuard: each.restrictedTcn,
        counters: { ...each.counters },
        faults: each.faults,
      })),
    };
  }

  async setStpPort(request: StpPortRequest): Promise<{ port: number; name: string }> {
    const { port: reference, recover, ...settings } = request;
    const port = this.#portOf(reference);
    const { bridge } = this.#parts;
    bridge.setPort(port, settings);
    if (recover) bridge.recover(port);
    return { port, name: this.#portLabel(port).name };
  }

  async groups(): Promise<readonly GroupStatus[]> {
    const { groups, core } = this.#parts;
    return groups.entries.map((entry) => {
      const { name, key } = entry;
      return {
        name,
        keyed: key !== undefined,
        sharedWith: core.friends
          .filter(({ current }) => current?.session.sharedGroups.includes(name))
          .map(nameOf),
        byOldKey: core.friends
          .filter(({ current }) => current?.session.why.byOldKey.includes(name))
          .map(nameOf),
        ...oldKeysUntil(entry),
      };
    });
  }

  async addGroup({ name, key }: AddGroup): Promise<ChangedGroup> {
    await this.#parts.groups.add(name, key);
    return this.#changed(name, key);
  }

  async removeGroup(name: string): Promise<ChangedGroup> {
    await this.#parts.groups.remove(name);
    return { name };
  }

  async rotateGroup({ name, key, overlapMs = OVERLAP }: RotateGroup): Promise<ChangedGroup> {
    await this.#parts.groups.rotate(name, key, overlapMs);
    return this.#changed(name, key);
  }

  async setPlaintext(floor: PlaintextFloor): Promise<{ plaintext: PlaintextFloor }> {
    await this.#parts.groups.setFloor(floor);
    return { plaintext: floor };
  }

  #changed(name: string, given: string | undefined): ChangedGroup {
    const { groups } = this.#parts;
    const entry = groups.entries.find((each) => each.name === name);
    const warning = weakKeyWarning(name, given);
    return {
      name,
      ...(entry?.key === undefined ? {} : { keyFile: groups.path }),
      ...(entry === undefined ? {} : oldKeysUntil(entry)),
      ...(warning === undefined ? {} : { warning }),
    };
  }

  async why(text: string): Promise<WhyReport> {
    const { book, groups, core } = this.#parts;
    const friend = book.find(text);
    const { relay } = relayOf(friend.current?.carrier, core.friends);
    return explain(friend, groups, monotonicClock.now(), relay);
  }

  async invite(options: InviteOptions): Promise<{ ticket: string; expiresAt: string }> {
    const { book, config } = this.#parts;
    const addresses = options.addresses ?? ticketAddresses(this.#parts.addresses());
    const { ticket, expiresAt } = await book.invite(
      config.name,
      addresses.slice(0, MAX_ADDRESSES),
      options.expiresInMs ?? TICKET_LIFETIME,
    );
    return { ticket, expiresAt: expiresAt.toISOString() };
  }

  async join(ticket: string): Promise<{ uid: string; name: string }> {
    const { book, core } = this.#parts;
    const friend = await book.join(ticket);
    core.addFriend(friend);
    core.redial(friend);
    return { uid: friend.uid, name: nameOf(friend) };
  }

  async removeFriend(text: string): Promise<{ uid: string }> {
    const { book, core, plaintext } = this.#parts;
    const friend = book.find(text);
    core.removeFriend(friend.uid, 'the friend was removed');
    this.#parts.dataPlane.forgetClaims(friend.port);
    await plaintext.look();
    plaintext.forget(friend);
    await book.remove(friend);
    return { uid: friend.uid };
  }

  async rotateIdentity(): Promise<RotatedIdentity> {
    const { uid: formerUid } = this.#parts.identity;
    await this.#parts.rotateIdentity();
    const { uid, publicKey } = this.#parts.identity;
    return { uid, publicKey: Buffer.from(publicKey).toString('hex'), formerUid };
  }

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

  async impairments(): Promise<readonly ImpairmentStatus[]> {
    const reports = await this.#parts.dataPlane.impairments();
    return reports
      .map(({ port, settings, waiting, counters }) => {
        return { port, name: this.#portLabel(port).name, impair: settings, waiting, counters };
      })
      .sort((a, b) => a.port - b.port);
  }

  async impair({ port: wanted, impair }: ImpairRequest): Promise<{ port: number; name: string }> {
    const port = this.#portOf(wanted);
    this.#parts.dataPlane.impair(port, impair ?? undefined);
    return { port, name: this.#portLabel(port).name };
  }

  async capture(request: CaptureRequest): Promise<CaptureStream> {
    const { book, dataPlane } = this.#parts;
    const { link, seconds, count, snaplen = WHOLE_FRAMES } = request;
    const port = link === undefined ? (request.port ?? 0) : book.find(link).port;
    const labels = new Map((await this.ports()).map((each) => [each.port, each]));
    return new CaptureStream(dataPlane, {
      port,
      snaplen,
      ...(count === undefined ? {} : { count }),
      ...(seconds === undefined ? {} : { duration: seconds * 1000 }),
      application: `Kith ${kithVersion()}`,
      ports: port === 0 ? [...labels.keys()].sort((a, b) => a - b) : [port],
      describe: (number) => this.#portLabel(number),
    });
  }

  async down(): Promise<void> {
    // The answer has to be out before the socket goes.
    setImmediate(() => this.#parts.end());
  }

  #linkStatus(friend: Friend, report: SessionReport): LinkStatus {
    const { current } = friend;
    if (current === undefined) throw new Error('a link without a session');
    const { session, carrier } = current;
    const counters = this.#parts.dataPlane.counters.read(friend.port);
    const clear = this.#parts.plaintext.accountOf(friend);
    return {
      state: 'up',
      port: friend.port,
      friend: friend.uid,
      friendName: nameOf(friend),
      provider: carrier.provider,
      remote: carrier.remote,
      ...relayOf(carrier, this.#parts.core.friends),
      security: session.mode,
      cipher: CIPHER_NAMES[session.cipher],
      sharedGroups: session.sharedGroups,
      role: session.role,
      since: monotonicClock.now() - session.establishedAt,
      ...(report.rtt === undefined ? {} : { rtt: report.rtt }),
      loss: report.loss,
      pathMtu: report.pathMtu,
      framesIn: counters.framesIn,
      framesOut: counters.framesOut,
      octetsIn: counters.octetsIn,
      octetsOut: counters.octetsOut,
      clearOctetsIn: clear.in,
      clearOctetsOut: clear.out,
      clearSince: new Date(clear.since).toISOString(),
      keyUpdates: report.keyUpdates,
      dropped: { ...report.drops },
    };
  }

  /** The port of a name that always means the same one. */
  #resolve(reference: number | string): number | undefined {
    const { config, core, taps } = this.#parts;
    return portNamed(reference, {
      configured: config.friends,
      friends: core.friends,
      taps: taps.list(),
    });
  }

  /** @throws KithError 'not-found' */
  #portOf(reference: number | string): number {
    const { book } = this.#parts;
    const named = this.#resolve(reference);
    if (named !== undefined) return named;
    try {
      return book.find(String(reference)).port;
    } catch (cause) {
      throw new KithError(
        'not-found',
        `nothing on the switch is called "${reference}"; \`kith ports\` lists what is there`,
        { cause },
      );
    }
  }

  /** What a port is called. */
  #portLabel(port: number): { name: string; description: string } {
    const { vde, core, taps } = this.#parts;
    const friend = core.friends.find((each) => each.port === port);
    if (friend !== undefined) return { name: nameOf(friend), description: `link to ${friend.uid}` };
    const tap = taps.list().find((each) => each.port === port);
    if (tap !== undefined) return { name: tap.name, description: `host interface on port ${port}` };
    const clients = vde.list().filter((each) => each.port === port);
    const description = clients.map((each) => each.description).join(', ');
    return { name: `port${port}`, description: printable(description) };
  }

  #portStatus(
    port: number,
    kind: PortStatus['kind'],
    description: string,
    endpoints: number,
  ): PortStatus {
    const { bridge, dataPlane } = this.#parts;
    const tree = bridge.ports().get(port);
    return {
      port,
      kind,
      description,
      endpoints,
      role: tree?.role ?? 'designated',
      state: bridge.stateOf(port),
      pathCost: tree?.pathCost ?? 0,
      counters: dataPlane.counters.read(port),
    };
  }

  /** The node's counters in one flat record, for `kith status` and for programs. */
  async #counters(refusals: ReadonlyMap<string, number>): Promise<Record<string, number>> {
    const { dataPlane, core, plaintext } = this.#parts;
    await plaintext.look();
    const io = await dataPlane.ioCounters();
    const dropped = dataPlane.noticesDropped;
    let vdeRefused = 0;
    for (const count of refusals.values()) vdeRefused += count;
    const sums: Record<string, number> = {};
    for (let port = 1; port < PORT_TABLE_LENGTH; port++) {
      if (dataPlane.counters.value(port, 0) === 0 && dataPlane.counters.value(port, 2) === 0)
        continue;
      for (const [name, value] of Object.entries(dataPlane.counters.read(port))) {
        sums[name] = (sums[name] ?? 0) + value;
      }
    }
    return {
      ...sums,
      ...prefixed('io', io),
      ...prefixed('handshake', { ...core.handshakes.counters }),
      ...prefixed('core', { ...core.counters, ...core.relays.counters }),
      clearOctetsIn: plaintext.totals.in,
      clearOctetsOut: plaintext.totals.out,
      noticesDroppedStrangers: dropped.strangers,
      noticesDroppedFriends: dropped.friends,
      vdeRefused,
      tapsLost: this.#parts.taps.lost,
    };
  }
}

/** The addresses that a ticket has room for. */
const MAX_ADDRESSES = 16;

function prefixed(
  prefix: string,
  values: Readonly<Record<string, number>>,
): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    result[`${prefix}${name[0].toUpperCase()}${name.slice(1)}`] = value;
  }
  return result;
}

/** What a client says of itself, without what a terminal would obey, and not without end. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 256);
}

function oldKeysUntil({ old }: GroupEntry): { oldKeysUntil?: string } {
  if (old.length === 0) return {};
  return { oldKeysUntil: new Date(Math.max(...old.map(({ until }) => until))).toISOString() };
}

function nameOf(friend: Friend): string {
  return friend.name === '' ? friend.uid.slice(0, 8) : friend.name;
}

/** What we call the friend who relays a link, if one does. */
function relayOf(
  carrier: Carrier | undefined,
  friends: readonly Friend[],
): { readonly relay?: string } {
  if (carrier?.provider !== RELAY_SCHEME) return {};
  const relay = friends.find(({ uid }) => carrier.remote === `${RELAY_SCHEME}://${uid}`);
  return { relay: relay === undefined ? carrier.remote : nameOf(relay) };
}

function friendStatus(friend: Friend, clear: ClearAccount): FriendStatus {
  const wait = friend.retryAt - monotonicClock.now();
  const lastError = troubleOf(friend);
  const mend = mendOf(friend);
  return {
    uid: friend.uid,
    name: nameOf(friend),
    state: friend.state,
    addresses: friend.candidates,
    ...(friend.formerUids.length === 0 ? {} : { formerUids: friend.formerUids }),
    source: friend.source,
    clearOctetsIn: clear.in,
    clearOctetsOut: clear.out,
    clearSince: new Date(clear.since).toISOString(),
    ...(friend.current === undefined ? {} : { link: friend.port }),
    ...(friend.refusal === undefined ? {} : { refusal: friend.refusal }),
    ...(mend === undefined ? {} : { mend }),
    ...(friend.unproven === undefined ? {} : { unproven: friend.unproven }),
    ...(friend.unreached === undefined ? {} : { unreached: friend.unreached }),
    ...(lastError === undefined ? {} : { lastError }),
    ...(friend.retryTimer !== undefined && wait > 0 ? { retryIn: wait } : {}),
  };
}
