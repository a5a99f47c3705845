/**
 * The shapes of node-api.ts as schemas: what the control socket checks in what
 * it is asked, and what the OpenAPI description says of both directions. The
 * last lines of each file hold them against the types, so that they cannot
 * drift apart.
 *
 * This file: the node itself, and what every route may answer.
 */
import { z } from 'zod';
import { count, counters, type Matches, milliseconds, uid } from './control-kit.ts';
import type * as Api from './node-api.ts';

export const nodeStatus = z.object({
  name: z.string(),
  uid,
  pid: z.int(),
  version: z.string(),
  uptime: milliseconds,
  home: z.string(),
  switchDirectory: z.string().describe('The VDE directory, for `-netdev vde,sock=…`.'),
  consoleSocket: z.string().describe('The socket of the VDE management console.'),
  listening: z.array(z.string()).describe('Where friends reach us, with the ports in use.'),
  told: z.array(z.string()).describe('What friends on other machines are told of that.'),
  friends: z.object({ known: count, connected: count }),
  ports: count,
  addresses: count,
  taps: z.array(z.string()).describe('Names of the host interfaces.'),
  groups: z.array(z.string()),
  plaintext: z.enum(['never', 'when-no-shared-group']),
  dataPlane: z.string().describe("What moves the frames: 'native' or 'memory'."),
  memory: z.object({ resident: z.number().describe('Octets.') }),
  counters,
});

export const downRequest = z.strictObject({});
export const downAnswer = z.object({ ending: z.literal(true) });

export const errorAnswer = z.object({
  error: z.object({
    code: z.string().describe('Stable; see the exit codes of the command line.'),
    message: z.string().describe('One sentence that says what is wrong and what to do.'),
  }),
});

// A line that does not compile here is a schema that is out of step with node-api.ts.
true satisfies Matches<typeof nodeStatus, Api.NodeStatus>;
