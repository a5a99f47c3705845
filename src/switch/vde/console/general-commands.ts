/** Commands about the console itself: data sockets, help, session, events, plugins. */
import { CATEGORIES } from './categories.ts';
import { act, type Command, list, menu, sessional } from './command.ts';
import { Errno, SUCCESS } from './errno.ts';
import { CONSOLE_VERSION } from './reply.ts';

export const dataSocketCommands: readonly Command[] = [
  menu('ds', 'DATA SOCKET MENU'),
  list('ds/showinfo', '', 'show ds info', ({ target, print }) => {
    const { switchDirectory, switchMode } = target.about();
    print(`ctl dir ${switchDirectory}`);
    print(`std mode ${mode(switchMode)}`);
    return SUCCESS;
  }),
];

/** @param all every command, for `help`; asked when it is called */
export function managementCommands(all: () => readonly Command[]): readonly Command[] {
  return [
    list('help', '[arg]', 'Help (limited to arg when specified)', ({ argument, print }) => {
      print(helpLine('COMMAND PATH', 'SYNTAX', 'HELP'));
      print(helpLine('------------', '--------------', '------------'));
      for (const { path, syntax, help, own } of all()) {
        if (path.startsWith(argument) && (!own || argument !== ''))
          print(helpLine(path, syntax, help));
      }
      return SUCCESS;
    }),
    sessional('logout', '', 'logout from this mgmt terminal'),
    sessional('shutdown', '', 'shutdown of the switch'),
    list('showinfo', '', 'show switch version and info', ({ target, print }) => {
      const { introduction, pid, mac, uptime, consolePath, consoleMode } = target.about();
      print(`VDE switch V.${CONSOLE_VERSION}`);
      print(introduction);
      print('');
      print(`pid ${pid} MAC ${mac} uptime ${uptime}`);
      print(`mgmt ${consolePath} perm ${mode(consoleMode)}`);
      return SUCCESS;
    }),
    sessional('load', 'path', 'load a configuration script'),
    ...debugCommands,
    ...pluginCommands,
  ];
}

const debugCommands: readonly Command[] = [
  menu('debug', 'DEBUG MENU'),
  list('debug/list', '', 'list debug categories', ({ argument, subscriptions, print }) => {
    print(categoryLine('CATEGORY', 'TAG', 'STATUS', 'HELP'));
    print(categoryLine('------------', '---', '------', '----'));
    const shown = CATEGORIES.filter(({ path }) => path.startsWith(argument));
    for (const { path, tag, help } of shown) {
      const status = subscriptions?.has(path) === true ? 'ON' : 'OFF';
      print(categoryLine(path, tag.toString(8).padStart(3, '0'), status, help));
    }
    return shown.length > 0 ? SUCCESS : Errno.noEntry;
  }),
  act(
    'debug/add',
    'dbgpath',
    'enable debug info for a given category',
    ({ argument, subscriptions }) => subscriptions?.add(argument) ?? Errno.badDescriptor,
  ),
  act(
    'debug/del',
    'dbgpath',
    'disable debug info for a given category',
    ({ argument, subscriptions }) => subscriptions?.remove(argument) ?? Errno.badDescriptor,
  ),
];

/** A shared object of vde_switch has nothing here to hook into, so there never is one. */
const pluginCommands: readonly Command[] = [
  menu('plugin', 'PLUGINS MENU'),
  list('plugin/list', '', 'list plugins', ({ print }) => {
    print(`${'NAME'.padEnd(22)} HELP`);
    print(`${'------------'.padEnd(22)} ----`);
    return Errno.noEntry;
  }),
  act('plugin/add', 'library', 'load a plugin', () => Errno.noEntry),
  act('plugin/del', 'name', 'unload a plugin', () => Errno.noEntry),
];

function helpLine(path: string, syntax: string, help: string): string {
  return `${path.padEnd(18)} ${syntax.padEnd(15)} ${help}`;
}

function categoryLine(path: string, tag: string, status: string, help: string): string {
  return `${path.padEnd(22)} ${tag.padEnd(3)} ${status.padEnd(6)} ${help}`;
}

/** As `0%03o` prints it. */
function mode(bits: number): string {
  return `0${bits.toString(8).padStart(3, '0')}`;
}
