/** What the reader chose; kept on this device, nowhere else. */
import { DEFAULT_SCALE, isScale, type Palette } from '../air/indices';
import { type Language, deviceLanguage, isLanguage } from '../text/text.svelte';

export type Theme = 'auto' | 'light' | 'dark';
export type Sensitivity = 'low' | 'usual' | 'high';

export interface Settings {
  language: Language;
  scale: string;
  palette: Palette;
  theme: Theme;
  sensitivity: Sensitivity;
}

const KEY = 'brise.settings';

/** JSON kept on the device; null where nothing readable is. */
export function kept<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') as T | null;
  } catch {
    return null;
  }
}

/** Keep JSON on the device; where storage is full or forbidden, the app goes on without. */
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch (error) {
    console.info('not kept:', error);
  }
}

function initial(): Settings {
  const known = kept<Partial<Settings>>(KEY) ?? {};
  const asked = new URLSearchParams(location.search);
  const language = asked.get('lang') ?? known.language;
  const scale = asked.get('scale') ?? known.scale;
  return {
    language: isLanguage(language) ? language : deviceLanguage(),
    scale: isScale(scale) ? scale : DEFAULT_SCALE,
    palette: known.palette === 'safe' ? 'safe' : 'standard',
    theme: known.theme ?? 'auto',
    sensitivity: known.sensitivity ?? 'usual',
  };
}

export const settings: Settings = $state(initial());

export function choose<K extends keyof Settings>(name: K, value: Settings[K]): void {
  settings[name] = value;
  keep(KEY, settings);
}

/** Light or dark, as a class of the page; "auto" leaves it to the device. */
export function showTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
