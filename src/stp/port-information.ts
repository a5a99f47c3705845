/**
 * Port Information machine: what the port knows of its LAN, and since when.
 *
 * Read first: IEEE 802.1D-2004, 17.27 and 17.21.1, 17.21.8 to 17.21.12, 17.21.23.
 *
 *               !portEnabled                  portEnabled
 *   any state ───────────────▶ DISABLED ───────────────────▶ AGED ◀──────────┐
 *                                               selected and │               │
 *   infoIs names the resting state:                 updtInfo ▼               │ rcvdInfoWhile == 0
 *     'disabled'  DISABLED                               UPDATE              │
 *     'aged'      AGED                                       ▼               │
 *     'mine', 'received'  CURRENT ◀──────────────────── CURRENT ─────────────┘
 *                                                      │    ▲
 *                                               rcvdMsg│    │ SUPERIOR_DESIGNATED, REPEATED_DESIGNATED,
 *                                                      ▼    │ INFERIOR_DESIGNATED, NOT_DESIGNATED, OTHER
 *                                                     RECEIVE
 */
import type { Bpdu } from './bpdu.ts';
import type { Bridge } from './bridge.ts';
import { RECEIVED_FORWARD_DELAY, RECEIVED_HELLO_TIME, RECEIVED_MAX_AGE } from './parameters.ts';
import type { Port, ReceivedInfo } from './port.ts';
import { compareVectors, isSuperior, sameTimes } from './priority-vector.ts';

/** Hello Times without a message after which information is too old (17.21.23). */
const HELLOS_TO_AGE = 3;

/** Takes at most one transition. @returns whether it took one */
export function runPortInformation(bridge: Bridge, port: Port): boolean {
  if (!port.portEnabled) return disable(bridge, port);
  switch (port.infoIs) {
    case 'disabled':
      age(bridge, port);
      return true;
    case 'aged':
      return port.selected && port.updtInfo && update(bridge, port);
    default:
      if (port.selected && port.updtInfo) return update(bridge, port);
      if (port.updtInfo) return false;
      if (port.message !== null) return receive(bridge, port, port.message);
      if (port.infoIs === 'received' && port.rcvdInfoWhile === 0) {
        age(bridge, port);
        return true;
      }
      return false;
  }
}

/** DISABLED */
function disable(bridge: Bridge, port: Port): boolean {
  port.message = null;
  if (port.infoIs === 'disabled') return false;
  port.proposing = false;
  port.proposed = false;
  port.agree = false;
  port.agreed = false;
  port.rcvdInfoWhile = 0;
  port.infoIs = 'disabled';
  bridge.requestSelection(port);
  return true;
}

/** AGED */
function age(bridge: Bridge, port: Port): void {
  port.infoIs = 'aged';
  bridge.requestSelection(port);
}

/** UPDATE: from here on the port speaks for itself. */
function update(bridge: Bridge, port: Port): boolean {
  port.proposing = false;
  port.proposed = false;
  // betterorsameInfo(Mine), 17.21.1
  const noWorse =
    port.infoIs === 'mine' && compareVectors(port.designatedPriority, port.portPriority) <= 0;
  port.agreed = port.agreed && noWorse;
  port.synced = port.synced && port.agreed;
  port.portPriority = port.designatedPriority;
  port.portTimes = port.designatedTimes;
  port.updtInfo = false;
  port.infoIs = 'mine';
  port.newInfo = true;
  bridge.treeChanged = true;
  return true;
}

/** RECEIVE, and the state that rcvdInfo names. */
function receive(bridge: Bridge, port: Port, message: Bpdu): boolean {
  port.message = null;
  if (message.kind === 'tcn') {
    port.rcvdTcn = true;
    port.counters.topologyChangesReceived += 1;
    return true;
  }
  switch (rcvInfo(port, message)) {
    case 'superior-designated': {
      port.agreed = false;
      port.proposing = false;
      recordProposal(port, message);
      setTcFlags(port, message);
      // betterorsameInfo(Received), 17.21.1
      const noWorse =
        port.infoIs === 'received' && compareVectors(port.msgPriority, port.portPriority) <= 0;
      port.agree = port.agree && noWorse;
      port.portPriority = port.msgPriority; // recordPriority, 17.21.11
      port.portTimes = port.msgTimes; // recordTimes, 17.21.13
      updtRcvdInfoWhile(port);
      port.infoIs = 'received';
      bridge.requestSelection(port);
      break;
    }
    case 'repeated-designated':
      recordProposal(port, message);
      setTcFlags(port, message);
      updtRcvdInfoWhile(port);
      break;
    case 'inferior-designated':
      recordDispute(port, message);
      break;
    case 'inferior-root-alternate':
      recordAgreement(bridge, port, message);
      setTcFlags(port, message);
      break;
    case 'other':
      break;
  }
  return true;
}

type Informing = Exclude<Bpdu, { kind: 'tcn' }>;

/** rcvInfo, 17.21.8: stores msgPriority and msgTimes, and weighs them. */
function rcvInfo(port: Port, message: Informing): ReceivedInfo {
  port.msgPriority = {
    rootBridge: message.rootBridge,
    rootPathCost: message.rootPathCost,
    designatedBridge: message.designatedBridge,
    designatedPort: message.designatedPort,
    bridgePort: port.portId,
  };
  port.msgTimes = {
    messageAge: message.messageAge,
    maxAge: clamp(message.maxAge, RECEIVED_MAX_AGE),
    helloTime: clamp(message.helloTime, RECEIVED_HELLO_TIME),
    forwardDelay: clamp(message.forwardDelay, RECEIVED_FORWARD_DELAY),
  };
  const order = compareVectors(port.msgPriority, port.portPriority);
  if (conveysDesignated(message)) {
    if (order === 0 && port.infoIs === 'received' && sameTimes(port.msgTimes, port.portTimes)) {
      return 'repeated-designated';
    }
    return isSuperior(port.msgPriority, port.portPriority)
      ? 'superior-designated'
      : 'inferior-designated';
  }
  return order >= 0 ? 'inferior-root-alternate' : 'other';
}

/** A Configuration BPDU, or an RST BPDU of unknown role, speaks for a Designated Port (9.2.9, 17.21.8). */
function conveysDesignated(message: Informing): boolean {
  return (
    message.kind === 'configuration' || message.role === 'designated' || message.role === 'unknown'
  );
}

function clamp(value: number, range: { minimum: number; maximum: number }): number {
  return Math.min(Math.max(value, range.minimum), range.maximum);
}

/** recordProposal, 17.21.12 */
function recordProposal(port: Port, message: Informing): void {
  if (message.kind === 'rst' && message.proposal && port.options.pointToPoint) port.proposed = true;
}

/**
 * recordAgreement, 17.21.9. Ours: while news waits for the hold count, an
 * agreement cannot be about it, so it is passed over; the proposal that carries
 * the news will be answered by another.
 */
function recordAgreement(bridge: Bridge, port: Port, message: Informing): void {
  if (port.newInfo && message.kind === 'rst' && message.agreement) return;
  if (
    bridge.rstpVersion &&
    port.options.pointToPoint &&
    message.kind === 'rst' &&
    message.agreement
  ) {
    port.agreed = true;
    port.proposing = false;
  } else {
    port.agreed = false;
  }
}

/** recordDispute, 17.21.10: somebody learns from a worse vector, so our messages do not arrive. */
function recordDispute(port: Port, message: Informing): void {
  if (message.kind === 'rst' && message.learning) {
    port.disputed = true;
    port.agreed = false;
  }
}

/** setTcFlags, 17.21.17 */
function setTcFlags(port: Port, message: Informing): void {
  if (message.topologyChange) {
    port.rcvdTc = true;
    port.counters.topologyChangesReceived += 1;
  }
  if (message.topologyChangeAcknowledgment) port.rcvdTcAck = true;
}

/** updtRcvdInfoWhile, 17.21.23: a message that has come further than Max Age is void at once. */
function updtRcvdInfoWhile(port: Port): void {
  const { messageAge, maxAge, helloTime } = port.portTimes;
  const effectiveAge = Math.round(messageAge + 1);
  port.rcvdInfoWhile = effectiveAge <= maxAge ? HELLOS_TO_AGE * helloTime : 0;
}
