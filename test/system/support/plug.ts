/** A cable made with `kith plug`: frames in, frames out. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { KithNode } from '../../../integration/qemu/kith-node.ts';
import { projectRoot } from '../../../integration/qemu/places.ts';
import type { PortStatus } from '../../../src/controller/node-api-ports.ts';
import { emitPlugFrame, PLUG_HEADER_LENGTH } from '../../../src/switch/vde/plug-framing.ts';
import { waitUntil } from './program.ts';

export interface Plug {
  readonly pid: number;
  /** The port of the switch. */
  readonly port: number;
  /** All frames that came, oldest first. */
  readonly received: readonly Buffer[];
  send(frame: Uint8Array): void;
  /** Sends octets as they are, framed or not. */
  write(octets: Uint8Array): void;
  /** Forgets the frames that came. */
  clear(): void;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Plugs in at a node's switch; it is gone after the test. */
export async function openPlug(t: ExecutionContext, node: KithNode): Promise<Plug> {
  const args = [join(projectRoot, 'bin/kith'), 'plug', node.switchDirectory];
  const child = spawn(process.execPath, args, { stdio: 'pipe' });
  child.stdin.on('error', () => {}); // it may be gone before what we write
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const received: Buffer[] = [];
  let gathered = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    gathered = Buffer.concat([gathered, chunk]);
    while (gathered.length >= PLUG_HEADER_LENGTH) {
      const end = PLUG_HEADER_LENGTH + gathered.readUInt16BE();
      if (gathered.length < end) break;
      received.push(gathered.subarray(PLUG_HEADER_LENGTH, end));
      gathered = gathered.subarray(end);
    }
  });
  let isGone = false;
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      isGone = true;
      resolve();
    });
  });
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  t.teardown(async () => {
    if (!isGone) await kill('SIGKILL');
  });
  const { port } = await waitUntil(`a plug at ${node.name} (${said})`, async () => {
    if (isGone) throw new Error(`the plug at ${node.name} ended: ${said}`);
    const ports = await node.json<readonly PortStatus[]>('ports');
    return ports.find(({ description }) => description.includes(`pid=${child.pid}`));
  });
  return {
    pid: child.pid!,
    port,
    received,
    send: (frame) => void child.stdin.write(emitPlugFrame(frame)),
    write: (octets) => void child.stdin.write(octets),
    clear: () => void received.splice(0),
    kill,
  };
}
