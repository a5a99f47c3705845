import test from 'ava';
import fc from 'fast-check';
import type { PriorityVector } from '../../src/stp/priority-vector.ts';
import { IN_FLIGHT, SentHistory } from '../../src/stp/sent-history.ts';

const PATH = 7;

/** What a bridge with this root and cost says; root 1 is better than root 2. */
function vector(rootPathCost: number, root = 1n): PriorityVector {
  return { rootBridge: root, rootPathCost, designatedBridge: 9n, designatedPort: 1, bridgePort: 1 };
}

/** Says these, a millisecond apart, and then judges an agreement. */
function judge(said: readonly (PriorityVector | null)[], agreed: PriorityVector, root = false) {
  const history = new SentHistory();
  said.forEach((each, at) => void history.record(each, at));
  return history.isAnswered(said.at(-1) as PriorityVector, agreed, root, said.length);
}

test('an agreement to the only thing said counts', (t) => {
  t.true(judge([vector(10)], vector(10 + PATH)));
  t.true(judge([vector(10)], vector(500)));
});

test('an agreement counts if what it may be about has only become better', (t) => {
  t.true(judge([vector(30), vector(20), vector(10)], vector(40)));
  t.true(judge([vector(0, 2n), vector(10)], vector(20)), 'the first was not agreed to');
});

test('an agreement does not count if what it may be about became worse', (t) => {
  t.false(judge([vector(10), vector(12)], vector(20)), 'a little');
  t.false(judge([vector(10), vector(0, 2n), vector(12)], vector(20)), 'for a while');
  t.false(judge([vector(10), vector(5), vector(12)], vector(20)), 'after it was better');
});

test('nor if the port has given way in between', (t) => {
  t.false(judge([vector(10), null, vector(10)], vector(20)));
  t.true(judge([null, vector(10)], vector(20)), 'before, nothing was said');
});

test('the cost of a Root Port tells what it agrees to', (t) => {
  const history = new SentHistory();
  history.record(vector(10), 0);
  t.true(history.isAnswered(vector(10), vector(10 + PATH), true, 1));
  history.record(vector(12), 2);
  t.false(history.isAnswered(vector(12), vector(10 + PATH), true, 3));
  t.false(history.isAnswered(vector(12), vector(12 + PATH), false, 3), 'an Alternate Port');
  t.true(history.isAnswered(vector(12), vector(12 + PATH), true, 3));
  // What was said twice may be agreed to twice.
  history.record(vector(10), 4);
  history.record(vector(12), 5);
  t.false(history.isAnswered(vector(12), vector(12 + PATH), true, 6));
  history.clear();
  history.record(vector(10), 7);
  history.record(vector(12), 8);
  t.false(history.isAnswered(vector(12), vector(12 + PATH), true, 9), 'a new link, a new cost');
});

test('what was said long ago does not count', (t) => {
  const history = new SentHistory();
  history.record(vector(10), 0);
  history.record(vector(12), 1);
  t.false(history.isAnswered(vector(12), vector(20), false, 1 + IN_FLIGHT));
  t.true(history.isAnswered(vector(12), vector(20), false, 2 + IN_FLIGHT));
});

test('an agreement that was overtaken by something worse is never taken', (t) => {
  const costs = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(costs, fc.nat(), (said, pick) => {
      const about = pick % (said.length - 1);
      const later = said.slice(about + 1);
      const agreed = vector(said[about] + PATH);
      if (later.every((cost) => cost <= said[about])) return;
      t.false(
        judge(
          said.map((cost) => vector(cost)),
          agreed,
          true,
        ),
      );
    }),
  );
});
