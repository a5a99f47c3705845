import test from 'ava';
import {
  allocateCounters,
  COUNTER_STRIDE,
  Counter,
  CounterReader,
  CounterWriter,
} from '../../src/switch/counters.ts';
import { MAX_PORT } from '../../src/switch/port.ts';

test('what is written can be read, port by port', (t) => {
  const memory = allocateCounters();
  const writer = new CounterWriter(memory);
  const reader = new CounterReader(memory);
  writer.frameIn(MAX_PORT, 60);
  writer.frameIn(MAX_PORT, 1514);
  writer.frameOut(1, 9216);
  writer.add(1, Counter.dropFull, 3);
  const last = reader.read(MAX_PORT);
  t.is(last.framesIn, 2);
  t.is(last.octetsIn, 1574);
  t.is(last.framesOut, 0);
  t.like(reader.read(1), { framesIn: 0, framesOut: 1, octetsOut: 9216, dropFull: 3 });
});

test('a reset is the affair of one reader', (t) => {
  const memory = allocateCounters();
  const writer = new CounterWriter(memory);
  const [one, other] = [new CounterReader(memory), new CounterReader(memory)];
  writer.frameIn(1, 100);
  writer.frameIn(2, 100);
  one.reset(1);
  writer.frameIn(1, 50);
  t.is(one.value(1, Counter.octetsIn), 50);
  t.is(one.value(2, Counter.octetsIn), 100);
  t.is(other.value(1, Counter.octetsIn), 150);
  one.resetAll();
  t.is(one.value(2, Counter.octetsIn), 0);
});

test('each counter has a place of its own', (t) => {
  const places = Object.values(Counter);
  t.is(new Set(places).size, places.length);
  t.true(places.every((place) => place < COUNTER_STRIDE));
});
