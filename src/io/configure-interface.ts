/**
 * How an interface is set up with rtnetlink: which requests, in which order, and
 * which refusals do not matter.
 */
import { KithError } from '../errors.ts';
import { systemError } from './errno.ts';
import {
  emitDefaultRoute,
  emitGetLink,
  emitNewAddress,
  emitRemoveAddress,
  emitSetLink,
  type LinkChange,
  NOT_THERE,
  type RouteAnswer,
} from './rtnetlink.ts';
import type { InterfaceSettings } from './system-contract.ts';

/** Sends one request and gives the answer; throws when the system does not even do that. */
export type AskRoutes = (request: Uint8Array) => RouteAnswer | undefined;

/** @throws KithError, with what was set until then left as it is */
export function configureInterface(ask: AskRoutes, name: string, settings: InterfaceSettings) {
  const index = indexOf(ask, name);
  const { mac, mtu, superFrame, up, gateway } = settings;
  const change: LinkChange = {
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
  };
  if (mac !== undefined || mtu !== undefined) {
    must(ask(emitSetLink(index, change)), `set the MAC address and MTU of ${name}`);
  }
  // Super-frames can be limited since Linux 4.16. They work without, only less well.
  if (superFrame !== undefined) ask(emitSetLink(index, { superFrame }));
  for (const address of settings.removeAddresses ?? []) {
    const doing = `take ${address.host}/${address.prefix} from ${name}`;
    must(ask(emitRemoveAddress(index, address)), doing, NOT_THERE);
  }
  for (const address of settings.addresses ?? []) {
    must(ask(emitNewAddress(index, address)), `give ${address.host}/${address.prefix} to ${name}`);
  }
  if (up !== undefined) {
    must(ask(emitSetLink(index, { up })), `switch ${name} ${up ? 'on' : 'off'}`);
  }
  if (gateway !== undefined) {
    must(ask(emitDefaultRoute(index, gateway)), `send what goes elsewhere by ${gateway}`);
  }
}

function indexOf(ask: AskRoutes, name: string): number {
  const doing = `find the interface ${name}`;
  const answer = ask(emitGetLink(name));
  if (answer?.kind === 'link') return answer.index;
  must(answer, doing);
  throw nonsense(doing);
}

/** @param harmless a result that is as good as 0 */
function must(answer: RouteAnswer | undefined, doing: string, harmless = 0): void {
  if (answer?.kind !== 'result') throw nonsense(doing);
  if (answer.result !== 0 && answer.result !== harmless) throw systemError(doing, answer.result);
}

function nonsense(doing: string): KithError {
  return new KithError(
    'unsupported',
    `cannot ${doing}: the kernel answers in a way that Kith does not know; use a Linux of 4.18 or later`,
  );
}
