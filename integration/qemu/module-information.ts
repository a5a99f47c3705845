/**
 * What a Linux kernel module says about itself: the `.modinfo` section of an
 * ELF file, `key=value` strings with a NUL behind each.
 *
 * Read first: elf(5), and Linux include/linux/module.h (MODULE_INFO).
 *
 * ELF64, little-endian, the fields needed here:
 *
 *   file header                        section header (64 octets each)
 *    0  7f 'E' 'L' 'F', class, data      0  u32 name, an offset in the name table
 *   40  u64 section header offset       24  u64 offset in the file
 *   58  u16 size of a section header    32  u64 size
 *   60  u16 count of section headers
 *   62  u16 index of the name table
 *
 * A package unpacked beside the system has no `modules.dep`, which depmod makes
 * at installation; the `depends` entry of each module is where depmod has it
 * from. Anything that is no such file yields undefined; trailing octets (a
 * module's signature) are left alone.
 */

const FILE_HEADER_LENGTH = 64;
const SECTION_HEADER_LENGTH = 64;
const CLASS_64 = 2;
const DATA_LITTLE_ENDIAN = 1;

const FileHeader = {
  class: 4,
  data: 5,
  sectionOffset: 40,
  sectionLength: 58,
  sectionCount: 60,
  nameTable: 62,
} as const;
const SectionHeader = { name: 0, offset: 24, size: 32 } as const;

const SECTION = '.modinfo';

/** The strings of `.modinfo` by key, the first of each key; undefined if this is no module. */
export function parse(bytes: Uint8Array): ReadonlyMap<string, string> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_LENGTH || view.getUint32(0) !== 0x7f454c46) return undefined;
  if (bytes[FileHeader.class] !== CLASS_64) return undefined;
  if (bytes[FileHeader.data] !== DATA_LITTLE_ENDIAN) return undefined;
  if (view.getUint16(FileHeader.sectionLength, true) !== SECTION_HEADER_LENGTH) return undefined;

  const table = Number(view.getBigUint64(FileHeader.sectionOffset, true));
  const count = view.getUint16(FileHeader.sectionCount, true);
  if (table + count * SECTION_HEADER_LENGTH > bytes.length) return undefined;

  const section = (index: number): Uint8Array | undefined => {
    const header = table + index * SECTION_HEADER_LENGTH;
    const offset = Number(view.getBigUint64(header + SectionHeader.offset, true));
    const size = Number(view.getBigUint64(header + SectionHeader.size, true));
    return offset + size <= bytes.length ? bytes.subarray(offset, offset + size) : undefined;
  };

  const nameIndex = view.getUint16(FileHeader.nameTable, true);
  const names = nameIndex < count ? section(nameIndex) : undefined;
  if (names === undefined) return undefined;
  for (let index = 0; index < count; index++) {
    const name = view.getUint32(table + index * SECTION_HEADER_LENGTH + SectionHeader.name, true);
    if (stringAt(names, name) !== SECTION) continue;
    const content = section(index);
    return content === undefined ? undefined : strings(content);
  }
  return undefined;
}

/** Names of the modules that have to be loaded before, from the `depends` entry. */
export function dependencies(information: ReadonlyMap<string, string>): readonly string[] {
  return (information.get('depends') ?? '').split(',').filter((name) => name !== '');
}

const decoder = new TextDecoder();

function stringAt(table: Uint8Array, offset: number): string {
  const end = table.indexOf(0, offset);
  return decoder.decode(table.subarray(offset, end === -1 ? table.length : end));
}

function strings(content: Uint8Array): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const item of decoder.decode(content).split('\0')) {
    const equals = item.indexOf('=');
    if (equals <= 0) continue;
    const key = item.slice(0, equals);
    if (!result.has(key)) result.set(key, item.slice(equals + 1));
  }
  return result;
}
