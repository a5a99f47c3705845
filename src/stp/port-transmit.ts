/**
 * Port Transmit machine: says what is new at once, and what is old every Hello
 * Time, and never more than the hold count allows.
 *
 * Read first: IEEE 802.1D-2004, 17.26 (Figure 17-17) and 17.21.19 to 17.21.21.
 *
 *   TRANSMIT_INIT ─▶ IDLE ──helloWhen == 0──▶ TRANSMIT_PERIODIC ─▶ IDLE
 *                    IDLE ──newInfo, txCount < TxHoldCount──▶ TRANSMIT_CONFIG, _TCN, _RSTP ─▶ IDLE
 *
 * It runs after all other machines have come to rest, so that one BPDU tells the
 * outcome and not every step on the way.
 */
import { type Bpdu, type BpduRole, byteLength, emitBpdu } from './bpdu.ts';
import type { Bridge } from './bridge.ts';
import type { Port, PortRole } from './port.ts';

const WIRE_ROLES: Readonly<Record<PortRole, BpduRole>> = {
  disabled: 'unknown',
  root: 'root',
  designated: 'designated',
  alternate: 'alternate',
  backup: 'alternate',
};

/** Sends what has to be sent through `port` now. */
export function runPortTransmit(bridge: Bridge, port: Port): void {
  if (!port.portEnabled) {
    // TRANSMIT_INIT; the count stays, so that a flapping link gains nothing.
    port.newInfo = true;
    port.helloWhen = port.designatedTimes.helloTime;
    return;
  }
  if (!port.selected || port.updtInfo) return;
  if (port.helloWhen === 0) {
    // TRANSMIT_PERIODIC
    const speaks = port.role === 'designated' || (port.role === 'root' && port.tcWhile !== 0);
    port.newInfo = port.newInfo || speaks;
    port.helloWhen = port.designatedTimes.helloTime;
  }
  if (!port.newInfo || port.txCount >= bridge.parameters.transmitHoldCount) return;
  const bpdu = nextBpdu(port);
  if (bpdu === null) return;
  port.newInfo = false;
  port.txCount += 1;
  port.helloWhen = port.designatedTimes.helloTime;
  if (bpdu.kind !== 'tcn') port.tcAck = false;
  const frame = new Uint8Array(byteLength(bpdu));
  emitBpdu(bpdu, port.address, frame);
  port.said.record(port.role === 'designated' ? port.designatedPriority : null, bridge.now);
  port.counters.bpdusSent += 1;
  bridge.bpdus.push({ port: port.number, frame });
}

function nextBpdu(port: Port): Bpdu | null {
  if (!port.sendRSTP) {
    // newInfo alone is no change: a TCN would make the whole tree forget its addresses.
    if (port.role === 'root') return port.tcWhile === 0 ? null : { kind: 'tcn' };
    if (port.role !== 'designated') return null;
    return {
      kind: 'configuration',
      ...parametersOf(port),
      topologyChangeAcknowledgment: port.tcAck,
    };
  }
  return {
    kind: 'rst',
    ...parametersOf(port),
    topologyChangeAcknowledgment: false,
    role: WIRE_ROLES[port.role],
    proposal: port.proposing,
    learning: port.learning,
    forwarding: port.forwarding,
    agreement: port.agree,
  };
}

function parametersOf(port: Port) {
  const { rootBridge, rootPathCost, designatedBridge, designatedPort } = port.designatedPriority;
  return {
    topologyChange: port.tcWhile !== 0,
    rootBridge,
    rootPathCost,
    designatedBridge,
    designatedPort,
    ...port.designatedTimes,
  };
}
