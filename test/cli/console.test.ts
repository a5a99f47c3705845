/** `kith console` against a console whose switch is not there. */
import { EventEmitter } from 'node:events';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { runConsole } from '../../src/cli/console-run.ts';
import { ConsoleServer } from '../../src/controller/console-server.ts';
import { openControlServer } from '../../src/controller/control-server.ts';
import { type FakeTarget, fakeTarget } from '../switch/vde/console/fake-target.ts';
import { fakeApi } from './fake-node.ts';
import { run, temporaryHome } from './run-cli.ts';

interface Bench {
  readonly path: string;
  readonly target: FakeTarget;
  readonly server: ConsoleServer;
  kith(args: readonly string[], stdin?: string): ReturnType<typeof run>;
}

async function bench(t: ExecutionContext): Promise<Bench> {
  const home = await temporaryHome(t);
  const log = pino({ enabled: false });
  const control = await openControlServer({ home, version: '0.1.0', log });
  t.teardown(() => control.close());
  control.serve(fakeApi([], () => {}, home));
  const path = join(home, 'console');
  const target = fakeTarget();
  const server = new ConsoleServer({ path, mode: 0o600, target, log, onInterest: () => {} });
  await server.start();
  t.teardown(() => server.close());
  const kith = (args: readonly string[], stdin = '') =>
    run(['console', '--home', home, ...args], { stdin });
  return { path, target, server, kith };
}

test('one command prints its data and nothing else', async (t) => {
  const { kith, target } = await bench(t);
  t.deepEqual(await kith(['ds/showinfo']), {
    code: 0,
    stdout: 'ctl dir /run/switch\nstd mode 0660\n',
    stderr: '',
  });
  t.deepEqual(await kith(['port/create', '7']), { code: 0, stdout: '', stderr: '' });
  t.deepEqual(await kith(['port/create 8']), { code: 0, stdout: '', stderr: '' });
  t.deepEqual(await kith(['port/remove', '-1']), { code: 0, stdout: '', stderr: '' });
  t.deepEqual(target.calls, [
    ['createPort', 7],
    ['createPort', 8],
    ['removePort', -1],
  ]);
  t.deepEqual(await kith(['logout']), { code: 0, stdout: '', stderr: '' });
});

test('a command that fails says why, and the exit code is 1', async (t) => {
  const { kith } = await bench(t);
  t.deepEqual(await kith(['port/print', '99']), {
    code: 1,
    stdout: '',
    stderr:
      'kith: port/print 99: 1022 Invalid argument; `kith console help port/print` says how it is used\n',
  });
  t.is((await kith(['nonsense'])).code, 1);
});

test('lines on standard input, going on after one that fails', async (t) => {
  const { kith, target } = await bench(t);
  target.scripts.set('/rc', 'port/showinfo\nfoo\n');
  t.deepEqual(await kith([], '# a script\nport/create 7\n\nfoo\nds/showinfo\nload /rc'), {
    code: 1,
    stdout: [
      'ctl dir /run/switch',
      'std mode 0660',
      'vde[/rc]: port/showinfo',
      'Numports=32',
      'HUB=false',
      'counters=true',
      '1000 Success',
      'vde[/rc]: foo',
      '1038 Function not implemented',
      '',
    ].join('\n'),
    stderr:
      'line 4: foo: 1038 Function not implemented\nkith: a line failed; `kith console help` lists all commands\n',
  });
  t.deepEqual(await kith([], 'port/create 8\nlogout\nport/create 9\n'), {
    code: 0,
    stdout: '',
    stderr: '',
  });
  t.deepEqual(target.calls, [
    ['createPort', 7],
    ['createPort', 8],
  ]);
});

test('what guests call themselves cannot steer the terminal', async (t) => {
  const { kith, target } = await bench(t);
  const [port] = target.ports();
  const endpoints = [{ id: 1, module: 'unix prog', description: 'a\u001b[31mb' }];
  Object.assign(target, { ports: () => [{ ...port, endpoints }] });
  t.true((await kith(['port/print'])).stdout.includes('a?[31mb'));
});

test('options stand before or behind the words, and -- ends them', async (t) => {
  const { kith, path, target } = await bench(t);
  const home = dirname(path);
  for (const args of [
    ['port/create', '7', '--home', home],
    ['port/create', '7', `--home=${home}`],
    ['--home', home, 'port/create', '7'],
    ['--mgmt', path, 'port/create', '7'],
    ['port/create', '--mgmt', path, '7'],
    ['--home', home, '--', 'port/create', '7'],
  ]) {
    const { code, stderr } = await run(['console', ...args]);
    t.deepEqual([code, stderr], [0, ''], args.join(' '));
    t.deepEqual(target.calls.pop(), ['createPort', 7], args.join(' '));
  }
  target.scripts.set('--home', 'port/create 9\n');
  t.is((await kith(['--', 'load', '--home'])).code, 0);
  t.deepEqual(target.calls.pop(), ['createPort', 9], 'a word that looks like an option');
  t.is((await run(['console', 'port/remove', '-1', '--home', home])).code, 0);
  t.deepEqual(target.calls.pop(), ['removePort', -1]);
  const wrong = await kith(['load', '-x']);
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^kith: unknown option '-x'; see `kith console --help`\n$/);
  t.deepEqual(target.calls, []);
});

test('another console can be named; one that is not there is told of', async (t) => {
  const { path } = await bench(t);
  t.is((await run(['console', '--mgmt', path, 'ds/showinfo'])).code, 0);
  const nobody = await run(['console', '--mgmt', `${path}.gone`, 'showinfo']);
  t.is(nobody.code, 5);
  t.regex(nobody.stderr, /^kith: nobody answers on the console .*; start the node .*\n$/);
});

test('a console that goes away in the middle is told of', async (t) => {
  const { target, kith, server } = await bench(t);
  Object.assign(target, {
    addresses: () => {
      void server.close();
      return new Promise(() => {});
    },
  });
  const { code, stderr } = await kith(['hash/print']);
  t.is(code, 5);
  t.regex(stderr, /hung up/);
});

/** A person at a terminal. */
function terminal(path: string) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
  let shown = '';
  stdout.setEncoding('utf8');
  stdout.on('data', (text: string) => {
    shown += text;
  });
  const done = runConsole(path, '', {
    env: { NO_COLOR: '1' },
    stdin,
    stdout,
    stderr: stdout,
    signals: new EventEmitter(),
    loadNode: async () => {
      throw new Error('no node is started here');
    },
    abandon: () => {},
    setLastWish: () => {},
  });
  return {
    done,
    type: (keys: string) => void stdin.write(keys),
    end: () => void stdin.end(),
    shows: async (text: string) => {
      while (!shown.includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
      const before = shown.slice(0, shown.indexOf(text) + text.length);
      shown = shown.slice(before.length);
      return before;
    },
  };
}

test('at a terminal: greeting, answers, Tab, history, events, logout', async (t) => {
  const { path, server, target } = await bench(t);
  const person = terminal(path);
  await person.shows('VDE switch V.2.3.2\nsomebody\n');
  await person.shows('vde$ ');
  person.type('ds/show\t');
  await person.shows('info ');
  person.type('\r');
  await person.shows('ctl dir /run/switch\nstd mode 0660\n1000 Success\n');
  person.type('port/create 7\r');
  await person.shows('1000 Success\n');
  person.type('foo\r');
  await person.shows('1038 Function not implemented\n');
  person.type('\u001b[A\u001b[A\r'); // up, up: the line before the last
  await person.shows('1000 Success\n');
  t.deepEqual(target.calls, [
    ['createPort', 7],
    ['createPort', 7],
  ]);
  person.type('debug/add port\r');
  await person.shows('1000 Success\n');
  server.announce('port/+', '02');
  await person.shows('3021 port/+ 02\n');
  person.type('logout\r');
  await person.done;
});

test('at a terminal: Ctrl-D, Ctrl-C and a console that goes away end it', async (t) => {
  const { path, server } = await bench(t);
  const first = terminal(path);
  await first.shows('vde$ ');
  first.type('\u0004');
  await first.done;
  const second = terminal(path);
  await second.shows('vde$ ');
  second.type('half a line\u0003');
  second.type('ds/showinfo\r');
  await second.shows('std mode 0660');
  second.type('\u0003');
  await second.done;
  const third = terminal(path);
  await third.shows('vde$ ');
  await server.close();
  await third.done;
  t.pass();
});
