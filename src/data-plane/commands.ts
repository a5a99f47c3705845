/**
 * What the main thread tells the data plane. Each is a plain object that survives
 * structured cloning. They are carried out between two turns, in order.
 */
import type { CipherId, DescriptorKind } from '../io/contract.ts';
import type { ForwarderSettings } from '../switch/forwarder-settings.ts';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import type { CircuitEnd } from './circuits.ts';
import type { CaptureFilter } from './recorder.ts';

/** A system descriptor goes over to the data plane under an index that the main thread chose. */
export interface AddDescriptor {
  readonly op: 'add-descriptor';
  readonly descriptor: number;
  readonly systemDescriptor: number;
  readonly kind: DescriptorKind;
}

/** Closes a descriptor, and lets go of all that hangs on it. */
export interface RemoveDescriptor {
  readonly op: 'remove-descriptor';
  readonly descriptor: number;
}

/** Asks for one `writable` event: a connection attempt is over. */
export interface WatchDescriptor {
  readonly op: 'watch-descriptor';
  readonly descriptor: number;
}

/** Joins a descriptor that carries bare frames to a switch port; a port may have several. */
export interface AddEndpoint {
  readonly op: 'add-endpoint';
  readonly descriptor: number;
  readonly port: number;
}

/** Sends one link message outside a session: handshakes. */
export interface SendMessage {
  readonly op: 'send-message';
  readonly descriptor: number;
  /** Destination on a UDP descriptor, in the form of the slab; absent on a stream. */
  readonly address?: Uint8Array;
  readonly message: Uint8Array;
}

/** A session that a handshake has established. */
export interface OpenSession {
  readonly op: 'open-session';
  /** Our index, which the other end writes into its records. Unique. */
  readonly localIndex: number;
  readonly remoteIndex: number;
  readonly descriptor: number;
  readonly address?: Uint8Array;
  readonly cipher: CipherId;
  readonly sendSecret: Uint8Array;
  readonly receiveSecret: Uint8Array;
  /** Packet numbers below it were used by the handshake. */
  readonly firstNumber: number;
  /** 'sealed': everything is. 'clear': Ethernet frames are not. */
  readonly mode: 'sealed' | 'clear';
  /** The largest frame the other end takes. */
  readonly largestFrame: number;
  /** Both ends take super-frames. */
  readonly superFrames?: boolean;
  /** The switch port of the friend. */
  readonly port: number;
  /** This node is in a security group: if the session is clear, not everything may leave by it. */
  readonly confined?: boolean;
}

/** The same session as the worker of the ports has to know it, which does not have it itself. */
export interface OpenRemoteSession
  extends Pick<
    OpenSession,
    'localIndex' | 'descriptor' | 'address' | 'port' | 'mode' | 'confined' | 'superFrames'
  > {
  readonly op: 'open-remote-session';
  /** The worker that has it. */
  readonly worker: number;
}

/** From now on the port's frames leave through this session; others of the port still receive. */
export interface UseSession {
  readonly op: 'use-session';
  readonly port: number;
  readonly localIndex: number;
}

/** Forgets a session and wipes its keys; with a reason, tells the other end first. */
export interface CloseSession {
  readonly op: 'close-session';
  readonly localIndex: number;
  readonly reason?: string;
}

/**
 * 'control' leaves before anything that comes in later. 'bulk' leaves when nothing
 * else waits; one is held at a time, and a notice tells when it has left.
 */
export type PacketPriority = 'control' | 'bulk';

/** Sends one F2F packet, sealed, through a session. */
export interface SendPacket {
  readonly op: 'send-packet';
  readonly localIndex: number;
  readonly type: number;
  readonly payload: Uint8Array;
  readonly priority: PacketPriority;
}

/** A circuit through a friend gets a descriptor, on which sessions can be opened. */
export interface AddCircuit {
  readonly op: 'add-circuit';
  readonly descriptor: number;
  readonly end: CircuitEnd;
}

/** From now on (or no longer) link messages of one friend are passed on to another. */
export interface JoinCircuits {
  readonly op: 'join-circuits' | 'part-circuits';
  readonly one: CircuitEnd;
  readonly other: CircuitEnd;
}

/** Forgets what the friend on a port has claimed: it is a friend no more. */
export interface ForgetClaims {
  readonly op: 'forget-claims';
  readonly port: number;
}

/** Sends one frame out of a port whatever its state: BPDUs. Sealed where the port is a link. */
export interface SendFrame {
  readonly op: 'send-frame';
  readonly port: number;
  readonly frame: Uint8Array;
}

/** Lets a frame in by a port as if what is attached there had sent it. */
export interface InjectFrame {
  readonly op: 'inject-frame';
  readonly port: number;
  readonly frame: Uint8Array;
}

/**
 * From now on (or no longer) DHCP replies that leave by the port are told to the main thread
 * too: the node asks for an address in the name of the host behind the port.
 */
export interface ListenDhcp {
  readonly op: 'listen-dhcp';
  readonly port: number;
  readonly on: boolean;
  /** An IPv4 address, of which ARP packets are wanted, too; 0 for none. */
  readonly address: number;
}

/** A whole snapshot of what the switch needs to know. */
export interface Configure {
  readonly op: 'configure';
  readonly settings: ForwarderSettings;
}

/** From now on frames are copied into the ring, until `stop-capture` of the same `id`. */
export interface StartCapture extends CaptureFilter {
  readonly op: 'start-capture';
  readonly id: number;
  /** Of a SharedRing. */
  readonly ring: SharedArrayBuffer;
}

export interface StopCapture {
  readonly op: 'stop-capture';
  readonly id: number;
}

/** Makes what leaves by a port late, lost or twice; without settings, no longer. */
export interface Impair {
  readonly op: 'impair';
  readonly port: number;
  readonly settings?: ImpairmentSettings;
}

/** From now on (or no longer) every address that is learnt or forgotten is told. */
export interface ListenAddresses {
  readonly op: 'listen-addresses';
  readonly on: boolean;
}

/** Forgets the addresses learnt on a port. */
export interface FlushPort {
  readonly op: 'flush-port';
  readonly port: number;
}

/** Asks for an answer of the same `id`. */
export interface Query {
  readonly op: 'query';
  readonly id: number;
  readonly what: 'addresses' | 'sessions' | 'remote-drops' | 'io' | 'impairments';
}

export type Command =
  | AddDescriptor
  | RemoveDescriptor
  | WatchDescriptor
  | AddEndpoint
  | SendMessage
  | OpenSession
  | OpenRemoteSession
  | UseSession
  | CloseSession
  | SendPacket
  | AddCircuit
  | JoinCircuits
  | ForgetClaims
  | SendFrame
  | InjectFrame
  | ListenDhcp
  | Configure
  | Impair
  | StartCapture
  | StopCapture
  | ListenAddresses
  | FlushPort
  | Query;
