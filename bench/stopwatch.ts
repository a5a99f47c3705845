/** Times a small operation in this process. */

/** Share of the time that goes by before counting, for the compiler to settle. */
const WARMUP_SHARE = 0.5;

/** Where results go, so that the compiler cannot drop the work that made them. */
let sink = 0;

/**
 * Nanoseconds per operation.
 * @param batch runs `operations` operations and returns a number that depends on their results
 * @param seconds how long to count; half as long again goes to warming up
 */
export function nanosecondsEach(batch: () => number, operations: number, seconds: number): number {
  repeat(batch, seconds * WARMUP_SHARE);
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
