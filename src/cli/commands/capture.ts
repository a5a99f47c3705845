import type { Command } from 'commander';
import type { CaptureRequest } from '../../controller/node-api-ports.ts';
import { KithError } from '../../errors.ts';
import { addCommand, clientOf, wholeNumberOption } from '../command-kit.ts';
import type { CliContext } from '../context.ts';

const LAST_PORT = 1023;
const LONGEST_SNAPLEN = 262_144;
const MOST = 999_999_999;
const LONGEST = 2_000_000;

interface CaptureFlags {
  readonly port?: number;
  readonly link?: string;
  readonly write?: string;
  readonly snaplen?: number;
  readonly count?: number;
  readonly seconds?: number;
}

export function addCapture(program: Command, context: CliContext): void {
  addCommand(program, 'capture', {
    summary: 'the frames that pass, for Wireshark',
    description:
      'Writes the frames that enter and leave the ports of the running node as pcapng, each port an interface, until Ctrl-C or the limits given. Frames of links are shown as they are before sealing and after opening. A super-frame of a TAP is one packet.',
    examples: [
      ['kith capture -w lan.pcapng', 'all ports, into a file'],
      ['kith capture | wireshark -k -i -', 'live'],
      ['kith capture --link bob | tshark -r -', 'only the link to bob'],
      ['kith capture --port 1 --count 10 -w -', 'ten packets of port 1'],
    ],
  })
    .option('--port <n>', 'only the frames of this port', wholeNumberOption('--port', 1, LAST_PORT))
    .option('--link <friend>', 'only those of the link to a friend')
    .option('-w, --write <file>', 'where to; - is standard output (default)')
    .option(
      '--snaplen <octets>',
      'keep so much of each frame (default: all)',
      wholeNumberOption('--snaplen', 1, LONGEST_SNAPLEN),
    )
    .option('--count <n>', 'end after so many packets', wholeNumberOption('--count', 1, MOST))
    .option(
      '--seconds <n>',
      'end after so many seconds',
      wholeNumberOption('--seconds', 1, LONGEST),
    )
    .action(async ({ write = '-', ...request }: CaptureFlags, command: Command) => {
      if (request.port !== undefined && request.link !== undefined) {
        throw new KithError(
          'usage',
          'a link is a port, too; give either --port or --link, or neither for all ports',
        );
      }
      if (write === '-' && context.stdout.isTTY === true) {
        throw new KithError(
          'usage',
          'capture writes pcapng, not letters; name a file with -w, or pipe it, as in `kith capture | tshark -r -`',
        );
      }
      const wanted: CaptureRequest = {
        ...(request.port !== undefined && { port: request.port }),
        ...(request.link !== undefined && { link: request.link }),
        ...(request.snaplen !== undefined && { snaplen: request.snaplen }),
        ...(request.count !== undefined && { count: request.count }),
        ...(request.seconds !== undefined && { seconds: request.seconds }),
      };
      const client = await clientOf(command, context);
      const { runCapture } = await import('../capture-run.ts');
      await runCapture(await client.capture(wanted), write, context);
    });
}
