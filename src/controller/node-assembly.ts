/**
 * Puts the parts of a node together, starts them and ends them.
 *
 *   VDE clients -- VdeServer --+                         +-- F2FCore -- friends
 *                              |                         |
 *   host interfaces -- Taps ---+--> DataPlane (workers) <+
 *                                        ^  |
 *                          BridgeControl +--+ BPDUs, port states
 *
 *   new --> start --> close      `closed` is settled by the end, and fails when the data
 *            |          ^        plane does
 *            +- fails --+
 *
 * Nothing here touches a frame.
 */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Logger } from 'pino';
import { monotonicClock } from '../clock.ts';
import { DataPlane } from '../data-plane/data-plane.ts';
import { KithError } from '../errors.ts';
import { PortTable } from '../switch/vde/port-table.ts';
import { VdeServer } from '../switch/vde/vde-server.ts';
import { VlanRegistry } from '../switch/vlan-registry.ts';
import { tapOpener } from '../tap/tap-device.ts';
import { BridgeControl } from './bridge-control.ts';
import type { KithConfig } from './config.ts';
import { DhcpLeases } from './dhcp-lease.ts';
import { LinkMeasurement } from './link-measurement.ts';
import { NodeConsole } from './node-console.ts';
import { nodeCore } from './node-core.ts';
import type { NodeEnvironment } from './node-environment.ts';
import type { NodeParts } from './node-parts.ts';
import type { Prepared } from './node-preparation.ts';
import { type Interfaces, ownAddresses } from './own-addresses.ts';
import { OwnIdentity } from './own-identity.ts';
import { PlaintextWatch } from './plaintext-watch.ts';
import { lastingPortName, PortNames } from './port-names.ts';
import { PortPlan } from './port-plan.ts';
import { RememberedPorts } from './remembered-ports.ts';
import { SwitchAdmin } from './switch-admin.ts';
import { SwitchKeeper } from './switch-keeper.ts';
import { SwitchSettings } from './switch-settings.ts';
import { Taps } from './taps.ts';
import { configuredTreePort } from './tree-ports.ts';
import { underlay } from './underlay.ts';
import { onVdeEvent } from './vde-clients.ts';

/** Ports of ours, which managers hear of before they are up and after they are down. */
interface OwnPorts {
  portUp(port: number, kind: 'link' | 'tap'): void;
  portDown(port: number): void;
}

export class NodeAssembly {
  readonly parts: NodeParts;
  readonly closed: Promise<void>;
  readonly #config: KithConfig;
  readonly #log: Logger;
  readonly #console: NodeConsole;
  readonly #measurement: LinkMeasurement;
  #settleClosed: () => void = () => {};
  #failClosed: (error: Error) => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(prepared: Prepared, log: Logger, environment: NodeEnvironment) {
    const { home, config, book, groups } = prepared;
    this.#config = config;
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
    const portNames = new PortNames(config.friends);
    const plan = new PortPlan({
      config: config.switch,
      registry: vlans,
      resolve: (reference) => portNames.resolve(reference),
      impair: (port, impairment) => dataPlane.impair(port, impairment),
    });
    const switchAdmin = new SwitchAdmin({
      config: config.switch,
      settings,
      resolve: (reference) => portNames.resolve(reference),
    });
    const switchKeeper = new SwitchKeeper({
      home,
      config: config.switch,
      kept: prepared.keptSwitch,
      settings,
      admin: switchAdmin,
      resolve: (reference) => portNames.resolve(reference),
      lastingName: (port) => lastingPortName(port, core.friends, taps.list()),
      saidToTree: () => bridge.said,
      log,
    });
    const bridgeAddress = bridgeAddressOf(prepared.identity.uid);
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
        ...configuredTreePort(config, (reference) => portNames.resolve(reference), port, kind),
        ...switchKeeper.treePort(port),
      }),
      onEvent: (event) => {
        log.info(event, 'spanning tree');
        this.#console.treeEvent(event);
      },
      onPortEvent: (event) => this.#console.portEvent(event),
    });
    const identity = new OwnIdentity({
      home,
      identity: prepared.identity,
      log,
      rotated: (next) => {
        book.rotated(next);
        core.policyChanged();
      },
    });
    const addresses = () =>
      config.advertise === undefined
        ? ownAddresses(core.listening, withoutOwn(networkInterfaces(), taps))
        : { everywhere: config.advertise, local: [] };
    const core = nodeCore({
      config,
      log,
      dataPlane,
      providers: environment.providers,
      identity,
      book,
      groups,
      addresses,
      underlay: (interfaces) => withoutOwn(interfaces, taps),
    });
    const plaintext = new PlaintextWatch({
      clock: monotonicClock,
      wallClock: Date.now,
      dataPlane,
      core,
      ledger: prepared.ledger,
      carried: prepared.carried,
      log,
    });
    const ownPorts: OwnPorts = {
      portUp: (port, kind) => {
        this.#console.ownUp(port);
        bridge.portUp(port, kind);
      },
      portDown: (port) => {
        bridge.portDown(port);
        this.#console.ownDown(port);
      },
    };
    core.events.on('connecting', ({ port }) => ownPorts.portUp(port, 'link'));
    core.events.on('disconnected', ({ port }) => ownPorts.portDown(port));
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
      onEvent: (event) => {
        onVdeEvent(event, { list: () => vde.list(), bridge, console: this.#console, log });
      },
    });
    const leases = new DhcpLeases({
      plane: dataPlane,
      clock: monotonicClock,
      random: () => randomBytes(4).readUInt32LE() / 2 ** 32,
    });
    const taps = new Taps({
      home,
      uid: prepared.identity.uid,
      sockets: environment.sockets,
      openTap: tapOpener(environment.sockets),
      plane: dataPlane,
      bridge: ownPorts,
      ports,
      log,
      leaseKeeper: () => leases.keeper(),
    });
    portNames.follow({ friends: () => core.friends, taps: () => taps.list() });
    this.parts = {
      get identity() {
        return identity.current;
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
      portNames,
      startedAt: monotonicClock.now(),
      addresses,
      rotateIdentity: () => identity.rotate(),
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
    this.#measurement = new LinkMeasurement({ core, bridge, plaintext });
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

  /** Groups or floor are others from now on. */
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
    this.#measurement.stop();
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
}

/** The interfaces of this machine that are not on our own switch. */
function withoutOwn(interfaces: Interfaces, taps: Taps): Interfaces {
  const here = taps.list().filter(({ netns, attached }) => !attached && !netns);
  return underlay(
    interfaces,
    here.map((tap) => tap.interface),
  );
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
