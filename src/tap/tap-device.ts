/**
 * A TAP device of Linux, opened, set up and switched on; and what an operator can do when
 * that fails.
 *
 * Read first: Documentation/networking/tuntap.rst; capabilities(7), CAP_NET_ADMIN.
 */
import { KithError } from '../errors.ts';
import { Errno, SystemError } from '../io/errno.ts';
import type { InterfaceSettings, SystemSockets } from '../io/system-contract.ts';
import type { OpenTap, TapDevice, TapOptions } from './contract.ts';

/**
 * The longest super-frame that we want of the kernel: with headers in front and tags behind
 * each segment it still fits one UDP GSO batch, which 16 bits of length and UDP_MAX_SEGMENTS
 * (linux/udp.h) bound.
 */
const SUPER_FRAME = { octets: 60_000, segments: 64 } as const;

/** Opens devices by way of the sockets of a host, which may be those of memory. */
export function tapOpener(sockets: SystemSockets): OpenTap {
  return (options) => {
    const { namespace, addresses, mtu } = options;
    enter(sockets, namespace);
    const { descriptor, name } = open(sockets, options);
    const mac = options.macFor(name);
    const device = new SystemTap(sockets, { name, namespace, descriptor, mac });
    try {
      device.configure({ mac, mtu, superFrame: SUPER_FRAME, addresses, up: true });
    } catch (error) {
      sockets.closeDescriptor(descriptor);
      throw error;
    }
    return device;
  };
}

class SystemTap implements TapDevice {
  readonly name: string;
  readonly namespace: string;
  readonly descriptor: number;
  readonly mac: Uint8Array;
  readonly #sockets: SystemSockets;

  constructor(sockets: SystemSockets, facts: Omit<TapDevice, 'configure'>) {
    this.#sockets = sockets;
    this.name = facts.name;
    this.namespace = facts.namespace;
    this.descriptor = facts.descriptor;
    this.mac = facts.mac;
  }

  configure(settings: InterfaceSettings, name = this.name): void {
    try {
      this.#sockets.configureInterface(name, this.namespace, settings);
    } catch (error) {
      throw explained(error, (errno) => configureFault(errno, name, settings));
    }
  }
}

function enter(sockets: SystemSockets, namespace: string): void {
  try {
    sockets.tryNamespace(namespace);
  } catch (error) {
    throw explained(error, (errno) => namespaceFault(errno, namespace));
  }
}

function open(
  sockets: SystemSockets,
  { name, namespace }: TapOptions,
): { descriptor: number; name: string } {
  try {
    return sockets.openTap(name, namespace);
  } catch (error) {
    throw explained(error, (errno) => openFault(errno, name));
  }
}

// ---- sentences

/** A system error with a better sentence, if there is one; anything else as it is. */
function explained(error: unknown, sentence: (errno: number) => KithError | undefined): unknown {
  if (!(error instanceof SystemError)) return error;
  return sentence(error.errno) ?? error;
}

function openFault(errno: number, name: string): KithError | undefined {
  switch (errno) {
    case Errno.EPERM:
      return notPermitted(`make the interface ${name}`);
    case Errno.EACCES:
      return new KithError(
        'permission',
        'the node may not open /dev/net/tun: `chmod 0666 /dev/net/tun` (it gives nobody a right by itself) and give the node CAP_NET_ADMIN, or use `kith exec`, which does without that capability',
      );
    case Errno.ENOENT:
    case Errno.ENODEV:
    case Errno.ENXIO:
      return new KithError(
        'unsupported',
        'there is no /dev/net/tun; load the module with `modprobe tun`, or give the container that device',
      );
    case Errno.EBUSY:
      return new KithError(
        'usage',
        `there is an interface ${name} already; choose another name with --name, or remove that one`,
      );
    case Errno.ENFILE:
      return new KithError('usage', `every number is taken for ${name}; choose another name`);
    default:
      return undefined;
  }
}

function configureFault(
  errno: number,
  name: string,
  settings: InterfaceSettings,
): KithError | undefined {
  switch (errno) {
    case Errno.EPERM:
      return notPermitted(`set up the interface ${name}`);
    case Errno.EEXIST:
      return new KithError(
        'address',
        `the interface ${name} has that address or route already; leave it out`,
      );
    case Errno.ENODEV:
      return new KithError('not-found', `the interface ${name} is gone; make it again`);
    case Errno.EACCES:
    case Errno.EOPNOTSUPP:
      if (!settings.addresses?.some(({ host }) => host.includes(':'))) return undefined;
      return new KithError(
        'unsupported',
        `the interface ${name} cannot have an IPv6 address, because IPv6 is switched off there (sysctl net.ipv6.conf.all.disable_ipv6); switch it on or leave the address out`,
      );
    default:
      return undefined;
  }
}

function namespaceFault(errno: number, namespace: string): KithError | undefined {
  switch (errno) {
    case Errno.ENOENT:
      return new KithError(
        'not-found',
        `there is no network namespace ${namespace}; \`ip netns list\` shows those there are, and \`ip netns add\` makes one`,
      );
    case Errno.EINVAL:
    case Errno.EISDIR:
      return new KithError(
        'usage',
        `${namespace} is no network namespace, or one that was deleted; \`ip netns list\` shows those there are`,
      );
    case Errno.EPERM:
    case Errno.EACCES:
      return new KithError(
        'permission',
        `the node may not enter the network namespace ${namespace}: give it CAP_SYS_ADMIN and CAP_NET_ADMIN, or use \`kith exec\`, which does without`,
      );
    default:
      return undefined;
  }
}

function notPermitted(doing: string): KithError {
  return new KithError(
    'permission',
    `the node may not ${doing}: give it CAP_NET_ADMIN (as root: \`setcap\` or \`setpriv --ambient-caps\`), or use \`kith exec\`, which does without`,
  );
}
