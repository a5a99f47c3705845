/**
 * Runs the machines until none of them can move, then lets the ports send.
 *
 * Read first: IEEE 802.1D-2004, 17.16 (notation: machines run until they rest).
 *
 * Order, where the standard leaves it open: roles are selected as soon as a port
 * asks for it, before any other machine acts on stale ones; sending comes last.
 */
import type { Bridge } from './bridge.ts';
import type { Port } from './port.ts';
import { runPortInformation } from './port-information.ts';
import { runPortReceive } from './port-receive.ts';
import { runPortTransmit } from './port-transmit.ts';
import { selectRoles } from './role-selection.ts';
import { runPortRoleTransitions, runPortStateTransition } from './role-transitions.ts';
import { runTopologyChange } from './topology-change.ts';

/** Far more turns than any port needs; reaching it means that two machines chase each other. */
const TURNS_PER_PORT = 1000;

/** One turn of all machines of a port. @returns whether any moved */
export function runMachines(bridge: Bridge, port: Port): boolean {
  const received = runPortReceive(bridge, port);
  const informed = runPortInformation(bridge, port);
  if (bridge.reselect) return true; // roles first
  const moved = runPortRoleTransitions(bridge, port);
  const switched = runPortStateTransition(bridge, port);
  const changed = runTopologyChange(bridge, port);
  return received || informed || moved || switched || changed;
}

/** Brings all touched ports to rest and collects what they send. */
export function settle(bridge: Bridge): void {
  let turns = TURNS_PER_PORT * (bridge.ports.length + 1);
  for (;;) {
    if (turns-- === 0) throw new Error('the spanning tree machines do not come to rest');
    if (bridge.reselect) {
      selectRoles(bridge);
      continue;
    }
    const port = bridge.touched.pop();
    if (port !== undefined) {
      port.touched = false;
      if (runMachines(bridge, port)) bridge.touch(port);
      continue;
    }
    if (!bridge.treeChanged) break;
    bridge.treeChanged = false;
    bridge.touchWaiting();
  }
  for (const port of bridge.mayTransmit) {
    port.mayTransmit = false;
    runPortTransmit(bridge, port);
  }
  bridge.mayTransmit.length = 0;
}

/** One second passes on the timers of a port (17.22). */
export function countDown(port: Port, now: number): void {
  port.txCount = down(port.txCount);
  if (!port.portEnabled) return; // the machines hold the others at their start
  if (port.passedOver) askAgain(port);
  if (port.tcWaiting && port.topologyChangePolicer.take(now)) {
    port.tcWaiting = false;
    port.rcvdTc = true;
  }
  port.helloWhen = down(port.helloWhen);
  port.tcWhile = down(port.tcWhile);
  port.fdWhile = down(port.fdWhile);
  port.rcvdInfoWhile = down(port.rcvdInfoWhile);
  port.rrWhile = down(port.rrWhile);
  port.rbWhile = down(port.rbWhile);
  port.mdelayWhile = down(port.mdelayWhile);
  port.edgeDelayWhile = down(port.edgeDelayWhile);
  port.loopbackWhile = down(port.loopbackWhile);
}

/** Ours: what proposes and was not clearly answered proposes again, and need not wait for the Hello Time. */
function askAgain(port: Port): void {
  port.passedOver = false;
  port.newInfo = port.newInfo || port.proposing;
}

function down(seconds: number): number {
  return seconds > 1 ? seconds - 1 : 0;
}
