import test from 'ava';
import { isLocal } from '../../src/f2f/carrier-network.ts';
import { emitAddress } from '../../src/io/address.ts';
import { ADDRESS_LENGTH } from '../../src/io/contract.ts';
import type { Carrier } from '../../src/links/contract.ts';

function carrier(remote: string, host?: string): Carrier {
  const address = host === undefined ? undefined : new Uint8Array(ADDRESS_LENGTH);
  if (host !== undefined && address !== undefined) emitAddress({ host, port: 4000 }, address);
  const [provider = ''] = remote.split(':');
  return { provider, remote, reliable: false, descriptor: 1, address, close: () => {} };
}

test('who is on this machine is reached over loopback', (t) => {
  for (const host of ['127.0.0.1', '127.255.255.254', '::1']) {
    t.true(isLocal(carrier('udp://x:1', host)), host);
  }
  t.true(isLocal(carrier('tcp://127.0.0.1:4000')));
  t.true(isLocal(carrier('tcp://[::1]:4000')));
});

test('all others are elsewhere, whatever they are called', (t) => {
  for (const host of ['192.0.2.1', '126.0.0.1', '128.0.0.1', '::2', '::', 'fe80::1', '7f00::1']) {
    t.false(isLocal(carrier('udp://x:1', host)), host);
  }
  t.false(isLocal(carrier('tcp://127.example.org:4000')));
  t.false(isLocal(carrier(`relay://${'7f'.repeat(20)}`)));
  t.false(isLocal(carrier('memory://here')));
});
