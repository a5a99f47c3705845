/**
 * The VDE management console of a node: joins the socket, the switch that its
 * commands act on, and what happens in the node that managers may want to hear of.
 */
import type { Logger } from 'pino';
import { monotonicClock } from '../clock.ts';
import type { AddressNews, DataPlane } from '../data-plane/data-plane.ts';
import { KithError } from '../errors.ts';
import type { F2FCore } from '../f2f/core.ts';
import type { SpanningTreeEvent } from '../stp/output.ts';
import { loadAccounts } from '../switch/vde/accounts.ts';
import type { Category } from '../switch/vde/console/categories.ts';
import { statusLine } from '../switch/vde/console/errno.ts';
import { runScript } from '../switch/vde/console/session.ts';
import type { VdeServer, VdeServerEvent } from '../switch/vde/vde-server.ts';
import type { VlanRegistry } from '../switch/vlan-registry.ts';
import { kithVersion } from '../version.ts';
import type { BridgeControl, BridgePortEvent } from './bridge-control.ts';
import type { KithConfig } from './config.ts';
import { type OwnEndpoint, shownPort } from './console-ports.ts';
import { ConsoleServer } from './console-server.ts';
import { NodeConsoleTarget, rootText } from './console-target.ts';
import { nameOf } from './friend-names.ts';
import type { SwitchSettings } from './switch-settings.ts';
import type { Taps } from './taps.ts';

/** Module names on the console: of links, and of TAPs as vde_switch has it. */
const LINK_MODULE = 'link';
const TAP_MODULE = 'tuntap';

export interface NodeConsoleOptions {
  readonly config: KithConfig;
  readonly log: Logger;
  readonly dataPlane: DataPlane;
  readonly bridge: BridgeControl;
  readonly settings: SwitchSettings;
  readonly vlans: VlanRegistry;
  readonly vde: VdeServer;
  readonly core: F2FCore;
  readonly taps: Taps;
  /** 6 octets. */
  readonly bridgeAddress: Uint8Array;
  /** Group (gid) of the socket. */
  readonly group?: number;
  /** Ends the node. */
  end(): void;
}

export class NodeConsole {
  readonly #options: NodeConsoleOptions;
  readonly #target: NodeConsoleTarget;
  readonly #server: ConsoleServer;
  #listening = false;

  constructor(options: NodeConsoleOptions) {
    this.#options = options;
    const { log, group } = options;
    const { console: socket } = options.config;
    const announce = (category: Category, text: string) => this.#server.announce(category, text);
    this.#target = this.#makeTarget(announce);
    this.#server = new ConsoleServer({
      path: socket.path,
      mode: socket.mode,
      ...(group !== undefined && { group }),
      target: this.#target,
      log,
      onInterest: (wanted) => {
        this.#listenAddresses(wanted.has('hash/+') || wanted.has('hash/-'));
      },
    });
  }

  /**
   * Carries out the script of the configuration, if there is one. Lines that fail are logged.
   * @throws KithError 'config' when it cannot be read
   */
  async runScript(): Promise<void> {
    const { consoleRc: path } = this.#options.config;
    if (path === undefined) return;
    const script = await this.#target.readScript(path);
    if ('status' in script) {
      const why = statusLine(script.status);
      throw new KithError(
        'config',
        `The console script ${path} cannot be read (${why}); correct consoleRc or --rc.`,
      );
    }
    for (const { line, text, status } of await runScript(this.#target, script.text)) {
      const where = { script: path, line, command: text, status: statusLine(status) };
      this.#options.log.warn(where, 'a line of the console script failed');
    }
  }

  /** Listens. KithErrors as ConsoleServer.start. */
  start(): Promise<void> {
    return this.#server.start();
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  // ---- what happens in the node

  /** @param last of an endpoint that went: nothing is left on its port */
  vdeEvent(event: VdeServerEvent, last: boolean): void {
    if (event.type === 'refused') return;
    const { port, id, description } = event.endpoint;
    if (event.type === 'endpoint-added') this.#target.endpointAdded(port, id, description);
    else this.#target.endpointRemoved(port, id, last);
  }

  /** A link or a TAP is up, and listed. */
  ownUp(port: number): void {
    const own = this.#own().find((each) => each.port === port);
    this.#target.endpointAdded(port, port, own?.description ?? '');
  }

  ownDown(port: number): void {
    this.#target.endpointRemoved(port, port, true);
  }

  addressNews(news: AddressNews): void {
    this.#server.announce(news.learnt ? 'hash/+' : 'hash/-', addressText(news));
  }

  treeEvent(event: SpanningTreeEvent): void {
    if (event.kind !== 'root-changed') return;
    this.#server.announce('fstp/root', rootText(this.#target.tree()));
  }

  portEvent(event: BridgePortEvent): void {
    const where = `Port ${String(shownPort(event.port)).padStart(4, '0')} VLAN 00:00`;
    if (event.kind === 'state') this.#server.announce('fstp/status', `${where} ${event.state}`);
    else this.#server.announce(event.kind === 'heard' ? 'fstp/+' : 'fstp/-', where);
  }

  /** The data plane tells of addresses as long as a manager wants to hear of them, and no longer. */
  #listenAddresses(on: boolean): void {
    if (on === this.#listening) return;
    this.#listening = on;
    this.#options.dataPlane.listenAddresses(on);
  }

  #makeTarget(announce: (category: Category, text: string) => void): NodeConsoleTarget {
    const { config, dataPlane, bridge, settings, vlans, vde, bridgeAddress, end } = this.#options;
    const { console: socket, switch: settled, stp } = config;
    return new NodeConsoleTarget({
      clock: monotonicClock,
      bridge,
      settings,
      vlans,
      priority: stp.priority,
      bridgeAddress,
      about: {
        introduction: `Kith ${kithVersion()} (C) 2026 The Kith authors - MIT`,
        consolePath: socket.path,
        consoleMode: socket.mode,
        switchDirectory: settled.directory,
        switchMode: settled.mode,
      },
      ageing: settled.ageing,
      minPersistence: settled.minPersistence,
      collection: settled.collection,
      tableSize: settled.tableSize,
      addresses: () => dataPlane.addresses(),
      // The farewell has to be out before the socket goes.
      end: () => void setImmediate(end),
      ports: vde.ports,
      clients: () => vde.list(),
      closeClient: (id) => vde.closeEndpoint(id),
      ownEndpoints: () => this.#own(),
      counters: dataPlane.counters,
      flushPort: (port) => dataPlane.flushPort(port),
      accounts: loadAccounts,
      ownUser: process.getuid?.() ?? 0,
      announce,
    });
  }

  #own(): OwnEndpoint[] {
    const { core, taps } = this.#options;
    const own: OwnEndpoint[] = taps.list().map(({ port, name }) => {
      return { port, module: TAP_MODULE, description: name };
    });
    for (const friend of core.friends) {
      if (friend.current === undefined) continue;
      const { provider, remote } = friend.current.carrier;
      const description = `${nameOf(friend)} ${provider} ${remote}`;
      own.push({ port: friend.port, module: LINK_MODULE, description });
    }
    return own;
  }
}

/** The octets of the VLAN stand low one first here, in vde_switch. */
function addressText({ mac, vlan, port }: AddressNews): string {
  const [low, high] = [vlan & 0xff, vlan >>> 8].map((octet) => {
    return octet.toString(16).padStart(2, '0');
  });
  return `${mac} VLAN ${low}:${high} Port ${shownPort(port)}`;
}
