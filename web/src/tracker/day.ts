/** A day of a tracker, and what was breathed in it: shapes, times, and numbers as people read them. */
import type { Timeline } from '../api/schema';
import { symbol } from '../air/indices';
import { formatNumber } from '../text/text.svelte';
import { tell, tellOf } from './words';

export interface Share {
  seconds: number;
  mean: number | null;
  highest: number | null;
  inhaled_ug: number | null;
}

export interface Mean {
  end: string;
  mean: number | null;
  coverage: number;
}

export interface Breathed extends Share {
  unit: string;
  hours: Mean[];
  days: Mean[];
  by_mode: Record<string, Share>;
  by_place: ({ label: string } & Share)[];
  by_trip: ({ mode: string } & Share)[];
  by_surroundings: Record<string, Share>;
  percent_of_who_guideline: number | null;
  city: { hours: number; own_mean: number; city_mean: number; ratio: number | null; simulated: boolean } | null;
}

export interface Street {
  latitude: number;
  longitude: number;
  mean: number;
}

/** As `/v1/trackers/{id}/exposure` answers. */
export interface Exposure {
  start: string;
  end: string;
  measured_s: number;
  variables: Record<string, Breathed>;
  bands: Record<string, Record<string, number>>;
  places: { label: string; latitude: number; longitude: number; seconds: number }[];
  trips: { start: string; end: string; mode: string; metres: number }[];
  surroundings: Record<string, { seconds: number; confidence: number | null }>;
  streets: Record<string, { cleanest: Street[]; dirtiest: Street[] }>;
  corrections: Record<string, string>;
  sentences: { key: string; values: Record<string, number | string> }[];
}

export const DAY_MS = 86_400_000;

const zoneParts = (zone: string) =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'medium' });

/** The calendar day of a moment at a place, as 2019-08-21. */
export const dayOf = (when: number, zone: string): string =>
  new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(when);

/** How far a zone is ahead of UTC at a moment, ms. */
function offset(when: number, zone: string): number {
  const found = zoneParts(zone).formatToParts(when);
  const part = (type: string) => Number(found.find((one) => one.type === type)?.value ?? 0);
  const there = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return there - Math.floor(when / 1000) * 1000;
}

/** The midnight at which a calendar day begins at a place. */
export function midnight(day: string, zone: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`);
  const near = utc - offset(utc, zone);
  return utc - offset(near, zone);
}

export interface Span {
  start: number;
  end: number;
}

export const spanOf = (day: string, zone: string): Span => ({ start: midnight(day, zone), end: midnight(shifted(day, 1), zone) });

export const shifted = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T12:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

export const iso = (when: number): string => `${new Date(when).toISOString().slice(0, 19)}Z`;

const UNITS: Record<string, string> = { 'ug m-3': 'µg/m³' };
export const unitText = (unit: string): string => UNITS[unit] ?? unit;

export const amount = (value: number): string => formatNumber(value, value < 10 ? 1 : 0);

/** A span of time in hours, or minutes where it is shorter than two. */
export const spell = (seconds: number): string =>
  seconds < 7200
    ? tell('minutes', { minutes: formatNumber(Math.round(seconds / 60)) })
    : tell('hours', { hours: formatNumber(seconds / 3600, seconds < 36_000 ? 1 : 0) });

/** Mass inhaled, as people read it. */
export const dose = (micrograms: number): string =>
  micrograms >= 1000 ? `${formatNumber(micrograms / 1000, 1)} mg` : `${formatNumber(micrograms, micrograms < 10 ? 1 : 0)} µg`;

/** The wearer's word for a place: their own name, or what was inferred. */
export function placeWord(label: string): string {
  const number = /^place (\d+)$/.exec(label)?.[1];
  return number ? tell('place.number', { number: formatNumber(Number(number)) }) : label === 'home' || label === 'work' ? tell(`place.${label}`) : label;
}

/** A sentence of an exposure in the reader's language. */
export function sentenceOf({ key, values }: Exposure['sentences'][number]): string {
  const said: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number') said[name] = name === 'mean' || name === 'inhaled' ? amount(value) : formatNumber(value);
    else said[name] = name === 'label' ? placeWord(value) : name === 'unit' ? unitText(value) : value;
  }
  if (typeof values['variable'] === 'string') said['title'] = symbol(values['variable']);
  if (typeof values['mode'] === 'string') said['mode'] = tellOf('mode', values['mode']).toLocaleLowerCase();
  return tell(key as 'exposure.breathed', said);
}

/** What a moment shows: of the index its value, of a quantity the corrected one. */
export function lineOf(timeline: Timeline, shown: string, hasValue: boolean): (number | null)[] {
  const quantity = timeline.variables[shown];
  if (quantity) return quantity.corrected;
  if (hasValue) return timeline.columns.value;
  return timeline.columns.category.map((one) => (one < 0 ? null : one + 0.5));
}

/** Rows that are doubtful for what is shown. */
export const doubtOf = (timeline: Timeline, shown: string): boolean[] =>
  timeline.columns.suspect.map((text) => (shown in timeline.variables ? text.split('|').includes(shown) : text !== ''));

const POSITIONS = new Set(['interpolated_position', 'held_position', 'impossible_position']);

/** Why a row is doubtful, in words. */
export const doubtsOf = (flags: string): string[] =>
  flags.split('|').filter((one) => one && !POSITIONS.has(one)).map((one) => tellOf('flag', one));
