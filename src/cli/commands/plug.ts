import { resolve } from 'node:path';
import type { Command } from 'commander';
import { KithError } from '../../errors.ts';
import { addCommand, clientOf, wholeNumberOption } from '../command-kit.ts';
import type { CliContext } from '../context.ts';

/** Ports a VDE switch may be asked for; 0 is any. */
const LAST_PORT = 65_535;

export function addPlug(program: Command, context: CliContext): void {
  addCommand(program, 'plug [switchdir]', {
    summary: 'a cable on standard input and output, for dpipe',
    description:
      "Plugs standard input and output into a switch: each Ethernet frame goes after its length in two octets, big-endian, as with vde_plug. So dpipe can join it to anything that speaks the same, near or far. SWITCHDIR is the directory of any VDE switch; by default it is the running node's.",
    examples: [
      ['dpipe kith plug = vde_plug /tmp/other.ctl', 'join our switch and another'],
      ['dpipe kith plug = ssh host vde_plug', 'the same, over ssh'],
      ['kith plug --port 5 /tmp/other.ctl', "port 5 of somebody else's switch"],
    ],
  })
    .option(
      '--port <n>',
      'the port of the switch (default: any that is free)',
      wholeNumberOption('--port', 1, LAST_PORT),
    )
    .action(async (directory: string | undefined, options: { port?: number }, command: Command) => {
      if ('isTTY' in context.stdin && context.stdin.isTTY === true) {
        throw new KithError(
          'usage',
          'plug speaks frames, not letters; use it in a dpipe line such as `dpipe kith plug = vde_plug DIR`',
        );
      }
      const switchDirectory =
        directory === undefined
          ? (await (await clientOf(command, context)).status()).switchDirectory
          : resolve(directory);
      const { runCable } = await import('../plug-cable.ts');
      await runCable({
        switchDirectory,
        port: options.port ?? 0,
        input: context.stdin,
        output: context.stdout,
        signals: context.signals,
      });
    });
}
