/**
 * The messages that a client sends, as whole frames.
 *
 * Read first: RFC 2131 table 5 (which field and option goes into which message),
 * section 4.1 (broadcast or unicast), section 4.3.6 (the four kinds of DHCPREQUEST).
 *
 * Until it has an address a client sends from 0.0.0.0 to everybody, and asks for
 * broadcast replies: its interface has no address to take others with. With an address
 * it asks its own server in unicast (renewing) or everybody (rebinding).
 */
import { MAC_LENGTH } from '../../switch/mac-address.ts';
import { ANY_ADDRESS, LIMITED_BROADCAST, writeIpv4 } from './ipv4.ts';
import type { Grant } from './lease.ts';
import { type DhcpMessage, emitMessage, MessageType, messageLength, Op } from './message.ts';
import { Option } from './options.ts';
import { emitUdpFrame, udpFrameLength } from './udp-frame.ts';

/** RFC 2131 section 4.1. */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;

const BROADCAST_MAC: Readonly<Uint8Array> = new Uint8Array(MAC_LENGTH).fill(0xff);
/** Octets of the longest message we take: what an Ethernet of 1500 has room for. */
const LARGEST_MESSAGE = 1472;
/** RFC 2132 section 9.14: a hardware address after its type. */
const CLIENT_IDENTIFIER_ETHERNET = 1;
/** Octets of a host name in its option (RFC 1035 section 2.3.4). */
const LONGEST_HOST_NAME = 63;

const WANTED: readonly number[] = [
  Option.subnetMask,
  Option.router,
  Option.domainNameServer,
  Option.domainName,
  Option.interfaceMtu,
  Option.leaseTime,
  Option.renewalTime,
  Option.rebindingTime,
];

/** What all messages of one exchange have in common. */
export interface Exchange {
  /** Six octets. */
  readonly hardwareAddress: Uint8Array;
  /** Told to the server, which may put it into the DNS; cut to 63 octets. */
  readonly hostName?: string;
  readonly xid: number;
  readonly seconds: number;
}

/** Where a grant came from: the server's link-layer address, or its relay's. */
export interface Holding extends Grant {
  readonly serverMac: Uint8Array;
}

export function discoverFrame(exchange: Exchange): Uint8Array {
  return broadcastFrame(exchange, MessageType.discover, ANY_ADDRESS, []);
}

/** Takes an offer: DHCPREQUEST in the state SELECTING. */
export function selectFrame(exchange: Exchange, { address, server }: Grant): Uint8Array {
  return broadcastFrame(exchange, MessageType.request, ANY_ADDRESS, [
    [Option.requestedAddress, addressOctets(address)],
    [Option.serverIdentifier, addressOctets(server)],
  ]);
}

/** Asks the server that gave the lease to prolong it. */
export function renewFrame(exchange: Exchange, holding: Holding): Uint8Array {
  return unicastFrame(exchange, MessageType.request, holding, []);
}

/** Asks any server to prolong the lease. */
export function rebindFrame(exchange: Exchange, { address }: Grant): Uint8Array {
  return broadcastFrame(exchange, MessageType.request, address, []);
}

/** Gives the address back; nobody answers. */
export function releaseFrame(exchange: Exchange, holding: Holding): Uint8Array {
  return unicastFrame(exchange, MessageType.release, holding, [
    [Option.serverIdentifier, addressOctets(holding.server)],
  ]);
}

/** Says that somebody has the address already: RFC 2131 sections 3.1 (5) and 4.4.4. */
export function declineFrame(exchange: Exchange, { address, server }: Grant): Uint8Array {
  return broadcastFrame(exchange, MessageType.decline, ANY_ADDRESS, [
    [Option.requestedAddress, addressOctets(address)],
    [Option.serverIdentifier, addressOctets(server)],
  ]);
}

type ExtraOptions = readonly (readonly [number, Uint8Array])[];

function broadcastFrame(
  exchange: Exchange,
  type: number,
  clientAddress: number,
  extra: ExtraOptions,
): Uint8Array {
  const message = messageOf(exchange, type, clientAddress, extra);
  return frameOf(exchange, message, LIMITED_BROADCAST, BROADCAST_MAC);
}

function unicastFrame(
  exchange: Exchange,
  type: number,
  { address, server, serverMac }: Holding,
  extra: ExtraOptions,
): Uint8Array {
  return frameOf(exchange, messageOf(exchange, type, address, extra), server, serverMac);
}

function messageOf(
  { hardwareAddress, hostName, xid, seconds }: Exchange,
  type: number,
  clientAddress: number,
  extra: ExtraOptions,
): DhcpMessage {
  const options = new Map<number, Uint8Array>([
    [Option.messageType, Uint8Array.of(type)],
    [Option.clientIdentifier, Uint8Array.of(CLIENT_IDENTIFIER_ETHERNET, ...hardwareAddress)],
    ...extra,
  ]);
  // Table 5: none of these belongs into a DECLINE or a RELEASE, nor does the flag; nobody answers.
  const isAnswered = type !== MessageType.decline && type !== MessageType.release;
  if (isAnswered) {
    const size = Uint8Array.of(LARGEST_MESSAGE >>> 8, LARGEST_MESSAGE & 0xff);
    options.set(Option.maximumMessageSize, size);
    options.set(Option.parameterRequestList, Uint8Array.from(WANTED));
    const name = Buffer.from(hostName ?? '').subarray(0, LONGEST_HOST_NAME);
    if (name.length > 0) options.set(Option.hostName, name);
  }
  return {
    op: Op.request,
    xid,
    seconds,
    broadcast: isAnswered && clientAddress === ANY_ADDRESS,
    clientAddress,
    yourAddress: ANY_ADDRESS,
    hardwareAddress,
    options,
  };
}

function frameOf(
  exchange: Exchange,
  message: DhcpMessage,
  destination: number,
  destinationMac: Readonly<Uint8Array>,
): Uint8Array {
  const payload = new Uint8Array(messageLength(message));
  emitMessage(message, payload);
  const datagram = {
    destinationMac,
    sourceMac: exchange.hardwareAddress,
    source: message.clientAddress,
    destination,
    sourcePort: CLIENT_PORT,
    destinationPort: SERVER_PORT,
    payload,
  };
  const frame = new Uint8Array(udpFrameLength(datagram));
  emitUdpFrame(datagram, frame);
  return frame;
}

function addressOctets(address: number): Uint8Array {
  const octets = new Uint8Array(4);
  writeIpv4(octets, 0, address);
  return octets;
}
