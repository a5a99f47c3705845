import test from 'ava';
import { Accounts, loadAccounts } from '../../../src/switch/vde/accounts.ts';

const PASSWD = [
  'root:x:0:0:root:/root:/bin/sh',
  'ann:x:1000:1000:Ann,,,:/home/ann:/bin/sh',
  'bob:x:1001:100::/home/bob:/bin/sh',
  'broken',
  'alsobroken:x:minus:1:::',
  '',
].join('\n');
const GROUP = ['root:x:0:', 'users:x:100:', 'vde:x:200:ann,carol', '+::::'].join('\n');
const accounts = new Accounts(PASSWD, GROUP);

test('names and numbers', (t) => {
  t.is(accounts.userId('ann'), 1000);
  t.is(accounts.userId('1234'), 1234);
  t.is(accounts.userId('broken'), undefined);
  t.is(accounts.userId('nobody here'), undefined);
  t.is(accounts.groupId('vde'), 200);
  t.is(accounts.userName(1001), 'bob');
  t.is(accounts.userName(7), '7');
  t.is(accounts.groupName(100), 'users');
  t.is(accounts.groupName(101), '101');
});

test('membership by primary group and by list', (t) => {
  t.true(accounts.isMember(1000, 200));
  t.false(accounts.isMember(1001, 200));
  t.true(accounts.isMember(1001, 100));
  t.false(accounts.isMember(1000, 100));
  t.false(accounts.isMember(4242, 200));
  t.false(accounts.isMember(1000, 4242));
});

test('the accounts of this machine can be read', (t) => {
  t.is(loadAccounts().userName(0), 'root');
});
