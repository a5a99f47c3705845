import test from 'ava';
import { ProviderTable } from '../../src/f2f/provider-table.ts';
import type { LinkProvider } from '../../src/links/contract.ts';

function provider(scheme: string, preference: number, closed: string[]): LinkProvider {
  return {
    scheme,
    preference,
    dial: () => Promise.reject(new Error('nobody is there')),
    listen: (url) => Promise.resolve({ url: url.replace(/:0$/, ':4000'), close: () => {} }),
    close: () => void closed.push(scheme),
  };
}

test('a URL goes to the provider of its scheme, and is told with the port in use', async (t) => {
  const closed: string[] = [];
  const table = new ProviderTable();
  table.add(provider('udp', 10, closed));
  table.add(provider('tcp', 20, closed));
  t.deepEqual([...table.byScheme.keys()], ['udp', 'tcp']);
  t.is(await table.listen('tcp://[::]:0'), 'tcp://[::]:4000');
  t.is(await table.listen('udp://[::]:7'), 'udp://[::]:7');
  t.deepEqual(table.listening, ['tcp://[::]:4000', 'udp://[::]:7']);
  table.close();
  t.deepEqual(closed, ['udp', 'tcp']);
});

test('a scheme that nobody has', async (t) => {
  const table = new ProviderTable();
  table.add(provider('udp', 10, []));
  await t.throwsAsync(table.listen('ws://h:1'), { instanceOf: RangeError });
  t.deepEqual(table.listening, []);
  t.deepEqual([table.preferenceOf('udp'), table.preferenceOf('ws')], [10, 0]);
});
