import test from 'ava';
import {
  type Interfaces,
  ownAddresses,
  ticketAddresses,
} from '../../src/controller/own-addresses.ts';

const MACHINE: Interfaces = {
  lo: [
    { address: '127.0.0.1', internal: true },
    { address: '::1', internal: true },
  ],
  eth0: [
    { address: '192.0.2.10', internal: false },
    { address: '2001:db8::10', internal: false },
    { address: 'fe80::1', internal: false },
  ],
  wlan0: [{ address: '198.51.100.4', internal: false }],
  gone: undefined,
};

test('a wildcard stands for every address, loopback apart, link-local never', (t) => {
  t.deepEqual(ownAddresses(['udp://[::]:4000'], MACHINE), {
    everywhere: ['udp://192.0.2.10:4000', 'udp://[2001:db8::10]:4000', 'udp://198.51.100.4:4000'],
    local: ['udp://127.0.0.1:4000', 'udp://[::1]:4000'],
  });
});

test('what is loopback is decided by the address, not by the interface', (t) => {
  const router: Interfaces = { lo: [...MACHINE.lo!, { address: '198.51.100.1', internal: true }] };
  t.deepEqual(ownAddresses(['udp://0.0.0.0:1', 'tcp://127.0.0.53:2', 'tcp://[::1]:3'], router), {
    everywhere: ['udp://198.51.100.1:1'],
    local: ['tcp://127.0.0.53:2', 'tcp://[::1]:3', 'udp://127.0.0.1:1'],
  });
});

test('a ticket has loopback only where there is nothing else', (t) => {
  t.deepEqual(ticketAddresses({ everywhere: ['udp://a:1'], local: ['udp://127.0.0.1:1'] }), [
    'udp://a:1',
  ]);
  t.deepEqual(ticketAddresses({ everywhere: [], local: ['udp://127.0.0.1:1'] }), [
    'udp://127.0.0.1:1',
  ]);
});

test('the IPv4 wildcard has IPv4 addresses only', (t) => {
  t.deepEqual(ownAddresses(['tcp://0.0.0.0:1'], MACHINE), {
    everywhere: ['tcp://192.0.2.10:1', 'tcp://198.51.100.4:1'],
    local: ['tcp://127.0.0.1:1'],
  });
});

test('both kinds of link at one address stand together', (t) => {
  const { everywhere } = ownAddresses(['udp://0.0.0.0:1', 'tcp://0.0.0.0:2'], MACHINE);
  t.deepEqual(everywhere.slice(0, 2), ['udp://192.0.2.10:1', 'tcp://192.0.2.10:2']);
});

test('an address that was chosen comes first and stays as it is', (t) => {
  t.deepEqual(
    ownAddresses(['udp://[::]:1', 'tcp://192.0.2.10:2', 'memory://here'], MACHINE).everywhere.slice(
      0,
      3,
    ),
    ['tcp://192.0.2.10:2', 'memory://here', 'udp://192.0.2.10:1'],
  );
});

test('nothing is told twice, and without interfaces there is nothing to tell', (t) => {
  t.deepEqual(ownAddresses(['udp://192.0.2.10:1', 'udp://0.0.0.0:1'], MACHINE), {
    everywhere: ['udp://192.0.2.10:1', 'udp://198.51.100.4:1'],
    local: ['udp://127.0.0.1:1'],
  });
  t.deepEqual(ownAddresses(['udp://[::]:1'], {}), { everywhere: [], local: [] });
  t.deepEqual(ownAddresses([], MACHINE), { everywhere: [], local: [] });
});

test('the interfaces of this machine are taken where none are given', (t) => {
  const { everywhere, local } = ownAddresses(['udp://0.0.0.0:9']);
  t.true([...everywhere, ...local].every((url) => /^udp:\/\/[\d.]+:9$/.test(url)));
});
