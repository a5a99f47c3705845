/**
 * Two QEMU guests, each on a switch of its side of the stage: a node of Kith or a
 * vde_switch. A Unix socket is reached from any namespace, so QEMU runs outside.
 */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pushFlow } from '../../../integration/qemu/flow.ts';
import { Guest } from '../../../integration/qemu/guest.ts';
import { type PreparedSystem, prepareGuestSystem } from '../../../integration/qemu/guest-system.ts';
import type { Bench, Measurement } from '../../row.ts';
import { missingKith } from '../../switches.ts';
import { TCP, withLastWords } from '../measure.ts';
import { OVERLAY, PREFIX_LENGTH, SIDES, type Side, Stage } from '../stage.ts';
import { missingTools } from '../tools.ts';
import { checkLink, type KithSetting, prepareFriends, startFriends } from './kith.ts';
import { startCabledSwitches } from './vde.ts';

const MACS: Readonly<Record<Side, string>> = { a: '02:00:00:00:aa:01', b: '02:00:00:00:bb:02' };

/** Milliseconds for the guests to reach each other, and between two tries. */
const REACH_WITHIN = 60_000;
const REACH_PAUSE = 200;

export interface GuestHost {
  readonly name: string;
  missing(bench: Bench): string | undefined;
  /** Starts a switch on each side that are joined. @returns their directories */
  start(stage: Stage): Promise<Readonly<Record<Side, string>>>;
}

export const kithGuests = kithHost('kith', {
  carrier: 'udp',
  security: 'sealed',
  cipher: 'aes-256-gcm',
});

export const kithPlainGuests = kithHost('kith-plain', {
  carrier: 'udp',
  security: 'clear',
  cipher: 'aes-256-gcm',
});

export const vdeGuests: GuestHost = {
  name: 'vde',
  missing: () => missingGuests() ?? missingTools('vde_switch', 'vde_plug'),
  start: startCabledSwitches,
};

function kithHost(name: string, setting: KithSetting): GuestHost {
  return {
    name,
    missing: (bench) => missingGuests() ?? missingKith(bench),
    async start(stage) {
      await prepareFriends(stage, setting);
      const switches = await startFriends(stage);
      await checkLink(stage, setting);
      return switches;
    },
  };
}

function missingGuests(): string | undefined {
  if (process.arch !== 'x64') return 'the guests are for x86-64';
  return missingTools('qemu-system-x86_64', 'busybox', 'iperf3');
}

let prepared: Promise<PreparedSystem> | undefined;

/** One TCP flow from the guest on side a to the one on side b. */
export async function measureGuests(bench: Bench, host: GuestHost): Promise<Measurement> {
  prepared ??= prepareGuestSystem(join(bench.scratch, 'guest'), console.error);
  const system = await prepared;
  const stage = await Stage.open(bench);
  const guests: Guest[] = [];
  const removeGuests = bench.leavings.add(async () => {
    await Promise.all(guests.map((guest) => guest.kill()));
  });
  try {
    const switches = await host.start(stage);
    const booted = await Promise.allSettled(
      SIDES.map(async (side) => {
        const address = `${OVERLAY[side]}/${PREFIX_LENGTH}`;
        const card = { switchDirectory: switches[side], mac: MACS[side], address };
        guests.push(await Guest.boot({ name: side, system, card }));
      }),
    );
    for (const boot of booted) if (boot.status === 'rejected') throw boot.reason;
    const [a, b] = SIDES.map((side) => guests.find(({ name }) => name === side) as Guest);
    await reach(a);
    const seconds = Math.max(1, Math.round(bench.seconds));
    return { [TCP]: await pushFlow(a, b, OVERLAY.b, seconds) };
  } catch (error) {
    throw withLastWords(stage, error);
  } finally {
    await removeGuests();
    await stage.close();
  }
}

async function reach(guest: Guest): Promise<void> {
  const deadline = performance.now() + REACH_WITHIN;
  while ((await guest.run(`ping -c 1 -W 1 ${OVERLAY.b}`)).status !== 0) {
    if (performance.now() > deadline) throw new Error('the guests do not reach each other');
    await delay(REACH_PAUSE);
  }
}
