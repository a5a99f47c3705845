/** The node's host interfaces, over the sockets of memory. */
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { LeaseKeeper, TapLease } from '../../src/controller/lease-keeper.ts';
import { Taps, type TapsOptions } from '../../src/controller/taps.ts';
import { Errno, systemError } from '../../src/io/errno.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import type { MemoryTap } from '../../src/io/memory-tap.ts';
import { formatMac } from '../../src/switch/mac-address.ts';
import { PortTable } from '../../src/switch/vde/port-table.ts';
import { defaultMac } from '../../src/tap/default-mac.ts';
import { tapOpener } from '../../src/tap/tap-device.ts';
import { VirtualTime } from '../f2f/virtual-time.ts';
import { scratch } from './node-fixtures.ts';

const UID = 'ab'.repeat(20);
const EBADFD = 77;

/** Memory sockets whose Unix sockets show in the file system, as real ones do. */
class FiledSockets extends MemorySockets {
  override openUnixDatagram(path: string, peer: string, bufferLength: number): number {
    const descriptor = super.openUnixDatagram(path, peer, bufferLength);
    writeFileSync(path, '');
    return descriptor;
  }
}

interface Bench {
  readonly taps: Taps;
  readonly network: MemoryNetwork;
  readonly sockets: MemorySockets;
  readonly ports: PortTable;
  readonly home: string;
  /** What was done and logged, in words. */
  readonly said: string[];
  /** As if the device of a handle had gone away. */
  vanish(handle: number, errno: number): void;
}

function bench(t: ExecutionContext, extra: Partial<TapsOptions> = {}): Bench {
  const network = new MemoryNetwork();
  const sockets = new FiledSockets(network, network.addHost('192.0.2.1'));
  const ports = new PortTable(4);
  const home = scratch(t);
  const said: string[] = [];
  const devices: { descriptor: number; closed: (errno: number) => void }[] = [];
  const taps = new Taps({
    home,
    uid: UID,
    sockets,
    openTap: tapOpener(sockets),
    ports,
    plane: {
      addTap: (port, descriptor, closed) => {
        said.push(`add ${port}`);
        return devices.push({ descriptor, closed }) - 1;
      },
      removeEndpoint: (handle) => {
        said.push(`remove ${handle}`);
        sockets.closeDescriptor(devices[handle].descriptor);
      },
      ioCounters: async () => void said.push('barrier'),
    },
    bridge: {
      portUp: (port, kind) => void said.push(`up ${port} ${kind}`),
      portDown: (port) => void said.push(`down ${port}`),
    },
    log: {
      info: (_facts, text) => void said.push(text),
      warn: (facts, text) => void said.push(`${text}: ${JSON.stringify(facts)}`),
    },
    ...extra,
  });
  t.teardown(() => taps.close());
  return {
    taps,
    network,
    sockets,
    ports,
    home,
    said,
    vanish: (handle, errno) => devices[handle].closed(errno),
  };
}

function reserved(ports: PortTable): number[] {
  return ports.list().flatMap(({ port, reserved }) => (reserved ? [port] : []));
}

test('an interface takes a port of its own, and is told as it is', (t) => {
  const { taps, ports, said, network } = bench(t);
  ports.claim(1, 1000, () => false);
  const made = taps.add({ ip: ['10.0.0.1/24'], mtu: 1400 });
  const mac = formatMac(defaultMac(UID, 'kith0'));
  t.deepEqual(made, {
    name: 'kith0',
    interface: 'kith0',
    port: 2,
    mac,
    mtu: 1400,
    addresses: ['10.0.0.1/24'],
    dhcp: false,
    attached: false,
  });
  t.deepEqual(taps.list(), [made]);
  t.deepEqual(said, ['add 2', 'up 2 tap', 'host interface up']);
  t.is(
    ports.claim(2, 1000, () => false),
    'busy',
  );
  t.is(network.interfaceSettings.get('kith0')?.[0].mtu, 1400);
});

test('patterns, MAC addresses by hand, and namespaces', (t) => {
  const { taps, network } = bench(t);
  network.namespaces.add('/run/netns/blue');
  t.is(taps.add({ name: 'lan%d' }).name, 'lan0');
  t.is(taps.add({ name: 'lan%d', mac: '02:0:0:0:0:5' }).name, 'lan1');
  const blue = taps.add({ name: 'lan0', netns: 'blue' });
  t.deepEqual([blue.name, blue.interface, blue.netns], ['lan0@blue', 'lan0', 'blue']);
  t.deepEqual(
    taps.list().map(({ name, port, mac }) => [name, port, mac]),
    [
      ['lan0', 1, formatMac(defaultMac(UID, 'lan0'))],
      ['lan1', 2, '02:00:00:00:00:05'],
      ['lan0@blue', 3, formatMac(defaultMac(UID, 'lan0@blue'))],
    ],
  );
});

test('what fails leaves neither a port nor a descriptor behind', (t) => {
  const { taps, ports, network } = bench(t);
  taps.add({});
  const open = network.openDescriptors;
  for (const [request, expected] of [
    [{}, { code: 'usage', message: /^this node has an interface kith0 already, on port 1; / }],
    [{ name: 'a b' }, { code: 'usage', message: /^--name 'a b' must be/ }],
    [
      { name: 'x', netns: 'red' },
      { code: 'not-found', message: /no network namespace/ },
    ],
    [
      { name: 'x', ip: ['dhcp'] },
      { code: 'unsupported', message: /no DHCP client/ },
    ],
    [
      { name: 'x', mtu: 1000, ip: ['fd00::1/64'] },
      { code: 'usage', message: /at least 1280/ },
    ],
    [
      { name: 'x', mtu: 1500.5 },
      { code: 'usage', message: /^--mtu '1500.5' must be/ },
    ],
    [
      { name: 'x', mac: '01:0:0:0:0:1' },
      { code: 'usage', message: /^--mac/ },
    ],
    [
      { name: 'x', ip: ['10.0.0.1/24', '10.0.0.1/16'] },
      { code: 'usage', message: /once only/ },
    ],
    [
      { name: 'x', ip: Array.from({ length: 17 }, (_, i) => `10.0.0.${i + 1}/24`) },
      { code: 'usage', message: /16 at most/ },
    ],
  ] as const) {
    t.throws(() => taps.add(request), expected);
  }
  t.deepEqual(reserved(ports), [1]);
  t.is(network.openDescriptors, open);
  for (const name of ['a', 'b', 'c']) taps.add({ name });
  t.throws(() => taps.add({ name: 'd' }), { code: 'system', message: /all 4 ports/ });
});

test('a data plane that has no room', (t) => {
  const { taps, ports, network } = bench(t, {
    plane: {
      addTap: () => {
        throw new RangeError('no descriptor index is left');
      },
      removeEndpoint: () => t.fail(),
      ioCounters: async () => {},
    },
  });
  t.throws(() => taps.add({}), { instanceOf: RangeError });
  t.deepEqual(reserved(ports), []);
  t.is(network.openDescriptors, 0);
  t.deepEqual(taps.list(), []);
});

test('removal frees the port, and is over when the device is closed', async (t) => {
  const { taps, ports, said, network } = bench(t);
  taps.add({});
  said.length = 0;
  t.deepEqual(await taps.remove('kith0'), { name: 'kith0' });
  t.deepEqual(said, ['remove 0', 'down 1', 'host interface removed', 'barrier']);
  t.deepEqual(reserved(ports), []);
  t.is(network.openDescriptors, 0);
  await t.throwsAsync(taps.remove('kith0'), { code: 'not-found', message: /kith tap --list/ });
  t.is(taps.add({}).port, 1);
});

test('a device that goes away under us', (t) => {
  const { taps, ports, said, vanish } = bench(t);
  taps.add({});
  said.length = 0;
  vanish(0, EBADFD);
  t.deepEqual(said, [
    'down 1',
    'a host interface went away: {"name":"kith0","port":1,"reason":"the interface was deleted"}',
  ]);
  t.deepEqual([taps.list(), reserved(ports), taps.lost], [[], [], 1]);
  vanish(0, EBADFD);
  t.is(taps.lost, 1);
});

test('the news of a device that is gone does not hit the next one of its name', async (t) => {
  const { taps, vanish } = bench(t);
  taps.add({});
  await taps.remove('kith0');
  taps.add({});
  vanish(0, EBADFD);
  t.deepEqual([taps.list().length, taps.lost], [1, 0]);
});

// ---- attachments

const ATTACHMENT = { name: 'eth0', mac: '02:00:00:00:00:07', mtu: 1500 };

/** A TAP as another process has it, sent to an attachment. */
function attach({ taps, sockets }: Bench) {
  const { path } = taps.openAttachment();
  const { descriptor } = sockets.openTap('foreign%d', '');
  sockets.sendDescriptor(path, descriptor, Uint8Array.of(0));
  return path;
}

test('another process hands in its TAP', async (t) => {
  const at = bench(t);
  const { taps, home, said } = at;
  const path = attach(at);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.regex(path.slice(home.length), /^\/tap-[0-9a-f]{16}\.sock$/);
  t.deepEqual(taps.completeAttachment({ path, ...ATTACHMENT }), {
    name: 'eth0@1',
    interface: 'eth0',
    port: 1,
    mac: '02:00:00:00:00:07',
    mtu: 1500,
    addresses: [],
    dhcp: false,
    attached: true,
  });
  t.deepEqual(said, ['add 1', 'up 1 tap', 'host interface up']);
  t.false(existsSync(path));
  const second = taps.completeAttachment({ path: attach(at), ...ATTACHMENT });
  t.is(second.name, 'eth0@2');
  await taps.remove('eth0@1');
  t.is(taps.list().length, 1);
});

test('an attachment is completed once, and by a TAP', (t) => {
  const at = bench(t);
  const { taps, sockets, network, ports } = at;
  t.throws(() => taps.completeAttachment({ path: '/nowhere', ...ATTACHMENT }), {
    code: 'not-found',
  });
  const empty = taps.openAttachment().path;
  t.throws(() => taps.completeAttachment({ path: empty, ...ATTACHMENT }), {
    code: 'usage',
    message: /no descriptor has come/,
  });
  t.throws(() => taps.completeAttachment({ path: empty, ...ATTACHMENT }), { code: 'not-found' });
  const { path } = taps.openAttachment();
  sockets.sendDescriptor(path, sockets.openDoorbell(), Uint8Array.of(0));
  t.throws(() => taps.completeAttachment({ path, ...ATTACHMENT }), {
    code: 'usage',
    message: /is no TAP device/,
  });
  // The doorbell itself, which was the sender's.
  t.is(network.openDescriptors, 1);
  for (const name of ['a', 'b', 'c', 'd']) taps.add({ name });
  const open = network.openDescriptors;
  t.throws(() => taps.completeAttachment({ path: attach(at), ...ATTACHMENT }), {
    message: /all 4 ports/,
  });
  t.deepEqual(reserved(ports), [1, 2, 3, 4]);
  // Its sender has not closed it.
  t.is(network.openDescriptors, open + 1);
});

test.serial('what is not completed is forgotten', async (t) => {
  const time = new VirtualTime();
  t.teardown(time.install());
  const { taps, network } = bench(t);
  const paths = Array.from({ length: 16 }, () => taps.openAttachment().path);
  t.throws(() => taps.openAttachment(), { message: /too many attachments/ });
  await time.advance(9999);
  t.true(paths.every((path) => existsSync(path)));
  await time.advance(1);
  t.false(paths.some((path) => existsSync(path)));
  t.is(network.openDescriptors, 0);
  t.throws(() => taps.completeAttachment({ path: paths[0], ...ATTACHMENT }), { code: 'not-found' });
});

test('the end of the node takes its sockets along, and the next one those of a crash', (t) => {
  const { taps, home } = bench(t);
  taps.openAttachment();
  taps.close();
  t.deepEqual(readdirSync(home), []);
  writeFileSync(join(home, 'tap-0123456789abcdef.sock'), '');
  writeFileSync(join(home, 'tap-note.sock'), '');
  bench(t, { home });
  t.deepEqual(readdirSync(home), ['tap-note.sock']);
});

// ---- leases

class FakeKeeper implements LeaseKeeper {
  started: string | undefined;
  stopped = 0;
  grant: (lease: TapLease | undefined) => void = () => {};

  start(port: number, mac: Uint8Array, apply: (lease: TapLease | undefined) => void): void {
    this.started = `${port} ${formatMac(mac)}`;
    this.grant = apply;
  }

  stop(): void {
    this.stopped++;
  }
}

function withLeases(t: ExecutionContext) {
  const keepers: FakeKeeper[] = [];
  const made = bench(t, {
    leaseKeeper: () => {
      const keeper = new FakeKeeper();
      keepers.push(keeper);
      return keeper;
    },
  });
  return { ...made, keepers };
}

const LEASE = { address: '10.7.0.9', prefix: 16, gateway: '10.7.0.1' };

test('a leased address comes, moves and goes, beside those by hand', (t) => {
  const { taps, network, keepers } = withLeases(t);
  const made = taps.add({ ip: ['dhcp', 'fd00::1/64'], mac: '02:0:0:0:0:5' });
  t.deepEqual([made.addresses, made.dhcp], [['fd00::1/64'], true]);
  t.is(keepers[0].started, '1 02:00:00:00:00:05');
  const settings = () => network.interfaceSettings.get('kith0')?.at(-1);
  const leased = { host: '10.7.0.9', prefix: 16 };

  keepers[0].grant(LEASE);
  t.deepEqual(settings(), { addresses: [leased] }, "no default route in the node's own namespace");
  t.deepEqual(taps.list()[0].addresses, ['fd00::1/64', '10.7.0.9/16']);
  keepers[0].grant({ address: '10.7.0.10', prefix: 16 });
  t.deepEqual(settings(), {
    removeAddresses: [leased],
    addresses: [{ host: '10.7.0.10', prefix: 16 }],
  });
  keepers[0].grant(undefined);
  t.deepEqual(settings(), { removeAddresses: [{ host: '10.7.0.10', prefix: 16 }] });
  t.deepEqual(taps.list()[0].addresses, ['fd00::1/64']);
});

test('in a namespace the default route goes by the router of the lease', (t) => {
  const { taps, network, keepers } = withLeases(t);
  network.namespaces.add('/run/netns/blue');
  taps.add({ ip: ['dhcp'], netns: 'blue' });
  keepers[0].grant(LEASE);
  t.deepEqual(network.interfaceSettings.get('/run/netns/blue:kith0')?.slice(-2), [
    { addresses: [{ host: '10.7.0.9', prefix: 16 }] },
    { gateway: '10.7.0.1' },
  ]);
});

test('an address is kept where its router cannot be used', (t) => {
  const { taps, network, sockets, keepers, said } = withLeases(t);
  network.namespaces.add('/run/netns/blue');
  taps.add({ ip: ['dhcp'], netns: 'blue' });
  const configure = sockets.configureInterface.bind(sockets);
  sockets.configureInterface = (name, namespace, settings) => {
    if (settings.gateway !== undefined) throw systemError('send', -Errno.ENETUNREACH);
    configure(name, namespace, settings);
  };
  keepers[0].grant({ address: '10.7.0.9', prefix: 32, gateway: '10.7.0.1' });
  t.deepEqual(taps.list()[0].addresses, ['10.7.0.9/32']);
  t.regex(said.at(-1) ?? '', /^the router of a DHCP lease cannot be .*"gateway":"10\.7\.0\.1"/);
});

test('an interface that somebody renamed still has its lease', (t) => {
  const { taps, network, sockets, keepers } = withLeases(t);
  taps.add({ ip: ['dhcp'] });
  network.interfaceSettings.set('new0', []);
  network.taps.set('new0', network.taps.get('kith0')!);
  sockets.adoptTap = () => 'new0';
  keepers[0].grant(LEASE);
  t.deepEqual(network.interfaceSettings.get('new0'), [
    { addresses: [{ host: '10.7.0.9', prefix: 16 }] },
  ]);
});

test('the MTU is what DHCP says, unless the user said one', (t) => {
  const { taps, network, keepers } = withLeases(t);
  taps.add({ name: 'a', ip: ['dhcp'] });
  taps.add({ name: 'b', ip: ['dhcp'], mtu: 1500 });
  taps.add({ name: 'c', ip: ['dhcp', 'fd00::1/64'] });
  for (const keeper of keepers) keeper.grant({ ...LEASE, mtu: 900 });
  t.deepEqual(
    taps.list().map(({ mtu }) => mtu),
    [900, 1500, 1280],
  );
  t.is(network.interfaceSettings.get('a')?.at(-1)?.mtu, 900);
  t.is(network.interfaceSettings.get('b')?.at(-1)?.mtu, undefined);
  keepers[0].grant(LEASE);
  t.is(taps.list()[0].mtu, 900, 'until DHCP says another one');
});

test('a lease is given back however the interface ends', async (t) => {
  const { taps, keepers, vanish, said } = withLeases(t);
  for (const name of ['a', 'b', 'c']) taps.add({ name, ip: ['dhcp'] });
  await taps.remove('a');
  vanish(1, EBADFD);
  taps.close();
  t.deepEqual(
    keepers.map(({ stopped }) => stopped),
    [1, 1, 1],
  );
  const words = said.length;
  for (const keeper of keepers) keeper.grant(LEASE);
  t.is(said.length, words, 'what comes too late is for nobody');
});

test('a lease that cannot be applied is told, and the next one may do', (t) => {
  const { taps, keepers, network, said } = withLeases(t);
  taps.add({ ip: ['dhcp'] });
  const tap = network.taps.get('kith0') as MemoryTap;
  network.taps.delete('kith0');
  keepers[0].grant(LEASE);
  t.regex(said.at(-1) ?? '', /^a DHCP lease could not be applied/);
  t.deepEqual(taps.list()[0].addresses, []);
  network.taps.set('kith0', tap);
  keepers[0].grant(LEASE);
  t.deepEqual(taps.list()[0].addresses, ['10.7.0.9/16']);
});

// ---- held by another process

/** Lets promises settle. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('an interface lives as long as it is held', async (t) => {
  const at = withLeases(t);
  const { taps, keepers, said, ports } = at;
  taps.completeAttachment({ path: attach(at), ...ATTACHMENT, held: true });
  const hold = taps.hold('eth0@1', { dhcp: true });
  t.deepEqual((await hold.next()).value, { lease: null });
  t.is(keepers[0].started, '1 02:00:00:00:00:07');
  keepers[0].grant({ ...LEASE, dns: ['10.7.0.2'] });
  t.deepEqual((await hold.next()).value, { lease: { ...LEASE, dns: ['10.7.0.2'] } });
  t.deepEqual(taps.list()[0].addresses, ['10.7.0.9/16']);
  t.true(taps.list()[0].dhcp);
  keepers[0].grant(undefined);
  t.deepEqual((await hold.next()).value, { lease: null });
  t.deepEqual(taps.list()[0].addresses, []);
  await hold.return();
  await turn();
  t.is(keepers[0].stopped, 1);
  t.deepEqual(taps.list(), []);
  t.deepEqual(reserved(ports), []);
  t.true(said.includes('remove 0'));
});

test('whoever holds an interface hears of its end', async (t) => {
  const at = bench(t);
  const { taps } = at;
  const held = () => {
    const { name } = taps.completeAttachment({ path: attach(at), ...ATTACHMENT });
    return { name, hold: taps.hold(name, {}) };
  };
  const removed = held();
  await removed.hold.next();
  const end = removed.hold.next();
  await taps.remove(removed.name);
  t.true((await end).done);
  const vanished = held();
  await vanished.hold.next();
  at.vanish(1, EBADFD);
  t.true((await vanished.hold.next()).done);
  const last = held();
  await last.hold.next();
  taps.close();
  t.true((await last.hold.next()).done);
});

test('only an interface of another process is held, and by one', (t) => {
  const at = bench(t);
  const { taps } = at;
  taps.add({});
  t.throws(() => taps.hold('kith0', {}), { code: 'not-found' });
  t.throws(() => taps.hold('eth0@9', {}), { code: 'not-found' });
  const { name } = taps.completeAttachment({ path: attach(at), ...ATTACHMENT });
  t.throws(() => taps.hold(name, { dhcp: true }), { code: 'unsupported' });
  taps.hold(name, {});
  t.throws(() => taps.hold(name, {}), { code: 'usage', message: /held already/ });
});

test.serial('what is to be held and is not goes away', async (t) => {
  const at = bench(t);
  const { taps } = at;
  const time = new VirtualTime();
  t.teardown(time.install());
  taps.completeAttachment({ path: attach(at), ...ATTACHMENT, held: true });
  const { name } = taps.completeAttachment({ path: attach(at), ...ATTACHMENT, held: true });
  taps.completeAttachment({ path: attach(at), ...ATTACHMENT });
  taps.hold(name, {});
  await time.advance(9999);
  t.is(taps.list().length, 3);
  await time.advance(1);
  t.deepEqual(
    taps.list().map((tap) => tap.name),
    ['eth0@2', 'eth0@3'],
  );
});
