/** Messages of fires. */
import { messages } from '../text/lazy.svelte';
import type english from './words/en.json';

export type Word = keyof typeof english;

export const { loadWords, tell } = messages<Word>({
  en: () => import('./words/en.json'),
  fr: () => import('./words/fr.json'),
  es: () => import('./words/es.json'),
  de: () => import('./words/de.json'),
  pt: () => import('./words/pt.json'),
  hi: () => import('./words/hi.json'),
  zh: () => import('./words/zh.json'),
  ar: () => import('./words/ar.json'),
});
