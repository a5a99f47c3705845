/** `kith switch save` and `forget`, and what all commands of the switch say of what lasts. */
import type { Command } from 'commander';
import type { SwitchSettingName, SwitchStatus } from '../controller/node-api-switch.ts';
import { addPrintingCommand, clientOf, print } from './command-kit.ts';
import type { CliContext } from './context.ts';

export function addKeeping(parent: Command, context: CliContext): void {
  addPrintingCommand(parent, 'save', {
    summary: 'keep what is set over the end of the node',
    description:
      'Keeps what is set of the switch, and by `kith stp PORT` of its ports, where it differs from config.json: at the next start it is set again. It is written to switch.json in the home; config.json is not touched, and who changes one of these settings there later has the last word. VLANs made on the console and impairments are not kept: the ones belong into config.json or consoleRc.',
    examples: [
      ['kith switch set --ageing 5min', 'try it'],
      ['kith switch save', 'and keep it'],
      ['kith switch', 'says what is kept, and what is not'],
    ],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.saveSwitch(), ({ kept }) => {
      if (kept.length === 0) return 'nothing to keep: all is as the node begins\n';
      return `kept for the next start: ${listed(kept)}\n`;
    });
  });
  addPrintingCommand(parent, 'forget', {
    summary: 'keep nothing: the next start is that of config.json',
    description:
      'Removes what `kith switch save` has kept. What is set stays until the node ends; from the next start on config.json alone counts.',
    examples: [['kith switch forget', 'and start the node again: as it was first']],
  }).action(async (_options: unknown, command: Command) => {
    const client = await clientOf(command, context);
    print(command, context, await client.forgetSwitch(), (status) => {
      return `nothing is kept for the next start\n${untilTheEnd(status)}`;
    });
  });
}

/** What is kept, for `kith switch`. */
export function keptText({ kept }: SwitchStatus): string {
  return kept.length === 0 ? 'nothing' : listed(kept);
}

/** A line when something is lost at the end of the node. */
export function untilTheEnd({ unsaved }: SwitchStatus): string {
  return unsaved.length === 0
    ? ''
    : `until the node ends: ${listed(unsaved)} (\`kith switch save\` keeps what is set)\n`;
}

const WORDS: Readonly<Record<SwitchSettingName['set'], string>> = {
  hub: 'hub mode',
  ageing: 'ageing',
  minPersistence: 'persistence',
  collection: 'collection',
  addressesPerPort: 'addresses per port',
  tableSize: 'table size',
  mirror: 'mirror',
  storm: 'storm limits',
  address: 'static address',
  stp: 'spanning tree',
};

function listed(settings: readonly SwitchSettingName[]): string {
  return settings.map(settingText).join(', ');
}

function settingText({ set, port, mac, vlan }: SwitchSettingName): string {
  if (mac !== undefined) return `${WORDS[set]} ${mac}${vlan ? ` in VLAN ${vlan}` : ''}`;
  if (port === undefined) return WORDS[set];
  return `${WORDS[set]} of ${typeof port === 'number' ? `port ${port}` : port}`;
}
