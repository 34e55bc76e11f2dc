/** Messages of fires; a file a language, fetched with what shows fires and not before. */
import { type Language, currentLanguage } from '../text/text.svelte';
import type english from './words/en.json';

export type Word = keyof typeof english;
type Words = Record<Word, string>;

const FILES: Record<Language, () => Promise<{ default: Words }>> = {
  en: () => import('./words/en.json'),
  fr: () => import('./words/fr.json'),
  es: () => import('./words/es.json'),
  de: () => import('./words/de.json'),
  pt: () => import('./words/pt.json'),
  hi: () => import('./words/hi.json'),
  zh: () => import('./words/zh.json'),
  ar: () => import('./words/ar.json'),
};

let words = $state.raw<Words>({} as Words);

export async function loadWords(language: Language = currentLanguage()): Promise<void> {
  words = (await FILES[language]()).default;
}

/** A message, its {names} filled in. */
export function tell(word: Word, values: Record<string, string | number> = {}): string {
  return (words[word] ?? word).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}
