/**
 * Arguments of commands, read as vde_switch reads them: with atoi(3) and sscanf(3).
 *
 * Scripts were written against that, so `port/print 3rd` is port 3 and `vlan/addport
 * 0x10 2` is VLAN 16. What follows the arguments is ignored.
 */

const MAX_INT = 0x7fff_ffff;

const DECIMAL = /^\s*([+-]?\d+)/;
/** The conversion %i: hexadecimal after 0x, octal after 0, or else decimal. */
const INTEGER = /\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)/y;

/** The number that a text begins with; 0 if with none. Kept within 32 bits. */
export function leadingNumber(text: string): number {
  return clamp(Number(DECIMAL.exec(text)?.[1] ?? 0));
}

/** `count` numbers, blanks between them; undefined when there are fewer. */
export function scanNumbers(text: string, count: number): number[] | undefined {
  const numbers: number[] = [];
  let at = 0;
  while (numbers.length < count) {
    INTEGER.lastIndex = at;
    const match = INTEGER.exec(text);
    if (match === null) return undefined;
    const [whole, sign, digits] = match;
    const { value, length } = readDigits(digits);
    at += whole.length - digits.length + length;
    numbers.push(clamp(sign === '-' ? -value : value));
  }
  return numbers;
}

/** The value of digits and how many of them belong to it: of `089` only the 0 does. */
function readDigits(digits: string): { value: number; length: number } {
  if (/^0[xX]/.test(digits)) return { value: Number.parseInt(digits, 16), length: digits.length };
  if (!digits.startsWith('0')) return { value: Number(digits), length: digits.length };
  const octal = /^[0-7]+/.exec(digits)?.[0] ?? '0';
  return { value: Number.parseInt(octal, 8), length: octal.length };
}

/** What stands behind the first word, without blanks around it. */
export function secondWord(text: string): string {
  return /^ *[^ ]+ +(.*)$/s.exec(text)?.[1].trim() ?? '';
}

const HEX = '\\s*([0-9a-fA-F]+)';
const WITH_COLONS = new RegExp(`^${Array(6).fill(HEX).join(':')}(.*)$`, 's');
const WITH_DOTS = new RegExp(`^${Array(6).fill(HEX).join('\\.')}(.*)$`, 's');

/**
 * `02:0:0:0:0:1 5`, or with dots: an address and a VLAN, which is 0 if it is left out.
 * @returns the address in its one spelling; undefined when there is none
 */
export function scanAddress(text: string): { mac: string; vlan: number } | undefined {
  const match = (text.includes(':') ? WITH_COLONS : WITH_DOTS).exec(text);
  if (match === null) return undefined;
  const octets = match.slice(1, 7).map((digits) => digits.slice(-2).padStart(2, '0'));
  return { mac: octets.join(':').toLowerCase(), vlan: leadingNumber(match[7]) };
}

function clamp(value: number): number {
  return Math.min(Math.max(value, -MAX_INT), MAX_INT);
}
