/**
 * Whether guests run on the processor (KVM) or are emulated (TCG).
 *
 * A /dev/kvm that opens is not enough: under some hypervisors it is there and
 * no guest ever comes up. So a guest is booted on it, with a time limit, once
 * per start of the machine; the finding is kept in the cache.
 */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Guest, type GuestSystem } from './guest.ts';
import { cacheDirectory } from './places.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** Why, as half a sentence. */
  readonly reason: string;
}

/** Milliseconds in which a guest is up on any KVM worth having. */
const PROBE_TIMEOUT = 6000;

interface Finding extends AcceleratorChoice {
  /** A finding holds until the machine starts anew, and for this kernel. */
  readonly bootId: string;
  readonly kernel: string;
}

/** @param progress called before the probe, with a phrase for it */
export async function chooseAccelerator(
  system: Omit<GuestSystem, 'accelerator'>,
  progress: (what: string) => void,
): Promise<AcceleratorChoice> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', reason: 'there is no /dev/kvm for this user' };
  }
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const file = join(cacheDirectory(), 'accelerator.json');
  const known = readFinding(file);
  if (known?.bootId === bootId && known.kernel === system.kernel.release) return known;

  progress(`probing KVM with a guest (at most ${PROBE_TIMEOUT / 1000} s)`);
  const choice = await probe(system);
  const finding: Finding = { ...choice, bootId, kernel: system.kernel.release };
  mkdirSync(cacheDirectory(), { recursive: true });
  writeFileSync(file, `${JSON.stringify(finding, null, 2)}\n`);
  return choice;
}

async function probe(system: Omit<GuestSystem, 'accelerator'>): Promise<AcceleratorChoice> {
  try {
    const guest = await Guest.boot({
      name: 'probe',
      system: { ...system, accelerator: 'kvm' },
      bootTimeout: PROBE_TIMEOUT,
    });
    await guest.kill();
    const seconds = (guest.bootTime / 1000).toFixed(1);
    return { accelerator: 'kvm', reason: `a guest booted on /dev/kvm in ${seconds} s` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { accelerator: 'tcg', reason: `/dev/kvm opens, but no guest comes up on it. ${why}` };
  }
}

function readFinding(file: string): Finding | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Partial<Finding>;
    const { accelerator, reason, bootId, kernel } = found;
    if (accelerator !== 'kvm' && accelerator !== 'tcg') return undefined;
    if (reason === undefined || bootId === undefined || kernel === undefined) return undefined;
    return { accelerator, reason, bootId, kernel };
  } catch {
    return undefined; // none, or none that can be read: it is only a cache
  }
}
