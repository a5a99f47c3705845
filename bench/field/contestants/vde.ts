/** VDE, version 2's switch with its TAP programs, and version 4's cable over UDP. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../processes.ts';
import { type Contestant, FAR_END } from '../contestant.ts';
import { otherSide, SIDES, type Side, type Stage, WIRE } from '../stage.ts';
import { missingTools, printedBy, tool } from '../tools.ts';

const CABLE_PORT = 5555;
const TAP = 'vdetap';

/** Milliseconds for a switch to make its socket. */
const SWITCH_WITHIN = 5000;

function version(): string | undefined {
  return /VDE\s+(\S+)/.exec(printedBy('vde_switch', ['--version']))?.[1];
}

/** A switch on each side, a cable over UDP between them, a TAP at each. */
export const vde: Contestant = {
  name: 'vde',
  version,
  missing: () => missingTools('vde_switch', 'vde_plug', 'vde_plug2tap'),
  prepare: async (stage) => async () => {
    const switches = await startCabledSwitches(stage);
    for (const side of SIDES) await plugTap(stage, side, switches[side], TAP);
    return FAR_END;
  },
};

/** Two TAPs of one switch, which opens them itself. */
export const vdeLocal: Contestant = {
  name: 'vde_switch',
  version,
  missing: () => missingTools('vde_switch'),
  prepare: async (stage) => async () => {
    const names: Readonly<Record<Side, string>> = { a: `${TAP}a`, b: `${TAP}b` };
    await startSwitch(stage, 'a', ['-tap', names.a, '-tap', names.b]);
    await stage.ip('a', 'link', 'set', names.b, 'netns', stage.namespace('b'));
    for (const side of SIDES) await stage.configure(side, names[side]);
    return FAR_END;
  },
};

/** Two TAPs of one switch, each with a vde_plug2tap between. */
export const vdePlug2tapLocal: Contestant = {
  name: 'vde_plug2tap',
  version,
  missing: () => missingTools('vde_switch', 'vde_plug2tap'),
  prepare: async (stage) => async () => {
    const directory = await startSwitch(stage, 'a', []);
    for (const side of SIDES) await plugTap(stage, side, directory, TAP);
    return FAR_END;
  },
};

/** @returns the directory of the switch on each side */
export async function startCabledSwitches(stage: Stage): Promise<Readonly<Record<Side, string>>> {
  const switches = { a: await startSwitch(stage, 'a', []), b: await startSwitch(stage, 'b', []) };
  for (const side of SIDES) {
    const cable = `udp://${CABLE_PORT}->${WIRE[otherSide(side)]}:${CABLE_PORT}`;
    await stage.start(side, [...tool('vde_plug'), `vde://${switches[side]}`, cable]);
  }
  return switches;
}

async function startSwitch(stage: Stage, side: Side, more: readonly string[]): Promise<string> {
  const directory = join(stage.directory, side);
  const management = join(stage.directory, `${side}.mgmt`);
  const args = ['-s', directory, '-M', management, ...more];
  const running = await stage.start(side, [...tool('vde_switch'), ...args]);
  if (!(await eventually(() => existsSync(join(directory, 'ctl')), SWITCH_WITHIN))) {
    throw new Error(`there is no switch: ${running.lastWords()}`);
  }
  return directory;
}

async function plugTap(stage: Stage, side: Side, directory: string, device: string): Promise<void> {
  await stage.start(side, [...tool('vde_plug2tap'), '-s', directory, device]);
  await stage.configure(side, device);
}
