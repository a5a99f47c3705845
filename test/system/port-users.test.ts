/** Ports that are kept for somebody: real clients of several users, on Kith and on vde_switch. */
import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { KithNode } from '../../integration/qemu/kith-node.ts';
import { runProgram } from '../../integration/qemu/program.ts';
import type { NodeStatus } from '../../src/controller/node-api.ts';
import {
  emitRequest,
  RequestKind,
  requestLength,
  type VdeRequest,
} from '../../src/switch/vde/request.ts';
import { RawConsole } from '../controller/console-fixtures.ts';
import { startNode } from './support/kith.ts';
import { startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';

const NEEDS = ['root', 'vde_plug', 'setpriv'];
const NOBODY = 65_534;
const DAEMON = 1;
/** Milliseconds: vde_switch lets those wait for ever whom it turns away. */
const PATIENCE = 2000;
const SUCCESS = '1000 Success\n\nvde$ ';

/** A switch whose control socket is open to everybody. */
interface OpenSwitch {
  readonly directory: string;
  readonly console: RawConsole;
  readonly home: string;
}

/** A directory that other users may pass through. */
function openDirectory(t: ExecutionContext): string {
  const directory = temporaryDirectory(t);
  chmodSync(directory, 0o755);
  return directory;
}

async function consoleOf(t: ExecutionContext, path: string): Promise<RawConsole> {
  await waitUntil('the console', () => existsSync(path));
  const console = await RawConsole.open(t, path);
  await console.answer();
  return console;
}

async function openVdeSwitch(t: ExecutionContext): Promise<OpenSwitch> {
  const home = openDirectory(t);
  const [directory, path] = [join(home, 's'), join(home, 'm')];
  const modes = ['-m', '666', '--dirmode', '777'];
  startProgram(t, 'vde_switch', ['-s', directory, '-M', path, ...modes]);
  return { directory, console: await consoleOf(t, path), home };
}

async function openKith(t: ExecutionContext): Promise<OpenSwitch & { readonly node: KithNode }> {
  const home = openDirectory(t);
  const [directory, path] = [join(home, 's'), join(home, 'm')];
  const config = join(home, 'config.json');
  writeFileSync(config, JSON.stringify({ switch: { directory, mode: '0666', dirMode: '0777' } }));
  const node = await startNode(t, {
    name: 'node',
    arguments: ['--config', config, '--mgmt', path],
  });
  return { directory, console: await consoleOf(t, path), home, node };
}

function as(uid: number, ...command: readonly string[]): readonly string[] {
  return ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups', '--', ...command];
}

/** Plugs in at a port as a user. @returns whose the port is then, or that there was no way in */
async function plug(
  t: ExecutionContext,
  { directory, console }: OpenSwitch,
  uid: number,
  port: number,
): Promise<string> {
  const cable = startProgram(
    t,
    'setpriv',
    as(uid, 'vde_plug', '-m', '777', `vde://${directory}[${port}]`),
  );
  let isGone = false;
  void cable.ended.then(() => {
    isGone = true;
  });
  const deadline = performance.now() + PATIENCE;
  const outcome = await waitUntil('the cable to be in, or out', async () => {
    const user = /Current User: (\S+)/.exec(await console.say(`port/print ${port}`))?.[1];
    if (user !== undefined && user !== 'NONE') return user;
    return (isGone || performance.now() > deadline) && 'turned away';
  });
  await cable.stop();
  await waitUntil('the port to be free', async () => {
    return !(await console.say(`port/print ${port}`)).includes('Current User');
  });
  return outcome;
}

async function decisions(t: ExecutionContext, each: OpenSwitch): Promise<readonly string[]> {
  const { console } = each;
  const seen: string[] = [];
  const attempt = async (uid: number, port: number): Promise<void> => {
    seen.push(`${uid} at ${port}: ${await plug(t, each, uid, port)}`);
  };
  t.is(await console.say('port/create 3'), SUCCESS);
  t.is(await console.say('port/setuser 3 nobody'), SUCCESS);
  for (const uid of [NOBODY, DAEMON, 0]) await attempt(uid, 3);
  t.is(await console.say('port/setuser 3 NONE'), SUCCESS);
  t.is(await console.say('port/setgroup 3 daemon'), SUCCESS);
  for (const uid of [NOBODY, DAEMON]) await attempt(uid, 3);
  t.is(await console.say('port/setgroup 3 NONE'), SUCCESS);
  await attempt(NOBODY, 3);
  return seen;
}

systemTest(
  'a port of a user takes that user and root, as with vde_switch',
  { needs: [...NEEDS, 'vde_switch'] },
  async (t) => {
    const ours = await decisions(t, await openKith(t));
    t.deepEqual(ours, [
      '65534 at 3: nobody',
      '1 at 3: turned away',
      '0 at 3: root',
      '65534 at 3: turned away',
      '1 at 3: daemon',
      '65534 at 3: nobody',
    ]);
    t.deepEqual(await decisions(t, await openVdeSwitch(t)), ours);
  },
);

/** Says an octet string to a control socket, and whether there was an answer. */
const ASK = `
  const connection = require('net').connect(process.argv[1]);
  connection.on('connect', () => connection.write(Buffer.from(process.argv[2], 'hex')));
  connection.on('data', () => { console.log('a port'); process.exit(0); });
  connection.on('close', () => { console.log('nothing'); process.exit(0); });
  connection.on('error', () => {});
`;

systemTest(
  'who names the socket of somebody else does not get that user’s port',
  { needs: NEEDS },
  async (t) => {
    const { directory, console, home, node } = await openKith(t);
    t.is(await console.say('port/create 3'), SUCCESS);
    t.is(await console.say('port/setuser 3 nobody'), SUCCESS);
    const path = join(home, 'socket');
    const socket = createServer().listen(path);
    t.teardown(() => socket.close());
    await waitUntil('the socket', () => existsSync(path));
    chownSync(path, NOBODY, NOBODY);
    const request: VdeRequest = {
      version: 3,
      kind: RequestKind.newControl,
      wantedPort: 3,
      path,
      description: 'not nobody',
    };
    const octets = new Uint8Array(requestLength(request));
    emitRequest(request, octets, 0);
    const hex = Buffer.from(octets).toString('hex');
    const ask = async (uid: number): Promise<string> => {
      const command = as(uid, process.execPath, '-e', ASK, join(directory, 'ctl'), hex);
      return (await runProgram('setpriv', command)).stdout.trim();
    };
    t.is(await ask(DAEMON), 'nothing');
    const { counters } = await node.json<NodeStatus>('status');
    t.is(counters.vdeRefused, 1);
    t.false((await console.say('port/print 3')).includes('Current User'));
  },
);
