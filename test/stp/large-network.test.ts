/** Three hundred switches with six links each: converges, and never closes a loop on the way. */
import test from 'ava';
import { regularNetwork } from './networks.ts';

const SIZE = 300;
const DEGREE = 6;

for (const seed of [11, 12]) {
  test(`${SIZE} switches of degree ${DEGREE}, seed ${seed}`, (t) => {
    const network = regularNetwork(seed, SIZE, DEGREE);
    t.true(network.links.length > 0.98 * ((SIZE * DEGREE) / 2));
    network.run(10_000);
    t.is(network.fault(), null);

    for (let i = 0; i < 10; i++) {
      const link = network.links[Math.floor(network.random() * network.links.length)];
      network.cut(link);
      network.run(5_000);
      t.is(network.fault(), null, `after the cut of ${link.ends[0].node.index}`);
      network.restore(link);
    }
    network.run(10_000);
    t.is(network.fault(), null);

    // The ghost of the root goes round for a while.
    network.kill(network.nodes[0]);
    network.run(60_000);
    t.is(network.fault(), null);
    t.deepEqual(network.loops, []);
  });
}
