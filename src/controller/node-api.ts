/**
 * What a running node tells and does when asked: the contract between the node
 * and its control socket. The command line is the first client.
 *
 * Times are milliseconds, lengths octets, unless a name says otherwise. Every
 * value is plain JSON, but for the stream of a capture. Methods that act fail with a KithError.
 *
 * What is told is in node-api-*.ts, by subject; here is what can be asked.
 */
import type { Readable } from 'node:stream';
import type {
  FriendStatus,
  InviteOptions,
  LinkStatus,
  MissingLink,
  WhyReport,
} from './node-api-friends.ts';
import type {
  AddGroup,
  ChangedGroup,
  GroupStatus,
  PlaintextFloor,
  RotateGroup,
} from './node-api-groups.ts';
import type {
  CaptureRequest,
  ImpairmentStatus,
  ImpairRequest,
  MacStatus,
  PortStatus,
  StpPortRequest,
  StpStatus,
} from './node-api-ports.ts';
import type {
  AddressRequest,
  MirrorRequest,
  StormRequest,
  SwitchChanges,
  SwitchStatus,
} from './node-api-switch.ts';
import type {
  TapAttachment,
  TapEvent,
  TapHoldRequest,
  TapRequest,
  TapStatus,
} from './node-api-taps.ts';

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

export interface RotatedIdentity {
  readonly uid: string;
  readonly publicKey: string;
  readonly formerUid: string;
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
