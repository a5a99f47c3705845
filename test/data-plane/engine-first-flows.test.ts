/** How long the frames of TCP flows are that begin together with their session. */
import test from 'ava';
import { broadcast, prints } from './node.ts';
import { LEFT_INDEX, Pair, RIGHT_INDEX } from './pair.ts';
import { receivedBy, Super } from './super-pair.ts';

/** A SYN that announces `mss`. */
function announce(mss: number): Uint8Array {
  const tcpOptions = Uint8Array.of(2, 4, mss >>> 8, mss);
  return new Super(0, 1, { flags: 0x02, tcpOptions, partial: false }).bytes;
}

/** Two nodes with nothing sent yet, not even the probes of the path. */
class FreshPair extends Pair {
  readonly leftTap = this.left.addTap(3);
  readonly rightTap = this.right.addTap(3);

  /** Half a round trip: what there is to send leaves, and arrives when all of it has left. */
  flight(): void {
    const underWay: (() => void)[] = [];
    const deliverAs = this.network.delivery;
    this.network.delivery = (datagram, deliver) =>
      underWay.push(() => deliverAs(datagram, deliver));
    while (this.left.pump() || this.right.pump());
    this.network.delivery = deliverAs;
    for (const arrive of underWay) arrive();
  }

  /** The longest frame of a SYN's answerers, by the MSS that arrived on the right. */
  announced(): number {
    this.leftTap.send(announce(60_000));
    this.settle();
    const [frame] = this.rightTap.receive().map(({ bytes }) => bytes);
    return frame === undefined ? -1 : ((frame[56]! << 8) | frame[57]!) + 54;
  }
}

const SEALED_OVERHEAD = 16 + 3 + 16;

for (const mtu of [1232, 1372, 1472, 8952]) {
  test(`a flow that begins a round trip after the session has ${mtu} octets`, (t) => {
    const pair = new FreshPair({ largestDatagram: mtu });
    pair.flight(); // the probes
    pair.flight(); // their acknowledgements
    t.is(pair.announced(), mtu - SEALED_OVERHEAD);
    t.is(pair.left.session(LEFT_INDEX).pathMtu, mtu);
    t.is(pair.right.session(RIGHT_INDEX).pathMtu, mtu);
  });
}

test('a flow that begins before is as long as usual paths let through, and passes any', (t) => {
  const pair = new FreshPair({ largestDatagram: 1372 });
  const answers: (() => void)[] = [];
  const deliverAs = pair.network.delivery;
  pair.network.delivery = (datagram, deliver) => {
    // What the right end sends takes its time.
    if (datagram.from.host === pair.right.address) answers.push(() => deliver(datagram));
    else deliverAs(datagram, deliver);
  };
  t.is(pair.announced(), 1452 - SEALED_OVERHEAD);
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 1200);
  // Frames of that length are cut in two, now and when the path is known to be narrower.
  const long = broadcast(1452 - SEALED_OVERHEAD);
  pair.leftTap.send(long);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), prints([long]));
  pair.network.delivery = deliverAs;
  for (const answer of answers) answer();
  pair.settle();
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 1372);
  t.is(pair.announced(), 1372 - SEALED_OVERHEAD);
  pair.leftTap.send(long);
  pair.settle();
  t.deepEqual(receivedBy(pair.rightTap), prints([long]));
});

test('an end whose session was there first knows the path as soon as the other has it, too', (t) => {
  const pair = new FreshPair({ largestDatagram: 1472 });
  // The left end was early: nothing that it sends arrives before the right one has probed.
  const deliverAs = pair.network.delivery;
  let open = false;
  pair.network.delivery = (datagram, deliver) => {
    const isEarly = datagram.from.host === pair.left.address && !open;
    if (datagram.from.host === pair.right.address) open = true;
    if (!isEarly) deliverAs(datagram, deliver);
  };
  while (pair.left.pump());
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 1200);
  pair.settle();
  t.is(pair.left.session(LEFT_INDEX).pathMtu, 1472);
  t.is(pair.right.session(RIGHT_INDEX).pathMtu, 1472);
});
