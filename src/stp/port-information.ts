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
import { countFault, type Port, type ReceivedInfo } from './port.ts';
import { compareVectors, isSamePort, isSuperior, sameTimes } from './priority-vector.ts';

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
  port.said.clear();
  port.passedOver = false;
  port.tcWaiting = false;
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
  // Ours: nobody has had the time to object to what is said from now on.
  if (!port.forward && compareVectors(port.designatedPriority, port.portPriority) !== 0) {
    port.fdWhile = Math.max(port.fdWhile, port.forwardDelay);
  }
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
  if (takesBack(port, message)) {
    age(bridge, port);
    return true;
  }
  if (message.kind === 'tcn') {
    if (mayTellChange(bridge, port)) port.rcvdTcn = true;
    return true;
  }
  const info = rcvInfo(port, message);
  if (isTooOld(port, message)) {
    countFault(port, 'message-age');
    if (port.infoIs === 'received' && isSamePort(message, port.portPriority)) age(bridge, port);
    return true;
  }
  switch (info) {
    case 'superior-designated': {
      port.agreed = false;
      port.proposing = false;
      recordProposal(port, message);
      setTcFlags(bridge, port, message);
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
      setTcFlags(bridge, port, message);
      updtRcvdInfoWhile(port);
      break;
    case 'inferior-designated':
      recordDispute(port, message);
      break;
    case 'inferior-root-alternate':
      recordAgreement(bridge, port, message);
      setTcFlags(bridge, port, message);
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
 * recordAgreement, 17.21.9. Ours: an agreement that may be about older news is passed over,
 * and so is each while news waits for the hold count. The port asks again.
 */
function recordAgreement(bridge: Bridge, port: Port, message: Informing): void {
  if (message.kind !== 'rst' || !message.agreement) {
    port.agreed = false;
    return;
  }
  if (!bridge.rstpVersion || !port.options.pointToPoint) {
    port.agreed = false;
    return;
  }
  if (port.newInfo) return;
  const fromRoot = message.role === 'root';
  if (!port.said.isAnswered(port.portPriority, port.msgPriority, fromRoot, bridge.now)) {
    port.passedOver = true;
    port.counters.agreementsPassedOver += 1;
    return;
  }
  port.agreed = true;
  port.proposing = false;
}

/** recordDispute, 17.21.10: somebody learns from a worse vector, so our messages do not arrive. */
function recordDispute(port: Port, message: Informing): void {
  if (message.kind === 'rst' && message.learning) {
    port.disputed = true;
    port.agreed = false;
  }
}

/** Ours: whoever told us what we hold here is no Designated Port any more, so it holds no longer. */
function takesBack(port: Port, message: Bpdu): boolean {
  if (message.kind !== 'rst' || conveysDesignated(message)) return false;
  if (port.infoIs !== 'received' || !port.options.pointToPoint) return false;
  return isSamePort(message, port.portPriority);
}

/** setTcFlags, 17.21.17 */
function setTcFlags(bridge: Bridge, port: Port, message: Informing): void {
  if (message.topologyChange && mayTellChange(bridge, port)) port.rcvdTc = true;
  if (message.topologyChangeAcknowledgment) port.rcvdTcAck = true;
}

/**
 * Ours: whether a change heard now is acted on. If not it waits, with all that come until then,
 * so that nobody can keep our filtering database empty.
 */
function mayTellChange(bridge: Bridge, port: Port): boolean {
  port.counters.topologyChangesReceived += 1;
  if (port.topologyChangePolicer.take(bridge.now)) return true;
  port.tcWaiting = true;
  port.counters.topologyChangesHeldBack += 1;
  return false;
}

/**
 * Ours: whether a Designated Port's message has come further than Max Age. The standard takes it
 * in and finds it void only afterwards (17.21.23), when all ports have had other roles for a moment.
 */
function isTooOld(port: Port, message: Informing): boolean {
  const { messageAge, maxAge } = port.msgTimes;
  return conveysDesignated(message) && Math.round(messageAge + 1) > maxAge;
}

/** updtRcvdInfoWhile, 17.21.23 */
function updtRcvdInfoWhile(port: Port): void {
  port.rcvdInfoWhile = HELLOS_TO_AGE * port.portTimes.helloTime;
}
