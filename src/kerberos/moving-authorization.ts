/**
 * What the PAC says of a client, in the state of a context that moves: it was verified where the context was made, and the ticket does
 * not move with it.
 * @module
 */
import {
  bigInteger,
  boolean,
  choice,
  explicit,
  field,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
  uint32,
  utf8String,
} from '../der/index.ts';
import type { ClientAuthorization, ClientClaim } from '../sspi/index.ts';

const Claim = sequence({
  id: field(0, utf8String),
  values: field(
    1,
    choice({
      int64: explicit(0, sequenceOf(bigInteger)),
      uint64: explicit(1, sequenceOf(bigInteger)),
      string: explicit(2, sequenceOf(utf8String)),
      boolean: explicit(3, sequenceOf(boolean)),
    }),
  ),
});

/** {@link ClientAuthorization}. */
export const MovingAuthorization = sequence({
  sid: optional(0, utf8String),
  groups: field(1, sequenceOf(utf8String)),
  accountName: field(2, utf8String),
  logonDomain: field(3, utf8String),
  userPrincipalName: optional(4, utf8String),
  dnsDomain: optional(5, utf8String),
  fullName: optional(6, utf8String),
  userFlags: field(7, uint32),
  userAccountControl: field(8, uint32),
  passwordMustChange: optional(9, bigInteger),
  claims: optional(10, sequenceOf(Claim)),
});
type MovingAuthorization = TypeOf<typeof MovingAuthorization>;

/** As it is written. */
export function movingAuthorization(authorization: ClientAuthorization): MovingAuthorization {
  const { claims, userFlags, userAccountControl, ...rest } = authorization;
  return {
    ...rest,
    userFlags: userFlags >>> 0,
    userAccountControl: userAccountControl >>> 0,
    claims: claims?.map((claim) => ({ id: claim.id, values: movingValues(claim) })),
  };
}

function movingValues(claim: ClientClaim): TypeOf<typeof Claim>['values'] {
  switch (claim.type) {
    case 'int64':
      return { kind: 'int64', value: claim.values };
    case 'uint64':
      return { kind: 'uint64', value: claim.values };
    case 'string':
      return { kind: 'string', value: claim.values };
    case 'boolean':
      return { kind: 'boolean', value: claim.values };
  }
}

/** As it was read. */
export function authorizationOf(moving: MovingAuthorization): ClientAuthorization {
  return { ...moving, sid: moving.sid, claims: moving.claims?.map(claimOf) };
}

function claimOf({ id, values }: TypeOf<typeof Claim>): ClientClaim {
  switch (values.kind) {
    case 'int64':
    case 'uint64':
      return { id, type: values.kind, values: values.value };
    case 'string':
      return { id, type: values.kind, values: values.value };
    case 'boolean':
      return { id, type: values.kind, values: values.value };
  }
}
