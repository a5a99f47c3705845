import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addCommand, clientOf } from '../command-kit.ts';
import type { CliContext } from '../context.ts';

export function addConsole(program: Command, context: CliContext): void {
  addCommand(program, 'console [command...]', {
    summary: "the switch's management console, as VDE has it",
    description:
      'Opens the VDE management console of the running node: ports, VLANs, addresses and the spanning tree, in the language of vde_switch 2.3.2. With COMMAND it carries out one line and ends; options of kith may stand before and behind its words, and behind `--` nothing is one; on a terminal it edits lines, remembers them and completes with Tab; otherwise it carries out what comes in on standard input, line by line. `help` lists all commands. vdeterm, unixcmd and libvdemgmt work on the same socket, which `kith status` names.',
    examples: [
      ['kith console', 'talk to the switch; `logout` or Ctrl-D ends it'],
      ['kith console help vlan', 'the commands that begin with vlan'],
      ['kith console port/allprint', 'every port, with its cables and counters'],
      ['kith console vlan/create 5', 'exit code 0 if that worked, or else 1'],
      ['kith console port/remove -1', 'a negative number is a word like others'],
      ['kith console -- load -my.rc', 'behind -- everything is'],
      ['kith console < switch.rc', 'a script of commands'],
      ['kith console --mgmt /tmp/sw.mgmt', 'the console of any vde_switch'],
    ],
  })
    .option('--mgmt <path>', "the socket of a console (default: the running node's)")
    .action(async (words: string[], options: { mgmt?: string }, command: Command) => {
      const path =
        options.mgmt === undefined
          ? (await (await clientOf(command, context)).status()).consoleSocket
          : resolve(options.mgmt);
      const { runConsole } = await import('../console-run.ts');
      await runConsole(path, words.join(' '), context);
    });
}
