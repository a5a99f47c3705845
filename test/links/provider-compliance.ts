/**
 * What every link provider has to do, whatever it carries messages by and
 * wherever its data plane runs. The contract is src/links/contract.ts.
 */
import type { ExecutionContext, TestFn } from 'ava';
import { KithError } from '../../src/errors.ts';
import type { Carrier, Listening } from '../../src/links/contract.ts';
import { LinkMessageType, linkMessage } from '../../src/links/link-message.ts';
import type { Stage, StagePlace } from './stage.ts';

export interface ComplianceSubject {
  readonly name: string;
  readonly reliable: boolean;
  /** Where the listening side can listen; with port 0 where there are ports. */
  readonly listenUrl: string;
  /** What the dialling side dials, given what is listened on. */
  dialUrl?(listening: string): string;
  /** Addresses at which nobody answers, and which the system knows at once not to. */
  readonly deadUrls: readonly string[];
  readonly badUrls: readonly string[];
  makeStage(): Stage;
}

/** Two places with a carrier between them, seen from both ends. */
interface Joined {
  readonly stage: Stage;
  readonly near: Carrier;
  readonly far: Carrier;
  readonly listening: Listening;
}

const HELLO = linkMessage(LinkMessageType.handshakeInit, new Uint8Array(1197).fill(7));
const { signal: never } = new AbortController();

export function providerCompliance(test: TestFn, subject: ComplianceSubject): void {
  const { name, reliable, listenUrl } = subject;
  const dialUrl = subject.dialUrl ?? ((listening: string) => listening);

  const onStage = (title: string, run: (t: ExecutionContext, stage: Stage) => Promise<void>) => {
    test.serial(`${name}: ${title}`, async (t) => {
      const stage = subject.makeStage();
      try {
        await run(t, stage);
      } finally {
        await stage.close();
      }
    });
  };

  const join = async (stage: Stage): Promise<Joined> => {
    const listening = await stage.right.provider.listen(listenUrl);
    const near = await stage.dial(dialUrl(listening.url));
    stage.left.send(near, HELLO);
    await stage.until(() => stage.right.messages.length > 0);
    const [{ carrier: far }] = stage.right.messages;
    stage.right.messages.length = 0;
    return { stage, near, far, listening };
  };

  onStage('what is listened on can be dialled', async (t, stage) => {
    const { near, far, listening } = await join(stage);
    t.false(listening.url.endsWith(':0'));
    t.true(listening.url.startsWith(`${stage.right.provider.scheme}://`));
    for (const carrier of [near, far]) {
      t.is(carrier.provider, stage.left.provider.scheme);
      t.is(carrier.reliable, reliable);
      t.is(carrier.address === undefined, reliable);
      t.true(carrier.remote.startsWith(`${carrier.provider}://`));
    }
    t.is(stage.right.accepted.length, reliable ? 1 : 0);
    if (reliable) t.is(stage.right.accepted[0], far);
    t.is(stage.left.accepted.length, 0);
  });

  onStage('messages arrive whole and in order, both ways', async (t, stage) => {
    const { near, far } = await join(stage);
    const sizes = reliable
      ? [3, 4, 512, 1200, 9728, 9729, 30_000, 65_537, 65_538, 3, 65_538]
      : [3, 4, 100, 512, 1199, 1200];
    for (const [from, to, carrier] of [
      [stage.left, stage.right, near],
      [stage.right, stage.left, far],
    ] as const) {
      const sent = sizes.map((size, i) => message(size, i));
      if (reliable) {
        for (const each of sent) from.send(carrier, each);
        await stage.until(() => to.messages.length >= sent.length);
      } else {
        for (const [i, each] of sent.entries())
          await again(stage, from, carrier, each, () => to.messages.length > i);
      }
      t.deepEqual(
        to.messages.map((got) => got.message.length),
        sizes,
      );
      t.true(to.messages.every((got, i) => Buffer.compare(got.message, sent[i]) === 0));
      to.messages.length = 0;
    }
  });

  onStage('many messages at once', async (t, stage) => {
    const { near } = await join(stage);
    const count = reliable ? 500 : 100;
    for (let i = 0; i < count; i++) stage.left.send(near, message(50 + (i % 300), i));
    const { messages } = stage.right;
    await stage.until(() => messages.length >= (reliable ? count : 1));
    await stage.quiet();
    if (reliable)
      t.deepEqual(
        messages.map((got) => got.message.length),
        Array.from({ length: count }, (_, i) => 50 + (i % 300)),
      );
    t.true(messages.every((got) => got.message.length >= 50));
  });

  onStage('what was sent before `close` may be reused, and nothing is kept', async (t, stage) => {
    const { near } = await join(stage);
    const bytes = message(100, 1);
    const expected = bytes.slice();
    stage.left.send(near, bytes);
    if (stage.copiesOnSend) bytes.fill(0xff);
    await stage.until(() => stage.right.messages.length > 0);
    t.deepEqual(stage.right.messages[0].message, expected);
  });

  onStage('several carriers are told apart', async (t, stage) => {
    const { near, far, listening } = await join(stage);
    const second = await stage.dial(dialUrl(listening.url));
    stage.left.send(second, message(99, 0));
    await stage.until(() => stage.right.messages.length > 0);
    const [{ carrier }] = stage.right.messages;
    if (reliable) {
      t.not(carrier.descriptor, far.descriptor);
      second.close();
      await stage.until(() => stage.right.closed.length > 0);
      t.is(stage.right.closed[0].carrier, carrier);
    } else {
      second.close();
    }
    stage.right.messages.length = 0;
    stage.left.send(near, HELLO);
    await stage.until(() => stage.right.messages.length > 0);
    t.is(stage.right.messages[0].carrier.descriptor, far.descriptor);
  });

  onStage('closing twice does no harm, and afterwards nothing comes', async (t, stage) => {
    const { near, far } = await join(stage);
    near.close();
    near.close();
    if (reliable) {
      await stage.until(() => stage.right.closed.length > 0);
      t.is(stage.right.closed.length, 1);
      t.is(stage.right.closed[0].carrier, far);
      t.true(stage.right.closed[0].reason.length > 0);
      far.close();
      stage.left.send(near, HELLO);
      stage.right.send(far, HELLO);
      await stage.quiet();
    }
    t.deepEqual(stage.left.closed, []);
    t.deepEqual(stage.left.messages, []);
    t.deepEqual(stage.right.messages, []);
  });

  onStage('when listening ends nobody comes any more', async (t, stage) => {
    const { near, listening } = await join(stage);
    listening.close();
    listening.close();
    await stage.settled();
    if (reliable) {
      stage.left.send(near, HELLO); // what is joined stays
      await stage.until(() => stage.right.messages.length > 0);
      await t.throwsAsync(stage.dial(dialUrl(listening.url)), {
        instanceOf: KithError,
        code: 'address',
      });
    } else {
      stage.left.send(near, HELLO);
      await stage.quiet();
      t.deepEqual(stage.right.messages, []);
    }
    const again = await stage.right.provider.listen(listening.url);
    t.is(again.url, listening.url);
  });

  onStage('a place that is taken cannot be listened on', async (t, stage) => {
    const { url } = await stage.right.provider.listen(listenUrl);
    const error = await t.throwsAsync(stage.right.provider.listen(url), {
      instanceOf: KithError,
      code: 'address',
    });
    t.regex(error?.message ?? '', /\S+ \S+/);
  });

  onStage('nobody there: an error with code `address`', async (t, stage) => {
    const urls = [...subject.deadUrls];
    if (reliable) {
      const listening = await stage.right.provider.listen(listenUrl);
      listening.close();
      await stage.settled();
      urls.push(dialUrl(listening.url));
    }
    for (const url of urls) {
      await t.throwsAsync(stage.dial(url), { instanceOf: KithError, code: 'address' }, url);
    }
    t.deepEqual(stage.left.closed, []);
  });

  onStage('an address that makes no sense: an error with code `address`', async (t, stage) => {
    for (const url of subject.badUrls) {
      await t.throwsAsync(
        stage.left.provider.dial(url, never),
        { instanceOf: KithError, code: 'address' },
        url,
      );
      await t.throwsAsync(
        stage.left.provider.listen(url),
        { instanceOf: KithError, code: 'address' },
        url,
      );
    }
  });

  onStage('an attempt can be aborted at any moment', async (t, stage) => {
    const { url } = await stage.right.provider.listen(listenUrl);
    const gone = AbortSignal.abort(new Error('before'));
    await t.throwsAsync(stage.left.provider.dial(dialUrl(url), gone), { message: 'before' });
    for (let depth = 0; depth < 10; depth++) {
      const controller = new AbortController();
      const reason = new Error(`at depth ${depth}`);
      const attempt = stage.left.provider.dial(dialUrl(url), controller.signal).then(
        (carrier) => carrier.close(),
        (error: unknown) => t.is(error, reason),
      );
      for (let i = 0; i < depth; i++) await null;
      controller.abort(reason);
      await stage.whole(attempt);
    }
    t.deepEqual(stage.left.closed, []);
  });

  onStage('closing a provider closes all it carries, and ends it', async (t, stage) => {
    const { near, listening } = await join(stage);
    const hanging = stage.left.provider.dial(dialUrl(listening.url), never).then(
      () => 'connected',
      () => 'rejected',
    );
    stage.left.provider.close();
    stage.left.provider.close();
    t.true(['connected', 'rejected'].includes(await stage.whole(hanging)));
    if (reliable) await stage.until(() => stage.right.closed.length > 0);
    near.close();
    const ended = { instanceOf: KithError };
    await t.throwsAsync(stage.dial(dialUrl(listening.url)), ended);
    await t.throwsAsync(stage.left.provider.listen(listenUrl), ended);
    stage.right.provider.close();
    stage.right.provider.close();
    await stage.quiet();
    t.deepEqual(stage.left.closed, []);
  });

  if (!reliable) return;

  onStage('garbage closes a carrier and is counted; others live on', async (t, stage) => {
    const { near, far, listening } = await join(stage);
    const other = await stage.dial(dialUrl(listening.url));
    stage.left.send(other, HELLO);
    await stage.until(() => stage.right.messages.length > 0);
    const before = await stage.malformed(stage.right);
    stage.left.send(near, Uint8Array.of(0x7f, 0x00, 0x01, 0x00));
    await stage.until(() => stage.right.closed.length > 0 && stage.left.closed.length > 0);
    t.is(stage.right.closed[0].carrier, far);
    t.is(stage.left.closed[0].carrier, near);
    t.is((await stage.malformed(stage.right)) - before, 1);
    stage.right.messages.length = 0;
    stage.left.send(other, HELLO);
    await stage.until(() => stage.right.messages.length > 0);
    t.is(stage.right.closed.length, 1);
  });

  onStage('messages in front of garbage are not lost', async (t, stage) => {
    const { near } = await join(stage);
    const octets = Uint8Array.of(...HELLO, ...HELLO, 0x06, 0x00, 0x00);
    stage.left.send(near, octets);
    await stage.until(() => stage.right.closed.length > 0);
    t.is(stage.right.messages.length, 2);
  });

  onStage('half a message at the end is no message', async (t, stage) => {
    const { near } = await join(stage);
    stage.left.send(near, HELLO.subarray(0, 100));
    near.close();
    await stage.until(() => stage.right.closed.length > 0);
    t.deepEqual(stage.right.messages, []);
  });
}

/** A message of `size` octets in all; its body counts up from `seed`. */
function message(size: number, seed: number): Uint8Array {
  const body = Uint8Array.from({ length: size - 3 }, (_, i) => i + seed);
  return linkMessage(LinkMessageType.handshakeFinal, body); // of any length, unlike a first one
}

/** Sends until it has arrived: a datagram may be lost. */
async function again(
  stage: Stage,
  from: StagePlace,
  carrier: Carrier,
  bytes: Uint8Array,
  arrived: () => boolean,
): Promise<void> {
  for (let i = 0; i < 20 && !arrived(); i++) {
    from.send(carrier, bytes);
    await stage.until(arrived, 1000);
  }
}
