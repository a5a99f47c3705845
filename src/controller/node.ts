/**
 * A running node: puts the parts together and answers for them.
 *
 *   VDE clients -- VdeServer --+                        +-- F2FCore -- friends
 *                              |                        |
 *                              +--> DataPlane (workers) <+
 *                                        ^  |
 *                          BridgeControl +--+ BPDUs, port states
 *
 * Nothing here touches a frame. What the node tells is in node-reports.ts.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism, networkInterfaces } from 'node:os';
import type { Logger } from 'pino';
import { monotonicClock } from '../clock.ts';
import { DataPlane } from '../data-plane/data-plane.ts';
import { type EngineThread, startWorkerThreads } from '../data-plane/engine-thread.ts';
import { workerCount } from '../data-plane/worker-count.ts';
import { KithError } from '../errors.ts';
import { F2FCore } from '../f2f/core.ts';
import { type Identity, loadOrCreateIdentity } from '../f2f/identity.ts';
import { rotateIdentity } from '../f2f/identity-rotation.ts';
import type { SystemSockets } from '../io/contract.ts';
import { systemSockets } from '../io/system-sockets.ts';
import type { ProviderFactory } from '../links/contract.ts';
import { CookieSecrets } from '../links/handshake/cookie.ts';
import { nativeSuite } from '../links/handshake/native-suite.ts';
import { memoryProvider } from '../links/memory/memory-provider.ts';
import { RELAY_SCHEME } from '../links/relay/relay-provider.ts';
import { FEATURE_SUPER_FRAMES } from '../links/super-frame.ts';
import { tcpProvider } from '../links/tcp/tcp-provider.ts';
import { udpProvider } from '../links/udp/udp-provider.ts';
import { loadAccounts } from '../switch/vde/accounts.ts';
import { PortTable } from '../switch/vde/port-table.ts';
import { VdeServer, type VdeServerEvent } from '../switch/vde/vde-server.ts';
import { VlanRegistry } from '../switch/vlan-registry.ts';
import { tapOpener } from '../tap/tap-device.ts';
import { BridgeControl } from './bridge-control.ts';
import { measureCiphers } from './cipher-speed.ts';
import type { KithConfig } from './config.ts';
import type { PortReference } from './config-ports.ts';
import { DhcpLeases } from './dhcp-lease.ts';
import { FriendBook } from './friend-book.ts';
import { GroupBook } from './group-book.ts';
import type { NodeApi } from './node-api.ts';
import { NodeConsole } from './node-console.ts';
import { NodeReports } from './node-reports.ts';
import { type Interfaces, type OwnAddresses, ownAddresses } from './own-addresses.ts';
import type { ClearAccount } from './plaintext-audit.ts';
import { PlaintextLedger } from './plaintext-ledger.ts';
import { PlaintextWatch } from './plaintext-watch.ts';
import { lastingPortName, portNamed } from './port-names.ts';
import { PortPlan } from './port-plan.ts';
import { RememberedPorts } from './remembered-ports.ts';
import { SwitchAdmin } from './switch-admin.ts';
import { SwitchKeeper } from './switch-keeper.ts';
import { SwitchSettings } from './switch-settings.ts';
import { loadSwitchFile, type SwitchDifference } from './switch-store.ts';
import { Taps } from './taps.ts';
import { configuredTreePort } from './tree-ports.ts';
import { leadsOverUs, underlay } from './underlay.ts';

/** Milliseconds between looks at what the links measure, for the spanning tree's costs. */
const MEASURE_INTERVAL = 5000;
/** Bits per second: the class that a link counts as until somebody measures better. */
const LINK_CLASS = 1e9;

export interface NodeOptions {
  /** The home directory, absolute; it is there and ours alone. */
  readonly home: string;
  readonly config: KithConfig;
}

export interface RunningNode {
  readonly api: NodeApi;
  readonly ready: {
    readonly switchDirectory: string;
    readonly listening: readonly string[];
    readonly uid: string;
    readonly name: string;
  };
  /** Settled when the node has ended, however that came about. */
  readonly closed: Promise<void>;
  /** Ends the node; may be called twice. */
  close(): Promise<void>;
}

/** What a node runs on; tests bring their own. */
export interface NodeEnvironment {
  readonly sockets: SystemSockets;
  /** The workers of the data plane, that of the ports first. */
  startEngines(config: KithConfig): readonly EngineThread[];
  readonly providers: readonly ProviderFactory[];
}

/** The parts of a node, for those who report on them. */
export interface NodeParts {
  readonly identity: Identity;
  readonly config: KithConfig;
  readonly home: string;
  readonly dataPlane: DataPlane;
  readonly bridge: BridgeControl;
  readonly core: F2FCore;
  readonly book: FriendBook;
  readonly groups: GroupBook;
  readonly plaintext: PlaintextWatch;
  readonly vde: VdeServer;
  readonly taps: Taps;
  readonly settings: SwitchSettings;
  readonly switchAdmin: SwitchAdmin;
  readonly switchKeeper: SwitchKeeper;
  readonly vlans: VlanRegistry;
  readonly startedAt: number;
  /** URLs to give to friends. */
  addresses(): OwnAddresses;
  /** Gives the node another key, signed by the one it has. @throws KithError */
  rotateIdentity(): Promise<void>;
  /** Ends the node. */
  end(): void;
}

function systemEnvironment(): NodeEnvironment {
  const sockets = systemSockets();
  return {
    sockets,
    startEngines: ({ link, switch: bridge, dataPlane }) =>
      startWorkerThreads(sockets, workerCount(dataPlane.workers, availableParallelism()), {
        rehearse: true,
        keepalive: { interval: link.keepaliveMs, failAfter: link.failAfterMs },
        database: {
          ageingTime: bridge.ageing * 1000,
          minPersistence: bridge.minPersistence * 1000,
          portLimit: bridge.addressesPerPort,
          collectionInterval: bridge.collection * 1000,
          capacity: bridge.tableSize,
          seed: randomBytes(4).readUInt32LE(),
        },
      }),
    providers: [memoryProvider, udpProvider, tcpProvider],
  };
}

/** Starts a node. When it fails, nothing is left behind. @throws KithError */
export async function startNode(
  options: NodeOptions,
  log: Logger,
  environment: NodeEnvironment = systemEnvironment(),
): Promise<RunningNode> {
  const { home, config } = options;
  // What can be wrong with the configuration comes first, while nothing has been started.
  const { console: consoleConfig } = config;
  const socketGroup = groupOption('switch.group', config.switch.group);
  const consoleGroup = groupOption('console.group', consoleConfig.group);
  const identity = await loadOrCreateIdentity(home);
  const book = new FriendBook(identity, home, (error) => log.error(error.message));
  const friends = await book.load(config.friends);
  const groups = await GroupBook.open({
    home,
    config,
    wallClock: Date.now,
    changed: () => node.policyChanged(),
    log,
  });
  const ledger = new PlaintextLedger({ home, log });
  const carried = await ledger.read();
  const keptSwitch = await loadSwitchFile(home);
  const prepared = {
    ...{ identity, book, groups, ledger, carried, keptSwitch },
    ...{ socketGroup, consoleGroup },
  };
  const node: Assembly = new Assembly(prepared, options, log, environment);
  try {
    await node.start();
    for (const friend of friends) node.parts.core.addFriend(friend);
  } catch (error) {
    await node.close();
    throw error;
  }
  return {
    api: new NodeReports(node.parts),
    ready: {
      switchDirectory: config.switch.directory,
      listening: node.parts.core.listening,
      uid: identity.uid,
      name: config.name,
    },
    closed: node.closed,
    close: () => node.close(),
  };
}

/** What has been read and checked before a node is put together. */
interface Prepared {
  readonly identity: Identity;
  readonly book: FriendBook;
  readonly groups: GroupBook;
  readonly ledger: PlaintextLedger;
  /** What the ledger held. */
  readonly carried: ReadonlyMap<string, ClearAccount>;
  /** What `kith switch save` has kept. */
  readonly keptSwitch: readonly SwitchDifference[];
  /** For the VDE server. */
  readonly socketGroup: { readonly group?: number };
  /** For the console. */
  readonly consoleGroup: { readonly group?: number };
}

class Assembly {
  readonly parts: NodeParts;
  readonly closed: Promise<void>;
  readonly #config: KithConfig;
  #identity: Identity;
  /** Changes of the key follow one another. */
  #rotating: Promise<void> = Promise.resolve();
  readonly #log: Logger;
  readonly #console: NodeConsole;
  readonly #measureTimer: NodeJS.Timeout;
  #settleClosed: () => void = () => {};
  #failClosed: (error: Error) => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(
    prepared: Prepared,
    { home, config }: NodeOptions,
    log: Logger,
    environment: NodeEnvironment,
  ) {
    const { identity, book, groups } = prepared;
    this.#config = config;
    this.#identity = identity;
    this.#log = log;
    this.closed = new Promise((resolve, reject) => {
      this.#settleClosed = resolve;
      this.#failClosed = reject;
    });
    this.closed.catch(() => {}); // it is also told by close()

    const dataPlane = new DataPlane(environment.startEngines(config), environment.sockets, {
      bridgeFrame: (port, frame) => bridge.receive(port, frame),
      packet: (localIndex, type, payload) => core.packet(localIndex, type, payload),
      sessionDead: (localIndex, silence) => core.sessionDead(localIndex, silence),
      sessionRoamed: (localIndex, address) => core.sessionRoamed(localIndex, address),
      sessionAlive: (localIndex) => core.sessionAlive(localIndex),
      sessionEnded: (report) => plaintext.ended(report),
      dhcpReply: (port, frame) => leases.reply(port, frame),
      bulkSent: (localIndex) => core.bulkSent(localIndex),
      addressNews: (news) => this.#console.addressNews(news),
      failed: (error) => this.#fail(error),
    });
    const { workers } = dataPlane;
    if (workers > 1) log.info({ workers }, 'sessions are spread over workers');
    const settings = new SwitchSettings((whole) => dataPlane.configure(whole));
    const vlans = new VlanRegistry();
    const plan = new PortPlan({
      config: config.switch,
      registry: vlans,
      resolve: (reference) => this.#portOf(reference),
      impair: (port, impairment) => dataPlane.impair(port, impairment),
    });
    const switchAdmin = new SwitchAdmin({
      config: config.switch,
      settings,
      resolve: (reference) => this.#portOf(reference),
    });
    const switchKeeper = new SwitchKeeper({
      home,
      config: config.switch,
      kept: prepared.keptSwitch,
      settings,
      admin: switchAdmin,
      resolve: (reference) => this.#portOf(reference),
      lastingName: (port) => lastingPortName(port, core.friends, taps.list()),
      saidToTree: () => bridge.said,
      log,
    });
    const bridgeAddress = bridgeAddressOf(identity.uid);
    const bridge = new BridgeControl({
      clock: monotonicClock,
      plane: {
        configure: (states) => {
          if (plan.refresh()) {
            settings.setVlans(vlans.tables());
            const snooping = plan.snooping(bridgeAddress);
            if (snooping !== undefined) settings.set({ snooping });
          }
          switchAdmin.refresh();
          settings.setTree(states);
        },
        flushPort: (port) => dataPlane.flushPort(port),
        sendFrame: (port, frame) => dataPlane.sendFrame(port, frame),
      },
      bridgeAddress,
      stp: config.stp,
      settingsOf: (port, kind) => ({
        ...configuredTreePort(config, (reference) => this.#portOf(reference), port, kind),
        ...switchKeeper.treePort(port),
      }),
      onEvent: (event) => {
        log.info(event, 'spanning tree');
        this.#console.treeEvent(event);
      },
      onPortEvent: (event) => this.#console.portEvent(event),
    });
    const core = this.#makeCore(prepared, dataPlane, environment.providers);
    const plaintext = new PlaintextWatch({
      clock: monotonicClock,
      wallClock: Date.now,
      dataPlane,
      core,
      ledger: prepared.ledger,
      carried: prepared.carried,
      log,
    });
    core.events.on('connecting', ({ port }) => {
      this.#console.ownUp(port);
      bridge.portUp(port, 'link');
    });
    core.events.on('disconnected', ({ port }) => {
      bridge.portDown(port);
      this.#console.ownDown(port);
    });
    core.events.on('read-write', ({ packet }) => {
      if (packet === undefined) plaintext.linkChanged();
    });
    const ports = new PortTable(config.switch.ports);
    const vde = new VdeServer({
      directory: config.switch.directory,
      sockets: environment.sockets,
      host: dataPlane,
      ports,
      mode: config.switch.mode,
      directoryMode: config.switch.dirMode,
      ...prepared.socketGroup,
      onEvent: (event) => this.#vdeEvent(event),
    });
    const currentIdentity = () => this.#identity;
    const leases = new DhcpLeases({
      plane: dataPlane,
      clock: monotonicClock,
      random: () => randomBytes(4).readUInt32LE() / 2 ** 32,
    });
    const taps = new Taps({
      home,
      uid: identity.uid,
      sockets: environment.sockets,
      openTap: tapOpener(environment.sockets),
      plane: dataPlane,
      bridge: {
        portUp: (port, kind) => {
          this.#console.ownUp(port);
          bridge.portUp(port, kind);
        },
        portDown: (port) => {
          bridge.portDown(port);
          this.#console.ownDown(port);
        },
      },
      ports,
      log,
      leaseKeeper: () => leases.keeper(),
    });
    this.parts = {
      get identity() {
        return currentIdentity();
      },
      config,
      home,
      dataPlane,
      bridge,
      core,
      book,
      groups,
      plaintext,
      vde,
      taps,
      settings,
      switchAdmin,
      switchKeeper,
      vlans,
      startedAt: monotonicClock.now(),
      addresses: () =>
        config.advertise === undefined
          ? ownAddresses(core.listening, this.#underlay())
          : { everywhere: config.advertise, local: [] },
      rotateIdentity: () => this.#rotateIdentity(),
      end: () => void this.close(),
    };
    this.#console = new NodeConsole({
      config,
      log,
      dataPlane,
      bridge,
      settings,
      vlans,
      vde,
      core,
      taps,
      bridgeAddress,
      ...prepared.consoleGroup,
      end: () => void this.close(),
    });
    if (!config.stp.enabled) {
      log.warn(
        'The spanning tree is off: floods over links are limited, so that a loop cannot melt the node.',
      );
    }
    this.#measureTimer = setInterval(() => void this.#measure(), MEASURE_INTERVAL);
    this.#measureTimer.unref();
  }

  async start(): Promise<void> {
    const { core, vde, taps } = this.parts;
    const ports = new RememberedPorts(this.parts.home);
    await ports.load();
    for (const url of this.#config.listen) await ports.listen(url, (each) => core.listen(each));
    await ports.save();
    await this.#console.runScript();
    this.parts.switchKeeper.restore();
    await vde.start();
    await this.#console.start();
    for (const tap of this.#config.taps) addConfigured(taps, tap);
  }

  #rotateIdentity(): Promise<void> {
    const done = this.#rotating.then(async () => {
      const formerUid = this.#identity.uid;
      this.#identity = await rotateIdentity(this.parts.home, this.#identity);
      this.parts.book.rotated(this.#identity);
      const { uid } = this.#identity;
      this.#log.info({ uid, formerUid }, 'this node has another key; friends are told');
      this.policyChanged();
    });
    this.#rotating = done.catch(() => {});
    return done;
  }

  /** Groups, floor or identity are others from now on. */
  policyChanged(): void {
    this.parts.core.policyChanged();
  }

  /** Ends everything; may be called at any time, and again. */
  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => this.#settleClosed());
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { core, vde, taps, bridge, dataPlane, book, groups, plaintext } = this.parts;
    clearInterval(this.#measureTimer);
    await this.#console.close();
    taps.close();
    await core.close();
    await plaintext.look();
    await plaintext.close();
    bridge.close();
    await vde.stop();
    await dataPlane.stop();
    await book.settled();
    await groups.close();
  }

  #fail(error: Error): void {
    this.#log.fatal({ err: error }, 'the data plane failed');
    this.#failClosed(
      new KithError('system', `The data plane failed (${error.message}); start the node again.`, {
        cause: error,
      }),
    );
    void this.close();
  }

  #makeCore(
    { book, groups }: Prepared,
    dataPlane: DataPlane,
    providers: readonly ProviderFactory[],
  ): F2FCore {
    const config = this.#config;
    const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));
    const suite = nativeSuite();
    const ciphers = measureCiphers(config.link.ciphers);
    return new F2FCore({
      clock: monotonicClock,
      random,
      cookies: new CookieSecrets(suite, random, monotonicClock.now()),
      log: this.#log,
      dataPlane,
      providers,
      facts: () => {
        const { everywhere, local } = this.parts.addresses();
        return {
          suite,
          random,
          identity: this.#identity,
          name: config.name,
          features: FEATURE_SUPER_FRAMES,
          largestFrame: config.link.maxFrame,
          ciphers,
          groups: groups.groups,
          floor: groups.floor,
          addresses: everywhere,
          localAddresses: local,
        };
      },
      tickets: () => book.openTickets(),
      redeem: (session, ticket) => book.redeem(session, ticket),
      succeeded: (friend, formerUid, session) => book.succeeded(friend, formerUid, session),
      redeemed: () => book.redeemed(),
      relay: { serve: config.link.relay, use: config.link.useRelays },
      mayDial: (url) => {
        const interfaces = networkInterfaces();
        return !leadsOverUs(url, interfaces, this.#underlay(interfaces));
      },
    });
  }

  /** The interfaces of this machine that are not on our own switch. */
  #underlay(interfaces: Interfaces = networkInterfaces()): Interfaces {
    const here = this.parts.taps.list().filter(({ netns, attached }) => !attached && !netns);
    return underlay(
      interfaces,
      here.map((tap) => tap.interface),
    );
  }

  /** The port that the configuration means, if it is there now. */
  #portOf(reference: PortReference): number | undefined {
    // While the parts are being put together nobody has a port.
    const parts: NodeParts | undefined = this.parts;
    if (parts === undefined) return typeof reference === 'number' ? reference : undefined;
    const { core, taps } = parts;
    const configured = this.#config.friends;
    return portNamed(reference, { configured, friends: core.friends, taps: taps.list() });
  }

  #vdeEvent(event: VdeServerEvent): void {
    const { vde, bridge } = this.parts;
    if (event.type === 'refused') {
      this.#log.warn({ reason: event.reason }, 'a VDE client was turned away');
      return;
    }
    const { port, description } = event.endpoint;
    const count = vde.list().filter((endpoint) => endpoint.port === port).length;
    if (event.type === 'endpoint-added') {
      this.#log.info({ port, description }, 'VDE client attached');
      this.#console.vdeEvent(event, false);
      if (count === 1) bridge.portUp(port, 'vde');
    } else {
      this.#log.info({ port, description }, 'VDE client gone');
      this.#console.vdeEvent(event, count === 0);
      if (count === 0) bridge.portDown(port);
    }
  }

  async #measure(): Promise<void> {
    const { core, bridge, plaintext } = this.parts;
    if (core.friends.every(({ current }) => current === undefined)) return;
    const used = new Map<number, { readonly port: number; readonly relayed: boolean }>();
    for (const { current, port } of core.friends) {
      if (current === undefined) continue;
      const relayed = current.carrier.provider === RELAY_SCHEME;
      used.set(current.session.localIndex, { port, relayed });
    }
    for (const { localIndex, rtt, loss } of await plaintext.look()) {
      const link = used.get(localIndex);
      if (link === undefined || rtt === undefined) continue;
      bridge.measured(link.port, {
        roundTripTime: rtt,
        loss,
        throughput: LINK_CLASS,
        relayed: link.relayed,
      });
    }
  }
}

/** @throws KithError that says where the interface was asked for */
function addConfigured(taps: Taps, tap: KithConfig['taps'][number]): void {
  try {
    taps.add(tap);
  } catch (cause) {
    if (!(cause instanceof KithError)) throw cause;
    const told = `taps in the configuration, ${tap.name}: ${cause.message}`;
    throw new KithError(cause.code, told, { cause });
  }
}

/** A locally administered address made of the UID (IEEE 802-2014, 8.4): the same at every start. */
function bridgeAddressOf(uid: string): Uint8Array {
  const address = Uint8Array.from(Buffer.from(uid.slice(0, 12), 'hex'));
  address[0] = (address[0] & 0xfc) | 0x02;
  return address;
}

/** @param key where the name stands in the configuration */
function groupOption(key: string, name: string | undefined): { group?: number } {
  if (name === undefined) return {};
  const group = loadAccounts().groupId(name);
  if (group !== undefined) return { group };
  throw new KithError(
    'config',
    `${key}: this system has no group "${name}"; choose one that \`getent group\` lists.`,
  );
}
