/** Times a small operation in this process. */

/** Share of a run's counted seconds that rows in this process take; they vary little. */
export const IN_PROCESS_SHARE = 1 / 3;

/** Seconds that go by before counting, for the compiler to settle: a share, and a least. */
const WARMUP_SHARE = 0.5;
const LEAST_WARMUP = 0.25;

/** Where results go, so that the compiler cannot drop the work that made them. */
let sink = 0;

/**
 * Nanoseconds per operation.
 * @param batch runs `operations` operations and returns a number that depends on their results
 * @param seconds how long to count; warming up comes on top
 */
export function nanosecondsEach(batch: () => number, operations: number, seconds: number): number {
  repeat(batch, Math.max(seconds * WARMUP_SHARE, LEAST_WARMUP));
  const { batches, elapsed } = repeat(batch, seconds);
  return (elapsed * 1e9) / (batches * operations);
}

function repeat(batch: () => number, seconds: number): { batches: number; elapsed: number } {
  const start = performance.now();
  const end = start + seconds * 1000;
  let batches = 0;
  let now = start;
  while (now < end) {
    sink = (sink + batch()) | 0;
    batches++;
    now = performance.now();
  }
  return { batches, elapsed: (now - start) / 1000 };
}
