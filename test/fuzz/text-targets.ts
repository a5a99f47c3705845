/** What comes in as text: tickets, addresses that friends tell, and the files of the home. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadGroupsFile } from '../../src/controller/group-store.ts';
import { loadSwitchFile } from '../../src/controller/switch-store.ts';
import { type ErrorCode, KithError } from '../../src/errors.ts';
import { FriendStore } from '../../src/f2f/friend-store.ts';
import { identityText, loadIdentity, makeIdentity } from '../../src/f2f/identity.ts';
import { makeTicket, parseTicket } from '../../src/f2f/ticket.ts';
import { parseUid } from '../../src/f2f/uid.ts';
import { nodeSuite } from '../../src/links/handshake/node-suite.ts';
import { formatLinkUrl, parseLinkUrl } from '../../src/links/link-url.ts';
import { alice, bob, seededRandom } from '../links/handshake/handshake-driver.ts';
import { expect, pure, type Target } from './target.ts';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (input: Uint8Array): string => Buffer.from(input).toString('utf8');

/** Lets errors of one code pass, which is what is promised. */
function allow(code: ErrorCode, error: unknown): void {
  if (!(error instanceof KithError) || error.code !== code) throw error;
}

const STATIC_KEY = seededRandom(8)(32);
const OWNER = makeIdentity(nodeSuite, alice.seed, STATIC_KEY, '2026-01-01T00:00:00.000Z');

const tickets = pure(
  'ticket',
  2048,
  () => ({
    plain: octets(
      makeTicket(OWNER, {
        name: 'alice',
        addresses: ['udp://192.0.2.1:4000'],
        expiresAt: 4_000_000_000,
        secret: seededRandom(5)(16),
      }),
    ),
    bare: octets(
      makeTicket(OWNER, { name: 'a', addresses: [], expiresAt: 1, secret: seededRandom(6)(16) }),
    ),
  }),
  (input) => {
    try {
      const ticket = parseTicket(textOf(input), 1_800_000_000);
      expect(ticket.issuerUid === alice.uid, 'nobody else has signed any');
    } catch (error) {
      allow('ticket', error);
    }
  },
);

const urls = pure(
  'link-url',
  320,
  () => ({
    udp: octets('udp://192.0.2.1:4000'),
    tcp: octets('tcp://[2001:db8::1]:443/'),
    name: octets('tcp://vm.example.org:1'),
    memory: octets('memory://place'),
  }),
  (input) => {
    for (const use of ['dial', 'listen'] as const) {
      try {
        const text = formatLinkUrl(parseLinkUrl(textOf(input), use));
        expect(formatLinkUrl(parseLinkUrl(text, use)) === text, 'one spelling');
      } catch (error) {
        allow('address', error);
      }
    }
  },
);

const uids = pure(
  'uid',
  64,
  () => ({ uid: octets(bob.uid) }),
  (input) => {
    try {
      const uid = parseUid(textOf(input));
      expect(parseUid(uid) === uid, 'one spelling');
    } catch (error) {
      allow('usage', error);
    }
  },
);

/** A file of the home, whatever is in it. */
function homeFile(
  name: string,
  file: string,
  code: ErrorCode,
  samples: Readonly<Record<string, string>>,
  read: (home: string) => Promise<unknown>,
): Target {
  return {
    name,
    longest: 4096,
    samples: () =>
      Object.fromEntries(Object.entries(samples).map(([key, text]) => [key, octets(text)])),
    make: () => {
      const home = mkdtempSync(join(tmpdir(), 'kith-fuzz-'));
      mkdirSync(home, { recursive: true, mode: 0o700 });
      return {
        check: async (input) => {
          writeFileSync(join(home, file), input, { mode: 0o600 });
          try {
            await read(home);
          } catch (error) {
            allow(code, error);
          }
        },
        close: () => rmSync(home, { recursive: true, force: true }),
      };
    },
  };
}

const FRIEND = {
  uid: bob.uid,
  publicKey: Buffer.from(bob.identity.publicKey).toString('hex'),
  name: 'bob',
  addresses: ['udp://192.0.2.1:4000'],
  source: 'invited',
};

const friendsFile = homeFile(
  'friends-file',
  'friends.json',
  'config',
  { one: JSON.stringify([FRIEND]), none: '[]' },
  (home) => new FriendStore(home).friends(),
);

const successorsFile = homeFile(
  'successors-file',
  'successors.json',
  'config',
  {
    one: JSON.stringify([
      { formerUid: alice.uid, uid: bob.uid, publicKey: FRIEND.publicKey, counter: 1, time: 2 },
    ]),
  },
  (home) => new FriendStore(home).successors(),
);

const groupsFile = homeFile(
  'groups-file',
  'groups.json',
  'config',
  {
    one: '{"version":1,"groups":[{"name":"lab","key":"k","old":[{"key":"o","until":1}]}]}',
    floor:
      '{"version":1,"groups":[],"plaintext":{"is":"never","insteadOf":"when-no-shared-group"}}',
  },
  loadGroupsFile,
);

const switchFile = homeFile(
  'switch-file',
  'switch.json',
  'config',
  {
    learning:
      '{"version":1,"settings":[{"set":"hub","is":true,"insteadOf":false},{"set":"ageing","is":5000,"insteadOf":100000}]}',
    ports:
      '{"version":1,"settings":[{"set":"storm","port":"bob","is":{"unknown":9},"insteadOf":null},{"set":"stp","port":3,"is":{"cost":null},"insteadOf":null},{"set":"address","mac":"02:00:00:00:00:09","vlan":0,"is":"bob","insteadOf":3}]}',
  },
  loadSwitchFile,
);

const identityFile = homeFile(
  'identity-file',
  'identity.json',
  'identity',
  { whole: identityText(OWNER, alice.seed) },
  (home) => loadIdentity(home),
);

export const TEXT_TARGETS: readonly Target[] = [
  tickets,
  urls,
  uids,
  friendsFile,
  successorsFile,
  groupsFile,
  switchFile,
  identityFile,
];
