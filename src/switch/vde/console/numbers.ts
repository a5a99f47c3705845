/** What the commands have in common: how numbers look, and which port or VLAN is meant. */
import { leadingNumber } from './arguments.ts';
import { Errno, type Status, SUCCESS } from './errno.ts';
import type { ConsoleTarget, PortView, VlanView } from './target.ts';

/** VDE's VLANs go to 4093; 4094 and 4095 are for itself. */
const MAX_VDE_VLAN = 4093;

/** `%04d` */
export function four(value: number): string {
  return String(value).padStart(4, '0');
}

/** Whether there is a VLAN: success, out of range, or no such. */
export function hasVlan(target: ConsoleTarget, vlan: number): Status {
  if (vlan < 0 || vlan > MAX_VDE_VLAN) return Errno.invalid;
  const found = target.vlans().some((each) => each.vlan === vlan);
  return found ? SUCCESS : Errno.noSuchDeviceOrAddress;
}

/** Shows one VLAN, or all of them when the argument is empty. */
export function selectVlans(
  target: ConsoleTarget,
  argument: string,
  least: number,
  show: (vlan: VlanView) => void,
): Status {
  const all = target.vlans();
  if (argument === '') {
    for (const vlan of all) show(vlan);
    return SUCCESS;
  }
  const wanted = leadingNumber(argument);
  if (wanted < least) return Errno.invalid;
  const status = hasVlan(target, wanted);
  if (status !== SUCCESS) return status;
  for (const vlan of all) if (vlan.vlan === wanted) show(vlan);
  return SUCCESS;
}

/** Shows one port, or all of them when the argument is empty. */
export function selectPorts(
  target: ConsoleTarget,
  argument: string,
  isShown: (port: PortView) => boolean,
  show: (port: PortView) => void,
): Status {
  const ports = target.ports();
  if (argument === '') {
    for (const port of ports) if (isShown(port)) show(port);
    return SUCCESS;
  }
  const wanted = leadingNumber(argument);
  const found = ports.find(({ port }) => port === wanted);
  if (found !== undefined && isShown(found)) {
    show(found);
    return SUCCESS;
  }
  const inRange = found !== undefined || (wanted >= 0 && wanted <= target.portCount());
  return inRange ? Errno.noSuchDeviceOrAddress : Errno.invalid;
}
