/**
 * A host interface on the switch: what the rest of the node sees of a TAP device.
 *
 *   open --> configure* --> handed to the data plane --> gone with its descriptor
 *
 * The interface lives as long as its descriptor. Whoever opened the device owns it until
 * the data plane has taken it (DataPlane.addTap), which closes it at the end; a device that
 * was not handed on is closed by its owner.
 */
import type { InterfaceAddress, InterfaceSettings } from '../io/system-contract.ts';

/** How a device is to be, checked. */
export interface TapOptions {
  /** As isInterfaceName: a name, or a pattern that the system completes. */
  readonly name: string;
  /** Path of a network namespace; '' is the process's own. */
  readonly namespace: string;
  /** Octets of payload in a frame, from MIN_MTU to MAX_MTU. */
  readonly mtu: number;
  readonly addresses: readonly InterfaceAddress[];
  /** The six octets for the name that the interface got. */
  macFor(name: string): Uint8Array;
}

export interface TapDevice {
  /** The real name of the interface, in its namespace. */
  readonly name: string;
  readonly namespace: string;
  /** The system descriptor: non-blocking, with virtio-net headers. */
  readonly descriptor: number;
  readonly mac: Uint8Array;
  /**
   * Changes the interface, as long as it is there.
   * @param name what it goes by now, if somebody may have renamed it
   * @throws KithError
   */
  configure(settings: InterfaceSettings, name?: string): void;
}

/** Opens, sets up and switches on. @throws KithError with nothing left behind */
export type OpenTap = (options: TapOptions) => TapDevice;
