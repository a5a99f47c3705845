import { constants } from 'node:os';
import test from 'ava';
import { Errno, errnoName, systemError } from '../../src/io/errno.ts';

test('names, of either sign', (t) => {
  t.is(errnoName(-Errno.EAGAIN), 'EAGAIN');
  t.is(errnoName(Errno.ECONNREFUSED), 'ECONNREFUSED');
  t.is(errnoName(-123_456), 'errno 123456');
});

test('every number that callers branch on exists here', (t) => {
  for (const [name, number] of Object.entries(Errno)) {
    t.true(number > 0, name);
    t.is(errnoName(number), name);
  }
});

test('an error says what could not be done and what to do', (t) => {
  const error = systemError('listen at [::]:7000', -Errno.EADDRINUSE);
  t.is(error.code, 'address');
  t.is(
    error.message,
    'cannot listen at [::]:7000: the address is in use; choose another or stop its user (EADDRINUSE)',
  );
  t.is(systemError('do it', constants.errno.EACCES).code, 'permission');
  t.regex(systemError('do it', constants.errno.EXDEV).message, /^cannot do it: .*\(EXDEV\)$/);
});
