/** Every provider against the compliance suite: over the real system, and in memory. */
import { readdirSync, readlinkSync } from 'node:fs';
import test from 'ava';
import type { ProviderFactory } from '../../src/links/contract.ts';
import { MemoryPlaces, memoryProvider } from '../../src/links/memory/memory-provider.ts';
import { tcpProvider } from '../../src/links/tcp/tcp-provider.ts';
import { udpProvider } from '../../src/links/udp/udp-provider.ts';
import { type ComplianceSubject, providerCompliance } from './provider-compliance.ts';
import { Grounds, Stage } from './stage.ts';

/** A factory whose places are its own: tests do not meet. */
function memoryFactory(): ProviderFactory {
  const places = new MemoryPlaces();
  return (host, events) => memoryProvider(host, events, places);
}

let grounds: Grounds | undefined;
test.after.always(() => grounds?.close());

/**
 * A stage whose data planes are those of the last one, with nothing on them any more: a worker
 * takes longer to start than most tests. Not for UDP: how many strangers came is remembered,
 * and on loopback all are of one network.
 */
function again(makeProvider: ProviderFactory): Stage {
  grounds ??= Grounds.real();
  return Stage.on(grounds, makeProvider);
}

const INTERNET = { deadUrls: [], listenUrl: '' };
const badUrls = (scheme: string) => [
  '',
  scheme,
  `${scheme}://`,
  `${scheme}://192.0.2.1`,
  `${scheme}://192.0.2.1:99999`,
  `${scheme}://192.0.2.300:7`,
  `${scheme}://::1:7`,
  'gopher://192.0.2.1:70',
];
const MEMORY_BAD = ['', 'memory', 'memory://', 'memory://a b', 'memory://a/b', 'tcp://192.0.2.1:7'];

const subjects: readonly ComplianceSubject[] = [
  {
    name: 'memory, in workers',
    reliable: true,
    listenUrl: 'memory://here',
    deadUrls: ['memory://nobody'],
    badUrls: MEMORY_BAD,
    makeStage: () => again(memoryFactory()),
  },
  {
    name: 'memory, in memory',
    reliable: true,
    listenUrl: 'memory://here',
    deadUrls: ['memory://nobody'],
    badUrls: MEMORY_BAD,
    makeStage: () => Stage.memory(memoryFactory()),
  },
  {
    ...INTERNET,
    name: 'tcp, real',
    reliable: true,
    listenUrl: 'tcp://127.0.0.1:0',
    // A broadcast address is no place to connect to.
    deadUrls: ['tcp://255.255.255.255:7'],
    badUrls: badUrls('tcp'),
    makeStage: () => again(tcpProvider),
  },
  {
    ...INTERNET,
    name: 'tcp, real, dual-stack',
    reliable: true,
    listenUrl: 'tcp://[::]:0',
    dialUrl: (url) => url.replace('[::]', '127.0.0.1'),
    badUrls: badUrls('tcp'),
    makeStage: () => again(tcpProvider),
  },
  {
    ...INTERNET,
    name: 'tcp, in memory',
    reliable: true,
    listenUrl: 'tcp://192.0.2.2:0',
    deadUrls: ['tcp://192.0.2.3:7', 'tcp://[2001:db8::1]:7'],
    badUrls: badUrls('tcp'),
    makeStage: () => Stage.memory(tcpProvider),
  },
  {
    ...INTERNET,
    name: 'udp, real, over several workers',
    reliable: false,
    listenUrl: 'udp://127.0.0.1:0',
    badUrls: badUrls('udp'),
    makeStage: () => Stage.real(udpProvider, 3),
  },
  {
    ...INTERNET,
    name: 'udp, real',
    reliable: false,
    listenUrl: 'udp://127.0.0.1:0',
    badUrls: badUrls('udp'),
    makeStage: () => Stage.real(udpProvider),
  },
  {
    ...INTERNET,
    name: 'udp, real, dual-stack',
    reliable: false,
    listenUrl: 'udp://[::]:0',
    dialUrl: (url) => url.replace('[::]', '127.0.0.1'),
    badUrls: badUrls('udp'),
    makeStage: () => Stage.real(udpProvider),
  },
  {
    ...INTERNET,
    name: 'udp, in memory',
    reliable: false,
    listenUrl: 'udp://192.0.2.2:0',
    badUrls: badUrls('udp'),
    makeStage: () => Stage.memory(udpProvider),
  },
];

for (const subject of subjects) providerCompliance(test, subject);

test('providers are preferred in the order memory, udp, tcp', async (t) => {
  const stages = [memoryFactory(), udpProvider, tcpProvider].map((factory) =>
    Stage.memory(factory),
  );
  const preferences = stages.map((stage) => stage.left.provider.preference);
  t.deepEqual(
    preferences,
    [...preferences].sort((a, b) => a - b),
  );
  for (const stage of stages) await stage.close();
});

test.serial('udp: what is dialled leaves from the port that is listened on', async (t) => {
  const stage = Stage.real(udpProvider);
  t.teardown(() => stage.close());
  const ours = await stage.left.provider.listen('udp://127.0.0.1:0');
  const theirs = await stage.right.provider.listen('udp://127.0.0.1:0');
  const carrier = await stage.dial(theirs.url);
  stage.left.send(carrier, Uint8Array.of(3, 0, 0));
  await stage.until(() => stage.right.messages.length > 0);
  t.is(stage.right.messages[0]?.carrier.remote, ours.url);
});

test.serial('udp: a socket that cannot reach the other family is not used for it', async (t) => {
  const stage = Stage.real(udpProvider);
  t.teardown(() => stage.close());
  await stage.left.provider.listen('udp://127.0.0.1:0');
  const loopback = await stage.dial('udp://127.0.0.1:9');
  const six = await stage.dial('udp://[::1]:9');
  const far = await stage.dial('udp://192.0.2.9:9');
  t.not(six.descriptor, loopback.descriptor);
  t.is(far.descriptor, six.descriptor); // the dual-stack one serves both
});

/** Sockets, eventfds and the like that this process holds. */
function systemDescriptors(): number {
  const kinds = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return ''; // the one that listed the directory
    }
  });
  return kinds.filter((kind) => /^(socket|anon_inode)/.test(kind)).length;
}

test.serial('no descriptor is left behind, whatever state a link is in', async (t) => {
  const run = async (factory: ProviderFactory, listenUrl: string): Promise<void> => {
    const stage = Stage.real(factory);
    const { url } = await stage.right.provider.listen(listenUrl);
    const carriers = await Promise.all([1, 2, 3, 4].map(() => stage.dial(url)));
    stage.left.send(carriers[0], Uint8Array.of(1, 0, 0));
    await stage.until(() => stage.right.messages.length > 0);
    carriers[0].close();
    stage.left.send(carriers[1], Uint8Array.of(0x7f, 0, 0)); // garbage
    // Some are dialled or on their way when everything ends.
    const late = [1, 2, 3].map(() => stage.left.provider.dial(url, new AbortController().signal));
    for (const each of late) each.catch(() => {});
    await stage.close();
  };
  const all = [
    [tcpProvider, 'tcp://127.0.0.1:0'],
    [udpProvider, 'udp://127.0.0.1:0'],
    [memoryFactory(), 'memory://here'],
  ] satisfies [ProviderFactory, string][];
  for (const [factory, url] of all) await run(factory, url); // whatever Node opens once is open now
  const before = systemDescriptors();
  for (let i = 0; i < 3; i++) {
    for (const [factory, url] of all) await run(factory, url);
  }
  t.is(systemDescriptors(), before);
});
