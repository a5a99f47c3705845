import test, { type ExecutionContext } from 'ava';
import { DialError, type DialledSession, type DialRequest, dial } from '../../src/f2f/dialler.ts';
import type { HandshakeOutcome, InitiatorFacts } from '../../src/f2f/handshake-driver.ts';
import type { Carrier, LinkProvider } from '../../src/links/contract.ts';
import type { HandshakeSession } from '../../src/links/handshake/handshake-outcome.ts';
import { aliceOptions, bob } from '../links/handshake/handshake-driver.ts';
import { VirtualTime } from './virtual-time.ts';

/** What becomes of one address: how long the carrier takes, and then the handshake. */
interface Fate {
  /** Milliseconds; absent: the provider never comes back, not even when told to stop. */
  readonly connects?: number;
  readonly refused?: string;
  readonly handshake?: number;
  readonly fails?: string;
  /** The friend itself says no. */
  readonly final?: boolean;
  /** It does not know us. */
  readonly unknown?: boolean;
  /** Cannot be called back: the other end has the session already. */
  readonly committed?: boolean;
}

interface Bench {
  readonly time: VirtualTime;
  /** What happened, with the milliseconds since the start. */
  readonly log: string[];
  readonly late: DialledSession[];
  readonly open: Set<string>;
  request(addresses: readonly string[], changes?: Partial<DialRequest>): DialRequest;
}

function bench(t: ExecutionContext, fates: Readonly<Record<string, Fate>>): Bench {
  const time = new VirtualTime();
  t.teardown(time.install());
  const start = time.now();
  const log: string[] = [];
  const open = new Set<string>();
  const late: DialledSession[] = [];
  const note = (what: string): void => void log.push(`${Math.round(time.now() - start)} ${what}`);
  const provider = (scheme: string, preference: number): LinkProvider => ({
    scheme,
    preference,
    listen: () => Promise.reject(new Error('not here')),
    close: () => {},
    dial: (url) => {
      note(`dial ${url}`);
      const { connects, refused } = fates[url] ?? {};
      return new Promise((resolve, reject) => {
        if (connects === undefined) return;
        setTimeout(() => {
          if (refused !== undefined) return reject(new Error(refused));
          open.add(url);
          resolve(fakeCarrier(url, () => open.delete(url)));
        }, connects);
      });
    },
  });
  const initiate = (
    carrier: Carrier,
    _: InitiatorFacts,
    signal: AbortSignal,
  ): Promise<HandshakeOutcome> =>
    new Promise((resolve, reject) => {
      note(`handshake ${carrier.remote}`);
      const { handshake, fails, final, unknown, committed } = fates[carrier.remote] ?? {};
      signal.addEventListener('abort', () => {
        if (committed !== true) reject(signal.reason);
      });
      if (handshake === undefined) return;
      setTimeout(() => {
        if (fails === undefined) resolve({ session: {} as HandshakeSession, carrier });
        else {
          const failure = {
            reason: unknown
              ? ('unknown-peer' as const)
              : final
                ? ('plaintext-refused' as const)
                : ('timeout' as const),
            by: final || unknown ? ('peer' as const) : ('us' as const),
            detail: fails,
            peerUid: final || unknown ? bob.uid : undefined,
          };
          resolve({ failure, carrier });
        }
      }, handshake);
    });
  const providers = new Map([
    ['udp', provider('udp', 10)],
    ['tcp', provider('tcp', 20)],
  ]);
  return {
    time,
    log,
    late,
    open,
    request: (addresses, changes = {}) => ({
      addresses,
      providers,
      driver: { initiate },
      facts: aliceOptions(),
      signal: new AbortController().signal,
      late: (dialled) => void late.push(dialled),
      ...changes,
    }),
  };
}

function fakeCarrier(remote: string, close: () => void): Carrier {
  return {
    provider: remote.slice(0, remote.indexOf(':')),
    remote,
    reliable: false,
    descriptor: 1,
    address: undefined,
    close,
  };
}

/** How a promise stands, without waiting for it. */
function watch<T>(promise: Promise<T>): { value?: T; error?: Error } {
  const state: { value?: T; error?: Error } = {};
  promise.then(
    (value) => {
      state.value = value;
    },
    (error: Error) => {
      state.error = error;
    },
  );
  return state;
}

test.serial(
  'addresses are tried in order of preference, each a second after the last',
  async (t) => {
    const { time, log, request, open } = bench(t, {
      'udp://a': { connects: 0 },
      'udp://b': { connects: 0 },
      'tcp://a': { connects: 10, handshake: 20 },
    });
    const state = watch(dial(request(['tcp://a', 'udp://a', 'carrier-pigeon://a', 'udp://b'])));
    await time.advance(5000);
    t.is(state.value?.carrier.remote, 'tcp://a');
    t.is(state.value?.preference, 20);
    t.deepEqual(log, [
      '0 dial udp://a',
      '1 handshake udp://a',
      '1000 dial udp://b',
      '1001 handshake udp://b',
      '2000 dial tcp://a',
      '2010 handshake tcp://a',
    ]);
    t.deepEqual([...open], ['tcp://a'], 'the carriers of the others are closed');
  },
);

test.serial('the first one that answers ends the rest', async (t) => {
  const { time, log, request, open, late } = bench(t, {
    'udp://a': { connects: 5, handshake: 30 },
    'tcp://a': { connects: 5, handshake: 30 },
  });
  const state = watch(dial(request(['udp://a', 'tcp://a'])));
  await time.advance(5000);
  t.is(state.value?.carrier.remote, 'udp://a');
  t.deepEqual(log, ['0 dial udp://a', '5 handshake udp://a'], 'nobody else was bothered');
  t.deepEqual([...open], ['udp://a']);
  t.deepEqual(late, []);
  t.is(time.armed, 0);
});

test.serial('one that fails makes room for the next at once', async (t) => {
  const { time, log, request } = bench(t, {
    'udp://a': { connects: 5, refused: 'nobody there' },
    'tcp://a': { connects: 5, handshake: 5 },
  });
  const state = watch(dial(request(['udp://a', 'tcp://a'])));
  await time.advance(20);
  t.is(state.value?.carrier.remote, 'tcp://a');
  t.is(log[1], '5 dial tcp://a');
});

test.serial('a session that came second is handed over, not lost', async (t) => {
  const { time, request, late, open } = bench(t, {
    'udp://a': { connects: 5, handshake: 1500, committed: true },
    'tcp://a': { connects: 5, handshake: 10 },
  });
  const state = watch(dial(request(['udp://a', 'tcp://a'])));
  await time.advance(1200);
  t.is(state.value?.carrier.remote, 'tcp://a');
  await time.advance(1000);
  t.deepEqual(
    late.map(({ carrier, preference }) => [carrier.remote, preference]),
    [['udp://a', 10]],
  );
  t.deepEqual([...open].sort(), ['tcp://a', 'udp://a'], 'its carrier lives');
});

test.serial('when all fail, the last one says why', async (t) => {
  const { time, request, open } = bench(t, {
    'udp://a': { connects: 1, handshake: 300, fails: 'The peer did not answer in time.' },
    'tcp://a': { connects: 700, refused: 'tcp://a cannot be reached: refused.' },
  });
  const state = watch(dial(request(['udp://a', 'tcp://a'])));
  await time.advance(5000);
  t.is(state.error?.message, 'tcp://a cannot be reached: refused.');
  t.is(open.size, 0);
});

test.serial('a failed handshake is told with its address', async (t) => {
  const { time, request } = bench(t, {
    'udp://a': { connects: 1, handshake: 3, fails: 'The peer does not know us.' },
  });
  const state = watch(dial(request(['udp://a'])));
  await time.advance(100);
  t.is(state.error?.message, 'udp://a: The peer does not know us.');
});

test.serial('without an address of a known kind there is nothing to wait for', async (t) => {
  const { time, request } = bench(t, {});
  const state = watch(dial(request(['carrier-pigeon://a'])));
  await time.advance(1);
  t.regex(state.error?.message ?? '', /it has to call us/);
});

test.serial('an address that never answers holds nobody up for longer than its time', async (t) => {
  const { time, request, open } = bench(t, {
    'udp://a': { connects: 1, handshake: 300, fails: 'no' },
    // This system lets connections take minutes.
    'tcp://a': { connects: 120_000, handshake: 1 },
    'tcp://b': {},
  });
  const state = watch(dial(request(['udp://a', 'tcp://a', 'tcp://b'])));
  await time.advance(12_000);
  t.regex(state.error?.message ?? '', /^tcp:\/\/[ab] did not answer within 10 s\.$/);
  await time.advance(120_000);
  t.is(open.size, 0, 'what came too late is closed');
  t.is(time.armed, 0);
});

test.serial(
  'who gives up ends all attempts, and a session that comes then is handed over',
  async (t) => {
    const { time, request, open, late } = bench(t, {
      'udp://a': { connects: 1 },
      'udp://b': { connects: 1, handshake: 3000, committed: true },
    });
    const stop = new AbortController();
    const state = watch(dial(request(['udp://a', 'udp://b'], { signal: stop.signal })));
    await time.advance(2000);
    stop.abort(new Error('not needed any more'));
    await time.advance(1);
    t.is(state.error?.message, 'not needed any more');
    t.deepEqual([...open], ['udp://b']);
    await time.advance(5000);
    t.deepEqual(
      late.map(({ carrier }) => carrier.remote),
      ['udp://b'],
    );
    t.is(time.armed, 0);
  },
);

test.serial('who gives up before the first answer dials no further', async (t) => {
  const { time, log, request } = bench(t, { 'udp://a': { connects: 1 }, 'udp://b': {} });
  const stop = new AbortController();
  const state = watch(dial(request(['udp://a', 'udp://b'], { signal: stop.signal })));
  await time.advance(500);
  stop.abort(new Error('over'));
  await time.advance(60_000);
  t.is(state.error?.message, 'over');
  t.is(log.filter((line) => line.includes('dial')).length, 1);
  t.is(time.armed, 0);
});

test.serial('what a friend says of itself is tried after what we wrote down', async (t) => {
  const { time, log, request } = bench(t, {
    'tcp://ours:1': { refused: 'nobody', connects: 1 },
    'udp://ours:2': { refused: 'nobody', connects: 1 },
    'udp://theirs:1': { refused: 'nobody', connects: 1 },
    'tcp://theirs:2': { refused: 'nobody', connects: 1 },
  });
  const dialling = dial(
    request(['tcp://ours:1', 'udp://ours:2'], {
      last: ['tcp://theirs:2', 'udp://theirs:1', 'tcp://ours:1'],
    }),
  ).catch(() => {});
  await time.advance(5000);
  await dialling;
  t.deepEqual(
    log.map((line) => line.split(' ')[2]),
    ['udp://ours:2', 'tcp://ours:1', 'udp://theirs:1', 'tcp://theirs:2'],
  );
});

test.serial('who is unknown with a ticket hears that the ticket is no good', async (t) => {
  const fate = { connects: 1, handshake: 1, fails: 'who are you?', unknown: true };
  const { time, request } = bench(t, { 'udp://a:1': fate });
  const facts = { ...aliceOptions(), ticketSecret: new Uint8Array(16) };
  for (const [changes, complaint] of [
    [{ facts }, /^udp:\/\/a:1: The ticket has expired or somebody has used it; /],
    [{}, /^udp:\/\/a:1: who are you\?$/],
  ] as const) {
    const dialling = dial(request(['udp://a:1'], changes)).catch((error: Error) => error);
    await time.advance(100);
    t.regex(((await dialling) as Error).message, complaint);
  }
});

test.serial('a friend who says no is not asked at its other addresses', async (t) => {
  const { time, log, open, late, request } = bench(t, {
    'udp://a:1': { connects: 1, handshake: 1200, fails: 'join one group', final: true },
    'udp://b:2': { connects: 1, handshake: 3000, committed: true },
    'udp://c:3': { connects: 1, handshake: 1 },
  });
  const dialling = dial(request(['udp://a:1', 'udp://b:2', 'udp://c:3'])).catch(
    (error: Error) => error,
  );
  await time.advance(1500);
  const error = await dialling;
  t.true(error instanceof DialError);
  t.true((error as DialError).isFinal);
  t.is((error as DialError).message, 'udp://a:1: join one group');
  await time.advance(10_000);
  t.false(log.some((line) => line.includes('udp://c:3')));
  t.is(late.length, 1, 'one that was past calling back is handed over');
  t.deepEqual([...open], ['udp://b:2']);
});
