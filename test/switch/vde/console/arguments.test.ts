import test from 'ava';
import fc from 'fast-check';
import {
  leadingNumber,
  scanAddress,
  scanNumbers,
  secondWord,
} from '../../../../src/switch/vde/console/arguments.ts';

test('a leading number is what atoi(3) makes of it', (t) => {
  t.is(leadingNumber('5'), 5);
  t.is(leadingNumber('  12 apples'), 12);
  t.is(leadingNumber('-1'), -1);
  t.is(leadingNumber('+3rd'), 3);
  t.is(leadingNumber('0x10'), 0);
  t.is(leadingNumber('010'), 10);
  t.is(leadingNumber(''), 0);
  t.is(leadingNumber('x5'), 0);
  t.is(leadingNumber('99999999999999999999'), 0x7fff_ffff);
  t.is(leadingNumber('-99999999999999999999'), -0x7fff_ffff);
});

test('numbers are what sscanf(3) makes of %i', (t) => {
  t.deepEqual(scanNumbers('5 1', 2), [5, 1]);
  t.deepEqual(scanNumbers(' 0x5\t-010 rest', 2), [5, -8]);
  t.deepEqual(scanNumbers('0 0', 2), [0, 0]);
  t.deepEqual(scanNumbers('089', 2), [0, 89]);
  t.deepEqual(scanNumbers('1-2', 2), [1, -2]);
  t.is(scanNumbers('5x1', 2), undefined);
  t.is(scanNumbers('5', 2), undefined);
  t.is(scanNumbers('', 1), undefined);
  t.is(scanNumbers('a 5', 1), undefined);
  t.deepEqual(scanNumbers('1 2 3 4', 3), [1, 2, 3]);
});

test('the second word is the rest of the line', (t) => {
  t.is(secondWord('3 root'), 'root');
  t.is(secondWord('3   root '), 'root');
  t.is(secondWord('3'), '');
  t.is(secondWord(' 3 a b'), 'a b');
  t.is(secondWord(''), '');
});

test('addresses with colons or dots, with or without a VLAN', (t) => {
  t.deepEqual(scanAddress('02:00:00:00:00:0A'), { mac: '02:00:00:00:00:0a', vlan: 0 });
  t.deepEqual(scanAddress('1.2.3.4.5.6 7'), { mac: '01:02:03:04:05:06', vlan: 7 });
  t.deepEqual(scanAddress('111:2:3:4:5:6 x'), { mac: '11:02:03:04:05:06', vlan: 0 });
  t.is(scanAddress('1:2:3:4:5'), undefined);
  t.is(scanAddress('1:2.3:4:5:6'), undefined);
  t.is(scanAddress(''), undefined);
});

test('numbers that were written are read again', (t) => {
  const number = fc.integer({ min: -0x7fff_ffff, max: 0x7fff_ffff });
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 4 }), (numbers) => {
      t.deepEqual(scanNumbers(numbers.join(' '), numbers.length), numbers);
      t.is(scanNumbers(numbers.join(' '), numbers.length + 1), undefined);
      t.is(leadingNumber(String(numbers[0])), numbers[0]);
    }),
  );
});

test('nothing that people type breaks them', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.true(Number.isInteger(leadingNumber(text)));
      for (const value of scanNumbers(text, 3) ?? []) t.true(Number.isInteger(value));
      t.is(typeof secondWord(text), 'string');
      const address = scanAddress(text);
      if (address !== undefined) t.regex(address.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    }),
  );
});
