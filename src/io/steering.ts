/**
 * Which socket of a group a datagram goes to: said once, as data, and made into a function for
 * the memory network and into a program for the kernel. Both do the same; the tests see to it.
 *
 * Read first: Documentation/networking/filter.rst of Linux (classic BPF); socket(7),
 * SO_ATTACH_REUSEPORT_CBPF. The program sees the datagram without its UDP header, and returns
 * the place of a socket in its group. What it loads from behind the end makes it return 0.
 * A place that is not there would be none of its choice any more, so it never returns one.
 */

/** Datagrams that are marked name their socket; the first one gets all others. */
export interface Steering {
  /** Octet 0, where `markMask` has bits, is `mark`. */
  readonly mark: number;
  readonly markMask: number;
  /** Where 32 bits in network order begin, in which a socket is named. */
  readonly offset: number;
  /** Bits below those that name it. */
  readonly shift: number;
  /** Covers the bits that name it, shifted down. */
  readonly mask: number;
}

const WORD_LENGTH = 4;

/** The socket that a datagram goes to, of `count`. */
export function steer(steering: Steering, datagram: Uint8Array, count: number): number {
  const { mark, markMask, offset, shift, mask } = steering;
  if (datagram.length < offset + WORD_LENGTH || (datagram[0] & markMask) !== mark) return 0;
  const word =
    ((datagram[offset] << 24) |
      (datagram[offset + 1] << 16) |
      (datagram[offset + 2] << 8) |
      datagram[offset + 3]) >>>
    0;
  const named = (word >>> shift) & mask;
  return named < count ? named : 0;
}

/** linux/bpf_common.h: what the instructions below consist of. */
const Bpf = {
  loadOctet: 0x30,
  loadWord: 0x20,
  and: 0x54,
  shiftRight: 0x74,
  jumpIfEqual: 0x15,
  jumpIfNotBelow: 0x35,
  returnConstant: 0x06,
  returnValue: 0x16,
} as const;

/**
 * The octets of a `struct sock_filter`, one for each instruction, in the order of the host:
 *
 *    0               2       3       4                               8
 *    | code          | jt    | jf    | k                             |
 */
const INSTRUCTION_LENGTH = 8;
const CODE_WORDS = INSTRUCTION_LENGTH / Uint16Array.BYTES_PER_ELEMENT;
const JUMP_TRUE_OFFSET = 2;
const JUMP_FALSE_OFFSET = 3;
const K_WORDS = INSTRUCTION_LENGTH / Uint32Array.BYTES_PER_ELEMENT;

/** `steer` for a group of `count` sockets, as a program for the kernel. */
export function steeringProgram(steering: Steering, count: number): Uint8Array {
  const { mark, markMask, offset, shift, mask } = steering;
  // code, k, and how many instructions to jump over if it is true, and if it is false
  const instructions: readonly (readonly [number, number, number, number])[] = [
    [Bpf.loadOctet, 0, 0, 0],
    [Bpf.and, markMask, 0, 0],
    [Bpf.jumpIfEqual, mark, 0, 5],
    [Bpf.loadWord, offset, 0, 0],
    [Bpf.shiftRight, shift, 0, 0],
    [Bpf.and, mask, 0, 0],
    [Bpf.jumpIfNotBelow, count, 1, 0],
    [Bpf.returnValue, 0, 0, 0],
    [Bpf.returnConstant, 0, 0, 0],
  ];
  const program = new Uint8Array(instructions.length * INSTRUCTION_LENGTH);
  const codes = new Uint16Array(program.buffer);
  const constants = new Uint32Array(program.buffer);
  instructions.forEach(([code, k, jumpTrue, jumpFalse], i) => {
    codes[i * CODE_WORDS] = code;
    program[i * INSTRUCTION_LENGTH + JUMP_TRUE_OFFSET] = jumpTrue;
    program[i * INSTRUCTION_LENGTH + JUMP_FALSE_OFFSET] = jumpFalse;
    constants[i * K_WORDS + 1] = k;
  });
  return program;
}
