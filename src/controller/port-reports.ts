/**
 * What a node tells of its ports: who is there, which stations are behind them, what passes
 * and how it is made worse. For NodeReports.
 */
import { KithError } from '../errors.ts';
import { kithVersion } from '../version.ts';
import { CaptureStream, WHOLE_FRAMES } from './capture.ts';
import type { PortReference } from './config-ports.ts';
import { nameOf } from './friend-names.ts';
import type {
  CaptureRequest,
  ImpairmentStatus,
  ImpairRequest,
  MacStatus,
  PortStatus,
} from './node-api-ports.ts';
import type { NodeParts } from './node-parts.ts';

type Parts = Pick<
  NodeParts,
  'book' | 'bridge' | 'core' | 'dataPlane' | 'portNames' | 'taps' | 'vde'
>;

export interface PortLabel {
  readonly name: string;
  readonly description: string;
}

export interface PortFinder {
  /** @returns undefined when nothing of that name is there now */
  resolve(reference: PortReference): number | undefined;
  /** The same for what somebody typed: parts of a UID count too. @throws KithError 'not-found' */
  find(reference: PortReference): number;
  /** What a port is called. */
  label(port: number): PortLabel;
}

export class PortReports implements PortFinder {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  ports(): readonly PortStatus[] {
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

  async impairments(): Promise<readonly ImpairmentStatus[]> {
    const reports = await this.#parts.dataPlane.impairments();
    return reports
      .map(({ port, settings, waiting, counters }) => {
        return { port, name: this.label(port).name, impair: settings, waiting, counters };
      })
      .sort((a, b) => a.port - b.port);
  }

  async impair({ port: wanted, impair }: ImpairRequest): Promise<{ port: number; name: string }> {
    const port = this.find(wanted);
    this.#parts.dataPlane.impair(port, impair ?? undefined);
    return { port, name: this.label(port).name };
  }

  capture(request: CaptureRequest): CaptureStream {
    const { book, dataPlane } = this.#parts;
    const { link, seconds, count, snaplen = WHOLE_FRAMES } = request;
    const port = link === undefined ? (request.port ?? 0) : book.find(link).port;
    const present = new Set(this.ports().map((each) => each.port));
    return new CaptureStream(dataPlane, {
      port,
      snaplen,
      ...(count === undefined ? {} : { count }),
      ...(seconds === undefined ? {} : { duration: seconds * 1000 }),
      application: `Kith ${kithVersion()}`,
      ports: port === 0 ? [...present].sort((a, b) => a - b) : [port],
      describe: (number) => this.label(number),
    });
  }

  resolve(reference: PortReference): number | undefined {
    return this.#parts.portNames.resolve(reference);
  }

  find(reference: PortReference): number {
    const { book } = this.#parts;
    const named = this.resolve(reference);
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

  label(port: number): PortLabel {
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
}

/** What a client says of itself, without what a terminal would obey, and not without end. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 256);
}
