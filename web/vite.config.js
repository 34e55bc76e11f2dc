import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const OUT = '../src/brise/service/web_dist';
const SMALL = 1024; // bytes that are not worth compressing

/** Files without which an entry cannot start: its chunk, what that imports, their styles. */
function needed(bundle, name) {
  const found = new Set();
  const add = (chunk) => {
    if (!chunk || found.has(chunk.fileName)) return;
    found.add(chunk.fileName);
    for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
    for (const other of chunk.imports ?? []) add(bundle[other]);
  };
  add(Object.values(bundle).find((one) => one.type === 'chunk' && one.isEntry && one.name === name));
  return [...found];
}

/** The service worker knows every file of the build; its own text changes with them, so that browsers notice. */
function serviceWorker() {
  return {
    name: 'service-worker',
    apply: 'build',
    generateBundle(_options, bundle) {
      const files = Object.keys(bundle).filter((name) => name.startsWith('assets/'));
      const pages = Object.values(bundle).filter((one) => one.type === 'asset' && one.fileName.endsWith('.html'));
      const version = createHash('sha256').update(files.join() + pages.map((one) => one.source).join()).digest('hex');
      const first = needed(bundle, 'index');
      const text = files.filter((name) => name.startsWith('assets/text_'));
      const known = { version: version.slice(0, 12), first, text, all: files };
      const source = readFileSync('src/worker.js', 'utf8').replace('__BUILD__', () => JSON.stringify(known));
      this.emitFile({ type: 'asset', fileName: 'sw.js', source });
    },
  };
}

const LANGUAGES = ['en', 'fr', 'es', 'de', 'pt', 'hi', 'zh', 'ar'];
const DAYS = 60; // ages told in days
const FAR = 400; // km told

/**
 * What the server needs to say the first screen in every language: messages, and the ages, distances and countries that
 * only Intl knows how to write. It reads this file; it does not serve it.
 */
function firstWords() {
  const words = (language) => {
    const ago = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
    const distance = (unit, digits) => {
      const made = new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: digits });
      return (amount) => made.format(amount);
    };
    const regions = new Intl.DisplayNames(language, { type: 'region', fallback: 'none' });
    const codes = Array.from({ length: 676 }, (_, at) => String.fromCharCode(65 + Math.floor(at / 26), 65 + (at % 26)));
    const upTo = (count, say) => Array.from({ length: count }, (_, at) => say(at));
    return {
      messages: JSON.parse(readFileSync(`src/text/messages/${language}.json`, 'utf8')),
      minutes: upTo(90, (at) => ago.format(-at, 'minute')),
      hours: upTo(49, (at) => ago.format(-at, 'hour')),
      days: upTo(DAYS, (at) => ago.format(-at, 'day')),
      metres: upTo(100, (at) => distance('meter', 0)(at * 10)),
      tenths: upTo(100, (at) => distance('kilometer', 1)(at / 10)),
      kilometres: upTo(FAR, (at) => distance('kilometer', 0)(at)),
      countries: Object.fromEntries(codes.flatMap((code) => (regions.of(code) ? [[code, regions.of(code)]] : []))),
    };
  };
  return {
    name: 'first-words',
    apply: 'build',
    generateBundle() {
      const languages = Object.fromEntries(LANGUAGES.map((one) => [one, words(one)]));
      const icons = JSON.parse(readFileSync('src/app/icons.json', 'utf8'));
      this.emitFile({ type: 'asset', fileName: '.first.json', source: JSON.stringify({ icons, languages }) });
    },
  };
}

/** Compress once here what the server would else compress at every request. */
function compressed() {
  const walk = (folder) =>
    readdirSync(folder).flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  return {
    name: 'compressed',
    apply: 'build',
    closeBundle() {
      mkdirSync(OUT, { recursive: true });
      for (const path of walk(OUT).filter((one) => /\.(m?js|css|svg|json|webmanifest)$/.test(one))) {
        const body = readFileSync(path);
        if (body.length < SMALL) continue;
        const quality = body.length > 400_000 ? 9 : 11;
        writeFileSync(path + '.br', brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }));
        writeFileSync(path + '.gz', gzipSync(body, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  // a component's styles by its name, so that the server can draw the first screen in them
  plugins: [svelte({ compilerOptions: { cssHash: ({ name }) => `in-${name.toLowerCase()}` } }), serviceWorker(), firstWords(), compressed()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      input: { index: 'index.html', embed: 'embed.html' },
      output: {
        chunkFileNames: (chunk) => {
          const language = chunk.facadeModuleId?.match(/messages\/(\w+)\.json/)?.[1];
          return language ? `assets/text_${language}-[hash].js` : 'assets/[name]-[hash].js';
        },
      },
    },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080', '/openapi.json': 'http://127.0.0.1:8080' } },
});
