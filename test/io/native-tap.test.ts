/** A real TAP, where this machine lets us have one. It goes away with its descriptor. */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import test from 'ava';
import { DescriptorKind, MAX_PARTS, RxEvent } from '../../src/io/contract.ts';
import { octets, Rig } from './rig.ts';

const ETHERTYPE_OFFSET = 12;

function ip(...words: string[]): string | undefined {
  const { status, stdout } = spawnSync('ip', words, { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

test('frames pass both ways, and a deleted interface is an end', (t) => {
  const rig = Rig.native(t);
  let tap: { descriptor: number; name: string };
  try {
    tap = rig.sockets.openTap('kithtest%d', '');
  } catch (error) {
    t.log(`skipped: ${(error as Error).message}`);
    t.pass();
    return;
  }
  t.regex(tap.name, /^kithtest\d+$/);
  rig.io.addDescriptor(0, tap.descriptor, DescriptorKind.tap);
  t.true(rig.send([{ descriptor: 0, payload: octets(60) }])[0] < 0, 'it is down');
  if (ip('link', 'set', tap.name, 'up') === undefined) {
    t.log('skipped: no ip command');
    return;
  }

  // A frame for nobody is still counted by the interface.
  const frame = new Uint8Array(60);
  frame.set([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x88, 0xb5]);
  const header = frame.subarray(0, ETHERTYPE_OFFSET);
  const payload = frame.subarray(ETHERTYPE_OFFSET);
  t.deepEqual(rig.send([{ descriptor: 0, header, payload }]), [60]);
  const statistics = ip('-j', '-s', 'link', 'show', tap.name) as string;
  t.true(JSON.parse(statistics)[0].stats64.rx.packets >= 1);

  // As many parts as there may be.
  const parts = (count: number) => Array.from({ length: count }, () => octets(1));
  const results = rig.send([
    { descriptor: 0, header: frame, parts: parts(MAX_PARTS) },
    { descriptor: 0, header: frame, parts: parts(MAX_PARTS + 1) },
  ]);
  t.deepEqual(results, [60 + MAX_PARTS, -constants.errno.EINVAL]);

  // Asking for a neighbour makes the kernel send ARP.
  ip('addr', 'add', '198.18.255.1/30', 'dev', tap.name);
  const asker = rig.sockets.openUdp('198.18.255.1', 0);
  rig.io.addDescriptor(1, asker, DescriptorKind.udp);
  rig.send([{ descriptor: 1, payload: octets(1), to: { host: '198.18.255.2', port: 9 } }]);
  const isArp = ({ bytes }: { bytes: Uint8Array }) =>
    bytes[ETHERTYPE_OFFSET] === 0x08 && bytes[ETHERTYPE_OFFSET + 1] === 0x06;
  const frames = rig.receive((all) => all.some(isArp));
  t.is(frames.find(isArp)?.length, 42);

  rig.io.watchWritable(0);
  rig.receive((all) => all.some(({ event }) => event === RxEvent.writable));
  ip('link', 'delete', tap.name);
  const all = rig.receive((seen) => seen.some(({ event }) => event === RxEvent.closed));
  t.is(all.at(-1)?.descriptor, 0);
  while (rig.poll(0).length > 0);
  t.deepEqual(rig.poll(20), []);
});

test('names that no interface can have', (t) => {
  const { sockets } = Rig.native(t);
  t.throws(() => sockets.openTap('a-name-that-is-far-too-long', ''), { code: 'usage' });
  t.throws(() => sockets.openTap('a/b', ''), { code: 'usage' });
});
