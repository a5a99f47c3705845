import type { Command } from 'commander';
import { addPrintingCommand, homeOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { ensureHome } from '../home.ts';
import { formatPairs } from '../table.ts';

export function addId(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'id', {
    summary: 'who this node is: its UID and public key',
    description:
      'Prints the UID and the public key of this node, making the identity if there is none yet. The node need not run. The UID is what friends write into --friend; it is no secret.',
    examples: [
      ['kith id', 'the UID and the public key'],
      ['kith id --json', 'the same for programs'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const home = homeOf(command, context);
    await ensureHome(home);
    const { loadOrCreateIdentity } = await import('../../f2f/identity.ts');
    const identity = await loadOrCreateIdentity(home);
    const shown = {
      uid: identity.uid,
      publicKey: Buffer.from(identity.publicKey).toString('hex'),
      createdAt: identity.createdAt,
      home,
    };
    print(command, context, shown, ({ uid, publicKey }, palette) =>
      formatPairs(
        [
          ['UID', uid],
          ['public key', publicKey],
        ],
        palette.bold,
      ),
    );
  });
}
