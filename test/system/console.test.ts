/** Debian's own managers against Kith's console, and Kith's console against vde_switch's. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { KithNode } from '../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../integration/qemu/places.ts';
import { type Program, runProgram } from '../../integration/qemu/program.ts';
import { RawConsole } from '../controller/console-fixtures.ts';
import { type Cable, openCable, testFrame } from './support/cable.ts';
import { startNode } from './support/kith.ts';
import { mustRun, startProgram, waitUntil } from './support/program.ts';
import { systemTest } from './support/system-test.ts';
import { temporaryDirectory } from './support/temporary.ts';
import { COMPARED_COMMANDS, COMPARED_SCRIPT, normalised } from './support/vde-sessions.ts';

const MAC_A = '02:00:00:00:aa:01';
const MAC_B = '02:00:00:00:bb:02';
const PROMPT = '\nvde$ ';
const SUCCESS = `1000 Success\n${PROMPT}`;

/** A switch with a console, whoever made it. */
interface Switch {
  readonly directory: string;
  readonly console: string;
}

function switchOf(node: KithNode): Switch {
  return { directory: node.switchDirectory, console: join(node.home, 'console') };
}

async function startVdeSwitch(t: ExecutionContext): Promise<Switch> {
  const place = temporaryDirectory(t);
  const made = { directory: join(place, 'switch'), console: join(place, 'console') };
  startProgram(t, 'vde_switch', ['-s', made.directory, '-M', made.console, '-n', '32']);
  await waitUntil('vde_switch', () => existsSync(made.console));
  return made;
}

/** A node that is as much like vde_switch as its configuration allows. */
async function startTwin(t: ExecutionContext): Promise<Switch> {
  const file = join(temporaryDirectory(t), 'config.json');
  writeFileSync(file, JSON.stringify({ stp: { enabled: false }, switch: { ports: 31 } }));
  return switchOf(await startNode(t, { name: 'twin', arguments: ['--config', file] }));
}

/** Says every line, each when the one before has been answered. */
async function converse(
  t: ExecutionContext,
  path: string,
  lines: readonly string[],
): Promise<readonly string[]> {
  const client = await RawConsole.open(t, path);
  const said = [await client.answer()];
  for (const line of lines) {
    client.send(`${line}\n`);
    const answer = await client.until((heard) => heard.endsWith(PROMPT) || client.ended);
    said.push(`${line}\n${answer}`);
  }
  return said.map(normalised);
}

systemTest(
  'sessions with vde_switch and with Kith are the same, octet by octet',
  { needs: ['vde_switch', 'libvdeplug'] },
  async (t) => {
    const script = join(temporaryDirectory(t), 'script');
    writeFileSync(script, COMPARED_SCRIPT);
    const lines = COMPARED_COMMANDS.map((line) => line.replace('SCRIPT', script));
    const sessions: (readonly string[])[] = [];
    for (const each of [await startVdeSwitch(t), await startTwin(t)]) {
      await openCable(t, each.directory);
      sessions.push(await converse(t, each.console, lines));
    }
    const [theirs, ours] = sessions;
    t.is(theirs!.length, lines.length + 1);
    theirs!.forEach((answer, index) => {
      t.is(ours![index], answer, lines[index - 1] ?? 'the greeting');
    });
  },
);

/** Hears of everything while cables come, talk and go. */
async function eventsOf(
  t: ExecutionContext,
  { directory, console: path }: Switch,
): Promise<string> {
  const client = await RawConsole.open(t, path);
  await client.answer();
  await client.say('debug/add');
  let heard = '';
  const hear = async (last: RegExp): Promise<void> => {
    heard += await client.until((text) => last.test(text));
  };
  for (let round = 0; round < 2; round++) {
    const cable = await openCable(t, directory);
    await hear(/port\/descr.*\n/);
    cable.send(testFrame({ from: MAC_A, payload: 'hello' }));
    await hear(/hash\/\+.*\n/);
    await cable.close();
    await hear(/hash\/-.*\n/);
  }
  client.send('port/create 9\n');
  await hear(/Success\n\nvde\$ $/);
  client.send('vlan/create 9\n');
  await hear(/Success\n\nvde\$ $/);
  return normalised(heard);
}

systemTest(
  'events of vde_switch and of Kith are the same, octet by octet',
  { needs: ['vde_switch', 'libvdeplug'] },
  async (t) => {
    const theirs = await eventsOf(t, await startVdeSwitch(t));
    t.is(await eventsOf(t, await startTwin(t)), theirs);
    t.regex(theirs, /^3011 hash\/\+ 02:00:00:00:aa:01 VLAN 00:00 Port 1$/m);
  },
);

systemTest(
  'addresses are found as vde_switch finds them',
  { needs: ['vde_switch', 'libvdeplug'] },
  async (t) => {
    const listings: string[] = [];
    for (const { directory, console: path } of [await startVdeSwitch(t), await startTwin(t)]) {
      const cable = await openCable(t, directory);
      const client = await RawConsole.open(t, path);
      await client.answer();
      const learnt = await waitUntil('the address', async () => {
        cable.send(testFrame({ from: MAC_A, payload: 'hello' }));
        const said = await client.say('hash/print');
        return said.includes(MAC_A) && said;
      });
      const found = await client.say(`hash/find ${MAC_A.toUpperCase()}`);
      t.true(found.includes(`Addr: ${MAC_A} VLAN 0000 to port: 00`));
      t.true((await client.say(`hash/find ${MAC_B}`)).includes('1019 No such device'));
      listings.push(normalised(learnt));
    }
    t.is(listings[1], listings[0]);
  },
);

/** Types lines into a manager's terminal, each when the one before was answered. */
async function typeLines(
  program: Program,
  lines: readonly (readonly [line: string, answer: RegExp])[],
): Promise<void> {
  for (const [line, answer] of lines) {
    const before = program.stdout.length;
    program.write(`${line}\n`);
    await waitUntil(`an answer to ${line}: ${program.stdout}`, () => {
      return answer.test(program.stdout.slice(before));
    });
  }
}

/**
 * Starts it and waits until it takes lines. Its input and output are one and the same terminal,
 * which script(1) makes.
 */
async function startVdeterm(t: ExecutionContext, path: string): Promise<Program> {
  const term = startProgram(t, 'script', ['-qefc', `vdeterm ${path}`, '/dev/null']);
  // It puts the path into the prompt.
  await term.waitFor(/VDE switch V\.2\.3\.2\r?\nKith .*\r?\n[\s\S]*vde\[.*\]: /, 10_000);
  // What is typed between the first prompt and its change of the terminal's mode gets lost.
  const prompts = (): number => term.stdout.match(/vde\[.*?\]: /g)?.length ?? 0;
  const first = prompts();
  await waitUntil('vdeterm to answer an empty line', () => {
    if (prompts() > first) return true;
    term.write('\n');
    return false;
  });
  return term;
}

systemTest('vdeterm works unmodified', { needs: ['vdeterm', 'script', 'vde_plug'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const { console: path, directory } = switchOf(node);
  const term = await startVdeterm(t, path);
  await typeLines(term, [
    ['port/create 7', /Success/],
    ['port/allprint', /Port 0007 untagged_vlan=0000 INACTIVE/],
    ['nonsense', /Function not implemented/],
    ['vlan/create 5', /Success/],
    ['vlan/allprint', /VLAN 0005/],
    ['debug/add port', /Success/],
  ]);
  startProgram(t, 'vde_plug', [directory]);
  await term.waitFor(/\*\* DBG MSG: port\/descr Port 01/, 10_000);
  term.write('logout\n');
  await term.ended;
  const left = await node.json<{ counters: Record<string, number> }>('status');
  t.truthy(left.counters);
});

systemTest('vdeterm shuts a node down', { needs: ['vdeterm', 'script'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const { console: path } = switchOf(node);
  const term = await startVdeterm(t, path);
  term.write('shutdown\n');
  t.deepEqual(await node.program.ended, { code: 0, signal: null });
  t.false(existsSync(path));
});

systemTest('unixterm works unmodified', { needs: ['unixterm'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const term = startProgram(t, 'unixterm', [switchOf(node).console]);
  await term.waitFor(/vde\$ /, 10_000);
  await typeLines(term, [
    ['port/showinfo', /Numports=128\n[\s\S]*1000 Success\n\nvde\$ $/],
    ['port/create 7', /1000 Success\n\nvde\$ $/],
    ['port/create 7', /1017 File exists\n\nvde\$ $/],
  ]);
  // Whether it still shows the farewell is a race of its own, with any switch.
  term.write('logout\n');
  t.is((await term.ended).signal, null);
});

systemTest('unixcmd works unmodified', { needs: ['unixcmd', 'vde_switch'] }, async (t) => {
  const outcomes: unknown[] = [];
  for (const { console: path } of [await startVdeSwitch(t), await startTwin(t)]) {
    for (const command of ['port/showinfo', 'port/create 7', 'port/allprint', 'foo', 'help']) {
      const args = ['-s', path, '-f', '/etc/vde2/vdecmd', ...command.split(' ')];
      const { code, stdout } = await runProgram('unixcmd', args);
      outcomes.push({ command, code, stdout: normalised(stdout) });
    }
  }
  t.deepEqual(outcomes.slice(5), outcomes.slice(0, 5));
  t.regex(JSON.stringify(outcomes[2]), /Port 0007 untagged_vlan=0000 INACTIVE/);
});

/** What a program on libvdemgmt sees of a console. */
async function managed(t: ExecutionContext, program: string, each: Switch): Promise<string> {
  const acts = ['vlan/create 5', 'port/create 7', 'port/create 7', 'vlan/addport 5 7'];
  const manager = startProgram(t, program, [
    ...[each.console, 'port/+', 'port/showinfo', 'foo', ...acts, 'vlan/allprint', 'port/allprint'],
  ]);
  await manager.waitFor(/^waiting$/m, 10_000);
  await openCable(t, each.directory);
  t.deepEqual(await manager.ended, { code: 0, signal: null }, manager.output);
  return normalised(manager.stdout);
}

systemTest(
  'a program on libvdemgmt sees no difference',
  { needs: ['vde_switch', 'libvdemgmt', 'libvdeplug'] },
  async (t) => {
    const program = join(temporaryDirectory(t), 'vde-management');
    const source = join(projectRoot, 'test/system/support/vde-management.c');
    await mustRun('cc', '-O1', '-Wall', '-o', program, source, '-lvdemgmt');
    const theirs = await managed(t, program, await startVdeSwitch(t));
    t.is(await managed(t, program, await startTwin(t)), theirs);
    t.regex(theirs, /^version 2\.3\.2\n(knows .*\n){44}port\/showinfo: 0\nNumports=N\n/);
    t.regex(theirs, /\nevent port\/\+: 01\n/);
  },
);

systemTest('kith console, on a node and on vde_switch', { needs: ['vde_switch'] }, async (t) => {
  const node = await startNode(t, { name: 'node' });
  const kith = (...args: readonly string[]) =>
    runProgram(process.execPath, [join(projectRoot, 'bin/kith'), 'console', ...args]);
  t.is(await node.cli('console', 'port/create 7'), '');
  t.true((await node.cli('console', 'port/allprint')).startsWith('Port 0007 '));
  const failed = await kith('--home', node.home, 'port/create', '7');
  t.is(failed.code, 1);
  t.regex(failed.stderr, /1017 File exists/);
  const { console: theirs } = await startVdeSwitch(t);
  const shown = await kith('--mgmt', theirs, 'port/showinfo');
  t.deepEqual(
    { code: shown.code, stdout: shown.stdout },
    { code: 0, stdout: 'Numports=32\nHUB=false\ncounters=true\n' },
  );
  t.is((await kith('--mgmt', theirs, 'nonsense')).code, 1);
});

systemTest('--mgmt, --mgmtmode and --rc of kith up', { needs: [] }, async (t) => {
  const place = temporaryDirectory(t);
  const [path, rc] = [join(place, 'mgmt'), join(place, 'rc')];
  writeFileSync(rc, 'port/create 7\nport/setuser 7 root\nport/create 999\n');
  const node = await startNode(t, {
    name: 'node',
    arguments: ['--mgmt', path, '--mgmtmode', '0660', '--rc', rc],
  });
  t.is(statSync(path).mode & 0o777, 0o660);
  t.false(existsSync(join(node.home, 'console')));
  t.true((await node.cli('console', 'port/allprint 7')).includes('(User: root - Group: NONE)'));
  t.regex(node.program.stderr, /port\/create 999.*1022 Invalid argument/);
  await node.program.stop('SIGKILL');
  t.true(existsSync(path), 'what a killed node leaves');
  const next = await startNode(t, { name: 'next', arguments: ['--mgmt', path] });
  t.true((await next.cli('console', 'showinfo')).includes(`mgmt ${path} perm 0600`));
});

/** Whether a frame of `from` reaches `to`; what ought to arrive is sent until it does. */
async function reaches(from: Cable, to: Cable, payload: string): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt++) {
    from.send(testFrame({ from: MAC_A, payload }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (to.received.some((frame) => frame.includes(payload))) return true;
  }
  return false;
}

systemTest(
  'ports of different VLANs hear nothing of each other',
  { needs: ['libvdeplug'] },
  async (t) => {
    const { directory, console: path } = switchOf(await startNode(t, { name: 'node' }));
    const [a, b, c] = [
      await openCable(t, directory, 1),
      await openCable(t, directory, 2),
      await openCable(t, directory, 3),
    ];
    const client = await RawConsole.open(t, path);
    await client.answer();
    t.true(await reaches(a, b, 'all are one'));
    for (const act of ['vlan/create 5', 'port/setvlan 1 5', 'port/setvlan 2 5']) {
      t.is(await client.say(act), SUCCESS, act);
    }
    t.true(await reaches(a, b, 'both in five'));
    t.false(await reaches(a, c, 'only in five'));
    t.is(await client.say('port/setvlan 2 0'), SUCCESS);
    t.false(await reaches(a, b, 'not any more'));
    t.true(await reaches(b, c, 'both in none'));
    t.is(await client.say('port/setvlan 1 0'), SUCCESS);
    t.true(await reaches(a, c, 'all are one again'));
  },
);

systemTest('a hub learns nothing and tells everybody', { needs: ['libvdeplug'] }, async (t) => {
  const { directory, console: path } = switchOf(await startNode(t, { name: 'node' }));
  const cables = [
    await openCable(t, directory),
    await openCable(t, directory),
    await openCable(t, directory),
  ];
  const [a, b, c] = cables as [Cable, Cable, Cable];
  const client = await RawConsole.open(t, path);
  await client.answer();
  t.true(await reaches(b, a, 'b is learnt'));
  const toB = (payload: string) => testFrame({ from: MAC_B, to: MAC_A, payload });
  a.send(toB('for b alone'));
  await b.waitForFrame('for b alone', 5000);
  t.false(c.received.some((frame) => frame.includes('for b alone')));
  t.is(await client.say('port/sethub 1'), SUCCESS);
  a.send(toB('for everybody'));
  await c.waitForFrame('for everybody', 5000);
  t.is(await client.say('port/resetcounter'), SUCCESS);
  t.true((await client.say('port/print 1')).includes(' IN:  pkts          0          bytes'));
});
