/** Bringing files: sent with progress, then asked after until the server has read them. */
import { RefusedError, UnreachableError } from '../api/client';
import type { ImportShown, Problem } from '../api/schema';
import { ask, owner, path } from './owner.svelte';
import { zip } from './zip';

const PAUSE_MS = 1000;

/** What became of a file's rows. */
export interface Report {
  read: number;
  stored: number;
  rejected: Record<string, number>;
  examples: Record<string, string>;
  unknown_columns: string[];
  notes: string[];
  fixes: number;
  positions: { joined: number; interpolated: number; held: number };
  start: string;
  end: string;
  flagged: Record<string, number>;
}

function send(url: string, body: Blob, onsent: (share: number) => void): Promise<ImportShown> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of what was sent
    request.open('POST', url);
    request.setRequestHeader('Authorization', `Bearer ${owner.token}`);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => onsent(total ? loaded / total : 1);
    request.onerror = request.onabort = () => fail(new UnreachableError('no answer'));
    request.onload = () => {
      if (request.status < 300) done(request.response as ImportShown);
      else fail(new RefusedError(request.status, request.response as Problem | null));
    };
    request.send(body);
  });
}

export interface Bringing {
  tracker: string;
  files: File[];
  device: string;
  timezone: string;
}

/** Bring files as one, so that positions serve measures; the share sent is told, then 1 while they are read. */
export async function bring({ tracker, files, device, timezone }: Bringing, onsent: (share: number) => void): Promise<ImportShown> {
  const [first] = files;
  const single = files.length === 1 && first ? first : null;
  const name = (single?.name ?? `${files.length} files.zip`).replace(/[^\w ().-]/g, '_').slice(-120);
  const start = `/v1/trackers/${tracker}/imports`;
  let found = await send(path(start, { name, timezone, ...(device ? { device } : {}) }), single ?? (await zip(files)), onsent);
  while (found.state === 'running') {
    await new Promise((done) => setTimeout(done, PAUSE_MS));
    found = await ask<ImportShown>('GET', `${start}/${found.id}`);
  }
  return found;
}
