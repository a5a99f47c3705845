import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { RememberedPorts } from '../../src/controller/remembered-ports.ts';

async function home(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kith-ports-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

const systemChooses = (port: number) => async (url: string) => url.replace(/:0$/, `:${port}`);

test('a port that the system chose is asked for again', async (t) => {
  const directory = await home(t);
  const first = new RememberedPorts(directory);
  await first.load();
  t.is(await first.listen('udp://[::]:0', systemChooses(4001)), 'udp://[::]:4001');
  await first.save();

  const second = new RememberedPorts(directory);
  await second.load();
  t.is(await second.listen('udp://[::]:0', systemChooses(4002)), 'udp://[::]:4001');
  t.is(await second.listen('tcp://[::]:0', systemChooses(4003)), 'tcp://[::]:4003');
});

test('a port that is taken by now is given up', async (t) => {
  const directory = await home(t);
  await writeFile(join(directory, 'ports.json'), '{"udp://[::]:0": 4001}');
  const ports = new RememberedPorts(directory);
  await ports.load();
  const used = await ports.listen('udp://[::]:0', async (url) => {
    if (url.endsWith(':4001')) throw new Error('in use');
    return 'udp://[::]:4002';
  });
  t.is(used, 'udp://[::]:4002');
  await ports.save();
  t.deepEqual(JSON.parse(await readFile(join(directory, 'ports.json'), 'utf8')), {
    'udp://[::]:0': 4002,
  });
});

test('a port that was asked for by name is neither changed nor remembered', async (t) => {
  const directory = await home(t);
  const ports = new RememberedPorts(directory);
  await ports.load();
  t.is(await ports.listen('udp://[::]:4747', async (url) => url), 'udp://[::]:4747');
  await ports.save();
  await t.throwsAsync(readFile(join(directory, 'ports.json')), { code: 'ENOENT' });
});

test('a damaged file is as good as none', async (t) => {
  const directory = await home(t);
  await writeFile(join(directory, 'ports.json'), 'x');
  const ports = new RememberedPorts(directory);
  await ports.load();
  t.is(await ports.listen('udp://[::]:0', systemChooses(4001)), 'udp://[::]:4001');
});
