import { spawnSync } from 'node:child_process';
import test from 'ava';
import * as fc from 'fast-check';
import {
  archive,
  byteLength,
  type CpioEntry,
  emit,
  FileType,
  parse,
  TRAILER,
} from '../../../integration/qemu/cpio-archive.ts';

/** A file `a/b` with mode 0644 and the content `hello`, as inode 7. */
const FILE =
  '070701' +
  '00000007' + // inode
  '000081a4' + // mode
  '00000000' + // user
  '00000000' + // group
  '00000001' + // links
  '00000000' + // time
  '00000005' + // size
  '00000000' + // device
  '00000000' +
  '00000000' + // special device
  '00000000' +
  '00000004' + // octets of the name
  '00000000' + // check
  'a/b\0\0\0' +
  'hello\0\0\0';

const file: CpioEntry = {
  name: 'a/b',
  mode: FileType.regular | 0o644,
  data: new TextEncoder().encode('hello'),
};

test('deconstructs a member', (t) => {
  const parsed = parse(Buffer.from(`${FILE}rest`), 0);
  t.true(parsed.ok);
  if (!parsed.ok) return;
  t.is(parsed.entry.name, 'a/b');
  t.is(parsed.entry.mode, 0o100644);
  t.is(Buffer.from(parsed.entry.data).toString(), 'hello');
  t.is(parsed.entry.device, undefined);
  t.is(parsed.next, FILE.length);
});

test('constructs a member', (t) => {
  const out = new Uint8Array(FILE.length + 8).fill(0xa5);
  t.is(byteLength(file), FILE.length);
  t.is(emit(file, 7, out, 4), 4 + FILE.length);
  t.is(Buffer.from(out.subarray(4, 4 + FILE.length)).toString('latin1'), FILE);
  t.deepEqual([...out.subarray(0, 4), ...out.subarray(-4)], Array<number>(8).fill(0xa5));
});

test('names what is wrong with a member', (t) => {
  const fault = (text: string): string => {
    const parsed = parse(Buffer.from(text, 'latin1'), 0);
    return parsed.ok ? 'none' : parsed.fault;
  };
  t.is(fault(FILE), 'none');
  t.is(fault(FILE.slice(0, 109)), 'short');
  t.is(fault(FILE.slice(0, -1)), 'short');
  t.is(fault(FILE.replace('070701', '070707')), 'magic');
  t.is(fault(FILE.replace('000081a4', '0000x1a4')), 'number');
  t.is(fault(FILE.replace('a/b\0', 'a/bc')), 'name');
});

const entries = fc.array(
  fc.record({
    name: fc.stringMatching(/^[a-z0-9_.-]{1,20}$/).filter((name) => name !== TRAILER),
    mode: fc.constantFrom(FileType.regular | 0o755, FileType.directory | 0o700),
    data: fc.uint8Array({ maxLength: 70 }),
  }),
  { maxLength: 8 },
);

test('reads back what it wrote', (t) => {
  fc.assert(
    fc.property(entries, (list) => {
      const bytes = archive(list);
      let offset = 0;
      for (const entry of [...list, { name: TRAILER, mode: 0, data: new Uint8Array(0) }]) {
        const parsed = parse(bytes, offset);
        if (!parsed.ok) return false;
        t.deepEqual(
          { ...parsed.entry, data: [...parsed.entry.data] },
          { ...entry, data: [...entry.data] },
        );
        offset = parsed.next;
      }
      return offset === bytes.length;
    }),
  );
  t.pass();
});

test('survives any octets', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(FILE.length), (noise, at) => {
      const bytes = Buffer.from(FILE, 'latin1');
      bytes.set(noise.subarray(0, bytes.length - at), at);
      const parsed = parse(bytes, 0);
      return !parsed.ok || parsed.next <= bytes.length;
    }),
  );
  t.pass();
});

const hasCpio = spawnSync('busybox', ['cpio', '--help']).status === 0;

(hasCpio ? test : test.skip)('an archive is read by busybox cpio', (t) => {
  const bytes = archive([
    { name: 'dir', mode: FileType.directory | 0o755, data: new Uint8Array(0) },
    { ...file, name: 'dir/file' },
    { name: 'link', mode: FileType.symbolicLink | 0o777, data: Buffer.from('dir/file') },
  ]);
  const listed = spawnSync('busybox', ['cpio', '-tv'], { input: bytes, encoding: 'utf8' });
  t.is(listed.status, 0, listed.stderr);
  t.regex(listed.stdout, /^drwxr-xr-x .* dir$/m);
  t.regex(listed.stdout, /^-rw-r--r-- .* 5 .* dir\/file$/m);
  t.regex(listed.stdout, /link -> dir\/file$/m);
});
