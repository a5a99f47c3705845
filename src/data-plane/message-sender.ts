/** Link messages outside sessions, from memory of the main thread or of ours, to a socket. */
import type { BatchedIo } from '../io/contract.ts';
import type { Egress } from './egress/egress.ts';
import type { DataPlaneMemory } from './memory.ts';

/** Hears where a message goes, before it does. */
type BeforeSend = (addressSlot: number, message: Uint8Array) => void;

export class MessageSender {
  readonly #io: Pick<BatchedIo, 'slab'>;
  readonly #memory: Pick<DataPlaneMemory, 'addresses' | 'scratch'>;
  readonly #egress: Pick<Egress, 'message' | 'drain'>;

  constructor(
    io: Pick<BatchedIo, 'slab'>,
    memory: Pick<DataPlaneMemory, 'addresses' | 'scratch'>,
    egress: Pick<Egress, 'message' | 'drain'>,
  ) {
    this.#io = io;
    this.#memory = memory;
    this.#egress = egress;
  }

  /**
   * Sends a message at once; without memory for it, it is lost as a datagram may be.
   * @param address in the form of the slab; undefined where the descriptor has its destination
   */
  send(
    descriptor: number,
    address: Uint8Array | undefined,
    message: Uint8Array,
    beforeSend?: BeforeSend,
  ): void {
    const { addresses, scratch } = this.#memory;
    if (message.length > scratch.slotLength) return;
    const slot = scratch.take();
    const addressSlot = address === undefined ? -1 : addresses.take();
    if (slot >= 0 && (address === undefined || addressSlot >= 0)) {
      const { slab } = this.#io;
      slab.set(message, slot);
      if (address !== undefined) {
        slab.set(address, addressSlot);
        beforeSend?.(addressSlot, message);
      }
      this.#egress.message(descriptor, addressSlot, slot, message.length);
      this.#egress.drain();
    }
    if (slot >= 0) scratch.give(slot);
    if (addressSlot >= 0) addresses.give(addressSlot);
  }
}
