/**
 * The batched I/O contract: all that a data plane needs of the system once its descriptors are
 * open (system-contract.ts opens them).
 *
 * Words, used alike everywhere:
 *   slab        one ArrayBuffer with every octet of frame memory; JavaScript owns it
 *   slot        a fixed piece of the slab that one received frame lands in
 *   descriptor  a small index (0 … MAX_DESCRIPTORS-1) for a system descriptor
 *   poll        wait, then fill receive records
 *   job         one seal or one open; `seal` and `open` run a list of them
 *   flush       hand a list of send records to the system
 *
 * One turn of a loop is: poll, decide, seal, flush. Memory filled by `poll` is
 * valid until the next `poll`. Nothing here knows what a frame means, and
 * nothing here allocates on the path. System failures come back as negated
 * errno values; nothing throws except a caller's mistake (an index out of range).
 */

/** Descriptors a BatchedIo can hold at a time. */
export const MAX_DESCRIPTORS = 1024;

/** Octets of one receive slot: 9,216 of frame, headers, and no power of two (cache sets). */
export const SLOT_LENGTH = 9728;

/**
 * Octets before the data in a slot. The first ADDRESS_LENGTH of them hold the
 * source address of a datagram; the rest is room for a header in front.
 */
export const SLOT_HEADROOM = 128;

/** Receive slots: the most records one poll can return. */
export const RECEIVE_SLOTS = 512;

/**
 * Octets of a large receive slot, with the same headroom: for what the system joins, which is
 * super-frames of a TAP and runs of datagrams (UDP GRO). No power of two either.
 */
export const LARGE_SLOT_LENGTH = 66_304;

/** Large receive slots: the most records that TAPs and UDP sockets together get in one poll. */
export const LARGE_SLOTS = 64;

/**
 * Octets of the longest super-frame: an IP packet of 65,535 octets, which is what its 16-bit
 * length can say (RFC 791), behind an Ethernet header with two tags.
 */
export const MAX_SUPER_FRAME_LENGTH = 65_557;

/** The most datagrams taken from one descriptor in one poll, so that none starves the others. */
export const RECEIVE_BATCH = 256;

/** The most send records one flush takes. */
export const SEND_RECORDS = 2048;

/** The most parts that the send records of one flush can list. */
export const PART_RECORDS = 8192;

/**
 * The most parts of one send record; more are EINVAL. The system takes 1,024 pieces of memory
 * in one call (UIO_MAXIOV of Linux), of which the record's header and a TAP's are two.
 */
export const MAX_PARTS = 1022;

/** The most jobs one seal or open takes. */
export const JOB_RECORDS = 2048;

/** Key slots of the addon; each holds one key for one direction. */
export const KEY_SLOTS = 4096;

/** What a descriptor is, and so how it is read and written. */
export const DescriptorKind = {
  /** A connected Unix datagram socket: one datagram, one frame (VDE). */
  unixDatagram: 1,
  /** A UDP socket, dual-stack; each datagram has a source and a destination address. */
  udp: 2,
  /** A connected (or connecting) stream; read into its own receive area. */
  stream: 3,
  /** A listening stream socket: yields `accepted` events. */
  listener: 4,
  /** A TAP device with virtio-net headers: one read, one frame or super-frame. */
  tap: 5,
} as const;
export type DescriptorKind = (typeof DescriptorKind)[keyof typeof DescriptorKind];

/**
 * What a frame still needs before a wire could carry it. A super-frame is a TCP segment or a
 * UDP datagram longer than the wire takes, to be cut into pieces of `segmentSize` octets of
 * payload, each with headers of its own and a checksum; until then the checksum field holds
 * only the sum of the pseudo-header. Frames of type `none` are complete.
 */
export const Offload = { none: 0, tcp4: 1, tcp6: 2, udp: 3 } as const;
export type Offload = (typeof Offload)[keyof typeof Offload];

/** Field indices of a receive record. `DESCRIPTOR` is -1 for the doorbell. */
export const Rx = {
  descriptor: 0,
  /** Offset of the data in the slab. */
  offset: 1,
  /** Octets of data; for `accepted` the new system descriptor; for `closed` the errno, 0 for end of file. */
  length: 2,
  /** One of RxEvent. */
  event: 3,
  /** From a TAP: an Offload. */
  offload: 4,
  /**
   * A super-frame: octets of payload in each segment. From a UDP socket: the data are several
   * datagrams of one source, each of that many octets but the last, which may be shorter; 0: one.
   */
  segmentSize: 5,
  /** A super-frame: where the checksummed octets begin (the TCP or UDP header), from its start. */
  checksumStart: 6,
  /** A super-frame: where the checksum is, from `checksumStart`. */
  checksumOffset: 7,
} as const;
export const RX_STRIDE = 8;

export const RxEvent = {
  data: 0,
  /** A descriptor that was asked to be watched can be written again (once per `watchWritable`). */
  writable: 1,
  /** End of file or an error; nothing more will come. The caller removes the descriptor. */
  closed: 2,
  /** A connection came in; `length` is its system descriptor, the address is at `offset`. */
  accepted: 3,
  /** A datagram larger than a slot came in and was dropped whole. */
  oversized: 4,
  /** A frame whose offload fields make no sense came from a TAP and was dropped. */
  malformed: 5,
} as const;

/** Field indices of a send record. Header and payload are sent as one datagram or run of octets. */
export const Tx = {
  descriptor: 0,
  headerOffset: 1,
  headerLength: 2,
  payloadOffset: 3,
  payloadLength: 4,
  /** Slab offset of the destination address for UDP; -1 elsewhere. */
  address: 5,
  /** Filled by flush: octets the system took, or a negated errno. */
  result: 6,
  /**
   * For UDP: segment size when the payload is several datagrams for one GSO send; else 0.
   * For a TAP: octets of payload in each segment of a super-frame.
   */
  segmentSize: 7,
  /** For a TAP: an Offload, with the next two as in a receive record. */
  offload: 8,
  checksumStart: 9,
  checksumOffset: 10,
  /**
   * If positive, the payload lies in so many parts, at most MAX_PARTS, and payloadOffset is the
   * index of the first in `parts`; payloadLength is their sum. For UDP and TAP.
   */
  partCount: 11,
} as const;
export const TX_STRIDE = 12;

/** Field indices of a part: a piece of the slab. */
export const Part = { offset: 0, length: 1 } as const;
export const PART_STRIDE = 2;

/**
 * Field indices of a job. Input and output may be the same place (in-place sealing)
 * or apart; a job where they overlap otherwise fails.
 */
export const Job = {
  keySlot: 0,
  /** Additional authenticated data. */
  aadOffset: 1,
  aadLength: 2,
  inputOffset: 3,
  /** seal: octets of plaintext. open: octets of ciphertext and tag. */
  inputLength: 4,
  /** seal needs inputLength + TAG_LENGTH octets there, open inputLength - TAG_LENGTH. */
  outputOffset: 5,
  /** The 64-bit packet number, which is XORed into the last 8 octets of the key's 12-octet IV, big-endian. */
  numberHigh: 6,
  numberLow: 7,
  /**
   * Filled: octets of output, or -1 when the tag does not hold, the key slot is empty or
   * an offset is off. An open whose tag does not hold leaves zeros in the output.
   */
  result: 8,
  /**
   * seal: the plaintext goes on there, apart from the output; moreLength 0 when it does not.
   * The output is inputLength + moreLength + TAG_LENGTH octets. open: 0.
   */
  moreOffset: 9,
  moreLength: 10,
} as const;
export const JOB_STRIDE = 11;

export const TAG_LENGTH = 16;
export const KEY_LENGTH = 32;
export const IV_LENGTH = 12;

export const CipherId = { aes256gcm: 1, chacha20poly1305: 2 } as const;
export type CipherId = (typeof CipherId)[keyof typeof CipherId];

/**
 * An address as it lies in the slab, 24 octets:
 *
 *    0               16      18      20              24
 *    | IPv6 or mapped | port  | zero  | scope id      |
 *
 * IPv4 is written as ::ffff:a.b.c.d. Port is big-endian, scope id host-endian.
 */
export const ADDRESS_LENGTH = 24;

/** Memory of the slab, in order. Offsets are octets. */
const LARGE = RECEIVE_SLOTS * SLOT_LENGTH;
const ARENA = LARGE + LARGE_SLOTS * LARGE_SLOT_LENGTH;
const ARENA_LENGTH = 4 * 1024 * 1024;
export const SlabLayout = {
  receive: 0,
  large: LARGE,
  /** Free for the caller to build headers and datagrams in; reset by the caller each turn. */
  arena: ARENA,
  arenaLength: ARENA_LENGTH,
  /** Everything behind it is the caller's to divide: backlogs, stream areas, addresses. */
  free: ARENA + ARENA_LENGTH,
  freeLength: 77 * 1024 * 1024,
} as const;
export const SLAB_LENGTH = SlabLayout.free + SlabLayout.freeLength;

/** Extra facts about a stream descriptor: where its octets gather. */
export interface StreamArea {
  /** Slab offset of the area. */
  readonly offset: number;
  /** Octets of the area. */
  readonly length: number;
}

/** Counters kept below the contract, since the start; all monotonic. */
export interface IoCounters {
  polls: number;
  received: number;
  sent: number;
  /** Sends the system refused for want of room (EAGAIN, ENOBUFS). */
  wouldBlock: number;
  sendErrors: number;
  receiveErrors: number;
}

export interface BatchedIo {
  /** A word for the log: 'native' or 'memory'. */
  readonly implementation: string;
  readonly slab: Uint8Array;
  readonly rx: Int32Array;
  readonly tx: Int32Array;
  /** Pieces of payloads that do not lie in one place. */
  readonly parts: Int32Array;
  readonly jobs: Int32Array;
  /**
   * For each stream descriptor, the octets already gathered in its area. `poll`
   * appends behind them and raises the number; the caller consumes, moves the
   * rest to the front and lowers it. A full area is not read until there is room.
   */
  readonly fill: Int32Array;

  /**
   * Takes over a system descriptor under `index`, which must be free; it is
   * closed by `removeDescriptor` or `close`. A stream needs an area, and its fill begins at 0.
   * On failure the system descriptor stays the caller's.
   */
  addDescriptor(
    index: number,
    systemDescriptor: number,
    kind: DescriptorKind,
    area?: StreamArea,
  ): void;
  /** Forgets and closes. Records for the index still in the current batch are the caller's to skip. */
  removeDescriptor(index: number): void;
  /** Asks for one `writable` event. */
  watchWritable(index: number): void;
  /**
   * Leaves what comes to a descriptor with the system for now, or takes it again.
   * Its sender is slowed by its own full socket, as by an IEEE 802.3 PAUSE.
   */
  hold(index: number, held: boolean): void;

  /**
   * Waits until something can be read, the doorbell rings or `timeout`
   * milliseconds have passed (-1: no limit, 0: only look), and fills `rx`.
   * @returns the number of receive records
   */
  poll(timeout: number): number;
  /**
   * Sends the first `count` records; never blocks. The order holds for each descriptor, not
   * between them. For each record the result is filled; after one that found no room, the
   * following ones for its descriptor are refused with -EAGAIN too, and no other's.
   * @returns the number of records that were not taken whole
   */
  flush(count: number): number;

  /**
   * Cuts a super-frame into complete frames, which lie back to back in the output: each as long
   * as the headers and `segmentSize` octets, the last perhaps shorter. The frame is only read.
   * @param room octets of output
   * @returns the number of frames, or -1 when the fields and the frame disagree or room is short
   */
  segment(
    frame: number,
    length: number,
    offload: Offload,
    segmentSize: number,
    checksumStart: number,
    checksumOffset: number,
    output: number,
    room: number,
  ): number;

  /** Loads a key (KEY_LENGTH octets) and IV (IV_LENGTH octets), which are copied. */
  setKey(slot: number, cipher: CipherId, key: Uint8Array, iv: Uint8Array): void;
  /** Wipes a key slot. */
  clearKey(slot: number): void;
  /** Runs the first `count` jobs as seals. */
  seal(count: number): void;
  /** Runs the first `count` jobs as opens. @returns the number that failed */
  open(count: number): number;

  /**
   * Copies octets of the slab into memory shared with another thread, or from there; neither may
   * reach beyond its memory. Who may write there when is for the threads to agree on (lane.ts).
   */
  copyOut(offset: number, length: number, shared: Uint8Array, at: number): void;
  copyIn(shared: Uint8Array, at: number, length: number, offset: number): void;

  counters(): IoCounters;
  /** Wipes all keys and closes all descriptors. Nothing may be called afterwards. */
  close(): void;
}
