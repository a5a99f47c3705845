/** Commands on the filtering database (hash/) and on the spanning tree (fstp/). */
import { leadingNumber, scanAddress, scanNumbers } from './arguments.ts';
import { act, type Command, list, menu, ownAct } from './command.ts';
import { Errno, type Status, SUCCESS } from './errno.ts';
import { four, hasVlan, selectVlans } from './numbers.ts';
import type { AddressView, ConsoleTarget, TreeGuard, TreeView } from './target.ts';

export const hashCommands: readonly Command[] = [
  menu('hash', 'HASH TABLE MENU'),
  list('hash/showinfo', '', 'show hash info', ({ target, print }) => {
    const { size, collectionInterval, expiry, minPersistence } = target.hash();
    print(`Hash size ${size}`);
    print(`GC interval ${collectionInterval} secs`);
    print(`GC expire ${expiry} secs`);
    print(`Min persistence ${minPersistence} secs`);
    return SUCCESS;
  }),
  act('hash/setsize', 'N', 'change hash size', ({ target, argument }) =>
    target.setHashSize(leadingNumber(argument)),
  ),
  act('hash/setgcint', 'N', 'change garbage collector interval', ({ target, argument }) =>
    target.setCollectionInterval(leadingNumber(argument)),
  ),
  act('hash/setexpire', 'N', 'change hash entries expire time', ({ target, argument }) =>
    target.setExpiry(leadingNumber(argument)),
  ),
  act('hash/setminper', 'N', 'minimum persistence time', ({ target, argument }) =>
    target.setMinPersistence(leadingNumber(argument)),
  ),
  list('hash/print', '', 'print the hash table', async ({ target, print }) => {
    const entries = await target.addresses();
    entries.forEach((entry, index) => void print(addressLine(entry, index)));
    return SUCCESS;
  }),
  list('hash/find', 'MAC [VLAN]', 'MAC lookup', async ({ target, argument, print }) => {
    const wanted = scanAddress(argument);
    if (wanted === undefined) return Errno.invalid;
    const entries = await target.addresses();
    const index = entries.findIndex(({ mac, vlan }) => mac === wanted.mac && vlan === wanted.vlan);
    if (index < 0) return Errno.noDevice;
    print(addressLine(entries[index], index));
    return SUCCESS;
  }),
];

/** vde_switch begins with the number of the chain; here it is the place in the list. */
function addressLine({ mac, vlan, port, age }: AddressView, index: number): string {
  const where = `VLAN ${four(vlan)} to port: ${String(port).padStart(3, '0')}`;
  return `Hash: ${four(index)} Addr: ${mac} ${where}  age ${age} secs`;
}

export const treeCommands: readonly Command[] = [
  menu('fstp', 'FAST SPANNING TREE MENU'),
  list('fstp/showinfo', '', 'show fstp info', ({ target, print }) => {
    const { mac, priority, enabled } = target.tree();
    print(`MAC ${mac} Priority ${priority} (0x${priority.toString(16)})`);
    print(`FSTP=${enabled}`);
    return SUCCESS;
  }),
  list('fstp/setfstp', '0/1', 'Fast spanning tree protocol 1=ON 0=OFF', ({ target, argument }) =>
    target.setTreeEnabled(leadingNumber(argument) !== 0),
  ),
  act(
    'fstp/setedge',
    'VLAN PORT 1/0',
    'Define an edge port for a vlan 1=Y 0=N',
    ({ target, argument }) =>
      onVlanPort(target, argument, (port, value) => target.setEdge(port, value !== 0)),
  ),
  act('fstp/bonus', 'VLAN PORT COST', 'set the port bonus for a vlan', ({ target, argument }) =>
    onVlanPort(target, argument, (port, cost) => target.setBonus(port, cost)),
  ),
  ownAct('fstp/setcost', 'VLAN PORT COST', 'set the cost, 0=as the link is', (invocation) =>
    onVlanPort(invocation.target, invocation.argument, (port, cost) =>
      invocation.target.setCost(port, cost),
    ),
  ),
  guardCommand('bpdu', 'a BPDU disables the port 1=Y 0=N'),
  guardCommand('root', 'the root is never behind the port 1=Y 0=N'),
  guardCommand('change', 'topology changes end at the port 1=Y 0=N'),
  ownAct('fstp/recover', 'VLAN PORT', 'let a disabled port try again', ({ target, argument }) =>
    onVlanPort(target, `${argument} 0`, (port) => target.recover(port)),
  ),
  list('fstp/print', '[N]', 'print fst data for the defined vlan', (invocation) => {
    const { target, print } = invocation;
    const tree = target.tree();
    return selectVlans(target, invocation.argument, 0, ({ vlan, ports }) => {
      const tagged = new Map(ports.map((each) => [each.port, each.tagged]));
      printTree(tree, vlan, tagged, print);
    });
  }),
];

function guardCommand(guard: TreeGuard, help: string): Command {
  return ownAct(`fstp/${guard}guard`, 'VLAN PORT 1/0', help, ({ target, argument }) =>
    onVlanPort(target, argument, (port, value) => target.setGuard(port, guard, value !== 0)),
  );
}

/** Reads VLAN, port and a value; there is one tree for all VLANs, so the VLAN only has to exist. */
function onVlanPort(
  target: ConsoleTarget,
  argument: string,
  apply: (port: number, value: number) => Status,
): Status {
  const numbers = scanNumbers(argument, 3);
  if (numbers === undefined) return Errno.invalid;
  const [vlan, port, value] = numbers;
  const status = hasVlan(target, vlan);
  return status === SUCCESS ? apply(port, value) : status;
}

function printTree(
  tree: TreeView,
  vlan: number,
  tagged: ReadonlyMap<number, boolean>,
  print: (line: string) => void,
): void {
  const isRoot = tree.isRoot ? 'ROOTSWITCH' : '';
  print(`FST DATA VLAN ${four(vlan)} ${isRoot} ${tree.enabled ? '' : 'FSTP IS DISABLED'}`);
  print(` ++ root ${tree.root}`);
  print(` ++ designated ${tree.designated}`);
  const root = `rootport ${four(tree.rootPort)} cost ${tree.rootPathCost} age ${tree.age}`;
  print(` ++ ${root} bonusport ${four(tree.bonusPort)} bonuscost ${tree.bonusCost}`);
  for (const wanted of [false, true]) {
    for (const { port, cost, role } of tree.ports) {
      if (tagged.get(port) !== wanted) continue;
      print(` -- Port ${four(port)} tagged=${Number(wanted)} portcost=${cost} role=${role}`);
    }
  }
}
