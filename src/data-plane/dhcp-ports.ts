/** The ports where the main thread listens to DHCP, for a host that it asks an address for. */
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import { isArpOf, isDhcpReply } from './dhcp-reply.ts';

export class DhcpPorts {
  /** 1 for a port whose DHCP replies are wanted. */
  readonly #ports = new Uint8Array(PORT_TABLE_LENGTH);
  /** By port: the address of which ARP packets are wanted, too. */
  readonly #arpAddresses = new Uint32Array(PORT_TABLE_LENGTH);

  /** @param address an IPv4 address; 0 for none */
  listen(port: number, on: boolean, address: number): void {
    this.#ports[port] = on ? 1 : 0;
    this.#arpAddresses[port] = on ? address : 0;
  }

  /** Whether a frame that leaves by the port is wanted. */
  wants(port: number, slab: Uint8Array, offset: number, length: number): boolean {
    if (this.#ports[port] === 0) return false;
    const address = this.#arpAddresses[port];
    if (address !== 0 && isArpOf(slab, offset, length, address)) return true;
    return isDhcpReply(slab, offset, length);
  }
}
