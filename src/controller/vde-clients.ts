/**
 * VDE clients as they come and go. Several may share a port: it is up with the
 * first of them and down with the last.
 */
import type { VdeServer, VdeServerEvent } from '../switch/vde/vde-server.ts';
import type { BridgeControl } from './bridge-control.ts';
import type { NodeConsole } from './node-console.ts';

export interface VdeClientsOptions {
  readonly list: VdeServer['list'];
  readonly bridge: Pick<BridgeControl, 'portUp' | 'portDown'>;
  readonly console: Pick<NodeConsole, 'vdeEvent'>;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

export function onVdeEvent(event: VdeServerEvent, options: VdeClientsOptions): void {
  const { bridge, console: managers, list, log } = options;
  if (event.type === 'refused') {
    log.warn({ reason: event.reason }, 'a VDE client was turned away');
    return;
  }
  const { port, description } = event.endpoint;
  const count = list().filter((endpoint) => endpoint.port === port).length;
  if (event.type === 'endpoint-added') {
    log.info({ port, description }, 'VDE client attached');
    managers.vdeEvent(event, false);
    if (count === 1) bridge.portUp(port, 'vde');
  } else {
    log.info({ port, description }, 'VDE client gone');
    managers.vdeEvent(event, count === 0);
    if (count === 0) bridge.portDown(port);
  }
}
