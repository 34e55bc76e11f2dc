import { mount } from 'svelte';
import { deviceLanguage, setLanguage } from '../text/text.svelte';
import App from './App.svelte';
import './app.css';
import { settings, showTheme } from './settings.svelte';

const IDLE_MS = 4000;

showTheme(settings.theme);
await setLanguage(settings.language).catch(() => setLanguage(deviceLanguage()));
const target = document.getElementById('app') as HTMLElement;
target.replaceChildren(); // the first screen as the server drew it
mount(App, { target });

/** Keep the app for when there is no network; the parts not needed yet come when nothing else does. */
async function keepShell(): Promise<void> {
  const registration = await navigator.serviceWorker.register('/sw.js');
  await navigator.serviceWorker.ready;
  setTimeout(() => registration.active?.postMessage('fetch the rest'), IDLE_MS);
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  const start = () => void keepShell().catch((error: unknown) => console.info('no service worker:', error));
  if (document.readyState === 'complete') start();
  else addEventListener('load', start);
}
