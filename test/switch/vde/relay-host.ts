/** A hub over the native I/O, in this thread: as much of a data plane as these tests need. */
import { DescriptorKind, RX_STRIDE, Rx, RxEvent, TX_STRIDE, Tx } from '../../../src/io/contract.ts';
import { NativeIo } from '../../../src/io/native-io.ts';
import type { EndpointHost } from '../../../src/switch/vde/endpoint-host.ts';

export class RelayHost implements EndpointHost {
  readonly #io = new NativeIo({ doorbell: -1 });
  readonly #ports = new Map<number, number>();
  readonly #timer = setInterval(() => this.#turn(), 1);

  get size(): number {
    return this.#ports.size;
  }

  addEndpoint(port: number, systemDescriptor: number): number {
    let index = 0;
    while (this.#ports.has(index)) index++;
    this.#io.addDescriptor(index, systemDescriptor, DescriptorKind.unixDatagram);
    this.#ports.set(index, port);
    return index;
  }

  removeEndpoint(handle: number): void {
    this.#ports.delete(handle);
    this.#io.removeDescriptor(handle);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#io.close();
  }

  #turn(): void {
    const { rx, tx } = this.#io;
    const received = this.#io.poll(0);
    let records = 0;
    for (let i = 0; i < received; i++) {
      const at = i * RX_STRIDE;
      if (rx[at + Rx.event] !== RxEvent.data) continue;
      const ingress = this.#ports.get(rx[at + Rx.descriptor]);
      for (const [index, port] of this.#ports) {
        if (port === ingress) continue;
        const to = records++ * TX_STRIDE;
        tx.fill(0, to, to + TX_STRIDE);
        tx[to + Tx.descriptor] = index;
        tx[to + Tx.payloadOffset] = rx[at + Rx.offset];
        tx[to + Tx.payloadLength] = rx[at + Rx.length];
        tx[to + Tx.address] = -1;
      }
    }
    if (records > 0) this.#io.flush(records);
  }
}
