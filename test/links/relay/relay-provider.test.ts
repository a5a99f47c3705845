/** The ends of circuits: what callers and callees do with what relays say. */
import test from 'ava';
import type { Carrier, DescriptorEvents } from '../../../src/links/contract.ts';
import { CircuitNumbers, MAX_OWN_CIRCUITS } from '../../../src/links/relay/circuit-numbers.ts';
import {
  parseRelayControl,
  RECEIVERS,
  type RelayControl,
  RelayKind,
} from '../../../src/links/relay/relay-packet.ts';
import { RelayProvider, relayUrl } from '../../../src/links/relay/relay-provider.ts';

const RELAY = 'aa'.repeat(20);
const CALLEE = 'bb'.repeat(20);
const PORT = 600;

class Rig {
  readonly told: RelayControl[] = [];
  readonly ends = new Map<number, { number: number; events: DescriptorEvents }>();
  readonly messages: { carrier: Carrier; message: Uint8Array }[] = [];
  readonly closed: { carrier: Carrier; reason: string }[] = [];
  readonly provider: RelayProvider;
  #descriptors = 100;

  constructor() {
    this.provider = new RelayProvider(
      {
        addCircuit: ({ number }, events) => {
          const descriptor = this.#descriptors++;
          this.ends.set(descriptor, { number, events });
          return descriptor;
        },
        release: (descriptor) => void this.ends.delete(descriptor),
      },
      {
        accepted: () => {},
        message: (carrier, message) => void this.messages.push({ carrier, message }),
        closed: (carrier, reason) => void this.closed.push({ carrier, reason }),
      },
      {
        portOf: (uid) => (uid === RELAY ? PORT : undefined),
        uidAt: () => RELAY,
        control: (_port, packet) => void this.told.push(parseRelayControl(packet)!),
      },
      new CircuitNumbers(),
    );
  }

  hear(kind: RelayKind, number: number): boolean {
    return this.provider.receive(PORT, { kind, number, callee: '' });
  }

  dial(signal = new AbortController().signal): Promise<Carrier> {
    return this.provider.dial(relayUrl(RELAY, CALLEE), signal);
  }

  /** A carrier that the relay has said yes to. */
  async call(): Promise<Carrier> {
    const dialled = this.dial();
    this.hear(RelayKind.opened, this.told.at(-1)!.number | RECEIVERS);
    return await dialled;
  }
}

test('a caller gets a carrier when the relay says yes', async (t) => {
  const rig = new Rig();
  const dialled = rig.dial();
  t.deepEqual(rig.told, [{ kind: RelayKind.open, number: 0, callee: CALLEE }]);
  t.true(rig.hear(RelayKind.opened, RECEIVERS));
  t.true(rig.hear(RelayKind.opened, RECEIVERS), 'once more does no harm');
  const carrier = await dialled;
  t.is(rig.ends.size, 1);
  t.like(carrier, { provider: 'relay', remote: `relay://${RELAY}`, reliable: false });
  t.is(carrier.address, undefined);
  rig.ends.get(carrier.descriptor)!.events.message!(Uint8Array.of(1), new Uint8Array(24));
  t.is(rig.messages[0]?.carrier, carrier);
  carrier.close();
  carrier.close();
  t.deepEqual(rig.told.slice(1), [{ kind: RelayKind.closed, number: 0, callee: '' }]);
  t.is(rig.ends.size, 0);
  t.deepEqual(rig.closed, []);
});

test('a no, an end, a lost link and impatience fail an attempt', async (t) => {
  for (const kind of [RelayKind.refused, RelayKind.closed]) {
    const rig = new Rig();
    const dialled = rig.dial();
    rig.hear(kind, RECEIVERS);
    await t.throwsAsync(dialled, { message: /the friend aaaaaaaa/ });
  }
  const lost = new Rig();
  const dialled = lost.dial();
  lost.provider.linkGone(PORT);
  await t.throwsAsync(dialled, { message: /is gone/ });
  const impatient = new Rig();
  const patience = new AbortController();
  const given = impatient.dial(patience.signal);
  patience.abort(new Error('too late'));
  await t.throwsAsync(given, { message: 'too late' });
  t.is(impatient.told.at(-1)?.kind, RelayKind.closed);
  t.false(impatient.hear(RelayKind.opened, RECEIVERS), 'a yes that comes later is for nobody');
  t.is(impatient.ends.size, 0);
});

test('whoever uses a circuit hears of its end, unless it was the one', async (t) => {
  for (const end of ['closed', 'lost'] as const) {
    const rig = new Rig();
    const carrier = await rig.call();
    if (end === 'closed') rig.hear(RelayKind.closed, RECEIVERS);
    else rig.provider.linkGone(PORT);
    t.is(rig.closed[0]?.carrier, carrier);
    t.is(rig.ends.size, 0);
  }
});

test('a callee gets its caller with the first message, and stays till the caller goes', (t) => {
  const rig = new Rig();
  rig.hear(RelayKind.offer, 9);
  rig.hear(RelayKind.offer, 9);
  t.is(rig.ends.size, 1);
  const [{ number, events }] = [...rig.ends.values()] as [
    { number: number; events: DescriptorEvents },
  ];
  t.is(number, 9);
  events.message!(Uint8Array.of(1), new Uint8Array(24));
  const { carrier } = rig.messages[0]!;
  carrier.close();
  events.message!(Uint8Array.of(2), new Uint8Array(24));
  t.is(rig.messages[1]?.carrier, carrier, 'one session follows another');
  rig.hear(RelayKind.closed, 9);
  t.is(rig.closed.length, 1);
  t.is(rig.ends.size, 0);
  t.deepEqual(rig.told, []);
});

test('what a relay may offer is bounded, and our own numbers are not for it to give', (t) => {
  const rig = new Rig();
  rig.hear(RelayKind.offer, RECEIVERS | 3);
  t.is(rig.ends.size, 0);
  for (let number = 0; number < 100; number++) rig.hear(RelayKind.offer, number);
  t.is(rig.ends.size, 32);
  t.is(rig.told.length, 68);
  t.deepEqual(rig.told[0], { kind: RelayKind.closed, number: 32 | RECEIVERS, callee: '' });
});

test('nobody is asked who is not there, nor too often at a time', async (t) => {
  const rig = new Rig();
  const { signal } = new AbortController();
  for (const url of [relayUrl(CALLEE, RELAY), 'relay://x/y', 'relay://', `relay://${RELAY}`]) {
    await t.throwsAsync(rig.provider.dial(url, signal), { code: 'address' });
  }
  await t.throwsAsync(rig.provider.listen('relay://'), { code: 'address' });
  const attempts = Array.from({ length: MAX_OWN_CIRCUITS }, () => rig.dial());
  await t.throwsAsync(rig.dial(), { code: 'address' });
  rig.provider.close();
  for (const each of attempts) await t.throwsAsync(each, { message: 'the node stops' });
  await t.throwsAsync(rig.dial(), { code: 'address' });
});
