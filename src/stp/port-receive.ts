/**
 * Port Receive, Port Protocol Migration and Bridge Detection machines: what a
 * BPDU, or its absence, says about who is at the far end.
 *
 * Read first: IEEE 802.1D-2004, 17.23 to 17.25.
 *
 *   migration     CHECKING_RSTP ──mdelayWhile == 0──▶ SENSING ──rcvdSTP──▶ SELECTING_STP
 *                       ▲                              │   ▲                    │
 *                       └── mcheck, rcvdRSTP, !enabled ┘   └─ mdelayWhile == 0 ─┘
 *
 *   detection     EDGE ◀── quiet for EdgeDelay while proposing ── NOT_EDGE
 *                      ── a BPDU ──▶
 */
import type { Bpdu } from './bpdu.ts';
import type { Bridge } from './bridge.ts';
import { MIGRATE_TIME } from './parameters.ts';
import type { Port } from './port.ts';

/** Hello Times without an echo after which a port is no loop any more. */
const HELLOS_TO_CLEAR = 3;

/** RECEIVE of the Port Receive machine, with updtBPDUVersion (17.21.22). */
export function acceptBpdu(port: Port, bpdu: Bpdu): void {
  if (bpdu.kind === 'rst') port.rcvdRSTP = true;
  else port.rcvdSTP = true;
  port.operEdge = false;
  port.message = bpdu;
  port.edgeDelayWhile = MIGRATE_TIME;
}

/**
 * Ours: the far end returns what we send, so the port must neither learn nor
 * forward until no echo has come for longer than a BPDU is due.
 */
export function acceptEcho(bridge: Bridge, port: Port): void {
  port.counters.loopbacks += 1;
  if (port.loopbackWhile === 0) bridge.events.push({ kind: 'loopback', port: port.number });
  port.loopbackWhile = HELLOS_TO_CLEAR * port.designatedTimes.helloTime;
  port.operEdge = false;
  port.agreed = false;
  port.edgeDelayWhile = port.edgeDelay;
}

/** DISCARD of the Port Receive machine. */
function discardWhileDisabled(port: Port): boolean {
  if (port.portEnabled || port.edgeDelayWhile === MIGRATE_TIME) return false;
  port.rcvdRSTP = false;
  port.rcvdSTP = false;
  port.edgeDelayWhile = MIGRATE_TIME;
  return true;
}

function runMigration(bridge: Bridge, port: Port): boolean {
  switch (port.migrationState) {
    case 'checking-rstp':
      if (!port.portEnabled) {
        if (port.mdelayWhile === MIGRATE_TIME) return false;
        checkRstp(bridge, port);
        return true;
      }
      if (port.mdelayWhile !== 0) return false;
      sense(port);
      return true;
    case 'selecting-stp':
      if (port.mdelayWhile !== 0 && port.portEnabled && !port.mcheck) return false;
      sense(port);
      return true;
    case 'sensing':
      if (
        !port.portEnabled ||
        port.mcheck ||
        (bridge.rstpVersion && !port.sendRSTP && port.rcvdRSTP)
      ) {
        checkRstp(bridge, port);
        return true;
      }
      if (!port.sendRSTP || !port.rcvdSTP) return false;
      // SELECTING_STP
      port.migrationState = 'selecting-stp';
      port.mdelayWhile = MIGRATE_TIME;
      setSendRstp(bridge, port, false);
      return true;
  }
}

/** CHECKING_RSTP */
function checkRstp(bridge: Bridge, port: Port): void {
  port.migrationState = 'checking-rstp';
  port.mcheck = false;
  port.mdelayWhile = MIGRATE_TIME;
  setSendRstp(bridge, port, bridge.rstpVersion);
}

/** SENSING */
function sense(port: Port): void {
  port.migrationState = 'sensing';
  port.rcvdRSTP = false;
  port.rcvdSTP = false;
}

function setSendRstp(bridge: Bridge, port: Port, sendRSTP: boolean): void {
  if (port.sendRSTP === sendRSTP) return;
  port.sendRSTP = sendRSTP;
  bridge.events.push({
    kind: 'version',
    port: port.number,
    version: sendRSTP ? 'rstp' : 'stp',
  });
}

function runDetection(port: Port): boolean {
  if (port.operEdge) {
    if (port.portEnabled || port.options.adminEdge) return false;
    port.operEdge = false; // NOT_EDGE
    return true;
  }
  const quiet =
    port.edgeDelayWhile === 0 && port.options.autoEdge && port.sendRSTP && port.proposing;
  if (!quiet && (port.portEnabled || !port.options.adminEdge)) return false;
  port.operEdge = true; // EDGE
  return true;
}

/** Takes at most one transition of each machine. @returns whether any took one */
export function runPortReceive(bridge: Bridge, port: Port): boolean {
  const discarded = discardWhileDisabled(port);
  const migrated = runMigration(bridge, port);
  const detected = runDetection(port);
  return discarded || migrated || detected;
}
