/** Messages of a part of the app: a file a language, fetched with what shows them and not before. */
import { type Language, currentLanguage } from './text.svelte';

type Words<Word extends string> = Record<Word, string>;
export type Files<Word extends string> = Record<Language, () => Promise<{ default: Words<Word> }>>;

export function messages<Word extends string>(files: Files<Word>) {
  let words = $state.raw({} as Words<Word>);
  return {
    async loadWords(language: Language = currentLanguage()): Promise<void> {
      words = (await files[language]()).default;
    },
    /** A message, its {names} filled in. */
    tell(word: Word, values: Record<string, string | number> = {}): string {
      return (words[word] ?? word).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
    },
    /** A message whose name was put together of what the server said; what it has no message for is shown as it came. */
    tellOf(start: string, name: string): string {
      const word = `${start}.${name}`;
      return word in words ? words[word as Word] : name.replaceAll('_', ' ');
    },
  };
}
