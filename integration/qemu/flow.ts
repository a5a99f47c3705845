/** An iperf3 flow between two guests. */
import { KithError } from '../../src/errors.ts';
import type { Guest } from './guest.ts';
import { parseFlow } from './measurements.ts';

/** Calls before the server is given up, and milliseconds between them. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE = 300;

/** An iperf3 flow over TCP. @returns megabits a second, as the receiver counted */
export async function pushFlow(
  caller: Guest,
  server: Guest,
  target: string,
  seconds: number,
): Promise<number> {
  const serving = server.start('iperf3 -s -1');
  // The server needs a moment to listen; until then a call is refused.
  for (let attempt = 1; ; attempt++) {
    const result = await caller.run(`iperf3 -c ${target} -t ${seconds} -f m`);
    const flows = result.output.split('\n').map(parseFlow);
    const received = flows.find((flow) => flow?.of === 'receiver');
    if (result.status === 0 && received !== undefined) {
      await serving.done;
      return received.rate;
    }
    if (attempt === ATTEMPTS) {
      serving.stop();
      throw new KithError('system', `iperf3 failed between the guests: ${result.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE));
  }
}
