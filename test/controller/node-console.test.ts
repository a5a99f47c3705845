/** The console of a running node: what its commands do to the switch. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KithError } from '../../src/errors.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { connectVde, type VdeCable } from '../../src/switch/vde/vde-client.ts';
import { RawConsole } from './console-fixtures.ts';
import { eventually, friendEntry, linkTo, type Person, person } from './node-fixtures.ts';

const SUCCESS = '1000 Success\n\nvde$ ';

async function openConsole(t: ExecutionContext, who: Person): Promise<RawConsole> {
  const client = await RawConsole.open(t, (await who.api.status()).consoleSocket);
  t.regex(await client.answer(), /^VDE switch V\.2\.3\.2\nKith \S+ .*\n\nvde\$ $/);
  return client;
}

async function plug(t: ExecutionContext, who: Person, port = 0): Promise<VdeCable> {
  const sockets = systemSockets();
  const switchPath = who.node.ready.switchDirectory;
  const cable = await connectVde({ switchPath, sockets, description: 'a cable', port });
  t.teardown(() => {
    cable.close();
    sockets.closeDescriptor(cable.systemDescriptor);
  });
  return cable;
}

/** The lines of data of a listing. */
async function lines(client: RawConsole, command: string): Promise<string[]> {
  const said = await client.say(command);
  const match = /^0000 DATA END WITH '\.'\n(.*?)\.\n1000 Success\n\nvde\$ $/s.exec(said);
  if (match === null) throw new Error(`no listing: ${said}`);
  return match[1].split('\n').slice(0, -1);
}

test.serial('a node has its console in its home, and takes it away', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start();
  const path = join(alice.home, 'console');
  t.is((await alice.api.status()).consoleSocket, path);
  const client = await openConsole(t, alice);
  const info = await lines(client, 'showinfo');
  t.regex(info[3], new RegExp(`^pid ${process.pid} MAC ([0-9a-f]{2}:){5}[0-9a-f]{2} uptime \\d+$`));
  t.is(info[4], `mgmt ${path} perm 0600`);
  t.deepEqual(await lines(client, 'ds/showinfo'), [
    `ctl dir ${alice.node.ready.switchDirectory}`,
    'std mode 0600',
  ]);
  await alice.stop();
  await client.until(() => client.ended);
  t.false(existsSync(path));
});

test.serial('shutdown ends the node', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start();
  const client = await openConsole(t, alice);
  client.send('shutdown');
  t.is(await client.until(() => client.ended), '9999 END OF SESSION');
  await alice.node.closed;
  t.false(existsSync(join(alice.home, 'console')));
});

test.serial('ports and VLANs, as cables come and go', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start();
  const client = await openConsole(t, alice);
  t.is(await client.say('debug/add port'), SUCCESS);
  const cable = await plug(t, alice);
  const [, id] = /FD +(\d+)/.exec(await client.until((heard) => heard.includes('descr'))) ?? [];
  t.deepEqual((await lines(client, 'port/print')).slice(0, 2), [
    'Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable',
    ` Current User: ${process.getuid?.() === 0 ? 'root' : process.env.USER} Access Control: (User: NONE - Group: NONE)`,
  ]);
  t.is(
    (await lines(client, 'port/print 1')).at(-1),
    `  -- endpoint ID ${id?.padStart(4, '0')} module unix prog   : a cable`,
  );
  for (const act of ['vlan/create 5', 'vlan/create 6', 'vlan/addport 5 1', 'port/setvlan 1 6']) {
    t.is(await client.say(act), SUCCESS, act);
  }
  const untagged = ' -- Port 0001 tagged=0 active=1 status=Forwarding';
  const tagged = untagged.replace('tagged=0', 'tagged=1');
  t.deepEqual(await lines(client, 'vlan/print'), [
    'VLAN 0000',
    'VLAN 0005',
    tagged,
    'VLAN 0006',
    untagged,
  ]);
  t.is(
    await client.say(`port/epclose 1 ${id}`),
    `3032 port/ep/- Port 01 FD ${id?.padStart(2)}\n3022 port/- 01\n${SUCCESS}`,
  );
  await cable.ended;
  t.deepEqual(await lines(client, 'port/print'), []);
  t.is(
    (await lines(client, 'port/allprint'))[0],
    'Port 0001 untagged_vlan=0006 INACTIVE - Unnamed Allocatable',
  );
  t.is(await client.say('port/remove 1'), SUCCESS);
  t.deepEqual(await lines(client, 'port/allprint'), []);
  t.is(await client.say('vlan/remove 6'), SUCCESS);
  // Port 0 of VDE is port 0 here, too.
  await plug(t, alice, 2);
  t.is(
    await client.until((heard) => heard.includes('descr')),
    `3021 port/+ 02\n3031 port/ep/+ Port 02 FD  2\n3023 port/descr Port 02 FD  2 -> "a cable"\n`,
  );
});

test.serial('who may have a port, and how many there are', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start({ switch: { ports: 4 } });
  const client = await openConsole(t, alice);
  t.deepEqual(await lines(client, 'port/createauto'), ['Port 0001']);
  t.is(await client.say('port/create 3'), SUCCESS);
  t.is(await client.say('port/setuser 3 nobody'), SUCCESS);
  t.is(await client.say('port/setgroup 3 4711'), SUCCESS);
  t.deepEqual((await lines(client, 'port/allprint 3')).slice(0, 2), [
    'Port 0003 untagged_vlan=0000 INACTIVE - NOT Unnamed Allocatable',
    ' Current User: NONE Access Control: (User: nobody - Group: 4711)',
  ]);
  // 1 is not allocatable, 3 is kept: the first cable gets 2, the second 4, a third none.
  await plug(t, alice);
  await plug(t, alice);
  await t.throwsAsync(plug(t, alice));
  const active = (await lines(client, 'port/print')).filter((line) => line.startsWith('Port'));
  t.deepEqual(
    active.map((line) => line.slice(0, 9)),
    ['Port 0002', 'Port 0004'],
  );
  t.is(await client.say('port/setnumports 3'), '1098 Address already in use\n\nvde$ ');
  t.is(await client.say('port/setnumports 513'), '1022 Invalid argument\n\nvde$ ');
  t.is(await client.say('port/setnumports 6'), SUCCESS);
  t.is(await client.say('port/allocatable 1 1'), SUCCESS);
  t.is(await client.say('port/allocatable 1 0'), SUCCESS);
  await plug(t, alice);
  t.true((await lines(client, 'port/print 5')).length > 3);
});

test.serial('settings of the filtering database', async (t) => {
  const alice = await person(t, 'alice');
  await alice.start({ switch: { ageing: 60 } });
  const client = await openConsole(t, alice);
  for (const act of [
    'hash/setsize 1000',
    'hash/setexpire 30',
    'hash/setminper 0',
    'hash/setgcint 7',
  ]) {
    t.is(await client.say(act), SUCCESS, act);
  }
  t.deepEqual(await lines(client, 'hash/showinfo'), [
    'Hash size 1024',
    'GC interval 7 secs',
    'GC expire 30 secs',
    'Min persistence 0 secs',
  ]);
  for (const act of [
    'hash/setsize 99999999',
    'hash/setexpire 0',
    'hash/setminper -1',
    'hash/setgcint 0',
  ]) {
    t.is(await client.say(act), '1022 Invalid argument\n\nvde$ ', act);
  }
  t.is(await client.say('port/sethub 1'), SUCCESS);
  t.is((await lines(client, 'port/showinfo'))[1], 'HUB=true');
  t.is((await alice.api.status()).addresses, 0, 'the data plane lives');
});

test.serial('links are ports, and the tree is told', async (t) => {
  const [alice, bob] = [await person(t, 'alice'), await person(t, 'bob')];
  await alice.start({ friends: [friendEntry(bob)] });
  const client = await openConsole(t, alice);
  t.is(await client.say('debug/add'), SUCCESS);
  await bob.start({ friends: [friendEntry(alice, alice.url('udp'))] });
  const { port } = await linkTo(alice, bob);
  const said = await client.until((heard) =>
    heard.includes(`fstp/status Port 0${port} VLAN 00:00 forwarding\n`),
  );
  t.true(said.startsWith(`3021 port/+ ${port}\n3031 port/ep/+ Port ${port} FD ${port}\n`), said);
  t.true(said.includes(`3041 fstp/+ Port 0${port} VLAN 00:00\n`));
  t.true((await client.say('debug/del')).endsWith(SUCCESS));
  t.regex(
    (await lines(client, `port/print ${port}`)).at(-1)!,
    new RegExp(`endpoint ID 0${port} module link {8}: bob udp `),
  );
  t.is(await client.say(`port/epclose ${port} ${port}`), '1001 Operation not permitted\n\nvde$ ');
  t.is(await client.say(`port/setuser ${port} nobody`), '1001 Operation not permitted\n\nvde$ ');
  const tree = await lines(client, 'fstp/print');
  t.is(tree.filter((line) => line.startsWith(' -- ')).length, 1);
  t.regex(tree[1], /^ \+\+ root (?:[0-9a-f]{2}:){7}[0-9a-f]{2}$/);
  t.is(tree[0].includes('ROOTSWITCH'), (await alice.api.stp()).isRoot);
  t.deepEqual(await lines(client, 'fstp/setfstp 0'), []);
  t.false((await alice.api.stp()).enabled);
  t.is((await lines(client, 'fstp/showinfo'))[1], 'FSTP=false');
  t.deepEqual(await lines(client, 'fstp/setfstp 1'), []);
  await eventually('forwarding again', async () => {
    return (await alice.api.stp()).ports.some(({ state }) => state === 'forwarding');
  });
  t.is(await client.say('debug/add port'), SUCCESS);
  t.is(await client.say('debug/add fstp/-'), SUCCESS);
  await bob.stop();
  const end = await client.until((heard) => heard.includes('port/-'));
  t.true(end.includes(`3042 fstp/- Port 0${port} VLAN 00:00\n`), end);
  t.true(end.endsWith(`3032 port/ep/- Port ${port} FD ${port}\n3022 port/- ${port}\n`), end);
});

test.serial('a script at the start, and one by hand', async (t) => {
  const alice = await person(t, 'alice');
  const script = join(alice.home, 'switch.rc');
  writeFileSync(
    script,
    '# ours\nport/create 7\nvlan/create 5\nvlan/addport 5 7\nport/create 999\n',
  );
  await alice.start({ consoleRc: 'switch.rc' });
  const client = await openConsole(t, alice);
  t.deepEqual(await lines(client, 'vlan/allprint 5'), [
    'VLAN 0005',
    ' -- Port 0007 tagged=1 active=0 status=Learning',
  ]);
  writeFileSync(script, 'vlan/remove 5\nvlan/delport 5 7\n');
  t.is(
    await client.say(`load ${script}`),
    `vde[${script}]: vlan/remove 5\n1098 Address already in use\nvde[${script}]: vlan/delport 5 7\n1000 Success\n${SUCCESS}`,
  );
  t.is(await client.say('load /nowhere'), '1002 No such file or directory\n\nvde$ ');
  t.is(await client.say(`load ${alice.home}`), '1021 Is a directory\n\nvde$ ');
  t.is(await client.say('load /dev/zero'), '1022 Invalid argument\n\nvde$ ');
  t.is(await client.say('load'), '1002 No such file or directory\n\nvde$ ');
  await alice.stop();
  const error = await t.throwsAsync(alice.start({ consoleRc: 'gone.rc' }), {
    instanceOf: KithError,
  });
  t.is(error.code, 'config');
  t.regex(error.message, /gone\.rc/);
  t.false(existsSync(join(alice.home, 'switch')));
});

test.serial('where the console is, its mode and its group can be chosen', async (t) => {
  const alice = await person(t, 'alice');
  mkdirSync(join(alice.home, 'run'));
  await alice.start({
    console: { path: 'run/mgmt', mode: '0640', group: String(process.getgid?.()) },
  });
  const client = await openConsole(t, alice);
  t.is((await lines(client, 'showinfo'))[4], `mgmt ${join(alice.home, 'run/mgmt')} perm 0640`);
  await alice.stop();
  await t.throwsAsync(alice.start({ console: { group: 'no-such-group' } }), {
    message: /console\.group/,
  });
});
