/** Payloads that lie in several pieces of the slab. */
import {
  DescriptorKind,
  MAX_PARTS,
  PART_RECORDS,
  SLAB_LENGTH,
  SlabLayout,
  Tx,
} from '../../../src/io/contract.ts';
import { Errno } from '../../../src/io/errno.ts';
import { datagrams, octets } from '../rig.ts';
import type { Check } from './check.ts';

export function checkParts(check: Check): void {
  check('a payload may lie in parts', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const sends = [
      { descriptor: 0, to, header: octets(2), parts: [octets(5, 2), octets(1, 7), octets(9, 8)] },
      { descriptor: 0, to, parts: [octets(4), octets(0), octets(4, 4)] },
      { descriptor: 0, to, parts: [octets(3), octets(3)], segmentSize: 3 },
    ];
    t.deepEqual(rig.send(sends), [17, 8, 6]);
    const all = datagrams(rig.receive((records) => datagrams(records).length >= 4));
    t.deepEqual(all, [octets(17), octets(8), octets(3), octets(3)]);
  });

  check('parts that are off are refused', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const { io } = rig;
    const parts = [octets(4), octets(4)];
    const refused = (what: string, spoil: () => void) => {
      t.deepEqual(rig.send([{ descriptor: 0, to, parts }]), [8], what);
      spoil();
      t.is(io.flush(1), 1, what);
      t.is(io.tx[Tx.result], -Errno.EINVAL, what);
    };
    refused('not in the slab', () => io.parts.set([SLAB_LENGTH - 3], 2));
    refused('before the slab', () => io.parts.set([-1], 2));
    refused('a negative length', () => io.parts.set([-4, SlabLayout.arena, 12], 1));
    refused('more than the record says', () => io.parts.set([5], 3));
    refused('less than the record says', () => io.parts.set([3], 3));
    refused('beyond the list', () => io.tx.set([PART_RECORDS - 1], Tx.payloadOffset));
    refused('before the list', () => io.tx.set([-1], Tx.payloadOffset));
    t.is(datagrams(rig.receive((records) => datagrams(records).length >= 7)).length, 7);
  });

  check('a payload has at most MAX_PARTS parts', (t, rig) => {
    const udp = rig.sockets.openUdp('127.0.0.1', 0);
    const to = rig.sockets.localAddress(udp);
    rig.io.addDescriptor(0, udp, DescriptorKind.udp);
    const parts = (count: number) => Array.from({ length: count }, (_, i) => octets(1, i + 2));
    const header = octets(2);
    const send = (count: number) => ({ descriptor: 0, to, header, parts: parts(count) });
    const all = rig.send([send(MAX_PARTS), send(MAX_PARTS + 1), send(MAX_PARTS), send(1)]);
    const most = MAX_PARTS + 2;
    t.deepEqual(all, [most, -Errno.EINVAL, most, 3]);
    const received = datagrams(rig.receive((records) => datagrams(records).length >= 3));
    t.deepEqual(received, [octets(most), octets(most), octets(3)]);
    // Half as many again: what does not fit into one batch goes into the next.
    t.deepEqual(
      rig.send(Array.from({ length: 5 }, () => send(MAX_PARTS - 1))),
      new Array(5).fill(most - 1),
    );
  });
}
