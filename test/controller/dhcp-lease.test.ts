/** The driver of the DHCP clients: frames to the switch, one timer each, news only. */
import test, { type ExecutionContext } from 'ava';
import { DhcpLeases } from '../../src/controller/dhcp-lease.ts';
import type { TapLease } from '../../src/controller/lease-keeper.ts';
import { isArp } from '../../src/tap/dhcp/arp.ts';
import { formatIpv4 } from '../../src/tap/dhcp/ipv4.ts';
import { MessageType } from '../../src/tap/dhcp/message.ts';
import { Option } from '../../src/tap/dhcp/options.ts';
import { VirtualTime } from '../f2f/virtual-time.ts';
import { arp, hear, OFFERED_ADDRESS, reply, SERVER_MAC, word } from '../tap/dhcp/server.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0x2a);
const PORT = 3;
/** Milliseconds from an ACK to the use of the address: three probes, and then silence. */
const CHECK = 2 * 400 + 600;

interface Stage {
  readonly leases: DhcpLeases;
  /** What went to the switch, in words, and the last of it. */
  readonly said: string[];
  last(): Uint8Array;
  readonly told: (TapLease | undefined)[];
  apply(lease: TapLease | undefined): void;
  readonly time: VirtualTime;
}

function stage(t: ExecutionContext): Stage {
  const time = new VirtualTime();
  const said: string[] = [];
  const frames: Uint8Array[] = [];
  const told: (TapLease | undefined)[] = [];
  const names = ['', 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release'];
  t.teardown(time.install());
  return {
    leases: new DhcpLeases({
      clock: time,
      random: () => 0.5,
      plane: {
        injectFrame: (port, frame) => {
          if (isArp(frame)) {
            said.push(`arp by ${port}`);
            return;
          }
          frames.push(frame);
          said.push(`${names[hear(frame).type]} by ${port}`);
        },
        listenDhcp: (port, on, address) => {
          said.push(`listen ${port} ${on}${address === 0 ? '' : ` ${formatIpv4(address)}`}`);
        },
      },
    }),
    said,
    last: () => frames[frames.length - 1],
    told,
    apply: (lease) => void told.push(lease),
    time,
  };
}

const OPTIONS = [
  [Option.router, word(0xc0000201)],
  [Option.domainNameServer, word(0xc0000202)],
  [Option.domainName, Buffer.from('lab.example')],
  [Option.interfaceMtu, Uint8Array.of(5, 120)],
] as const;

test.serial('a lease is asked for, told once, prolonged and given back', async (t) => {
  const { leases, said, last, told, apply, time } = stage(t);
  const keeper = leases.keeper();
  keeper.start(PORT, MAC, apply);
  t.deepEqual(said, ['listen 3 true', 'discover by 3']);
  await time.advance(4000);
  t.is(said.at(-1), 'discover by 3');
  leases.reply(PORT, reply(last(), MessageType.offer, { lease: 1000, options: OPTIONS }));
  t.is(said.at(-1), 'request by 3');
  t.deepEqual(told, []);
  leases.reply(PORT, reply(last(), MessageType.ack, { lease: 1000, options: OPTIONS }));
  t.deepEqual(said.slice(-2), ['listen 3 true 192.0.2.10', 'arp by 3']);
  await time.advance(CHECK - 1);
  t.deepEqual(told, []);
  await time.advance(1);
  t.deepEqual(said.slice(-3), ['arp by 3', 'listen 3 true', 'arp by 3']);
  t.deepEqual(told, [
    {
      address: '192.0.2.10',
      prefix: 24,
      gateway: '192.0.2.1',
      dns: ['192.0.2.2'],
      domain: 'lab.example',
      mtu: 1400,
    },
  ]);
  const before = said.length;
  await time.advance(470_000);
  t.is(said.length, before);
  await time.advance(30_000);
  t.deepEqual(said.slice(before), ['request by 3']);
  leases.reply(PORT, reply(last(), MessageType.ack, { lease: 1000, options: OPTIONS }));
  t.is(told.length, 1);
  keeper.stop();
  t.deepEqual(said.slice(-2), ['release by 3', 'listen 3 false']);
  keeper.stop();
  await time.advance(10_000_000);
  t.is(said.length, before + 3);
  t.is(told.length, 1);
});

test.serial('another address and the loss of it are told', async (t) => {
  const { leases, said, last, told, apply, time } = stage(t);
  leases.keeper().start(PORT, MAC, apply);
  leases.reply(PORT, reply(last(), MessageType.offer, { lease: 100 }));
  leases.reply(PORT, reply(last(), MessageType.ack, { lease: 100 }));
  await time.advance(50_000);
  leases.reply(PORT, reply(last(), MessageType.ack, { lease: 100, address: 0xc000020b }));
  await time.advance(50_000);
  leases.reply(PORT, reply(last(), MessageType.nak));
  // The first is used no more while the second is looked at.
  t.deepEqual(
    told.map((lease) => lease?.address),
    ['192.0.2.10', undefined, '192.0.2.11', undefined],
  );
  await time.advance(4000);
  t.is(said.at(-1), 'discover by 3');
});

test.serial('a lease that nobody prolongs is lost when it ends', async (t) => {
  const { leases, last, told, apply, time } = stage(t);
  leases.keeper().start(PORT, MAC, apply);
  leases.reply(PORT, reply(last(), MessageType.offer, { lease: 100 }));
  leases.reply(PORT, reply(last(), MessageType.ack, { lease: 100 }));
  await time.advance(99_000);
  t.is(told.length, 1);
  await time.advance(1000);
  t.deepEqual(told.slice(1), [undefined]);
});

test.serial('replies go to the keeper of their port, and to nobody after its end', (t) => {
  const { leases, last, told, apply, said } = stage(t);
  const keeper = leases.keeper();
  keeper.start(PORT, MAC, apply);
  const offer = reply(last(), MessageType.offer);
  leases.reply(PORT + 1, offer);
  t.is(said.at(-1), 'discover by 3');
  keeper.stop();
  t.is(said.at(-1), 'listen 3 false');
  leases.reply(PORT, offer);
  t.is(said.at(-1), 'listen 3 false');
  t.deepEqual(told, []);
});

test.serial('a port that has a new keeper is not taken from it by the old one', async (t) => {
  const { leases, said, last, told, apply, time } = stage(t);
  const old = leases.keeper();
  old.start(PORT, MAC, () => t.fail());
  leases.keeper().start(PORT, MAC, apply);
  const before = said.length;
  old.stop();
  t.is(said.length, before);
  leases.reply(PORT, reply(last(), MessageType.offer));
  leases.reply(PORT, reply(last(), MessageType.ack));
  await time.advance(CHECK);
  t.is(told.length, 1);
});

test.serial('an address that somebody has is never told', async (t) => {
  const { leases, said, last, told, apply, time } = stage(t);
  const keeper = leases.keeper();
  keeper.start(PORT, MAC, apply);
  leases.reply(PORT, reply(last(), MessageType.offer));
  leases.reply(PORT, reply(last(), MessageType.ack));
  await time.advance(1000);
  leases.reply(PORT, arp({ sender: OFFERED_ADDRESS, target: 0, mac: SERVER_MAC }));
  t.deepEqual(said.slice(-2), ['listen 3 true', 'decline by 3']);
  const before = said.length;
  await time.advance(9_999);
  t.is(said.length, before);
  await time.advance(1);
  t.deepEqual(said.slice(before), ['discover by 3']);
  t.deepEqual(told, []);
  // Another one is free.
  leases.reply(PORT, reply(last(), MessageType.offer, { address: 0xc000020b }));
  leases.reply(PORT, reply(last(), MessageType.ack, { address: 0xc000020b }));
  t.deepEqual(said.slice(-2), ['listen 3 true 192.0.2.11', 'arp by 3']);
  await time.advance(CHECK);
  t.deepEqual(
    told.map((lease) => lease?.address),
    ['192.0.2.11'],
  );
  keeper.stop();
  t.deepEqual(said.slice(-2), ['release by 3', 'listen 3 false']);
});

test.serial('who stops while the address is looked at hears no more of it', async (t) => {
  const { leases, said, last, told, apply, time } = stage(t);
  const keeper = leases.keeper();
  keeper.start(PORT, MAC, apply);
  leases.reply(PORT, reply(last(), MessageType.offer));
  leases.reply(PORT, reply(last(), MessageType.ack));
  keeper.stop();
  t.deepEqual(said.slice(-2), ['release by 3', 'listen 3 false']);
  const before = said.length;
  await time.advance(100_000);
  t.is(said.length, before);
  t.deepEqual(told, []);
});

test.serial('a keeper can be started again, on another port', (t) => {
  const { leases, said, apply } = stage(t);
  const keeper = leases.keeper();
  keeper.start(PORT, MAC, apply);
  keeper.start(PORT + 1, MAC, apply);
  t.deepEqual(said, [
    'listen 3 true',
    'discover by 3',
    'listen 3 false',
    'listen 4 true',
    'discover by 4',
  ]);
});
