/** Stream carriers against a host that only takes notes: who hears what, and when nobody does. */
import test from 'ava';
import type { DescriptorKind } from '../../src/io/contract.ts';
import type { SystemSockets } from '../../src/io/system-contract.ts';
import type {
  Carrier,
  CarrierEvents,
  CarrierHost,
  DescriptorEvents,
} from '../../src/links/contract.ts';
import { type StreamCarrierOptions, StreamCarriers } from '../../src/links/stream-carrier.ts';

class NotingHost implements CarrierHost {
  readonly sockets = {} as SystemSockets;
  readonly adopted = new Map<number, DescriptorEvents>();
  readonly watched: number[] = [];
  readonly released: number[] = [];

  adopt(
    systemDescriptor: number | readonly number[],
    _kind: DescriptorKind,
    events: DescriptorEvents,
  ): number {
    const descriptor = Number(systemDescriptor);
    this.adopted.set(descriptor, events);
    return descriptor;
  }

  openDatagrams(): readonly number[] {
    return [];
  }

  watch(descriptor: number): void {
    this.watched.push(descriptor);
  }

  send(): void {}

  release(descriptor: number): void {
    this.released.push(descriptor);
  }
}

function makeRig() {
  const host = new NotingHost();
  const told: string[] = [];
  const accepted: Carrier[] = [];
  const events: CarrierEvents = {
    accepted: (carrier) => {
      accepted.push(carrier);
      told.push(`accepted ${carrier.remote}`);
    },
    message: (carrier, message) => told.push(`message ${carrier.remote} ${message.length}`),
    closed: (carrier, reason) => told.push(`closed ${carrier.remote}: ${reason}`),
  };
  return { host, told, accepted, carriers: new StreamCarriers(host, events) };
}

const options = (systemDescriptor: number): StreamCarrierOptions => ({
  provider: 'test',
  remote: `test://${systemDescriptor}`,
  systemDescriptor,
  describeError: (errno) => `errno ${errno}`,
});

const NOTHING = new Uint8Array(0);

test('messages and the end reach the owner, once', (t) => {
  const { host, told, carriers } = makeRig();
  const carrier = carriers.add(options(4));
  t.true(carrier.reliable);
  t.is(carrier.address, undefined);
  host.adopted.get(4)?.message?.(new Uint8Array(9), NOTHING);
  host.adopted.get(4)?.closed?.(104);
  host.adopted.get(4)?.closed?.(104);
  t.deepEqual(told, ['message test://4 9', 'closed test://4: errno 104']);
  carrier.close();
  t.deepEqual(host.released, []);
});

test('closing twice releases once, and nothing is told afterwards', (t) => {
  const { host, told, carriers } = makeRig();
  const carrier = carriers.add(options(4));
  carrier.close();
  carrier.close();
  host.adopted.get(4)?.closed?.(0);
  host.adopted.get(4)?.message?.(new Uint8Array(3), NOTHING);
  t.deepEqual(host.released, [4]);
  t.deepEqual(told, []);
});

test('an accepted carrier is told of', (t) => {
  const { accepted, told, carriers } = makeRig();
  carriers.accept(options(5));
  t.deepEqual(told, ['accepted test://5']);
  t.is(accepted[0].descriptor, 5);
});

test('an attempt ends in a carrier once the descriptor can be written', async (t) => {
  const { host, told, carriers } = makeRig();
  const { signal } = new AbortController();
  const attempt = carriers.connect(options(6), signal);
  t.deepEqual(host.watched, [6]);
  host.adopted.get(6)?.writable?.();
  host.adopted.get(6)?.writable?.();
  const carrier = await attempt;
  t.is(carrier.descriptor, 6);
  host.adopted.get(6)?.closed?.(32);
  t.deepEqual(told, ['closed test://6: errno 32']);
});

test('an attempt that fails rejects, and no owner hears of it', async (t) => {
  const { host, told, carriers } = makeRig();
  const attempt = carriers.connect(options(6), new AbortController().signal);
  host.adopted.get(6)?.closed?.(111);
  await t.throwsAsync(attempt, { message: 'errno 111' });
  t.deepEqual(told, []);
});

test('aborting an attempt rejects with the reason and releases', async (t) => {
  const { host, told, carriers } = makeRig();
  const controller = new AbortController();
  const attempt = carriers.connect(options(6), controller.signal);
  const reason = new Error('thought better of it');
  controller.abort(reason);
  t.is(await t.throwsAsync(attempt), reason);
  t.deepEqual(host.released, [6]);
  host.adopted.get(6)?.writable?.();
  host.adopted.get(6)?.closed?.(0);
  t.deepEqual(told, []);
});

test('aborting after the connection leaves the carrier alone', async (t) => {
  const { host, carriers } = makeRig();
  const controller = new AbortController();
  const attempt = carriers.connect(options(6), controller.signal);
  host.adopted.get(6)?.writable?.();
  await attempt;
  controller.abort();
  t.deepEqual(host.released, []);
});

test('closing all closes attempts as well, which are not left hanging', async (t) => {
  const { host, told, carriers } = makeRig();
  carriers.add(options(4));
  carriers.accept(options(5));
  told.length = 0;
  const attempt = carriers.connect(options(6), new AbortController().signal);
  carriers.closeAll();
  await t.throwsAsync(attempt);
  t.deepEqual(host.released, [4, 5, 6]);
  carriers.closeAll();
  t.deepEqual(host.released, [4, 5, 6]);
  t.deepEqual(told, []);
});
