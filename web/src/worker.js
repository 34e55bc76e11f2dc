// The service worker: the shell is served from its cache, so that the app opens offline and at once. Values are never
// kept here: the app keeps the last ones itself, with the moment it had them, and says their age.
const BUILD = __BUILD__;
const CACHE = `brise-${BUILD.version}`;
const SHELL = '/index.html';
const EXTRAS = ['/icon.svg', '/icon-192.png', '/manifest.webmanifest'];
const PAGES = new Set(['/', '/map', '/places', '/place', '/tracker', '/alerts', '/settings']);

self.addEventListener('install', (event) => {
  const files = [...BUILD.first, ...BUILD.text].map((name) => `/${name}`);
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll([SHELL, ...files, ...EXTRAS])).then(() => self.skipWaiting()),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((one) => one !== CACHE).map((one) => caches.delete(one))))
      .then(() => self.clients.claim()),
  );
});

/** What is hashed never changes: from the cache, else fetched once and kept. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  // a module's request has an Origin, the kept one had none: the bytes are the same
  const known = await cache.match(request, { ignoreVary: true });
  if (known) return known;
  const fresh = await fetch(request);
  if (fresh.ok) await cache.put(request, fresh.clone());
  return fresh;
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && PAGES.has(url.pathname)) {
    event.respondWith(caches.match(SHELL, { ignoreVary: true }).then((shell) => shell ?? fetch(request)));
  } else if (url.pathname.startsWith('/assets/') || EXTRAS.includes(url.pathname)) {
    event.respondWith(kept(request));
  }
});

// The page asks for the rest (map, place page) when it is idle, so that it opens offline too.
self.addEventListener('message', (event) => {
  if (event.data !== 'fetch the rest') return;
  event.waitUntil(Promise.allSettled(BUILD.all.map((name) => kept(new Request(`/${name}`)))));
});
