/** What a DHCP client on the main thread is told of: replies, and ARP of one address. */
import test from 'ava';
import { NoticeKind } from '../../src/data-plane/notice.ts';
import { ACK, ANNOUNCEMENT, ARP_REPLY, DISCOVER, PROBE } from '../tap/dhcp/literal-frames.ts';
import { arp, OFFERED_ADDRESS, SERVER_ADDRESS, SERVER_MAC } from '../tap/dhcp/server.ts';
import { broadcast, CLIENT_PORT } from './node.ts';
import { Pair } from './pair.ts';

/** The payloads of notices so far, and forgets them. */
function told(pair: Pair): Uint8Array[] {
  const found = pair.left.told(NoticeKind.dhcpReply).map(({ payload }) => payload.slice());
  pair.left.notices.length = 0;
  return found;
}

const listen = (pair: Pair, on: boolean, address: number): void =>
  pair.left.post({ op: 'listen-dhcp', port: CLIENT_PORT, on, address });

/** Everything that might be told, and things that never are. */
function sendAll(pair: Pair): void {
  const others = { sender: SERVER_ADDRESS, target: OFFERED_ADDRESS, mac: SERVER_MAC };
  const frames = [ACK, arp(others), ANNOUNCEMENT, PROBE, broadcast(100)];
  for (const each of [...frames, arp({ ...others, sender: OFFERED_ADDRESS }), DISCOVER]) {
    pair.rightClient.send(each);
  }
  pair.settle();
}

test('replies of a server, and ARP of the address that is asked about', (t) => {
  const pair = new Pair();
  const wanted = [ANNOUNCEMENT, PROBE];
  sendAll(pair);
  t.deepEqual(told(pair), []);
  listen(pair, true, 0);
  sendAll(pair);
  t.deepEqual(told(pair), [ACK]);
  listen(pair, true, OFFERED_ADDRESS);
  sendAll(pair);
  const mine = arp({ sender: OFFERED_ADDRESS, target: OFFERED_ADDRESS, mac: SERVER_MAC });
  t.deepEqual(told(pair), [ACK, ...wanted, mine]);
  listen(pair, true, SERVER_ADDRESS);
  sendAll(pair);
  t.is(told(pair).length, 2);
  listen(pair, false, 0);
  sendAll(pair);
  t.deepEqual(told(pair), []);
});

test('an answer to the probe alone comes, too, and what is too short does not', (t) => {
  const pair = new Pair();
  listen(pair, true, OFFERED_ADDRESS);
  // The switch learns where the asker is, as it does from the probe.
  pair.left.post({ op: 'inject-frame', port: CLIENT_PORT, frame: PROBE });
  pair.settle();
  pair.rightClient.send(ARP_REPLY);
  pair.rightClient.send(ARP_REPLY.subarray(0, 41));
  pair.settle();
  t.deepEqual(told(pair), [ARP_REPLY]);
  t.true(pair.rightClient.receive().some((frame) => Buffer.compare(frame, PROBE) === 0));
});
