/** Commands on ports (port/) and VLANs (vlan/). */
import { leadingNumber, scanNumbers, secondWord } from './arguments.ts';
import { act, type Command, type Invocation, list, menu } from './command.ts';
import { Errno, type Status, SUCCESS } from './errno.ts';
import { four, selectPorts, selectVlans } from './numbers.ts';
import type { PortView, VlanView } from './target.ts';

export const portCommands: readonly Command[] = [
  menu('port', 'PORT STATUS MENU'),
  list('port/showinfo', '', 'show port info', ({ target, print }) => {
    print(`Numports=${target.portCount()}`);
    print(`HUB=${target.isHub()}`);
    print('counters=true');
    return SUCCESS;
  }),
  act('port/setnumports', 'N', 'set the number of ports', ({ target, argument }) =>
    target.setPortCount(leadingNumber(argument)),
  ),
  act('port/sethub', '0/1', '1=HUB 0=switch', ({ target, argument }) =>
    target.setHub(leadingNumber(argument) !== 0),
  ),
  act('port/setvlan', 'N VLAN', 'set port VLAN (untagged)', (invocation) =>
    withTwo(invocation, (port, vlan) => invocation.target.setUntaggedVlan(port, vlan)),
  ),
  list(
    'port/createauto',
    '',
    'create a port with an automatically allocated id (inactive|notallocatable)',
    ({ target, print }) => {
      const made = target.createPort(0);
      if ('status' in made) return made.status;
      print(`Port ${four(made.port)}`);
      return SUCCESS;
    },
  ),
  act('port/create', 'N', 'create the port N (inactive|notallocatable)', ({ target, argument }) => {
    const made = target.createPort(leadingNumber(argument));
    return 'status' in made ? made.status : SUCCESS;
  }),
  act('port/remove', 'N', 'remove the port N', ({ target, argument }) =>
    target.removePort(leadingNumber(argument)),
  ),
  act('port/allocatable', 'N 0/1', 'Is the port allocatable as unnamed? 1=Y 0=N', (invocation) =>
    withTwo(invocation, (port, value) => invocation.target.setAllocatable(port, value !== 0)),
  ),
  act('port/setuser', 'N user', 'access control: set user', (invocation) =>
    withName(invocation, (port, name) => invocation.target.setPortUser(port, name)),
  ),
  act('port/setgroup', 'N user', 'access control: set group', (invocation) =>
    withName(invocation, (port, name) => invocation.target.setPortGroup(port, name)),
  ),
  act('port/epclose', 'N ID', 'remove the endpoint port N/id ID', (invocation) =>
    withTwo(invocation, (port, id) => invocation.target.closeEndpoint(port, id)),
  ),
  act('port/resetcounter', '[N]', 'reset the port (N) counters', ({ target, argument }) =>
    target.resetCounters(argument === '' ? undefined : leadingNumber(argument)),
  ),
  list('port/print', '[N]', 'print the port/endpoint table', ({ target, argument, print }) =>
    selectPorts(target, argument, isActive, (port) => printPort(port, print)),
  ),
  list(
    'port/allprint',
    '[N]',
    'print the port/endpoint table (including inactive port)',
    ({ target, argument, print }) =>
      selectPorts(
        target,
        argument,
        () => true,
        (port) => printPort(port, print),
      ),
  ),
];

export const vlanCommands: readonly Command[] = [
  menu('vlan', 'VLAN MANAGEMENT MENU'),
  act('vlan/create', 'N', 'create the VLAN with tag N', ({ target, argument }) =>
    target.createVlan(leadingNumber(argument)),
  ),
  act('vlan/remove', 'N', 'remove the VLAN with tag N', ({ target, argument }) =>
    target.removeVlan(leadingNumber(argument)),
  ),
  act('vlan/addport', 'N PORT', 'add port to the vlan N (tagged)', (invocation) =>
    withTwo(invocation, (vlan, port) => invocation.target.addToVlan(vlan, port)),
  ),
  // vde_switch 2.3.2 says "add port to" of this one, too.
  act('vlan/delport', 'N PORT', 'add port to the vlan N (tagged)', (invocation) =>
    withTwo(invocation, (vlan, port) => invocation.target.removeFromVlan(vlan, port)),
  ),
  list('vlan/print', '[N]', 'print the list of defined vlan', ({ target, argument, print }) =>
    selectVlans(target, argument, 0, (vlan) => printVlan(vlan, true, print)),
  ),
  list(
    'vlan/allprint',
    '[N]',
    'print the list of defined vlan (including inactive port)',
    ({ target, argument, print }) =>
      selectVlans(target, argument, 1, (vlan) => printVlan(vlan, false, print)),
  ),
];

function withTwo(
  { argument }: Invocation,
  apply: (first: number, second: number) => Status,
): Status {
  const numbers = scanNumbers(argument, 2);
  return numbers === undefined ? Errno.invalid : apply(numbers[0], numbers[1]);
}

function withName({ argument }: Invocation, apply: (port: number, name: string) => Status): Status {
  const numbers = scanNumbers(argument, 1);
  const name = secondWord(argument);
  return numbers === undefined || name === '' ? Errno.invalid : apply(numbers[0], name);
}

function isActive({ endpoints }: PortView): boolean {
  return endpoints.length > 0;
}

function printPort(view: PortView, print: (line: string) => void): void {
  const active = isActive(view) ? 'ACTIVE' : 'INACTIVE';
  const allocatable = view.allocatable ? 'Unnamed Allocatable' : 'NOT Unnamed Allocatable';
  const vlan = `untagged_vlan=${four(view.untaggedVlan)}`;
  print(`Port ${four(view.port)} ${vlan} ${active} - ${allocatable}`);
  const access = `(User: ${view.user} - Group: ${view.group})`;
  print(` Current User: ${view.currentUser} Access Control: ${access}`);
  print(` IN:  ${counted(view.framesIn, view.octetsIn)}`);
  print(` OUT: ${counted(view.framesOut, view.octetsOut)}`);
  for (const { id, module, description } of view.endpoints) {
    print(`  -- endpoint ID ${four(id)} module ${module.padEnd(12)}: ${description}`);
  }
}

function counted(frames: number, octets: number): string {
  return `pkts ${String(frames).padStart(10)}          bytes ${String(octets).padStart(20)}`;
}

function printVlan(view: VlanView, activeOnly: boolean, print: (line: string) => void): void {
  print(`VLAN ${four(view.vlan)}`);
  for (const { port, tagged, active, state } of view.ports) {
    if (activeOnly && !active) continue;
    const flags = `tagged=${Number(tagged)} active=${Number(active)}`;
    print(` -- Port ${four(port)} ${flags} status=${state}`);
  }
}
