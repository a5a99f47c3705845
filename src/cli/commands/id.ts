import type { Command } from 'commander';
import type { RotatedIdentity } from '../../controller/node-api.ts';
import { KithError } from '../../errors.ts';
import { kithVersion } from '../../version.ts';
import { addPrintingCommand, clientOf, homeOf, print } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { ensureHome } from '../home.ts';
import { formatPairs } from '../table.ts';

export function addId(program: Command, context: CliContext): void {
  const id = addPrintingCommand(program, 'id', {
    summary: 'who this node is: its UID and public key',
    description:
      'Prints the UID and the public key of this node, making the identity if there is none yet. The node need not run. The UID is what friends write into --friend; it is no secret.',
    examples: [
      ['kith id', 'the UID and the public key'],
      ['kith id --json', 'the same for programs'],
      ['kith id rotate', 'another key, signed by this one'],
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

  addPrintingCommand(id, 'rotate', {
    summary: 'give this node another key, signed by the one it has',
    description:
      'Makes a new key and with it a new UID, and has the old key sign that it is the successor; then the old key is forgotten. Friends who knew the old UID take the new one over by themselves at the next handshake, within a second where a link is up. The node need not run. If the old key may have been stolen this is not enough: see SECURITY.md.',
    examples: [['kith id rotate', 'a new key; friends follow by themselves']],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    const rotated = await client.rotateIdentity().catch((error: unknown) => {
      if (!(error instanceof KithError) || error.code !== 'not-running') throw error;
      return rotateAlone(homeOf(command, context), context);
    });
    print(command, context, rotated, ({ uid, publicKey, formerUid }, palette) =>
      formatPairs(
        [
          ['UID', uid],
          ['public key', publicKey],
          ['before', formerUid],
        ],
        palette.bold,
      ),
    );
  });
}

/** Without a node; none can start meanwhile, for we hold its socket. */
async function rotateAlone(home: string, context: CliContext): Promise<RotatedIdentity> {
  const { loadIdentity } = await import('../../f2f/identity.ts');
  const { rotateIdentity } = await import('../../f2f/identity-rotation.ts');
  const { openControlServer } = await import('../../controller/control-server.ts');
  const { createLog } = await import('../log.ts');
  const before = await loadIdentity(home);
  if (before === undefined) {
    throw new KithError('identity', `there is no identity in ${home} yet; \`kith id\` makes one`);
  }
  const log = createLog(context.stderr, context.env, { level: 'silent', json: true });
  const lock = await openControlServer({ home, version: kithVersion(), log });
  try {
    const { uid, publicKey } = await rotateIdentity(home, before);
    return { uid, publicKey: Buffer.from(publicKey).toString('hex'), formerUid: before.uid };
  } finally {
    await lock.close();
  }
}
