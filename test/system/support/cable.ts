/** A cable to a VDE switch, made with the real libvdeplug: frames in, frames out. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { projectRoot } from '../../../integration/qemu/places.ts';
import { mustRun, waitUntil } from './program.ts';
import { temporaryDirectory } from './temporary.ts';

/** Octets of the length before each frame on the cable's pipes. */
const LENGTH_FIELD = 4;

export interface Cable {
  /** All frames that came, oldest first. */
  readonly received: readonly Buffer[];
  send(frame: Uint8Array): void;
  /** The first frame that came, or comes within `timeout` milliseconds, and contains the octets. */
  waitForFrame(content: Buffer | string, timeout?: number): Promise<Buffer>;
  /** Dies without a word, as a crashed client does. */
  kill(): Promise<void>;
  /** Ends in order. @returns the exit code; 3 when the switch had gone away */
  close(): Promise<number | null>;
  /** Settles with the exit code when the cable is gone. */
  readonly ended: Promise<number | null>;
}

let compiled: Promise<string> | undefined;

/** Compiles the client into a directory that lives as long as this test. */
async function compileClient(t: ExecutionContext): Promise<string> {
  const program = join(temporaryDirectory(t), 'vde-cable');
  const source = join(projectRoot, 'test/system/support/vde-cable.c');
  await mustRun('cc', '-O1', '-Wall', '-o', program, source, '-lvdeplug');
  return program;
}

/** Plugs a cable in; it is gone after the test. Needs 'libvdeplug'. */
export async function openCable(
  t: ExecutionContext,
  switchDirectory: string,
  port = 0,
): Promise<Cable> {
  // One compilation serves the cables of a test; its directory goes with the test.
  if (compiled === undefined) {
    compiled = compileClient(t);
    t.teardown(() => {
      compiled = undefined;
    });
  }
  const child = spawn(await compiled, [switchDirectory, String(port)], { stdio: 'pipe' });
  child.stdin.on('error', () => {}); // the cable may be gone before what we write
  let gone = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      gone = true;
      resolve(code);
    });
  });
  const received: Buffer[] = [];
  let gathered = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    gathered = Buffer.concat([gathered, chunk]);
    while (gathered.length >= LENGTH_FIELD) {
      const end = LENGTH_FIELD + gathered.readUInt32BE();
      if (gathered.length < end) break;
      received.push(gathered.subarray(LENGTH_FIELD, end));
      gathered = gathered.subarray(end);
    }
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const kill = async (): Promise<void> => {
    if (!gone) child.kill('SIGKILL');
    await ended;
  };
  t.teardown(kill);
  await waitUntil(`a cable to ${switchDirectory} (${said})`, () => {
    if (gone) throw new Error(`the cable to ${switchDirectory} did not attach: ${said}`);
    return said.includes('attached');
  });
  return {
    received,
    ended,
    kill,
    send(frame) {
      const length = Buffer.alloc(LENGTH_FIELD);
      length.writeUInt32BE(frame.length);
      child.stdin.write(Buffer.concat([length, frame]));
    },
    async waitForFrame(content, timeout) {
      const find = () => received.find((frame) => frame.includes(content));
      return await waitUntil('a frame', find, timeout);
    },
    async close() {
      child.stdin.end();
      return await ended;
    },
  };
}

/** IEEE 802 local experimental EtherType 1, which no system answers to. */
const EXPERIMENTAL = 0x88b5;

const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/**
 * A frame for tests.
 * @param length octets of the whole frame; the payload is padded with a pattern that shows a cut
 */
export function testFrame(options: {
  readonly from: string;
  readonly to?: string;
  readonly payload: string;
  readonly length?: number;
}): Buffer {
  const address = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
  const type = Buffer.alloc(2);
  type.writeUInt16BE(EXPERIMENTAL);
  const start = Buffer.concat([
    address(options.to ?? BROADCAST),
    address(options.from),
    type,
    Buffer.from(options.payload),
  ]);
  const frame = Buffer.alloc(Math.max(options.length ?? 60, start.length));
  for (let index = 0; index < frame.length; index++) frame[index] = index % 251;
  start.copy(frame);
  return frame;
}
