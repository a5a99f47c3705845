/**
 * The machine a bench ran on: numbers without it mean nothing.
 *
 * Everything is read from /proc, /sys and node:os; what cannot be read is
 * `unknown`. The parsers are pure.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as os from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** The processors this process may use. */
  readonly allowedCpus: readonly number[];
  readonly memoryMegabytes: number;
  readonly kernel: string;
  readonly governor: string;
  readonly virtualised: boolean;
  readonly autogroup: string;
  /** Load averages over 1, 5 and 15 minutes when the bench began. */
  readonly load: readonly number[];
  readonly node: string;
  readonly openssl: string;
  readonly vdeSwitch: string;
}

/** Load above which the numbers deserve a warning. */
export const BUSY_LOAD = 0.5;

export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    allowedCpus: allowedCpus(),
    memoryMegabytes: Math.round(os.totalmem() / 2 ** 20),
    kernel: `${os.type()} ${os.release()}`,
    governor: readWord('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    virtualised: /^flags\s*:.*\bhypervisor\b/m.test(readText('/proc/cpuinfo')),
    autogroup: readWord('/proc/sys/kernel/sched_autogroup_enabled'),
    load: os.loadavg().map((value) => Math.round(value * 100) / 100),
    node: process.versions.node,
    openssl: process.versions.openssl,
    vdeSwitch: vdeSwitchVersion(),
  };
}

/** The machine in one paragraph of plain words. */
export function machineSentence(machine: Machine): string {
  return [
    `${machine.cpu}, ${machine.cores} cores${machine.virtualised ? ' (virtual machine)' : ''}`,
    `${machine.memoryMegabytes} MB`,
    machine.kernel,
    `governor ${machine.governor}`,
    `autogroup ${machine.autogroup}`,
    `load at the start ${machine.load.join(' ')}`,
    `Node ${machine.node} (OpenSSL ${machine.openssl})`,
    `vde_switch ${machine.vdeSwitch}`,
  ].join('; ');
}

/** The processors this process may run on, from /proc/self/status. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readText('/proc/self/status'))?.[1];
  return list === undefined ? [0] : parseCpuList(list);
}

/** Parses the kernel's list form, `0-2,5`. Malformed parts are left out. */
export function parseCpuList(list: string): number[] {
  const cpus: number[] = [];
  for (const part of list.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) continue;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

function vdeSwitchVersion(): string {
  const { stdout } = spawnSync('vde_switch', ['--version'], { encoding: 'utf8' });
  return /VDE\s+(\S+)/.exec(stdout ?? '')?.[1] ?? 'absent';
}

function readWord(path: string): string {
  return readText(path).trim() || 'unknown';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
