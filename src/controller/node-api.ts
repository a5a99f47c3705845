/**
 * What a running node tells and does when asked: the contract between the node
 * and its control socket. The command line is the first client.
 *
 * Times are milliseconds, lengths octets, unless a name says otherwise. Every
 * value is plain JSON, but for the stream of a capture. Methods that act fail with a KithError.
 */

import type { Readable } from 'node:stream';
import type { ImpairmentSettings } from '../switch/impairment-settings.ts';
import type { StormLimits } from '../switch/storm-control.ts';
import type { TapLease } from './lease-keeper.ts';
import type { TreePortSettings } from './tree-ports.ts';

export interface NodeStatus {
  readonly name: string;
  readonly uid: string;
  readonly pid: number;
  readonly version: string;
  readonly uptime: number;
  readonly home: string;
  /** The VDE directory, for `-netdev vde,sock=…`. */
  readonly switchDirectory: string;
  /** The socket of the VDE management console. */
  readonly consoleSocket: string;
  /** Where friends reach us, one URL each, with the ports in use. */
  readonly listening: readonly string[];
  /** The addresses that friends on other machines are told. */
  readonly told: readonly string[];
  readonly friends: { readonly known: number; readonly connected: number };
  readonly ports: number;
  readonly addresses: number;
  /** Names of the host interfaces. */
  readonly taps: readonly string[];
  readonly groups: readonly string[];
  readonly plaintext: PlaintextFloor;
  /** Which implementation moves the frames: 'native' or 'memory'. */
  readonly dataPlane: string;
  readonly memory: { readonly resident: number };
  readonly counters: Readonly<Record<string, number>>;
}

export type PlaintextFloor = 'never' | 'when-no-shared-group';

/**
 * How it stands with a friend. `refused`: the two reach one another, and one end will have no
 * link as things are; `refusal` and `lastError` say why.
 */
export type FriendState = 'offline' | 'connecting' | 'connected' | 'refused';

/** No group in common and plaintext forbidden, one end unknown to the other, ciphers that differ. */
export type Refusal = 'plaintext-refused' | 'unknown-peer' | 'no-common-cipher';

/** It speaks another version of the handshake. */
export type UnprovenRefusal = 'version';

export interface FriendStatus {
  readonly uid: string;
  readonly name: string;
  readonly state: FriendState;
  /** URLs we may dial. */
  readonly addresses: readonly string[];
  /** UIDs they had before they proved to have another key, the latest last; absent when none. */
  readonly formerUids?: readonly string[];
  /** How we know them: the configuration, a ticket we gave, a ticket we took. */
  readonly source: 'config' | 'invited' | 'joined';
  /** Octets of Ethernet that went in the clear, over all links, also of earlier runs of the node. */
  readonly clearOctetsIn: number;
  readonly clearOctetsOut: number;
  /** Since when these are counted: an ISO 8601 time. */
  readonly clearSince: string;
  /** The link in use, if any: the number in `kith links`. */
  readonly link?: number;
  /** Why none of its addresses answered when last called, as a sentence; absent when one did. */
  readonly unreached?: string;
  /** Set when the state is `refused`: one end has said so, and has proved who it is. */
  readonly refusal?: Refusal;
  /** What can be done about the refusal, as a sentence. */
  readonly mend?: string;
  /** Somebody at its address has said no when last called, and has proved nothing: a hint at most. */
  readonly unproven?: UnprovenRefusal;
  /** Why the last attempt failed, as a sentence. */
  readonly lastError?: string;
  readonly retryIn?: number;
}

export interface LinkStatus {
  readonly state: 'up';
  /** The switch port of the link. */
  readonly port: number;
  readonly friend: string;
  readonly friendName: string;
  /** 'udp', 'tcp', 'relay' … */
  readonly provider: string;
  readonly remote: string;
  /** The name of the friend who relays the link, where one does. */
  readonly relay?: string;
  readonly security: 'sealed' | 'clear';
  readonly cipher: string;
  readonly sharedGroups: readonly string[];
  readonly role: 'initiator' | 'responder';
  readonly since: number;
  /** Round trip, smoothed; absent before the first measurement. */
  readonly rtt?: number;
  /** Fraction of keepalives lost, 0 … 1. */
  readonly loss: number;
  /** Octets of the largest link message that passes whole. */
  readonly pathMtu: number;
  readonly framesIn: number;
  readonly framesOut: number;
  readonly octetsIn: number;
  readonly octetsOut: number;
  /** Octets of Ethernet that went in the clear with this friend, as in FriendStatus. */
  readonly clearOctetsIn: number;
  readonly clearOctetsOut: number;
  readonly clearSince: string;
  readonly keyUpdates: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** A friend without a link. `refused`, as in FriendStatus; `waiting`: until the next attempt. */
export interface MissingLink {
  /** The switch port that the link will have. */
  readonly port: number;
  readonly friend: string;
  readonly friendName: string;
  readonly state: 'refused' | 'dialling' | 'waiting' | 'no-address';
  /** For so long there has been no link. */
  readonly since: number;
  /** Attempts of ours that have failed, one after another. */
  readonly attempts: number;
  /** URLs we dial, in this order. */
  readonly addresses: readonly string[];
  /** Until the next attempt; absent while none waits. */
  readonly retryIn?: number;
  /** Why the last attempt failed, as a sentence. */
  readonly lastError?: string;
  /** For so long that has been known. */
  readonly lastErrorAge?: number;
  readonly refusal?: Refusal;
  readonly unproven?: UnprovenRefusal;
  readonly mend?: string;
}

export interface PortStatus {
  readonly port: number;
  readonly kind: 'vde' | 'link' | 'tap';
  /** Who is on it: the description a VDE client gave, the friend's name, or that of the TAP. */
  readonly description: string;
  readonly endpoints: number;
  readonly role: string;
  readonly state: 'discarding' | 'learning' | 'forwarding';
  readonly pathCost: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface MacStatus {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  readonly age: number;
  readonly static: boolean;
}

export interface GroupStatus {
  readonly name: string;
  /** Whether members prove a key, or only know the name. */
  readonly keyed: boolean;
  /** Friends now connected that share it. */
  readonly sharedWith: readonly string[];
  /** Those of them that have proved an old key alone: they lack the new one. */
  readonly byOldKey: readonly string[];
  /** Until when the last old key counts, ISO 8601; absent when none does. */
  readonly oldKeysUntil?: string;
}

export interface AddGroup {
  readonly name: string;
  /** Without one the name is all there is. */
  readonly key?: string;
}

export interface RotateGroup {
  readonly name: string;
  /** The new key; the node makes one if it is left out. */
  readonly key?: string;
  /** Milliseconds that the old key still counts; by default a day. */
  readonly overlapMs?: number;
}

export interface ChangedGroup {
  readonly name: string;
  /** The file that holds the key, which is never told here; absent when there is none. */
  readonly keyFile?: string;
  /** Until when old keys count, ISO 8601; absent when none does. */
  readonly oldKeysUntil?: string;
  /** One sentence, when the key can be guessed. */
  readonly warning?: string;
}

export interface StpStatus {
  readonly enabled: boolean;
  readonly bridgeId: string;
  readonly rootId: string;
  readonly isRoot: boolean;
  readonly rootPathCost: number;
  readonly rootPort: number;
  readonly topologyChanges: number;
  readonly ports: readonly {
    readonly port: number;
    readonly role: string;
    readonly state: string;
    readonly pathCost: number;
    /** Of the link's latest measurement, in force or not; null: none, or no link. */
    readonly measuredCost: number | null;
    readonly edge: boolean;
    readonly designatedBridge: string;
    /** The guard that acts now. */
    readonly guard: 'none' | 'bpdu-guard' | 'root-guard';
    readonly bpduGuard: boolean;
    readonly rootGuard: boolean;
    readonly changeGuard: boolean;
    /** BPDUs and topology changes. */
    readonly counters: Readonly<Record<string, number>>;
    /** BPDUs with a fault, by fault. */
    readonly faults: Readonly<Record<string, number>>;
  }[];
}

/** Changes how a port takes part in the spanning tree; what is left out stays. */
export interface StpPortRequest extends TreePortSettings {
  /** The number of a port, or the name of a friend or of an interface. */
  readonly port: number | string;
  /** Whether to let a port that BPDU guard disabled try again. */
  readonly recover?: boolean;
}

/** How a link came to be what it is: the decision and all its inputs. */
export interface WhyReport {
  readonly friend: string;
  readonly friendName: string;
  readonly state: FriendState;
  /** One sentence: the answer. */
  readonly answer: string;
  /** The inputs, in the order in which they were weighed. */
  readonly inputs: readonly { readonly name: string; readonly value: string }[];
}

export interface RotatedIdentity {
  readonly uid: string;
  readonly publicKey: string;
  readonly formerUid: string;
}

export interface InviteOptions {
  /** Lifetime of the ticket; by default a day. */
  readonly expiresInMs?: number;
  /** Addresses to put in instead of the ones the node believes in. */
  readonly addresses?: readonly string[];
}

/** A host interface that is wanted. */
export interface TapRequest {
  /** By default kith0; a `%d` in it becomes the lowest free number. */
  readonly name?: string;
  /** Addresses with their prefixes, and perhaps the word `dhcp`. */
  readonly ip?: readonly string[];
  /** By default made of UID, name and namespace, and so always the same. */
  readonly mac?: string;
  /** Octets of payload in a frame. */
  readonly mtu?: number;
  /** The name or the path of the network namespace; by default the node's own. */
  readonly netns?: string;
}

/** A host interface on the switch. */
export interface TapStatus {
  /** What it goes by here: `kith0`; `kith0@NETNS` elsewhere, `kith0@PORT` of another process. */
  readonly name: string;
  /** The name of the interface, in its namespace. */
  readonly interface: string;
  readonly port: number;
  readonly mac: string;
  readonly mtu: number;
  /** Those that the node gave it, with prefixes. */
  readonly addresses: readonly string[];
  /** Whether the node asks a DHCP server for an address. */
  readonly dhcp: boolean;
  readonly netns?: string;
  /** Whether another process opened it and passed it here. */
  readonly attached: boolean;
}

/** What a process says of the TAP that it has sent. */
export interface TapAttachment {
  /** Where it sent the descriptor. */
  readonly path: string;
  /** Of the interface, in the namespace of that process. */
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Whether it is to go away unless somebody holds it within ten seconds. */
  readonly held?: boolean;
}

/** How an interface of another process is held. */
export interface TapHoldRequest {
  /** Whether the node shall ask a DHCP server for an address. */
  readonly dhcp?: boolean;
}

/** What happens to an interface that is held. The process that has it sets it up. */
export interface TapEvent {
  /** What a DHCP server granted; null: nothing yet, or nothing any more. */
  readonly lease: TapLease | null;
}

/** How what leaves by a port is made worse. */
export interface ImpairRequest {
  /** The number of a port, or the name of a friend or of an interface. */
  readonly port: number | string;
  /** Replaces what was set before; null: nothing is. */
  readonly impair: ImpairmentSettings | null;
}

/** A port that is impaired. */
export interface ImpairmentStatus {
  readonly port: number;
  /** What hangs there. */
  readonly name: string;
  readonly impair: ImpairmentSettings;
  /** Frames on their way. */
  readonly waiting: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** A port as it was named, and its number if it is there now. */
export interface NamedPort {
  readonly named: number | string;
  readonly port?: number;
}

/** What is set of the switch. */
export interface SwitchStatus {
  /** Every frame goes to every port, and nothing is learnt. */
  readonly hub: boolean;
  /** After so long an address not heard of is forgotten. */
  readonly ageing: number;
  /** So long an address stays on its port before it may move. */
  readonly minPersistence: number;
  /** A round through all addresses takes so long. */
  readonly collection: number;
  readonly addressesPerPort: number;
  /** Slots for addresses, three quarters of which are used. */
  readonly tableSize: number;
  /** Addresses that are known now. */
  readonly addresses: number;
  readonly snooping: boolean;
  /** Absent while tags mean nothing. */
  readonly vlans?: readonly number[];
  /** Absent when nothing is copied. */
  readonly mirror?: { readonly to: NamedPort; readonly of?: NamedPort };
  /** Flooded frames a second that pass: of every port, and of single ones. */
  readonly storm: {
    readonly every: StormLimits;
    readonly ports: readonly (NamedPort & { readonly limits: StormLimits })[];
  };
  readonly statics: readonly (NamedPort & { readonly mac: string; readonly vlan: number })[];
  /** What `saveSwitch` has kept: it is set again at the next start. */
  readonly kept: readonly SwitchSettingName[];
  /** What is as it is until the node ends, and other from the next start on. */
  readonly unsaved: readonly SwitchSettingName[];
}

/** Which setting of the switch it is. */
export interface SwitchSettingName {
  readonly set:
    | 'hub'
    | 'ageing'
    | 'minPersistence'
    | 'collection'
    | 'addressesPerPort'
    | 'tableSize'
    | 'mirror'
    | 'storm'
    | 'address'
    | 'stp';
  /** Of this port, as it is named; absent: of every port, or of none. */
  readonly port?: number | string;
  /** Of a static address. */
  readonly mac?: string;
  readonly vlan?: number;
}

/** What is to be another; what is left out stays. */
export interface SwitchChanges {
  readonly hub?: boolean;
  readonly ageing?: number;
  readonly minPersistence?: number;
  readonly collection?: number;
  readonly addressesPerPort?: number;
  readonly tableSize?: number;
}

export interface MirrorRequest {
  /** The port that gets the copies; null: nothing is copied any more. */
  readonly to: number | string | null;
  /** Only what enters or leaves by this port. */
  readonly of?: number | string;
}

export interface StormRequest {
  /** Absent: every port. */
  readonly port?: number | string;
  /** Replaces what was set before; null: nothing is. */
  readonly limits: StormLimits | null;
}

export interface AddressRequest {
  readonly mac: string;
  /** By default 0. */
  readonly vlan?: number;
  /** The port that the station is behind; null: the address is static no more. */
  readonly port: number | string | null;
}

/** Which frames are wanted, and until when. */
export interface CaptureRequest {
  /** Only those of this port; by default those of all. */
  readonly port?: number;
  /** Only those of the link to this friend. */
  readonly link?: string;
  /** Octets of each frame that are kept at most; by default all. */
  readonly snaplen?: number;
  /** Ends after so many packets. */
  readonly count?: number;
  /** Ends after so many seconds. */
  readonly seconds?: number;
}

export interface NodeApi {
  status(): Promise<NodeStatus>;
  friends(): Promise<readonly FriendStatus[]>;
  links(): Promise<readonly LinkStatus[]>;
  /** The friends without a link, and why. */
  missingLinks(): Promise<readonly MissingLink[]>;
  ports(): Promise<readonly PortStatus[]>;
  mac(): Promise<readonly MacStatus[]>;
  stp(): Promise<StpStatus>;
  setStpPort(request: StpPortRequest): Promise<{ readonly port: number; readonly name: string }>;
  groups(): Promise<readonly GroupStatus[]>;
  addGroup(group: AddGroup): Promise<ChangedGroup>;
  removeGroup(name: string): Promise<ChangedGroup>;
  rotateGroup(request: RotateGroup): Promise<ChangedGroup>;
  /** Whether Ethernet may go in the clear to a friend who shares no group. */
  setPlaintext(floor: PlaintextFloor): Promise<{ readonly plaintext: PlaintextFloor }>;
  /** @param friend a UID, an unambiguous beginning of one, or a name */
  why(friend: string): Promise<WhyReport>;
  invite(options: InviteOptions): Promise<{ readonly ticket: string; readonly expiresAt: string }>;
  join(ticket: string): Promise<{ readonly uid: string; readonly name: string }>;
  /** Ends the sessions with a friend at once and forgets the key. */
  removeFriend(friend: string): Promise<{ readonly uid: string }>;
  /** Gives the node another key, signed by the one it has; friends are told by themselves. */
  rotateIdentity(): Promise<RotatedIdentity>;
  taps(): Promise<readonly TapStatus[]>;
  /** Makes a host interface on the switch; it is up when the promise is resolved. */
  addTap(request: TapRequest): Promise<TapStatus>;
  /** Takes a host interface away; a new one can have its name when the promise is resolved. */
  removeTap(name: string): Promise<{ readonly name: string }>;
  /** Binds a Unix datagram socket, for one descriptor of a TAP with virtio-net headers. */
  openTapAttachment(): Promise<{ readonly path: string }>;
  /** Joins the TAP whose descriptor was sent there to the switch. */
  completeTapAttachment(attachment: TapAttachment): Promise<TapStatus>;
  /**
   * Holds an interface that another process has passed here: it goes away when the holder
   * stops listening. The first event comes at once; the end comes when the interface is gone.
   */
  holdTap(name: string, request: TapHoldRequest): Promise<AsyncIterable<TapEvent>>;
  switch(): Promise<SwitchStatus>;
  changeSwitch(changes: SwitchChanges): Promise<SwitchStatus>;
  /** Copies what passes to a port, or no longer. */
  mirror(request: MirrorRequest): Promise<SwitchStatus>;
  /** Limits what ports may have flooded. */
  limitStorms(request: StormRequest): Promise<SwitchStatus>;
  /** Says where a station is, whatever is heard, or no longer. */
  setAddress(request: AddressRequest): Promise<SwitchStatus>;
  /** Keeps what is set of the switch, and of its ports in the spanning tree, over the end of the node. */
  saveSwitch(): Promise<SwitchStatus>;
  /** Keeps nothing of it: what is set stays until the node ends, and then the configuration counts. */
  forgetSwitch(): Promise<SwitchStatus>;
  /** The ports that are impaired. */
  impairments(): Promise<readonly ImpairmentStatus[]>;
  /** Impairs what leaves by a port, or no longer. */
  impair(request: ImpairRequest): Promise<{ readonly port: number; readonly name: string }>;
  /** Frames that pass, as pcapng, until the stream is destroyed. */
  capture(request: CaptureRequest): Promise<Readable>;
  /** Ends the node; the promise is resolved before the process is gone. */
  down(): Promise<void>;
}
