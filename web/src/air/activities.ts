/**
 * Whether an hour is good for an activity: by the US AQI's band whatever scale is shown, since its bands are defined by
 * what they do to people. The numbers are positions of bands: up to the first it is fine, up to the second with care.
 * Who breathes hard or is small draws the line one band earlier; a sensitivity moves it by one more.
 */
import type { Sensitivity } from '../app/settings.svelte';
import type { Key } from '../text/text.svelte';
import type { Outlook } from './outlook';

export type Level = 'go' | 'care' | 'no' | 'unknown';

export interface Activity {
  key: Key;
  icon: 'run' | 'bike' | 'baby' | 'table' | 'window';
  fine: number;
  care: number;
}

export const ACTIVITIES: Activity[] = [
  { key: 'activity.sport', icon: 'run', fine: 0, care: 1 },
  { key: 'activity.cycling', icon: 'bike', fine: 0, care: 1 },
  { key: 'activity.baby', icon: 'baby', fine: 0, care: 1 },
  { key: 'activity.terrace', icon: 'table', fine: 1, care: 2 },
  { key: 'activity.windows', icon: 'window', fine: 1, care: 2 },
];

const SHIFT: Record<Sensitivity, number> = { low: -1, usual: 0, high: 1 };

export const JUDGE = 'us_aqi';

export function levelOf(activity: Activity, band: number | null | undefined, sensitivity: Sensitivity): Level {
  if (band === null || band === undefined) return 'unknown';
  // the best band stays fine for everyone
  const felt = band === 0 ? 0 : Math.max(0, band + SHIFT[sensitivity]);
  if (felt <= activity.fine) return 'go';
  return felt <= activity.care ? 'care' : 'no';
}

export interface Window {
  from: number;
  to: number;
  /** Position of its first hour. */
  start: number;
  band: number;
  /** The hours compared are hardly different. */
  same: boolean;
}

const LENGTH = 2; // hours
const EARLIEST = 7; // o'clock: windows within the hours when people go out
const LATEST = 22;
const MUCH = 0.1; // less than this share between best and worst is "the same"

/**
 * The two hours with the cleanest air, between 7 and 22 o'clock of today where enough of it is left, else of tomorrow.
 * The judge's number is compared; null where nothing is known.
 */
export function bestWindow(outlook: Outlook, now: number, hourAt: (when: number) => number): Window | null {
  const judge = outlook.indices[JUDGE];
  if (!judge) return null;
  const { times } = outlook;
  const rows: { start: number; mean: number }[] = [];
  for (let start = now + 1; start + LENGTH - 1 < times.length && start <= now + 24; start++) {
    const values = judge.value.slice(start, start + LENGTH);
    // values are means of the hour that ends then
    const clock = hourAt(times[start]! - 3_600_000);
    const known = values.filter((one) => one !== null);
    if (known.length < LENGTH || clock < EARLIEST || clock > LATEST - LENGTH) {
      if (rows.length >= 4 && clock < EARLIEST) break; // today offered enough
      continue;
    }
    rows.push({ start, mean: known.reduce((sum, one) => sum + one, 0) / LENGTH });
  }
  const best = rows.reduce<(typeof rows)[number] | null>((a, b) => (a && a.mean <= b.mean ? a : b), null);
  if (!best) return null;
  const worst = Math.max(...rows.map((one) => one.mean));
  return {
    from: times[best.start]! - 3_600_000,
    to: times[best.start + LENGTH - 1]!,
    start: best.start,
    band: Math.max(...judge.category.slice(best.start, best.start + LENGTH).map((one) => one ?? 0)),
    same: worst - best.mean <= MUCH * Math.max(worst, 10),
  };
}
