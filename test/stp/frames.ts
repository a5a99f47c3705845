/** BPDU frames for tests that talk to one tree directly. */
import { type Bpdu, byteLength, emitBpdu, type RstBpdu } from '../../src/stp/bpdu.ts';

const PEER = Uint8Array.of(2, 0, 0, 0, 0xff, 1);

export function frameOf(bpdu: Bpdu): Uint8Array {
  const frame = new Uint8Array(byteLength(bpdu));
  emitBpdu(bpdu, PEER, frame);
  return frame;
}

/** A Designated Port's Hello of a worse bridge, with `changes`. */
export function rst(changes: Partial<RstBpdu> = {}): Uint8Array {
  return frameOf({
    kind: 'rst',
    role: 'designated',
    topologyChange: false,
    topologyChangeAcknowledgment: false,
    proposal: false,
    learning: false,
    forwarding: false,
    agreement: false,
    rootBridge: 0xf00002000000ff01n,
    rootPathCost: 0,
    designatedBridge: 0xf00002000000ff01n,
    designatedPort: 0x8001,
    messageAge: 0,
    maxAge: 20,
    helloTime: 2,
    forwardDelay: 15,
    ...changes,
  });
}

/** A Bridge Identifier better than those of all test bridges. */
export const BEST_BRIDGE = 0x000002000000ff02n;
