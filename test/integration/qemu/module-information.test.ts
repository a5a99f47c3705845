import test from 'ava';
import * as fc from 'fast-check';
import { dependencies, parse } from '../../../integration/qemu/module-information.ts';

/** A smallest module: file header, two strings tables, three section headers, a signature behind. */
function sampleModule(information: string): Uint8Array {
  const names = '\0.shstrtab\0.modinfo\0';
  const table = 64 + names.length + information.length;
  const bytes = Buffer.alloc(table + 3 * 64 + 10, 0xa5);
  bytes.fill(0, 0, table + 3 * 64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeBigUInt64LE(BigInt(table), 40);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(3, 60);
  bytes.writeUInt16LE(1, 62);
  bytes.write(names, 64, 'latin1');
  bytes.write(information, 64 + names.length, 'latin1');
  const section = (index: number, name: number, offset: number, size: number): void => {
    const header = table + index * 64;
    bytes.writeUInt32LE(name, header);
    bytes.writeBigUInt64LE(BigInt(offset), header + 24);
    bytes.writeBigUInt64LE(BigInt(size), header + 32);
  };
  section(1, names.indexOf('.shstrtab'), 64, names.length);
  section(2, names.indexOf('.modinfo'), 64 + names.length, information.length);
  return bytes;
}

const INFORMATION = 'license=GPL\0depends=virtio_ring,net_failover\0alias=a\0alias=b\0nothing\0';

test('deconstructs .modinfo', (t) => {
  const information = parse(sampleModule(INFORMATION));
  t.deepEqual(
    [...(information ?? [])],
    [
      ['license', 'GPL'],
      ['depends', 'virtio_ring,net_failover'],
      ['alias', 'a'],
    ],
  );
  t.deepEqual(dependencies(information!), ['virtio_ring', 'net_failover']);
});

test('a module that depends on nothing', (t) => {
  t.deepEqual(dependencies(parse(sampleModule('depends=\0'))!), []);
  t.deepEqual(dependencies(parse(sampleModule('license=GPL\0'))!), []);
});

test('what is no module is undefined', (t) => {
  const module = sampleModule(INFORMATION);
  t.is(parse(new Uint8Array(0)), undefined);
  t.is(parse(module.subarray(0, 200)), undefined);
  const narrow = Uint8Array.from(module);
  narrow[4] = 1;
  t.is(parse(narrow), undefined);
});

test('survives any octets', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(400), (noise, at) => {
      const bytes = Uint8Array.from(sampleModule(INFORMATION));
      if (at < bytes.length) bytes.set(noise.subarray(0, bytes.length - at), at);
      parse(bytes);
      return true;
    }),
  );
  t.pass();
});
