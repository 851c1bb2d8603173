// Where the scripts find the gateway, and what the simulator behind it has seen.

export const BASE_URL = required('BASE_URL');
export const API_KEY = 'sk-test-of-the-suites';
export const MODEL = 'gpt-4o-mini';

const SIMULATOR = required('SIMULATOR');

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} names no address`);
  return value;
}

// The last request as it reached the upstream: { method, path, headers, body }.
export async function lastRequest() {
  return (await fetch(`${SIMULATOR}/_last`)).json();
}

// How many requests the upstream saw end before its answer did.
export async function cancelled() {
  return (await (await fetch(`${SIMULATOR}/_stats`)).json()).cancelled;
}

// Waits until the upstream has seen one more request end early; gives the milliseconds that it took.
export async function untilCancelled(before) {
  const began = performance.now();
  while ((await cancelled()) <= before) {
    if (performance.now() - began > 5000) throw new Error('the upstream was not cancelled within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - began;
}
