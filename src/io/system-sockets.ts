/** SystemSockets over the addon; each failure becomes one sentence for the operator. */
import { close } from 'node:fs';
import { KithError } from '../errors.ts';
import { emitAddress, formatAddress, parseAddress } from './address.ts';
import { configureInterface } from './configure-interface.ts';
import { ADDRESS_LENGTH } from './contract.ts';
import { Errno, systemError } from './errno.ts';
import { type NativeBinding, nativeBinding } from './native-binding.ts';
import { MAX_ANSWER_LENGTH, parseRouteAnswer } from './rtnetlink.ts';
import { type Steering, steeringProgram } from './steering.ts';
import {
  type InterfaceSettings,
  MAX_DESCRIPTOR_PAYLOAD,
  type SystemSockets,
} from './system-contract.ts';

/** IFNAMSIZ of linux/if.h: octets of an interface name with its closing zero. */
const INTERFACE_NAME_LENGTH = 16;

/** @throws KithError 'native' when the addon is missing or does not load */
export function systemSockets(): SystemSockets {
  return new NativeSockets(nativeBinding());
}

class NativeSockets implements SystemSockets {
  readonly #native: NativeBinding;

  constructor(native: NativeBinding) {
    this.#native = native;
  }

  openDoorbell(): number {
    return check(this.#native.openDoorbell(), () => 'open an eventfd');
  }

  ringDoorbell(doorbell: number): void {
    check(this.#native.ringDoorbell(doorbell), () => `ring doorbell ${doorbell}`);
  }

  openUnixDatagram(path: string, peer: string, bufferLength: number): number {
    const doing = () => `open the Unix socket ${path}${peer && ` for ${peer}`}`;
    return check(this.#native.openUnixDatagram(path, peer, bufferLength), doing);
  }

  connectUnixDatagram(descriptor: number, peer: string): void {
    check(this.#native.connectUnixDatagram(descriptor, peer), () => `connect to ${peer}`);
  }

  openUdp(host: string, port: number): number {
    const address = canonical(host, port);
    return check(this.#native.openUdp(address), () => `use UDP at ${text(host, port)}`);
  }

  openUdpGroup(host: string, port: number, count: number, steering: Steering): readonly number[] {
    const out = new Int32Array(count);
    const program = steeringProgram(steering, count);
    const doing = () => `use UDP at ${text(host, port)} with ${count} sockets`;
    check(this.#native.openUdpGroup(canonical(host, port), program, out), doing);
    return [...out];
  }

  openTcpListener(host: string, port: number): number {
    const address = canonical(host, port);
    return check(this.#native.openTcpListener(address), () => `listen at ${text(host, port)}`);
  }

  openTcpConnection(host: string, port: number): number {
    const address = canonical(host, port);
    return check(this.#native.openTcpConnection(address), () => `connect to ${text(host, port)}`);
  }

  openDatagramPair(): [number, number] {
    const out = new Int32Array(2);
    check(this.#native.openDatagramPair(out), () => 'open a pair of datagram sockets');
    return [out[0], out[1]];
  }

  openStreamPair(): [number, number] {
    const out = new Int32Array(2);
    check(this.#native.openStreamPair(out), () => 'open a pair of streams');
    return [out[0], out[1]];
  }

  tryNamespace(namespace: string): void {
    check(this.#native.tryNamespace(namespace), () => `enter the network namespace ${namespace}`);
  }

  openTap(name: string, namespace: string): { descriptor: number; name: string } {
    const octets = new Uint8Array(INTERFACE_NAME_LENGTH);
    const { written, read } = new TextEncoder().encodeInto(name, octets);
    if (read < name.length || written >= INTERFACE_NAME_LENGTH || name.includes('/')) {
      const most = INTERFACE_NAME_LENGTH - 1;
      throw new KithError(
        'usage',
        `"${name}" cannot name an interface; use at most ${most} letters and digits`,
      );
    }
    const doing = () => `open the TAP device ${name}`;
    const descriptor = check(this.#native.openTap(octets, namespace), doing);
    return { descriptor, name: interfaceName(octets) };
  }

  adoptTap(descriptor: number): string {
    const octets = new Uint8Array(INTERFACE_NAME_LENGTH);
    check(this.#native.adoptTap(descriptor, octets), () => `use descriptor ${descriptor} as a TAP`);
    return interfaceName(octets);
  }

  configureInterface(name: string, namespace: string, settings: InterfaceSettings): void {
    const answer = new Uint8Array(MAX_ANSWER_LENGTH);
    const ask = (request: Uint8Array) => {
      const length = this.#native.askRoutes(namespace, request, answer);
      check(length, () => `ask the system to set up ${name}`);
      return parseRouteAnswer(answer.subarray(0, length));
    };
    configureInterface(ask, name, settings);
  }

  sendDescriptor(path: string, descriptor: number, payload: Uint8Array): void {
    const doing = () => `send descriptor ${descriptor} to ${path}`;
    check(this.#native.sendDescriptor(path, descriptor, payload), doing);
  }

  receiveDescriptor(descriptor: number): { descriptor: number; payload: Uint8Array } | undefined {
    const received = new Int32Array(1);
    const payload = new Uint8Array(MAX_DESCRIPTOR_PAYLOAD);
    const length = this.#native.receiveDescriptor(descriptor, received, payload);
    if (length === -Errno.EAGAIN) return undefined;
    check(length, () => `receive a descriptor on descriptor ${descriptor}`);
    return { descriptor: received[0], payload: payload.slice(0, length) };
  }

  localAddress(descriptor: number): { host: string; port: number } {
    const out = new Uint8Array(ADDRESS_LENGTH);
    const doing = () => `tell the address of descriptor ${descriptor}`;
    check(this.#native.localAddress(descriptor, out), doing);
    return parseAddress(out) as { host: string; port: number };
  }

  peerUser(descriptor: number): number {
    const out = new Int32Array(1);
    const doing = () => `tell who is at the other end of descriptor ${descriptor}`;
    check(this.#native.peerUser(descriptor, out), doing);
    return out[0] >>> 0;
  }

  duplicateDescriptor(descriptor: number): number {
    const doing = () => `duplicate descriptor ${descriptor}`;
    return check(this.#native.duplicateDescriptor(descriptor), doing);
  }

  closeSlowly(descriptor: number): Promise<void> {
    return new Promise((resolve, reject) => {
      close(descriptor, (error) => {
        if (error === null) resolve();
        else reject(systemError(`close descriptor ${descriptor}`, error.errno ?? 0));
      });
    });
  }

  closeDescriptor(descriptor: number): void {
    check(this.#native.closeDescriptor(descriptor), () => `close descriptor ${descriptor}`);
  }
}

function check(result: number, doing: () => string): number {
  if (result < 0) throw systemError(doing(), result);
  return result;
}

/** What stands before the closing zero. */
function interfaceName(octets: Uint8Array): string {
  return new TextDecoder().decode(octets.subarray(0, octets.indexOf(0)));
}

function text(host: string, port: number): string {
  return formatAddress({ host, port });
}

function canonical(host: string, port: number): Uint8Array {
  const out = new Uint8Array(ADDRESS_LENGTH);
  if (emitAddress({ host, port }, out)) return out;
  throw new KithError(
    'address',
    `${text(host, port)} is not a numeric address and port; write it as 192.0.2.1:7000 or [2001:db8::1]:7000`,
  );
}
