/** Devices over the sockets of memory, and over a system that refuses. */
import test from 'ava';
import { KithError } from '../../src/errors.ts';
import { Errno, systemError } from '../../src/io/errno.ts';
import { MemoryNetwork } from '../../src/io/memory-network.ts';
import { MemorySockets } from '../../src/io/memory-sockets.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import type { TapOptions } from '../../src/tap/contract.ts';
import { tapOpener } from '../../src/tap/tap-device.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
const OPTIONS: TapOptions = {
  name: 'kith%d',
  namespace: '',
  mtu: 1400,
  addresses: [{ host: '10.0.0.1', prefix: 24 }],
  macFor: () => MAC,
};

function machine() {
  const network = new MemoryNetwork();
  return { network, sockets: new MemorySockets(network, network.addHost('192.0.2.1')) };
}

test('a device is set up before it is switched on, at its real name', (t) => {
  const { network, sockets } = machine();
  const device = tapOpener(sockets)({
    ...OPTIONS,
    macFor: (name) => {
      t.is(name, 'kith0');
      return MAC;
    },
  });
  t.is(device.name, 'kith0');
  t.deepEqual(network.interfaceSettings.get('kith0'), [
    {
      mac: MAC,
      mtu: 1400,
      superFrame: { octets: 60_000, segments: 64 },
      addresses: OPTIONS.addresses,
      up: true,
    },
  ]);
  device.configure({ up: false });
  t.deepEqual(network.interfaceSettings.get('kith0')?.at(-1), { up: false });
});

test('a device in a namespace', (t) => {
  const { network, sockets } = machine();
  network.namespaces.add('/run/netns/blue');
  const open = tapOpener(sockets);
  t.is(open({ ...OPTIONS, namespace: '/run/netns/blue' }).name, 'kith0');
  t.is(open(OPTIONS).name, 'kith0');
  t.throws(() => open({ ...OPTIONS, namespace: '/run/netns/red' }), {
    code: 'not-found',
    message: /^there is no network namespace \/run\/netns\/red; /,
  });
});

type Step = 'tryNamespace' | 'openTap' | 'configureInterface';

/** A system that refuses one step. */
function refusing(step: Step, errno: number) {
  const { network, sockets } = machine();
  const refuse = () => {
    throw systemError('do it', errno);
  };
  const system: SystemSockets = new Proxy<SystemSockets>(sockets, {
    get: (target, name) => {
      if (name === step) return refuse;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { network, open: tapOpener(system) };
}

for (const [step, errno, code, words] of [
  ['openTap', Errno.EPERM, 'permission', /CAP_NET_ADMIN.*`kith exec`/],
  ['openTap', Errno.EACCES, 'permission', /chmod 0666 \/dev\/net\/tun.*CAP_NET_ADMIN.*`kith exec`/],
  ['openTap', Errno.ENOENT, 'unsupported', /no \/dev\/net\/tun; .*modprobe tun/],
  ['openTap', Errno.ENODEV, 'unsupported', /no \/dev\/net\/tun; .*modprobe tun/],
  ['openTap', Errno.EBUSY, 'usage', /interface kith%d already; choose another name/],
  ['openTap', Errno.ENFILE, 'usage', /every number is taken for kith%d/],
  ['openTap', Errno.EINVAL, 'system', /EINVAL/],
  ['configureInterface', Errno.EPERM, 'permission', /CAP_NET_ADMIN.*`kith exec`/],
  ['configureInterface', Errno.EEXIST, 'address', /has that address or route already/],
  ['configureInterface', Errno.ENODEV, 'not-found', /interface kith0 is gone/],
  ['configureInterface', Errno.EACCES, 'permission', /EACCES/],
  ['tryNamespace', Errno.ENOENT, 'not-found', /no network namespace .*ip netns list/],
  ['tryNamespace', Errno.EINVAL, 'usage', /is no network namespace/],
  ['tryNamespace', Errno.EPERM, 'permission', /CAP_SYS_ADMIN and CAP_NET_ADMIN.*`kith exec`/],
  ['tryNamespace', Errno.EMSGSIZE, 'system', /EMSGSIZE/],
] as const) {
  test(`${step} refused with ${errno}: one sentence, and nothing left behind`, (t) => {
    const { network, open } = refusing(step, errno);
    const error = t.throws(() => open(OPTIONS), { instanceOf: KithError });
    t.is(error?.code, code);
    t.regex(error?.message ?? '', words);
    t.notRegex(error?.message ?? '', /\n|\. /);
    t.is(network.openDescriptors, 0);
  });
}

test('an IPv6 address where IPv6 is off', (t) => {
  const { open } = refusing('configureInterface', Errno.EACCES);
  const addresses = [{ host: 'fd00::1', prefix: 64 }];
  t.throws(() => open({ ...OPTIONS, addresses }), {
    code: 'unsupported',
    message: /cannot have an IPv6 address, because IPv6 is switched off/,
  });
});
