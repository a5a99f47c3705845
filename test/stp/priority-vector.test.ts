import test from 'ava';
import fc from 'fast-check';
import {
  bridgeAddress,
  bridgeIdentifier,
  bridgePriority,
  compareVectors,
  formatBridgeIdentifier,
  formatPortIdentifier,
  isSuperior,
  type PriorityVector,
  portIdentifier,
  portNumber,
  rootPathVector,
} from '../../src/stp/priority-vector.ts';

const ADDRESS = Uint8Array.of(0x02, 0x0a, 0, 0, 0, 0x2a);

test('identifiers are taken apart as they were put together', (t) => {
  const bridge = bridgeIdentifier(0x1000, ADDRESS);
  t.is(bridge, 0x1000020a0000002an);
  t.is(bridgePriority(bridge), 0x1000);
  t.is(bridgeAddress(bridge), 0x020a0000002an);
  t.is(formatBridgeIdentifier(bridge), '1000.02:0a:00:00:00:2a');
  const port = portIdentifier(240, 4095);
  t.is(port, 0xffff);
  t.is(portNumber(portIdentifier(128, 7)), 7);
  t.is(formatPortIdentifier(portIdentifier(128, 7)), '8.007');
});

const vector: fc.Arbitrary<PriorityVector> = fc.record({
  rootBridge: fc.bigInt({ min: 0n, max: 3n }),
  rootPathCost: fc.integer({ min: 0, max: 3 }),
  designatedBridge: fc.bigInt({ min: 0n, max: 3n }),
  designatedPort: fc.integer({ min: 0, max: 3 }),
  bridgePort: fc.integer({ min: 0, max: 3 }),
});

/** The naive twin: all components in one long number. */
function weight(v: PriorityVector): bigint {
  const parts = [v.rootPathCost, v.designatedBridge, v.designatedPort, v.bridgePort].map(BigInt);
  return parts.reduce((sum, part) => (sum << 64n) | part, v.rootBridge);
}

test('vectors compare as their components in a row', (t) => {
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      const difference = weight(a) - weight(b);
      t.is(Math.sign(compareVectors(a, b)), Number(difference > 0n) - Number(difference < 0n));
    }),
  );
});

test('the same bridge and port may correct itself for the worse', (t) => {
  const held: PriorityVector = {
    rootBridge: 1n,
    rootPathCost: 10,
    designatedBridge: 5n,
    designatedPort: 0x8001,
    bridgePort: 0x8001,
  };
  t.true(isSuperior({ ...held, rootBridge: 9n }, held));
  t.true(isSuperior({ ...held, designatedBridge: 0x1000000000000005n }, held));
  t.false(isSuperior({ ...held, designatedPort: 0x8002 }, held));
  t.false(isSuperior({ ...held, rootPathCost: 11, designatedBridge: 6n }, held));
});

test('a Root Path Cost stays within its four octets', (t) => {
  const far: PriorityVector = {
    rootBridge: 1n,
    rootPathCost: 0xfffffff0,
    designatedBridge: 5n,
    designatedPort: 1,
    bridgePort: 1,
  };
  t.is(rootPathVector(far, 200_000_000).rootPathCost, 0xffffffff);
});
