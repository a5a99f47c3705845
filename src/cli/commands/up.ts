import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import type { ConfigOverrides } from '../../controller/config.ts';
import type { ControlServer } from '../../controller/control-server.ts';
import type { RunningNode } from '../../controller/node.ts';
import { KithError } from '../../errors.ts';
import { kithVersion } from '../../version.ts';
import { addPrintingCommand, homeOf, optionOf, repeated } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import { ensureHome } from '../home.ts';
import { printable } from '../style.ts';

interface UpOptions {
  readonly config?: string;
  readonly name?: string;
  readonly switch?: string;
  readonly listen?: readonly string[];
  readonly friend?: readonly string[];
  readonly group?: readonly string[];
  readonly plaintext?: string;
  readonly logLevel?: string;
  readonly logJson?: boolean;
  readonly json?: boolean;
  readonly mgmt?: string;
  readonly mgmtmode?: string;
  readonly mgmtgroup?: string;
  readonly rc?: string;
}

const asIs = repeated((text) => text);

export function addUp(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'up', {
    summary: 'run the node, in the foreground',
    description:
      'Runs a node until it is told to end (`kith down`, Ctrl-C or SIGTERM): a switch that guests attach to, and links to friends. It needs no root. What is given here wins over config.json; --group replaces the groups there, --friend adds to the friends.',
    examples: [
      ['kith up', 'with ~/.kith/config.json, if there is one'],
      ['kith up --home /tmp/a --name a', 'a second node on the same machine'],
      ['kith up --listen udp://0.0.0.0:4000', 'at a port that a firewall can open'],
      ['kith up --friend UID@udp://vm.example.org:4000', 'dial a friend'],
      ['kith up --group lab:KEY --plaintext never', 'only sealed links, to members of lab'],
      ['kith up --json', 'one line of JSON when the node is ready, for programs'],
    ],
  })
    .option('--config <file>', 'read this file instead of config.json in the home')
    .option('--name <name>', 'the name friends see (default: the host name)')
    .option('--switch <dir>', 'the VDE directory guests attach to (default: switch in the home)')
    .option('--listen <url>', 'where friends may dial us, udp:// or tcp:// (repeatable)', asIs)
    .option('--friend <uid@url>', 'a friend and where to dial it (repeatable)', asIs)
    .option('--group <name[:key]>', 'a security group we are in (repeatable)', asIs)
    .option('--plaintext <when>', 'Ethernet in the clear: never, when-no-shared-group')
    .option('-M, --mgmt <path>', 'the socket of the VDE console (default: console in the home)')
    .option('--mgmtmode <mode>', 'the file mode of that socket, in octal (default: 0600)')
    .option('--mgmtgroup <group>', 'the Unix group of that socket')
    .option('--rc <file>', 'console commands to carry out at the start')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent')
    .option('--log-json', 'log in JSON on a terminal, too')
    .action(async (options: UpOptions, command: Command) => {
      await runNode(command, options, context);
    });
}

async function runNode(command: Command, options: UpOptions, context: CliContext): Promise<void> {
  const home = homeOf(command, context);
  const { loadConfig } = await import('../../controller/config.ts');
  const { config, file, warnings } = await loadConfig({
    home,
    ...(options.config === undefined ? {} : { file: resolve(options.config) }),
    overrides: await overridesOf(options),
  });
  await ensureHome(home);
  const { createLog } = await import('../log.ts');
  const log = createLog(context.stderr, context.env, {
    level: config.log.level,
    json: options.logJson === true || options.json === true,
  });
  for (const warning of warnings) log.warn(warning);
  log.debug({ file: file ?? 'none' }, 'configuration read');

  const ending = watchSignals(context, log);
  const { openControlServer } = await import('../../controller/control-server.ts');
  let control: ControlServer | undefined;
  let node: RunningNode | undefined;
  const shutDown = async () => {
    control?.retire();
    try {
      await node?.close();
    } finally {
      await control?.close();
    }
  };
  context.setLastWish(shutDown);
  try {
    control = await openControlServer({ home, version: kithVersion(), log });
    const startNode = await context.loadNode();
    node = await startNode({ home, config }, log);
    control.serve(node.api);
    if (!ending.requested) {
      if (options.json === true) announceJson(context, node, config.console.path);
      else announce(context, node, optionOf(command, 'home'));
    }
    await Promise.race([ending.signal, node.closed]);
    log.info('ending');
  } finally {
    await shutDown();
    context.setLastWish(undefined);
    ending.stop();
  }
}

async function overridesOf(options: UpOptions): Promise<ConfigOverrides> {
  const { parseFriendFlag, parseGroupFlag, parseListenFlag } = await import(
    '../../controller/config.ts'
  );
  const { LOG_LEVELS, PLAINTEXT_FLOORS } = await import('../../controller/config-schema.ts');
  const plaintext = choice('--plaintext', options.plaintext, PLAINTEXT_FLOORS);
  const logLevel = choice('--log-level', options.logLevel, LOG_LEVELS);
  if (options.switch === '') throw new KithError('usage', '--switch needs the path of a directory');
  return {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.switch === undefined ? {} : { switchDirectory: options.switch }),
    ...(options.listen === undefined ? {} : { listen: options.listen.map(parseListenFlag) }),
    ...(options.friend === undefined ? {} : { friends: options.friend.map(parseFriendFlag) }),
    ...(options.group === undefined
      ? {}
      : { groups: options.group.map((text) => parseGroupFlag(text)) }),
    ...(plaintext === undefined ? {} : { plaintext }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(options.mgmt === undefined ? {} : { consolePath: notEmpty('--mgmt', options.mgmt) }),
    ...(options.mgmtmode === undefined ? {} : { consoleMode: modeOf(options.mgmtmode) }),
    ...(options.mgmtgroup === undefined
      ? {}
      : { consoleGroup: notEmpty('--mgmtgroup', options.mgmtgroup) }),
    ...(options.rc === undefined ? {} : { consoleRc: notEmpty('--rc', options.rc) }),
  };
}

function notEmpty(flag: string, text: string): string {
  if (text !== '') return text;
  throw new KithError('usage', `${flag} needs a value`);
}

function modeOf(text: string): string {
  if (/^0?[0-7]{3,4}$/.test(text)) return text;
  throw new KithError('usage', `--mgmtmode '${text}' must be a file mode in octal, such as 0660`);
}

function choice(
  flag: string,
  given: string | undefined,
  allowed: readonly string[],
): string | undefined {
  if (given === undefined || allowed.includes(given)) return given;
  throw new KithError('usage', `${flag} '${given}' must be one of ${allowed.join(', ')}`);
}

/** One line, so that who reads lines has all of it when the node can be used. */
function announceJson(context: CliContext, node: RunningNode, console: string): void {
  const { uid, name, switchDirectory, listening } = node.ready;
  const ready = { uid, name, switchDirectory, listening, console };
  context.stdout.write(`${JSON.stringify(ready)}\n`);
}

/** What scripts rely on is the last line, which is `ready` and nothing else. */
function announce(context: CliContext, node: RunningNode, home: string | undefined): void {
  const { name, uid, listening, switchDirectory } = node.ready;
  const here = home === undefined ? '' : ` --home ${quoted(home)}`;
  const sock = quoted(switchDirectory.replaceAll(',', ',,'));
  const lines = [
    `node ${printable(name)}, UID ${uid}`,
    `listening on ${listening.length === 0 ? 'nothing' : listening.join(', ')}`,
    `attach a guest:   qemu-system-x86_64 … -netdev vde,id=n,sock=${sock} -device virtio-net-pci,netdev=n`,
    `invite a friend:  kith invite${here}`,
    'ready',
  ];
  context.stdout.write(`${lines.join('\n')}\n`);
}

/** A word for a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

interface Ending {
  /** Resolved by the first signal. */
  readonly signal: Promise<void>;
  readonly requested: boolean;
  stop(): void;
}

/** The first signal asks politely; the second is somebody who has waited enough. */
function watchSignals(context: CliContext, log: Logger): Ending {
  let request: () => void = () => {};
  let requested = false;
  const signal = new Promise<void>((resolvePromise) => {
    request = resolvePromise;
  });
  const listener = () => {
    if (requested) {
      log.warn('ending at once');
      context.abandon();
      return;
    }
    requested = true;
    request();
  };
  for (const each of ENDING_SIGNALS) context.signals.on(each, listener);
  return {
    signal,
    get requested() {
      return requested;
    },
    stop() {
      for (const each of ENDING_SIGNALS) context.signals.off(each, listener);
    },
  };
}
