/** What guests and bridges send: frames, BPDUs, and the requests of VDE clients. */
import { isArpOf, isDhcpReply } from '../../src/data-plane/dhcp-reply.ts';
import { BPDU_FAULTS, byteLength, emitBpdu, parseBpdu, type RstBpdu } from '../../src/stp/bpdu.ts';
import { allocateCounters, CounterWriter } from '../../src/switch/counters.ts';
import { FilteringDatabase } from '../../src/switch/filtering-database.ts';
import { Forwarder } from '../../src/switch/forwarding.ts';
import { PORT_TABLE_LENGTH, PortState } from '../../src/switch/port.ts';
import { emitPlugFrame, MAX_PLUG_FRAME, PlugDeframer } from '../../src/switch/vde/plug-framing.ts';
import {
  emitRequest,
  parseRequest,
  RequestKind,
  requestLength,
  type VdeRequest,
} from '../../src/switch/vde/request.ts';
import {
  emitSockaddr,
  fitsSockaddr,
  parseSockaddr,
  SOCKADDR_LENGTH,
} from '../../src/switch/vde/sockaddr.ts';
import { emitTag, parseTag } from '../../src/switch/vlan-tag.ts';
import { broadcast } from '../data-plane/node.ts';
import { expect, pure, sameOctets, type Target } from './target.ts';

const SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 9);

const RST: RstBpdu = {
  kind: 'rst',
  role: 'designated',
  proposal: true,
  learning: false,
  forwarding: false,
  agreement: false,
  topologyChange: false,
  topologyChangeAcknowledgment: false,
  rootBridge: 0x8000020000000001n,
  rootPathCost: 20_000,
  designatedBridge: 0x8000020000000002n,
  designatedPort: 0x8001,
  messageAge: 1,
  maxAge: 20,
  helloTime: 2,
  forwardDelay: 15,
};

function bpduFrame(bpdu: Parameters<typeof emitBpdu>[0]): Uint8Array {
  const out = new Uint8Array(byteLength(bpdu));
  emitBpdu(bpdu, SOURCE, out);
  return out;
}

const bpdus = pure(
  'bpdu',
  256,
  () => ({
    rst: bpduFrame(RST),
    configuration: bpduFrame({ ...RST, kind: 'configuration' }),
    tcn: bpduFrame({ kind: 'tcn' }),
  }),
  (input) => {
    const read = parseBpdu(input);
    if (typeof read === 'string') {
      expect(BPDU_FAULTS.includes(read), `an unknown fault: ${read}`);
      return;
    }
    const written = bpduFrame(read);
    const again = parseBpdu(written);
    expect(typeof again !== 'string', 'what is written can be read');
    expect(typeof again === 'string' || sameOctets(bpduFrame(again), written), 'round trip');
  },
);

const REQUEST: VdeRequest = {
  version: 3,
  kind: RequestKind.newControl,
  wantedPort: 7,
  path: '/tmp/switch/001.1',
  description: 'QEMU user=me pid=7',
};

function written(request: VdeRequest): Uint8Array {
  const out = new Uint8Array(requestLength(request));
  emitRequest(request, out, 0);
  return out;
}

const requests = pure(
  'vde-request',
  320,
  () => ({
    v3: written(REQUEST),
    v1: written({ ...REQUEST, version: 1, wantedPort: 0 }),
    bare: written({ ...REQUEST, description: '' }),
  }),
  (input) => {
    const read = parseRequest(input);
    if (typeof read === 'string' || !fitsSockaddr(read.path)) return;
    if (read.version === 1 && (read.wantedPort > 0 || read.kind > 1)) return;
    const again = parseRequest(written(read));
    expect(typeof again !== 'string', 'what is written can be read');
    if (typeof again === 'string') return;
    expect(again.path === read.path && again.wantedPort === read.wantedPort, 'round trip');
  },
);

const sockaddrs = pure(
  'vde-sockaddr',
  128,
  () => {
    const out = new Uint8Array(SOCKADDR_LENGTH);
    emitSockaddr({ path: '/tmp/switch/ctl' }, out, 0);
    return { path: out };
  },
  (input) => {
    const read = parseSockaddr(input, 0);
    if (typeof read === 'string' || !fitsSockaddr(read.path)) return;
    const out = new Uint8Array(SOCKADDR_LENGTH);
    emitSockaddr(read, out, 0);
    const again = parseSockaddr(out, 0);
    expect(typeof again !== 'string' && again.path === read.path, 'round trip');
  },
);

const plugs: Target = {
  name: 'plug-framing',
  longest: 4096,
  samples: () => ({
    frame: emitPlugFrame(broadcast(60)),
    several: Uint8Array.from(
      Buffer.concat([emitPlugFrame(broadcast(60)), Buffer.of(0, 0), emitPlugFrame(broadcast(90))]),
    ),
    long: Uint8Array.of(0xff, 0xff, ...new Uint8Array(100)),
  }),
  make: () => ({
    check: (input) => {
      // In one piece and in small ones it has to come out the same.
      const cut = (size: number): string[] => {
        const deframer = new PlugDeframer();
        const frames: string[] = [];
        for (let at = 0; at < input.length; at += size) {
          deframer.push(input.subarray(at, at + size), (bytes, offset, length) => {
            expect(length > 0 && length <= MAX_PLUG_FRAME, 'the length of a frame');
            frames.push(Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1'));
          });
        }
        return frames;
      };
      const whole = cut(input.length || 1);
      expect(
        whole.join('|') === cut(1 + ((input[0] ?? 0) % 7)).join('|'),
        'pieces make no difference',
      );
    },
  }),
};

const TAGGED = Uint8Array.from(
  Buffer.concat([
    broadcast(60).subarray(0, 12),
    Buffer.of(0x81, 0, 0x20, 5),
    broadcast(60).subarray(12),
  ]),
);

/** A frame of a guest, from one of a few ports, through the forwarder. */
const frames: Target = {
  name: 'ethernet',
  longest: 9300,
  samples: () => ({
    broadcast: broadcast(60),
    tagged: TAGGED,
    bpdu: bpduFrame(RST),
    dhcp: Uint8Array.from(
      Buffer.concat([
        Buffer.from('ffffffffffff020000000001080045000148000000004011000001020304ffffffff', 'hex'),
        Buffer.from('0043004401340000020106000000000100000000', 'hex'),
        Buffer.alloc(220),
        Buffer.from('63825363350105ff', 'hex'),
      ]),
    ),
  }),
  make: () => {
    const counters = new CounterWriter(allocateCounters());
    const forwarder = new Forwarder(new FilteringDatabase(), counters);
    const portStates = new Uint8Array(PORT_TABLE_LENGTH).fill(PortState.forwarding);
    forwarder.applySettings({ portStates }, 0);
    const slab = new Uint8Array(16_384);
    let now = 0;
    return {
      check: (input) => {
        slab.set(input, 64);
        now += 10;
        forwarder.decide(slab, 64, input.length, 1 + (input.length % 4), now);
        for (let i = 0; i < forwarder.count; i++) {
          const port = forwarder.egress[i]!;
          expect(port > 0 && port < PORT_TABLE_LENGTH, 'a port that there is');
        }
        isDhcpReply(slab, 64, input.length);
        isArpOf(slab, 64, input.length, 0xc000020a);
      },
    };
  },
};

const tags = pure(
  'vlan-tag',
  64,
  () => ({ tagged: TAGGED.subarray(0, 40), plain: broadcast(40) }),
  (input) => {
    const read = parseTag(input);
    if (read === undefined) return;
    const out = input.slice();
    emitTag(read, out, 0);
    expect(sameOctets(out, input), 'round trip');
  },
);

export const SWITCH_TARGETS: readonly Target[] = [bpdus, requests, sockaddrs, plugs, frames, tags];
