import { expect, test, vi } from 'vitest';
import { systemHost } from '../../src/host/index.ts';

test('the system host tells the time of the machine', () => {
  vi.useFakeTimers({ now: 1_700_000_000_000 });
  try {
    expect(systemHost.clock.now()).toBe(1_700_000_000_000);
  } finally {
    vi.useRealTimers();
  }
});

test('the system host gives as many random octets as asked for, others each time', () => {
  const { random } = systemHost;
  expect(random.bytes(0).length).toBe(0);
  expect(random.bytes(65_536).length).toBe(65_536);
  expect(random.bytes(16)).not.toEqual(random.bytes(16));
});
