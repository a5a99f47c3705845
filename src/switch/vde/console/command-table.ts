/** Every command of the console, in vde_switch's order: `help` shows it, and the first match wins. */
import type { Command } from './command.ts';
import { dataSocketCommands, managementCommands } from './general-commands.ts';
import { portCommands, vlanCommands } from './port-commands.ts';
import { hashCommands, treeCommands } from './table-commands.ts';

export const COMMANDS: readonly Command[] = [
  ...dataSocketCommands,
  ...managementCommands(() => COMMANDS),
  ...hashCommands,
  ...treeCommands,
  ...portCommands,
  ...vlanCommands,
];
