/**
 * `kith capture`: carries the stream of the node to a file or to standard output, and says on
 * standard error how it goes.
 *
 * It ends well when the stream ends, by Ctrl-C, and when nobody reads the output any more.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished, type Readable, type Writable } from 'node:stream';
import { KithError } from '../errors.ts';
import { PcapngScanner } from '../switch/capture/pcapng-scanner.ts';
import type { CliContext } from './context.ts';
import { formatOctets, plural } from './units.ts';

const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** Milliseconds between lines on a terminal. */
const PROGRESS_INTERVAL = 1000;
/** Who captures sees what others send: the file is for nobody else. */
const FILE_MODE = 0o600;

/**
 * @param file the path of a file, or '-'
 * @throws KithError 'system' when the file cannot be written
 */
export async function runCapture(
  source: Readable,
  file: string,
  context: CliContext,
): Promise<void> {
  const { stdout, stderr, signals } = context;
  const scanner = new PcapngScanner();
  const told = (): string => {
    const { packets, octets, dropped } = scanner;
    const lost = dropped === 0 ? '' : `, ${dropped} more lost on the way here`;
    return `${plural(packets, 'packet')}, ${formatOctets(octets)}${lost}`;
  };
  const target = file === '-' ? stdout : await openFile(file, source);
  const stop = (): void => void source.destroy();
  for (const each of ENDING_SIGNALS) signals.on(each, stop);
  if (stderr.isTTY === true) stderr.write('capturing; Ctrl-C ends it\n');
  const progress =
    stderr.isTTY === true
      ? setInterval(() => stderr.write(`\r\u001b[K${told()}`), PROGRESS_INTERVAL)
      : undefined;
  try {
    await carry(source, target, scanner);
    if (target !== stdout) {
      target.end();
      await once(target, 'close');
    }
  } catch (error) {
    if (!isBrokenPipe(error) || target !== stdout) throw fileError(file, error);
  } finally {
    clearInterval(progress);
    for (const each of ENDING_SIGNALS) signals.off(each, stop);
    source.destroy();
    stderr.write(`${progress === undefined ? '' : '\r\u001b[K'}${told()}\n`);
  }
}

/** Until the source ends or is destroyed. @throws what the target does */
function carry(source: Readable, target: Writable, scanner: PcapngScanner): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      source.destroy();
      reject(error);
    };
    target.on('error', failed);
    source.on('data', (chunk: Buffer) => {
      scanner.take(chunk);
      if (target.write(chunk)) return;
      source.pause();
      target.once('drain', () => source.resume());
    });
    finished(source, { writable: false }, (error) => {
      // A capture that is cut off is a capture all the same.
      const cut = ['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'ABORT_ERR'];
      if (error && !cut.includes(error.code ?? '')) reject(error);
      else resolve();
    });
  });
}

async function openFile(file: string, source: Readable): Promise<Writable> {
  const target = createWriteStream(file, { mode: FILE_MODE });
  try {
    await once(target, 'open');
  } catch (error) {
    source.destroy();
    throw fileError(file, error);
  }
  return target;
}

function isBrokenPipe(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPIPE';
}

function fileError(file: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined || error instanceof KithError) return error;
  const where = file === '-' ? 'standard output' : file;
  const kind = code === 'EACCES' || code === 'EPERM' ? 'permission' : 'system';
  const mend = 'choose another place with -w';
  return new KithError(kind, `${where} cannot be written (${code}); ${mend}`, { cause: error });
}
