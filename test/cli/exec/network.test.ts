/** The network inside, over the sockets of memory and a node that says what it is told to. */
import test, { type ExecutionContext } from 'ava';
import { ExecNetwork, type ExecNode, type ExecSystem } from '../../../src/cli/exec/network.ts';
import type { ExecPlan } from '../../../src/cli/exec/plan.ts';
import { type NameService, resolverText } from '../../../src/cli/exec/resolver.ts';
import type { TapAttachment } from '../../../src/controller/node-api-taps.ts';
import { TapHold } from '../../../src/controller/tap-hold.ts';
import { KithError } from '../../../src/errors.ts';
import { Errno, systemError } from '../../../src/io/errno.ts';
import { MemoryNetwork } from '../../../src/io/memory-network.ts';
import { MemorySockets } from '../../../src/io/memory-sockets.ts';
import type { InterfaceSettings } from '../../../src/io/system-contract.ts';

const PATH = '/home/tap-1.sock';
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);

/** Sockets that remember what was set, and refuse the gateways they are told to. */
class InsideSockets extends MemorySockets {
  readonly settings: (readonly [string, InterfaceSettings])[] = [];
  readonly closed: number[] = [];
  refusal: number = Errno.ENETUNREACH;

  override configureInterface(name: string, _space: string, settings: InterfaceSettings): void {
    if (settings.gateway?.startsWith('203.')) {
      throw systemError(`send what goes elsewhere by ${settings.gateway}`, -this.refusal);
    }
    this.settings.push([name, settings]);
  }

  // In memory, a device goes with the first descriptor of it, and not with the last.
  override closeDescriptor(descriptor: number): void {
    this.closed.push(descriptor);
  }
}

function stage(t: ExecutionContext, extra: Partial<ExecSystem> = {}) {
  const network = new MemoryNetwork();
  const host = network.addHost('192.0.2.1');
  const sockets = new InsideSockets(network, host);
  const mailbox = new MemorySockets(network, host);
  const box = mailbox.openUnixDatagram(PATH, '', 4096);
  const said: string[] = [];
  const attached: TapAttachment[] = [];
  const names: NameService[] = [];
  const notes: string[] = [];
  const hold = new TapHold(() => said.push('let go'));
  hold.tell({ lease: null });
  const node: ExecNode = {
    openTapAttachment: async () => ({ path: PATH }),
    completeTapAttachment: async (attachment) => {
      attached.push(attachment);
      const received = mailbox.receiveDescriptor(box);
      if (received === undefined) throw new KithError('usage', 'no descriptor has come');
      said.push(`attached ${mailbox.adoptTap(received.descriptor)}`);
      const { name, mac, mtu } = attachment;
      const status = { interface: name, port: 7, mac, mtu, addresses: [], dhcp: false };
      return { name: `${name}@7`, attached: true, ...status };
    },
    holdTap: async (name, request) => {
      said.push(`held ${name} ${JSON.stringify(request)}`);
      return hold;
    },
    removeTap: async (name) => {
      said.push(`removed ${name}`);
      hold.end();
      return { name };
    },
  };
  const system: ExecSystem = {
    sockets,
    node,
    randomMac: () => MAC,
    useNames: (service) => void names.push(service),
    note: (text) => void notes.push(text),
    patience: 60_000,
    interruption: new AbortController().signal,
    ...extra,
  };
  const plan = (given: Partial<ExecPlan>): ExecPlan => ({
    home: '/home',
    name: 'eth0',
    ip: ['10.0.0.5/24'],
    dns: [],
    command: ['true'],
    ...given,
  });
  const join = (given: Partial<ExecPlan>) => ExecNetwork.join(plan(given), system);
  t.teardown(() => hold.end());
  return { sockets, said, attached, names, notes, hold, join };
}

/** Lets what was told be heard. */
function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

test('an address of its own: loopback, interface, node', async (t) => {
  const { join, sockets, said, attached, names } = stage(t);
  const joined = await join({ ip: ['10.0.0.5/24', 'fd00::5/64'], gateway: '10.0.0.1', mtu: 1400 });
  t.is(joined.interface, 'eth0');
  t.is(joined.address, '10.0.0.5');
  t.deepEqual(sockets.settings[0], ['lo', { up: true }]);
  const [name, settings] = sockets.settings[1];
  t.is(name, 'eth0');
  t.true(settings.up);
  t.is(settings.mtu, 1400);
  t.deepEqual(settings.mac, MAC);
  t.deepEqual(settings.addresses, [
    { host: '10.0.0.5', prefix: 24 },
    { host: 'fd00::5', prefix: 64 },
  ]);
  t.deepEqual(sockets.settings[2], ['eth0', { gateway: '10.0.0.1' }]);
  t.deepEqual(attached, [
    { path: PATH, name: 'eth0', mac: '02:00:00:00:00:09', mtu: 1400, held: true },
  ]);
  t.deepEqual(said, ['attached eth0', 'held eth0@7 {"dhcp":false}']);
  t.deepEqual(names, []);
  // The node alone has the device open.
  t.is(sockets.closed.length, 1);
  await joined.leave();
  await joined.leave();
  t.is(said.at(-1), 'removed eth0@7');
  t.is(said.length, 3);
});

test('a lease: address, gateway, MTU and names', async (t) => {
  const { join, sockets, said, names, hold, notes } = stage(t);
  const joining = join({ ip: ['dhcp'] });
  await turns();
  const lease = { address: '192.0.2.10', prefix: 24, gateway: '192.0.2.1', mtu: 1400 };
  hold.tell({ lease: { ...lease, dns: ['192.0.2.2'], domain: 'lab.example' } });
  const joined = await joining;
  t.is(joined.address, '192.0.2.10');
  t.is(said[1], 'held eth0@7 {"dhcp":true}');
  t.deepEqual(sockets.settings.slice(2), [
    ['eth0', { mtu: 1400, addresses: [{ host: '192.0.2.10', prefix: 24 }] }],
    ['eth0', { gateway: '192.0.2.1' }],
  ]);
  t.deepEqual(names, [{ dns: ['192.0.2.2'], domain: 'lab.example' }]);

  hold.tell({ lease: { address: '192.0.2.11', prefix: 25 } });
  await turns();
  t.deepEqual(sockets.settings.at(-1), [
    'eth0',
    {
      removeAddresses: [{ host: '192.0.2.10', prefix: 24 }],
      addresses: [{ host: '192.0.2.11', prefix: 25 }],
    },
  ]);
  hold.tell({ lease: null });
  await turns();
  t.deepEqual(sockets.settings.at(-1), [
    'eth0',
    { removeAddresses: [{ host: '192.0.2.11', prefix: 25 }] },
  ]);
  t.deepEqual(notes, []);
  await joined.leave();
});

test('what the user says wins over what DHCP says', async (t) => {
  const { join, sockets, names, hold } = stage(t);
  const joining = join({ ip: ['dhcp'], mtu: 1280, gateway: '192.0.2.99', dns: ['192.0.2.53'] });
  hold.tell({
    lease: {
      address: '192.0.2.10',
      prefix: 24,
      gateway: '192.0.2.1',
      mtu: 9000,
      dns: ['192.0.2.2'],
      domain: 'lab',
    },
  });
  await (await joining).leave();
  t.false(sockets.settings.some(([, { mtu }]) => mtu === 9000));
  t.false(sockets.settings.some(([, { gateway }]) => gateway === '192.0.2.1'));
  t.true(sockets.settings.some(([, { gateway }]) => gateway === '192.0.2.99'));
  t.deepEqual(names.at(-1), { dns: ['192.0.2.53'], domain: 'lab' });
  t.true(names.every(({ dns }) => dns[0] === '192.0.2.53'));
});

test('no server: a sentence that names --ip, and nothing left', async (t) => {
  const { join, said } = stage(t, { patience: 30 });
  const error = await t.throwsAsync(join({ ip: ['dhcp'] }), { instanceOf: KithError });
  t.is(error?.code, 'not-found');
  t.regex(error?.message ?? '', /no DHCP server answered.*--ip/);
  t.is(said.at(-1), 'removed eth0@7');
});

test('an interruption ends the wait', async (t) => {
  const interruption = new AbortController();
  const { join, said } = stage(t, { interruption: interruption.signal });
  const joining = join({ ip: ['dhcp'] });
  await turns();
  interruption.abort(new Error('interrupted'));
  await t.throwsAsync(joining, { message: 'interrupted' });
  t.is(said.at(-1), 'removed eth0@7');
});

test('a node that ends while we wait, and later', async (t) => {
  const waiting = stage(t);
  const joining = waiting.join({ ip: ['dhcp'] });
  await turns();
  waiting.hold.end();
  await t.throwsAsync(joining, { code: 'not-running' });

  const { join, hold, notes } = stage(t);
  await join({});
  hold.end();
  await turns();
  t.is(notes.length, 1);
  t.regex(notes[0], /let go of eth0/);
});

test('a gateway that is out of reach is the mistake of whoever named it', async (t) => {
  const { join } = stage(t);
  const error = await t.throwsAsync(join({ gateway: '203.0.113.1' }), { instanceOf: KithError });
  t.is(error?.code, 'usage');
  t.regex(error?.message ?? '', /^--gateway '203\.0\.113\.1' must be in the network/);

  const other = stage(t);
  other.sockets.refusal = Errno.EPERM;
  await t.throwsAsync(other.join({ gateway: '203.0.113.1' }), { code: 'permission' });

  const { join: lease, hold, notes } = stage(t);
  const joining = lease({ ip: ['dhcp'] });
  hold.tell({ lease: { address: '192.0.2.10', prefix: 24, gateway: '203.0.113.1' } });
  await joining;
  t.is(notes.length, 1);
  t.regex(notes[0], /203\.0\.113\.1 cannot be the way/);
});

test('names that cannot be used are told of once', async (t) => {
  const { join, hold, notes } = stage(t, {
    useNames: () => {
      throw new KithError('system', 'names are looked up as outside');
    },
  });
  await join({ dns: ['192.0.2.53'] });
  hold.tell({ lease: { address: '192.0.2.10', prefix: 24 } });
  await turns();
  t.deepEqual(notes, ['names are looked up as outside']);
});

test('a node that refuses leaves no device behind', async (t) => {
  const bench = stage(t);
  const error = new KithError('system', 'all ports are taken');
  const node = {
    openTapAttachment: () => Promise.reject(error),
    completeTapAttachment: () => Promise.reject(error),
    holdTap: () => Promise.reject(error),
    removeTap: () => Promise.reject(error),
  };
  const system = { sockets: bench.sockets, node } as unknown as ExecSystem;
  const plan = { home: '', name: 'eth0', ip: ['10.0.0.5/24'], dns: [], command: ['true'] };
  await t.throwsAsync(ExecNetwork.join(plan, { ...system, randomMac: () => MAC }), { is: error });
  t.is(bench.sockets.closed.length, 1);
});

test('a resolv.conf has three servers at most', (t) => {
  t.is(
    resolverText({ dns: ['192.0.2.1', 'fd00::1', '192.0.2.3', '192.0.2.4'], domain: 'lab' }),
    '# Made by kith exec.\nsearch lab\nnameserver 192.0.2.1\nnameserver fd00::1\nnameserver 192.0.2.3\n',
  );
  t.is(resolverText({ dns: ['192.0.2.1'] }), '# Made by kith exec.\nnameserver 192.0.2.1\n');
});
