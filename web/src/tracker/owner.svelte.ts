/** The owner on this device: a token kept here and nowhere else, which every request of these pages shows. */
import { RefusedError, UnreachableError } from '../api/client';
import type { Problem, Tracker, Trackers } from '../api/schema';
import { kept, keep } from '../app/settings.svelte';
import { tell } from './words';

const KEY = 'brise.owner';
const PATIENCE_MS = 60_000;

export const owner = $state({ token: kept<string>(KEY), trackers: [] as Tracker[], known: false, refused: false });

export function signIn(token: string): void {
  Object.assign(owner, { token, trackers: [], known: false, refused: false });
  keep(KEY, token);
}

/** Forget the token, and what it opened. */
export function signOut(): void {
  Object.assign(owner, { token: null, trackers: [], known: false, refused: false });
  localStorage.removeItem(KEY);
}

interface More {
  query?: Record<string, string>;
  body?: unknown;
  token?: string | null;
}

export const path = (start: string, query: Record<string, string> = {}): string =>
  Object.keys(query).length ? `${start}?${new URLSearchParams(query)}` : start;

async function send(method: string, start: string, { query, body, token = owner.token }: More): Promise<Response> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  const given: RequestInit = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    given.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path(start, query), given);
  } catch (error) {
    throw new UnreachableError(String(error));
  }
  if (response.ok) return response;
  if (response.status === 401 && token === owner.token) owner.refused = true;
  const kind = response.headers.get('content-type') ?? '';
  throw new RefusedError(response.status, kind.includes('problem+json') ? ((await response.json()) as Problem) : null);
}

/** The answer of a route, for this owner. */
export async function ask<Answer>(method: string, start: string, more: More = {}): Promise<Answer> {
  const response = await send(method, start, more);
  return (response.status === 204 ? null : await response.json()) as Answer;
}

/** A file that only this owner may have, offered to the device. */
export async function download(start: string, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await (await send('GET', start, {})).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function refresh(): Promise<void> {
  owner.trackers = (await ask<Trackers>('GET', '/v1/trackers')).trackers;
  owner.known = true;
}

/** One line of what went wrong. */
export function troubleText(error: unknown): string {
  if (error instanceof UnreachableError) return tell('trouble.offline');
  if (error instanceof RefusedError) {
    if (error.status === 401) return tell('token.refused');
    return tell('trouble', { why: error.message });
  }
  throw error;
}
