import test from 'ava';
import fc from 'fast-check';
import { type Interfaces, ownAddresses } from '../../src/controller/own-addresses.ts';
import { leadsOverUs, masterOf, underlay } from '../../src/controller/underlay.ts';

const at = (cidr: string) => ({ address: cidr.split('/')[0], internal: false, cidr });

const MACHINE: Interfaces = {
  lo: [{ address: '127.0.0.1', internal: true, cidr: '127.0.0.1/8' }],
  eth0: [at('192.0.2.10/24'), at('2001:db8::10/64')],
  kith0: [at('10.9.0.1/24'), at('fd00::1/64')],
  lan0: [at('198.51.100.1/24')],
  br0: [at('172.16.0.1/16')],
  gone: undefined,
};

const bridged = (name: string) => (name === 'lan0' ? 'br0' : undefined);

test('interfaces of ours, and a bridge with one of them, are not below', (t) => {
  const below = underlay(MACHINE, ['kith0', 'lan0'], bridged);
  t.deepEqual(Object.keys(below), ['lo', 'eth0', 'gone']);
  t.deepEqual(ownAddresses(['udp://0.0.0.0:1'], below), {
    everywhere: ['udp://192.0.2.10:1'],
    local: ['udp://127.0.0.1:1'],
  });
});

test('without interfaces of ours all is below', (t) => {
  t.deepEqual(underlay(MACHINE, [], bridged), MACHINE);
  t.false(leadsOverUs('udp://10.9.0.2:1', MACHINE, MACHINE));
});

test('what is reached by the network itself is not dialled', (t) => {
  const below = underlay(MACHINE, ['kith0', 'lan0'], bridged);
  const over = (url: string) => leadsOverUs(url, MACHINE, below);
  for (const url of ['udp://10.9.0.2:1', 'tcp://[fd00::2]:1', 'udp://172.16.9.9:1']) {
    t.true(over(url), url);
  }
  for (const url of [
    'udp://192.0.2.11:1',
    'tcp://203.0.113.1:1',
    'udp://[2001:db8::1]:1',
    'udp://vm.example.org:1',
    'memory://bob',
    'relay:bob',
    'udp://10.9.0.2',
    '',
  ]) {
    t.false(over(url), url);
  }
});

test('the longest prefix decides, and of two as long the one below', (t) => {
  const machine: Interfaces = { eth0: [at('10.1.2.3/24')], kith0: [at('10.0.0.1/8')] };
  const below = underlay(machine, ['kith0'], () => undefined);
  t.false(leadsOverUs('udp://10.1.2.9:1', machine, below));
  t.true(leadsOverUs('udp://10.1.3.9:1', machine, below));
  const same: Interfaces = { eth0: [at('10.1.2.3/24')], kith0: [at('10.1.2.4/24')] };
  t.false(leadsOverUs('udp://10.1.2.9:1', same, { eth0: same.eth0 }));
});

test('no text breaks it', (t) => {
  const below = underlay(MACHINE, ['kith0'], () => undefined);
  fc.assert(fc.property(fc.string(), (text) => !leadsOverUs(text, MACHINE, below)));
  t.pass();
});

test('an interface that is not there has no master', (t) => {
  t.is(masterOf('kith-none'), undefined);
});
