#!/usr/bin/python3
"""MIT's C library at the work that is measured, driven from python3-gssapi with as little Python around it as there can be.

Lines in, one JSON object out for each: {"work": how much, "milliseconds": how long}
  initiate N    N AP-REQs for the service, with a ticket that is there
  accept HEX .. AP-REQs of anybody for the services of the keytab, each taken and answered with an AP-REP
  wrap N SIZE   N messages of SIZE octets, sealed; the work is in megabytes
  call N        N calls that do next to nothing in the library: what the binding costs
The first line out is {"ready": true}. Arguments: user, password, service@host, keytab for "accept".
"""
import json, sys, time
import gssapi
from gssapi import raw

KRB5 = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2')
FLAGS = [gssapi.RequirementFlag.mutual_authentication, gssapi.RequirementFlag.confidentiality,
         gssapi.RequirementFlag.replay_detection, gssapi.RequirementFlag.out_of_sequence_detection]
FLAG_BITS = sum(int(flag) for flag in FLAGS)

user, password, service, keytab = sys.argv[1:]
client = raw.acquire_cred_with_password(
    raw.import_name(user.encode(), gssapi.NameType.user), password.encode(), mechs=[KRB5], usage='initiate').creds
server = raw.acquire_cred(None, mechs=[KRB5], usage='accept').creds
service_of_others = raw.acquire_cred_from({b'keytab': keytab.encode()}, None, mechs=[KRB5], usage='accept').creds
target = raw.canonicalize_name(raw.import_name(service.encode(), gssapi.NameType.hostbased_service), KRB5)


def initiate(): return raw.init_sec_context(target, client, mech=KRB5, flags=FLAG_BITS)


def established():
    first = initiate()
    answer = raw.accept_sec_context(first.token, server)
    raw.init_sec_context(target, client, first.context, KRB5, FLAG_BITS, input_token=answer.token)
    return first.context


def timed(run, times):
    started = time.perf_counter()
    for _ in range(times): run()
    return (time.perf_counter() - started) * 1000


def do_initiate(times): return times, timed(initiate, times)


def do_accept(*requests):
    tokens = [bytes.fromhex(request) for request in requests]
    return len(requests), timed(lambda: raw.accept_sec_context(tokens.pop(), service_of_others), len(requests))


def do_wrap(times, size):
    message = bytes(size)
    return times * size / 1e6, timed(lambda: raw.wrap(context, message, True), times)


def do_call(times): return times, timed(lambda: raw.context_time(context), times)


context = established()
kind = {'initiate': int, 'accept': str, 'wrap': int, 'call': int}
work = {'initiate': do_initiate, 'accept': do_accept, 'wrap': do_wrap, 'call': do_call}
print(json.dumps({'ready': True}), flush=True)
for line in sys.stdin:
    name, *arguments = line.split()
    done, milliseconds = work[name](*map(kind[name], arguments))
    print(json.dumps({'work': done, 'milliseconds': milliseconds}), flush=True)
