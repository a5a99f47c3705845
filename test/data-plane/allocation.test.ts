/**
 * The data path takes no memory of the runtime's for a frame: frames go round and round over two
 * nodes on real sockets while the heap profiler samples all that is allocated, what is collected
 * at once included. What is not compiled yet allocates, so there are rounds until one is clean.
 */
import { Session as Inspector } from 'node:inspector';
import { promisify } from 'node:util';
import test from 'ava';
import { Engine } from '../../src/data-plane/engine.ts';
import { DataPlaneMemory } from '../../src/data-plane/memory.ts';
import { NoticeWriter } from '../../src/data-plane/notice-writer.ts';
import { frameBetween, STATIONS, sendSuperFrame } from '../../src/data-plane/rehearsal-frames.ts';
import { RehearsalNode } from '../../src/data-plane/rehearsal-node.ts';
import { DescriptorKind } from '../../src/io/contract.ts';
import { NativeIo } from '../../src/io/native-io.ts';
import { SharedRing } from '../../src/io/ring.ts';
import { systemSockets } from '../../src/io/system-sockets.ts';
import { allocateCounters, CounterWriter } from '../../src/switch/counters.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';

interface HeapNode {
  readonly callFrame: { readonly url: string; readonly functionName: string };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

const PORT = 4;
const LINK = 512;
const FAR = 0x104;
/** What came in during a round. */
const ROUND = 4000;
const MOST_ROUNDS = 40;
/** Octets for each that came in; the smallest object of the runtime has sixteen, and turns may cost a little. */
const CLEAN = 2;

/** Two nodes with a link, and frames that go from a client or TAP of one to that of the other for ever. */
class Ring {
  readonly #io = new NativeIo({ doorbell: -1 });
  readonly #memory = new DataPlaneMemory();
  readonly #nodes: readonly RehearsalNode<Engine>[];
  readonly #descriptors: readonly number[];

  constructor(mode: 'sealed' | 'clear', kind: DescriptorKind) {
    const sockets = systemSockets();
    const ring = (): SharedRing => SharedRing.create(64 * 1024);
    const now = performance.now();
    let descriptors = 0;
    const node = () =>
      new RehearsalNode(
        new Engine({
          io: this.#io,
          memory: this.#memory,
          notices: new NoticeWriter(this.#io.slab, ring(), ring()),
          counters: new CounterWriter(allocateCounters()),
          discard: (descriptor) => sockets.closeDescriptor(descriptor),
        }),
        now,
        () => descriptors++,
      );
    const [near, far] = [node(), node()];
    this.#nodes = [near, far];
    const pair = sockets.openDatagramPair();
    const [one, other] = [near.listen(sockets), far.listen(sockets)];
    near.link({ port: LINK, mode, localIndex: 0, remoteIndex: 1, from: one, to: other });
    far.link({ port: LINK, mode, localIndex: 1, remoteIndex: 0, from: other, to: one });
    this.#descriptors = [near.join(pair[0], kind, PORT), far.join(pair[1], kind, PORT)];
    near.engine.database.learn(STATIONS, FAR, 0, LINK, now);
    far.engine.database.learn(STATIONS, PORT, 0, LINK, now);
    const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
    for (const [localIndex, { engine }] of this.#nodes.entries()) {
      engine.execute({ op: 'use-session', port: LINK, localIndex }, now);
      engine.execute({ op: 'configure', settings: { portStates } }, now);
    }
  }

  /** As many as come in one turn when there is much to do: what a turn costs is not in question. */
  sendFrames(): void {
    const ways = [frameBetween(PORT, FAR, 98), frameBetween(FAR, PORT, 98)];
    for (const [i, frame] of ways.entries()) {
      const { engine } = this.#nodes[i];
      for (let count = 0; count < 32; count++) {
        engine.execute({ op: 'inject-frame', port: PORT, frame }, performance.now());
      }
      engine.drain();
    }
  }

  sendSuperFrame(): void {
    const { large } = this.#memory;
    const scratch = large.take();
    sendSuperFrame(this.#io, this.#descriptors[1], scratch, [PORT, FAR], 40_000);
    large.give(scratch);
  }

  /** @returns how much came in */
  turn(): number {
    const count = this.#io.poll(0);
    const now = performance.now();
    for (const { engine } of this.#nodes) engine.turn(count, now);
    return count;
  }

  close(): void {
    for (const node of this.#nodes) node.leave(performance.now());
  }
}

/** Octets that our code allocated for each that came in, in the best round, and where most of it. */
async function octetsEach(ring: Ring): Promise<{ octets: number; where: string }> {
  const inspector = new Inspector();
  inspector.connect();
  const post = promisify(inspector.post.bind(inspector)) as (
    method: string,
    options?: object,
  ) => Promise<unknown>;
  let best = { octets: Number.POSITIVE_INFINITY, where: '' };
  for (let round = 0; round < MOST_ROUNDS && best.octets >= CLEAN; round++) {
    await post('HeapProfiler.startSampling', {
      samplingInterval: 512,
      includeObjectsCollectedByMinorGC: true,
      includeObjectsCollectedByMajorGC: true,
    });
    let came = 0;
    for (let turn = 0; came < ROUND && turn < ROUND * 10; turn++) came += ring.turn();
    const { profile } = (await post('HeapProfiler.stopSampling')) as {
      profile: { head: HeapNode };
    };
    if (came < ROUND) throw new Error('frames no longer go round');
    const found = ours(profile.head);
    if (found.octets / came < best.octets) {
      best = { octets: found.octets / came, where: found.where };
    }
  }
  inspector.disconnect();
  return best;
}

/** What the functions of src allocated, and which of them most. */
function ours(head: HeapNode): { octets: number; where: string } {
  let octets = 0;
  let most = 0;
  let where = '';
  const nodes = [head];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    nodes.push(...node.children);
    if (!node.callFrame.url.includes('/src/')) continue;
    octets += node.selfSize;
    if (node.selfSize <= most) continue;
    most = node.selfSize;
    where = `${node.callFrame.functionName} of ${node.callFrame.url.replace(/.*\/src\//, '')}`;
  }
  return { octets, where };
}

for (const mode of ['sealed', 'clear'] as const) {
  for (const [name, kind] of [
    ['client', DescriptorKind.unixDatagram],
    ['TAP', DescriptorKind.tap],
  ] as const) {
    test.serial(`nothing is allocated for a frame of a ${name}, ${mode}`, async (t) => {
      const ring = new Ring(mode, kind);
      ring.sendFrames();
      const { octets, where } = await octetsEach(ring);
      ring.close();
      t.true(octets < CLEAN, `${octets} octets for each, most in ${where}`);
    });
  }

  test.serial(`nothing is allocated for a super-frame, ${mode}`, async (t) => {
    const ring = new Ring(mode, DescriptorKind.tap);
    for (let count = 0; count < 4; count++) ring.sendSuperFrame();
    ring.sendFrames();
    const { octets, where } = await octetsEach(ring);
    ring.close();
    t.true(octets < CLEAN, `${octets} octets for each, most in ${where}`);
  });
}
