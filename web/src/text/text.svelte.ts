/** Messages, numbers, times and distances in the reader's language. */
import type english from './messages/en.json';

export type Key = keyof typeof english;
type Messages = Record<Key, string>;

export const LANGUAGES = {
  en: 'English',
  fr: 'Français',
  es: 'Español',
  de: 'Deutsch',
  pt: 'Português',
  hi: 'हिन्दी',
  zh: '中文',
  ar: 'العربية',
} as const;
export type Language = keyof typeof LANGUAGES;

const FILES: Record<Language, () => Promise<{ default: Messages }>> = {
  en: () => import('./messages/en.json'),
  fr: () => import('./messages/fr.json'),
  es: () => import('./messages/es.json'),
  de: () => import('./messages/de.json'),
  pt: () => import('./messages/pt.json'),
  hi: () => import('./messages/hi.json'),
  zh: () => import('./messages/zh.json'),
  ar: () => import('./messages/ar.json'),
};

let language = $state<Language>('en');
let messages = $state.raw<Messages>({} as Messages);

export const isLanguage = (code: string | null | undefined): code is Language => !!code && code in LANGUAGES;

/** The first of the device's languages that there is. */
export function deviceLanguage(): Language {
  for (const one of navigator.languages) {
    const code = one.slice(0, 2).toLowerCase();
    if (isLanguage(code)) return code;
  }
  return 'en';
}

export async function setLanguage(code: Language): Promise<void> {
  messages = (await FILES[code]()).default;
  language = code;
  document.documentElement.lang = code;
  document.documentElement.dir = code === 'ar' ? 'rtl' : 'ltr';
}

export const currentLanguage = (): Language => language;

/** A message, its {names} filled in. */
export function say(key: Key, values: Record<string, string | number> = {}): string {
  return (messages[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** The word of a band by its text key, such as `us_aqi.good` or `uk_daqi.low_2`. */
export function bandWord(key: string): string {
  const [, band = ''] = key.split('.');
  const percent = band.match(/^above_(\d+)$/)?.[1];
  if (percent) return say('band.above', { percent: formatShare(Number(percent) / 100) });
  const exact = `band.${key}` as Key;
  return messages[exact] ?? say(`band.${band.replace(/_\d+$/, '')}` as Key);
}

/** The device's own kind of the language, such as en-GB, so that clocks and dates are written as its reader does. */
const locale = (): string => navigator.languages.find((one) => one.slice(0, 2).toLowerCase() === language) ?? language;

type Format = Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat | Intl.DisplayNames;
const made = new Map<string, Format>();
function once<T extends Format>(key: string, make: () => T): T {
  const name = `${language} ${key}`;
  const known = made.get(name) ?? make();
  made.set(name, known);
  return known as T;
}

export const formatNumber = (value: number, digits = 0): string =>
  once(`n${digits}`, () => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })).format(value);

export const formatShare = (share: number): string =>
  once('%', () => new Intl.NumberFormat(locale(), { style: 'percent' })).format(share);

export const formatTemperature = (celsius: number): string =>
  once('°', () => new Intl.NumberFormat(locale(), { style: 'unit', unit: 'celsius', maximumFractionDigits: 0 })).format(celsius);

/** Wind, told in km/h. */
export const formatWind = (speed: number): string =>
  once('w', () => new Intl.NumberFormat(locale(), { style: 'unit', unit: 'kilometer-per-hour', maximumFractionDigits: 0 })).format(speed * 3.6);

/** Kilometres, or metres where nearer than one. */
export function formatDistance(km: number): string {
  const unit = km < 1 ? 'meter' : 'kilometer';
  const amount = km < 1 ? Math.round(km * 100) * 10 : km;
  const options = { style: 'unit', unit, maximumFractionDigits: km < 10 ? 1 : 0 } as const;
  return once(`d${unit}${km < 10}`, () => new Intl.NumberFormat(locale(), options)).format(amount);
}

const zoned = (zone: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  once(`${zone}${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(locale(), { ...options, timeZone: zone }));

/** Clock time at a place, such as 14:00. */
export const formatTime = (when: number, zone?: string): string =>
  zoned(zone, { hour: 'numeric', minute: '2-digit' }).format(when);

/** The hour alone, as a clock has it. */
export const formatHourOnly = (when: number, zone?: string): string => zoned(zone, { hour: 'numeric' }).format(when);

/** Weekday and clock time. */
export const formatHour = (when: number, zone?: string): string =>
  zoned(zone, { weekday: 'short', hour: 'numeric', minute: '2-digit' }).format(when);

export const formatDay = (when: number, zone?: string): string => zoned(zone, { weekday: 'short' }).format(when);

export const formatDate = (when: number, zone?: string): string =>
  zoned(zone, { weekday: 'short', day: 'numeric', month: 'short' }).format(when);

/** How long ago, in the words of the language. */
export function formatAge(minutes: number): string {
  const style = once('r', () => new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }));
  if (minutes < 90) return style.format(-Math.round(minutes), 'minute');
  if (minutes < 48 * 60) return style.format(-Math.round(minutes / 60), 'hour');
  return style.format(-Math.round(minutes / 1440), 'day');
}

/** A country's name by its two letters. */
export function countryName(code: string): string {
  return once('c', () => new Intl.DisplayNames(locale(), { type: 'region', fallback: 'code' })).of(code) ?? code;
}
