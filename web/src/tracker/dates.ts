/** Calendar days as people write them. */
import { currentLanguage } from '../text/text.svelte';

const locale = () => navigator.languages.find((one) => one.slice(0, 2).toLowerCase() === currentLanguage()) ?? currentLanguage();

/** Such as 21 Aug 2019. */
export const dateText = (when: string | number, zone?: string): string =>
  new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', year: 'numeric', timeZone: zone }).format(new Date(when));

/** A calendar day with its weekday, short. */
export const dayShort = (day: string): string =>
  new Intl.DateTimeFormat(locale(), { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T12:00:00Z`));

/** A calendar day with its weekday. */
export const dayText = (day: string): string =>
  new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${day}T12:00:00Z`));

/** Today or yesterday in words; else the day. */
export function nearText(day: string, today: string): string {
  const apart = Math.round((Date.parse(today) - Date.parse(day)) / 86_400_000);
  if (apart > 1 || apart < 0) return dayText(day);
  const text = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(-apart, 'day');
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

/** The letter and the number of a day, for narrow columns. */
export const dayParts = (day: string): [string, string] => {
  const when = new Date(`${day}T12:00:00Z`);
  const part = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), { ...options, timeZone: 'UTC' }).format(when);
  return [part({ weekday: 'narrow' }), part({ day: 'numeric' })];
};
