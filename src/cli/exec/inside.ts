/**
 * The process of `kith exec` inside the namespaces, where it is root: it makes the network,
 * runs the command, keeps the addresses as DHCP says and passes signals on.
 *
 * It is told what to do over the channel to its parent. When that closes, the parent is
 * gone, and the command is ended.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { controlClient } from '../../controller/control-client.ts';
import { KithError } from '../../errors.ts';
import { systemSockets } from '../../io/system-sockets.ts';
import { MAC_LENGTH } from '../../switch/mac-address.ts';
import { ExitStatus } from '../exit-status.ts';
import { CommandRun, exitCodeOf } from './command-run.ts';
import { ExecNetwork, NETWORK_SYSCTLS, PATIENCE } from './network.ts';
import { type ExecPlan, type Identity, type Order, PASSED_SIGNALS, type Report } from './plan.ts';
import { Resolver } from './resolver.ts';

/** The command, once it runs; a signal before that ends the preparations. */
let running: CommandRun | undefined;
const preparations = new AbortController();

process.on('message', (order: Order) => {
  if (order.do === 'signal') pass(order.signal);
  else void run(order.plan).finally(() => process.connected && process.disconnect());
});
process.on('disconnect', () => pass('SIGTERM'));
// What a terminal or a process group sends comes to the command as well, and by the parent.
for (const signal of PASSED_SIGNALS) process.on(signal, () => {});

function pass(signal: NodeJS.Signals): void {
  if (running === undefined) preparations.abort(new ExitStatus(exitCodeOf(null, signal)));
  else running.pass(signal);
}

async function run(plan: ExecPlan): Promise<void> {
  let network: ExecNetwork | undefined;
  try {
    network = await joinNetwork(plan);
    const code = await runCommand(plan, network);
    await network.leave();
    await report({ is: 'ended', code });
  } catch (error) {
    await network?.leave();
    await report(error instanceof ExitStatus ? { is: 'ended', code: error.code } : refusal(error));
  }
}

async function joinNetwork(plan: ExecPlan): Promise<ExecNetwork> {
  for (const [path, value] of NETWORK_SYSCTLS) {
    try {
      writeFileSync(path, value);
    } catch {
      // Where /proc is read-only, as in a container, the defaults stay.
    }
  }
  const resolver = new Resolver();
  return await ExecNetwork.join(plan, {
    sockets: systemSockets(),
    node: controlClient(plan.home),
    randomMac,
    useNames: (service) => resolver.use(service),
    note: (text) => void report({ is: 'note', text }),
    patience: PATIENCE,
    interruption: preparations.signal,
  });
}

function runCommand({ command, identity }: ExecPlan, network: ExecNetwork): Promise<number> {
  const [file, ...args] = [...wordsBefore(identity), ...command];
  const child = spawn(file, args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      KITH_EXEC_INTERFACE: network.interface,
      KITH_EXEC_ADDRESS: network.address,
    },
  });
  running = new CommandRun(child);
  return running.ended;
}

/**
 * The words before the command: one that gives it back the user's own identity, in a user
 * namespace within ours, and one that kills it when we are killed. Each only where it works.
 */
function wordsBefore(identity: Identity | undefined): readonly string[] {
  const asUser =
    identity === undefined
      ? []
      : ['unshare', '--user', `--map-user=${identity.uid}`, `--map-group=${identity.gid}`, '--'];
  const withUs = ['setpriv', '--pdeathsig', 'KILL', '--'];
  const ways = [[...asUser, ...withUs], asUser, withUs, []];
  return ways.find(([file, ...args]) => file === undefined || works(file, args)) ?? [];
}

function works(file: string, args: readonly string[]): boolean {
  return spawnSync(file, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** A locally administered address of one station (IEEE 802-2014, 8.2.2 and 8.4). */
function randomMac(): Uint8Array {
  const mac = Uint8Array.from(randomBytes(MAC_LENGTH));
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return mac;
}

function refusal(error: unknown): Report {
  if (error instanceof KithError) {
    return { is: 'refused', code: error.code, message: error.message };
  }
  const what = error instanceof Error ? error.message : String(error);
  return { is: 'refused', code: 'system', message: `the namespace could not be set up (${what})` };
}

/** Settles when it is sent, or when nobody listens any more. */
function report(what: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(what, undefined, undefined, () => resolve());
  });
}
