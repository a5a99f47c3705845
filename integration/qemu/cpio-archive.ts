/**
 * The "new ASCII" cpio archive, the form in which Linux takes an initramfs.
 *
 * Read first: Linux Documentation/driver-api/early-userspace/buffer-format.rst
 * and cpio(5), "New ASCII Format".
 *
 * One member, all numbers as eight hexadecimal digits:
 *
 *    0       6       14      22      30      38      46      54
 *    | magic | ino   | mode  | uid   | gid   | nlink | mtime |
 *    54      62      70      78      86      94      102     110
 *    | size  | major | minor | rmajor| rminor| name# | check |
 *    110
 *    | name … NUL | 0–3 NUL | data … | 0–3 NUL |
 *
 * Name and data are each padded so that what follows begins at a multiple of
 * four octets from the start of the archive; this file keeps to archives that
 * begin at such a multiple. An archive ends with a member named `TRAILER!!!`;
 * `parse` reports it as an entry like any other and leaves trailing octets
 * alone. Unknown file types pass through `mode` unchanged.
 */

/** Offsets of the fields of a member's header. */
export const Field = {
  magic: 0,
  inode: 6,
  mode: 14,
  userId: 22,
  groupId: 30,
  linkCount: 38,
  modificationTime: 46,
  fileSize: 54,
  deviceMajor: 62,
  deviceMinor: 70,
  specialMajor: 78,
  specialMinor: 86,
  /** Octets of the name with its closing NUL. */
  nameSize: 94,
  /** Always zero for this magic. */
  check: 102,
} as const;

export const HEADER_LENGTH = 110;
const NUMBER_LENGTH = 8;
const ALIGNMENT = 4;
const MAGIC = '070701';

/** The name that ends an archive. */
export const TRAILER = 'TRAILER!!!';

/** File types within `mode`, as in stat(2). */
export const FileType = {
  directory: 0o040000,
  characterDevice: 0o020000,
  regular: 0o100000,
  symbolicLink: 0o120000,
} as const;

/** One member of an archive. Owner, group, times and links are not ours to tell: they are 0, 0, 0, 1. */
export interface CpioEntry {
  /** The path, relative, without a leading slash. */
  readonly name: string;
  /** File type and permissions. */
  readonly mode: number;
  /** Content of a file or target of a symbolic link; borrowed, never changed. */
  readonly data: Uint8Array;
  /** Major and minor number of a device node. */
  readonly device?: readonly [major: number, minor: number];
}

export type CpioFault = 'short' | 'magic' | 'number' | 'name';

export type CpioParsed =
  | { readonly ok: true; readonly entry: CpioEntry; readonly next: number }
  | { readonly ok: false; readonly fault: CpioFault };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const align = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/** Octets of an entry in an archive, padding and all. */
export function byteLength(entry: CpioEntry): number {
  const name = encoder.encode(entry.name).length + 1;
  return align(HEADER_LENGTH + name) + align(entry.data.length);
}

/**
 * Writes one member.
 * @param inode a number of its own for each member, or the kernel may take two for hard links
 * @param offset where to write, a multiple of four
 * @returns the offset behind the member
 */
export function emit(
  entry: CpioEntry,
  inode: number,
  out: Uint8Array<ArrayBufferLike>,
  offset: number,
): number {
  const name = encoder.encode(entry.name);
  const end = offset + byteLength(entry);
  out.fill(0, offset, end);
  encoder.encodeInto(MAGIC, out.subarray(offset));
  const number = (field: number, value: number): void => {
    const digits = value.toString(16).padStart(NUMBER_LENGTH, '0');
    encoder.encodeInto(digits, out.subarray(offset + field));
  };
  number(Field.inode, inode);
  number(Field.mode, entry.mode);
  number(Field.userId, 0);
  number(Field.groupId, 0);
  number(Field.linkCount, 1);
  number(Field.modificationTime, 0);
  number(Field.fileSize, entry.data.length);
  number(Field.deviceMajor, 0);
  number(Field.deviceMinor, 0);
  number(Field.specialMajor, entry.device?.[0] ?? 0);
  number(Field.specialMinor, entry.device?.[1] ?? 0);
  number(Field.nameSize, name.length + 1);
  number(Field.check, 0);
  out.set(name, offset + HEADER_LENGTH);
  out.set(entry.data, offset + align(HEADER_LENGTH + name.length + 1));
  return end;
}

/**
 * Reads the member at `offset`, a multiple of four. The data is a view into `bytes`.
 * `next` is the offset of the member after it.
 */
export function parse(bytes: Uint8Array<ArrayBufferLike>, offset: number): CpioParsed {
  if (bytes.length - offset < HEADER_LENGTH) return { ok: false, fault: 'short' };
  const text = decoder.decode(bytes.subarray(offset, offset + HEADER_LENGTH));
  if (!text.startsWith(MAGIC)) return { ok: false, fault: 'magic' };
  if (!/^[0-9a-fA-F]{104}$/.test(text.slice(Field.inode))) return { ok: false, fault: 'number' };
  const number = (field: number): number =>
    Number.parseInt(text.slice(field, field + NUMBER_LENGTH), 16);

  const nameSize = number(Field.nameSize);
  const fileSize = number(Field.fileSize);
  const nameStart = offset + HEADER_LENGTH;
  const dataStart = offset + align(HEADER_LENGTH + nameSize);
  const next = dataStart + align(fileSize);
  if (next > bytes.length) return { ok: false, fault: 'short' };
  if (nameSize < 2 || bytes[nameStart + nameSize - 1] !== 0) return { ok: false, fault: 'name' };

  const major = number(Field.specialMajor);
  const minor = number(Field.specialMinor);
  const entry: CpioEntry = {
    name: decoder.decode(bytes.subarray(nameStart, nameStart + nameSize - 1)),
    mode: number(Field.mode),
    data: bytes.subarray(dataStart, dataStart + fileSize),
    ...(major === 0 && minor === 0 ? {} : { device: [major, minor] as const }),
  };
  return { ok: true, entry, next };
}

/** A whole archive of the entries, in order, with its trailer. Parents must come before children. */
export function archive(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const all = [...entries, { name: TRAILER, mode: 0, data: new Uint8Array(0) }];
  const out = new Uint8Array(all.reduce((sum, entry) => sum + byteLength(entry), 0));
  let offset = 0;
  for (const [index, entry] of all.entries()) {
    offset = emit(entry, entry.name === TRAILER ? 0 : index + 1, out, offset);
  }
  return out;
}
