import { expect, test } from 'vitest';
import { OpenTicket, OpenTickets } from '../../src/kerberos/open-tickets.ts';
import { NOW, realmOf } from './ap-support.ts';

const realm = realmOf();

function ticketNamed(name: string, endtime = NOW + 1000): OpenTicket {
  const cname = { nameType: 1, nameString: [name] };
  const transited = { trType: 1, contents: new Uint8Array(0) };
  const facts = { flags: 0, crealm: realm.realm, cname, transited, authtime: NOW, endtime };
  const key = realm.key(name);
  return new OpenTicket({ facts, sessionKey: key.clone(), serviceKey: key, owner: name, client: name });
}

test('a key lives as long as somebody holds its ticket', () => {
  const ticket = ticketNamed('a');
  const [first, second] = [ticket.hold(), ticket.hold()];
  first.dispose();
  first.dispose();
  expect(ticket.sessionKey.reveal().keyvalue).toHaveLength(32);
  second.dispose();
  expect(() => ticket.sessionKey.reveal()).toThrow('disposed');
});

test('the ticket that was not used for longest makes room', () => {
  const tickets = new OpenTickets(2);
  const [a, b, c] = [ticketNamed('a'), ticketNamed('b'), ticketNamed('c')];
  tickets.keep('a', a, NOW);
  tickets.keep('b', b, NOW);
  expect(tickets.find('a')).toBe(a);
  tickets.keep('c', c, NOW);
  expect(tickets.find('b')).toBeUndefined();
  expect(() => b.sessionKey.reveal()).toThrow('disposed');
  expect([tickets.find('a'), tickets.find('c'), tickets.size]).toEqual([a, c, 2]);
});

test('a ticket that somebody still uses keeps its key when it makes room', () => {
  const tickets = new OpenTickets(1);
  const a = ticketNamed('a');
  const hold = a.hold();
  tickets.keep('a', a, NOW);
  tickets.keep('b', ticketNamed('b'), NOW);
  expect(tickets.find('a')).toBeUndefined();
  expect(a.sessionKey.reveal().keyvalue).toHaveLength(32);
  hold.dispose();
  expect(() => a.sessionKey.reveal()).toThrow('disposed');
});

test('tickets that have ended go', () => {
  const tickets = new OpenTickets();
  const a = ticketNamed('a', NOW + 1000);
  tickets.keep('a', a, NOW);
  tickets.keep('b', ticketNamed('b', NOW + 9000), NOW + 2000);
  expect([tickets.size, tickets.find('a')]).toEqual([1, undefined]);
  expect(() => a.sessionKey.reveal()).toThrow('disposed');
});

test('a ticket is kept once', () => {
  const tickets = new OpenTickets();
  const a = ticketNamed('a');
  tickets.keep('a', a, NOW);
  tickets.keep('a', a, NOW);
  tickets.dispose();
  expect(() => a.sessionKey.reveal()).toThrow('disposed');
});
