/** What is known of a place: 24 hours back, 96 ahead, by hour; made from the API's three answers. */
import { get } from '../api/client';
import type { Current, Forecast, History, IndexSeries, Series } from '../api/schema';
import { scaleNames } from './indices';

export const BACK = 24;
export const AHEAD = 96;
const HOUR = 3_600_000;

export interface Place {
  latitude: number;
  longitude: number;
  name?: string | undefined;
  country?: string | undefined;
  timezone?: string | undefined;
  /** The point is not the city that names it. */
  near?: boolean | undefined;
}

export interface Answers {
  current: Current;
  forecast: Forecast;
  history: History | null;
}

/** Values of one pollutant by hour; null unknown. */
export interface Line {
  value: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

/** An index by hour: its number (null in indices without one), band, dominant pollutant, and between what it likely is. */
export interface Bands extends Line {
  category: (number | null)[];
  dominant: (string | null)[];
}

export interface Outlook {
  place: Place;
  answers: Answers;
  /** When this device had the answers, by its own clock. */
  received: number;
  /** The data's clock less this device's, ms: a replay runs elsewhere in time. */
  skew: number;
  /** End of the hour that is "now", ms. */
  now: number;
  /** Ends of the hours, ms; position BACK is now. */
  times: number[];
  lines: Record<string, Line>;
  indices: Record<string, Bands>;
}

/** The place as the API wants it. */
const point = (place: Place) => ({ latitude: place.latitude.toFixed(4), longitude: place.longitude.toFixed(4) });

export async function askAnswers(place: Place): Promise<Answers> {
  const query = { ...point(place), indices: scaleNames().join() };
  const [current, forecast] = await Promise.all([
    get<'/v1/air-quality/current', Current>('/v1/air-quality/current', query),
    get<'/v1/air-quality/forecast', Forecast>('/v1/air-quality/forecast', query),
  ]);
  const now = Date.parse(current.provenance?.answered_at ?? '') || Date.now();
  const span = { start: new Date(now - BACK * HOUR).toISOString(), end: new Date(now).toISOString() };
  const history = await get<'/v1/air-quality/history', History>('/v1/air-quality/history', { ...query, ...span });
  return { current, forecast, history };
}

/** An answer by hour, and where each of its hours stands in the outlook. */
interface Row {
  answer: Forecast | History;
  places: number[];
}

function rowOf(answer: Forecast | History | null, first: number): Row[] {
  if (!answer) return [];
  return [{ answer, places: answer.time.map((text) => Math.round((Date.parse(text) - first) / HOUR)) }];
}

/** One column of two answers: what was analysed before the run, the run from its start on. */
function joined<T>(rows: Row[], column: (answer: Forecast | History) => (T | null)[] | undefined): (T | null)[] {
  const out = Array.from<T | null>({ length: BACK + AHEAD + 1 }).fill(null);
  for (const { answer, places } of rows) {
    const values = column(answer);
    if (!values) continue;
    places.forEach((at, place) => {
      const found = values[place];
      if (at >= 0 && at < out.length && found !== null && found !== undefined) out[at] = found;
    });
  }
  return out;
}

function line(rows: Row[], name: string): Line {
  const side = (key: 'value' | 'q10' | 'q90') =>
    joined(rows, (answer) => (answer.concentrations[name] as Series | undefined)?.[key]);
  return { value: side('value'), low: side('q10'), high: side('q90') };
}

function bands(rows: Row[], name: string): Bands {
  const of = (answer: Forecast | History) => answer.indices[name] as IndexSeries | undefined;
  return {
    value: joined(rows, (answer) => of(answer)?.value),
    // values kept by an older app have no interval
    low: joined(rows, (answer) => of(answer)?.q10 as (number | null)[] | undefined),
    high: joined(rows, (answer) => of(answer)?.q90 as (number | null)[] | undefined),
    category: joined(rows, (answer) => of(answer)?.category),
    dominant: joined(rows, (answer) => {
      const index = of(answer);
      return index?.dominant.map((position) => (position === null ? null : (index.pollutants[position] ?? null)));
    }),
  };
}

/** Put now's values, which may be measured, in the place of the forecast's. */
function withCurrent(outlook: Outlook, current: Current): void {
  for (const [name, value] of Object.entries(current.concentrations)) {
    const known = outlook.lines[name];
    if (!known || value.value === null) continue;
    known.value[BACK] = value.value;
    known.low[BACK] = value.q10;
    known.high[BACK] = value.q90;
  }
}

export function makeOutlook(place: Place, answers: Answers, received: number): Outlook {
  const { current, forecast, history } = answers;
  const answered = Date.parse(forecast.provenance?.answered_at ?? current.provenance?.answered_at ?? '') || received;
  const now = Date.parse(current.time ?? '') || Math.floor(answered / HOUR) * HOUR;
  const times = Array.from({ length: BACK + AHEAD + 1 }, (_, place) => now + (place - BACK) * HOUR);
  const rows = [...rowOf(history, times[0]!), ...rowOf(forecast, times[0]!)];
  const names = Object.keys(forecast.concentrations).length ? forecast.concentrations : current.concentrations;
  const outlook: Outlook = {
    place,
    answers,
    received,
    skew: answered - received,
    now,
    times,
    lines: Object.fromEntries(Object.keys(names).map((name) => [name, line(rows, name)])),
    indices: Object.fromEntries(Object.keys(forecast.indices).map((name) => [name, bands(rows, name)])),
  };
  withCurrent(outlook, current);
  return outlook;
}

/** Minutes since the device had these values. */
export const ageOf = (outlook: Outlook, clock: number): number => Math.max(0, (clock - outlook.received) / 60_000);

/** Minutes since the newest measurement that went in; null where none did. */
export function inputAge(outlook: Outlook, clock: number): number | null {
  const minutes = outlook.answers.current.provenance?.newest_input?.age_minutes;
  return minutes === undefined ? null : minutes + ageOf(outlook, clock);
}

/** Older than this on the device, values are no longer said to be now's. */
export const STALE_MINUTES = 90;
