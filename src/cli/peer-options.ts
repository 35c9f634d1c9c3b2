/**
 * What the two `peer` commands have in common on the command line.
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';
import { SP_PROT } from '../sspi/index.ts';
import { PACKAGE_NAMES, type Protocol } from './endpoint.ts';

/** Options of both commands, as commander gives them. */
export interface PeerOptions {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly tlsMin?: '1.2' | '1.3';
  readonly tlsMax?: '1.2' | '1.3';
  readonly channelBindings?: Uint8Array;
}

/** `--protocol P` */
export function protocolOption(): Option {
  return new Option('--protocol <name>', 'security package').choices(Object.keys(PACKAGE_NAMES)).makeOptionMandatory();
}

/** An option with a TCP port. */
export function portOption(description: string): Option {
  return new Option('--port <number>', description).argParser(numberBetween(0, 65_535)).makeOptionMandatory();
}

/** `--min-version N` and `--max-version N` */
export function versionOptions(): Option[] {
  return [
    new Option('--min-version <number>', 'lowest CredSSP version to accept (default: 5)').argParser(
      numberBetween(2, 6),
    ),
    new Option('--max-version <number>', 'highest CredSSP version to speak (default: 6)').argParser(
      numberBetween(2, 6),
    ),
  ];
}

/** `--tls-min V` and `--tls-max V` */
export function tlsOptions(): Option[] {
  const versions = ['1.2', '1.3'];
  return [
    new Option('--tls-min <version>', 'lowest TLS version').choices(versions).default('1.2'),
    new Option('--tls-max <version>', 'highest TLS version').choices(versions).default('1.3'),
  ];
}

/** `--channel-bindings HEX` */
export function bindingsOption(): Option {
  const description = 'application data of channel bindings, in hexadecimal';
  return new Option('--channel-bindings <hex>', description).argParser((text: string) => {
    if (!/^(?:[0-9a-f]{2})+$/iu.test(text)) throw new InvalidArgumentError('Not an even number of hexadecimal digits.');
    return Uint8Array.from(Buffer.from(text, 'hex'));
  });
}

/** `--keytab FILE` */
export function keytabOption(description: string): Option {
  return new Option('--keytab <file>', description);
}

/** A parser for whole numbers. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/u.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Not a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** grbitEnabledProtocols for the role. */
export function enabledProtocols(
  role: 'initiator' | 'acceptor',
  { tlsMin = '1.2', tlsMax = '1.3' }: PeerOptions,
): number {
  const [old, current] =
    role === 'initiator'
      ? [SP_PROT.TLS1_2_CLIENT, SP_PROT.TLS1_3_CLIENT]
      : [SP_PROT.TLS1_2_SERVER, SP_PROT.TLS1_3_SERVER];
  return (tlsMin === '1.2' ? old : 0) | (tlsMax === '1.3' ? current : 0);
}
