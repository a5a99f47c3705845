import type { Command } from 'commander';
import type { ImpairmentStatus } from '../../controller/node-api-ports.ts';
import { KithError } from '../../errors.ts';
import type { BurstSettings, ImpairmentSettings } from '../../switch/impairment-settings.ts';
import { addPrintingCommand, clientOf, print, wholeNumberOption } from '../command-kit.ts';
import type { CliContext } from '../context.ts';
import {
  formatPercent,
  formatRate,
  parseFraction,
  parseMilliseconds,
  parseOctets,
  parseRate,
} from '../impair-text.ts';
import type { Palette } from '../style.ts';
import { formatTable } from '../table.ts';

interface ImpairFlags extends ImpairmentSettings {
  readonly off?: boolean;
}

export function addImpair(program: Command, context: CliContext): void {
  addPrintingCommand(program, 'impair [port]', {
    summary: 'a worse network, for trials',
    description:
      'Makes what leaves by a port of the running node late, lost, doubled, out of order or slow. PORT is the number of a port, or a friend or an interface that hangs there. The flags replace what was set before; without PORT, the ports that are impaired are listed. Frames that come in by the port are not touched: impair the other end, too, if both ways should be bad.',
    examples: [
      ['kith impair bob --delay 20ms --jitter 5ms', 'the link to bob becomes a long one'],
      ['kith impair bob --loss 1% --burst 0.1%,25%', 'losses, alone and in bursts of four'],
      ['kith impair 3 --rate 10mbit --queue 64kB', 'port 3 becomes a slow one'],
      ['kith impair bob --off', 'all is well again'],
      ['kith impair', 'what is impaired now'],
    ],
  })
    .option('--delay <time>', 'how much longer each frame takes: 500us, 20ms, 1s', time('--delay'))
    .option('--jitter <time>', 'how far the delay varies, both ways', time('--jitter'))
    .option('--loss <part>', 'the part of the frames that is lost: 1%, 0.01', part('--loss'))
    .option(
      '--burst <begin,end[,loss]>',
      'losses in bursts: how likely one begins and ends with a frame',
      burst,
    )
    .option('--duplicate <part>', 'the part that arrives twice', part('--duplicate'))
    .option('--reorder <part>', 'the part that goes without the delay', part('--reorder'))
    .option(
      '--rate <bits>',
      'bits a second: 64kbit, 10mbit, 1gbit',
      read('--rate', 'a rate such as 64kbit, 10mbit or 1gbit', parseRate),
    )
    .option(
      '--queue <octets>',
      'what may wait for the rate (default: 262144)',
      read('--queue', 'a number of octets such as 3000 or 64kB', parseOctets),
    )
    .option(
      '--seed <n>',
      'what chance is made of (default: 0)',
      wholeNumberOption('--seed', 0, 999_999_999),
    )
    .option('--off', 'no longer')
    .action(async (port: string | undefined, flags: ImpairFlags, command: Command) => {
      const client = await clientOf(command, context);
      const settings = settingsOf(flags);
      const changes = Object.keys(settings).length > 0;
      if (flags.off && changes) {
        throw new KithError('usage', '--off goes without other flags; see `kith impair --help`');
      }
      if (port === undefined || !(flags.off || changes)) {
        if (flags.off || changes || port !== undefined) {
          throw new KithError(
            'usage',
            port === undefined
              ? 'which port? name one, as in `kith impair bob --loss 1%`'
              : `what about ${port}? say how to impair it, as in \`kith impair ${port} --loss 1%\`, or --off`,
          );
        }
        print(command, context, await client.impairments(), renderList);
        return;
      }
      if (settings.reorder && !settings.delay) {
        throw new KithError(
          'usage',
          'frames overtake others only where there is a --delay; add one',
        );
      }
      const impair = flags.off ? null : settings;
      const reference = /^\d{1,4}$/.test(port) ? Number(port) : port;
      const done = await client.impair({ port: reference, impair });
      print(command, context, { ...done, impair }, ({ port: number, name }) => {
        const what = impair === null ? 'not impaired any more' : describe(impair);
        return `${name} (port ${number}): ${what}\n`;
      });
    });
}

const SETTINGS = [
  ...['delay', 'jitter', 'loss', 'burst', 'duplicate', 'reorder', 'rate', 'queue', 'seed'],
] as readonly (keyof ImpairmentSettings)[];

/** The flags that were given. */
function settingsOf(flags: ImpairFlags): ImpairmentSettings {
  const given = SETTINGS.filter((each) => flags[each] !== undefined);
  return Object.fromEntries(given.map((each) => [each, flags[each]]));
}

function read(
  flag: string,
  allowed: string,
  parse: (text: string) => number | undefined,
): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (value !== undefined) return value;
    throw new KithError('usage', `${flag} '${text}' must be ${allowed}`);
  };
}

function time(flag: string): (text: string) => number {
  return read(flag, 'a time such as 500us, 20ms or 1s', parseMilliseconds);
}

function part(flag: string): (text: string) => number {
  return read(flag, 'a part such as 1% or 0.01', parseFraction);
}

/** @throws KithError 'usage' */
function burst(text: string): BurstSettings {
  const parts = text.split(',');
  const [begin, end, loss = 1] = parts.map(parseFraction);
  const third = parts.length === 3 ? parseFraction(parts[2]) : 1;
  if (parts.length < 2 || parts.length > 3 || third === undefined) throw offBurst(text);
  if (begin === undefined || end === undefined) throw offBurst(text);
  return { begin, end, loss };
}

function offBurst(text: string): KithError {
  return new KithError(
    'usage',
    `--burst '${text}' must be BEGIN,END or BEGIN,END,LOSS, each a part such as 1%`,
  );
}

/** As the flags that would make it. */
function describe(settings: ImpairmentSettings): string {
  const { delay, jitter, loss, burst: bursts, duplicate, reorder, rate, queue, seed } = settings;
  const words = [
    delay === undefined ? [] : `delay ${delay}ms`,
    jitter === undefined ? [] : `jitter ${jitter}ms`,
    loss === undefined ? [] : `loss ${formatPercent(loss)}`,
    bursts === undefined
      ? []
      : `burst ${[bursts.begin, bursts.end, bursts.loss].map(formatPercent).join(',')}`,
    duplicate === undefined ? [] : `duplicate ${formatPercent(duplicate)}`,
    reorder === undefined ? [] : `reorder ${formatPercent(reorder)}`,
    rate === undefined ? [] : `rate ${formatRate(rate)}`,
    queue === undefined ? [] : `queue ${queue}`,
    seed === undefined ? [] : `seed ${seed}`,
  ];
  return words.flat().join(', ') || 'nothing';
}

function renderList(ports: readonly ImpairmentStatus[], palette: Palette): string {
  if (ports.length === 0) return 'no port is impaired; `kith impair PORT --loss 1%` impairs one\n';
  return formatTable(
    [
      { title: 'PORT', align: 'right', value: (each) => each.port },
      { title: 'NAME', value: (each) => each.name },
      { title: 'IMPAIRED BY', value: (each) => describe(each.impair) },
      { title: 'WAITING', align: 'right', value: (each) => each.waiting },
      { title: 'LOST', align: 'right', value: ({ counters }) => lostOf(counters) },
    ],
    ports,
    palette.bold,
  );
}

function lostOf(counters: ImpairmentStatus['counters']): number {
  return (counters.lost ?? 0) + (counters.overflowed ?? 0);
}
