/** A server for tests, as plain as can be: it says what it is told to. */
import {
  type DhcpMessage,
  emitMessage,
  MessageType,
  messageLength,
  Op,
  parseMessage,
} from '../../../src/tap/dhcp/message.ts';
import { Option } from '../../../src/tap/dhcp/options.ts';
import { emitUdpFrame, parseUdpFrame, udpFrameLength } from '../../../src/tap/dhcp/udp-frame.ts';

export const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const SERVER_ADDRESS = 0xc0000201; // 192.0.2.1
export const OFFERED_ADDRESS = 0xc000020a; // 192.0.2.10

/** What a client sent, with where it went. */
export interface Heard {
  readonly message: DhcpMessage;
  readonly type: number;
  readonly unicast: boolean;
  readonly source: number;
  readonly destination: number;
}

/** @throws Error when it is no message of a client */
export function hear(frame: Uint8Array): Heard {
  const datagram = parseUdpFrame(frame);
  if (typeof datagram === 'string') throw new Error(datagram);
  const message = parseMessage(datagram.payload);
  if (typeof message === 'string') throw new Error(message);
  if (message.op !== Op.request || datagram.destinationPort !== 67) throw new Error('no request');
  return {
    message,
    type: message.options.get(Option.messageType)?.[0] ?? 0,
    unicast: datagram.destinationMac[0] !== 0xff,
    source: datagram.source,
    destination: datagram.destination,
  };
}

export interface Said {
  readonly address?: number;
  readonly server?: number;
  /** Seconds. */
  readonly lease?: number;
  /** More options, or others instead. An empty value takes one away. */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  readonly changes?: Partial<DhcpMessage>;
}

/** A reply to a message of a client. */
export function reply(to: Uint8Array, type: number, said: Said = {}): Uint8Array {
  const { message } = hear(to);
  const server = said.server ?? SERVER_ADDRESS;
  const options = new Map<number, Uint8Array>([
    [Option.messageType, Uint8Array.of(type)],
    [Option.serverIdentifier, word(server)],
  ]);
  if (type !== MessageType.nak) {
    options.set(Option.leaseTime, word(said.lease ?? 3600));
    options.set(Option.subnetMask, word(0xffffff00));
  }
  for (const [code, value] of said.options ?? []) {
    if (value.length === 0) options.delete(code);
    else options.set(code, value);
  }
  const answer: DhcpMessage = {
    ...message,
    op: Op.reply,
    yourAddress: type === MessageType.nak ? 0 : (said.address ?? OFFERED_ADDRESS),
    options,
    ...said.changes,
  };
  const payload = new Uint8Array(messageLength(answer));
  emitMessage(answer, payload);
  const datagram = {
    destinationMac: new Uint8Array(6).fill(0xff),
    sourceMac: SERVER_MAC,
    source: server,
    destination: 0xffffffff,
    sourcePort: 67,
    destinationPort: 68,
    payload,
  };
  const frame = new Uint8Array(udpFrameLength(datagram));
  emitUdpFrame(datagram, frame);
  return frame;
}

/** An ARP packet, by default a reply. */
export function arp({
  operation = 2,
  sender,
  target,
  mac,
}: {
  readonly operation?: number;
  readonly sender: number;
  readonly target: number;
  readonly mac: Uint8Array;
}): Uint8Array {
  const frame = new Uint8Array(60);
  frame.fill(0xff, 0, 6);
  frame.set(mac, 6);
  frame.set([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation], 12);
  frame.set(mac, 22);
  frame.set(word(sender), 28);
  frame.set(word(target), 38);
  return frame;
}

/** 32 bits, big-endian: an address or a number. */
export function word(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
