/** Everything a guest boots from, made ready once for all guests of a run. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AcceleratorChoice, chooseAccelerator } from './accelerator.ts';
import type { GuestSystem } from './guest.ts';
import { buildInitramfs } from './initramfs.ts';
import { findGuestKernel } from './kernel.ts';

export interface PreparedSystem extends GuestSystem {
  readonly choice: AcceleratorChoice;
}

/**
 * @param directory where the initramfs is put; the caller removes it
 * @param progress called before each longer step, with a phrase for it
 * @param modules of the kernel, besides those that every guest needs
 */
export async function prepareGuestSystem(
  directory: string,
  progress: (what: string) => void,
  modules: readonly string[] = [],
): Promise<PreparedSystem> {
  const kernel = await findGuestKernel(progress, modules);
  progress(`building an initramfs for kernel ${kernel.release}`);
  mkdirSync(directory, { recursive: true });
  const initramfs = join(directory, 'initramfs.cpio.gz');
  writeFileSync(initramfs, buildInitramfs(kernel));
  const choice = await chooseAccelerator({ kernel, initramfs }, progress);
  return { kernel, initramfs, accelerator: choice.accelerator, choice };
}
