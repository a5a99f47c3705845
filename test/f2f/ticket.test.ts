import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import test from 'ava';
import fc from 'fast-check';
import { KithError } from '../../src/errors.ts';
import { makeIdentity } from '../../src/f2f/identity.ts';
import {
  MAX_TICKET_ADDRESSES,
  makeTicket,
  parseTicket,
  type TicketRequest,
  ticketId,
} from '../../src/f2f/ticket.ts';
import { nobleSuite } from '../../src/links/handshake/noble-suite.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';

const issuer = makeIdentity(
  nodeSuite,
  new Uint8Array(32).fill(1),
  new Uint8Array(32).fill(2),
  '2026-01-31T12:00:00.000Z',
);
const EXPIRY = 2_000_000_000;
const request: TicketRequest = {
  name: 'zoë',
  addresses: ['udp://192.0.2.1:7000', 'tcp://[2001:db8::1]:7000'],
  expiresAt: EXPIRY,
  secret: Uint8Array.from({ length: 16 }, (_, i) => i),
};
const good = makeTicket(issuer, request);

const refusal = (text: string, now = 0): string => {
  try {
    parseTicket(text, now);
  } catch (error) {
    if (error instanceof KithError && error.code === 'ticket') return error.message;
    throw error;
  }
  return 'accepted';
};

test('a ticket says what was put into it', (t) => {
  t.regex(good, /^kith1-[a-z2-7]+$/);
  t.deepEqual(parseTicket(good, EXPIRY - 1), {
    issuerKey: issuer.publicKey,
    issuerUid: issuer.uid,
    issuerName: 'zoë',
    addresses: request.addresses,
    expiresAt: EXPIRY,
    secret: request.secret,
    id: ticketId(request.secret),
  });
  t.is(makeTicket(issuer, request, nobleSuite), good);
  t.deepEqual(parseTicket(good, 0, nobleSuite), parseTicket(good, 0));
});

/** RFC 4648 section 6, done the slow way. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const groups = bits.padEnd(Math.ceil(bits.length / 5) * 5, '0').match(/.{5}/g) ?? [];
  return groups.map((group) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(group, 2)]).join('');
}

const PAYLOAD = concatBytes(
  issuer.publicKey,
  hexToBytes('77359400'),
  hexToBytes('000102030405060708090a0b0c0d0e0f'),
  hexToBytes('047a6fc3ab'),
  hexToBytes('02'),
  hexToBytes('14'),
  utf8ToBytes('udp://192.0.2.1:7000'),
  hexToBytes('18'),
  utf8ToBytes('tcp://[2001:db8::1]:7000'),
);
const SIGNATURE = issuer.sign(concatBytes(utf8ToBytes('kith ticket signature v1'), PAYLOAD));

/** The text of any payload, signed and summed as it should be. */
function textOf(payload: Uint8Array, signature?: Uint8Array): string {
  const context = utf8ToBytes('kith ticket signature v1');
  const signed = concatBytes(payload, signature ?? issuer.sign(concatBytes(context, payload)));
  return `kith1-${base32(concatBytes(signed, nodeSuite.hash(signed).subarray(0, 4)))}`;
}

test('a ticket, constructed octet by octet', (t) => {
  t.is(good, textOf(PAYLOAD, SIGNATURE));
});

test('a ticket, deconstructed from other octets', (t) => {
  const payload = concatBytes(
    issuer.publicKey,
    hexToBytes('ffffffff'),
    new Uint8Array(16).fill(0xa5),
    hexToBytes('016100'),
  );
  const ticket = parseTicket(textOf(payload), 0);
  t.is(ticket.expiresAt, 0xffffffff);
  t.deepEqual(ticket.secret, new Uint8Array(16).fill(0xa5));
  t.is(ticket.issuerName, 'a');
  t.deepEqual(ticket.addresses, []);
});

test('a payload cut, lengthened or of odd contents is malformed, signed or not', (t) => {
  for (let end = 0; end < PAYLOAD.length; end++) {
    t.regex(refusal(textOf(PAYLOAD.slice(0, end))), /malformed/);
  }
  t.regex(refusal(textOf(concatBytes(PAYLOAD, Uint8Array.of(0)))), /malformed/);
  fc.assert(
    fc.property(fc.nat(PAYLOAD.length - 1), fc.nat(255), (position, octet) => {
      const payload = PAYLOAD.slice();
      payload[position] = octet;
      refusal(textOf(payload));
    }),
  );
});

test('what a chat program does to it is forgiven', (t) => {
  const wrapped = ` ${good.slice(0, 40).toUpperCase()}\r\n  ${good.slice(40)}\n`;
  t.deepEqual(parseTicket(wrapped, 0), parseTicket(good, 0));
});

test('an expired ticket says since when', (t) => {
  t.is(refusal(good, EXPIRY - 1), 'accepted');
  t.is(refusal(good, EXPIRY), 'The ticket expired at 2033-05-18T03:33:20.000Z; ask for a new one.');
});

test('every single wrong character is found', (t) => {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  fc.assert(
    fc.property(
      fc.integer({ min: 6, max: good.length - 1 }),
      fc.constantFrom(...alphabet),
      (position, character) => {
        fc.pre(good[position] !== character);
        const text = good.slice(0, position) + character + good.slice(position + 1);
        return refusal(text).includes('copy the whole line');
      },
    ),
  );
  for (let end = 6; end < good.length; end++) {
    t.regex(refusal(good.slice(0, end)), /copy the whole line/);
  }
  t.regex(refusal(`${good}a`), /copy the whole line/);
  t.regex(refusal(good.replace('a', '1')), /copy the whole line/);
});

test('a ticket that another key signed is refused', (t) => {
  const forger = makeIdentity(nodeSuite, new Uint8Array(32).fill(9), new Uint8Array(32), 'now');
  const forged = makeTicket({ publicKey: issuer.publicKey, sign: forger.sign }, request);
  t.regex(refusal(forged), /not signed by its issuer/);
});

test('what is no ticket at all is told apart', (t) => {
  for (const text of ['', 'kith2-abc', issuer.uid, 'https://example.net']) {
    t.regex(refusal(text), /begins with kith1-/);
  }
  t.regex(refusal('kith1-'), /copy the whole line/);
});

test('no text makes the parser throw anything else', (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      refusal(text);
      return refusal(`kith1-${text}`) !== 'accepted';
    }),
  );
  t.pass();
});

test('what does not fit into a ticket is refused, with the mend', (t) => {
  const wrong: Partial<TicketRequest>[] = [
    { name: '' },
    { name: 'n'.repeat(65) },
    { addresses: ['no address'] },
    { addresses: [`udp://${'h'.repeat(300)}`] },
    { addresses: Array.from({ length: MAX_TICKET_ADDRESSES + 1 }, () => 'udp://h:1') },
    { expiresAt: -1 },
    { expiresAt: 2 ** 32 },
    { expiresAt: 1.5 },
  ];
  for (const change of wrong) {
    const error = t.throws(() => makeTicket(issuer, { ...request, ...change }), {
      instanceOf: KithError,
    });
    t.is(error?.code, 'ticket');
  }
});

test('all that fits comes back', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        name: fc.stringMatching(/^[a-z][a-z0-9 -]{0,40}$/),
        addresses: fc.array(fc.stringMatching(/^(udp|tcp|ws):\/\/[a-z0-9.]{1,40}:[0-9]{1,5}$/), {
          maxLength: MAX_TICKET_ADDRESSES,
        }),
        expiresAt: fc.integer({ min: 1, max: 0xffffffff }),
        secret: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      }),
      (wanted) => {
        const ticket = parseTicket(makeTicket(issuer, wanted), 0);
        t.is(ticket.issuerName, wanted.name);
        t.deepEqual(ticket.addresses, wanted.addresses);
        t.is(ticket.expiresAt, wanted.expiresAt);
        t.deepEqual(ticket.secret, wanted.secret);
      },
    ),
    { numRuns: 50 },
  );
});
