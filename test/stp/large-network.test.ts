/** Three hundred switches with six links each: converges, and never closes a loop on the way. */
import test from 'ava';
import { Network } from './simulator.ts';

const SIZE = 300;
const DEGREE = 6;

function largeNetwork(seed: number): Network {
  const network = new Network(seed);
  const nodes = network.addNodes(SIZE);
  const degrees = new Map(nodes.map((node) => [node, 0]));
  const joined = new Set<string>();
  const degreeOf = (i: number) => degrees.get(nodes[i]) as number;
  const join = (a: number, b: number) => {
    const name = a < b ? `${a}-${b}` : `${b}-${a}`;
    if (a === b || joined.has(name) || degreeOf(a) >= DEGREE || degreeOf(b) >= DEGREE) return;
    joined.add(name);
    degrees.set(nodes[a], degreeOf(a) + 1);
    degrees.set(nodes[b], degreeOf(b) + 1);
    const link = network.connect(nodes[a], nodes[b], {
      delay: 1 + network.random() * 50,
      jitter: 5,
      up: false,
    });
    network.at(network.random() * 1_000, () => network.restore(link));
  };
  for (let i = 0; i < SIZE; i++) join(i, (i + 1) % SIZE);
  for (let i = 0; i < SIZE * DEGREE * 4; i++) {
    join(Math.floor(network.random() * SIZE), Math.floor(network.random() * SIZE));
  }
  return network;
}

test('300 switches of degree 6', (t) => {
  const network = largeNetwork(11);
  t.true(network.links.length > 0.98 * ((SIZE * DEGREE) / 2));
  network.run(10_000);
  t.is(network.fault(), null);

  for (let i = 0; i < 10; i++) {
    const link = network.links[Math.floor(network.random() * network.links.length)];
    network.cut(link);
    network.run(3_000);
    t.is(network.fault(), null, `after the cut of ${link.ends[0].node.index}`);
    network.restore(link);
  }
  network.run(10_000);
  t.is(network.fault(), null);
  t.deepEqual(network.loops, []);
});
