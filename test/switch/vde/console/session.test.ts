import test from 'ava';
import fc from 'fast-check';
import { COMMANDS } from '../../../../src/switch/vde/console/command-table.ts';
import { Errno } from '../../../../src/switch/vde/console/errno.ts';
import {
  ConsoleSession,
  isCompleteLine,
  runScript,
} from '../../../../src/switch/vde/console/session.ts';
import { fakeTarget } from './fake-target.ts';

async function say(session: ConsoleSession, text: string): Promise<string> {
  let said = '';
  for await (const piece of session.run({ text })) said += piece;
  return said;
}

async function once(text: string): Promise<string> {
  return say(new ConsoleSession(fakeTarget()), text);
}

/** The reply of a command that lists, octet by octet. */
function listing(lines: readonly string[], status = '1000 Success'): string {
  return `0000 DATA END WITH '.'\n${lines.map((line) => `${line}\n`).join('')}.\n${status}\n\nvde$ `;
}

test('the greeting', (t) => {
  t.is(new ConsoleSession(fakeTarget()).greeting(), 'VDE switch V.2.3.2\nsomebody\n\nvde$ ');
});

test('blanks and comments only bring the prompt again', async (t) => {
  for (const line of ['', '   ', '\t', '# comment', '  #']) t.is(await once(line), '\nvde$ ');
});

test('what is no command', async (t) => {
  for (const line of ['foo', 'port', 'port/p', 'SHOWINFO', 'vlan/', '\u0001', '0000 DATA']) {
    t.is(await once(line), '1038 Function not implemented\n\nvde$ ', line);
  }
});

test('a line that is too long', async (t) => {
  let said = '';
  for await (const piece of new ConsoleSession(fakeTarget()).run('too-long')) said += piece;
  t.is(said, '1007 Argument list too long\n\nvde$ ');
});

test('information, as vde_switch prints it', async (t) => {
  t.is(
    await once('showinfo'),
    listing([
      'VDE switch V.2.3.2',
      'somebody',
      '',
      'pid 4711 MAC 02:00:00:00:00:01 uptime 77',
      'mgmt /run/console perm 0600',
    ]),
  );
  t.is(await once('ds/showinfo'), listing(['ctl dir /run/switch', 'std mode 0660']));
  t.is(await once('port/showinfo'), listing(['Numports=32', 'HUB=false', 'counters=true']));
  t.is(
    await once('hash/showinfo'),
    listing([
      'Hash size 128',
      'GC interval 2 secs',
      'GC expire 100 secs',
      'Min persistence 3 secs',
    ]),
  );
  t.is(
    await once('fstp/showinfo'),
    listing(['MAC 02:00:00:00:00:01 Priority 32768 (0x8000)', 'FSTP=true']),
  );
});

test('ports, as vde_switch prints them', async (t) => {
  const active = [
    'Port 0001 untagged_vlan=0000 ACTIVE - Unnamed Allocatable',
    ' Current User: me Access Control: (User: NONE - Group: NONE)',
    ' IN:  pkts         12          bytes                 3456',
    ' OUT: pkts          7          bytes                  890',
    '  -- endpoint ID 0009 module unix prog   : QEMU user=me pid=7',
    '  -- endpoint ID 0003 module unix prog   : ',
  ];
  const inactive = [
    'Port 0005 untagged_vlan=0000 INACTIVE - NOT Unnamed Allocatable',
    ' Current User: me Access Control: (User: root - Group: NONE)',
    ' IN:  pkts         12          bytes                 3456',
    ' OUT: pkts          7          bytes                  890',
  ];
  t.is(await once('port/print'), listing(active));
  t.is(await once('port/print 1'), listing(active));
  t.is(await once('port/print 5'), listing([], '1006 No such device or address'));
  t.is(await once('port/print 9'), listing([], '1006 No such device or address'));
  t.is(await once('port/print 33'), listing([], '1022 Invalid argument'));
  t.is(await once('port/print -1'), listing([], '1022 Invalid argument'));
  t.is(await once('port/allprint'), listing([...active, ...inactive]));
  t.is(await once('port/allprint 5'), listing(inactive));
});

test('VLANs, addresses and the tree, as vde_switch prints them', async (t) => {
  const none = ['VLAN 0000', ' -- Port 0001 tagged=0 active=1 status=Forwarding'];
  const link = ' -- Port 0513 tagged=1 active=1 status=Discarding';
  t.is(await once('vlan/print'), listing([...none, 'VLAN 0012', link]));
  t.is(
    await once('vlan/allprint 12'),
    listing(['VLAN 0012', ' -- Port 0005 tagged=0 active=0 status=Learning', link]),
  );
  t.is(await once('vlan/print 0'), listing(none));
  t.is(await once('vlan/allprint 0'), listing([], '1022 Invalid argument'));
  t.is(await once('vlan/print 13'), listing([], '1006 No such device or address'));
  t.is(await once('vlan/print 4094'), listing([], '1022 Invalid argument'));

  const a = 'Hash: 0000 Addr: 02:00:00:00:00:0a VLAN 0000 to port: 001  age 5 secs';
  const b = 'Hash: 0001 Addr: 02:00:00:00:00:0b VLAN 0012 to port: 513  age 0 secs';
  t.is(await once('hash/print'), listing([a, b]));
  t.is(await once('hash/find 2:0:0:0:0:a'), listing([a]));
  t.is(await once('hash/find 02.00.00.00.00.0B 12'), listing([b]));
  t.is(await once('hash/find 02:00:00:00:00:0b'), listing([], '1019 No such device'));
  t.is(await once('hash/find'), listing([], '1022 Invalid argument'));

  const head = [
    ' ++ root 10:00:02:00:00:00:00:09',
    ' ++ designated 80:00:02:00:00:00:00:08',
    ' ++ rootport 0513 cost 20000 age 1 bonusport 0000 bonuscost 0',
  ];
  t.is(
    await once('fstp/print'),
    listing([
      'FST DATA VLAN 0000  ',
      ...head,
      ' -- Port 0001 tagged=0 portcost=20000 role=Edge',
      'FST DATA VLAN 0012  ',
      ...head,
      ' -- Port 0513 tagged=1 portcost=20000 role=Root',
    ]),
  );
  t.is(await once('fstp/print 1'), listing([], '1006 No such device or address'));
});

const ACTS: readonly (readonly [string, ...(readonly unknown[])])[] = [
  ['hash/setsize 256', 'setHashSize', 256],
  ['hash/setgcint 5', 'setCollectionInterval', 5],
  ['hash/setexpire 60', 'setExpiry', 60],
  ['hash/setminper 1', 'setMinPersistence', 1],
  ['fstp/setedge 0 1 1', 'setEdge', 1, true],
  ['fstp/setedge 12 513 0', 'setEdge', 513, false],
  ['fstp/bonus 0 1 100', 'setBonus', 1, 100],
  ['fstp/setcost 0 1 5', 'setCost', 1, 5],
  ['fstp/bpduguard 0 1 1', 'setGuard', 1, 'bpdu', true],
  ['fstp/rootguard 12 513 0', 'setGuard', 513, 'root', false],
  ['fstp/changeguard 0 1 1', 'setGuard', 1, 'change', true],
  ['fstp/recover 0 1', 'recover', 1],
  ['port/setnumports 64', 'setPortCount', 64],
  ['port/sethub 1', 'setHub', true],
  ['port/sethub', 'setHub', false],
  ['port/setvlan 1 12', 'setUntaggedVlan', 1, 12],
  ['port/create 6', 'createPort', 6],
  ['port/remove 5', 'removePort', 5],
  ['port/allocatable 5 1', 'setAllocatable', 5, true],
  ['port/setuser 5 me', 'setPortUser', 5, 'me'],
  ['port/setgroup 5 staff', 'setPortGroup', 5, 'staff'],
  ['port/epclose 1 9', 'closeEndpoint', 1, 9],
  ['port/resetcounter', 'resetCounters', undefined],
  ['port/resetcounter 1', 'resetCounters', 1],
  ['vlan/create 13', 'createVlan', 13],
  ['vlan/remove 12', 'removeVlan', 12],
  ['vlan/addport 12 1', 'addToVlan', 12, 1],
  ['vlan/delport 12 1', 'removeFromVlan', 12, 1],
];

test('acts act, and answer with the status', async (t) => {
  for (const [line, ...call] of ACTS) {
    const target = fakeTarget();
    t.is(await say(new ConsoleSession(target), line), '1000 Success\n\nvde$ ', line);
    t.deepEqual(target.calls, [call], line);
    target.status = Errno.addressInUse;
    t.is(await say(new ConsoleSession(target), line), '1098 Address already in use\n\nvde$ ', line);
  }
});

test('acts that lack arguments, or a VLAN, do nothing', async (t) => {
  const target = fakeTarget();
  const session = new ConsoleSession(target);
  for (const line of [
    'port/setvlan 1',
    'port/allocatable 1',
    'port/epclose 1',
    'port/setuser 1',
    'port/setgroup x staff',
    'vlan/addport 5',
    'vlan/delport',
    'fstp/setedge 0 1',
    'fstp/bonus 0 1',
    'fstp/setedge -1 1 1',
  ]) {
    t.is(await say(session, line), '1022 Invalid argument\n\nvde$ ', line);
  }
  t.is(await say(session, 'fstp/bonus 13 1 1'), '1006 No such device or address\n\nvde$ ');
  t.deepEqual(target.calls, []);
});

test('commands that list although they act', async (t) => {
  const target = fakeTarget();
  t.is(await say(new ConsoleSession(target), 'fstp/setfstp 0'), listing([]));
  t.is(await say(new ConsoleSession(target), 'port/createauto'), listing(['Port 0006']));
  t.deepEqual(target.calls, [
    ['setTreeEnabled', false],
    ['createPort', 0],
  ]);
});

test('there are no plugins', async (t) => {
  const none = ['NAME                   HELP', '------------           ----'];
  t.is(await once('plugin/list'), listing(none, '1002 No such file or directory'));
  t.is(await once('plugin/add x.so'), '1002 No such file or directory\n\nvde$ ');
  t.is(await once('plugin/del x'), '1002 No such file or directory\n\nvde$ ');
});

test('a command is the first that the line begins with', async (t) => {
  t.true((await once('helpds')).includes('ds/showinfo                        show ds info\n'));
  t.is(await once('  \tshowinfo and more'), await once('showinfo'));
  const target = fakeTarget();
  await say(new ConsoleSession(target), 'port/create7');
  await say(new ConsoleSession(target), 'port/createauto7');
  t.deepEqual(target.calls, [
    ['createPort', 7],
    ['createPort', 0],
  ]);
});

test('help', async (t) => {
  const head = [
    'COMMAND PATH       SYNTAX          HELP',
    '------------       --------------  ------------',
  ];
  t.is(
    await once('help vlan/p'),
    listing([...head, 'vlan/print         [N]             print the list of defined vlan']),
  );
  t.is(await once('help nothing'), listing(head));
  const all = (await once('help')).split('\n');
  t.is(all.length, COMMANDS.filter(({ own }) => !own).length + 7, 'as vde_switch has them');
  t.false(all.some((line) => line.startsWith('fstp/rootguard')));
  t.true((await once('help fstp')).includes('fstp/rootguard'));
  t.true(all.includes('vlan               ============    VLAN MANAGEMENT MENU'));
  t.is(COMMANDS.filter(({ kind }) => kind !== 'menu').length, 49);
});

test('logout and shutdown', async (t) => {
  const target = fakeTarget();
  const session = new ConsoleSession(target);
  t.is(await say(session, 'logout'), '9999 END OF SESSION');
  t.true(session.ended);
  t.is(await say(session, 'showinfo'), '');
  t.deepEqual(target.calls, []);
  t.is(await say(new ConsoleSession(target), 'shutdown'), '9999 END OF SESSION');
  t.deepEqual(target.calls, [['shutDown']]);
});

test('events: categories, and who hears of them', async (t) => {
  const session = new ConsoleSession(fakeTarget());
  const text = '02:00:00:00:00:01 VLAN 00:00 Port 1';
  t.is(session.event('hash/+', text), undefined);
  t.is(await say(session, 'debug/add hash'), '1000 Success\n\nvde$ ');
  t.is(session.event('hash/+', text), '3011 hash/+ 02:00:00:00:00:01 VLAN 00:00 Port 1\n');
  t.is(session.event('hash/-', text), '3012 hash/- 02:00:00:00:00:01 VLAN 00:00 Port 1\n');
  t.is(session.event('port/+', '01'), undefined);
  t.is(session.event('hash/+', 'a\nb'), '3011 hash/+ a?b\n');
  t.is(await say(session, 'debug/add hash/+'), '1017 File exists\n\nvde$ ');
  t.is(await say(session, 'debug/add nothing'), '1022 Invalid argument\n\nvde$ ');
  t.is(await say(session, 'debug/del hash/-'), '1000 Success\n\nvde$ ');
  t.is(await say(session, 'debug/del hash/-'), '1002 No such file or directory\n\nvde$ ');
  t.is(await say(session, 'debug/del nothing'), '1022 Invalid argument\n\nvde$ ');
  t.is(
    await say(session, 'debug/list hash'),
    listing([
      'CATEGORY               TAG STATUS HELP',
      '------------           --- ------ ----',
      'hash/+                 011 ON     hash: new element',
      'hash/-                 012 OFF    hash: discarded element',
    ]),
  );
  t.is((await say(session, 'debug/list')).split('\n').length, 11 + 7);
  t.true(
    (await say(session, 'debug/list x')).endsWith('.\n1002 No such file or directory\n\nvde$ '),
  );
  t.is(await say(session, 'debug/add'), '1000 Success\n\nvde$ ');
  t.is(session.event('port/ep/+', 'Port 01 FD  9'), '3031 port/ep/+ Port 01 FD  9\n');
  await say(session, 'logout');
  t.is(session.event('port/+', '01'), undefined);
});

test('a script is shown line by line, and what ends a session is passed over', async (t) => {
  const target = fakeTarget();
  target.scripts.set('/a', '# hello\nport/create 7\r\n\nfoo\nlogout\nport/showinfo\nshutdown');
  const said = await say(new ConsoleSession(target), 'load /a');
  t.is(
    said,
    [
      'vde[/a]: # hello',
      'vde[/a]: port/create 7',
      '1000 Success',
      'vde[/a]: ',
      'vde[/a]: foo',
      '1038 Function not implemented',
      'vde[/a]: logout',
      'vde[/a]: port/showinfo',
      "0000 DATA END WITH '.'",
      'Numports=32',
      'HUB=false',
      'counters=true',
      '.',
      '1000 Success',
      'vde[/a]: shutdown',
      '1000 Success',
      '',
      'vde$ ',
    ].join('\n'),
  );
  t.deepEqual(target.calls, [['createPort', 7]]);
  t.is(await say(new ConsoleSession(target), 'load /b'), '1002 No such file or directory\n\nvde$ ');
});

test('a script that loads itself comes to an end', async (t) => {
  const target = fakeTarget();
  target.scripts.set('/a', 'load /a\nport/create 7\n');
  const said = await say(new ConsoleSession(target), 'load /a');
  t.true(said.includes('1040 Too many levels of symbolic links\n'));
  t.true(said.endsWith('1000 Success\n\nvde$ '));
  t.is(target.calls.length, 8);
});

test('a script at the start tells what failed', async (t) => {
  const target = fakeTarget();
  const script =
    '# rc\nport/create 7\nfoo\nvlan/addport 5\nload /b\ndebug/add\nlogout\nhash/find x\n';
  t.deepEqual(await runScript(target, script), [
    { line: 3, text: 'foo', status: Errno.notImplemented },
    { line: 4, text: 'vlan/addport 5', status: Errno.invalid },
    { line: 5, text: 'load /b', status: Errno.badDescriptor },
    { line: 6, text: 'debug/add', status: Errno.badDescriptor },
    { line: 8, text: 'hash/find x', status: Errno.invalid },
  ]);
  t.deepEqual(target.calls, [['createPort', 7]]);
});

test('what the target tells cannot break the frame', async (t) => {
  const target = fakeTarget();
  const evil = { id: 1, module: 'unix prog', description: 'a\n.\n1000 Success\n\nvde$ ' };
  const [port] = target.ports();
  const session = new ConsoleSession({ ...target, ports: () => [{ ...port, endpoints: [evil] }] });
  const said = await say(session, 'port/print');
  t.is(said.split('\n').length, 10);
  t.is(said.indexOf('\n.\n'), said.lastIndexOf('\n.\n'));
});

test('any line gets one prompt, at its end', async (t) => {
  const path = fc.constantFrom(...COMMANDS.map((command) => command.path));
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.tuple(path, fc.string({ unit: 'binary' })).map(([start, rest]) => `${start} ${rest}`),
    fc.tuple(path, fc.array(fc.integer())).map(([start, rest]) => `${start} ${rest.join(' ')}`),
  );
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      const session = new ConsoleSession(fakeTarget());
      const said = await say(session, text);
      if (session.ended) t.is(said, '9999 END OF SESSION');
      else t.regex(said, /^(?:.*\n1\d{3} [^\n]+\n|1\d{3} [^\n]+\n)?\nvde\$ $/s);
      t.is(said === '1038 Function not implemented\n\nvde$ ', !isCompleteLine(text));
    }),
  );
});
